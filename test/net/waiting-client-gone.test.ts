/**
 * A client that waits for a key and has sent much in the meantime: its end is noticed although nothing of that has been
 * served yet, so that it is not given an element that nobody will read.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

describe('a waiting client with megabytes of requests', () => {
  let server: ServerProcess;
  let control: RawClient;

  before(async () => {
    server = await startServer();
    control = await server.connect();
  });
  after(async () => {
    await control.close();
    await server.stop();
  });

  const blocked = async (): Promise<boolean> =>
    String(await control.call('INFO', 'clients')).includes('blocked_clients:1\r');

  for (const [how, request] of [
    ['in a blocking command', ['BLPOP', 'k', '0']],
    ['put off by a pause', ['SET', 'k', 'v']],
  ] as const) {
    it(`is missed when it goes, ${how}`, async () => {
      if (request[0] === 'SET') await control.call('CLIENT', 'PAUSE', 60_000, 'WRITE');
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write(encodeCommand(request));
      await waitFor(blocked, { what: 'the client to wait' });
      const read = async (): Promise<number> =>
        Number(/total_net_input_bytes:(\d+)/.exec(String(await control.call('INFO', 'stats')))![1]);
      const sent = Buffer.alloc(14 * 300_000, '*1\r\n$4\r\nPING\r\n');
      const before = await read();
      socket.write(sent);
      await waitFor(async () => (await read()) - before >= sent.length, { what: 'all to be read' });
      socket.resetAndDestroy();
      await waitFor(async () => !(await blocked()), { what: 'the client to be missed' });
      await control.call('CLIENT', 'UNPAUSE');
      assert.equal(await control.call('RPUSH', 'k', 'x'), 1);
      assert.equal(await control.call('LLEN', 'k'), 1);
      await control.call('DEL', 'k');
    });
  }
});
