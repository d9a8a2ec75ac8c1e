/**
 * redis-benchmark's figures, command by command. A scenario is one entry of THROUGHPUT, a command one entry of
 * TESTS: later families add theirs with a line.
 */
import type { ServerProcess } from '../../test/support/server-process.ts';
import { redisBenchmark } from '../redis-benchmark.ts';
import { type Bar, type Bench, type Row, type Scenario, SIDES, type Side, withBoth } from '../scenario.ts';

interface Test {
  readonly label: string;
  /** redis-benchmark's own test, or a command in which `__rand_int__` becomes twelve random digits. */
  readonly run: string | readonly string[];
  /** Work in a request relative to a SET; request counts are divided by it. */
  readonly cost?: number;
}

const TESTS = {
  pingInline: { label: 'PING_INLINE', run: 'ping_inline' },
  pingMbulk: { label: 'PING_MBULK', run: 'ping_mbulk' },
  set: { label: 'SET', run: 'set' },
  get: { label: 'GET', run: 'get' },
  incr: { label: 'INCR', run: 'incr' },
  mset: { label: 'MSET (10 keys)', run: 'mset', cost: 5 },
} as const satisfies Record<string, Test>;

type TestName = keyof typeof TESTS;

const BASIC: readonly TestName[] = ['pingInline', 'pingMbulk', 'set', 'get', 'incr', 'mset'];

/** Random SETs over the 100,000 keys before anything is measured; 92% of the keys are there then. */
const POPULATE = 250_000;

interface Load {
  readonly pipeline: number;
  readonly dataSize?: number;
  readonly tests: readonly TestName[];
  /** SETs that take a second or two. */
  readonly requests: number;
}

interface Throughput {
  readonly name: string;
  readonly title: string;
  readonly loads: readonly Load[];
  readonly bar: Bar;
  readonly meanMin?: number;
}

const THROUGHPUT: readonly Throughput[] = [
  {
    name: 'p1',
    title: 'Throughput, no pipelining (P=1)',
    loads: [{ pipeline: 1, tests: BASIC, requests: 150_000 }],
    bar: { ratioMin: 0.9 },
    meanMin: 1,
  },
  {
    name: 'p16',
    title: 'Throughput, pipelines of 16 (P=16)',
    loads: [{ pipeline: 16, tests: BASIC, requests: 1_200_000 }],
    bar: { ratioMin: 1 },
    meanMin: 1.3,
  },
  {
    name: 'p64',
    title: 'Throughput, pipelines of 64 (P=64)',
    loads: [{ pipeline: 64, tests: BASIC, requests: 1_800_000 }],
    bar: { ratioMin: 1 },
    meanMin: 1.3,
  },
  {
    name: 'd1024',
    title: 'Values of 1 kB',
    loads: [
      { pipeline: 1, dataSize: 1024, tests: ['set', 'get'], requests: 120_000 },
      { pipeline: 16, dataSize: 1024, tests: ['set', 'get'], requests: 600_000 },
    ],
    bar: { ratioMin: 1 },
  },
  {
    name: 'd16384',
    title: 'Values of 16 kB',
    loads: [
      { pipeline: 1, dataSize: 16384, tests: ['set', 'get'], requests: 60_000 },
      { pipeline: 16, dataSize: 16384, tests: ['set', 'get'], requests: 120_000 },
    ],
    bar: { ratioMin: 1 },
  },
];

export const throughputScenarios: readonly Scenario[] = THROUGHPUT.map((entry) => ({
  name: entry.name,
  title: entry.title,
  async run(bench: Bench) {
    // One pair of servers for the scenario, filled first: what GET finds, and whether SET must ask the system for
    // new pages, are not to depend on the round.
    const rows = await withBoth(bench, {}, async (servers) => {
      const { dataSize } = entry.loads[0]!;
      for (const side of SIDES) {
        const requests = Math.ceil(POPULATE * Math.sqrt(bench.scale));
        const call = { port: servers[side].port, test: 'set', requests, pipeline: 16 };
        await redisBenchmark(bench.redisBenchmark, { ...call, ...(dataSize ? { dataSize } : {}) });
      }
      const loads: Row[] = [];
      for (const load of entry.loads) loads.push(...(await runLoad(bench, entry, load, servers)));
      return loads;
    });
    return { rows, ...(entry.meanMin === undefined ? {} : { meanMin: entry.meanMin }) };
  },
}));

async function runLoad(
  bench: Bench,
  { name, loads, bar }: Throughput,
  load: Load,
  servers: Readonly<Record<Side, ServerProcess>>,
): Promise<Row[]> {
  const figures = load.tests.map((test) => ({ test, ours: [] as number[], redis: [] as number[] }));
  // Round 0 warms both up (compiled code, populated keys) and is thrown away.
  for (let round = 0; round <= bench.rounds; round++) {
    for (const figure of figures) {
      const rps = await runTest(bench, load, TESTS[figure.test], servers, round === 0 ? 0.15 : 1);
      if (round === 0) continue;
      for (const side of SIDES) figure[side].push(rps[side]);
      const shown = `ours ${Math.round(rps.ours)}, redis ${Math.round(rps.redis)}`;
      bench.progress(
        `${name} ${round}/${bench.rounds} P=${load.pipeline} ${TESTS[figure.test].label}: ${shown}`,
      );
    }
  }
  const suffix = loads.length > 1 ? `, P=${load.pipeline}` : '';
  return figures.map(({ test, ours, redis }) => ({
    test: TESTS[test].label + suffix,
    unit: 'req/s',
    ours,
    redis,
    bar,
  }));
}

async function runTest(
  bench: Bench,
  load: Load,
  test: Test,
  servers: Readonly<Record<Side, ServerProcess>>,
  share: number,
): Promise<Record<Side, number>> {
  const requests = Math.ceil((load.requests * bench.scale * share) / (test.cost ?? 1));
  const rps = { ours: 0, redis: 0 };
  for (const side of SIDES) {
    const call = { port: servers[side].port, test: test.run, requests, pipeline: load.pipeline };
    const size = load.dataSize === undefined ? {} : { dataSize: load.dataSize };
    rps[side] = (await redisBenchmark(bench.redisBenchmark, { ...call, ...size })).rps;
  }
  return rps;
}
