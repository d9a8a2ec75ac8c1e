/**
 * How long after a write at the master a replica has it: with nobody else there, and with a steady load. 99% of a few
 * thousand writes are easily spoilt by what else the machine does: so the two take turns of a third of a second.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sleep } from '../../test/support/wait-for.ts';
import type { LagOrder, LagReport } from '../lag-probe.ts';
import { PacedWrites } from '../paced-writes.ts';
import { ReplicaSet } from '../replica-set.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';

const TURN_MS = 330;
const TURNS = 20;
const KEYS = 100_000;
const LOADS = [0, 20_000];

type Sets = Readonly<Record<Side, ReplicaSet>>;

export const replicaLag: Scenario = {
  name: 'replica-lag',
  title: 'From a write at the master to the replica that has it',
  async run(bench: Bench): Promise<ScenarioResult> {
    const directives = { 'notify-keyspace-events': 'Kl' };
    const ours = await ReplicaSet.start(bench, 'ours', 1, { directives });
    try {
      const redis = await ReplicaSet.start(bench, 'redis', 1, { directives });
      try {
        const rows: Row[] = [];
        for (const load of LOADS) rows.push(...(await runLoad(bench, { ours, redis }, load)));
        return { rows };
      } finally {
        await redis.stop();
      }
    } finally {
      await ours.stop();
    }
  },
};

async function runLoad(bench: Bench, sets: Sets, load: number): Promise<Row[]> {
  const found: Record<Side, LagReport[]> = { ours: [], redis: [] };
  for (let round = 0; round <= bench.rounds; round++) {
    const reports = await measure(sets, load, Math.ceil(TURNS * bench.scale * (round === 0 ? 0.3 : 1)));
    for (const side of SIDES) {
      const one = reports[side];
      const figures = `p50 ${one.p50Ms.toFixed(3)}, p99 ${one.p99Ms.toFixed(3)}, worst ${one.worstMs.toFixed(1)} ms`;
      bench.progress(`replica-lag ${round}/${bench.rounds} ${load}/s, ${side}: ${figures} of ${one.writes}`);
      // Round 0 warms up.
      if (round > 0) found[side].push(one);
    }
  }
  const name = load === 0 ? 'nobody else there' : `${load.toLocaleString('en')} writes a second`;
  const row = (pick: (one: LagReport) => number) => ({
    unit: 'µs' as const,
    ours: found.ours.map((one) => pick(one) * 1000),
    redis: found.redis.map((one) => pick(one) * 1000),
    notInMean: true,
  });
  return [
    { test: `${name}, half of them`, ...row((one) => one.p50Ms) },
    { test: `${name}, 99%`, ...row((one) => one.p99Ms), bar: { ratioMax: 1 } },
  ];
}

async function measure(sets: Sets, load: number, turns: number): Promise<Record<Side, LagReport>> {
  const probes = { ours: await startProbe(sets.ours), redis: await startProbe(sets.redis) };
  try {
    for (let turn = 0; turn < turns; turn++) {
      for (const side of SIDES) {
        const writes = load === 0 ? null : new PacedWrites(sets[side].master.port, load, KEYS);
        order(probes[side], 'go');
        await sleep(TURN_MS);
        order(probes[side], 'stop');
        await once(probes[side], 'message');
        writes?.stop();
      }
    }
    return { ours: await reportOf(probes.ours), redis: await reportOf(probes.redis) };
  } finally {
    for (const side of SIDES) probes[side].kill();
  }
}

async function startProbe(set: ReplicaSet): Promise<ChildProcess> {
  const ports = [set.master.port, set.replicas[0]!.port].map(String);
  const probe = fork(fileURLToPath(new URL('../lag-probe.ts', import.meta.url)), ports, {
    execArgv: ['--import', 'tsx'],
  });
  await once(probe, 'message');
  return probe;
}

function order(probe: ChildProcess, what: LagOrder): void {
  probe.send(what);
}

async function reportOf(probe: ChildProcess): Promise<LagReport> {
  order(probe, 'report');
  const [report] = (await once(probe, 'message')) as [LagReport];
  return report;
}
