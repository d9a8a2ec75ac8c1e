/**
 * Clients that wait for keys: who is served, in which order, by what, and what ends a wait. In one process with time
 * moved by hand, so that "nothing came" is a fact and not a guess.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inProcess } from '../support/in-process.ts';
import { ErrorReply } from '../support/reply-framer.ts';

function message(reply: unknown): string {
  assert.ok(reply instanceof ErrorReply, `an error was expected, not ${JSON.stringify(reply)}`);
  return reply.message;
}

describe('clients that wait for keys', () => {
  it('are served in the order in which they came', () => {
    const redis = inProcess();
    const waiting = [redis.connect(), redis.connect(), redis.connect()];
    for (const client of waiting) assert.equal(client.raw('BLPOP', 'l', 0).length, 0);
    assert.equal(redis.call('RPUSH', 'l', 'a', 'b'), 2);
    assert.deepEqual(waiting[0]!.received(), [['l', 'a']]);
    assert.deepEqual(waiting[1]!.received(), [['l', 'b']]);
    assert.deepEqual(waiting[2]!.received(), []);
    assert.equal(redis.call('EXISTS', 'l'), 0);
    redis.call('LPUSH', 'l', 'c');
    assert.deepEqual(waiting[2]!.received(), [['l', 'c']]);
  });

  it('keep their place when another kind of key comes under the name', () => {
    const redis = inProcess();
    const first = redis.connect();
    const second = redis.connect();
    first.raw('BLPOP', 'k', 0);
    second.raw('BZPOPMIN', 'k', 0);
    redis.call('ZADD', 'k', 1, 'm');
    assert.deepEqual(first.received(), []);
    assert.deepEqual(second.received(), [['k', 'm', '1']]);
    redis.call('RPUSH', 'k', 'x');
    assert.deepEqual(first.received(), [['k', 'x']]);
  });

  it('do not get what has expired while the transaction that made it ran', () => {
    const redis = inProcess();
    const client = redis.connect();
    client.raw('BLPOP', 'k', 0);
    for (const words of [['MULTI'], ['RPUSH', 'k', 'x'], ['PEXPIRE', 'k', 100]]) redis.call(...words);
    // Each look at the clock finds it 200 ms on; the transaction sees one time.
    const { clock } = redis;
    const usual = clock.monoUs.bind(clock);
    let looks = 0;
    clock.monoUs = () => usual() + 200_000 * looks++;
    assert.deepEqual(redis.call('EXEC'), [1, 1]);
    assert.ok(looks > 1);
    assert.deepEqual(client.received(), []);
    assert.equal(redis.call('EXISTS', 'k'), 0);
    redis.call('RPUSH', 'k', 'y');
    assert.deepEqual(client.received(), [['k', 'y']]);
  });

  it('on several keys are served by the first that changes, and wait no more for the others', () => {
    const redis = inProcess();
    const client = redis.connect();
    client.raw('BLPOP', 'a', 'b', 'a', 0);
    redis.call('RPUSH', 'b', '1');
    assert.deepEqual(client.received(), [['b', '1']]);
    redis.call('RPUSH', 'a', '2');
    assert.deepEqual(client.received(), []);
    assert.equal(redis.call('LLEN', 'a'), 1);
  });

  it('on several keys that change in one go are served by the one that changed first', () => {
    for (const [wait, push, served] of [
      [['BLPOP', 'a', 'b', 0], 'RPUSH', ['b', '1']],
      [['BZPOPMIN', 'a', 'b', 0], 'ZADD', ['b', '1', '1']],
      [['BZMPOP', 0, 2, 'a', 'b', 'MIN'], 'ZADD', ['b', [['1', '1']]]],
    ] as const) {
      const redis = inProcess();
      const client = redis.connect();
      client.raw(...wait);
      redis.call('MULTI');
      for (const key of ['b', 'a']) redis.call(push, key, ...(push === 'ZADD' ? [1, 1] : [1]));
      redis.call('EXEC');
      assert.deepEqual(client.received(), [served], wait[0]);
    }
  });

  it('get nothing from within a transaction before it ends', () => {
    const redis = inProcess();
    const client = redis.connect();
    client.raw('BLPOP', 'l', 0);
    redis.call('MULTI');
    redis.call('RPUSH', 'l', 'a');
    redis.call('LPUSH', 'l', 'b');
    redis.call('DEL', 'l');
    redis.call('RPUSH', 'l', 'c');
    redis.call('EXEC');
    assert.deepEqual(client.received(), [['l', 'c']]);
  });

  it('pass on what they move, in the same go', () => {
    const redis = inProcess();
    const mover = redis.connect();
    const taker = redis.connect();
    taker.raw('BRPOP', 'to', 0);
    mover.raw('BLMOVE', 'from', 'to', 'LEFT', 'RIGHT', 0);
    redis.call('RPUSH', 'from', 'x');
    assert.deepEqual(mover.received(), ['x']);
    assert.deepEqual(taker.received(), [['to', 'x']]);
    assert.equal(redis.call('DBSIZE'), 0);
  });

  it('are told by null when their time is up, not before', () => {
    const redis = inProcess();
    const client = redis.connect();
    client.raw('BLPOP', 'l', '0.25');
    redis.clock.advance(249);
    assert.deepEqual(client.received(), []);
    redis.clock.advance(1);
    assert.deepEqual(client.received(), [null]);
    redis.call('RPUSH', 'l', 'a');
    assert.deepEqual(client.received(), []);
  });

  it('wait longer than a timer can', () => {
    const redis = inProcess();
    const client = redis.connect();
    redis.stopCron();
    const days = 30;
    client.raw('BLPOP', 'l', String(days * 86400));
    redis.clock.advance(days * 86400_000 - 1000);
    assert.deepEqual(client.received(), []);
    redis.clock.advance(1000);
    assert.deepEqual(client.received(), [null]);
  });

  it('go on with what they have sent meanwhile, in order', () => {
    const redis = inProcess();
    const client = redis.connect();
    assert.equal(client.raw('BLPOP', 'l', 0).length, 0);
    assert.equal(client.raw('SET', 'after', '1').length, 0);
    assert.equal(client.raw('BLPOP', 'm', 0).length, 0);
    assert.equal(redis.call('EXISTS', 'after'), 0);
    redis.call('RPUSH', 'l', 'a');
    return Promise.resolve().then(() => {
      assert.deepEqual(client.received(), [['l', 'a'], 'OK']);
      redis.call('RPUSH', 'm', 'b');
      assert.deepEqual(client.received(), [['m', 'b']]);
    });
  });

  it('that are gone are passed over, and lose nothing', () => {
    const redis = inProcess();
    const gone = redis.connect();
    const next = redis.connect();
    gone.raw('BLPOP', 'l', 0);
    next.raw('BLPOP', 'l', 0);
    gone.close();
    redis.call('RPUSH', 'l', 'a');
    assert.deepEqual(next.received(), [['l', 'a']]);
    assert.equal(redis.engine.blocking.count, 0);
  });

  it('are unblocked by CLIENT UNBLOCK as by a time-out, or with an error', () => {
    const redis = inProcess();
    const a = redis.connect();
    const b = redis.connect();
    a.raw('BLPOP', 'l', 0);
    b.raw('BZMPOP', 0, 1, 'z', 'MIN');
    assert.equal(redis.call('CLIENT', 'UNBLOCK', a.client.id), 1);
    assert.deepEqual(a.received(), [null]);
    assert.equal(redis.call('CLIENT', 'UNBLOCK', b.client.id, 'ERROR'), 1);
    assert.equal(message(b.received()[0]), 'UNBLOCKED client unblocked via CLIENT UNBLOCK');
    assert.equal(redis.call('CLIENT', 'UNBLOCK', a.client.id), 0);
  });

  it('are served by what SWAPDB, RENAME, MOVE, COPY and SORT bring under the key', () => {
    const ways: [string, (redis: ReturnType<typeof inProcess>) => void][] = [
      ['SWAPDB', (redis) => redis.call('SWAPDB', 0, 1)],
      ['RENAME', (redis) => redis.call('RENAME', 'other', 'l')],
      ['COPY', (redis) => redis.call('COPY', 'other', 'l')],
      ['SORT', (redis) => redis.call('SORT', 'other', 'ALPHA', 'STORE', 'l')],
    ];
    for (const [name, way] of ways) {
      const redis = inProcess();
      const client = redis.connect();
      redis.call('RPUSH', 'other', 'x');
      redis.call('SELECT', 1);
      redis.call('RPUSH', 'l', 'x');
      redis.call('SELECT', 0);
      client.raw('BLPOP', 'l', 0);
      way(redis);
      assert.deepEqual(client.received(), [['l', 'x']], name);
    }
  });

  it('with XREADGROUP are told when the key goes or changes its type', () => {
    const redis = inProcess();
    const make = () => {
      redis.call('DEL', 'x');
      redis.call('XGROUP', 'CREATE', 'x', 'g', '$', 'MKSTREAM');
      const client = redis.connect();
      assert.equal(client.raw('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS', 'x', '>').length, 0);
      return client;
    };
    const deleted = make();
    redis.call('DEL', 'x');
    assert.equal(message(deleted.received()[0]), 'UNBLOCKED the stream key no longer exists');
    const flushed = make();
    redis.call('FLUSHALL');
    assert.equal(message(flushed.received()[0]), 'UNBLOCKED the stream key no longer exists');
    const overwritten = make();
    redis.call('SET', 'x', 'y');
    assert.equal(message(overwritten.received()[0]), 'UNBLOCKED the stream key no longer exists');
  });

  it('cost nothing when they are gone: no listener, no gate', () => {
    const redis = inProcess();
    const before = redis.engine.gates;
    const client = redis.connect();
    client.raw('BLPOP', 'l', 0);
    assert.notEqual(redis.engine.gates, before);
    assert.ok(redis.engine.keyspace.watched);
    client.close();
    assert.equal(redis.engine.gates, before);
    assert.ok(!redis.engine.keyspace.watched);
  });
});
