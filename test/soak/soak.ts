/** What the scenarios of the soak run share: a server, sizes, a seeded source of chance, memory and liveness checks. */
import type { ServerProcess } from '../support/server-process.ts';
import { sleep } from '../support/wait-for.ts';

export interface Soak {
  readonly server: ServerProcess;
  readonly seed: number;
  /** Multiplies counts; 1 is the full run. */
  readonly scale: number;
}

export interface SoakScenario {
  readonly name: string;
  readonly title: string;
  /** Directives the server needs for it. */
  readonly directives?: Readonly<Record<string, string | number>>;
  /** Resolves to what is worth saying in the result line; throws when the server misbehaved. */
  run(soak: Soak): Promise<string>;
}

export const MB = 1024 * 1024;

/** mulberry32: small, fast, and the same everywhere for a seed. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function rss(server: ServerProcess): number {
  const bytes = server.rssBytes();
  check(bytes !== null, 'the server is gone, or there is no /proc');
  return bytes;
}

/** The server answers a fresh client, quickly; resolves to the milliseconds it took. */
export async function assertAlive(server: ServerProcess, withinMs = 2000): Promise<number> {
  check(server.running, `the server ended: ${server.output.slice(-2000)}`);
  const start = performance.now();
  const client = await server.connect();
  const reply = await client.send('PING');
  const took = performance.now() - start;
  await client.close();
  check(reply.toString('latin1') === '+PONG\r\n', `PING gave ${reply.toString('latin1')}`);
  check(took < withinMs, `PING took ${took.toFixed(0)} ms`);
  return took;
}

/** All connections but the asking one are gone from the server's books. */
export async function assertNoClientsLeft(server: ServerProcess): Promise<void> {
  const client = await server.connect();
  try {
    let left = -1;
    for (let i = 0; i < 500; i++) {
      const info = (await client.send('INFO', 'clients')).toString('latin1');
      left = Number(/connected_clients:(\d+)/.exec(info)?.[1] ?? -1);
      if (left === 1) return;
      await sleep(20);
    }
    throw new Error(`connected_clients is ${left} although all others were closed`);
  } finally {
    await client.close();
  }
}

/** Resident memory must come down to `limit` growth within a few seconds: collectors take their time. */
export async function assertGrowth(server: ServerProcess, before: number, limit: number): Promise<string> {
  let growth = 0;
  for (let i = 0; i < 50; i++) {
    growth = rss(server) - before;
    if (growth <= limit) return `RSS ${signed(growth)}`;
    await sleep(100);
  }
  throw new Error(`RSS grew by ${signed(growth)}; ${signed(limit)} are allowed`);
}

export function signed(bytes: number): string {
  return `${bytes < 0 ? '' : '+'}${(bytes / MB).toFixed(1)} MB`;
}
