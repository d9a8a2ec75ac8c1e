/**
 * Replies that the kernel does not take at once. A write that had to wait can be done again before the call that made
 * it returns; its request object is taken all the same, and using it once more ended the process
 * (src/net/direct-write.ts).
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

const VALUE_BYTES = 1 << 20;
const REQUESTS = 60;
const READERS = 6;
const REPLY_BYTES = VALUE_BYTES + `$${VALUE_BYTES}\r\n\r\n`.length;

let server: ServerProcess;
before(async () => {
  server = await startServer({ directives: { save: '' } });
  const client = await server.connect();
  await client.call('SET', 'value', Buffer.alloc(VALUE_BYTES, 'v'));
  await client.close();
});
after(() => server.stop());

/** Asks for everything at once, then reads in fits and starts. Resolves to the number of bytes that came. */
async function readByFits(pauseEvery: number): Promise<number> {
  const socket: Socket = connect({ host: server.host, port: server.port });
  let received = 0;
  let failure: Error | null = null;
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('data', (chunk) => {
    const before = Math.floor(received / pauseEvery);
    received += chunk.length;
    if (Math.floor(received / pauseEvery) === before) return;
    socket.pause();
    setTimeout(() => socket.resume(), 1);
  });
  socket.write('GET value\r\n'.repeat(REQUESTS));
  await waitFor(() => received >= REQUESTS * REPLY_BYTES || failure !== null, { timeoutMs: 60_000 });
  socket.destroy();
  if (failure !== null) throw failure;
  return received;
}

test('readers that stop and go get every byte, and the server lives', async () => {
  const readers = Array.from({ length: READERS }, (_, i) => readByFits((i + 1) * 400_000));
  for (const received of await Promise.all(readers)) assert.equal(received, REQUESTS * REPLY_BYTES);
  const client = await server.connect();
  assert.equal((await client.send('PING')).toString(), '+PONG\r\n');
  await client.close();
});
