/**
 * The generic commands against the real server: random sequences on few keys, so that they meet; walks compared
 * as sets, because the two tables have different orders.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { type Comparator, comparatorOf, describeWithOracle, within } from '../support/oracle.ts';
import type { Arg, RawClient } from '../support/raw-client.ts';

const { key, integer, notInteger, value } = arbitraries;
const word = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);

/** Amounts that overflow, lie in the past, or are far enough in the future not to run out during the test. */
const amount = fc.oneof(
  { weight: 4, arbitrary: word('100000', '200000', '300000', '5000000') },
  { weight: 2, arbitrary: word('0', '-1', '-100', '-9223372036854775808', '-9223372036854775') },
  {
    weight: 2,
    arbitrary: word('9223372036854775807', '9223372036854775', '9223372036854776', '9223370000000000000'),
  },
  { weight: 1, arbitrary: notInteger() },
  // What runs out while the test runs would run out at different moments.
  { weight: 1, arbitrary: integer().filter((text) => Number(text) <= 0 || Number(text) > 50_000) },
);
const moment = fc.oneof(
  { weight: 4, arbitrary: word('4000000000', '4000000001', '4100000000000', '4100000000001') },
  { weight: 1, arbitrary: amount },
);
const conditions = fc.array(word('NX', 'XX', 'GT', 'LT', 'nx', 'xX', 'foo', ''), { maxLength: 2 });
const database = fc.oneof(
  { weight: 5, arbitrary: word('0', '1', '2') },
  { weight: 1, arbitrary: word('16', '-1', 'x', '99999999999', '9999999999999999999') },
);

function withOptions(
  name: string,
  fixed: readonly fc.Arbitrary<Arg>[],
  options: fc.Arbitrary<readonly Arg[]>,
): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(fc.tuple(...fixed), options)
      .map(([values, more]): readonly Arg[] => [name, ...values, ...more]),
  };
}

/** Shared integers have one clock for all keys; the errors must be the same, and what is null. */
const sharedClock: Comparator = (ours, oracle) =>
  ours[0] === 0x3a && oracle[0] === 0x3a ? null : comparatorOf('exact')(ours, oracle);

const EXPIRING: readonly CommandGenerator[] = [
  { ...withOptions('EXPIRE', [key(), amount], conditions), weight: 3 },
  { ...withOptions('PEXPIRE', [key(), amount], conditions), weight: 2 },
  { ...withOptions('EXPIREAT', [key(), moment], conditions), weight: 2 },
  { ...withOptions('PEXPIREAT', [key(), moment], conditions), weight: 2 },
  { ...command('TTL', key()), compare: within(1) },
  { ...command('PTTL', key()), compare: within(2000) },
  // After a relative EXPIRE the servers' clocks show.
  { ...command('EXPIRETIME', key()), compare: within(2) },
  { ...command('PEXPIRETIME', key()), compare: within(2000) },
  command('PERSIST', key()),
];

const COMMANDS: readonly CommandGenerator[] = [
  { ...command('SET', key(), value()), weight: 6 },
  { ...command('GET', key()), weight: 3 },
  { ...command('APPEND', key(), value()) },
  command('INCR', key()),
  { ...withOptions('DEL', [key()], fc.array(key(), { maxLength: 2 })) },
  { ...withOptions('UNLINK', [key()], fc.array(key(), { maxLength: 2 })) },
  { ...withOptions('EXISTS', [key()], fc.array(key(), { maxLength: 3 })) },
  { ...withOptions('TOUCH', [key()], fc.array(key(), { maxLength: 3 })) },
  command('TYPE', key()),
  { ...command('RENAME', key(), key()), weight: 3 },
  { ...command('RENAMENX', key(), key()), weight: 2 },
  { ...command('MOVE', key(), database), weight: 3 },
  {
    ...withOptions(
      'COPY',
      [key(), key()],
      fc
        .array(
          fc.oneof(
            fc.constant(['REPLACE']),
            database.map((db) => ['DB', db]),
            fc.constant(['x']),
          ),
          {
            maxLength: 2,
          },
        )
        .map((options) => options.flat()),
    ),
    weight: 4,
  },
  { ...command('SELECT', word('0', '1', '2')), weight: 2 },
  command('SWAPDB', database, database),
  command('DBSIZE'),
  { ...withOptions('FLUSHDB', [], fc.array(word('ASYNC', 'SYNC', 'async', 'x'), { maxLength: 2 })) },
  command('OBJECT', word('ENCODING'), key()),
  // Whether a small integer is shared depends in Redis on how it came to be (not by COPY).
  { ...command('OBJECT', word('REFCOUNT'), key()), compare: 'type' },
  { ...command('OBJECT', word('FREQ', 'IDLETIME'), key()), compare: sharedClock },
  command('OBJECT', word('HELP', 'FOO', 'ENCODING')),
  {
    ...command('KEYS', word('*', 'key:?', 'key:[0-2]', 'k*[^3]', '', 'nothing', '[', '\\', 'key:\\1')),
    compare: 'sorted',
  },
  ...EXPIRING,
];

describeWithOracle('keys', (pair) => {
  it('answers random sequences alike', async () => {
    await differential(pair, COMMANDS, {
      runs: 150,
      maxCommands: 60,
      finalChecks: [['SELECT', '0'], ['DBSIZE'], ['SELECT', '1'], ['DBSIZE'], ['SELECT', '2'], ['DBSIZE']],
      finalSorted: [['KEYS', '*']],
    });
  });

  it('answers random expiry sequences alike', async () => {
    await differential(pair, [{ ...command('SET', key(2), value()), weight: 3 }, ...EXPIRING], {
      runs: 150,
      maxCommands: 40,
    });
  });

  it('refuses bad arguments with the same words', async () => {
    await pair.compare('SET', 'k', 'v');
    for (const line of [
      'SCAN',
      'SCAN x',
      'SCAN 0 COUNT',
      'SCAN 0 COUNT 0',
      'SCAN 0 COUNT -1',
      'SCAN 0 COUNT x',
      'SCAN 0 MATCH',
      'SCAN 0 TYPE',
      'SCAN 0 FOO 1',
      'SCAN 0 COUNT 9223372036854775808',
      'SCAN 18446744073709551616',
      'SCAN -',
      'EXPIRE k',
      'EXPIRE k 1 NX XX',
      'EXPIRE k 1 GT LT',
      'EXPIRE k x NX XX',
      'EXPIRE k 1 FOO NX',
      'EXPIRE none x',
      'MOVE k',
      'MOVE k 1 2',
      'MOVE k 0',
      'MOVE k 16',
      'MOVE k -1',
      'MOVE k x',
      'MOVE k 2147483648',
      'COPY k',
      'COPY k k',
      'COPY k l DB',
      'COPY k l DB x',
      'COPY k l DB 16',
      'COPY k l FOO',
      'COPY none l DB 99',
      'RENAME none k',
      'RENAMENX none k',
      'RENAME k k',
      'RENAMENX k k',
      'SWAPDB 0',
      'SWAPDB x 0',
      'SWAPDB 0 x',
      'SWAPDB 0 16',
      'SWAPDB -1 0',
      'SWAPDB 2147483648 0',
      'FLUSHALL x',
      'FLUSHALL SYNC ASYNC',
      'FLUSHDB x',
      'OBJECT',
      'OBJECT ENCODING',
      'OBJECT FREQ k',
      'OBJECT FREQ none',
      'OBJECT IDLETIME none',
      'OBJECT FOO k',
      'TYPE',
      'TOUCH',
      'EXISTS',
      'DEL',
      'KEYS',
      'RANDOMKEY x',
      'PERSIST',
    ]) {
      await pair.compare(...line.split(' '));
    }
  });

  it('OBJECT minds the policy', async () => {
    await pair.compare('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    // A value that is not shared between keys: those have one counter for all.
    await pair.compare('SET', 'k', 'text');
    await pair.compare('OBJECT', 'FREQ', 'k');
    await pair.compare('OBJECT', 'IDLETIME', 'k');
    await pair.compare('OBJECT', 'IDLETIME', 'none');
    await pair.compare('SET', 'k', '5');
    await pair.compare('OBJECT', 'REFCOUNT', 'k');
    await pair.compare('CONFIG', 'SET', 'maxmemory', '1000mb');
    await pair.compare('SET', 'k', '5');
    await pair.compare('OBJECT', 'REFCOUNT', 'k');
    await pair.compare('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
  });

  it('refuses with OOM what may grow, and nothing else', async () => {
    await pair.compare('SET', 'k', '5', 'EX', '1000');
    await pair.compare('CONFIG', 'SET', 'maxmemory', '1');
    for (const line of [
      'SET a b',
      'GET k',
      'APPEND k x',
      'INCR k',
      'COPY k l',
      'RENAME k l',
      'RENAME l k',
      'EXPIRE k 1000',
      'PERSIST k',
      'MOVE k 1',
      'SETRANGE a 0 x',
      'GETDEL k',
      'DEL k',
      'MSET a b',
      'PING',
      'SETRANGE',
      'SET',
    ]) {
      await pair.compare(...line.split(' '));
    }
    await pair.compare('CONFIG', 'SET', 'maxmemory', '0');
  });

  it('walks to the same keys', async () => {
    const commands: Arg[][] = [];
    for (let i = 0; i < 1000; i++) {
      const name = Buffer.from([0x6b, i & 0xff, i >> 8, ...(i % 3 === 0 ? [0x3a, i % 7] : [])]);
      commands.push(['SET', name, String(i)]);
    }
    await pair.compareAll(commands);
    for (const options of [
      [],
      ['COUNT', '3'],
      ['COUNT', '1000000'],
      ['MATCH', 'k*:*'],
      ['TYPE', 'string'],
      ['TYPE', 'list'],
    ]) {
      const [ours, oracle] = await Promise.all([walk(pair.ours, options), walk(pair.oracle, options)]);
      assert.deepEqual(ours, oracle, options.join(' '));
    }
    for (const pattern of ['*', 'k*:*', 'k\x01?', 'k[^\x01]*', 'k??']) {
      await pair.compareAs('sorted', 'KEYS', Buffer.from(pattern, 'latin1'));
    }
  });
});

/** The keys of a whole SCAN, sorted, each once. */
async function walk(client: RawClient, options: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = (await client.call('SCAN', cursor, ...options)) as [string, string[]];
    for (const name of keys) found.add(name);
    cursor = next;
  } while (cursor !== '0');
  return [...found].sort();
}
