/**
 * SORT and SORT_RO against the real server: lists, sets and sorted sets of numbers, texts and what only looks like
 * numbers, with every option, over keys and hashes that BY and GET find, miss, or find to be of another type.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';

const LISTS = ['l:1', 'l:2'];
const SETS = ['s:1', 's:2'];
const ZSETS = ['z:1'];
const COLLECTIONS = [...LISTS, ...SETS, ...ZSETS];

const small = (): fc.Arbitrary<string> => fc.integer({ min: 0, max: 9 }).map(String);
/**
 * What strtod takes and what it does not. Without 1e400: after it the real server takes good numbers for bad ones, as
 * it looks at a stale errno.
 */
const numberText = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    '1.5',
    '-3',
    '1e3',
    ' 7',
    '\t-2.5',
    '0x1f',
    '',
    'inf',
    '-inf',
    '+4',
    '.5',
    '5.',
    '9007199254740993',
    '9223372036854775807',
    '-0',
    '007',
    '12\0abc',
    'nan',
    '7 ',
    'abc',
    '-',
    '1e',
    '0x',
  );
const text = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    fc.constantFrom('a', 'b', 'aa', 'ab', 'a\0b', 'a\0a', 'abcdefgh', 'abcdefgi', 'abcdef', '\xff', 'B', ''),
    arbitraries.bytes(5),
  );
const element = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 12, arbitrary: small() },
    { weight: 1, arbitrary: numberText() },
    { weight: 1, arbitrary: text() },
  );
const weight = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: -5, max: 5 }).map(String) },
    { weight: 1, arbitrary: numberText() },
    { weight: 1, arbitrary: text() },
  );
const anyKey = (): fc.Arbitrary<string> =>
  fc.constantFrom(...COLLECTIONS, ...COLLECTIONS, 'w:1', 'h:1', 'nokey');

const by = fc.constantFrom(
  'w:*',
  'h:*->weight',
  'nosort',
  'none:*',
  'h:*->none',
  'w:*->x',
  'h:*',
  '#',
  '*',
  'w:*->',
  'w:\0*',
);
const get = fc.constantFrom(
  'w:*',
  'h:*->weight',
  'h:*->name',
  '#',
  'w:1',
  'none:*',
  'h:*',
  'w:*->x',
  '*->weight',
  'h:*->',
  'l:*',
  '#x',
);
const limit = fc.constantFrom('0', '1', '2', '3', '100', '-1', '-5', '9223372036854775807', 'x', '');
function option(mayStore: boolean): fc.Arbitrary<readonly string[]> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(['ASC'], ['DESC'], ['desc'], ['ALPHA'], ['alpha'], ['ALPHA']) },
    { weight: 4, arbitrary: by.map((pattern) => ['BY', pattern]) },
    { weight: 4, arbitrary: get.map((pattern) => ['GET', pattern]) },
    { weight: 3, arbitrary: fc.tuple(limit, limit).map((words) => ['LIMIT', ...words]) },
    {
      weight: mayStore ? 3 : 1,
      arbitrary: fc.constantFrom('d:1', 'l:1', 's:1', 'w:2').map((to) => ['STORE', to]),
    },
    { weight: 1, arbitrary: fc.constantFrom(['bogus'], ['BY'], ['GET'], ['LIMIT', '1'], ['STORE'], ['']) },
  );
}

function sortCommand(name: string, mayStore: boolean): CommandGenerator {
  return {
    weight: mayStore ? 14 : 8,
    args: fc
      .tuple(anyKey(), fc.array(option(mayStore), { maxLength: 5 }))
      .map(([key, options]): readonly Arg[] => [name, key, ...options.flat()])
      .filter(isDetermined),
  };
}

/**
 * Redis tells nothing of the order of a set, of a sorted set's elements that all lack a weight, or of elements with
 * equal texts as weights when there is a LIMIT: its sort is not stable then.
 */
function isDetermined(args: readonly Arg[]): boolean {
  const words = args.slice(2).map((word) => String(word).toLowerCase());
  if (words.includes('by') && words.includes('alpha') && words.includes('limit')) return false;
  const patterns = words.filter((_, i) => words[i - 1] === 'by');
  if (patterns.length === 0 || LISTS.includes(String(args[1]))) return true;
  if (!patterns.some((pattern) => !pattern.includes('*') || pattern.includes('\0')))
    return !words.includes('alpha');
  return ZSETS.includes(String(args[1]));
}

const setUp: readonly (readonly Arg[])[] = [
  ['RPUSH', 'l:1', '3', '1', '2', '5', '4'],
  ['RPUSH', 'l:2', 'b', 'a', 'a\0b', 'a\0a', 'abcdefgh', 'abcdefgi'],
  ['SADD', 's:1', '3', '1', '2', '10'],
  ['SADD', 's:2', 'x', 'y', '1'],
  ['ZADD', 'z:1', '3', '1', '1', '2', '2', '3'],
];

function generators(): readonly CommandGenerator[] {
  const name = (prefix: string): fc.Arbitrary<string> => small().map((n) => `${prefix}:${n}`);
  return [
    sortCommand('SORT', true),
    sortCommand('SORT_RO', false),
    { weight: 3, ...command('RPUSH', fc.constantFrom(...LISTS), element()) },
    { weight: 1, ...command('LPOP', fc.constantFrom(...LISTS)) },
    { weight: 2, ...command('SADD', fc.constantFrom(...SETS), element()) },
    { weight: 2, ...command('ZADD', fc.constantFrom(...ZSETS), small(), element()) },
    { weight: 4, ...command('SET', name('w'), weight()) },
    { weight: 4, ...command('HSET', name('h'), fc.constantFrom('weight', 'name'), weight()) },
    { weight: 1, ...command('RPUSH', name('w'), weight()) },
    { weight: 2, ...command('OBJECT', fc.constant('ENCODING'), anyKey()) },
    { weight: 1, ...command('DEL', fc.oneof(name('w'), name('h'), anyKey())) },
    { weight: 1, ...command('EXPIREAT', fc.constantFrom('d:1', 'l:1'), fc.constant('33177117420')) },
  ];
}

const finalChecks = [
  ...['d:1', 'w:2', ...LISTS].flatMap((key) => [
    ['TYPE', key],
    ['LRANGE', key, '0', '-1'],
    ['PEXPIRETIME', key],
  ]),
  ...COLLECTIONS.map((key) => ['OBJECT', 'ENCODING', key]),
  ['DBSIZE'],
];

describeWithOracle('SORT, as redis-server has it', (pair) => {
  it('random sequences', () =>
    differential(pair, generators(), { runs: 250, maxCommands: 40, setUp, finalChecks }));

  it('larger collections, every order', async () => {
    await pair.reset();
    const random = lcg(7);
    const elements = Array.from({ length: 1500 }, () => String(Math.floor(random() * 5000) - 2000));
    await pair.compare('RPUSH', 'list', ...elements);
    await pair.compare('SADD', 'set', ...elements, 'x');
    await pair.compare('SREM', 'set', 'x');
    await pair.compare('SADD', 'ints', ...elements.slice(0, 300));
    await pair.compare('ZADD', 'zset', ...elements.flatMap((member) => [String(random() * 100), member]));
    for (const member of elements) {
      await pair.compare('SET', `w_${member}`, String(Math.floor(random() * 50) - 20));
      await pair.compare(
        'HSET',
        `h_${member}`,
        'f',
        String(random() * 10),
        'text',
        `t${Math.floor(random() * 1e6)}`,
      );
    }
    for (const key of ['list', 'set', 'ints', 'zset']) {
      for (const order of [[], ['DESC']]) {
        await pair.compare('SORT', key, ...order);
        await pair.compare('SORT', key, ...order, 'ALPHA');
        await pair.compare('SORT', key, ...order, 'LIMIT', '10', '25');
        await pair.compare('SORT', key, ...order, 'ALPHA', 'LIMIT', '10', '25');
        await pair.compare('SORT', key, ...order, 'BY', 'w_*', 'LIMIT', '10', '25');
        await pair.compare('SORT', key, ...order, 'BY', 'w_*');
        await pair.compare(
          'SORT',
          key,
          ...order,
          'BY',
          'w_*',
          'LIMIT',
          '5',
          '100',
          'GET',
          '#',
          'GET',
          'h_*->text',
        );
        await pair.compare('SORT', key, ...order, 'BY', 'h_*->f', 'GET', 'w_*', 'GET', 'none_*');
        await pair.compare('SORT', key, ...order, 'BY', 'h_*->text', 'ALPHA', 'GET', 'h_*->text');
        await pair.compare('SORT', key, ...order, 'BY', 'none_*');
        await pair.compare('SORT', key, ...order, 'STORE', 'to');
        await pair.compare('LRANGE', 'to', '0', '-1');
        await pair.compare(
          'SORT',
          key,
          ...order,
          'BY',
          'w_*',
          'GET',
          'h_*->text',
          'GET',
          'none_*',
          'STORE',
          'to',
        );
        await pair.compare('LRANGE', 'to', '0', '-1');
      }
    }
    for (const key of ['list', 'zset']) {
      for (const order of [[], ['DESC']]) {
        await pair.compare('SORT', key, 'BY', 'nosort', ...order);
        await pair.compare('SORT', key, 'BY', 'nosort', 'LIMIT', '100', '50', ...order);
        await pair.compare('SORT', key, 'BY', 'nosort', 'GET', 'w_*', 'LIMIT', '600', '500', ...order);
        await pair.compare('SORT', key, 'BY', 'nosort', ...order, 'STORE', key);
        await pair.compare('LRANGE', key, '0', '-1');
        await pair.compare('DEL', key);
        await pair.compare('RPUSH', key, '1', '2');
      }
    }
  });

  it('what a command counts as a change', async () => {
    await pair.reset();
    const commands = [
      ['RPUSH', 'l', '3', '1', '2'],
      ['SORT', 'l'],
      ['SORT', 'l', 'STORE', 'd'],
      ['SORT', 'l', 'GET', '#', 'GET', 'x', 'STORE', 'd'],
      ['SORT', 'nokey', 'STORE', 'd'],
      ['SORT', 'nokey', 'STORE', 'd'],
    ];
    let before = await changes(pair);
    for (const words of commands) {
      await pair.compare(...words);
      const after = await changes(pair);
      assert.equal(after.ours - before.ours, after.oracle - before.oracle, words.join(' '));
      before = after;
    }
  });
});

/** The counters of changes since the last save. */
async function changes(pair: OraclePair): Promise<{ ours: number; oracle: number }> {
  const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
  const read = (replies: Buffer[]): number =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
  return { ours: read(ours), oracle: read(oracle) };
}

function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
