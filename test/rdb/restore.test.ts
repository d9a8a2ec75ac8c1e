import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TO_AOF } from '../../src/engine/effects/propagation.ts';
import { rdbString, sealPayload } from '../fuzz/payloads.ts';
import { inProcess } from '../support/in-process.ts';

const hello = sealPayload(Buffer.concat([Buffer.from([0]), rdbString('hello')]));
const twice = sealPayload(Buffer.concat([Buffer.from([4, 2]), ...['f', '1', 'f', '2'].map(rdbString)]));

function message(reply: unknown): string {
  return reply instanceof Error ? reply.message : String(reply);
}

describe('RESTORE', () => {
  it('makes a key, with a time to live or without', () => {
    const redis = inProcess();
    assert.equal(redis.call('RESTORE', 'a', 0, hello), 'OK');
    assert.equal(redis.call('GET', 'a'), 'hello');
    assert.equal(redis.call('PTTL', 'a'), -1);
    assert.equal(redis.call('RESTORE', 'b', 5000, hello), 'OK');
    assert.equal(redis.call('PTTL', 'b'), 5000);
    redis.call('RESTORE', 'c', redis.engine.nowMs + 700, hello, 'ABSTTL');
    assert.equal(redis.call('PTTL', 'c'), 700);
  });

  it('refuses in the order that Redis does', () => {
    const redis = inProcess();
    redis.call('SET', 'a', '1');
    const refusals: readonly [readonly (string | number | Buffer)[], RegExp][] = [
      [['a', -1, 'x', 'nonsense'], /syntax error/],
      [['a', 0, 'x', 'IDLETIME'], /syntax error/],
      [['a', 0, 'x', 'IDLETIME', 1, 'FREQ', 1], /syntax error/],
      [['a', 0, 'x', 'IDLETIME', -1], /Invalid IDLETIME value, must be >= 0/],
      [['a', 0, 'x', 'FREQ', 256], /Invalid FREQ value, must be >= 0 and <= 255/],
      [['a', -1, 'x'], /BUSYKEY Target key name already exists\./],
      [['b', 'x', 'x'], /value is not an integer or out of range/],
      [['b', -1, 'x'], /Invalid TTL value, must be >= 0/],
      [['b', 0, 'x'], /DUMP payload version or checksum are wrong/],
      [['b', 0, sealPayload(Buffer.from([100, 1]))], /Bad data format/],
      [['b', 0, sealPayload(Buffer.from([2, 0]))], /Bad data format/],
    ];
    for (const [args, expected] of refusals) assert.match(message(redis.call('RESTORE', ...args)), expected);
    assert.equal(redis.call('DBSIZE'), 1);
  });

  it('looks for duplicates in depth if it is told to', () => {
    const redis = inProcess({ 'sanitize-dump-payload': 'clients' });
    assert.match(message(redis.call('RESTORE', 'a', 0, twice)), /Bad data format/);
    redis.call('CONFIG', 'SET', 'sanitize-dump-payload', 'no');
    assert.equal(redis.call('RESTORE', 'a', 0, twice), 'OK');
  });

  it('refuses a packed set that has a member twice in any case: a file that has it as strings is not loaded', () => {
    const redis = inProcess({ 'sanitize-dump-payload': 'no' });
    const packed = Buffer.from('0d0000000200816102816102ff', 'hex');
    const payload = sealPayload(Buffer.concat([Buffer.from([20]), rdbString(packed)]));
    assert.match(message(redis.call('RESTORE', 'a', 0, payload)), /Bad data format/);
    packed[10] = 0x62;
    const sane = sealPayload(Buffer.concat([Buffer.from([20]), rdbString(packed)]));
    assert.equal(redis.call('RESTORE', 'a', 0, sane), 'OK');
    assert.equal(redis.call('SCARD', 'a'), 2);
  });

  it('a packed sorted set or hash that has a member twice has it once when it has grown', () => {
    const redis = inProcess({ 'sanitize-dump-payload': 'no' });
    const packed = rdbString(Buffer.from('11000000040081660201018166020201ff', 'hex'));
    for (const [type, name] of [
      [16, 'hash'],
      [17, 'zset'],
    ] as const) {
      const payload = sealPayload(Buffer.concat([Buffer.from([type]), packed]));
      assert.equal(redis.call('RESTORE', name, 0, payload), 'OK');
    }
    for (let i = 0; i < 600; i++) {
      redis.call('ZADD', 'zset', i, `member:${i}`);
      redis.call('HSET', 'hash', `member:${i}`, i);
    }
    assert.equal(redis.call('ZCARD', 'zset'), 601);
    assert.equal((redis.call('ZRANGE', 'zset', 0, -1) as unknown[]).length, 601);
    assert.equal(redis.call('HLEN', 'hash'), 601);
  });

  it('removes the old key when the new one has expired already', () => {
    const redis = inProcess();
    redis.call('SET', 'a', '1');
    assert.equal(redis.call('RESTORE', 'a', 5, hello, 'ABSTTL', 'REPLACE'), 'OK');
    assert.equal(redis.call('EXISTS', 'a'), 0);
    assert.equal(redis.engine.keyspace.databases[0]!.size, 0);
  });

  it('keeps what was there when the payload is bad', () => {
    const redis = inProcess();
    redis.call('SET', 'a', '1');
    redis.call('RESTORE', 'a', 0, sealPayload(Buffer.from([2, 2, 1, 97])), 'REPLACE');
    assert.equal(redis.call('GET', 'a'), '1');
  });

  it('sets idle time and frequency', () => {
    const lru = inProcess({ 'maxmemory-policy': 'allkeys-lru' });
    lru.call('RESTORE', 'a', 0, hello, 'IDLETIME', 1000);
    assert.equal(lru.call('OBJECT', 'IDLETIME', 'a'), 1000);
    const lfu = inProcess({ 'maxmemory-policy': 'allkeys-lfu' });
    lfu.call('RESTORE', 'a', 0, hello, 'FREQ', 100);
    assert.equal(lfu.call('OBJECT', 'FREQ', 'a'), 100);
  });

  it('is told with the moment of its expiry', () => {
    const redis = inProcess();
    const { engine } = redis;
    let told = '';
    engine.propagation.attach(
      {
        append: (bytes, off, len) => (told += Buffer.from(bytes.subarray(off, off + len)).toString('latin1')),
      },
      TO_AOF,
    );
    redis.call('RESTORE', 'a', 5000, hello);
    const when = String(engine.nowMs + 5000);
    assert.ok(told.includes(`\r\n$1\r\na\r\n$${when.length}\r\n${when}\r\n$${hello.length}\r\n`), told);
    assert.ok(told.endsWith('\r\n$6\r\nABSTTL\r\n'), told);
    told = '';
    redis.call('RESTORE', 'a', 5, hello, 'ABSTTL', 'REPLACE');
    assert.equal(told, '*2\r\n$3\r\nDEL\r\n$1\r\na\r\n');
  });
});
