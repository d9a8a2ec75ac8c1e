/**
 * The bitmap commands against the real server: random sequences of every command with valid, boundary and wrong
 * arguments; then what they leave behind: values and encodings.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';

const KEYS = 4;
const { integer, notInteger } = arbitraries;
const key = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 20, arbitrary: arbitraries.key(KEYS) }, fc.constant('list'));

const bytes = (): fc.Arbitrary<Buffer> =>
  fc.oneof(
    arbitraries.bytes(12),
    arbitraries.bytes(80),
    // Long runs of one bit, and lengths around the block sizes of the loops.
    fc
      .tuple(
        fc.constantFrom(0, 255),
        fc.constantFrom(1, 7, 63, 64, 255, 256, 257, 319, 320, 1000),
        fc.uint8Array({ maxLength: 3 }),
      )
      .map(([byte, length, end]) => Buffer.concat([Buffer.alloc(length, byte), end])),
    fc.uint8Array({ minLength: 250, maxLength: 700 }).map((list) => Buffer.from(list)),
  );
const offset = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 120 }).map(String) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 9000 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('8388607', '8388608', '4294967295', '4294967296', '-1', '#1') },
    { weight: 1, arbitrary: fc.oneof(integer(), notInteger()) },
  );
const bit = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom('0', '1') },
    { weight: 1, arbitrary: fc.constantFrom('2', '-1', 'x', '', '01', '9223372036854775807') },
  );
const index = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: -100, max: 100 }).map(String) },
    { weight: 4, arbitrary: fc.integer({ min: -6000, max: 6000 }).map(String) },
    { weight: 1, arbitrary: fc.oneof(integer(), notInteger()) },
  );
const unit = (): fc.Arbitrary<readonly string[]> =>
  fc.constantFrom([], [], ['BYTE'], ['BIT'], ['bit'], ['byte'], ['bits'], ['BIT', 'BIT']);
const operation = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom('AND', 'OR', 'XOR', 'NOT', 'and', 'Xor') },
    fc.constantFrom('NAND', ''),
  );

const fieldType = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('i8', 'u8', 'i4', 'u4', 'i1', 'u1', 'i5', 'u3', 'i16', 'u31') },
    { weight: 4, arbitrary: fc.constantFrom('u32', 'i32', 'i33', 'u48', 'i48', 'u49', 'i49', 'u53', 'i54') },
    { weight: 4, arbitrary: fc.constantFrom('u63', 'i64', 'i63', 'u62') },
    { weight: 1, arbitrary: fc.constantFrom('u64', 'i65', 'u0', 'i0', 'i-1', '', 'i', '8', 'I8', 'u08') },
  );
const fieldOffset = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 70 }).map(String) },
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 9 }).map((n) => `#${n}`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '8388607',
        '8388606',
        '8388608',
        '#',
        '#-1',
        '##1',
        '#9223372036854775807',
        '#2305843009213693952',
        '#72057594037927936',
        '-1',
        'x',
        '',
      ),
    },
  );
const operand = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -300, max: 300 }).map(String) },
    { weight: 3, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        '-9223372036854775808',
        '-9223372036854775800',
        '-9223372036854775680',
        '9223372036854775807',
        '4503599627370496',
        '-4503599627370497',
        '281474976710655',
        '281474976710656',
        '140737488355328',
        '-140737488355329',
        '2147483648',
        '-2147483649',
      ),
    },
    { weight: 1, arbitrary: fc.oneof(integer(), notInteger()) },
  );
const getField = (): fc.Arbitrary<readonly string[]> =>
  fc.tuple(fieldType(), fieldOffset()).map((words) => ['GET', ...words]);
const fieldCommand = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 4, arbitrary: getField() },
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constantFrom('SET', 'INCRBY', 'incrby'), fieldType(), fieldOffset(), operand()),
    },
    {
      weight: 5,
      arbitrary: fc.constantFrom(
        ['OVERFLOW', 'SAT'],
        ['overflow', 'fail'],
        ['OVERFLOW', 'WRAP'],
        ['OVERFLOW', 'FAIL'],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(['OVERFLOW', 'x'], ['OVERFLOW'], ['GET', 'u8'], ['SET', 'u8', '0'], ['x']),
    },
  );
/** Mostly whole commands of valid parts: one wrong part would refuse them all. */
function fields(name: string, each: fc.Arbitrary<readonly string[]>): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(key(), fc.array(each, { maxLength: 4 }))
      .map(([name_, list]): readonly Arg[] => [name, name_, ...list.flat()]),
  };
}

const generators: readonly CommandGenerator[] = [
  { weight: 4, ...command('SET', arbitraries.key(KEYS), bytes()) },
  { weight: 1, ...command('SET', arbitraries.key(KEYS), integer()) },
  {
    weight: 1,
    ...command(
      'SET',
      arbitraries.key(KEYS),
      fc.constant(''),
      fc.constant('PXAT'),
      fc.constant('33177117420000'),
    ),
  },
  { weight: 1, ...command('APPEND', key(), bytes()) },
  { weight: 6, ...command('SETBIT', key(), offset(), bit()) },
  { weight: 3, ...command('GETBIT', key(), offset()) },
  command('BITCOUNT', key()),
  {
    weight: 5,
    args: fc.tuple(key(), index(), index(), unit()).map(([k, a, b, u]) => ['BITCOUNT', k, a, b, ...u]),
  },
  command('BITCOUNT', key(), index()),
  command('BITPOS', key(), bit()),
  { weight: 2, ...command('BITPOS', key(), bit(), index()) },
  {
    weight: 6,
    args: fc
      .tuple(key(), bit(), index(), index(), unit())
      .map(([k, v, a, b, u]) => ['BITPOS', k, v, a, b, ...u]),
  },
  {
    weight: 6,
    args: fc
      .tuple(operation(), key(), fc.array(key(), { minLength: 1, maxLength: 4 }))
      .map(([op, to, from]) => ['BITOP', op, to, ...from]),
  },
  command('BITOP', fc.constantFrom('NOT', 'not'), key(), key()),
  { weight: 8, ...fields('BITFIELD', fieldCommand()) },
  { weight: 3, ...fields('BITFIELD_RO', getField()) },
  fields('BITFIELD_RO', fieldCommand()),
];

const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
const STATE = ALL_KEYS.flatMap((name) => [
  ['GET', name],
  ['OBJECT', 'ENCODING', name],
  ['PEXPIRETIME', name],
]);

describeWithOracle(
  'bitmaps, as redis-server has them',
  (pair) => {
    it('random sequences', () =>
      differential(pair, generators, {
        runs: 250,
        maxCommands: 40,
        setUp: [['RPUSH', 'list', 'x']],
        finalChecks: [...STATE, ['DBSIZE']],
      }));

    it('fields of every width with every overflow', () => {
      const commands: Arg[][] = [];
      const operands = [
        0n,
        1n,
        -1n,
        5n,
        2n ** 63n - 1n,
        -(2n ** 63n),
        -(2n ** 63n) + 5n,
        2n ** 52n,
        -(2n ** 52n),
      ];
      for (let bits = 1; bits <= 64; bits++) {
        for (const sign of ['i', 'u']) {
          const own = [2n ** BigInt(bits - 1), 2n ** BigInt(bits) - 1n, -(2n ** BigInt(bits - 1)) - 1n];
          for (const value of [...operands, ...own]) {
            for (const overflow of ['WRAP', 'SAT', 'FAIL']) {
              const words = ['OVERFLOW', overflow];
              const text = String(value);
              commands.push(
                ['BITFIELD', 'f', ...words, 'SET', `${sign}${bits}`, '3', text],
                ['BITFIELD', 'f', ...words, 'INCRBY', `${sign}${bits}`, '3', text, 'GET', 'i64', '0'],
              );
            }
          }
        }
      }
      return pair.compareAll(commands);
    });

    it('strings of several slices, of all alignments', () => {
      const commands: Arg[][] = [];
      const big = Buffer.alloc(200001);
      for (let i = 0, x = 1; i < big.length; i++) {
        x = (Math.imul(x, 1664525) + 1013904223) | 0;
        big[i] = x >>> 24;
      }
      const names = ['k', 'kk', 'kkk', 'kkkk', 'kkkkk'];
      for (const [i, name] of names.entries()) {
        commands.push(['SET', name, big.subarray(i, big.length - i * 9000)], ['BITCOUNT', name]);
        commands.push(['BITCOUNT', name, '3', '-5'], ['BITCOUNT', name, '13', '-77', 'BIT']);
      }
      for (const operation of ['AND', 'OR', 'XOR']) {
        for (const sources of [
          ['k', 'kk'],
          ['kkkk', 'k'],
          names,
          ['kk', 'kk'],
          ['to', 'k'],
          ['kkk', 'to', 'kk'],
          ['to', 'to'],
        ]) {
          commands.push(['BITOP', operation, 'to', ...sources], ['GET', 'to'], ['BITCOUNT', 'to']);
        }
      }
      commands.push(
        ['BITOP', 'NOT', 'to', 'kkkk'],
        ['GET', 'to'],
        ['BITOP', 'NOT', 'to', 'to'],
        ['GET', 'to'],
      );
      commands.push(['SET', 'z', Buffer.alloc(100003)], ['BITPOS', 'z', '1'], ['SETBIT', 'z', '700001', '1']);
      commands.push(['BITPOS', 'z', '1'], ['BITPOS', 'z', '1', '87500', '-1', 'BIT'], ['BITPOS', 'z', '0']);
      commands.push(
        ['BITOP', 'NOT', 'z', 'z'],
        ['BITPOS', 'z', '0'],
        ['BITPOS', 'z', '1'],
        ['BITPOS', 'z', '0', '90000'],
      );
      commands.push(['BITPOS', 'z', '0', '90000', '-1'], ['OBJECT', 'ENCODING', 'z']);
      return pair.compareAll(commands);
    });

    it('wrong numbers of arguments', () => {
      const commands: Arg[][] = [];
      for (const name of ['SETBIT', 'GETBIT', 'BITCOUNT', 'BITPOS', 'BITOP', 'BITFIELD', 'BITFIELD_RO']) {
        for (let count = 0; count <= 6; count++)
          commands.push([name, ...['k', '1', '1', '1', '1', '1'].slice(0, count)]);
      }
      commands.push(['SET', '1', 'x'], ['SET', 'k', 'y']);
      return pair.compareAll([...commands, ...commands]);
    });

    it('what a command counts as a change', async () => {
      const commands = [
        ['SETBIT', 'k', '7', '0'],
        ['SETBIT', 'k', '7', '0'],
        ['SETBIT', 'k', '7', '1'],
        ['SETBIT', 'k', '15', '0'],
        ['BITFIELD', 'k', 'GET', 'u8', '0'],
        ['BITFIELD', 'k', 'SET', 'u8', '0', '1', 'SET', 'u8', '0', '2', 'SET', 'u8', '0', '2'],
        ['BITFIELD', 'k', 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', '0', '255'],
        ['BITFIELD', 'k', 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', '100', '256'],
        ['BITFIELD', 'k', 'SET', 'u8', '200', '0', 'SET', 'u8', '0', '2'],
        ['BITFIELD', 'n', 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', '100', '256'],
        ['BITOP', 'NOT', 'd', 'k'],
        ['BITOP', 'AND', 'd', 'no', 'none'],
        ['BITOP', 'AND', 'd', 'no', 'none'],
        ['BITOP', 'AND', 'd', 'k', 'none'],
      ];
      let before = await changes(pair);
      for (const words of commands) {
        await pair.compare(...words);
        const after = await changes(pair);
        assert.equal(after.ours - before.ours, after.oracle - before.oracle, words.join(' '));
        before = after;
      }
    });
  },
  { directives: { 'proto-max-bulk-len': 1048576 } },
);

/** The counters of changes since the last save. */
async function changes(pair: OraclePair): Promise<{ ours: number; oracle: number }> {
  const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
  const count = (replies: Buffer[]): number =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
  return { ours: count(ours), oracle: count(oracle) };
}
