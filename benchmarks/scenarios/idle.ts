/**
 * What ten thousand connections that say nothing cost fifty that are busy: throughput with them beside as a share
 * of throughput without them.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { redisBenchmark } from '../redis-benchmark.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, withBoth } from '../scenario.ts';

const IDLE = 10_000;
/** Files that a server and this process need besides the idle connections. */
const SPARE = 300;
const TESTS = ['set', 'get'];

export const idle: Scenario = {
  name: 'idle',
  title: `${IDLE.toLocaleString('en')} idle connections beside 50 busy ones (throughput kept, P=1)`,
  async run(bench: Bench): Promise<ScenarioResult> {
    const limit = openFilesLimit();
    if (limit < IDLE + SPARE) {
      return {
        rows: [],
        notes: [`skipped: ulimit -n is ${limit}, and ${IDLE + SPARE} open files are needed`],
      };
    }
    return withBoth(bench, { maxclients: IDLE + 200 }, async (servers) => {
      const rows = TESTS.map((test) => ({ test, ours: [] as number[], redis: [] as number[] }));
      const measure = async (port: number, test: string): Promise<number> => {
        const requests = Math.ceil(120_000 * bench.scale);
        return (await redisBenchmark(bench.redisBenchmark, { port, test, requests })).rps;
      };
      // Thrown away: the first requests run before the compiler has seen them.
      for (const side of SIDES) for (const test of TESTS) await measure(servers[side].port, test);
      for (let round = 0; round < bench.rounds; round++) {
        for (const side of SIDES) {
          const { port } = servers[side];
          const without: number[] = [];
          for (const test of TESTS) without.push(await measure(port, test));
          const sockets = await openIdle(port, IDLE);
          for (const [i, row] of rows.entries())
            row[side].push((await measure(port, row.test)) / without[i]!);
          await closeAll(sockets);
          const kept = rows.map((row) => `${row.test} ${row[side].at(-1)!.toFixed(2)}`).join(', ');
          bench.progress(`idle ${round + 1}/${bench.rounds} ${side}: ${kept}`);
        }
      }
      return {
        rows: rows.map(
          (row): Row => ({
            ...row,
            test: row.test.toUpperCase(),
            unit: 'share',
            bar: { oursMin: 0.9 },
            notInMean: true,
          }),
        ),
      };
    });
  },
};

/** The soft limit; Node raises its own to the hard one, and what it starts inherits that. */
function openFilesLimit(): number {
  try {
    const match = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return match?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Opens the connections a few hundred at a time: a longer queue than tcp-backlog would only be retried. */
async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const size = Math.min(250, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: size }, () => openOne(port)))));
  }
  return sockets;
}

/** A connection counts when the server has answered on it, so that it is known to have been accepted. */
function openOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data: Buffer) => {
      if (data[0] === 0x2b) resolve(socket);
      else reject(new Error(`an idle connection was refused: ${data.toString('latin1')}`));
    });
  });
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once('close', () => resolve());
          // A reset leaves no port behind in TIME_WAIT for the next round to stumble over.
          socket.resetAndDestroy();
        }),
    ),
  );
}
