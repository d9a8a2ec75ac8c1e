/** What the configuration can ask for and is not there yet: never left out in silence. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { freePort, startServer } from '../support/server-process.ts';
import { runToEnd } from './launch.ts';

describe('features that are not there yet', () => {
  const refused: [string[], RegExp][] = [
    [['--user', 'default', 'on', '>secret', '~*', '&*', '+@all'], /ACL users are configured/],
    [['--user', 'someone on nopass ~* +@all'], /ACL users are configured/],
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

  it('the default user as CONFIG REWRITE of redis-server writes it is nothing new', async () => {
    const hash = createHash('sha256').update('secret').digest('hex');
    const lines = ['default on nopass ~* &* +@all', `default on #${hash} ~* &* +@all`];
    for (const [i, line] of lines.entries()) {
      const args = ['--user', ...line.split(' '), ...(i === 1 ? ['--requirepass', 'secret'] : [])];
      const server = await startServer({ args });
      const client = await server.connect();
      if (i === 1) assert.equal(await client.call('AUTH', 'secret'), 'OK');
      assert.equal(await client.call('SET', 'k', 'v'), 'OK');
      await client.close();
      await server.stop();
    }
  });
});
