/**
 * SET with one and with three replicas attached. Master and replicas share the servers' core, so that the requests a
 * second are what the set as a whole can do; the CPU time says what it costs the master alone. The second row of each
 * pair counts until the last replica has applied the last write: who only queues up work for later gains nothing.
 */
import { cpuSeconds } from '../process-cpu.ts';
import { redisBenchmark } from '../redis-benchmark.ts';
import { ReplicaSet } from '../replica-set.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';

const REPLICAS = [1, 3];
const LOADS = [
  { pipeline: 1, requests: 100_000 },
  { pipeline: 16, requests: 600_000 },
];
/** Random SETs over the 100,000 keys before anything is measured. */
const POPULATE = 250_000;
const AT_LEAST = { ratioMin: 1 };

export const replication: Scenario = {
  name: 'replication',
  title: 'SET with replicas attached (master and replicas on one core)',
  async run(bench: Bench): Promise<ScenarioResult> {
    const rows: Row[] = [];
    for (const replicas of REPLICAS) rows.push(...(await withReplicas(bench, replicas)));
    return { rows };
  },
};

async function withReplicas(bench: Bench, replicas: number): Promise<Row[]> {
  const ours = await ReplicaSet.start(bench, 'ours', replicas);
  try {
    const redis = await ReplicaSet.start(bench, 'redis', replicas);
    try {
      const sets = { ours, redis };
      for (const side of SIDES) await measure(bench, sets[side], 16, Math.ceil(POPULATE * bench.scale));
      const rows: Row[] = [];
      for (const load of LOADS) rows.push(...(await runLoad(bench, sets, replicas, load)));
      return rows;
    } finally {
      await redis.stop();
    }
  } finally {
    await ours.stop();
  }
}

async function runLoad(
  bench: Bench,
  sets: Readonly<Record<Side, ReplicaSet>>,
  replicas: number,
  { pipeline, requests }: (typeof LOADS)[number],
): Promise<Row[]> {
  const found: Record<Side, Measured[]> = { ours: [], redis: [] };
  // Round 0 warms up and is thrown away.
  for (let round = 0; round <= bench.rounds; round++) {
    const shown: string[] = [];
    for (const side of SIDES) {
      const count = Math.ceil(requests * bench.scale * (round === 0 ? 0.3 : 1));
      const one = await measure(bench, sets[side], pipeline, count);
      if (round > 0) found[side].push(one);
      const cpu = `master ${one.masterMicros.toFixed(1)}, all ${one.allMicros.toFixed(1)} µs`;
      shown.push(`${side} ${Math.round(one.rps)} (until applied ${Math.round(one.appliedRps)}; ${cpu})`);
    }
    const of = `${round}/${bench.rounds} P=${pipeline} ${replicas} replicas`;
    bench.progress(`replication ${of}: ${shown.join(', ')}`);
  }
  const row = (pick: (one: Measured) => number, cpu: (one: Measured) => number) => ({
    unit: 'req/s' as const,
    ours: found.ours.map(pick),
    redis: found.redis.map(pick),
    cpu: { ours: found.ours.map(cpu), redis: found.redis.map(cpu) },
    bar: AT_LEAST,
  });
  const name = `SET, P=${pipeline}, ${replicas === 1 ? 'one replica' : `${replicas} replicas`}`;
  return [
    {
      test: `${name} (CPU: master)`,
      ...row(
        ({ rps }) => rps,
        ({ masterMicros }) => masterMicros,
      ),
    },
    {
      test: `${name}, until all have it (CPU: all)`,
      ...row(
        ({ appliedRps }) => appliedRps,
        ({ allMicros }) => allMicros,
      ),
    },
  ];
}

interface Measured {
  /** Answered by the master. */
  readonly rps: number;
  /** Applied by all. */
  readonly appliedRps: number;
  /** CPU time for a request. */
  readonly masterMicros: number;
  readonly allMicros: number;
}

async function measure(bench: Bench, set: ReplicaSet, pipeline: number, requests: number): Promise<Measured> {
  const master = cpuSeconds(set.master);
  const all = set.cpuSeconds();
  const call = { port: set.master.port, test: 'set', requests, pipeline };
  const { rps } = await redisBenchmark(bench.redisBenchmark, call);
  const end = performance.now();
  await set.caughtUp();
  // redis-benchmark starts up and ends within the call: its own figure tells how long it was really at work.
  const seconds = requests / rps + (performance.now() - end) / 1000;
  return {
    rps,
    appliedRps: requests / seconds,
    masterMicros: ((cpuSeconds(set.master) - master) * 1e6) / requests,
    allMicros: ((set.cpuSeconds() - all) * 1e6) / requests,
  };
}
