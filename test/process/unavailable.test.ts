/** What the configuration can ask for and is not there yet: never left out in silence. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort } from '../support/server-process.ts';
import { runToEnd } from './launch.ts';

describe('features that are not there yet', () => {
  const refused: [string[], RegExp][] = [
    [['--tls-port', '1'], /Failed to configure TLS/],
    [['--cluster-enabled', 'yes'], /Cluster mode is configured/],
    [['--loadmodule', '/nowhere.so'], /Can't load module from \/nowhere.so: server aborting/],
  ];
  for (const [directive, reason] of refused) {
    it(`${directive[0]} stops the start`, async () => {
      const { code, stdout } = await runToEnd(['--port', String(await freePort()), ...directive]);
      assert.equal(code, 1);
      assert.match(stdout, reason);
    });
  }
});
