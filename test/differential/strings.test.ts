/**
 * The string commands against the real server: random sequences under RESP2 and RESP3, every command with valid,
 * boundary and invalid arguments, replies and errors byte for byte. Then the state must be the same, too: values,
 * encodings, times to live.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';

const KEYS = 5;
const { integer, notInteger, float, value } = arbitraries;
const key = (): fc.Arbitrary<string> => arbitraries.key(KEYS);
const anyInteger = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 5, arbitrary: integer() }, { weight: 1, arbitrary: notInteger() });

/** Times far enough away not to pass during a test, times that are over, and all sorts of wrong ones. */
const relativeSeconds = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    '1000',
    '99999',
    '0',
    '-1',
    '9223372036854775',
    '9223372036854776',
    '9223372036854775807',
    'x',
    '',
  );
const relativeMs = (): fc.Arbitrary<string> =>
  fc.constantFrom('1000000', '99999999', '0', '-5', '9223372036854775807', '9007199254740993', '1.5', ' 1');
const unixSeconds = (): fc.Arbitrary<string> =>
  fc.constantFrom('1', '33177117420', '9223372036854775', '9223372036854776', '0', '-1', 'x', '1e3');
const unixMs = (): fc.Arbitrary<string> =>
  fc.constantFrom('1', '33177117420000', '9007199254740993', '9223372036854775807', '0', '-1', '', '+1');

/** EX and PX count from each server's own now, so what is left behind can only be compared without them. */
function timeOption(relative: boolean): fc.Arbitrary<readonly string[]> {
  const absolute = [unixSeconds().map((time) => ['EXAT', time]), unixMs().map((time) => ['PXAT', time])];
  if (!relative) return fc.oneof(...absolute);
  return fc.oneof(
    ...absolute,
    relativeSeconds().map((time) => ['EX', time]),
    relativeMs().map((time) => ['px', time]),
  );
}
const setOption = (relative: boolean): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 3, arbitrary: timeOption(relative) },
    {
      weight: 5,
      arbitrary: fc.constantFrom(['NX'], ['XX'], ['GET'], ['KEEPTTL'], ['nx'], ['get'], ['KeepTtl']),
    },
    { weight: 1, arbitrary: fc.constantFrom(['PERSIST'], ['EX'], ['bogus'], [''], ['NXX']) },
  );
const getexOption = (relative: boolean): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    { weight: 4, arbitrary: timeOption(relative) },
    { weight: 2, arbitrary: fc.constantFrom(['PERSIST'], ['persist']) },
    { weight: 1, arbitrary: fc.constantFrom(['KEEPTTL'], ['NX'], ['GET'], ['PXAT'], ['PERSIST', 'PERSIST']) },
  );
const lcsOption = (): fc.Arbitrary<readonly string[]> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(['IDX'], ['LEN'], ['WITHMATCHLEN'], ['idx'], ['IDX', 'WITHMATCHLEN']),
    },
    { weight: 3, arbitrary: anyInteger().map((least) => ['MINMATCHLEN', least]) },
    { weight: 1, arbitrary: fc.constantFrom(['MINMATCHLEN'], ['bogus']) },
  );

/** A command with fixed arguments first, then options. */
function withOptions(
  name: string,
  args: readonly fc.Arbitrary<Arg>[],
  option: fc.Arbitrary<readonly string[]>,
  maxLength: number,
): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(fc.tuple(...args), fc.array(option, { maxLength }))
      .map(([fixed, options]): readonly Arg[] => [name, ...fixed, ...options.flat()]),
  };
}

/** Keys and values in turn; sometimes one too few. */
function pairs(name: string): Pick<CommandGenerator, 'args'> {
  const list = fc.array(fc.tuple(key(), value()), { minLength: 1, maxLength: 4 });
  return {
    args: fc
      .tuple(list, fc.integer({ min: 0, max: 9 }))
      .map(([all, cut]): readonly Arg[] => [name, ...(cut === 0 ? all.flat().slice(0, -1) : all.flat())]),
  };
}

/** Text from few letters, so that two of them have something in common. */
const letters = (): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }).map((list) => list.join(''));
const offset = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 70 }).map(String) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('40000', '-1', '1048575', '1048576', '536870912', '9223372036854775807'),
    },
    { weight: 1, arbitrary: anyInteger() },
  );

function generators(relative: boolean): readonly CommandGenerator[] {
  const always: readonly CommandGenerator[] = [
    { weight: 3, ...command('SET', key(), value()) },
    { weight: 6, ...withOptions('SET', [key(), value()], setOption(relative), 3) },
    { weight: 2, ...command('SET', key(), letters()) },
    { weight: 2, ...command('SET', key(), integer()) },
    { weight: 2, ...command('GET', key()) },
    command('GETSET', key(), value()),
    command('GETDEL', key()),
    { weight: 4, ...withOptions('GETEX', [key()], getexOption(relative), 2) },
    command('SETNX', key(), value()),
    pairs('MSET'),
    pairs('MSETNX'),
    { args: fc.array(key(), { minLength: 1, maxLength: 6 }).map((keys) => ['MGET', ...keys]) },
    { weight: 2, ...command('APPEND', key(), value()) },
    { weight: 2, ...command('SETRANGE', key(), offset(), value()) },
    command('GETRANGE', key(), anyInteger(), anyInteger()),
    command('SUBSTR', key(), anyInteger(), anyInteger()),
    command('STRLEN', key()),
    { weight: 2, ...command('INCR', key()) },
    command('DECR', key()),
    { weight: 2, ...command('INCRBY', key(), anyInteger()) },
    { weight: 2, ...command('DECRBY', key(), anyInteger()) },
    { weight: 3, ...command('INCRBYFLOAT', key(), fc.oneof(float(), float(), anyInteger())) },
    { weight: 3, ...withOptions('LCS', [key(), key()], lcsOption(), 3) },
  ];
  if (!relative) return always;
  return [
    ...always,
    command('SETEX', key(), relativeSeconds(), value()),
    command('PSETEX', key(), relativeMs(), value()),
    { ...command('TTL', key()), compare: 'approx' },
  ];
}

const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
const VALUES = ALL_KEYS.flatMap((name) => [
  ['GET', name],
  ['OBJECT', 'ENCODING', name],
]);
const TIMES = ALL_KEYS.map((name) => ['PEXPIRETIME', name]);

/** Small, so that its limits are reached by small commands: for APPEND and SETRANGE as well as for LCS's table. */
const directives = { 'proto-max-bulk-len': 1048576 };

describeWithOracle(
  'strings, as redis-server has them',
  (pair) => {
    it('random sequences', () =>
      differential(pair, generators(true), {
        runs: 250,
        maxCommands: 40,
        finalChecks: [...VALUES, ['DBSIZE']],
      }));

    it('random sequences with absolute times, which must be the same to the millisecond', () =>
      differential(pair, generators(false), {
        runs: 150,
        maxCommands: 40,
        finalChecks: [...VALUES, ...TIMES, ['DBSIZE']],
      }));

    it('wrong numbers of arguments', () => {
      const names = new Set(generators(true).flatMap((generator) => fc.sample(generator.args, 1)[0]![0]!));
      const commands: Arg[][] = [];
      for (const name of names) {
        for (let count = 0; count <= 5; count++) {
          commands.push([name, ...ALL_KEYS.slice(0, count)]);
        }
      }
      return pair.compareAll(commands);
    });

    it('what a command counts as a change', async () => {
      const commands = [
        ['SET', 'k', 'v'],
        ['SET', 'k', 'v', 'NX'],
        ['SET', 'k', 'v', 'XX'],
        ['SET', 'k', 'v', 'EX', '100'],
        ['SETNX', 'k', 'v'],
        ['SETNX', 'new', 'v'],
        ['GETSET', 'k', '1'],
        ['GETEX', 'k'],
        ['GETEX', 'k', 'PERSIST'],
        ['GETEX', 'k', 'EX', '100'],
        ['GETEX', 'k', 'PERSIST'],
        ['GETEX', 'k', 'PXAT', '1'],
        ['GETEX', 'k', 'PXAT', '1'],
        ['MSET', 'a', '1', 'b', '2', 'a', '3'],
        ['MSETNX', 'a', '1', 'c', '2'],
        ['MSETNX', 'd', '1', 'e', '2'],
        ['APPEND', 'd', ''],
        ['APPEND', 'f', ''],
        ['SETRANGE', 'd', '0', ''],
        ['SETRANGE', 'g', '3', 'x'],
        ['INCR', 'a'],
        ['INCRBY', 'a', '0'],
        ['DECRBY', 'a', '2'],
        ['INCRBYFLOAT', 'a', '0'],
        ['GETDEL', 'a'],
        ['GETDEL', 'a'],
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
  { directives },
);

/** The counters of changes since the last save. */
async function changes(pair: OraclePair): Promise<{ ours: number; oracle: number }> {
  const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
  const count = (replies: Buffer[]): number =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
  return { ours: count(ours), oracle: count(oracle) };
}
