/**
 * The set commands against the real server: random sequences under RESP2 and RESP3 with members on the edges of the
 * encodings, replies compared as multisets where Redis gives no order; then members, encodings and times to live must be
 * the same.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';
import { parseReply } from '../support/reply-framer.ts';

const KEYS = 5;
const key = (): fc.Arbitrary<string> => arbitraries.key(KEYS);
const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

const smallInteger = (): fc.Arbitrary<string> => fc.integer({ min: -4, max: 12 }).map(String);
const edges = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    '32767',
    '32768',
    '-32768',
    '-32769',
    '2147483647',
    '2147483648',
    '-2147483648',
    '-2147483649',
    '4294967296',
    '9007199254740991',
    '9007199254740993',
    '-9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
    '9223372036854775808',
    '-0',
    '007',
    '+1',
    '1.0',
    '',
  );
const text = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    fc.constantFrom('a', 'b', 'c', 'd', 'x'.repeat(64), 'y'.repeat(65), 'z'.repeat(3000)),
    arbitraries.bytes(6),
  );
const member = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 8, arbitrary: smallInteger() },
    { weight: 2, arbitrary: edges() },
    { weight: 2, arbitrary: text() },
  );
const integerMember = (): fc.Arbitrary<Arg> =>
  fc.oneof({ weight: 8, arbitrary: smallInteger() }, { weight: 2, arbitrary: edges() });
const count = (): fc.Arbitrary<string> =>
  fc.constantFrom('0', '-1', '999', '9223372036854775807', '9223372036854775808', 'x', '', '1.5');

/** A command with its keys, then a list of arguments. */
function listOf(
  name: string,
  fixed: readonly fc.Arbitrary<Arg>[],
  list: fc.Arbitrary<Arg>,
  maxLength: number,
): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(fc.tuple(...fixed), fc.array(list, { minLength: 1, maxLength, size: 'max' }))
      .map(([before, words]): readonly Arg[] => [name, ...before, ...words]),
  };
}

const pattern = (): fc.Arbitrary<string> =>
  fc.constantFrom('*', '1*', '-*', '[ab]', '?', '', 'x*', '[^0-9]*');
const scanOption = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    pattern().map((glob) => ['MATCH', glob]),
    fc.constantFrom(
      ['COUNT', '1000'],
      ['count', '99999'],
      ['COUNT', '0'],
      ['COUNT', 'x'],
      ['MATCH'],
      ['TYPE', 'set'],
      ['bogus'],
    ),
  );
const limitOption = (): fc.Arbitrary<readonly string[]> =>
  fc.constantFrom(
    [],
    ['LIMIT', '0'],
    ['LIMIT', '1'],
    ['limit', '2'],
    ['LIMIT', '999'],
    ['LIMIT', '-1'],
    ['LIMIT', 'x'],
    ['LIMIT'],
    ['bogus', '1'],
    ['LIMIT', '1', 'LIMIT', '3'],
  );

function generators(members: fc.Arbitrary<Arg>): readonly CommandGenerator[] {
  return [
    { weight: 12, ...listOf('SADD', [key()], members, 8) },
    { weight: 4, ...listOf('SREM', [key()], members, 5) },
    { weight: 3, ...command('SISMEMBER', key(), members) },
    { weight: 2, ...listOf('SMISMEMBER', [key()], members, 4) },
    { weight: 2, ...command('SCARD', key()) },
    { weight: 3, ...command('SMEMBERS', key()), compare: 'sorted' },
    { weight: 3, ...command('OBJECT', fc.constant('ENCODING'), key()) },
    { weight: 4, ...command('SMOVE', key(), key(), members) },
    { weight: 3, ...listOf('SINTER', [], key(), 3), compare: 'sorted' },
    { weight: 3, ...listOf('SUNION', [], key(), 6), compare: 'sorted' },
    { weight: 4, ...listOf('SDIFF', [], key(), 5), compare: 'sorted' },
    { weight: 3, ...listOf('SINTERSTORE', [key()], key(), 3) },
    { weight: 3, ...listOf('SUNIONSTORE', [key()], key(), 3) },
    { weight: 3, ...listOf('SDIFFSTORE', [key()], key(), 4) },
    {
      weight: 3,
      args: fc
        .tuple(
          fc.constantFrom('1', '2', '3', '2', '0', '-1', 'x', '99'),
          fc.array(key(), { minLength: 1, maxLength: 4 }),
          limitOption(),
        )
        .map(([keys, list, limit]): readonly Arg[] => ['SINTERCARD', keys, ...list, ...limit]),
    },
    // Counts whose outcome is no matter of chance.
    { weight: 1, ...command('SPOP', key(), count()), compare: 'sorted' },
    command('SPOP', key(), count(), count()),
    {
      weight: 2,
      ...command(
        'SRANDMEMBER',
        key(),
        fc.constantFrom('0', '999', '9223372036854775807', 'x', '-9223372036854775808'),
      ),
      compare: 'sorted',
    },
    command('SRANDMEMBER', key(), count(), count()),
    {
      weight: 2,
      ...command('SRANDMEMBER', key()),
      normalise: shape,
    },
    {
      weight: 2,
      ...command('SRANDMEMBER', key(), fc.constantFrom('1', '2', '5', '-1', '-7', '-50')),
      normalise: shape,
    },
    {
      weight: 3,
      args: fc
        .tuple(
          key(),
          fc.constantFrom('0', 'x', '18446744073709551616', ''),
          fc.array(scanOption(), { maxLength: 2 }),
        )
        // A set that Redis keeps as a table is scanned in steps, ours may come at once: COUNT makes it one step.
        .map(([name, cursor, options]): readonly Arg[] => [
          'SSCAN',
          name,
          cursor,
          'COUNT',
          '1000',
          ...options.filter(([word]) => word !== 'COUNT' || options.length < 2).flat(),
        ]),
      compare: 'sorted',
      normalise: sortedScan,
    },
    command('SET', key(), fc.constantFrom('a', '1')),
    command('DEL', key()),
    command('RENAME', key(), key()),
    command('COPY', key(), key()),
    command('EXPIREAT', key(), fc.constant('33177117420')),
    command('TYPE', key()),
  ];
}

/** What is left of a reply that depends on chance: its type and the number of its elements. */
function shape(reply: Buffer): Buffer {
  const text = reply.toString('latin1');
  if (text.startsWith('*') || text.startsWith('~')) return Buffer.from(text.split('\r\n')[0]!);
  return text.startsWith('$') && !text.startsWith('$-1') ? Buffer.from('$') : reply;
}

/** The elements of a SCAN reply in one order. */
function sortedScan(reply: Buffer): Buffer {
  if (reply[0] !== 0x2a) return reply;
  const [cursor, elements] = parseReply(reply) as unknown as [Buffer, Buffer[]];
  const texts = elements.map((element) => element.toString('latin1')).sort();
  return Buffer.from(`${cursor.toString('latin1')} ${JSON.stringify(texts)}`);
}

const finalChecks = [
  ...ALL_KEYS.flatMap((name) => [
    ['OBJECT', 'ENCODING', name],
    ['SCARD', name],
    ['PEXPIRETIME', name],
  ]),
  ['DBSIZE'],
];
const finalSorted = ALL_KEYS.map((name) => ['SMEMBERS', name]);

describeWithOracle('sets, as redis-server has them', (pair) => {
  for (const entries of ['512', '5', '0']) {
    it(`random sequences, intsets up to ${entries} members`, () =>
      differential(pair, generators(member()), {
        runs: 80,
        maxCommands: 50,
        setUp: [['CONFIG', 'SET', 'set-max-intset-entries', entries]],
        finalChecks,
        finalSorted,
      }));
  }

  it('random sequences of integers', () =>
    differential(pair, generators(integerMember()), {
      runs: 120,
      maxCommands: 50,
      setUp: [['CONFIG', 'SET', 'set-max-intset-entries', '6']],
      finalChecks,
      finalSorted,
    }));

  it('large sets of all forms, alone and together', async () => {
    await pair.reset();
    await pair.compare('CONFIG', 'SET', 'set-max-intset-entries', '512');
    const numbers = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => String(from + i));
    const words = (from: number, to: number): string[] => numbers(from, to).map((n) => `member:${n}`);
    await pair.compare('SADD', 'ints', ...numbers(0, 512));
    await pair.compare('SADD', 'table', ...numbers(0, 1200));
    await pair.compare('SADD', 'words', ...words(0, 900));
    await pair.compare('SADD', 'other', ...words(500, 1300), ...numbers(100, 200));
    await pair.compare('SADD', 'few', 'member:700', '150', 'member:5000', '77');
    const names = ['ints', 'table', 'words', 'other', 'few'];
    for (const a of names) {
      for (const b of names) {
        for (const name of ['SINTER', 'SUNION', 'SDIFF']) {
          await pair.compareAs('sorted', name, a, b);
          await pair.compareAs('sorted', name, a, b, 'few', 'other');
          await pair.compare(`${name}STORE`, 'to', a, b);
          await pair.compare('OBJECT', 'ENCODING', 'to');
          await pair.compareAs('sorted', 'SMEMBERS', 'to');
        }
        await pair.compare('SINTERCARD', '2', a, b);
        await pair.compare('SINTERCARD', '2', a, b, 'LIMIT', '10');
      }
      await pair.compareAs('sorted', 'SUNION', ...names, a);
      await pair.compareAs('sorted', 'SDIFF', a, 'few', 'nothing', 'few', 'few', 'few', 'few', 'few');
      await pair.compareAs('sorted', 'SPOP', a, '100000');
      await pair.compare('EXISTS', a);
    }
  });

  it('SPOP takes members away, in every form', async () => {
    await pair.reset();
    for (const [name, size] of [
      ['int', 40],
      ['int', 600],
      ['word', 40],
      ['word', 600],
    ] as const) {
      const members = Array.from({ length: size }, (_, i) => (name === 'int' ? `${i}` : `word:${i}`));
      for (const wanted of [null, 1, 2, Math.floor(size / 2), size - 1]) {
        await pair.compare('DEL', 'k');
        await pair.compare('SADD', 'k', ...members);
        const replies = await pair.sendBoth([
          wanted === null ? ['SPOP', 'k'] : ['SPOP', 'k', String(wanted)],
        ]);
        for (const [i, client] of [pair.ours, pair.oracle].entries()) {
          const popped = elementsOf(replies[i]![0]!);
          assert.equal(popped.length, wanted ?? 1);
          const texts = new Set(popped.map(String));
          assert.equal(texts.size, popped.length, 'no member twice');
          const left = new Set((await membersOf(client)).map(String));
          assert.equal(left.size, size - popped.length);
          for (const member of texts) {
            assert.ok(members.includes(member));
            assert.ok(!left.has(member));
          }
        }
        await pair.compare('OBJECT', 'ENCODING', 'k');
      }
    }
  });

  it('wrong numbers of arguments', () => {
    const names = new Set(generators(member()).flatMap((generator) => fc.sample(generator.args, 1)[0]![0]!));
    const commands: Arg[][] = [];
    for (const name of names) {
      for (let length = 0; length <= 4; length++) commands.push([name, ...ALL_KEYS.slice(0, length)]);
    }
    return pair.compareAll(commands);
  });

  it('what a command counts as a change', async () => {
    await pair.reset();
    const commands = [
      ['SADD', 's', '1', '2', '3', '1'],
      ['SADD', 's', '1'],
      ['SREM', 's', '9'],
      ['SREM', 's', '1', '2', '2'],
      ['SADD', 't', 'a', 'b', '3'],
      ['SMOVE', 't', 's', 'a'],
      ['SMOVE', 't', 's', '3'],
      ['SMOVE', 't', 's', 'no'],
      ['SMOVE', 's', 's', 'a'],
      ['SINTERSTORE', 'u', 's', 't'],
      ['SINTERSTORE', 's', 's', 's'],
      ['SUNIONSTORE', 'u', 's', 't'],
      ['SDIFFSTORE', 'u', 's', 's'],
      ['SDIFFSTORE', 'u', 's', 's'],
      ['SUNIONSTORE', 'u', 's', 't'],
      ['SPOP', 'u', '0'],
      ['SPOP', 'u', '2'],
      ['SPOP', 'u', '20'],
      ['SPOP', 'u'],
    ];
    let before = await changes(pair);
    for (const words of commands) {
      await pair.sendBoth([words]);
      const after = await changes(pair);
      assert.equal(after.ours - before.ours, after.oracle - before.oracle, words.join(' '));
      before = after;
    }
  });
});

async function membersOf(client: OraclePair['ours']): Promise<Buffer[]> {
  const [reply] = await client.pipeline([['SMEMBERS', 'k']]);
  return elementsOf(reply!);
}

/** The elements of an array or a set, or the only one. */
function elementsOf(reply: Buffer): Buffer[] {
  const parsed = parseReply(reply);
  return (parsed instanceof Set || Array.isArray(parsed) ? [...parsed] : [parsed]) as unknown as Buffer[];
}

/** The counters of changes since the last save. */
async function changes(pair: OraclePair): Promise<{ ours: number; oracle: number }> {
  const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
  const read = (replies: Buffer[]): number =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
  return { ours: read(ours), oracle: read(oracle) };
}
