/**
 * Clients that ask and do not read. Two defences, one scenario each: a server that stops reading from who does not
 * read (ours; the real redis-server buffers without end here, and fails this one), and the output buffer limit,
 * at which the client is closed.
 */
import { connect, type Socket } from 'node:net';
import { encodeCommand } from '../support/raw-client.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { sleep, waitFor } from '../support/wait-for.ts';
import { assertAlive, assertNoClientsLeft, check, MB, rss, type SoakScenario, signed } from './soak.ts';

const READERS = 10;
const REQUESTS = 100;
const LIMIT = 200 * MB;

export const slowReader: SoakScenario = {
  name: 'slow-reader',
  title: 'clients that do not read 1 MB replies: backpressure (redis-server has none)',
  directives: { 'client-output-buffer-limit': 'normal 0 0 0' },
  async run({ server }) {
    const before = await fill(server);
    const sockets = await Promise.all(Array.from({ length: READERS }, () => askWithoutReading(server)));
    const worst = await worstRss(server, 3000);
    const growth = worst - before;
    const asked = READERS * REQUESTS * MB;
    check(growth <= LIMIT, `RSS grew by ${signed(growth)} for ${signed(asked)} of unread replies`);
    const pingMs = await assertAlive(server);
    // They do read after all: every reply must still come, whole.
    await Promise.all(sockets.map((socket) => readAll(socket, REQUESTS * (MB + 12))));
    for (const socket of sockets) socket.destroy();
    await assertNoClientsLeft(server);
    return `${signed(asked)} asked: RSS ${signed(growth)}, PING ${pingMs.toFixed(1)} ms, all read in the end`;
  },
};

export const outputLimit: SoakScenario = {
  name: 'output-limit',
  title: 'clients that do not read are closed at their output buffer limit',
  directives: { 'client-output-buffer-limit': 'normal 8mb 0 0' },
  async run({ server }) {
    const before = await fill(server);
    const sockets = await Promise.all(Array.from({ length: READERS }, () => askWithoutReading(server)));
    const growth = (await worstRss(server, 2000)) - before;
    check(growth <= LIMIT, `RSS grew by ${signed(growth)}`);
    await assertAlive(server);
    await assertNoClientsLeft(server);
    for (const socket of sockets) socket.destroy();
    return `${READERS} clients closed, RSS ${signed(growth)}`;
  },
};

/** Sets the 1 MB value and reads it once; resolves to the resident memory after that. */
async function fill(server: ServerProcess): Promise<number> {
  const client = await server.connect();
  await client.send('SET', 'slow-reader', Buffer.alloc(MB, 120));
  await client.send('GET', 'slow-reader');
  await client.close();
  await sleep(200);
  return rss(server);
}

function askWithoutReading(server: ServerProcess): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: server.host });
    socket.pause();
    socket.once('connect', () => {
      socket.off('error', reject);
      // At its limit the server closes on us; that is what is wanted.
      socket.on('error', () => {});
      const get = encodeCommand(['GET', 'slow-reader']);
      socket.write(Buffer.concat(Array.from({ length: REQUESTS }, () => get)), () => resolve(socket));
    });
    socket.once('error', reject);
  });
}

async function worstRss(server: ServerProcess, forMs: number): Promise<number> {
  let worst = 0;
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    worst = Math.max(worst, rss(server));
    await sleep(20);
  }
  return worst;
}

async function readAll(socket: Socket, expected: number): Promise<void> {
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  socket.resume();
  await waitFor(() => received === expected, {
    timeoutMs: 60_000,
    what: `${expected} bytes of replies to one client`,
  });
}
