/**
 * maxmemory: each policy takes what it should, and takes it well; memory is given back in steps.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVICTION_POLICIES } from '../../src/config/parameters/memory.ts';
import { fillKeys } from '../support/fill.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { ErrorReply } from '../support/reply-framer.ts';

/** Sets maxmemory to what is used now and `room` bytes more. */
function limit(redis: InProcess, room: number): void {
  redis.set('maxmemory', String(redis.engine.upkeep.memory.used() + room));
}

const VALUE = 'x'.repeat(100);

function isOom(reply: unknown): boolean {
  return (
    reply instanceof ErrorReply &&
    reply.message.startsWith("OOM command not allowed when used memory > 'maxmemory'.")
  );
}

describe('maxmemory', () => {
  for (const policy of EVICTION_POLICIES) {
    it(`${policy} keeps the limit, or refuses`, () => {
      const redis = inProcess({ 'maxmemory-policy': policy });
      limit(redis, 200_000);
      let refused = 0;
      for (let i = 0; i < 5000; i++) {
        const ttl = i % 2 === 0 ? [] : ['EX', String(1000 + i)];
        if (isOom(redis.call('SET', `k${i}`, VALUE, ...ttl))) refused++;
      }
      const { evictedKeys } = redis.engine.keyspace;
      const over = redis.engine.upkeep.memory.used() - redis.config.values.maxmemory;
      assert.ok(over < 4096, `${over} bytes above the limit`);
      if (policy === 'noeviction') {
        assert.equal(evictedKeys, 0);
        assert.ok(refused > 3000, `${refused} refused`);
      } else assert.ok(evictedKeys > 1000, `${evictedKeys} evicted`);
      if (policy.startsWith('allkeys')) assert.equal(refused, 0);
      // Reading and deleting go on whatever happens.
      redis.set('maxmemory', '1');
      assert.ok(!isOom(redis.call('GET', 'k1')), 'GET is served');
      assert.ok(!isOom(redis.call('DEL', 'k1')), 'DEL is served');
      redis.set('maxmemory', '0');
      assert.equal(redis.call('SET', 'k', 'v'), 'OK');
      assert.equal(redis.engine.gates, 0);
    });
  }

  for (const policy of EVICTION_POLICIES.filter((name) => name.startsWith('volatile'))) {
    it(`${policy} only touches keys that expire`, () => {
      const redis = inProcess({ 'maxmemory-policy': policy });
      for (let i = 0; i < 500; i++) redis.call('SET', `stays${i}`, VALUE);
      limit(redis, 100_000);
      for (let i = 0; i < 3000; i++) redis.call('SET', `goes${i}`, VALUE, 'EX', '10000');
      assert.ok(redis.engine.keyspace.evictedKeys > 1000, 'many are evicted');
      let left = 0;
      for (let i = 0; i < 500; i++) left += redis.call('EXISTS', `stays${i}`) as number;
      assert.equal(left, 500);
      // When nothing that expires is left, there is no room.
      let replies = 0;
      for (let i = 0; i < 3000; i++) if (isOom(redis.call('SET', `more${i}`, VALUE))) replies++;
      assert.ok(replies > 1000, `${replies} refused`);
      assert.equal(redis.engine.keyspace.databases[0]!.expires.count, 0);
    });
  }

  it('volatile-ttl takes those first that expire first', () => {
    const redis = inProcess({ 'maxmemory-policy': 'volatile-ttl' });
    const count = 2000;
    for (let i = 0; i < count; i++) redis.call('SET', `k${i}`, VALUE, 'EX', String(10_000 + i));
    limit(redis, 0);
    for (let i = 0; i < count / 2; i++) redis.call('SET', `new${i}`, VALUE);
    // The earlier half should be gone; sampling makes it nearly so.
    let earlyLeft = 0;
    let lateGone = 0;
    for (let i = 0; i < count; i++) {
      const there = redis.call('EXISTS', `k${i}`) === 1;
      if (i < count / 4 && there) earlyLeft++;
      if (i >= (count * 3) / 4 && !there) lateGone++;
    }
    assert.ok(earlyLeft < count * 0.05, `${earlyLeft} of the earliest quarter left`);
    assert.ok(lateGone < count * 0.02, `${lateGone} of the latest quarter gone`);
  });

  it('LRU keeps what is used of a skewed load', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-lru' });
    for (let i = 0; i < 1000; i++) redis.call('SET', `hot${i}`, VALUE);
    limit(redis, 300_000);
    for (let round = 0; round < 60; round++) {
      redis.clock.advance(2000);
      for (let i = 0; i < 1000; i++)
        if (redis.call('GET', `hot${i}`) === null) redis.call('SET', `hot${i}`, VALUE);
      for (let i = 0; i < 200; i++) redis.call('SET', `cold${round}:${i}`, VALUE);
    }
    redis.set('maxmemory', '0');
    let hot = 0;
    for (let i = 0; i < 1000; i++) hot += redis.call('EXISTS', `hot${i}`) as number;
    assert.ok(redis.engine.keyspace.evictedKeys > 5000, 'many are evicted');
    assert.ok(hot > 950, `${hot} of 1000 hot keys are there`);
  });

  it('LFU keeps what is used often through a flood of keys used once', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-lfu' });
    for (let i = 0; i < 500; i++) redis.call('SET', `often${i}`, VALUE);
    for (let n = 0; n < 50; n++) for (let i = 0; i < 500; i++) redis.call('GET', `often${i}`);
    limit(redis, 100_000);
    for (let i = 0; i < 20_000; i++) redis.call('SET', `once${i}`, VALUE);
    let often = 0;
    for (let i = 0; i < 500; i++) often += redis.call('EXISTS', `often${i}`) as number;
    assert.ok(often > 480, `${often} of 500 are there`);
    // An overwritten value keeps its counter.
    redis.set('maxmemory', '0');
    const before = redis.call('OBJECT', 'FREQ', 'often1') as number;
    assert.ok(before > 5, `counter ${before}`);
  });

  it('a key read since it was sampled gets another round', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-lru', 'maxmemory-samples': '64' });
    for (let i = 0; i < 32; i++) redis.call('SET', `k${i}`, VALUE);
    redis.clock.advance(10_000);
    limit(redis, -100);
    // The pool is full of candidates of the same age now.
    redis.call('PING');
    assert.ok(redis.engine.keyspace.evictedKeys > 0, 'one is evicted');
    const kept = redis.call('KEYS', '*') as string[];
    for (const key of kept.slice(1)) redis.call('GET', key);
    limit(redis, -100);
    redis.call('PING');
    assert.equal(redis.call('EXISTS', kept[0]!), 0);
    for (const key of kept.slice(1)) assert.equal(redis.call('EXISTS', key), 1);
  });

  it('evicts from all databases', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-random' });
    for (const id of [2, 7]) {
      redis.client.db = redis.engine.keyspace.databases[id]!;
      for (let i = 0; i < 2000; i++) redis.call('SET', `k${i}`, VALUE);
    }
    limit(redis, -200_000);
    redis.clock.advance(1000);
    for (const id of [2, 7]) {
      const { size } = redis.engine.keyspace.databases[id]!;
      assert.ok(size < 1900 && size > 0, `database ${id} has ${size}`);
    }
  });

  it('a limit set far below is reached in steps, also when no command comes', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-lru', 'maxmemory-eviction-tenacity': '0' });
    const { keyspace } = redis.engine;
    fillKeys(keyspace, keyspace.databases[0]!, 20_000, { valueLength: 100 });
    const wanted = redis.engine.upkeep.memory.used() - 1_000_000;
    redis.set('maxmemory', String(wanted));
    assert.equal(keyspace.evictedKeys, 0);
    redis.clock.advance(60_000);
    assert.ok(redis.engine.upkeep.memory.used() <= wanted, 'the limit is kept');
    assert.ok(keyspace.databases[0]!.size > 5_000, 'and no more');
  });

  it('waits for nothing that a flush has left', () => {
    const redis = inProcess({ 'maxmemory-policy': 'noeviction' });
    const { keyspace } = redis.engine;
    redis.call('SET', 'stays', VALUE);
    fillKeys(keyspace, keyspace.databases[1]!, 50_000, { valueLength: 100 });
    limit(redis, -1_000_000);
    assert.ok(isOom(redis.call('SET', 'k', 'v')), 'no room');
    redis.client.db = keyspace.databases[1]!;
    assert.equal(redis.call('FLUSHDB', 'ASYNC'), 'OK');
    assert.ok(keyspace.lazyFree.pending > 40_000, 'most is to be freed later');
    redis.client.db = keyspace.databases[0]!;
    assert.equal(redis.call('SET', 'k', 'v'), 'OK');
    redis.clock.advance(2000);
    assert.equal(keyspace.lazyFree.pending, 0);
    assert.equal(keyspace.lazyFree.freed, 50_000);
  });
});

describe('access clocks', () => {
  it('OBJECT IDLETIME counts seconds since the last use, and looking leaves no trace', () => {
    const redis = inProcess();
    redis.call('SET', 'k', 'v');
    redis.clock.advance(5000);
    for (const command of ['EXISTS', 'TYPE', 'TTL', 'PTTL']) redis.call(command, 'k');
    redis.call('OBJECT', 'ENCODING', 'k');
    assert.equal(redis.call('OBJECT', 'IDLETIME', 'k'), 5);
    redis.call('TOUCH', 'k');
    assert.equal(redis.call('OBJECT', 'IDLETIME', 'k'), 0);
  });

  it('an LFU counter grows with use and falls with time', () => {
    const redis = inProcess({
      'maxmemory-policy': 'allkeys-lfu',
      'lfu-decay-time': '1',
      'lfu-log-factor': '0',
    });
    redis.call('SET', 'k', 'v');
    assert.equal(redis.call('OBJECT', 'FREQ', 'k'), 5);
    for (let i = 0; i < 20; i++) redis.call('GET', 'k');
    assert.equal(redis.call('OBJECT', 'FREQ', 'k'), 25);
    redis.clock.advance(3 * 60_000);
    assert.equal(redis.call('OBJECT', 'FREQ', 'k'), 22);
  });
});
