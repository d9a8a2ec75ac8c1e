/**
 * Sorted sets where no older server can be asked: what 7.2 added, how it prints doubles; and what they are made of:
 * sets that grow and shrink by the thousand, memory that is given back, clients that wait.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inProcess } from '../support/in-process.ts';
import { ErrorReply } from '../support/reply-framer.ts';

describe('sorted sets', () => {
  for (const entries of [128, 0]) {
    it(`ZRANK and ZREVRANK WITHSCORE (up to ${entries} packed)`, () => {
      const redis = inProcess();
      redis.call('CONFIG', 'SET', 'zset-max-listpack-entries', entries);
      redis.call('ZADD', 'z', 1, 'a', 2.5, 'b', 'inf', 'c');
      assert.deepEqual(redis.call('ZRANK', 'z', 'b', 'WITHSCORE'), [1, '2.5']);
      assert.deepEqual(redis.call('ZREVRANK', 'z', 'c', 'withscore'), [0, 'inf']);
      assert.equal(redis.raw('ZRANK', 'z', 'none', 'WITHSCORE').toString(), '*-1\r\n');
      assert.equal(redis.raw('ZRANK', 'none', 'a', 'WITHSCORE').toString(), '*-1\r\n');
      assert.equal(redis.raw('ZRANK', 'none', 'a').toString(), '$-1\r\n');
      assert.ok(redis.call('ZRANK', 'z', 'b', 'WITHSCORES') instanceof ErrorReply);
      assert.ok(redis.call('ZRANK', 'z', 'b', 'WITHSCORE', 'x') instanceof ErrorReply);
    });

    it(`scores are printed with the fewest digits (up to ${entries} packed)`, () => {
      const redis = inProcess();
      redis.call('CONFIG', 'SET', 'zset-max-listpack-entries', entries);
      for (const [score, text] of [
        ['0.1', '0.1'],
        ['3.0e-5', '0.00003'],
        ['1e20', '1e+20'],
        ['-inf', '-inf'],
        ['12345.6789012', '1.23456789012e+4'],
        ['0.30000000000000004', '0.30000000000000004'],
        ['5.0', '5'],
        ['-1234567890123', '-1234567890123'],
      ] as const) {
        redis.call('ZADD', 'z', score, 'm');
        assert.equal(redis.call('ZSCORE', 'z', 'm'), text);
        assert.deepEqual(redis.call('ZRANGE', 'z', 0, -1, 'WITHSCORES'), ['m', text]);
      }
      redis.call('ZADD', 'sum', '0.1', 'm');
      assert.equal(redis.call('ZINCRBY', 'sum', '0.2', 'm'), '0.30000000000000004');
    });
  }

  it('grow from packed, and keep their expiry', () => {
    const redis = inProcess();
    redis.call('ZADD', 'z', 0, 'first');
    redis.call('EXPIRE', 'z', 1000);
    for (let i = 0; i < 300; i++) {
      redis.call('ZADD', 'z', (i * 7) % 300, `m${i}`);
      assert.equal(redis.call('OBJECT', 'ENCODING', 'z'), i < 127 ? 'listpack' : 'skiplist');
    }
    assert.equal(redis.call('TTL', 'z'), 1000);
    assert.deepEqual(redis.call('ZRANGE', 'z', 0, 2), ['first', 'm0', 'm43']);
    assert.deepEqual(redis.call('ZRANGE', 'z', -1, -1), ['m257']);
    assert.equal(redis.call('ZREMRANGEBYRANK', 'z', 3, -1), 298);
    assert.equal(redis.call('OBJECT', 'ENCODING', 'z'), 'skiplist');
  });

  it('give all memory back', () => {
    const redis = inProcess();
    const { memory } = redis.engine.keyspace;
    const before = memory.arena.liveBytes + memory.tableBytes;
    for (let i = 0; i < 3000; i++) redis.call('ZADD', 'z', i % 50, `member:${i}`, -i, `other:${i}`);
    redis.call('COPY', 'z', 'copy');
    redis.call('ZUNIONSTORE', 'u', 2, 'z', 'copy', 'WEIGHTS', 1, 2);
    redis.call('ZINTER', 2, 'z', 'copy');
    redis.call('ZRANGESTORE', 'r', 'z', 10, 200);
    redis.call('ZREMRANGEBYSCORE', 'z', 0, 20);
    for (let left = redis.call('ZCARD', 'z') as number; left > 0; left -= 7) redis.call('ZPOPMAX', 'z', 7);
    assert.equal(redis.call('EXISTS', 'z'), 0);
    redis.call('DEL', 'copy', 'u', 'r');
    assert.equal(memory.arena.liveBytes + memory.tableBytes, before);
  });

  it('a client that waits for one of several is given the first that comes', () => {
    const redis = inProcess();
    const waiting = [redis.connect(), redis.connect()];
    waiting[0]!.raw('BZPOPMAX', 'a', 'b', 0);
    waiting[1]!.raw('BZMPOP', 0, 2, 'b', 'a', 'MIN', 'COUNT', 5);
    redis.call('ZADD', 'b', 1, 'x', 2, 'y', 3, 'z');
    assert.deepEqual(waiting[0]!.received(), [['b', 'z', '3']]);
    assert.deepEqual(waiting[1]!.received(), [
      [
        'b',
        [
          ['x', '1'],
          ['y', '2'],
        ],
      ],
    ]);
    assert.equal(redis.call('EXISTS', 'b'), 0);
  });

  it('nested replies of RESP3', () => {
    const redis = inProcess();
    redis.call('HELLO', 3);
    redis.call('ZADD', 'z', 1, 'a', 1.5, 'b');
    const pairs = '*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,1.5\r\n';
    assert.equal(redis.raw('ZRANGE', 'z', 0, -1, 'WITHSCORES').toString(), pairs);
    assert.equal(redis.raw('ZUNION', 1, 'z', 'WITHSCORES').toString(), pairs);
    assert.equal(redis.raw('ZPOPMIN', 'z').toString(), '*2\r\n$1\r\na\r\n,1\r\n');
    assert.equal(redis.raw('ZPOPMIN', 'z', 1).toString(), '*1\r\n*2\r\n$1\r\nb\r\n,1.5\r\n');
  });
});
