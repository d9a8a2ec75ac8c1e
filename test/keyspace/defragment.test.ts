/**
 * Active defragmentation: what was wasted is given back, and everything is where it was, while commands run.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { randomBelow, seededRandom, systemRandom } from '../../src/util/random.ts';
import { fillKeys } from '../support/fill.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

const EAGER = {
  'active-defrag-ignore-bytes': '1mb',
  'active-defrag-threshold-lower': '10',
  'active-defrag-cycle-min': '50',
  'active-defrag-cycle-max': '75',
};

function info(redis: InProcess, section: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(String(redis.call('INFO', section)))![1]);
}

function deleteSome(redis: InProcess, count: number, isGone: (i: number) => boolean): void {
  for (let i = 0; i < count; i++) if (isGone(i)) redis.call('DEL', `key:${i}`);
}

describe('active defragmentation', () => {
  it('gives sparse pages back, in slices, and stops', () => {
    const redis = inProcess(EAGER);
    const { keyspace } = redis.engine;
    const { arena } = keyspace.memory;
    const count = 100_000;
    const when = redis.engine.nowMs + 1e9;
    fillKeys(keyspace, keyspace.databases[0]!, count, {
      valueLength: 100,
      expireAt: (i) => (i % 3 === 0 ? when + i : -1),
    });
    deleteSome(redis, count, (i) => i % 2 === 0);
    redis.clock.advance(10_000);
    assert.ok(arena.pageBytes > arena.liveBytes * 1.9, 'nothing happens without activedefrag');
    redis.call('CONFIG', 'SET', 'activedefrag', 'yes');
    redis.clock.advance(10_000);
    assert.ok(arena.pageBytes < arena.liveBytes * 1.25, `${arena.pageBytes} for ${arena.liveBytes}`);
    assert.equal(info(redis, 'memory', 'active_defrag_running'), 0);
    assert.ok(info(redis, 'stats', 'active_defrag_key_hits') > 8_000);
    for (let i = 1; i < count; i += 2) {
      assert.equal(String(redis.call('GET', `key:${i}`)).length, 100);
      if (i % 99 === 0) assert.equal(redis.call('PEXPIRETIME', `key:${i}`), when + i);
    }
  });

  it('loses nothing while commands run between its slices', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    const redis = inProcess({ ...EAGER, activedefrag: 'yes', 'active-defrag-ignore-bytes': '1' }, seed);
    const model = new Map<string, string>();
    const some = (): string => `key:${randomBelow(random, 3000)}`;
    try {
      for (let step = 0; step < 60_000; step++) {
        const key = some();
        const kind = randomBelow(random, 100);
        if (kind < 45) {
          const value = String.fromCharCode(97 + (step % 26)).repeat(randomBelow(random, 600));
          redis.call('SET', key, value);
          model.set(key, value);
          if (kind < 15) redis.call('EXPIRE', key, 1_000_000);
        } else if (kind < 80) {
          assert.equal(redis.call('DEL', key), model.delete(key) ? 1 : 0);
        } else if (kind < 95) assert.equal(redis.call('GET', key), model.get(key) ?? null);
        else if (step % 1000 < 20) redis.clock.advance(randomBelow(random, 100));
        if (step % 20_000 === 19_999) {
          redis.call('SWAPDB', 0, 1);
          redis.call('FLUSHALL');
          model.clear();
        }
        if (step % 5000 === 0) redis.engine.upkeep.memoryReturn.defragmenter.begin();
        if (step % 50 === 0) redis.engine.upkeep.memoryReturn.defragmenter.step(0);
      }
      assert.equal(redis.call('DBSIZE'), model.size);
      for (const [key, value] of model) assert.equal(redis.call('GET', key), value);
      assert.equal(
        redis.engine.keyspace.databases[0]!.expires.count,
        redis.call('DBSIZE') === 0 ? 0 : expiring(),
      );
    } catch (error) {
      throw new Error(`failed with seed ${seed}`, { cause: error });
    }

    function expiring(): number {
      let count = 0;
      for (const key of model.keys()) if (Number(redis.call('TTL', key)) >= 0) count++;
      return count;
    }
  });

  it('moves the records of collections, too', () => {
    const redis = inProcess({ ...EAGER, activedefrag: 'yes' });
    const { arena } = redis.engine.keyspace.memory;
    const member = (i: number): string => `member ${i} ${'m'.repeat(300)}`;
    const commands: readonly [string, (i: number) => readonly string[], string][] = [
      ['HSET', (i) => [`f${i}`, `value ${i} ${'v'.repeat(300)}`], 'HDEL'],
      ['SADD', (i) => [member(i)], 'SREM'],
    ];
    const fields = 30_000;
    for (const [add, args] of commands) for (let i = 0; i < fields; i++) redis.call(add, add, ...args(i));
    for (const [add, args, remove] of commands) {
      for (let i = 0; i < fields; i++) if (i % 3 !== 0) redis.call(remove, add, args(i)[0]!);
    }
    redis.clock.advance(10_000);
    assert.ok(arena.pageBytes < arena.liveBytes * 1.3 + 2e6, `${arena.pageBytes} for ${arena.liveBytes}`);
    assert.ok(info(redis, 'stats', 'active_defrag_hits') > 3000);
    for (let i = 0; i < fields; i++) {
      assert.equal(redis.call('HGET', 'HSET', `f${i}`), i % 3 === 0 ? `value ${i} ${'v'.repeat(300)}` : null);
      assert.equal(redis.call('SISMEMBER', 'SADD', member(i)), i % 3 === 0 ? 1 : 0);
    }
  });
});
