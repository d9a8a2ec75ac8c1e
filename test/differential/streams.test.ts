/**
 * The stream commands against the real server: random sequences under RESP2 and RESP3 on few streams, groups and
 * consumers, with nodes of several sizes; what XINFO STREAM tells of nodes and counters must agree, too. Ids are
 * given, so that both servers have the same ones; times are taken out of the replies.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { randomBelow, seededRandom, systemRandom } from '../../src/util/random.ts';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle, type Normaliser } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';
import { transcript } from '../support/transcript.ts';

/** One client waits for the group's stream, another does something to it. */
const WAITING = [
  'DEL k',
  'UNLINK k',
  'FLUSHALL',
  'FLUSHDB ASYNC',
  'SWAPDB 0 1',
  'SELECT 1 | XADD k 9-9 a b | XGROUP CREATE k g 0 | SWAPDB 0 1',
  'SELECT 1 | XADD k 9-9 a b | SWAPDB 0 1',
  'SELECT 1 | SET k x | SWAPDB 0 1',
  'SET k x',
  'SET x y | RENAME x k',
  'SADD x y | SORT x BY nosort STORE k',
  'RENAME k other',
  'MOVE k 1',
  'XADD o 1-1 a b | RENAME o k',
  'XADD o 1-1 a b | COPY o k REPLACE',
  'XADD o 1-1 a b | XGROUP CREATE o g 0 | RENAME o k',
  'XGROUP DESTROY k g',
  'PEXPIRE k -1',
  'MULTI | DEL k | XADD k 7-7 a b | EXEC',
  'MULTI | DEL k | XGROUP CREATE k g 0 MKSTREAM | EXEC | XADD k 5-5 a b',
  'MULTI | XGROUP DESTROY k g | XGROUP CREATE k g 0 | EXEC | XADD k 5-5 a b',
  'XADD k 5-5 a b',
  'MULTI | XADD k 5-5 a b | XADD k 6-6 c d | EXEC',
  'XGROUP SETID k g 99 | XADD k 5-5 a b | XADD k 100-1 c d',
  'XSETID k 50-50 | XADD k 60-1 a b',
];

const KEYS = ['s:0', 's:1', 's:2'];
const GROUPS = ['g', 'h', 'no\0group'];
const CONSUMERS = ['alice', 'bob', 'carol', 'c\xff'];

const key = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...KEYS) },
    { weight: 1, arbitrary: fc.constant('string') },
  );
const group = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant('g') }, { weight: 2, arbitrary: fc.constantFrom(...GROUPS) });
const consumer = (): fc.Arbitrary<string> => fc.constantFrom(...CONSUMERS);

const smallId = (): fc.Arbitrary<string> =>
  fc
    .tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 4 }))
    .map(([ms, seq]) => `${ms}-${seq}`);
const edgeId = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    '18446744073709551615-18446744073709551615',
    '18446744073709551615-18446744073709551614',
    '18446744073709551615',
    '18446744073709551616',
    '9223372036854775808-9223372036854775807',
    '4294967296-4294967295',
    '4294967295-4294967296',
    '9007199254740993-1',
    '1099511627776-9007199254740993',
    // In a millisecond of its own: after it, upstream answers `17-*` by what errno was before.
    '17-18446744073709551615',
    '8-4294967295',
  );
const badId = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    '',
    '-',
    '+',
    'x',
    '1-',
    '-1',
    '1-1-1',
    '1-x',
    ' 2',
    '+3',
    '004-001',
    '5--3',
    '5- -18446744073709551615',
    '6-+1',
    '6\0junk',
    '$',
    '>',
    '(1',
    '1'.repeat(128),
    `${'0'.repeat(120)}3-4`,
  );
const anyId = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 20, arbitrary: smallId() },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 13 }).map(String) },
    { weight: 2, arbitrary: edgeId() },
    { weight: 2, arbitrary: badId() },
  );
const newId = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 12 }).map((ms) => `${ms}-*`) },
    { weight: 6, arbitrary: smallId() },
    { weight: 1, arbitrary: edgeId() },
    { weight: 1, arbitrary: badId() },
    { weight: 1, arbitrary: fc.constantFrom('18446744073709551615-*', '4294967296-*', '9007199254740993-*') },
  );
const bound = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('-', '+') },
    { weight: 10, arbitrary: anyId() },
    { weight: 4, arbitrary: anyId().map((id) => `(${id}`) },
  );
const number = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 9 }).map(String) },
    { weight: 1, arbitrary: arbitraries.integer() },
    { weight: 1, arbitrary: arbitraries.notInteger() },
  );

const field = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('a', 'b', '12', '-7', '70000') },
    { weight: 1, arbitrary: arbitraries.value() },
  );
const value = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -5000, max: 5000 }).map(String) },
    { weight: 3, arbitrary: arbitraries.value() },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '127',
        '128',
        '-4096',
        '4095',
        '-4097',
        '32767',
        '32768',
        '8388607',
        '8388608',
        '-2147483649',
        '9007199254740993',
        'v'.repeat(63),
        'v'.repeat(64),
        'v'.repeat(125),
        'v'.repeat(126),
        'w'.repeat(4096),
      ),
    },
  );
const fields = (): fc.Arbitrary<readonly Arg[]> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(value(), value()).map(([a, b]): Arg[] => ['a', a, 'b', b]) },
    {
      weight: 6,
      arbitrary: fc
        .array(fc.tuple(field(), value()), { minLength: 1, maxLength: 3 })
        .map((list) => list.flat()),
    },
    { weight: 1, arbitrary: fc.constantFrom<readonly Arg[]>(['a'], ['a', 'b', 'c'], []) },
  );

const trim = (): fc.Arbitrary<readonly string[]> =>
  fc
    .tuple(
      fc.constantFrom('MAXLEN', 'MINID', 'maxlen', 'MinId'),
      fc.constantFrom<readonly string[]>([], ['='], ['~'], ['~']),
      fc.oneof(number(), anyId()),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant<readonly string[]>([]) },
        { weight: 2, arbitrary: number().map((n): readonly string[] => ['LIMIT', n]) },
      ),
    )
    .map(([strategy, operator, threshold, limit]) => [strategy, ...operator, threshold, ...limit]);
const option = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<readonly string[]>(['NOMKSTREAM'], ['nomkstream']) },
    { weight: 6, arbitrary: trim() },
    { weight: 1, arbitrary: fc.constantFrom<readonly string[]>(['LIMIT', '0'], ['LIMIT'], ['bogus'], ['~']) },
  );

/** A command of fixed arguments and then options. */
function words(
  name: string,
  args: readonly fc.Arbitrary<Arg>[],
  options: fc.Arbitrary<readonly (readonly Arg[])[]>,
  rest: fc.Arbitrary<readonly Arg[]> = fc.constant([]),
): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(fc.tuple(...args), options, rest)
      .map(([fixed, chosen, tail]): readonly Arg[] => [
        ...name.split(' '),
        ...fixed,
        ...chosen.flat(),
        ...tail,
      ]),
  };
}
const some = (
  of: fc.Arbitrary<readonly Arg[]>,
  maxLength: number,
): fc.Arbitrary<readonly (readonly Arg[])[]> => fc.array(of, { maxLength });
const none = fc.constant<readonly (readonly Arg[])[]>([]);
const ids = (): fc.Arbitrary<readonly Arg[]> => fc.array(anyId(), { minLength: 1, maxLength: 5 });
const goodIds = (): fc.Arbitrary<readonly Arg[]> => fc.array(smallId(), { minLength: 1, maxLength: 6 });

/** Times since the epoch, and the milliseconds an entry has been idle. */
const timeless: Normaliser = (raw) =>
  Buffer.from(
    raw
      .toString('latin1')
      .replace(/:1[6-9]\d{11}\r\n/g, ':TIME\r\n')
      .replace(/(\*4\r\n\$\d+\r\n\d+-\d+\r\n\$\d+\r\n[^\r]*\r\n):\d+/g, '$1:IDLE')
      .replace(/(idle\r\n):\d+/g, '$1:IDLE'),
    'latin1',
  );

const streamsOf = (id: fc.Arbitrary<string>): fc.Arbitrary<readonly Arg[]> =>
  fc
    .array(fc.tuple(key(), id), { minLength: 1, maxLength: 3 })
    .map((list) => ['STREAMS', ...list.map(([k]) => k), ...list.map(([, i]) => i)]);
const readOption = (): fc.Arbitrary<readonly Arg[]> =>
  fc.oneof(
    { weight: 5, arbitrary: number().map((n): readonly Arg[] => ['COUNT', n]) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<readonly Arg[]>(
        ['BLOCK', 'x'],
        ['BLOCK', '-1'],
        ['NOACK'],
        ['bogus'],
        ['COUNT'],
      ),
    },
  );
const claimOption = (): fc.Arbitrary<readonly Arg[]> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom<readonly Arg[]>(
        ['FORCE'],
        ['JUSTID'],
        ['force'],
        ['IDLE', '5000000'],
        ['IDLE', '-5'],
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom<readonly Arg[]>(
        ['TIME', '1000'],
        ['TIME', '99999999999999'],
        ['TIME', '-9'],
        ['IDLE', 'x'],
        ['TIME', ''],
      ),
    },
    { weight: 3, arbitrary: number().map((n): readonly Arg[] => ['RETRYCOUNT', n]) },
    { weight: 2, arbitrary: anyId().map((id): readonly Arg[] => ['LASTID', id]) },
    { weight: 1, arbitrary: fc.constantFrom<readonly Arg[]>(['bogus'], ['LASTID'], ['RETRYCOUNT']) },
  );
const minIdle = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('0', '-1', '1000000', '4000000') },
    { weight: 1, arbitrary: arbitraries.notInteger() },
  );

const ENTRIES: readonly CommandGenerator[] = [
  {
    weight: 14,
    ...words(
      'XADD',
      [key()],
      some(option(), 1),
      fc.tuple(newId(), fields()).map(([id, pairs]) => [id, ...pairs]),
    ),
  },
  {
    weight: 10,
    ...words(
      'XADD',
      [fc.constantFrom(...KEYS)],
      none,
      fc.tuple(fc.integer({ min: 1, max: 12 }), fields()).map(([ms, pairs]) => [`${ms}-*`, ...pairs]),
    ),
  },
  {
    weight: 2,
    ...words(
      'XADD',
      [key()],
      some(option(), 3),
      fc.tuple(newId(), fields()).map(([id, pairs]) => [id, ...pairs]),
    ),
  },
  { weight: 4, ...words('XDEL', [key()], none, goodIds()) },
  { weight: 1, ...words('XDEL', [key()], none, ids()) },
  { weight: 3, ...words('XTRIM', [key()], some(trim(), 1)) },
  { weight: 1, ...words('XTRIM', [key()], some(option(), 3)) },
  command('XLEN', key()),
  {
    weight: 3,
    ...words(
      'XRANGE',
      [key(), bound(), bound()],
      some(
        number().map((n) => ['COUNT', n]),
        1,
      ),
    ),
  },
  {
    weight: 3,
    ...words(
      'XREVRANGE',
      [key(), bound(), bound()],
      some(
        number().map((n) => ['count', n]),
        1,
      ),
    ),
  },
  words('XRANGE', [key(), bound(), bound()], some(fc.constantFrom(['COUNT'], ['x', '1'], ['COUNT', '2']), 2)),
  {
    weight: 2,
    ...words('XREAD', [], some(readOption(), 2), streamsOf(fc.oneof(smallId(), smallId(), anyId()))),
  },
  words(
    'XREAD',
    [],
    some(readOption(), 1),
    fc.constantFrom(
      ['STREAMS', 's:0'],
      ['STREAMS'],
      ['STREAMS', 's:0', 's:1', '0'],
      ['GROUP', 'g', 'c', 'STREAMS', 's:0', '0'],
      [],
    ),
  ),
  words(
    'XSETID',
    [key(), anyId()],
    some(
      fc.oneof(
        number().map((n): readonly Arg[] => ['ENTRIESADDED', n]),
        anyId().map((id): readonly Arg[] => ['MAXDELETEDID', id]),
        fc.constantFrom<readonly Arg[]>(
          ['bogus'],
          ['ENTRIESADDED', '9223372036854775806'],
          ['ENTRIESADDED', '9007199254740992'],
        ),
      ),
      2,
    ),
  ),
  { weight: 2, ...command('XINFO', fc.constant('STREAM'), key()) },
  command('TYPE', key()),
  command('OBJECT', fc.constant('ENCODING'), key()),
  { ...command('COPY', key(), key()) },
  { ...command('RENAME', key(), key()) },
  { ...command('DEL', key()) },
  { weight: 1, ...command('SET', fc.constant('string'), fc.constant('x')) },
  {
    weight: 1,
    ...words('CONFIG SET stream-node-max-entries', [fc.constantFrom('1', '3', '5', '100', '0')], none),
  },
  {
    weight: 1,
    ...words('CONFIG SET stream-node-max-bytes', [fc.constantFrom('0', '1', '64', '200', '4096')], none),
  },
];

const consumed: readonly CommandGenerator[] = [
  {
    weight: 5,
    ...words(
      'XGROUP CREATE',
      [key(), group(), fc.oneof(fc.constantFrom('0', '$'), anyId())],
      some(
        fc.oneof(
          fc.constant<readonly Arg[]>(['MKSTREAM']),
          number().map((n): readonly Arg[] => ['ENTRIESREAD', n]),
          fc.constant<readonly Arg[]>(['x']),
        ),
        2,
      ),
    ),
  },
  {
    weight: 2,
    ...words(
      'XGROUP SETID',
      [key(), group(), fc.oneof(fc.constantFrom('0', '$'), anyId())],
      some(
        fc
          .oneof(number(), fc.constant('-1'), fc.constant('9223372036854775807'))
          .map((n): readonly Arg[] => ['ENTRIESREAD', n]),
        1,
      ),
    ),
  },
  words('XGROUP DESTROY', [key(), group()], none),
  words('XGROUP CREATECONSUMER', [key(), group(), consumer()], none),
  words('XGROUP DELCONSUMER', [key(), group(), consumer()], none),
  {
    weight: 10,
    ...words(
      'XREADGROUP GROUP',
      [fc.constant('g'), consumer()],
      some(readOption(), 1),
      streamsOf(fc.constant('>')),
    ),
  },
  {
    weight: 4,
    ...words(
      'XREADGROUP GROUP',
      [group(), consumer()],
      some(fc.oneof(readOption(), fc.constant<readonly Arg[]>(['NOACK'])), 2),
      streamsOf(
        fc.oneof(
          { weight: 4, arbitrary: fc.constant('>') },
          { weight: 3, arbitrary: smallId() },
          { weight: 1, arbitrary: fc.constant('0') },
          { weight: 1, arbitrary: anyId() },
        ),
      ),
    ),
  },
  { weight: 3, ...words('XACK', [key(), group()], none, fc.oneof(goodIds(), goodIds(), ids())) },
  { weight: 2, ...command('XPENDING', key(), group()) },
  {
    weight: 4,
    normalise: timeless,
    ...words(
      'XPENDING',
      [key(), group()],
      some(
        minIdle().map((ms) => ['IDLE', ms]),
        1,
      ),
      fc
        .tuple(bound(), bound(), number(), fc.array(consumer(), { maxLength: 2 }))
        .map(([a, b, n, who]) => [a, b, n, ...who]),
    ),
  },
  {
    weight: 5,
    ...words(
      'XCLAIM',
      [key(), group(), consumer(), minIdle()],
      fc.tuple(fc.oneof(goodIds(), goodIds(), ids())),
      fc.array(claimOption(), { maxLength: 3 }).map((list) => list.flat()),
    ),
  },
  {
    weight: 5,
    ...words(
      'XAUTOCLAIM',
      [key(), group(), consumer(), minIdle(), bound()],
      some(
        fc.oneof(
          fc.integer({ min: 0, max: 4 }).map((n): readonly Arg[] => ['COUNT', String(n)]),
          fc.constantFrom<readonly Arg[]>(['JUSTID'], ['bogus'], ['COUNT', 'x']),
        ),
        2,
      ),
    ),
  },
  { weight: 3, ...words('XINFO GROUPS', [key()], none) },
  { weight: 2, normalise: timeless, ...words('XINFO CONSUMERS', [key(), group()], none) },
  {
    weight: 3,
    normalise: timeless,
    ...words(
      'XINFO STREAM',
      [key()],
      some(
        fc.constantFrom<readonly Arg[]>(
          ['FULL'],
          ['FULL', 'COUNT', '2'],
          ['full', 'count', '0'],
          ['FULL', 'COUNT', '-4'],
          ['FULL', 'COUNT', 'x'],
          ['bogus'],
          ['FULL', 'COUNT'],
        ),
        1,
      ),
    ),
  },
];

const LEFT: readonly (readonly Arg[])[] = KEYS.flatMap((name) => [
  ['XRANGE', name, '-', '+'],
  ['XREVRANGE', name, '+', '-'],
  ['XINFO', 'STREAM', name],
  ['XINFO', 'GROUPS', name],
  ['XPENDING', name, 'g'],
]);
const finalChecks: readonly (readonly Arg[])[] = [...LEFT, ['DBSIZE'], ['DEBUG', 'DIGEST']];
const setUp: readonly (readonly Arg[])[] = [
  ['CONFIG', 'SET', 'stream-node-max-entries', '4', 'stream-node-max-bytes', '4096'],
  ['XADD', 's:0', '1-1', 'a', '1', 'b', '2'],
  ['XGROUP', 'CREATE', 's:0', 'g', '0'],
];

describeWithOracle(
  'streams, as redis-server has them',
  (pair) => {
    it('entries: random sequences', () =>
      differential(pair, ENTRIES, { runs: 120, maxCommands: 60, setUp, finalChecks }));

    it('groups: random sequences', () =>
      differential(pair, [...consumed, ...ENTRIES], { runs: 150, maxCommands: 80, setUp, finalChecks }));

    it('ids that the stream makes up, behind one in the future', () =>
      differential(
        pair,
        [
          {
            weight: 8,
            ...words(
              'XADD',
              [fc.constantFrom(...KEYS)],
              some(option(), 1),
              fields().map((list) => ['*', ...list]),
            ),
          },
          ...ENTRIES.slice(3, 11),
        ],
        {
          runs: 30,
          maxCommands: 60,
          setUp: KEYS.map((name) => ['XADD', name, '99999999999999-4294967290', 'a', '1']),
          finalChecks,
        },
      ));

    it('wrong numbers of arguments', () => {
      const names = [
        'XADD',
        'XLEN',
        'XRANGE',
        'XREVRANGE',
        'XDEL',
        'XTRIM',
        'XREAD',
        'XREADGROUP',
        'XACK',
        'XPENDING',
      ];
      names.push(
        'XCLAIM',
        'XAUTOCLAIM',
        'XSETID',
        'XGROUP',
        'XINFO',
        'XGROUP CREATE',
        'XGROUP SETID',
        'XGROUP DESTROY',
      );
      names.push(
        'XGROUP CREATECONSUMER',
        'XGROUP DELCONSUMER',
        'XGROUP HELP',
        'XINFO STREAM',
        'XINFO GROUPS',
      );
      names.push('XINFO CONSUMERS', 'XINFO HELP', 'XGROUP BOGUS', 'XINFO BOGUS');
      const commands: Arg[][] = [];
      for (const name of names) {
        for (let count = 0; count <= 6; count++) {
          commands.push([...name.split(' '), ...['s:0', 'g', '1', '2', '3', '4'].slice(0, count)]);
        }
      }
      return pair.compareAll(commands);
    });

    it('clients that wait for a group', async () => {
      for (const action of WAITING) {
        await transcript(
          pair,
          `
            B FLUSHALL | XGROUP CREATE k g 0 MKSTREAM | XGROUP CREATE k2 g 0 MKSTREAM
            A XREADGROUP GROUP g alice BLOCK 0 COUNT 1 STREAMS k2 k > >
            C XREADGROUP GROUP g carol BLOCK 0 STREAMS k >
            B ${action}
            B SELECT 0 | XADD k2 8-8 x y
            B XINFO GROUPS k | XPENDING k g | XPENDING k2 g
          `,
        );
      }
    });

    it('clients that wait for entries', () =>
      transcript(
        pair,
        `
          B XADD k 1-1 a b | SET string x
          A XREAD BLOCK 0 STREAMS k k2 $ $
          C XREAD BLOCK 0 COUNT 1 STREAMS k2 k 0 1-1
          B DEL k | XADD k 1-1 a b
          B XADD k2 1-1 c d
          A XREAD BLOCK 0 STREAMS k $
          B SET k x | DEL k | LPUSH k 1 | DEL k
          B XADD k 1-1 a b | XADD k 1-2 a b
          A XREAD BLOCK 0 COUNT 1 STREAMS k 1-1
          A XREAD BLOCK 0 STREAMS k $
          C XREAD BLOCK 0 STREAMS k $
          B MULTI | XADD k 2-1 e f | XADD k 2-2 g h | EXEC
          A XREAD BLOCK 20 STREAMS k $
          wait 40
          A XREAD BLOCK 0 STREAMS string 0
          A XREAD BLOCK 0 STREAMS none string 0 0
          A XREADGROUP GROUP g c BLOCK 0 STREAMS k >
          A MULTI | XREAD BLOCK 0 STREAMS k $ | XREAD BLOCK 0 STREAMS k 0 | EXEC
          A XREAD BLOCK 0 STREAMS k $
          B CLIENT UNBLOCK $A
          A XREAD BLOCK 0 STREAMS k $
          B CLIENT UNBLOCK $A ERROR
          A XREAD BLOCK 0 STREAMS none none $ 0
          B XADD none 1-1 a b
        `,
      ));

    it('long streams, whose full nodes are packed', async () => {
      const seed = systemRandom().uint32();
      const random = seededRandom(seed);
      const below = (n: number): number => randomBelow(random, n);
      const text = (length: number): string => Array.from({ length }, () => below(36).toString(36)).join('');
      const names = ['long:a', 'long:b', 'long:c'];
      const commands: string[][] = [];
      for (const name of names) {
        for (let i = 1; i <= 700; i++) {
          const fields = below(30) === 0 ? ['other', text(4)] : ['type', text(6), 'user', text(8)];
          commands.push(['XADD', name, `${i >> 2}-${(i & 3) + 1}`, ...fields]);
        }
        commands.push(['XGROUP', 'CREATE', name, 'g', '0'], ['XGROUP', 'CREATE', name, 'h', '50']);
      }
      let ms = 200;
      for (let i = 0; i < 500; i++) {
        const name = names[below(3)]!;
        const at = (): string => `${below(180)}-${1 + below(4)}`;
        const count = String(1 + below(150));
        commands.push(
          [
            ['XRANGE', name, at(), '+', 'COUNT', count],
            ['XREVRANGE', name, at(), '-', 'COUNT', count],
            ['XRANGE', name, at(), at()],
            ['XDEL', name, at(), at(), at()],
            ['XTRIM', name, 'MINID', '=', `${below(30)}-0`],
            ['XTRIM', name, 'MAXLEN', below(2) === 0 ? '=' : '~', String(550 + below(150))],
            ['XREAD', 'COUNT', count, 'STREAMS', ...names, at(), at(), at()],
            ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', count, 'STREAMS', name, '>'],
            ['XREADGROUP', 'GROUP', 'h', 'd', 'COUNT', count, 'STREAMS', ...names, '>', '>', '>'],
            ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', count, 'STREAMS', name, at()],
            ['XCLAIM', name, 'g', 'd', '0', at(), at(), at(), at()],
            ['XAUTOCLAIM', name, 'g', 'e', '0', at(), 'COUNT', count],
            ['XINFO', 'STREAM', name],
            ['DEBUG', 'DIGEST-VALUE', ...names],
            ['COPY', name, names[below(3)]!, 'REPLACE'],
            ['XADD', name, `${ms++}-1`, 'type', text(6), 'user', text(8)],
          ][below(16)]!,
        );
      }
      try {
        await pair.compareAll(commands);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    });

    it('keyspace events', () =>
      transcript(
        pair,
        `
          A CONFIG SET notify-keyspace-events KEAnm | SELECT 0
          B SUBSCRIBE x | PSUBSCRIBE __key*__:*
          A XADD s 1-1 a 1
          A XADD s MAXLEN 1 1-2 a 1 | XADD s MAXLEN 5 1-3 a 1 | XADD n NOMKSTREAM 1 a b | XLEN n
          A XDEL s 1-2 9-9 | XDEL s 9-9 | XTRIM s MAXLEN 5 | XTRIM s MAXLEN 0 | XADD s 3-3 a b
          A XSETID s 4-4 | XGROUP CREATE s g 0 | XGROUP CREATE m g 0 MKSTREAM | XGROUP SETID s g 0
          A XGROUP CREATECONSUMER s g c | XGROUP CREATECONSUMER s g c
          A XREADGROUP GROUP g d STREAMS s > | XREADGROUP GROUP g e STREAMS s 0
          A XCLAIM s g f 0 3-3 | XCLAIM s g h 0 9-9 | XAUTOCLAIM s g i 0 0 | XACK s g 3-3
          A XGROUP DELCONSUMER s g c | XGROUP DELCONSUMER s g c | XGROUP DESTROY s g | XGROUP DESTROY s g
          A XRANGE nokey - + | XREAD STREAMS nokey 0 | DEL s
          A CONFIG SET notify-keyspace-events ""
        `,
      ));

    it('what a command counts as a change', async () => {
      const commands = [
        'XADD s 1-1 a 1',
        'XADD s NOMKSTREAM 1-2 a 1',
        'XADD n NOMKSTREAM 1-2 a 1',
        'XADD s MAXLEN 1 1-3 a 1',
        'XADD s 1-4 a 1',
        'XADD s 1-5 a 1',
        'XDEL s 1-4 1-4 9-9',
        'XTRIM s MAXLEN 5',
        'XTRIM s MAXLEN 1',
        'XSETID s 2-0',
        'XGROUP CREATE s g 0',
        'XGROUP CREATE m g 0 MKSTREAM',
        'XGROUP CREATECONSUMER s g c',
        'XGROUP CREATECONSUMER s g c',
        'XREADGROUP GROUP g d STREAMS s >',
        'XREADGROUP GROUP g d STREAMS s >',
        'XREADGROUP GROUP g d STREAMS s 0',
        'XREADGROUP GROUP g e NOACK STREAMS s >',
        'XADD s 3-1 a 1',
        'XREADGROUP GROUP g e NOACK STREAMS s >',
        'XADD s 4-1 a 1',
        'XADD s 4-2 a 1',
        'XREADGROUP GROUP g f STREAMS s >',
        'XCLAIM s g c 0 4-1 9-9',
        'XCLAIM s g x 0 4-1 JUSTID',
        'XCLAIM s g y 0 3-1 FORCE',
        'XDEL s 4-1',
        'XCLAIM s g y 0 4-1',
        'XDEL s 4-2',
        'XAUTOCLAIM s g z 0 0',
        'XACK s g 3-1 3-1 7-7',
        'XGROUP SETID s g 1',
        'XGROUP DELCONSUMER s g c',
        'XGROUP DELCONSUMER s g c',
        'XGROUP DESTROY s g',
        'XGROUP DESTROY s g',
      ].map((line) => line.split(' '));
      const changes = async (): Promise<number[]> =>
        (await pair.sendBoth([['INFO', 'persistence']])).map((replies) =>
          Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]),
        );
      let before = await changes();
      for (const line of commands) {
        await pair.sendBoth([line]);
        const after = await changes();
        assert.equal(after[0]! - before[0]!, after[1]! - before[1]!, line.join(' '));
        before = after;
      }
    });

    it('what breaks a watched transaction', async () => {
      const commands = [
        'XADD s 1-1 a 1',
        'XADD s MAXLEN 1 1-3 a 1',
        'XDEL s 9-9',
        'XTRIM s MAXLEN 5',
        'XSETID s 2-0',
        'XGROUP CREATE s g 0',
        'XGROUP CREATE s h 0',
        'XGROUP CREATECONSUMER s g c',
        'XREADGROUP GROUP g d STREAMS s >',
        'XREADGROUP GROUP g d STREAMS s 0',
        'XCLAIM s g c 0 1-3',
        'XAUTOCLAIM s g z 0 0',
        'XACK s g 1-3',
        'XGROUP SETID s g 0',
        'XGROUP DELCONSUMER s g c',
        'XGROUP DESTROY s g',
        'XDEL s 1-3',
      ].map((line) => line.split(' '));
      for (const line of commands) {
        await pair.sendBoth([['WATCH', 's'], line]);
        await pair.compareAll([['MULTI'], ['PING', line.join(' ')], ['EXEC']]);
      }
    });
  },
  { directives: { 'enable-debug-command': 'yes' } },
);
