/** A hundred thousand connections opened and dropped: at once, after a PING, by FIN or by reset. */
import { connect } from 'node:net';
import type { ServerProcess } from '../support/server-process.ts';
import {
  assertAlive,
  assertGrowth,
  assertNoClientsLeft,
  MB,
  rss,
  type SoakScenario,
  seededRandom,
} from './soak.ts';

const CONNECTIONS = 100_000;
const AT_ONCE = 200;

export const churn: SoakScenario = {
  name: 'churn',
  title: 'connections opened and dropped',
  async run({ server, seed, scale }) {
    const random = seededRandom(seed);
    const total = Math.ceil(CONNECTIONS * scale);
    let opened = 0;
    const wave = async (): Promise<void> => {
      await Promise.all(Array.from({ length: AT_ONCE }, () => openAndDrop(server, opened++, random(4))));
    };
    // The first tenth is warming up.
    while (opened < total / 10) await wave();
    const before = rss(server);
    const start = performance.now();
    const from = opened;
    while (opened < total) await wave();
    const rate = ((opened - from) / (performance.now() - start)) * 1000;
    await assertAlive(server);
    await assertNoClientsLeft(server);
    return `${opened} connections, ${rate.toFixed(0)} a second, ${await assertGrowth(server, before, 48 * MB)}`;
  },
};

function openAndDrop(server: ServerProcess, index: number, manner: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: server.port,
      host: server.host,
      // One address has 28,000 ports, and a closed connection keeps its own for a minute.
      ...(process.platform === 'linux' ? { localAddress: `127.0.0.${2 + (index % 100)}` } : {}),
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      if (manner === 0) socket.end();
      else if (manner === 1) socket.resetAndDestroy();
      else socket.write('PING\r\n');
    });
    socket.on('data', () => {
      if (manner === 2) socket.end();
      else socket.resetAndDestroy();
    });
  });
}
