/**
 * redis-benchmark's figures, command by command. A scenario is one entry of THROUGHPUT, a command one entry of
 * TESTS: later families add theirs with a line.
 */
import type { Directives, ServerProcess } from '../../test/support/server-process.ts';
import { cpuSeconds } from '../process-cpu.ts';
import { redisBenchmark } from '../redis-benchmark.ts';
import { type Bar, type Bench, type Row, type Scenario, SIDES, type Side, withBoth } from '../scenario.ts';

interface Test {
  readonly label: string;
  /** redis-benchmark's own test, or a command in which `__rand_int__` becomes twelve random digits. */
  readonly run: string | readonly string[];
  /** Work in a request relative to a SET; request counts are divided by it. */
  readonly cost?: number;
  /** How many different keys or members; 100,000 without. What is popped must be there, so its pushes are all new. */
  readonly keyspace?: number;
}

const ALL_NEW = 1_000_000_000;

const TESTS = {
  pingInline: { label: 'PING_INLINE', run: 'ping_inline' },
  pingMbulk: { label: 'PING_MBULK', run: 'ping_mbulk' },
  set: { label: 'SET', run: 'set' },
  get: { label: 'GET', run: 'get' },
  incr: { label: 'INCR', run: 'incr' },
  mset: { label: 'MSET (10 keys)', run: 'mset', cost: 5 },
  lpush: { label: 'LPUSH', run: 'lpush' },
  rpush: { label: 'RPUSH', run: 'rpush' },
  lrange100: { label: 'LRANGE_100', run: ['LRANGE', 'mylist', '0', '99'], cost: 6 },
  lrange300: { label: 'LRANGE_300', run: ['LRANGE', 'mylist', '0', '299'], cost: 15 },
  lrange500: { label: 'LRANGE_500', run: ['LRANGE', 'mylist', '0', '499'], cost: 25 },
  lrange600: { label: 'LRANGE_600', run: ['LRANGE', 'mylist', '0', '599'], cost: 30 },
  lpop: { label: 'LPOP', run: 'lpop' },
  rpop: { label: 'RPOP', run: 'rpop' },
  sadd: { label: 'SADD', run: 'sadd', cost: 2, keyspace: ALL_NEW },
  spop: { label: 'SPOP', run: 'spop', cost: 2 },
  hset: { label: 'HSET', run: 'hset' },
  zadd: { label: 'ZADD', run: 'zadd', cost: 3, keyspace: ALL_NEW },
  zpopmin: { label: 'ZPOPMIN', run: 'zpopmin', cost: 3 },
  xadd: { label: 'XADD', run: ['XADD', 'mystream', '*', 'field', 'value:__rand_int__'], cost: 2 },
} as const satisfies Record<string, Test>;

type TestName = keyof typeof TESTS;

const BASIC: readonly TestName[] = ['pingInline', 'pingMbulk', 'set', 'get', 'incr', 'mset'];

/** In this order, pushes come before what reads and pops. */
const COLLECTIONS: readonly TestName[] = [
  'lpush',
  'rpush',
  'lrange100',
  'lrange300',
  'lrange500',
  'lrange600',
  'lpop',
  'rpop',
  'sadd',
  'spop',
  'hset',
  'zadd',
  'zpopmin',
  'mset',
  'xadd',
];

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
  readonly directives?: Directives;
}

/** Without rewrites in between, which would come at different moments. */
const APPEND_ONLY: Directives = { appendonly: 'yes', 'auto-aof-rewrite-percentage': 0 };

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
    name: 'collections-p1',
    title: 'Collections, no pipelining (P=1)',
    loads: [{ pipeline: 1, tests: COLLECTIONS, requests: 100_000 }],
    bar: {},
    meanMin: 1,
  },
  {
    name: 'collections-p16',
    title: 'Collections, pipelines of 16 (P=16)',
    loads: [{ pipeline: 16, tests: COLLECTIONS, requests: 800_000 }],
    bar: { ratioMin: 1 },
    meanMin: 1.2,
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
  {
    name: 'aof-everysec',
    title: 'Append-only file, synced every second',
    loads: [
      { pipeline: 1, tests: ['set', 'incr', 'lpush'], requests: 150_000 },
      { pipeline: 16, tests: ['set', 'incr', 'lpush'], requests: 1_200_000 },
    ],
    bar: { ratioMin: 1 },
    directives: { ...APPEND_ONLY, appendfsync: 'everysec' },
  },
  {
    name: 'aof-always',
    title: 'Append-only file, synced before each reply (50 clients)',
    loads: [{ pipeline: 1, tests: ['set', 'incr'], requests: 60_000 }],
    bar: { ratioMin: 1 },
    directives: { ...APPEND_ONLY, appendfsync: 'always' },
  },
];

export const throughputScenarios: readonly Scenario[] = THROUGHPUT.map((entry) => ({
  name: entry.name,
  title: entry.title,
  async run(bench: Bench) {
    // One pair of servers for the scenario, filled first: what GET finds, and whether SET must ask the system for
    // new pages, are not to depend on the round.
    const rows = await withBoth(bench, entry.directives ?? {}, async (servers) => {
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
  const figures = load.tests.map((test) => ({
    test,
    ours: [] as number[],
    redis: [] as number[],
    cpu: { ours: [] as number[], redis: [] as number[] },
  }));
  // Round 0 warms both up (compiled code, populated keys) and is thrown away.
  for (let round = 0; round <= bench.rounds; round++) {
    for (const figure of figures) {
      const { rps, cpu } = await runTest(bench, load, TESTS[figure.test], servers, round === 0 ? 0.15 : 1);
      if (round === 0) continue;
      for (const side of SIDES) {
        figure[side].push(rps[side]);
        figure.cpu[side].push(cpu[side]);
      }
      const shown = `ours ${Math.round(rps.ours)}, redis ${Math.round(rps.redis)}`;
      bench.progress(
        `${name} ${round}/${bench.rounds} P=${load.pipeline} ${TESTS[figure.test].label}: ${shown}`,
      );
    }
  }
  const suffix = loads.length > 1 ? `, P=${load.pipeline}` : '';
  return figures.map(({ test, ours, redis, cpu }) => ({
    test: TESTS[test].label + suffix,
    unit: 'req/s',
    ours,
    redis,
    cpu,
    ...(Object.keys(bar).length > 0 ? { bar } : {}),
  }));
}

async function runTest(
  bench: Bench,
  load: Load,
  test: Test,
  servers: Readonly<Record<Side, ServerProcess>>,
  share: number,
): Promise<{ rps: Record<Side, number>; cpu: Record<Side, number> }> {
  const requests = Math.ceil((load.requests * bench.scale * share) / (test.cost ?? 1));
  const rps = { ours: 0, redis: 0 };
  const cpu = { ours: 0, redis: 0 };
  for (const side of SIDES) {
    const call = { port: servers[side].port, test: test.run, requests, pipeline: load.pipeline };
    const more = {
      ...(load.dataSize === undefined ? {} : { dataSize: load.dataSize }),
      ...(test.keyspace === undefined ? {} : { keyspace: test.keyspace }),
    };
    const before = cpuSeconds(servers[side]);
    rps[side] = (await redisBenchmark(bench.redisBenchmark, { ...call, ...more })).rps;
    cpu[side] = ((cpuSeconds(servers[side]) - before) * 1e6) / requests;
  }
  return { rps, cpu };
}
