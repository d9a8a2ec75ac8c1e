/**
 * BGSAVE and BGREWRITEAOF of five million keys while fifty clients write: how long the event loop stands still at worst,
 * what another client feels, and how much memory it takes. Redis forks: its memory is the parent's growth and the pages
 * that the child has no longer in common with it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerProcess } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { untilSaved } from '../data-files.ts';
import { loadKeys } from '../loader.ts';
import { lateness, startProbe } from '../ping-probe.ts';
import type { ProbeReport } from '../probe.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';
import { type Stall, stallLogEnv, worstStall } from '../stalls.ts';
import { rssOf } from './memory.ts';

const KEYS = 5_000_000;
const KEYS_QUICK = 1_000_000;
const STALL_MAX_MS = 10;
/** Memory may grow to so many times what it was. */
const GROWTH_MAX = 1.15;
const WARM_UP_MS = 3000;

export const snapshot: Scenario = {
  name: 'snapshot',
  title: 'BGSAVE and BGREWRITEAOF of five million keys (one million with --quick), fifty clients writing',
  async run(bench: Bench): Promise<ScenarioResult> {
    const keys = bench.scale < 1 ? KEYS_QUICK : KEYS;
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const command of ['BGSAVE', 'BGREWRITEAOF']) {
      const found: Record<Side, Measured[]> = { ours: [], redis: [] };
      for (let round = 0; round < bench.rounds; round++) {
        for (const side of SIDES) {
          const one = await measure(bench, side, command, keys);
          found[side].push(one);
          const stall =
            one.stall === null
              ? 'not known'
              : `${one.stall.ownMs.toFixed(1)} ms (on a core ${one.stall.coreMs.toFixed(1)})`;
          bench.progress(
            `snapshot ${command} ${side}: ${one.seconds.toFixed(1)} s, worst stall ${stall}, worst PING ` +
              `${one.probe.worstMs.toFixed(1)} ms, memory ${one.growth.toFixed(2)}x`,
          );
          notes.push(`${command} ${lateness(side, one.probe)}`);
        }
      }
      const row = (pick: (one: Measured) => number) => ({
        ours: found.ours.map(pick),
        redis: found.redis.map(pick),
        notInMean: true,
      });
      rows.push(
        { test: `${command}, until done`, unit: 's', ...row((one) => one.seconds) },
        {
          test: `${command}, worst stall of the event loop`,
          unit: 'ms',
          // What stands still in redis is its fork.
          ...row((one) => one.stall?.ownMs ?? one.forkMs),
          bar: { oursMax: STALL_MAX_MS },
        },
        { test: `${command}, worst PING`, unit: 'ms', ...row((one) => one.probe.worstMs) },
        { test: `${command}, 99.9% of PINGs`, unit: 'ms', ...row((one) => one.probe.p999Ms) },
        { test: `${command}, memory`, unit: 'x', ...row((one) => one.growth), bar: { oursMax: GROWTH_MAX } },
      );
    }
    return { rows, notes: [`${keys.toLocaleString('en')} keys`, ...notes] };
  },
};

interface Measured {
  readonly seconds: number;
  /** The longest time that the loop was busy with one thing, waiting for a core left out; null: nobody looked. */
  readonly stall: Stall | null;
  readonly forkMs: number;
  readonly probe: ProbeReport;
  /** Memory at the peak / memory before. */
  readonly growth: number;
}

async function measure(bench: Bench, side: Side, command: string, keys: number): Promise<Measured> {
  const scratch = mkdtempSync(join(tmpdir(), 'ts-redis-bench-'));
  const log = join(scratch, 'stalls');
  const server = await bench.start(side, side === 'ours' ? { env: stallLogEnv(log) } : {});
  try {
    await loadKeys(server.port, keys);
    const load = startLoad(bench, server, keys);
    await sleep(WARM_UP_MS);
    const before = rssOf(server);
    const memory = new MemoryWatch(server);
    const probe = await startProbe(server.port);
    const from = Date.now();
    const start = performance.now();
    const client = await server.connect();
    await client.send(command);
    await client.close();
    await untilSaved(server);
    const seconds = (performance.now() - start) / 1000;
    const until = Date.now();
    const report = await probe.stop();
    const peak = memory.stop();
    load.kill();
    await once(load, 'close');
    const forkMs = side === 'ours' ? 0 : (await forkMicroseconds(server)) / 1000;
    const stall = side === 'ours' ? worstStall(log, from, until) : null;
    return { seconds, stall, forkMs, probe: report, growth: peak / before };
  } finally {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Fifty clients that set keys all over the place, until they are killed. */
function startLoad(bench: Bench, server: ServerProcess, keys: number): ReturnType<typeof spawn> {
  const args = [
    '-p',
    server.port,
    '-t',
    'set',
    '-c',
    50,
    '-P',
    4,
    '-d',
    32,
    '-r',
    keys,
    '-n',
    1_000_000_000,
    '-q',
  ];
  return spawn(bench.redisBenchmark, args.map(String), { stdio: 'ignore' });
}

/** Looks at the memory of a server and of its children, some times a second. */
class MemoryWatch {
  readonly #server: ServerProcess;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(server: ServerProcess) {
    this.#server = server;
    this.#timer = setInterval(() => this.#look(), 50);
    this.#look();
  }

  #look(): void {
    let bytes = rssOf(this.#server);
    for (const child of childrenOf(this.#server.pid)) bytes += privateBytes(child);
    this.#peak = Math.max(this.#peak, bytes);
  }

  /** The most it has seen, in bytes. */
  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#peak;
  }
}

function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
      .split(' ')
      .filter((one) => one !== '');
  } catch {
    return [];
  }
}

/** Pages that the child has for itself; 0 when it has just ended. */
function privateBytes(pid: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    const kilobytes = [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce(
      (sum, one) => sum + Number(one[1]),
      0,
    );
    return kilobytes * 1024;
  } catch {
    return 0;
  }
}

async function forkMicroseconds(server: ServerProcess): Promise<number> {
  const client = await server.connect();
  try {
    const info = (await client.send('INFO', 'stats')).toString('latin1');
    return Number(/^latest_fork_usec:(\d+)/m.exec(info)?.[1] ?? 0);
  } finally {
    await client.close();
  }
}
