/** The harness is tested too: a comparator that says yes to everything would make every other test green. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { arbitraries, command, differential } from './differential.ts';
import { comparators, findOracle, NO_ORACLE, OraclePair, showCommand, within } from './oracle.ts';
import { encodeCommand } from './raw-client.ts';
import { type ErrorReply, FramingError, parseReply, rawElements, replyEnd } from './reply-framer.ts';
import { configText, type ServerProcess, startServer } from './server-process.ts';

const raw = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('reply framer', () => {
  const whole = [
    '+OK\r\n',
    '-ERR no\r\n',
    ':-12\r\n',
    '$5\r\nhe\r\no\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '*-1\r\n',
    '*0\r\n',
    '*2\r\n*1\r\n:1\r\n$1\r\nx\r\n',
    '_\r\n',
    '#t\r\n',
    ',3.25\r\n',
    '(3492890328409238509324850943850943825024385\r\n',
    '!5\r\nERR x\r\n',
    '=8\r\ntxt:some\r\n',
    '%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n',
    '>2\r\n+message\r\n%0\r\n',
    '|1\r\n+ttl\r\n:5\r\n*1\r\n+v\r\n',
  ];

  it('finds the end of every type, and needs all of it', () => {
    for (const text of whole) {
      const buffer = raw(`${text}+NEXT\r\n`);
      assert.equal(replyEnd(buffer, 0), text.length, JSON.stringify(text));
      for (let cut = 0; cut < text.length; cut++) {
        const need = -replyEnd(buffer.subarray(0, cut), 0);
        assert.ok(need > cut && need <= text.length, `${JSON.stringify(text)} cut at ${cut}: needs ${need}`);
      }
    }
  });

  it('refuses what is no reply', () => {
    assert.throws(() => replyEnd(raw('OK\r\n'), 0), FramingError);
    assert.throws(() => replyEnd(raw('$2\r\nabc\r\n'), 0), FramingError);
    assert.throws(() => replyEnd(raw('*x\r\n'), 0), FramingError);
  });

  it('parses values', () => {
    assert.deepEqual(parseReply(raw('*3\r\n:1\r\n$1\r\nx\r\n_\r\n')), [1, 'x', null]);
    assert.deepEqual(parseReply(raw('%1\r\n+k\r\n~1\r\n,1.5\r\n')), new Map([['k', new Set([1.5])]]));
    assert.equal(parseReply(raw('=8\r\ntxt:some\r\n')), 'some');
    assert.equal(parseReply(raw(':9223372036854775807\r\n')), 9223372036854775807n);
    assert.equal((parseReply(raw('-NOAUTH no\r\n')) as ErrorReply).code, 'NOAUTH');
    assert.equal(parseReply(raw('|1\r\n+ttl\r\n:5\r\n+v\r\n')), 'v');
    assert.equal(rawElements(raw('%1\r\n+k\r\n+v\r\n'))!.length, 1);
  });
});

describe('comparators', () => {
  it('agree and disagree', () => {
    const ab = raw('*2\r\n+a\r\n+b\r\n');
    const ba = raw('*2\r\n+b\r\n+a\r\n');
    assert.notEqual(comparators.exact(ab, ba), null);
    assert.equal(comparators.sorted(ab, ba), null);
    assert.notEqual(comparators.sorted(ab, raw('~2\r\n+b\r\n+a\r\n')), null);
    assert.equal(comparators.error(raw('-A\r\n'), raw('-B\r\n')), null);
    assert.notEqual(comparators.error(raw('-A\r\n'), raw('+B\r\n')), null);
    assert.equal(comparators.approx(raw(':1000\r\n'), raw(':1009\r\n')), null);
    assert.notEqual(comparators.approx(raw(':1000\r\n'), raw(':1019\r\n')), null);
    assert.equal(within(20)(raw('*1\r\n:1000\r\n'), raw('*1\r\n:1019\r\n')), null);
    assert.equal(comparators.type(raw(':1\r\n'), raw(':2\r\n')), null);
    assert.notEqual(comparators.type(raw('$-1\r\n'), raw('$1\r\nx\r\n')), null);
  });

  it('show commands and write configuration files', () => {
    assert.equal(showCommand(['SET', 'a b', Buffer.from([0, 34])]), 'SET "a b" "\\x00\\""');
    assert.equal(encodeCommand(['GET', 1]).toString('latin1'), '*2\r\n$3\r\nGET\r\n$1\r\n1\r\n');
    assert.equal(
      configText({ save: '', bind: ['a', 'b'], daemonize: false }),
      'save ""\nbind a\nbind b\ndaemonize no\n',
    );
  });
});

const oracle = findOracle();
describe('differential engine', { skip: oracle === null && NO_ORACLE }, () => {
  let one: ServerProcess;
  let two: ServerProcess;
  let pair: OraclePair;
  before(async () => {
    [one, two] = await Promise.all([
      startServer({ command: [oracle!] }),
      startServer({ command: [oracle!], directives: { 'rename-command': 'APPEND STRLEN2' } }),
    ]);
    pair = new OraclePair(3, { ours: one, oracle: two, start: async () => {}, stop: async () => {} });
  });
  after(async () => {
    await pair.close();
    await Promise.all([one.stop(), two.stop()]);
  });

  it('finds no difference between a server and itself', () =>
    differential(
      pair,
      [command('SET', arbitraries.key(), arbitraries.value()), command('GET', arbitraries.key())],
      { runs: 20, finalSorted: [['KEYS', '*']] },
    ));

  it('shrinks a difference to the command that shows it', async () => {
    const commands = [
      command('SET', arbitraries.key(), arbitraries.value()),
      command('APPEND', arbitraries.key(), arbitraries.value()),
    ];
    await assert.rejects(differential(pair, commands, { runs: 50 }), (error: Error) => {
      assert.match(error.message, /FC_SEED=/);
      assert.match(error.message, /\n> APPEND key:0 /);
      assert.doesNotMatch(error.message, /SET/);
      return true;
    });
  });
});
