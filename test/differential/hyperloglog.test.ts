/**
 * The HyperLogLog commands against the real server. A HyperLogLog is a string, so GET after each step compares every
 * register, the way runs are split and joined, the moment of promotion, and the count that is kept.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { arbitraries, type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';

const KEYS = 4;
const key = (): fc.Arbitrary<string> =>
  fc.oneof({ weight: 25, arbitrary: arbitraries.key(KEYS) }, fc.constant('list'));
const element = (): fc.Arbitrary<Arg> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 3000 }).map(String) },
    { weight: 3, arbitrary: arbitraries.bytes(40) },
    { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(1000)) },
  );
const elements = (maxLength: number): fc.Arbitrary<Arg[]> => fc.array(element(), { maxLength, size: 'max' });

/** Sixteen bytes of header, then what is claimed to be registers. */
function hll(encoding: number, body: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('HYLL'),
    Buffer.from([encoding, 0, 0, 0]),
    Buffer.alloc(7),
    Buffer.from([128]),
    body,
  ]);
}
const forged = (): fc.Arbitrary<Buffer> =>
  fc.oneof(
    // Runs that may or may not add up to all registers; only values, so that both read the same few bytes.
    fc.uint8Array({ minLength: 1, maxLength: 60 }).map((runs) => hll(1, Buffer.from([...runs, 0]))),
    fc.constantFrom(
      hll(1, Buffer.from([0x7f, 0xff])),
      hll(1, Buffer.from([0x7f, 0xfe])),
      hll(1, Buffer.from([0x7f, 0xff, 0])),
      hll(1, Buffer.alloc(0)),
      // Runs of one register as no writer of ours would leave them.
      hll(1, Buffer.from([0x40, 0, 0x7f, 0xfd, 0, 0])),
      hll(1, Buffer.from([0x80, 0x80, 0x7f, 0xfa, 0x80, 0x80, 0x80])),
      hll(0, Buffer.alloc(12288, 0x55)),
      hll(0, Buffer.alloc(12288, 0xff)),
      hll(0, Buffer.alloc(12288, Buffer.from([0xf3, 0x3c, 0xcf]))),
      hll(0, Buffer.alloc(12288, Buffer.from([0x30, 0x0c, 0xc3]))),
      hll(0, Buffer.alloc(12287)),
      hll(2, Buffer.from([0x7f, 0xff])),
      hll(1, Buffer.from([0x7f, 0xff])).subarray(0, 15),
      Buffer.from('HYLK\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff', 'latin1'),
      // Counts that are kept, and large.
      Buffer.from('HYLL\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f\x7f\xff', 'latin1'),
      Buffer.from('HYLL\x01\0\0\0\xff\xff\xff\xff\xff\xff\x1f\x00\x7f\xff', 'latin1'),
      Buffer.from('HYLL\x01\0\0\0\x00\x00\x00\x00\x00\x00\x20\x00\x7f\xff', 'latin1'),
      Buffer.from('HYLL\x01\0\0\0\x05\x00\x00\x00\x02\x00\x00\x00\x7f\xff', 'latin1'),
      Buffer.from('12345678901234567890'),
      Buffer.from('123'),
      Buffer.alloc(0),
    ),
  );
const debug = (): fc.Arbitrary<string> =>
  fc.constantFrom('GETREG', 'decode', 'DECODE', 'encoding', 'ENCODING', 'todense', 'bogus', '');

const state = (names: readonly string[]): string[][] =>
  names.flatMap((name) => [
    ['GET', name],
    ['OBJECT', 'ENCODING', name],
  ]);
const ALL_KEYS = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

const generators: readonly CommandGenerator[] = [
  { weight: 8, args: fc.tuple(key(), elements(6)).map(([k, list]) => ['PFADD', k, ...list]) },
  { weight: 4, args: fc.tuple(key(), elements(200)).map(([k, list]) => ['PFADD', k, ...list]) },
  { weight: 3, ...command('PFCOUNT', key()) },
  { weight: 3, args: fc.array(key(), { minLength: 1, maxLength: 4 }).map((keys) => ['PFCOUNT', ...keys]) },
  { weight: 3, args: fc.array(key(), { minLength: 1, maxLength: 4 }).map((keys) => ['PFMERGE', ...keys]) },
  { weight: 2, ...command('SET', arbitraries.key(KEYS), forged()) },
  { weight: 1, ...command('SET', arbitraries.key(KEYS), arbitraries.value()) },
  { weight: 2, ...command('DEL', arbitraries.key(KEYS)) },
  { weight: 2, ...command('PFDEBUG', debug(), key()) },
  { weight: 4, ...command('GET', key()) },
  command('OBJECT', fc.constant('ENCODING'), key()),
  command('PEXPIREAT', key(), fc.constantFrom('33177117420000')),
  command('PEXPIRETIME', key()),
];

/** A sequence of pseudo-random elements. */
function* sequence(seed: number): Generator<string> {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    yield `element:${x >>> 0}`;
  }
}

describeWithOracle('HyperLogLogs, as redis-server has them', (pair) => {
  it('random sequences', () =>
    differential(pair, generators, {
      runs: 120,
      maxCommands: 30,
      setUp: [['RPUSH', 'list', 'x']],
      finalChecks: [...state(ALL_KEYS), ['DBSIZE']],
    }));

  for (const limit of [0, 20, 100, 3000, 16000]) {
    it(`the same bytes after every step with at most ${limit} bytes of sparse form`, async () => {
      const commands: Arg[][] = [['CONFIG', 'SET', 'hll-sparse-max-bytes', String(limit)]];
      const numbers = sequence(limit + 1);
      const count = limit > 1000 ? 2500 : 200;
      for (let i = 0; i < count; i++) {
        commands.push(['PFADD', 'h', numbers.next().value]);
        if (limit <= 1000 || i % 5 === 0) commands.push(['GET', 'h'], ['PFDEBUG', 'ENCODING', 'h']);
        if (i % 50 === 0) commands.push(['PFCOUNT', 'h'], ['GET', 'h']);
      }
      commands.push(['CONFIG', 'SET', 'hll-sparse-max-bytes', '3000']);
      await pair.compareAll(commands);
    });
  }

  it('one register raised again and again, runs split and joined', async () => {
    // A thousand elements into each of few registers: values rise, neighbours become equal.
    const commands: Arg[][] = [];
    for (let i = 0; i < 1500; i++) commands.push(['PFADD', 'h', String(i % 700)], ['PFADD', 'g', String(i)]);
    commands.push(
      ['GET', 'h'],
      ['GET', 'g'],
      ['PFDEBUG', 'DECODE', 'h'],
      ['PFMERGE', 'm', 'h', 'g'],
      ['GET', 'm'],
    );
    commands.push(
      ['PFCOUNT', 'm'],
      ['PFCOUNT', 'h', 'g'],
      ['PFDEBUG', 'TODENSE', 'h'],
      ['GET', 'h'],
      ['PFMERGE', 'm', 'h'],
    );
    commands.push(['GET', 'm'], ['PFDEBUG', 'GETREG', 'g'], ['GET', 'g'], ['PFCOUNT', 'm', 'h', 'g', 'none']);
    await pair.compareAll(commands);
  });

  it('counts of large sets', async () => {
    const numbers = sequence(7);
    for (let round = 0; round < 30; round++) {
      const commands: Arg[][] = [];
      for (let i = 0; i < 20; i++) {
        const words: Arg[] = ['PFADD', `h${round % 3}`];
        for (let k = 0; k < 100; k++) words.push(numbers.next().value);
        commands.push(words);
      }
      commands.push(['PFCOUNT', `h${round % 3}`], ['PFCOUNT', 'h0', 'h1', 'h2'], ['GET', `h${round % 3}`]);
      await pair.compareAll(commands);
    }
  });

  it('elements of every length', async () => {
    const commands: Arg[][] = [];
    const bytes = Buffer.alloc(300);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 151 + 201) & 255;
    for (let len = 0; len <= 300; len++) commands.push(['PFADD', 'h', bytes.subarray(0, len)], ['GET', 'h']);
    await pair.compareAll(commands);
  });

  it('wrong numbers of arguments', () => {
    const commands: Arg[][] = [];
    for (const name of ['PFADD', 'PFCOUNT', 'PFMERGE', 'PFDEBUG']) {
      for (let count = 0; count <= 4; count++) commands.push([name, ...['k', 'l', 'm', 'n'].slice(0, count)]);
    }
    commands.push(['PFSELFTEST', 'x'], ['GET', 'k']);
    return pair.compareAll(commands);
  });

  it('what a command counts as a change', async () => {
    const commands = [
      ['PFADD', 'k'],
      ['PFADD', 'k'],
      ['PFADD', 'k', 'a', 'b', 'c', 'a'],
      ['PFADD', 'k', 'a'],
      ['PFADD', 'l', 'a', 'b'],
      ['PFCOUNT', 'k'],
      ['PFCOUNT', 'k'],
      ['PFCOUNT', 'k', 'l'],
      ['PFMERGE', 'm', 'k', 'l'],
      ['PFMERGE', 'm'],
      ['PFDEBUG', 'TODENSE', 'm'],
      ['PFDEBUG', 'TODENSE', 'm'],
      ['PFDEBUG', 'GETREG', 'k'],
      ['PFDEBUG', 'ENCODING', 'k'],
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
