/**
 * The hash commands against the real server: random sequences under RESP2 and RESP3 with valid, boundary and invalid
 * arguments, encodings after every step, thresholds that move meanwhile. A listpack shows its fields in Redis's order;
 * a table has an order of its own, so what walks through it is compared sorted.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { type Comparator, comparators, describeWithOracle, type OraclePair } from '../support/oracle.ts';
import type { Arg, RawClient } from '../support/raw-client.ts';
import { parseReply, rawElements } from '../support/reply-framer.ts';

const KEYS = 3;
const { integer, notInteger, float, value } = arbitraries;
const key = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 20, arbitrary: arbitraries.key(KEYS) },
    { weight: 1, arbitrary: fc.constant('a string') },
  );
const field = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 9 }).map((i) => `f${i}`) },
    { weight: 3, arbitrary: fc.constantFrom('', '0', '-1', '12345678901234567890', '9223372036854775807') },
    { weight: 2, arbitrary: arbitraries.bytes(8) },
    { weight: 1, arbitrary: fc.constantFrom('F'.repeat(64), 'F'.repeat(65), 'G'.repeat(5000)) },
  );
const content = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 10, arbitrary: integer() },
    { weight: 4, arbitrary: float() },
    { weight: 4, arbitrary: fc.string({ maxLength: 30 }) },
    { weight: 2, arbitrary: arbitraries.bytes(70) },
    { weight: 1, arbitrary: value() },
    { weight: 1, arbitrary: fc.constantFrom('v'.repeat(64), 'v'.repeat(65), 'w'.repeat(40_000)) },
  );
const anyInteger = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 5, arbitrary: integer() }, { weight: 1, arbitrary: notInteger() });

/** Fields and values in turn; sometimes one too few. */
function pairs(name: string, maxLength: number): Pick<CommandGenerator, 'args'> {
  const list = fc.array(fc.tuple(field(), content()), { minLength: 1, maxLength });
  return {
    args: fc
      .tuple(key(), list, fc.integer({ min: 0, max: 19 }))
      .map(([k, all, cut]): readonly Arg[] => [
        name,
        k,
        ...(cut === 0 ? all.flat().slice(0, -1) : all.flat()),
      ]),
  };
}

function fields(name: string, maxLength: number): Pick<CommandGenerator, 'args'> {
  return {
    args: fc
      .tuple(key(), fc.array(field(), { minLength: 1, maxLength }))
      .map(([k, all]): readonly Arg[] => [name, k, ...all]),
  };
}

const limits = (): CommandGenerator => ({
  args: fc
    .tuple(
      fc.constantFrom('hash-max-listpack-entries', 'hash-max-ziplist-value'),
      fc.constantFrom('0', '1', '4', '8', '64', '512'),
    )
    .map(([name, limit]) => ['CONFIG', 'SET', name, limit]),
});

const writers: readonly CommandGenerator[] = [
  { weight: 6, ...pairs('HSET', 4) },
  { weight: 1, ...pairs('hset', 20) },
  { weight: 2, ...pairs('HMSET', 3) },
  { weight: 3, ...command('HSETNX', key(), field(), content()) },
  { weight: 5, ...fields('HDEL', 5) },
  { weight: 4, ...command('HINCRBY', key(), field(), anyInteger()) },
  { weight: 4, ...command('HINCRBYFLOAT', key(), field(), fc.oneof(float(), float(), anyInteger())) },
  { weight: 1, ...command('DEL', key()) },
  { weight: 1, ...command('COPY', key(), key(), fc.constant('REPLACE')) },
  { weight: 1, ...command('RENAME', key(), key()) },
  { weight: 1, ...command('EXPIRE', key(), fc.constant('1000')) },
  { weight: 1, ...command('PERSIST', key()) },
];
const readers: readonly CommandGenerator[] = [
  { weight: 2, ...command('HGET', key(), field()) },
  { weight: 2, ...fields('HMGET', 4) },
  command('HLEN', key()),
  command('HSTRLEN', key(), field()),
  command('HEXISTS', key(), field()),
  { weight: 4, ...command('OBJECT', fc.constant('ENCODING'), key()) },
  command('TYPE', key()),
];
/** In the order of the listpack. */
const inOrder: readonly CommandGenerator[] = [
  { weight: 2, ...command('HGETALL', key()) },
  command('HKEYS', key()),
  command('HVALS', key()),
  command('HSCAN', key(), fc.constantFrom('0', '5', '-1', 'x', '')),
  {
    args: fc
      .tuple(key(), fc.array(scanOption(), { maxLength: 3 }))
      .map(([k, options]) => ['HSCAN', k, '0', ...options.flat()]),
  },
];

function scanOption(): fc.Arbitrary<readonly string[]> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(['MATCH', 'f*'], ['match', '*[1-4]'], ['MATCH', '*'], ['MATCH', '']),
    },
    { weight: 4, arbitrary: fc.constantFrom(['COUNT', '1000'], ['count', '5000']) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(['COUNT', '0'], ['COUNT', 'x'], ['COUNT'], ['TYPE', 'hash'], ['NOVALUES']),
    },
  );
}

/** All elements of both parts of a reply like that of HSCAN, in any order. */
const sortedScan: Comparator = (ours, oracle) => {
  const a = rawElements(ours);
  const b = rawElements(oracle);
  if (a?.length !== 2 || b?.length !== 2) return comparators.exact(ours, oracle);
  return comparators.exact(a[0]!, b[0]!) ?? comparators.sorted(a[1]!, b[1]!);
};
const sorted: readonly CommandGenerator[] = [
  { weight: 2, ...command('HGETALL', key()), compare: 'sorted' },
  { ...command('HKEYS', key()), compare: 'sorted' },
  { ...command('HVALS', key()), compare: 'sorted' },
  {
    args: fc
      .tuple(key(), fc.array(scanOption(), { maxLength: 3 }))
      .map(([k, options]) => ['HSCAN', k, '0', ...options.flat(), 'COUNT', '5000']),
    compare: sortedScan,
  },
];

const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
const STATE = [
  ...ALL_KEYS.flatMap((name) => [
    ['OBJECT', 'ENCODING', name],
    ['HLEN', name],
    ['DEBUG', 'DIGEST-VALUE', name],
  ]),
  ['DEBUG', 'DIGEST'],
  ['DBSIZE'],
];
const CONTENTS = ALL_KEYS.map((name) => ['HGETALL', name]);
const DEFAULTS = [
  ['CONFIG', 'SET', 'hash-max-listpack-entries', '512', 'hash-max-listpack-value', '64'],
  ['SET', 'a string', 'x'],
];

describeWithOracle(
  'hashes, as redis-server has them',
  (pair) => {
    it('random sequences, tables included', () =>
      differential(pair, [...writers, ...readers, ...sorted], {
        runs: 150,
        maxCommands: 50,
        setUp: DEFAULTS,
        finalChecks: STATE,
        finalSorted: CONTENTS,
      }));

    it('random sequences while the limits move', () =>
      differential(pair, [...writers, ...readers, ...sorted, { weight: 4, ...limits() }], {
        runs: 150,
        maxCommands: 50,
        setUp: DEFAULTS,
        finalChecks: STATE,
        finalSorted: CONTENTS,
      }));

    it('listpacks keep the order of Redis', () =>
      differential(pair, [...writers, ...readers, ...inOrder], {
        runs: 120,
        maxCommands: 50,
        setUp: [...DEFAULTS, ['CONFIG', 'SET', 'hash-max-listpack-value', '1mb']],
        finalChecks: [...STATE, ...CONTENTS],
      }));

    it('HRANDFIELD where chance has no say', () =>
      pair.compareAll([
        ['HRANDFIELD', 'none'],
        ['HRANDFIELD', 'none', '3'],
        ['HRANDFIELD', 'none', '-3', 'WITHVALUES'],
        ['HSET', 'one', 'f', 'v'],
        ...oneField('one'),
        ['HSET', 'big', 'f', 'v'.repeat(100)],
        ...oneField('big'),
        ['HSET', 'three', 'a', '1', 'b', '2', 'c', '3'],
        ['HRANDFIELD', 'three', '3'],
        ['HRANDFIELD', 'three', '10', 'WITHVALUES'],
        ['HRANDFIELD', 'three', '4611686018427387903', 'WITHVALUES'],
        ['SET', 'string', 'v'],
        ['HRANDFIELD', 'string'],
        ['HRANDFIELD', 'string', '1', 'x'],
        ['HRANDFIELD', 'string', '0'],
      ]));

    it('wrong numbers of arguments', () => {
      const names = new Set([...writers, ...readers, ...inOrder].map((g) => fc.sample(g.args, 1)[0]![0]!));
      const commands: Arg[][] = [];
      for (const name of names) {
        for (let count = 0; count <= 5; count++)
          commands.push([name, ...ALL_KEYS.slice(0, count), ...ALL_KEYS.slice(0, Math.max(0, count - KEYS))]);
      }
      return pair.compareAll(commands);
    });

    it('what a command counts as a change', async () => {
      const commands = [
        ['HSET', 'h', 'a', '1', 'b', '2', 'a', '3'],
        ['HSET', 'h', 'a', '3'],
        ['HMSET', 'h', 'a', '3', 'c', '4'],
        ['HSETNX', 'h', 'a', '1'],
        ['HSETNX', 'h', 'd', '1'],
        ['HINCRBY', 'h', 'a', '0'],
        ['HINCRBYFLOAT', 'h', 'a', '0'],
        ['HDEL', 'h', 'x'],
        ['HDEL', 'h', 'a', 'x', 'b'],
        ['HGETALL', 'h'],
        ['HDEL', 'h', 'c', 'd', 'e'],
        ['HDEL', 'h', 'c'],
      ];
      let before = await changes(pair);
      for (const words of commands) {
        await pair.compare(...words);
        const after = await changes(pair);
        assert.equal(after.ours - before.ours, after.oracle - before.oracle, words.join(' '));
        before = after;
      }
    });

    it('keyspace events', async () => {
      await pair.compareAll([
        ['CONFIG', 'SET', 'notify-keyspace-events', 'EAmn'],
        ['CONFIG', 'SET', 'hash-max-listpack-entries', '2'],
      ]);
      const listeners = await Promise.all([
        pair.oursServer.connect({ resp: 3 }),
        pair.oracleServer.connect({ resp: 3 }),
      ]);
      for (const listener of listeners) {
        listener.sendNoReply('PSUBSCRIBE', '__keyevent@0__:*');
        await listener.nextPush();
      }
      for (const line of EVENTFUL.trim().split('\n')) {
        await pair.compare(...line.trim().split(' '));
        await pair.compare('PUBLISH', '__keyevent@0__:end', 'of this command');
        const [ours, oracle] = await Promise.all(listeners.map((listener) => eventsUntilEnd(listener)));
        assert.deepEqual(ours, oracle, line);
      }
      await Promise.all(listeners.map((listener) => listener.close()));
      await pair.compare('CONFIG', 'SET', 'notify-keyspace-events', '');
    });

    it('HSCAN returns each field of a table once', async () => {
      const words: Arg[] = ['HSET', 'table'];
      for (let i = 0; i < 1000; i++) words.push(`field ${i}`, `value ${i}`);
      await pair.compare(...words);
      await pair.compare('OBJECT', 'ENCODING', 'table');
      const seen = new Map<string, string>();
      let cursor = '0';
      do {
        const raw = await pair.ours.send('HSCAN', 'table', cursor, 'COUNT', '7');
        const reply = parseReply(raw) as [string, string[]];
        cursor = reply[0];
        for (let i = 0; i < reply[1].length; i += 2) {
          const name = reply[1][i]!;
          assert.ok(!seen.has(name), 'seen twice');
          seen.set(name, reply[1][i + 1]!);
        }
      } while (cursor !== '0');
      assert.equal(seen.size, 1000);
      for (const [name, text] of seen) assert.equal(text, name.replace('field', 'value'));
    });
  },
  { directives: { 'enable-debug-command': 'yes' } },
);

/** Commands whose events are compared, one after the other; the hash becomes a table on the way. */
const EVENTFUL = `
  HSET h a 1
  HSET h a 2 b 3
  HSET h a 2
  HGET missing a
  HGET h missing
  HSETNX h a 1
  HSETNX h c 1
  OBJECT ENCODING h
  HSETNX new c 1
  HMSET h d 1
  HMSET other d 1
  HINCRBY h a 0
  HINCRBY fresh a 1
  HINCRBYFLOAT h a 1.5
  HINCRBYFLOAT fresher a 1.5
  HDEL h missing
  HDEL h a b
  HDEL h c d e
  HDEL fresh a
  HDEL missing a
  HGETALL other
  HRANDFIELD missing
  HSCAN missing 0
  DEL other
  COPY fresher copied
  RENAME copied renamed
`;

/** What a listener was told, up to the message that ends it. */
async function eventsUntilEnd(listener: RawClient): Promise<string[]> {
  const events: string[] = [];
  for (;;) {
    const message = String(parseReply(await listener.nextPush()));
    if (message.endsWith('of this command')) return events;
    events.push(message);
  }
}

function oneField(name: string): Arg[][] {
  return [
    ['HRANDFIELD', name],
    ['HRANDFIELD', name, '0'],
    ['HRANDFIELD', name, '1'],
    ['HRANDFIELD', name, '5', 'WITHVALUES'],
    ['HRANDFIELD', name, '-3'],
    ['HRANDFIELD', name, '-2', 'withvalues'],
    ['HRANDFIELD', name, 'x'],
    ['HRANDFIELD', name, '1', 'x'],
    ['HRANDFIELD', name, '1', 'WITHVALUES', 'x'],
    ['HRANDFIELD', name, 'x', 'WITHVALUES', 'x'],
    ['HRANDFIELD', name, '-9223372036854775808'],
    ['HRANDFIELD', name, '-9223372036854775808', 'WITHVALUES'],
    ['HRANDFIELD', name, '9223372036854775807'],
    ['HRANDFIELD', name, '9223372036854775808'],
    ['HRANDFIELD', name, '4611686018427387904', 'WITHVALUES'],
    ['HRANDFIELD', name, '-4611686018427387904', 'WITHVALUES'],
    ['HRANDFIELD', name, '4611686018427387903', 'WITHVALUES'],
  ];
}

/** The counters of changes since the last save. */
async function changes(pair: OraclePair): Promise<{ ours: number; oracle: number }> {
  const [ours, oracle] = await pair.sendBoth([['INFO', 'persistence']]);
  const count = (replies: Buffer[]): number =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(replies[0]!.toString('latin1'))?.[1]);
  return { ours: count(ours), oracle: count(oracle) };
}
