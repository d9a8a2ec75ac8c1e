/** What the configuration can ask for and is not there yet: never left out in silence. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort } from '../support/server-process.ts';
import { runToEnd, startServer } from './launch.ts';

describe('features that are not there yet', () => {
  const refused: [string[], RegExp][] = [
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

  it('appendonly is warned about, and refused at run time', async () => {
    const server = await startServer({ directives: { appendonly: 'yes', save: '' } });
    assert.match(
      server.output,
      /# WARNING: appendonly is on, but this version keeps its data in memory only/,
    );
    const client = await server.connect();
    await client.call('CONFIG', 'SET', 'appendonly', 'no');
    const reply = await client.send('CONFIG', 'SET', 'appendonly', 'yes');
    assert.match(reply.toString(), /^-ERR CONFIG SET failed .* keeps its data in memory only/);
    await client.close();
  });

  it('SHUTDOWN SAVE fails and the server goes on', async () => {
    const server = await startServer({ directives: { save: '' } });
    const client = await server.connect();
    const reply = await client.send('SHUTDOWN', 'SAVE');
    assert.equal(reply.toString(), '-ERR Errors trying to SHUTDOWN. Check logs.\r\n');
    assert.equal((await client.send('PING')).toString(), '+PONG\r\n');
    await client.close();
  });
});
