/** Users where the real server cannot say: counters of 7.2, limits, what is exempt, and what checking costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { userLines } from '../../src/commands/server/config.ts';
import { splitLine } from '../../src/config/words.ts';
import { ACL_LOG_TEXT_MAX } from '../../src/engine/acl/acl-log.ts';
import { GATE_LIMITED } from '../../src/engine/gates.ts';
import { collectGarbage } from '../../src/util/collector.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

function infoField(redis: InProcess, name: string): string {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(String(redis.call('INFO', 'stats')))![1]!;
}

test('only users who may not do everything have a gate', () => {
  const redis = inProcess();
  const client = redis.connect();
  const isLimited = (): boolean => (client.client.gates & GATE_LIMITED) !== 0;
  assert.equal(isLimited(), false);
  redis.call('ACL', 'SETUSER', 'u', 'on', 'nopass', '+@all', '~*', '&*');
  client.call('AUTH', 'u', 'x');
  assert.equal(isLimited(), false);
  for (const [rules, limited] of [
    [['-get'], true],
    [['+get'], true],
    [['+@all'], false],
    [['resetchannels'], true],
    [['(+@all ~* &*)'], false],
    [['clearselectors'], true],
    [['allchannels', 'resetkeys', '~a'], true],
    [['allkeys'], false],
  ] as const) {
    assert.equal(redis.call('ACL', 'SETUSER', 'u', ...rules), 'OK');
    assert.equal(isLimited(), limited, rules.join(' '));
  }
  redis.call('ACL', 'SETUSER', 'u', '-get');
  client.call('RESET');
  assert.equal(isLimited(), false);
});

test('INFO counts what was refused', () => {
  const redis = inProcess();
  redis.call('ACL', 'SETUSER', 'u', 'on', '>pw', '+get', '+publish', '~a');
  const client = redis.connect();
  for (const request of [
    ['AUTH', 'u', 'bad'],
    ['AUTH', 'u', 'pw'],
    ['GET', 'b'],
    ['GET', 'a'],
    ['SET', 'a', '1'],
    ['DEL', 'a'],
    ['PUBLISH', 'c', 'm'],
  ]) {
    client.raw(...request);
  }
  const counts = (): string[] =>
    ['auth', 'cmd', 'key', 'channel'].map((what) => infoField(redis, `acl_access_denied_${what}`));
  assert.deepEqual(counts(), ['1', '2', '1', '1']);
  redis.call('CONFIG', 'RESETSTAT');
  assert.deepEqual(counts(), ['0', '0', '0', '0']);
});

test('what ACL LOG keeps of a key has a limit', () => {
  const redis = inProcess();
  redis.call('ACL', 'SETUSER', 'u', 'on', 'nopass', '+get');
  const client = redis.connect();
  client.call('AUTH', 'u', 'x');
  client.raw('GET', 'k'.repeat(ACL_LOG_TEXT_MAX + 1));
  const [entry] = redis.call('ACL', 'LOG') as [(string | number)[]];
  assert.equal(String(entry[entry.indexOf('object') + 1]).length, ACL_LOG_TEXT_MAX);
});

test('what ACL LOG cuts off does not stay in memory', async () => {
  const redis = inProcess();
  redis.call('ACL', 'SETUSER', 'u', 'on', 'nopass', '+get');
  const client = redis.connect();
  client.call('AUTH', 'u', 'x');
  const before = process.memoryUsage().external;
  // Texts of more than a megabyte are outside the heap, where they can be counted.
  const size = 8e6;
  for (let i = 0; i < 20; i++) client.raw('GET', Buffer.alloc(size, 65 + i));
  assert.equal((redis.call('ACL', 'LOG', '100') as unknown[]).length, 20);
  let kept = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 50 && kept >= 10 * size; i++) {
    collectGarbage();
    await setImmediate();
    kept = process.memoryUsage().external - before;
  }
  assert.ok(kept < 10 * size, `${kept} bytes are kept`);
});

test('events a minute apart are two entries', () => {
  const redis = inProcess();
  const refuse = (): void => {
    redis.raw('AUTH', 'u', 'x');
  };
  refuse();
  redis.clock.advance(59_000);
  refuse();
  redis.clock.advance(61_000);
  refuse();
  const entries = redis.call('ACL', 'LOG') as (string | number)[][];
  assert.deepEqual(
    entries.map((entry) => entry[1]),
    [1, 2],
  );
});

test('a transaction of a client that wants no replies is checked all the same', () => {
  const redis = inProcess();
  redis.call('ACL', 'SETUSER', 'u', 'on', 'nopass', '+@all', '~*');
  const client = redis.connect();
  for (const request of [['AUTH', 'u', 'x'], ['CLIENT', 'REPLY', 'OFF'], ['MULTI'], ['SET', 'a', '1']]) {
    client.raw(...request);
  }
  client.raw('SET', 'b', '1');
  redis.call('ACL', 'SETUSER', 'u', 'resetkeys', '~a');
  assert.equal(client.raw('EXEC').length, 0);
  assert.equal(client.raw('CLIENT', 'REPLY', 'ON').toString(), '+OK\r\n');
  assert.deepEqual(redis.call('MGET', 'a', 'b'), ['1', null]);
});

test('GENPASS gives as many digits as the bits need', () => {
  const redis = inProcess();
  const digits = [1, 4, 5, 256, 4095, 4096].map((bits) => String(redis.call('ACL', 'GENPASS', bits)).length);
  assert.deepEqual(digits, [1, 1, 2, 64, 1024, 1024]);
  assert.match(String(redis.call('ACL', 'GENPASS')), /^[0-9a-f]{64}$/);
});

test('secrets are not shown to monitors', async () => {
  const redis = inProcess();
  const monitor = redis.connect();
  monitor.call('MONITOR');
  redis.call('AUTH', 'default', 'hush');
  redis.call('HELLO', '2', 'AUTH', 'default', 'hush');
  redis.call('ACL', 'SETUSER', 'u', '>hush');
  await setImmediate();
  const shown = JSON.stringify(monitor.received());
  assert.match(shown, /HELLO.*redacted/);
  assert.ok(!shown.includes('hush'));
});

test('SORT may read whatever key only by a selector that allows all of the command', () => {
  const redis = inProcess();
  redis.call('RPUSH', 'x1', '1', '2');
  redis.call('ACL', 'SETUSER', 'u', 'on', 'nopass', '(+sort %R~*)', '(+sort ~x*)');
  const client = redis.connect();
  client.call('AUTH', 'u', 'x');
  assert.deepEqual(client.call('SORT', 'x1', 'GET', 'y*'), [null, null]);
  assert.match(
    client.raw('SORT', 'x1', 'GET', 'y*', 'STORE', 'x2').toString(),
    /^-ERR GET option of SORT denied/,
  );
  assert.match(
    client.raw('SORT', 'x1', 'BY', 'y*', 'STORE', 'x2').toString(),
    /^-ERR BY option of SORT denied/,
  );
  assert.equal(client.call('SORT', 'x1', 'STORE', 'x2'), 2);
});

test('no rule that would be read back as others', () => {
  const redis = inProcess();
  for (const rule of [
    '+get|a b',
    '+get|a\nuser evil on nopass +@all ~*',
    '(~a) +set)',
    '(~a))',
    '(+get|x) +set)',
  ]) {
    assert.match(redis.raw('ACL', 'SETUSER', 'u', rule).toString(), /Syntax error\r\n$/, rule);
  }
});

test('users with quotes in them are read back from the configuration', () => {
  const redis = inProcess();
  const names = ['', '"q"', "it's", 'a\\b', '#x', '\x7f\xff'];
  for (const name of names) {
    redis.call(
      'ACL',
      'SETUSER',
      Buffer.from(name, 'latin1'),
      `~${name}`.slice(0, 3),
      '(~"\' +get)',
      '+get|"',
    );
  }
  const plain = redis.engine.acl.lines();
  const lines = userLines(redis.engine);
  assert.deepEqual(
    lines.map((line) => splitLine(line)),
    plain.map((line) => line.split(' ')),
  );
  assert.ok(lines.includes('user default on nopass ~* &* +@all'), 'nothing is quoted in vain');
});
