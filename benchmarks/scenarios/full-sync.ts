/**
 * A full sync of five million keys: from REPLICAOF until the link is up, and how long the master stands still meanwhile.
 * Master and replica have a core each, as if they were two machines; somebody writes a little.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Directives, ServerProcess } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { untilSaved } from '../data-files.ts';
import { loadKeys } from '../loader.ts';
import { PacedWrites } from '../paced-writes.ts';
import { lateness, startProbe } from '../ping-probe.ts';
import type { ProbeReport } from '../probe.ts';
import { childrenCpuSeconds, cpuSeconds } from '../process-cpu.ts';
import { AT_ONCE, linkUp } from '../replica-set.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';
import { stallLogEnv, worstStall } from '../stalls.ts';

const KEYS = 5_000_000;
const KEYS_QUICK = 1_000_000;
const WRITES_A_SECOND = 2000;
const TIME_MAX = 1.3;
const STALL_MAX_MS = 10;

interface Way {
  readonly name: string;
  readonly master: Readonly<Record<string, string>>;
  readonly replica: Directives;
}

const WAYS: readonly Way[] = [
  { name: 'by files', master: { 'repl-diskless-sync': 'no' }, replica: {} },
  { name: 'diskless to a file', master: { 'repl-diskless-sync': 'yes' }, replica: {} },
  {
    name: 'diskless both ways',
    master: { 'repl-diskless-sync': 'yes' },
    replica: { 'repl-diskless-load': 'on-empty-db' },
  },
];

export const fullSync: Scenario = {
  name: 'full-sync',
  title: 'Full sync of five million keys (one million with --quick), 2000 writes a second meanwhile',
  async run(bench: Bench): Promise<ScenarioResult> {
    const keys = bench.scale < 1 ? KEYS_QUICK : KEYS;
    const found = WAYS.map((): Record<Side, Measured[]> => ({ ours: [], redis: [] }));
    const notes: string[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      for (const side of SIDES) {
        for (const [i, one] of (await measureAll(bench, side, keys)).entries()) {
          found[i]![side].push(one);
          notes.push(`${WAYS[i]!.name}, ${lateness(side, one.probe)}`);
        }
      }
    }
    const rows = WAYS.flatMap(({ name }, i): Row[] => {
      const row = (pick: (one: Measured) => number) => ({
        ours: found[i]!.ours.map(pick),
        redis: found[i]!.redis.map(pick),
        notInMean: true,
      });
      return [
        {
          test: `${name}, until the link is up`,
          unit: 's',
          ...row((one) => one.seconds),
          bar: { ratioMax: TIME_MAX },
        },
        {
          test: `${name}, worst stall of the master`,
          unit: 'ms',
          // What stands still in redis is its fork.
          ...row((one) => one.stallMs),
          bar: { oursMax: STALL_MAX_MS },
        },
        { test: `${name}, worst PING at the master`, unit: 'ms', ...row((one) => one.probe.worstMs) },
        {
          test: `${name}, CPU time of the master and its children`,
          unit: 's',
          ...row((one) => one.masterCpu),
        },
        { test: `${name}, CPU time of the replica`, unit: 's', ...row((one) => one.replicaCpu) },
      ];
    });
    return { rows, notes: [`${keys.toLocaleString('en')} keys`, ...notes] };
  },
};

interface Measured {
  readonly seconds: number;
  /** The longest time that the master's loop was busy with one thing, waiting for a core left out; redis: its fork. */
  readonly stallMs: number;
  readonly probe: ProbeReport;
  /** Seconds. */
  readonly masterCpu: number;
  readonly replicaCpu: number;
}

/** One master, filled once; a new replica for each way. */
async function measureAll(bench: Bench, side: Side, keys: number): Promise<Measured[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'ts-redis-bench-'));
  const log = join(scratch, 'stalls');
  const env = side === 'ours' ? { env: stallLogEnv(log) } : {};
  const master = await bench.start(side, { directives: AT_ONCE, ...env });
  try {
    await loadKeys(master.port, keys);
    const measured: Measured[] = [];
    for (const way of WAYS) {
      const client = await master.connect();
      for (const [name, value] of Object.entries(way.master)) await client.send('CONFIG', 'SET', name, value);
      await client.close();
      const replicaLog = join(scratch, `replica-${measured.length}`);
      const replicaEnv = side === 'ours' ? { env: stallLogEnv(replicaLog) } : {};
      const replica = await bench.start(side, { directives: way.replica, clientsCore: true, ...replicaEnv });
      const begun = Date.now();
      try {
        const one = await measure(side, master, replica, log, keys);
        measured.push(one);
        const onReplica = worstStall(replicaLog, begun, Number.POSITIVE_INFINITY).ownMs;
        bench.progress(
          `full-sync ${way.name}, ${side}: ${one.seconds.toFixed(1)} s, worst stall ${one.stallMs.toFixed(1)} ms ` +
            `(of our replica ${onReplica.toFixed(1)} ms), worst PING ${one.probe.worstMs.toFixed(1)} ms, CPU of the ` +
            `master ${one.masterCpu.toFixed(1)} s, of the replica ${one.replicaCpu.toFixed(1)} s`,
        );
      } finally {
        await replica.stop();
      }
    }
    return measured;
  } finally {
    await master.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function measure(
  side: Side,
  master: ServerProcess,
  replica: ServerProcess,
  log: string,
  keys: number,
): Promise<Measured> {
  const writes = new PacedWrites(master.port, WRITES_A_SECOND, keys);
  try {
    await sleep(1000);
    const probe = await startProbe(master.port);
    const masterCpu = cpuSeconds(master) + childrenCpuSeconds(master);
    const replicaCpu = cpuSeconds(replica);
    const from = Date.now();
    const start = performance.now();
    const client = await replica.connect();
    await client.send('REPLICAOF', '127.0.0.1', String(master.port));
    await client.close();
    await linkUp(replica);
    const seconds = (performance.now() - start) / 1000;
    const until = Date.now();
    // A child of redis's counts when it has ended.
    await untilSaved(master);
    const figures = {
      masterCpu: cpuSeconds(master) + childrenCpuSeconds(master) - masterCpu,
      replicaCpu: cpuSeconds(replica) - replicaCpu,
    };
    const report = await probe.stop();
    const stallMs = side === 'ours' ? worstStall(log, from, until).ownMs : await forkMs(master);
    return { seconds, stallMs, probe: report, ...figures };
  } finally {
    writes.stop();
  }
}

async function forkMs(server: ServerProcess): Promise<number> {
  const client = await server.connect();
  try {
    const info = (await client.send('INFO', 'stats')).toString('latin1');
    return Number(/^latest_fork_usec:(\d+)/m.exec(info)?.[1] ?? 0) / 1000;
  } finally {
    await client.close();
  }
}
