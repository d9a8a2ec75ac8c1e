/**
 * What works on values of every type alike, against the real server: TYPE, OBJECT ENCODING, COPY, RENAME, MOVE, DEL,
 * EXPIRE, SWAPDB, SCAN TYPE and the digests of DEBUG, in both forms of each type. Sequences write to few keys, move and
 * copy them, write again, and then everything must be the same: a copy that shared something with its original, or a
 * key that moved without its elements, shows in the digests.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { type Comparator, comparators, describeWithOracle } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';
import { rawElements } from '../support/reply-framer.ts';

const KEYS = 4;
const key = (): fc.Arbitrary<string> => arbitraries.key(KEYS);
const { integer, value } = arbitraries;

const element = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 30 }).map((i) => `e${i}`) },
    { weight: 3, arbitrary: integer() },
    { weight: 2, arbitrary: value() },
    { weight: 1, arbitrary: fc.constantFrom('', 'L'.repeat(64), 'L'.repeat(65), 'M'.repeat(40_000)) },
  );
const score = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.integer({ min: -50, max: 50 }).map(String),
    fc.constantFrom(
      'inf',
      '-inf',
      '0.1',
      '-0.0',
      '3.0000000000000004',
      '1e20',
      '1.5e-7',
      '4503599627370497',
      '9007199254740993',
      '5e-324',
      '1.7976931348623157e308',
    ),
  );

/** A command with elements; now and then with so many that the value grows. */
function many(name: string, ...parts: readonly (() => fc.Arbitrary<Arg>)[]): Pick<CommandGenerator, 'args'> {
  const each = fc.tuple(...parts.map((part) => part()));
  const list = fc.oneof(
    { weight: 8, arbitrary: fc.array(each, { minLength: 1, maxLength: 5 }) },
    { weight: 1, arbitrary: fc.array(each, { minLength: 20, maxLength: 60 }) },
  );
  return { args: fc.tuple(key(), list).map(([k, all]) => [name, k, ...all.flat()]) };
}

const xadd: Pick<CommandGenerator, 'args'> = {
  args: fc
    .tuple(
      key(),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom('-*', '-5', '-18446744073709551614', ''),
      fc.array(fc.tuple(element(), element()), { minLength: 1, maxLength: 4 }),
    )
    .map(([k, ms, seq, pairs]) => ['XADD', k, `${ms}${seq}`, ...pairs.flat()]),
};

const builders: readonly CommandGenerator[] = [
  { weight: 2, ...command('SET', key(), value()) },
  { weight: 2, ...command('APPEND', key(), value()) },
  { weight: 3, ...many('RPUSH', element) },
  { weight: 3, ...many('LPUSH', element) },
  command('LPOP', key()),
  { weight: 6, ...many('SADD', element) },
  { weight: 2, ...many('SADD', integer) },
  many('SREM', element),
  { weight: 6, ...many('ZADD', score, element) },
  many('ZREM', element),
  { weight: 6, ...many('HSET', element, element) },
  many('HDEL', element),
  { weight: 6, ...xadd },
  command(
    'XDEL',
    key(),
    fc.integer({ min: 1, max: 9 }).map((ms) => `${ms}-5`),
  ),
  command('XTRIM', key(), fc.constant('MAXLEN'), fc.constantFrom('0', '1', '3')),
  command(
    'XGROUP',
    fc.constant('CREATE'),
    key(),
    fc.constantFrom('g1', 'g2'),
    fc.constantFrom('0', '5', '$'),
  ),
];

/** All elements of both parts of SCAN's reply, in any order. */
const sortedScan: Comparator = (ours, oracle) => {
  const a = rawElements(ours);
  const b = rawElements(oracle);
  if (a?.length !== 2 || b?.length !== 2) return comparators.exact(ours, oracle);
  return comparators.exact(a[0]!, b[0]!) ?? comparators.sorted(a[1]!, b[1]!);
};

const types = fc.constantFrom('string', 'list', 'set', 'zset', 'hash', 'stream', 'STREAM', 'none', '');
const database = fc.constantFrom('0', '1');
const generic: readonly CommandGenerator[] = [
  { weight: 8, ...command('COPY', key(), key()) },
  { weight: 6, ...command('COPY', key(), key(), fc.constant('REPLACE')) },
  { weight: 4, ...command('COPY', key(), key(), fc.constant('DB'), database, fc.constant('REPLACE')) },
  { weight: 4, ...command('RENAME', key(), key()) },
  { weight: 2, ...command('RENAMENX', key(), key()) },
  { weight: 3, ...command('MOVE', key(), database) },
  { weight: 2, ...command('DEL', key()) },
  { weight: 2, ...command('UNLINK', key(), key()) },
  command('EXISTS', key(), key()),
  { weight: 2, ...command('EXPIRE', key(), fc.constant('1000')) },
  command('PERSIST', key()),
  command('SWAPDB', fc.constant('0'), fc.constant('1')),
  { weight: 2, ...command('SELECT', database) },
  { weight: 2, ...command('TYPE', key()) },
  { weight: 6, ...command('OBJECT', fc.constant('ENCODING'), key()) },
  { weight: 4, ...command('DEBUG', fc.constant('DIGEST-VALUE'), key(), key()) },
  command('DEBUG', fc.constant('LISTPACK'), key()),
  { ...command('KEYS', fc.constantFrom('*', 'key:*', 'k')), compare: 'sorted' },
  {
    ...command(
      'SCAN',
      fc.constant('0'),
      fc.constant('COUNT'),
      fc.constant('1000'),
      fc.constant('TYPE'),
      types,
    ),
    compare: sortedScan,
  },
  command('FLUSHDB'),
];

const limits: readonly CommandGenerator[] = [
  'hash-max-listpack-entries',
  'zset-max-listpack-entries',
  'set-max-intset-entries',
  'list-max-listpack-size',
  'stream-node-max-entries',
].map((name) =>
  command('CONFIG', fc.constant('SET'), fc.constant(name), fc.constantFrom('1', '4', '16', '128')),
);

const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
const EACH_KEY = ALL_KEYS.flatMap((name) => [
  ['TYPE', name],
  ['OBJECT', 'ENCODING', name],
]);
const STATE = [
  ['DEBUG', 'DIGEST'],
  ['SELECT', '0'],
  ['DEBUG', 'DIGEST-VALUE', ...ALL_KEYS],
  ...EACH_KEY,
  ['DBSIZE'],
  ['SELECT', '1'],
  ['DEBUG', 'DIGEST-VALUE', ...ALL_KEYS],
  ...EACH_KEY,
  ['DBSIZE'],
];
const DEFAULTS = [
  ['CONFIG', 'SET', 'hash-max-listpack-entries', '512', 'zset-max-listpack-entries', '128'],
  ['CONFIG', 'SET', 'set-max-intset-entries', '512', 'list-max-listpack-size', '-2'],
  ['CONFIG', 'SET', 'stream-node-max-entries', '100'],
];

describeWithOracle(
  'values of all types, as redis-server has them',
  (pair) => {
    it('random sequences', () =>
      differential(pair, [...builders, ...generic], {
        runs: 150,
        maxCommands: 60,
        setUp: DEFAULTS,
        finalChecks: STATE,
      }));

    it('random sequences while the limits move', () =>
      differential(pair, [...builders, ...generic, ...limits], {
        runs: 150,
        maxCommands: 60,
        setUp: DEFAULTS,
        finalChecks: STATE,
      }));

    it('a copy of a big value is independent of it', async () => {
      const numbers = Array.from({ length: 1500 }, (_, i) => String(i));
      await pair.compareAll([
        ['RPUSH', 'list', ...numbers, 'x'.repeat(50_000)],
        ['SADD', 'set', ...numbers.map((n) => `member ${n}`)],
        ['ZADD', 'zset', ...numbers.flatMap((n) => [n, `member ${n}`])],
        ['HSET', 'hash', ...numbers.flatMap((n) => [`field ${n}`, n]), 'long', 'y'.repeat(50_000)],
        ...numbers.map((n) => ['XADD', 'stream', `${Number(n) + 1}-1`, 'n', n]),
        ['XGROUP', 'CREATE', 'stream', 'g', '0'],
        ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '100', 'STREAMS', 'stream', '>'],
      ]);
      const names = ['list', 'set', 'zset', 'hash', 'stream'];
      await pair.compareAll(names.map((name) => ['COPY', name, `${name} copy`]));
      const copies = ['DEBUG', 'DIGEST-VALUE', ...names.map((name) => `${name} copy`)];
      await pair.compare('DEBUG', 'DIGEST-VALUE', ...names);
      await pair.compare(...copies);
      await pair.compareAll([
        ['LTRIM', 'list', '10', '20'],
        ['SREM', 'set', 'member 1'],
        ['ZREMRANGEBYRANK', 'zset', '5', '1000'],
        ['HDEL', 'hash', 'long', 'field 5'],
        ['XTRIM', 'stream', 'MAXLEN', '3'],
        ['XACK', 'stream', 'g', '1-1'],
      ]);
      await pair.compare('DEBUG', 'DIGEST-VALUE', ...names);
      await pair.compare(...copies);
      await pair.compare('XPENDING', 'stream copy', 'g');
      await pair.compareAll(names.map((name) => ['UNLINK', name]));
      await pair.compare(...copies);
      await pair.compare('DEBUG', 'DIGEST');
      await pair.compareAll(names.map((name) => ['RENAME', `${name} copy`, name]));
      await pair.compare('DEBUG', 'DIGEST');
      await pair.compareAll(names.map((name) => ['MOVE', name, '3']));
      await pair.compare('DEBUG', 'DIGEST');
      await pair.compareAll(names.map((name) => ['SET', name, 'x']));
      await pair.compareAll([['SELECT', '3'], ...names.map((name) => ['SET', name, 'x'])]);
      await pair.compare('DEBUG', 'DIGEST');
    });

    it('MEMORY USAGE grows with the value, and samples', async () => {
      const usage = async (...words: string[]): Promise<number> => {
        const raw = await pair.ours.send('MEMORY', 'USAGE', ...words);
        return Number(raw.toString('latin1').slice(1));
      };
      const numbers = Array.from({ length: 3000 }, (_, i) => `element ${i}`);
      await pair.compareAll([
        ['RPUSH', 'list', ...numbers],
        ['SADD', 'set', ...numbers],
        ['ZADD', 'zset', ...numbers.flatMap((n, i) => [String(i), n])],
        ['HSET', 'hash', ...numbers.flatMap((n) => [n, n])],
        ...numbers.map((n, i) => ['XADD', 'stream', `${i + 1}-1`, 'field', n]),
        ['MEMORY', 'USAGE', 'none'],
        ['MEMORY', 'USAGE', 'list', 'SAMPLES', '-1'],
        ['MEMORY', 'USAGE', 'list', 'SAMPLES', 'x'],
        ['MEMORY', 'USAGE', 'list', 'SAMPLES'],
      ]);
      for (const name of ['list', 'set', 'zset', 'hash', 'stream']) {
        const all = await usage(name, 'SAMPLES', '0');
        const sampled = await usage(name);
        // A list may be compressed: the limits have moved.
        assert.ok(all > 3000 * 2 && all < 3000 * 150, `${name} takes ${all}`);
        assert.ok(sampled > all * 0.5 && sampled < all * 2, `${name} takes ${all}, by samples ${sampled}`);
      }
    });
  },
  { directives: { 'enable-debug-command': 'yes' } },
);
