/**
 * used_memory: counted, not guessed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entryBytes, usedMemory } from '../../src/engine/memory/memory-usage.ts';
import { inProcess } from '../support/in-process.ts';

describe('used_memory', () => {
  it('follows the data exactly, and comes back', () => {
    const redis = inProcess();
    const empty = usedMemory(redis.engine);
    for (let i = 0; i < 1000; i++) redis.call('SET', `key:${i}`, 'x'.repeat(1000));
    const full = usedMemory(redis.engine);
    assert.ok(full - empty > 1_000_000 && full - empty < 1_400_000, `${full - empty} bytes for a megabyte`);
    redis.call('SET', 'long', 'x'.repeat(1_000_000));
    const more = usedMemory(redis.engine) - full;
    assert.ok(more >= 1_000_000 && more < 1_010_000, `${more} bytes for another`);
    redis.call('FLUSHALL');
    assert.equal(usedMemory(redis.engine), empty);
    assert.ok(redis.engine.upkeep.memory.peak >= full + 1_000_000, 'the peak stays');
  });

  it('counts what overwrites and appends take', () => {
    const redis = inProcess();
    redis.call('SET', 'k', 'x'.repeat(100_000));
    const before = usedMemory(redis.engine);
    redis.call('SET', 'k', 'y'.repeat(100_000));
    assert.equal(usedMemory(redis.engine), before);
    redis.call('SET', 'k', 'short');
    assert.ok(before - usedMemory(redis.engine) > 99_000, 'the long value is gone');
  });

  it('ignores garbage, and knows of a heap that really grows', () => {
    const redis = inProcess();
    const { memory } = redis.engine.upkeep;
    let heap = 20_000_000;
    memory.readHeap = () => heap;
    redis.clock.advance(1000);
    const before = usedMemory(redis.engine);
    // A saw-tooth of 100 MB, back to 20 every second.
    for (let i = 0; i < 100; i++) {
      heap = 20_000_000 + (i % 10) * 10_000_000;
      redis.clock.advance(100);
      assert.equal(usedMemory(redis.engine), before);
    }
    heap = 220_000_000;
    redis.clock.advance(10_000);
    const grown = usedMemory(redis.engine) - before;
    assert.ok(grown > 150_000_000 && grown < 200_000_000, `${grown} bytes`);
    heap = 20_000_000;
    redis.clock.advance(200);
    assert.equal(usedMemory(redis.engine), before);
  });

  it('MEMORY USAGE tells the slot, the long value, and the share of the tables', () => {
    const redis = inProcess();
    const size = (key: string): number => {
      const name = Buffer.from(key);
      return entryBytes(redis.client.db, redis.client.db.find(name, 0, name.length));
    };
    redis.call('SET', 'k', 'v');
    // Header 12 bytes, key and value 2, rounded to 16; a slot of the table.
    assert.equal(size('k'), 24);
    redis.call('EXPIRE', 'k', '100');
    assert.equal(size('k'), 40);
    redis.call('SET', 'long', 'x'.repeat(100_000));
    assert.ok(size('long') > 100_000 && size('long') < 101_000, `${size('long')}`);
  });
});
