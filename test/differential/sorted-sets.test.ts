/**
 * The sorted set commands against the real server: random sequences under RESP2 and RESP3, with packed sets, grown ones
 * and sets that grow on the way; every command with valid, boundary and invalid arguments, replies and errors byte for
 * byte, then the whole contents and encodings.
 *
 * 7.0 prints doubles with 17 digits where 7.2, which we follow, takes the fewest that read back the same; `shortest`
 * rewrites the oracle's.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { formatDouble } from '../../src/util/number-text.ts';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';
import { parseReply } from '../support/reply-framer.ts';

const KEYS = 4;
const { bytes } = arbitraries;
const key = (): fc.Arbitrary<string> => arbitraries.key(KEYS);

/** Doubles as texts: those of a reply with more than 15 digits are printed anew, RESP2's bulk lengths with them. */
function shortest(raw: Buffer): Buffer {
  const text = raw.toString('latin1');
  const redone = text
    .replace(/\$\d+\r\n(-?\d+\.?\d*(?:e[+-]\d+)?)\r\n/g, (whole, number: string) => {
      const short = shortForm(number);
      return short === number ? whole : `$${short.length}\r\n${short}\r\n`;
    })
    .replace(/,(-?\d+\.?\d*(?:e[+-]\d+)?)\r\n/g, (_, number: string) => `,${shortForm(number)}\r\n`);
  return Buffer.from(redone, 'latin1');
}

function shortForm(number: string): string {
  return /[.e]/.test(number) && number.length > 7 ? formatDouble(Number(number)) : number;
}

const score = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -5, max: 5 }).map(String) },
    { weight: 3, arbitrary: fc.integer({ min: -40, max: 40 }).map((n) => String(n / 8)) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'inf',
        '-inf',
        '+inf',
        '1e20',
        '-1.5e300',
        '0.1',
        '-0.3',
        '3.0e-5',
        '9007199254740993',
        '4503599627370496',
        '4503599627370497',
        '123456789',
        '0x10',
        '1e-300',
        '12345.6789012',
        '1e21',
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom('nan', '', ' 1', '1 ', 'x', '1e400', '1e-400', '--1', '(1') },
  );
/** Few members, so that they collide; some look like integers, some are long or binary. */
const member = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'aa', 'ab', 'B') },
    { weight: 2, arbitrary: fc.constantFrom('1', '12', '-3', '123456789012', '', '01', '1.5') },
    { weight: 1, arbitrary: bytes(6) },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(9), 'y'.repeat(64), 'z'.repeat(65)) },
  );
const rank = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: -7, max: 7 }).map(String) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('x', '', '1.5', '9223372036854775807', '-9223372036854775808', '99'),
    },
  );
const scoreBound = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -6, max: 6 }).map(String) },
    { weight: 4, arbitrary: fc.integer({ min: -6, max: 6 }).map((n) => `(${n / 2}`) },
    {
      weight: 4,
      arbitrary: fc.constantFrom('-inf', '+inf', 'inf', '(inf', '(-inf', '0.1', '1e400', '-1e400'),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('nan', '', '(', '((1', 'x', ' 1', '( 1', '1 ', '[1', '0x2', '1e-400'),
    },
  );
const lexBound = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('-', '+') },
    {
      weight: 6,
      arbitrary: fc.constantFrom('[a', '(a', '[b', '(b', '[c', '(aa', '[ab', '[', '(', '[B', '(1'),
    },
    { weight: 1, arbitrary: fc.constantFrom('', 'a', '--', '+a', '-a', '[\xff') },
  );
const limit = (): fc.Arbitrary<readonly string[]> =>
  fc
    .tuple(fc.integer({ min: -1, max: 4 }), fc.integer({ min: -2, max: 4 }))
    .map(([offset, count]) => ['LIMIT', String(offset), String(count)]);

function options(
  arbitrary: fc.Arbitrary<readonly string[]>,
  maxLength: number,
): fc.Arbitrary<readonly string[]> {
  return fc.array(arbitrary, { maxLength }).map((lists) => lists.flat());
}

/** A command from fixed arguments and then lists of words. */
function line(
  name: string,
  fixed: readonly fc.Arbitrary<Arg>[],
  ...lists: readonly fc.Arbitrary<readonly Arg[]>[]
): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(fc.tuple(...fixed), fc.tuple(...lists))
      .map(([words, more]): readonly Arg[] => [name, ...words, ...more.flat()]),
  };
}

const pairs = (max: number): fc.Arbitrary<readonly Arg[]> =>
  fc.array(fc.tuple(score(), member()), { minLength: 1, maxLength: max }).map((list) => list.flat());
const zaddOption = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.constantFrom(['NX'], ['XX'], ['GT'], ['LT'], ['CH'], ['INCR'], ['gt'], ['ch']),
    },
    { weight: 1, arbitrary: fc.constantFrom(['FOO'], [''], ['NXX']) },
  );
const rangeOption = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(['WITHSCORES']) },
    { weight: 3, arbitrary: limit() },
    { weight: 2, arbitrary: fc.constantFrom(['REV'], ['rev']) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(['BYSCORE'], ['BYLEX'], ['LIMIT', '1'], ['LIMIT', 'x', '1'], ['foo']),
    },
  );
const numkeys = (): fc.Arbitrary<readonly string[]> =>
  fc
    .tuple(
      fc.array(fc.oneof(key(), key(), fc.constant('set')), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: 40 }),
    )
    .map(([keys, odd]) => {
      const counts = ['0', '-1', 'x', String(keys.length + 1), '9223372036854775808'];
      return [counts[odd] ?? String(keys.length), ...keys];
    });
const combineOption = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .array(fc.constantFrom('1', '2', '-1', '0', '0.5', 'inf', '-inf', 'x', 'nan'), {
          minLength: 1,
          maxLength: 3,
        })
        .map((weights) => ['WEIGHTS', ...weights]),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom(['AGGREGATE', 'SUM'], ['AGGREGATE', 'MIN'], ['aggregate', 'max']),
    },
    { weight: 2, arbitrary: fc.constant(['WITHSCORES']) },
    { weight: 1, arbitrary: fc.constantFrom(['AGGREGATE', 'x'], ['AGGREGATE'], ['LIMIT', '1'], ['foo']) },
  );
const popCount = (): fc.Arbitrary<readonly string[]> =>
  fc.constantFrom([], [], ['1'], ['2'], ['10'], ['0'], ['-1'], ['x'], ['9223372036854775808'], ['1', '2']);
const mpopTail = (): fc.Arbitrary<readonly string[]> =>
  fc
    .tuple(
      fc.constantFrom('MIN', 'MAX', 'min', 'foo'),
      fc.constantFrom(
        [],
        [],
        ['COUNT', '2'],
        ['count', '10'],
        ['COUNT', '0'],
        ['COUNT', 'x'],
        ['COUNT'],
        ['COUNT', '1', 'COUNT', '1'],
      ),
    )
    .map(([where, count]) => [where, ...count]);

const checks = (names: readonly string[]): Arg[][] =>
  names.flatMap((name) => [
    ['ZRANGE', name, '0', '-1', 'WITHSCORES'],
    ['OBJECT', 'ENCODING', name],
    ['ZCARD', name],
  ]);
const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

/** Doubles of both are compared as 7.2 prints them. */
function normalised(list: readonly CommandGenerator[]): readonly CommandGenerator[] {
  return list.map((generator) => ({ ...generator, normalise: shortest }));
}

const changing: readonly CommandGenerator[] = normalised([
  { weight: 8, ...line('ZADD', [key()], pairs(4)) },
  { weight: 6, ...line('ZADD', [key()], options(zaddOption(), 3), pairs(2)) },
  { weight: 4, ...command('ZINCRBY', key(), score(), member()) },
  { weight: 3, ...line('ZREM', [key()], fc.array(member(), { minLength: 1, maxLength: 3 })) },
  command('ZREMRANGEBYRANK', key(), rank(), rank()),
  command('ZREMRANGEBYSCORE', key(), scoreBound(), scoreBound()),
  line('ZPOPMIN', [key()], popCount()),
  line('ZPOPMAX', [key()], popCount()),
  { ...line('ZMPOP', [], numkeys(), mpopTail()), weight: 1 },
  line('BZPOPMIN', [key(), key()], fc.constantFrom(['0.01'], ['-1'], ['x'], ['nan'])),
  line('BZPOPMAX', [key(), key()], fc.constantFrom(['0.01'])),
  line('BZMPOP', [fc.constantFrom('0.01', 'x', '-1')], numkeys(), mpopTail()),
  line('ZRANGESTORE', [key(), key(), rank(), rank()], options(rangeOption(), 2)),
  line(
    'ZRANGESTORE',
    [key(), key(), scoreBound(), scoreBound()],
    fc.constant(['BYSCORE']),
    options(limit(), 1),
  ),
  { weight: 2, ...line('ZUNIONSTORE', [key()], numkeys(), options(combineOption(), 2)) },
  { weight: 2, ...line('ZINTERSTORE', [key()], numkeys(), options(combineOption(), 2)) },
  line('ZDIFFSTORE', [key()], numkeys(), options(combineOption(), 1)),
  command('SADD', fc.constant('set'), member()),
  command('DEL', key()),
  command('COPY', key(), key()),
]);

const reading: readonly CommandGenerator[] = normalised([
  command('ZCARD', key()),
  command('ZSCORE', key(), member()),
  line('ZMSCORE', [key()], fc.array(member(), { minLength: 1, maxLength: 3 })),
  command('ZRANK', key(), member()),
  command('ZREVRANK', key(), member()),
  { weight: 2, ...line('ZRANGE', [key(), rank(), rank()], options(rangeOption(), 2)) },
  {
    weight: 2,
    ...line(
      'ZRANGE',
      [key(), scoreBound(), scoreBound()],
      fc.constant(['BYSCORE']),
      options(rangeOption(), 2),
    ),
  },
  line('ZREVRANGE', [key(), rank(), rank()], options(rangeOption(), 1)),
  { weight: 2, ...line('ZRANGEBYSCORE', [key(), scoreBound(), scoreBound()], options(rangeOption(), 2)) },
  { weight: 2, ...line('ZREVRANGEBYSCORE', [key(), scoreBound(), scoreBound()], options(rangeOption(), 2)) },
  command('ZCOUNT', key(), scoreBound(), scoreBound()),
  line('ZUNION', [], numkeys(), options(combineOption(), 3)),
  line('ZINTER', [], numkeys(), options(combineOption(), 3)),
  line('ZDIFF', [], numkeys(), options(combineOption(), 1)),
  line(
    'ZINTERCARD',
    [],
    numkeys(),
    options(fc.constantFrom(['LIMIT', '1'], ['LIMIT', '0'], ['LIMIT', '-1'], ['LIMIT', 'x'], ['foo']), 1),
  ),
  {
    ...line(
      'ZRANDMEMBER',
      [key()],
      fc.constantFrom([], ['2'], ['-3'], ['0'], ['99', 'WITHSCORES'], ['-2', 'withscores']),
    ),
    compare: shape,
  },
  line(
    'ZRANDMEMBER',
    [key()],
    fc.constantFrom(['x'], ['1', 'foo'], ['9223372036854775807', 'WITHSCORES'], ['-9223372036854775808']),
  ),
  {
    ...line('ZSCAN', [key()], fc.constantFrom(['0', 'COUNT', '1000'], ['0', 'MATCH', 'a*', 'COUNT', '1000'])),
    compare: scanned,
  },
  line(
    'ZSCAN',
    [key()],
    fc.constantFrom(['x'], ['0', 'COUNT', '0'], ['0', 'MATCH'], ['0', 'COUNT', 'x'], ['0', 'foo', '1']),
  ),
  command('TYPE', key()),
]);

/** Members drawn at random: as many of them, in the same form. */
function shape(ours: Buffer, oracle: Buffer): string | null {
  const size = (raw: Buffer): string => {
    const reply = parseReply(raw);
    return Array.isArray(reply) ? `${reply.length} ${reply.map((one) => Array.isArray(one))}` : typeof reply;
  };
  return size(ours) === size(oracle) ? null : 'other shapes';
}

/** A scan in one go: the same pairs in any order. */
function scanned(ours: Buffer, oracle: Buffer): string | null {
  const inOrder = (raw: Buffer): string => {
    const reply = parseReply(raw);
    if (!Array.isArray(reply)) return raw.toString('latin1');
    const [cursor, flat] = reply as [string, string[]];
    const list = flat.flatMap((one, i) => (i % 2 === 0 ? [`${one}=${flat[i + 1]}`] : []));
    return `${cursor} ${list.sort().join(' ')}`;
  };
  return inOrder(ours) === inOrder(oracle) ? null : 'other elements';
}

const lexSet = (): fc.Arbitrary<readonly Arg[]> =>
  fc.array(member(), { minLength: 1, maxLength: 8 }).map((list) => list.flatMap((one) => ['0', one]));
const lex: readonly CommandGenerator[] = [
  { weight: 5, ...line('ZADD', [key()], lexSet()) },
  { weight: 2, ...line('ZRANGEBYLEX', [key(), lexBound(), lexBound()], options(limit(), 1)) },
  { weight: 2, ...line('ZREVRANGEBYLEX', [key(), lexBound(), lexBound()], options(limit(), 1)) },
  {
    weight: 2,
    ...line('ZRANGE', [key(), lexBound(), lexBound()], fc.constant(['BYLEX']), options(rangeOption(), 2)),
  },
  { weight: 2, ...command('ZLEXCOUNT', key(), lexBound(), lexBound()) },
  command('ZREMRANGEBYLEX', key(), lexBound(), lexBound()),
  line('ZRANGESTORE', [key(), key(), lexBound(), lexBound()], fc.constant(['BYLEX']), options(limit(), 1)),
];

/** All packed, all grown, and a limit that is met on the way. */
const LIMITS: readonly (readonly [string, string])[] = [
  ['128', '64'],
  ['0', '64'],
  ['5', '8'],
];

describeWithOracle('sorted sets, as redis-server has them', (pair) => {
  for (const [entries, value] of LIMITS) {
    const setUp = [
      ['CONFIG', 'SET', 'zset-max-listpack-entries', entries, 'zset-max-listpack-value', value],
      ['SET', 'string', 'v'],
    ];
    it(`random sequences, up to ${entries} packed`, () =>
      differential(pair, [...changing, ...reading], {
        runs: 90,
        maxCommands: 40,
        setUp,
        finalChecks: [['DBSIZE']],
      }));

    it(`what is left behind, up to ${entries} packed`, () =>
      differential(
        pair,
        [
          ...changing,
          ...normalised(
            ALL_KEYS.flatMap((name) => [
              { args: fc.constant(['ZRANGE', name, '0', '-1', 'WITHSCORES']) },
              { args: fc.constant(['OBJECT', 'ENCODING', name]) },
            ]),
          ),
        ],
        { runs: 60, maxCommands: 40, setUp },
      ));

    it(`ranges by member, up to ${entries} packed`, () =>
      differential(pair, lex, { runs: 60, maxCommands: 40, setUp, finalChecks: checks(ALL_KEYS) }));
  }

  it('wrong numbers of arguments, keys of other types', async () => {
    const names = new Set(
      [...changing, ...reading, ...lex].flatMap(({ args }) => fc.sample(args, 1)[0]![0]!),
    );
    names.delete('COPY');
    const commands: Arg[][] = [['SET', 's', 'v']];
    for (const name of names) {
      for (let count = 0; count <= 5; count++)
        commands.push([name, 's', '1', '2', '3', '4'].slice(0, count + 1));
      commands.push([name, '1', 's'], [name, 'k', '1', 's']);
    }
    // ZRANK and ZREVRANK have one more argument in 7.2.
    await pair.compareAll(
      commands.filter(([name, ...rest]) => !(/^Z(REV)?RANK$/.test(String(name)) && rest.length > 2)),
    );
  });

  it('what a command counts as a change', async () => {
    let before = await changes(pair);
    for (const words of [
      'ZADD k 1 a 2 b',
      'ZADD k 1 a 3 b 4 c',
      'ZADD k XX 1 z',
      'ZADD k INCR 1 a',
      'ZINCRBY k 0 a',
      'ZREM k a z',
      'ZADD k 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h',
      'ZPOPMIN k',
      'ZPOPMAX k 2',
      'ZREMRANGEBYRANK k 0 1',
      'ZREMRANGEBYRANK k 9 10',
      'ZREMRANGEBYSCORE k 4 4',
      'ZADD l 0 a 0 b 0 c 0 d',
      'ZREMRANGEBYLEX l [a (c',
      'ZUNIONSTORE u 2 k l',
      'ZINTERSTORE i 2 k nosuch',
      'ZINTERSTORE u 2 k nosuch',
      'ZDIFFSTORE u 2 l k',
      'ZRANGESTORE r l 0 -1',
      'ZRANGESTORE r l 5 9',
      'ZRANGESTORE r l 5 9',
      'ZMPOP 2 nosuch l MIN COUNT 5',
      'BZPOPMIN k 0',
      'ZREM k e f g h',
      'ZPOPMIN k 0',
    ]) {
      await pair.compare(...words.split(' '));
      const after = await changes(pair);
      assert.equal(after.ours - before.ours, after.oracle - before.oracle, words);
      before = after;
    }
  });
});

/** The counters of changes since the last save. */
async function changes(pair: OraclePair): Promise<{ ours: number; oracle: number }> {
  const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
  const count = (replies: Buffer[]): number =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
  return { ours: count(ours), oracle: count(oracle) };
}
