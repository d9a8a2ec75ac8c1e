/** Keys of a writable replica's clients go by themselves; those of its master wait for the master's word. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXPIRE_DELETES, EXPIRE_HIDES, EXPIRE_IGNORED } from '../../src/keyspace/keyspace.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

function writableReplica(): InProcess {
  const redis = inProcess();
  redis.engine.pause.setExpireMode(EXPIRE_HIDES);
  redis.engine.keyspace.isWritableReplica = true;
  return redis;
}

/** What the master's link does. */
function asMaster(redis: InProcess, ...args: string[]): void {
  const { keyspace } = redis.engine;
  keyspace.expireMode = EXPIRE_IGNORED;
  redis.call(...args);
  keyspace.expireMode = EXPIRE_HIDES;
}

function tracked(redis: InProcess): number {
  return Number(/slave_expires_tracked_keys:(\d+)/.exec(String(redis.call('INFO', 'stats')))![1]);
}

describe('expiry on a writable replica', () => {
  it('removes what clients have written, and only that', () => {
    const redis = writableReplica();
    asMaster(redis, 'SET', 'masters', 'v', 'PX', '100');
    redis.call('SET', 'a', 'v', 'PX', '100');
    redis.call('SELECT', '3');
    redis.call('SET', 'b', 'v');
    redis.call('PEXPIRE', 'b', '100');
    redis.call('SET', 'c', 'v', 'PX', '100');
    redis.call('RENAME', 'c', 'd');
    redis.call('SET', 'e', 'v', 'PX', '100');
    redis.call('PERSIST', 'e');
    assert.equal(tracked(redis), 5);
    redis.clock.advance(300);
    assert.equal(redis.call('DBSIZE'), 1);
    assert.equal(redis.call('GET', 'e'), 'v');
    redis.call('SELECT', '0');
    // It is hidden, but there.
    assert.equal(redis.call('GET', 'masters'), null);
    assert.equal(redis.call('DBSIZE'), 1);
    assert.equal(redis.engine.keyspace.expiredKeys, 3);
    assert.equal(tracked(redis), 0);
  });

  it('forgets them when everything is emptied, and notes nothing where it need not', () => {
    const redis = writableReplica();
    redis.call('SET', 'a', 'v', 'PX', '100');
    redis.call('FLUSHALL');
    assert.equal(tracked(redis), 0);
    redis.engine.keyspace.isWritableReplica = false;
    redis.engine.pause.setExpireMode(EXPIRE_DELETES);
    redis.call('SET', 'a', 'v', 'PX', '100');
    assert.equal(tracked(redis), 0);
  });

  it('looks at all of many', () => {
    const redis = writableReplica();
    for (let i = 0; i < 5000; i++) redis.call('SET', `key:${i}`, 'v', 'PX', 1 + (i % 300));
    redis.clock.advance(1000);
    assert.equal(redis.call('DBSIZE'), 0);
    assert.equal(tracked(redis), 0);
  });
});
