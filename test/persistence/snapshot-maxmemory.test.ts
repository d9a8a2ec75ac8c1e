/**
 * What a snapshot keeps is not what the data takes: maxmemory doesn't count it, as Redis counts none of what its child
 * keeps. Otherwise evicting a key that is still to be written, which gives nothing back, would evict them all.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Snapshots } from '../../src/persistence/snapshot/snapshots.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { RecordingFormat } from './recording-format.ts';

const KEYS = 2000;

/** A server that is full of strings, sets and lists, with a snapshot that has begun and written nothing yet. */
function full(policy: string): { redis: InProcess; snapshots: Snapshots; format: RecordingFormat } {
  const redis = inProcess({ 'maxmemory-policy': policy, 'maxmemory-eviction-tenacity': '100' });
  for (let i = 0; i < KEYS; i++) redis.call('SET', `string:${i}`, 'x'.repeat(1000));
  const members = Array.from({ length: 300 }, (_, i) => `member:${i}`);
  for (let i = 0; i < 20; i++) redis.call('SADD', `set:${i}`, ...members);
  redis.call('SADD', 'bigset', ...Array.from({ length: 5000 }, (_, i) => `member:${i}`));
  const { used } = redis.engine.upkeep.memory.report();
  redis.call('CONFIG', 'SET', 'maxmemory', String(used + 20000));
  const snapshots = new Snapshots(redis.engine, { schedule: () => {} });
  const format = new RecordingFormat(redis.engine.keyspace);
  snapshots.start({ format, backlog: null, onEnd: () => {} });
  return { redis, snapshots, format };
}

it('eviction during a snapshot takes what makes room, not everything', () => {
  const { redis, snapshots, format } = full('allkeys-random');
  const keys = redis.engine.keyspace.databases[0]!.size;
  for (let i = 0; i < 100; i++) redis.call('SET', `new:${i}`, 'y'.repeat(1000));
  const { evictedKeys } = redis.engine.keyspace;
  assert.ok(evictedKeys > 10 && evictedKeys < 200, `${evictedKeys} evicted`);
  while (snapshots.active) snapshots.step(1000);
  assert.equal(format.entries.size, keys);
  redis.call('SET', 'one', 'more');
  assert.ok(redis.engine.keyspace.evictedKeys < 200, `${redis.engine.keyspace.evictedKeys} evicted`);
});

it('what is written over during a snapshot needs no room', () => {
  const { redis, snapshots } = full('noeviction');
  for (let i = 0; i < KEYS; i++) {
    assert.equal(redis.call('SET', `string:${i}`, 'z'.repeat(1000)), 'OK', `key ${i}`);
  }
  for (let i = 0; i < 20; i++) assert.equal(redis.call('SREM', `set:${i}`, 'member:7'), 1);
  for (let i = 0; i < 20; i++) assert.equal(redis.call('SADD', `set:${i}`, 'member:7'), 1);
  while (snapshots.active) snapshots.step(1000);
  assert.equal(redis.call('SET', 'string:1', 'x'), 'OK');
});

it('what FLUSHDB leaves to a snapshot needs no room', () => {
  for (const policy of ['noeviction', 'allkeys-random']) {
    const { redis, snapshots, format } = full(policy);
    const keys = redis.engine.keyspace.databases[0]!.size;
    redis.call('SELECT', '3');
    redis.call('SET', 'other', 'value');
    redis.call('SELECT', '0');
    redis.call('FLUSHDB');
    for (let i = 0; i < 1000; i++) {
      assert.equal(redis.call('SET', `new:${i}`, 'z'.repeat(1000)), 'OK', `key ${i}`);
    }
    assert.equal(redis.engine.keyspace.evictedKeys, 0);
    while (snapshots.active) {
      snapshots.step(100);
      assert.equal(redis.call('SET', 'new:1', 'z'), 'OK');
    }
    assert.equal(format.entries.size, keys);
    assert.equal(redis.engine.keyspace.evictedKeys, 0);
  }
});
