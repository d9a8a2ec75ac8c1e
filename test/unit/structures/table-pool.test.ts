import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dictionary } from '../../../src/structures/dictionary.ts';
import { TABLE_WORDS, type TableOwner, TablePool } from '../../../src/structures/table-pool.ts';
import { randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';

const TABLE_BYTES = TABLE_WORDS * 4;
const SLAB_BYTES = 32 * 1024 * 1024;

describe('table pool', () => {
  it('hands out tables of zeros that nobody else has, and drops slabs that are empty', () => {
    const pool = new TablePool();
    const owners: TableOwner[] = [];
    const random = seededRandom(5);
    const take = (mark: number): void => {
      const owner: TableOwner = { slots: new Int32Array(0) };
      owner.slots = pool.take(owner);
      assert.equal(owner.slots.length, TABLE_WORDS);
      assert.ok(owner.slots[0] === 0 && owner.slots.at(-1) === 0 && owner.slots[77] === 0);
      owner.slots[0] = mark;
      owner.slots[77] = mark;
      owner.slots[TABLE_WORDS - 1] = mark;
      owners.push(owner);
    };
    for (let step = 1; step < 1000; step++) {
      if (owners.length === 0 || randomBelow(random, 100) < (step < 500 ? 70 : 30)) take(step);
      else {
        const [owner] = owners.splice(randomBelow(random, owners.length), 1);
        const { slots } = owner!;
        assert.ok(slots[0] === slots[77] && slots[0] === slots.at(-1) && slots[0] !== 0);
        pool.give(owner!);
      }
      assert.equal((pool.spareBytes + owners.length * TABLE_BYTES) % SLAB_BYTES, 0);
    }
    for (const owner of owners) pool.give(owner);
    assert.equal(pool.spareBytes, 0, 'nothing is held');
    assert.ok(pool.droppedBytes > 0);
  });

  it('takes the tables away from whoever still has them when all is dropped', () => {
    const pool = new TablePool();
    const owner: TableOwner = { slots: new Int32Array(0) };
    owner.slots = pool.take(owner);
    pool.dispose();
    assert.equal(owner.slots.length, 0);
  });

  it('gets every table of a dictionary back, however that grew and shrank', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    const pool = new TablePool();
    const dict = new Dictionary(pool);
    const other = new Dictionary(pool);
    const model = new Map<number, number>();
    const hashOf = (ref: number): number => Math.imul(ref, 0x9e3779b1) | 0;
    for (let round = 0; round < 3; round++) {
      const grow = 100_000 + randomBelow(random, 100_000);
      for (let i = 0; i < grow; i++) {
        const ref = 1 + randomBelow(random, 1 << 24);
        if (model.has(ref)) continue;
        model.set(ref, hashOf(ref));
        dict.insert(hashOf(ref), ref);
        if (i % 2 === 0) other.insert(hashOf(ref), ref);
      }
      const keep = randomBelow(random, 3) * 30_000;
      for (const [ref, hash] of model) {
        if (model.size <= keep) break;
        assert.ok(dict.locate(hash, ref), `seed ${seed}: ${ref} is lost`);
        dict.remove();
        model.delete(ref);
      }
      assert.equal(dict.count, model.size);
      for (const [ref, hash] of model) assert.ok(dict.locate(hash, ref), `seed ${seed}: ${ref} is lost`);
      if (round % 2 === 1) other.clear();
    }
    other.clear();
    const copy = dict.clone((ref) => ref);
    assert.equal(copy.count, dict.count);
    dict.clear();
    for (const [ref, hash] of model) assert.ok(copy.locate(hash, ref), `seed ${seed}: the copy lacks ${ref}`);
    copy.clear();
    assert.equal(pool.spareBytes, 0, `seed ${seed}: nothing is held`);
  });
});
