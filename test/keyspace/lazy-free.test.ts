/**
 * What is freed at once and what by and by, and what INFO counts, with a collection that only pretends.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Collection, Memory } from '../../src/datatypes/memory.ts';
import { HASH_TABLE, TYPE_HASH } from '../../src/keyspace/entry.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

/** Records of 64 bytes in the arena, and a table that is accounted. */
class Records implements Collection {
  readonly #memory: Memory;
  readonly #refs: number[] = [];
  static readonly TABLE_BYTES = 1000;

  constructor(memory: Memory, count: number) {
    this.#memory = memory;
    memory.tableBytes += Records.TABLE_BYTES;
    for (let i = 0; i < count; i++) this.#refs.push(memory.arena.alloc(64));
  }

  get size(): number {
    return this.#refs.length;
  }

  measure(): number {
    return this.size * 64;
  }

  release(limit: number): boolean {
    for (const ref of this.#refs.splice(0, limit)) this.#memory.arena.free(ref);
    if (this.#refs.length > 0) return true;
    this.#memory.tableBytes -= Records.TABLE_BYTES;
    return false;
  }

  clone(): Collection {
    return new Records(this.#memory, this.size);
  }

  defragment(): number {
    return 0;
  }
}

function add(redis: InProcess, name: string, count: number, database = 0): void {
  const { keyspace } = redis.engine;
  const db = keyspace.databases[database]!;
  const key = Buffer.from(name);
  const collection = new Records(keyspace.memory, count);
  const ref = db.find(key, 0, key.length);
  db.storeCollection(
    ref,
    key,
    0,
    key.length,
    collection,
    TYPE_HASH | HASH_TABLE,
    keyspace.newAccess(),
    false,
  );
}

function figures(redis: InProcess): { pending: number; freed: number; live: number; tables: number } {
  const info = String(redis.call('INFO', 'memory'));
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)![1]);
  const { arena, tableBytes } = redis.engine.keyspace.memory;
  return {
    pending: field('lazyfree_pending_objects'),
    freed: field('lazyfreed_objects'),
    live: arena.liveBytes,
    tables: tableBytes,
  };
}

const NOTHING = { pending: 0, freed: 0, live: 0, tables: 0 };

describe('lazy free', () => {
  it('frees a removed collection at once with DEL, by and by with UNLINK', () => {
    const redis = inProcess();
    add(redis, 'k', 200_000);
    assert.equal(redis.call('DEL', 'k'), 1);
    assert.deepEqual(figures(redis), NOTHING);
    add(redis, 'k', 200_000);
    assert.equal(redis.call('UNLINK', 'k'), 1);
    const { pending, freed, live } = figures(redis);
    assert.deepEqual([pending, freed], [1, 0]);
    assert.ok(live >= 200_000 * 64);
    redis.clock.advance(1000);
    assert.deepEqual(figures(redis), { ...NOTHING, freed: 1 });
    redis.call('CONFIG', 'RESETSTAT');
    assert.deepEqual(figures(redis), NOTHING);
  });

  it('does not wait with 64 elements or fewer', () => {
    const redis = inProcess();
    add(redis, 'k', 64);
    redis.call('UNLINK', 'k');
    assert.deepEqual(figures(redis), NOTHING);
  });

  it('follows lazyfree-lazy-user-del, -server-del, -expire and -eviction', () => {
    const redis = inProcess();
    const remove: readonly [string, () => void][] = [
      ['user-del', () => redis.call('DEL', 'k')],
      ['server-del', () => redis.call('SET', 'k', '')],
      [
        'server-del',
        () => {
          redis.call('SET', 'other', '');
          redis.call('RENAME', 'other', 'k');
        },
      ],
      [
        'expire',
        () => {
          redis.call('PEXPIRE', 'k', 50);
          redis.clock.advance(51);
          redis.call('GET', 'k');
        },
      ],
    ];
    for (const lazily of [true, false]) {
      for (const [parameter, run] of remove) {
        redis.call('FLUSHALL');
        redis.call('CONFIG', 'RESETSTAT');
        redis.call('CONFIG', 'SET', `lazyfree-lazy-${parameter}`, lazily ? 'yes' : 'no');
        add(redis, 'k', 1000);
        run();
        const { pending, freed } = figures(redis);
        assert.equal(pending + freed, lazily ? 1 : 0, parameter);
        redis.clock.advance(1000);
        redis.call('DEL', 'k');
        assert.deepEqual(figures(redis), { ...NOTHING, freed: lazily ? 1 : 0 });
      }
    }
  });

  it('evicts no more than it must when what is evicted is freed lazily', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-random', 'lazyfree-lazy-eviction': 'yes' });
    for (let i = 0; i < 10; i++) add(redis, `k${i}`, 10_000);
    const used = redis.engine.upkeep.memory.used();
    redis.set('maxmemory', String(used - 100));
    redis.clock.advance(1000);
    assert.equal(redis.call('DBSIZE'), 9);
    assert.equal(figures(redis).freed, 1);
  });

  it('frees the collections of a flushed database, and counts keys', () => {
    const redis = inProcess();
    redis.call('SET', 'stays', '');
    const before = figures(redis);
    redis.call('SELECT', 1);
    for (const how of ['ASYNC', 'SYNC']) {
      redis.call('CONFIG', 'RESETSTAT');
      for (let i = 0; i < 3000; i++) add(redis, `k${i}`, 100, 1);
      redis.call('FLUSHDB', how);
      const { pending, freed } = figures(redis);
      assert.equal(pending + freed, how === 'ASYNC' ? 3000 : 0);
      redis.clock.advance(2000);
      assert.deepEqual(figures(redis), { ...before, freed: how === 'ASYNC' ? 3000 : 0 });
    }
  });

  it('drops everything at once with the last database', () => {
    const redis = inProcess();
    for (const command of ['FLUSHALL', 'FLUSHDB']) {
      redis.call('CONFIG', 'RESETSTAT');
      add(redis, 'one', 100_000);
      add(redis, 'other', 100_000);
      redis.call('UNLINK', 'other');
      redis.call(command, 'ASYNC');
      assert.deepEqual(figures(redis), { ...NOTHING, freed: 2 });
      redis.clock.advance(100);
      add(redis, 'small', 100);
      redis.call(command);
      assert.deepEqual(figures(redis), { ...NOTHING, freed: 2 });
    }
  });
});
