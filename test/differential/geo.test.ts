/**
 * The geo commands against the real server: cells, coordinates and distances to the last digit, the order of results
 * with and without sorting, every option and wrong argument; and what is stored.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';

const KEYS = 3;
const key = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 20, arbitrary: arbitraries.key(KEYS) }, fc.constantFrom('string', 'none'));
const member = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => `m${n}`) },
    { weight: 1, arbitrary: arbitraries.bytes(8) },
  );
const decimal = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min: min * 1e6, max: max * 1e6 }).map((n) => String(n / 1e6));
/** Few places, so that searches find something; then the edges, and what is no position. */
const place = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.tuple(decimal(13, 16), decimal(37, 39)) },
    { weight: 4, arbitrary: fc.tuple(decimal(-180, 180), decimal(-85, 85)) },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constantFrom('179.9', '-179.9', '180', '-180', '0'), decimal(-86, 86)),
    },
    { weight: 2, arbitrary: fc.tuple(decimal(-30, 30), decimal(66, 85)) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom('0', '-0', '1e-9', '-90', '45', '179.99999999'),
        fc.constantFrom('0', '85.05112878', '-85.05112878', '84.99999', '1e-300', '-45'),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom('180.1', '-181', 'x', '', 'inf', 'nan', '1e30', '12'),
        fc.constantFrom('85.06', '-86', 'y', '0x10', '10'),
      ),
    },
  );
const unit = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('m', 'km', 'ft', 'mi', 'KM') },
    fc.constantFrom('x', '', 'kms'),
  );
const length = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 400 }).map(String) },
    {
      weight: 5,
      arbitrary: fc.constantFrom('1000', '5000', '9000', '20000', '50000', '1e7', '0.5', '200.25'),
    },
    { weight: 1, arbitrary: fc.constantFrom('-1', 'x', '', 'inf', '0') },
  );
/**
 * Counts are larger than any index here, or come with ANY: with fewer wanted than found Redis sorts by a method that
 * leaves what is equally far in no particular order. Points that differ are counted off in the test after.
 */
const option = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(['WITHDIST'], ['WITHCOORD'], ['WITHHASH'], ['withdist']) },
    { weight: 4, arbitrary: fc.constantFrom(['ASC'], ['DESC'], ['asc']) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ['COUNT', '900'],
        ['COUNT', '1', 'ANY'],
        ['COUNT', '5', 'ANY'],
        ['count', '999'],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(['ANY'], ['COUNT', '0'], ['COUNT', '-1'], ['COUNT', 'x'], ['COUNT'], ['x']),
    },
  );
const storeOption = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(['ASC'], ['DESC'], ['COUNT', '900'], ['COUNT', '2', 'ANY'], []) },
    { weight: 1, arbitrary: fc.constantFrom(['WITHDIST'], ['x']) },
  );
const centre = (): fc.Arbitrary<readonly Arg[]> =>
  fc.oneof(
    { weight: 5, arbitrary: place().map((words) => ['FROMLONLAT', ...words]) },
    { weight: 4, arbitrary: member().map((name) => ['FROMMEMBER', name]) },
    {
      weight: 1,
      arbitrary: fc.constantFrom([], ['FROMLONLAT', '1'], ['FROMMEMBER', 'm1', 'FROMLONLAT', '1', '1']),
    },
  );
const shape = (): fc.Arbitrary<readonly Arg[]> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(length(), unit()).map((words) => ['BYRADIUS', ...words]) },
    { weight: 5, arbitrary: fc.tuple(length(), length(), unit()).map((words) => ['BYBOX', ...words]) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        [],
        ['BYRADIUS', '1'],
        ['BYBOX', '1', '1'],
        ['BYRADIUS', '1', 'm', 'BYBOX', '1', '1', 'm'],
        ['BYRADIUS', '1', 'm', 'BYRADIUS', '100', 'km'],
      ),
    },
  );
const options = (each: fc.Arbitrary<readonly string[]>): fc.Arbitrary<string[]> =>
  fc.array(each, { maxLength: 3 }).map((list) => list.flat());

const points = (maxLength: number): fc.Arbitrary<Arg[]> =>
  fc
    .array(fc.tuple(place(), member()), { minLength: 1, maxLength, size: 'max' })
    .map((list) => list.flatMap(([at, name]) => [...at, name]));
const condition = (): fc.Arbitrary<readonly string[]> =>
  fc.constantFrom([], [], [], ['NX'], ['XX'], ['CH'], ['xx', 'CH'], ['NX', 'XX'], ['nx', 'ch']);

const generators: readonly CommandGenerator[] = [
  {
    weight: 8,
    args: fc.tuple(key(), condition(), points(1)).map(([k, c, list]) => ['GEOADD', k, ...c, ...list]),
  },
  {
    weight: 4,
    args: fc.tuple(key(), condition(), points(25)).map(([k, c, list]) => ['GEOADD', k, ...c, ...list]),
  },
  {
    weight: 1,
    ...command(
      'ZADD',
      arbitraries.key(KEYS),
      fc.constantFrom(
        '0',
        '-1',
        '1.5',
        '3479099956230698.5',
        '4503599627370496',
        '1e19',
        '1e300',
        'inf',
        '-1e19',
        '-inf',
      ),
      member(),
    ),
  },
  command('ZREM', key(), member()),
  {
    weight: 3,
    args: fc.tuple(key(), fc.array(member(), { maxLength: 4 })).map(([k, list]) => ['GEOPOS', k, ...list]),
  },
  {
    weight: 3,
    args: fc.tuple(key(), fc.array(member(), { maxLength: 4 })).map(([k, list]) => ['GEOHASH', k, ...list]),
  },
  { weight: 3, ...command('GEODIST', key(), member(), member()) },
  { weight: 3, ...command('GEODIST', key(), member(), member(), unit()) },
  {
    weight: 10,
    args: fc
      .tuple(key(), centre(), shape(), options(option()))
      .map(([k, from, by, list]) => ['GEOSEARCH', k, ...from, ...by, ...list]),
  },
  {
    weight: 3,
    args: fc
      .tuple(key(), key(), centre(), shape(), options(storeOption()))
      .map(([to, k, from, by, list]) => ['GEOSEARCHSTORE', to, k, ...from, ...by, ...list]),
  },
  {
    weight: 3,
    args: fc
      .tuple(
        fc.constantFrom('GEORADIUS', 'GEORADIUS_RO'),
        key(),
        place(),
        length(),
        unit(),
        options(option()),
      )
      .map(([name, k, at, radius, u, list]) => [name, k, ...at, radius, u, ...list]),
  },
  {
    weight: 3,
    args: fc
      .tuple(
        fc.constantFrom('GEORADIUSBYMEMBER', 'GEORADIUSBYMEMBER_RO'),
        key(),
        member(),
        length(),
        unit(),
        options(option()),
      )
      .map(([name, k, m, radius, u, list]) => [name, k, m, radius, u, ...list]),
  },
  {
    weight: 2,
    args: fc
      .tuple(key(), place(), length(), unit(), options(storeOption()), key())
      .map(([k, at, radius, u, list, to]) => ['GEORADIUS', k, ...at, radius, u, ...list, 'STORE', to]),
  },
  {
    weight: 1,
    args: fc
      .tuple(fc.constantFrom('GEORADIUS_RO', 'GEORADIUS'), key(), key())
      .map(([name, k, to]) => [name, k, '14', '38', '100', 'km', 'STORE', to, 'STORE', 'key:0']),
  },
];

const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
const STATE = ALL_KEYS.flatMap((name) => [
  ['ZCARD', name],
  ['ZRANGE', name, '0', '-1'],
  ['OBJECT', 'ENCODING', name],
]);

/** A sequence of pseudo-random numbers within 0 and 1. */
function* numbers(seed: number): Generator<number> {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    yield (x >>> 0) / 2 ** 32;
  }
}

describeWithOracle('geospatial indexes, as redis-server has them', (pair) => {
  it('random sequences', () =>
    differential(pair, generators, {
      runs: 200,
      maxCommands: 40,
      setUp: [['SET', 'string', 'x']],
      finalChecks: [...STATE, ['DBSIZE']],
    }));

  it('searches of a thousand points all over the world', async () => {
    const random = numbers(5);
    const within = (min: number, max: number): string => String(min + random.next().value * (max - min));
    const add: Arg[] = ['GEOADD', 'world'];
    for (let i = 0; i < 1000; i++) add.push(within(-180, 180), within(-85.05, 85.05), `p${i}`);
    const commands: Arg[][] = [add, ['OBJECT', 'ENCODING', 'world']];
    for (let i = 0; i < 400; i++) {
      const from = i % 3 === 0 ? ['FROMMEMBER', `p${i}`] : ['FROMLONLAT', within(-180, 180), within(-85, 85)];
      const size = (): string => String(Math.round(10 ** (1 + random.next().value * 3.4)));
      const by = i % 2 === 0 ? ['BYRADIUS', size(), 'km'] : ['BYBOX', size(), size(), 'mi'];
      const more = [
        [],
        ['ASC'],
        ['DESC'],
        ['COUNT', '7', 'ANY'],
        ['COUNT', '7', 'DESC'],
        ['COUNT', '3'],
        ['ASC', 'COUNT', '40', 'WITHDIST'],
        ['ASC', 'WITHDIST', 'WITHHASH', 'WITHCOORD'],
      ][i % 8]!;
      commands.push(['GEOSEARCH', 'world', ...from, ...by, ...more]);
      if (i % 4 === 0)
        commands.push(
          [
            'GEOSEARCHSTORE',
            'to',
            'world',
            ...from,
            ...by,
            ...more.filter((word) => !word.startsWith('WITH')),
          ],
          ['ZRANGE', 'to', '0', '-1'],
        );
    }
    for (let i = 0; i < 1000; i++) {
      commands.push(['GEODIST', 'world', `p${i}`, `p${(i * 7) % 1000}`, ['m', 'km', 'ft', 'mi'][i % 4]!]);
    }
    await pair.compareAll(commands);
  });

  it('distances that are stored', async () => {
    await pair.compareAll([
      ['GEOADD', 'k', '13.361389', '38.115556', 'a', '15.087269', '37.502669', 'b', '13.361389', '38.2', 'c'],
      ['GEOSEARCHSTORE', 'd', 'k', 'FROMLONLAT', '15', '37', 'BYBOX', '400', '400', 'km', 'STOREDIST'],
      ['GEORADIUS', 'k', '15', '37', '200', 'km', 'STOREDIST', 'e'],
      ['GEORADIUSBYMEMBER', 'k', 'a', '200', 'mi', 'STOREDIST', 'f'],
      ['GEORADIUSBYMEMBER', 'k', 'a', '200', 'mi', 'STORE', 'f', 'STOREDIST', 'g'],
      ['ZRANGE', 'd', '0', '-1'],
      ['ZRANGE', 'e', '0', '-1'],
      ['ZRANGE', 'f', '0', '-1'],
      ['ZRANGE', 'g', '0', '-1'],
    ]);
    for (const name of ['d', 'e', 'f', 'g'])
      await pair.compareAs('approx', 'ZRANGE', name, '0', '-1', 'WITHSCORES');
  });

  it('wrong numbers of arguments', () => {
    const commands: Arg[][] = [];
    const words = ['k', '1', '1', '1', 'm', 'm', 'm', 'm', 'm'];
    for (const { args } of generators) {
      const name = fc.sample(args, 1)[0]![0]!;
      for (let count = 0; count <= 9; count++) commands.push([name, ...words.slice(0, count)]);
    }
    return pair.compareAll(commands);
  });

  it('what a command counts as a change', async () => {
    const commands = [
      ['GEOADD', 'k', '1', '1', 'a', '2', '2', 'b', '3', '3', 'c'],
      ['GEOADD', 'k', '1', '1', 'a', '2', '2.5', 'b', '3', '3', 'd'],
      ['GEOADD', 'k', 'XX', 'CH', '1', '1.5', 'a', '2', '2.5', 'b', '3', '3', 'e'],
      ['GEOADD', 'none', 'XX', '1', '1', 'a'],
      ['GEOSEARCHSTORE', 'to', 'k', 'FROMLONLAT', '1', '1', 'BYRADIUS', '100', 'km'],
      ['GEOSEARCHSTORE', 'to', 'k', 'FROMLONLAT', '1', '1', 'BYRADIUS', '1000', 'km'],
      ['GEOSEARCHSTORE', 'to', 'k', 'FROMLONLAT', '50', '50', 'BYRADIUS', '1', 'km'],
      ['GEOSEARCHSTORE', 'to', 'k', 'FROMLONLAT', '50', '50', 'BYRADIUS', '1', 'km'],
      ['GEORADIUS', 'k', '1', '1', '1000', 'km', 'STORE', 'k'],
      ['GEORADIUS', 'none', '1', '1', '1000', 'km', 'STORE', 'k'],
    ];
    let before = await changes();
    for (const words of commands) {
      await pair.compare(...words);
      const after = await changes();
      assert.equal(after.ours - before.ours, after.oracle - before.oracle, words.join(' '));
      before = after;
    }
  });

  /** The counters of changes since the last save. */
  async function changes(): Promise<{ ours: number; oracle: number }> {
    const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
    const count = (replies: Buffer[]): number =>
      Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
    return { ours: count(ours), oracle: count(oracle) };
  }
});
