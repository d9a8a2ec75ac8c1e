/**
 * One sentinel of ours watches a good master and several that are not: what they send costs it neither its memory nor its
 * time, and the good one fails over as if they were not there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { it } from 'node:test';
import { freePort } from '../support/server-process.ts';
import { sleep } from '../support/wait-for.ts';
import { MASTER_NAME, withGroup } from './support/group.ts';

const REPLICAS = 300;
/** What it may take more than at the start. */
const GROWTH_MB_MAX = 150;

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

const manyReplicas = `role:master\r\nrun_id:${'a'.repeat(40)}\r\n${Array.from({ length: REPLICAS }, (_, i) => `slave${i}:ip=127.0.0.1,port=${i + 1},state=online,offset=0,lag=0\r\n`).join('')}`;
const hello = `127.0.0.1,1,${'b'.repeat(40)},1,bad,127.0.0.1,1,1`;

/** What each does with a connection as it comes, and with what it is asked. */
const NASTY: readonly ((socket: Socket) => void)[] = [
  // Never answers.
  () => {},
  // Closes at once.
  (socket) => socket.destroy(),
  // Is no Redis.
  (socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  // A reply without end.
  (socket) => {
    socket.write('$2000000000\r\n');
    const more = setInterval(() => socket.write(Buffer.alloc(65_536, 120)), 5);
    socket.on('close', () => clearInterval(more));
  },
  // Answers nobody has asked for.
  (socket) => {
    const more = setInterval(() => socket.write('+PONG\r\n'.repeat(2000)), 5);
    socket.on('close', () => clearInterval(more));
  },
  // More replicas than there are.
  (socket) =>
    socket.on('data', (data) => {
      const asked = data.toString('latin1');
      if (/INFO/i.test(asked)) socket.write(bulk(manyReplicas));
      else if (/SUBSCRIBE/i.test(asked)) {
        socket.write(`*3\r\n${bulk('subscribe')}${bulk('__sentinel__:hello')}:1\r\n`);
        // And hellos in plenty.
        const more = setInterval(() => {
          const message = `*3\r\n${bulk('message')}${bulk('__sentinel__:hello')}${bulk(hello)}`;
          socket.write(message.repeat(200));
        }, 20);
        socket.on('close', () => clearInterval(more));
      } else socket.write('+PONG\r\n');
    }),
];

it('bad masters beside a good one', { timeout: 60_000 }, async (t) => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  try {
    const lines: string[] = [];
    for (const [i, behave] of NASTY.entries()) {
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
        behave(socket);
      });
      servers.push(server);
      const port = await freePort();
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      lines.push(`monitor bad${i} 127.0.0.1 ${port} 1`, `down-after-milliseconds bad${i} 1000`);
    }
    const kinds = ['ours', 'ours'] as const;
    await withGroup(
      { servers: kinds, sentinels: ['ours'], quorum: 1, sentinelLines: lines },
      async (group) => {
        const sentinel = group.sentinels[0]!;
        const before = rssMb(sentinel.pid);
        let slowestMs = 0;
        const until = performance.now() + 2500;
        while (performance.now() < until) {
          const asked = performance.now();
          assert.equal(await sentinel.call('PING'), 'PONG');
          slowestMs = Math.max(slowestMs, performance.now() - asked);
          await sleep(5);
        }
        const old = await group.master();
        const began = performance.now();
        await old.kill();
        const { atMs } = await group.events.wait('+switch-master', began, { timeoutMs: 15_000 });
        await group.agreed({ notMaster: old });
        const grown = rssMb(sentinel.pid) - before;
        t.diagnostic(
          `slowest PING ${slowestMs.toFixed(0)} ms, ${grown.toFixed(0)} MB more, ` +
            `${MASTER_NAME} switched after ${(atMs - began).toFixed(0)} ms`,
        );
        assert.ok(grown < GROWTH_MB_MAX, `${grown} MB`);
        assert.deepEqual(group.badLines(), []);
      },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  }
});

function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024;
}
