/**
 * Work on big values: a scenario's data is made once for both servers, then each command runs in turn. A command is one
 * entry of COMMANDS.
 */
import { fill, randomText, wire } from '../../test/support/filler.ts';
import { cpuSeconds } from '../process-cpu.ts';
import { redisBenchmark } from '../redis-benchmark.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, withBoth } from '../scenario.ts';

const MEMBERS = 1_000_000;
const SET_MEMBERS = 100_000;
const FIELDS = 1000;
const SORTED = 10_000;
const BITMAP_BYTES = 16 * 1024 * 1024;

interface Command {
  readonly label: string;
  /** `__rand_int__` becomes twelve digits below MEMBERS. */
  readonly command: readonly string[];
  /** About a second's worth. */
  readonly requests: number;
  /** One at a time: what a request takes is what is measured. */
  readonly alone?: true;
}

const COMMANDS: readonly Command[] = [
  { label: 'ZRANGE, 100 by rank', command: ['ZRANGE', 'z', '499950', '500049'], requests: 30_000 },
  {
    label: 'ZRANGE, 100 by score',
    command: ['ZRANGE', 'z', '__rand_int__', '+inf', 'BYSCORE', 'LIMIT', '0', '100'],
    requests: 30_000,
  },
  { label: 'ZRANK', command: ['ZRANK', 'z', 'member:__rand_int__'], requests: 60_000 },
  { label: 'ZINCRBY', command: ['ZINCRBY', 'z', '1000.5', 'member:__rand_int__'], requests: 60_000 },
  {
    label: 'ZRANGEBYLEX, 100',
    command: ['ZRANGEBYLEX', 'lex', '[member:__rand_int__', '+', 'LIMIT', '0', '100'],
    requests: 30_000,
  },
  { label: `HGETALL, ${FIELDS} fields`, command: ['HGETALL', 'h'], requests: 5000 },
  { label: 'SINTER, 2 x 100k', command: ['SINTER', 's1', 's2'], requests: 30, alone: true },
  { label: 'SUNIONSTORE, 2 x 100k', command: ['SUNIONSTORE', 'to', 's1', 's2'], requests: 15, alone: true },
  {
    label: 'ZUNIONSTORE, 2 x 100k',
    command: ['ZUNIONSTORE', 'to', '2', 'z1', 'z2'],
    requests: 10,
    alone: true,
  },
  {
    label: `SORT ${SORTED} BY GET`,
    command: ['SORT', 'l', 'BY', 'weight_*', 'GET', 'data_*'],
    requests: 60,
    alone: true,
  },
  { label: 'BITCOUNT, 16 MB', command: ['BITCOUNT', 'b1'], requests: 200, alone: true },
  { label: 'BITOP AND, 16 MB', command: ['BITOP', 'AND', 'bits', 'b1', 'b2'], requests: 30, alone: true },
];

export const range: Scenario = {
  name: 'range',
  title: 'Ranges, whole collections, set operations',
  run: (bench: Bench) => withBoth(bench, {}, (servers) => measure(bench, servers)),
};

async function measure(
  bench: Bench,
  servers: Parameters<Parameters<typeof withBoth>[2]>[0],
): Promise<ScenarioResult> {
  const seed = Math.floor(Math.random() * 2 ** 32);
  for (const side of SIDES) await prepare(servers[side].port, seed);
  const rows: Row[] = [];
  for (const { label, command, requests, alone } of COMMANDS) {
    const rps = { ours: [] as number[], redis: [] as number[] };
    const cpu = { ours: [] as number[], redis: [] as number[] };
    // Round 0 warms up and is thrown away.
    for (let round = 0; round <= bench.rounds; round++) {
      const count = Math.ceil(requests * bench.scale * (round === 0 ? 0.3 : 1));
      for (const side of SIDES) {
        const before = cpuSeconds(servers[side]);
        const { rps: rate } = await redisBenchmark(bench.redisBenchmark, {
          port: servers[side].port,
          test: command,
          requests: count,
          clients: alone ? 1 : 20,
          keyspace: MEMBERS,
        });
        if (round === 0) continue;
        rps[side].push(rate);
        cpu[side].push(((cpuSeconds(servers[side]) - before) * 1e6) / count);
      }
    }
    bench.progress(`range ${label}: ours ${Math.round(rps.ours[0]!)}, redis ${Math.round(rps.redis[0]!)}`);
    rows.push({ test: label, unit: 'req/s', ...rps, cpu, bar: { ratioMin: 1 } });
  }
  return { rows, notes: [`random data of seed ${seed}`] };
}

async function prepare(port: number, seed: number): Promise<void> {
  const text = randomText(seed);
  const digits = (i: number): string => String(i).padStart(12, '0');
  const step = 20;
  const several = (i: number, one: (n: number) => readonly (string | number)[]): (string | number)[] =>
    Array.from({ length: step }, (_, k) => one(i * step + k)).flat();
  const member = (n: number): string => `member:${digits(n)}`;
  await fill(port, MEMBERS / step, (i) => {
    const scored = several(i, (n) => [(n * 7919) % MEMBERS, member(n)]);
    return wire('ZADD', 'z', ...scored) + wire('ZADD', 'lex', ...several(i, (n) => [0, member(n)]));
  });
  await fill(port, SET_MEMBERS / step, (i) => {
    // Half of the members are in both.
    const other = (n: number): string => `m:${n + SET_MEMBERS / 2}`;
    return (
      wire('SADD', 's1', ...several(i, (n) => [`m:${n}`])) +
      wire('SADD', 's2', ...several(i, (n) => [other(n)])) +
      wire('ZADD', 'z1', ...several(i, (n) => [n, `m:${n}`])) +
      wire('ZADD', 'z2', ...several(i, (n) => [n, other(n)]))
    );
  });
  await fill(port, FIELDS, (i) => wire('HSET', 'h', `field:${i}`, text(16)));
  await fill(port, SORTED, (i) => {
    const weight = wire('SET', `weight_${i}`, (i * 7919) % SORTED);
    return wire('RPUSH', 'l', i) + weight + wire('SET', `data_${i}`, text(16));
  });
  const part = 65536;
  await fill(port, BITMAP_BYTES / part, () => {
    const bytes = text(1024).repeat(part / 1024);
    return wire('APPEND', 'b1', bytes) + wire('APPEND', 'b2', bytes.split('').reverse().join(''));
  });
}
