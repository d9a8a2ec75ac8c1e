/**
 * A dictionary that is emptied or filled in the order of its hashes: entries must stay close to their homes, or
 * every step costs the length of a cluster.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dictionary } from '../../../src/structures/dictionary.ts';
import { seededRandom } from '../../../src/util/random.ts';

const COUNT = 300_000;

function hashes(count: number): Int32Array {
  const random = seededRandom(5);
  return Int32Array.from({ length: count }, () => random.uint32() | 0).sort((a, b) => (a >>> 0) - (b >>> 0));
}

function filled(all: Int32Array): Dictionary {
  const dict = new Dictionary();
  for (let i = 0; i < all.length; i++) dict.insert(all[i]!, i + 1);
  return dict;
}

/** How far the entry is from its home. */
function distance(dict: Dictionary, hash: number, ref: number): number {
  assert.ok(dict.locate(hash, ref), `ref ${ref} is there`);
  return dict.index - dict.segment.home(hash);
}

function farthest(dict: Dictionary, all: Int32Array, from: number, to: number): number {
  let most = 0;
  for (let i = from; i < to; i++) most = Math.max(most, distance(dict, all[i]!, i + 1));
  return most;
}

describe('a dictionary in hash order', () => {
  it('can be filled', () => {
    const all = hashes(COUNT);
    const dict = filled(all);
    assert.equal(dict.count, COUNT);
    const most = farthest(dict, all, 0, COUNT);
    assert.ok(most <= 512, `${most} slots from home`);
    assert.ok(dict.slotCount < COUNT * 4, `${dict.slotCount} slots`);
  });

  for (const direction of ['up', 'down'] as const) {
    it(`can be emptied, ${direction}`, () => {
      const all = hashes(COUNT);
      const dict = filled(all);
      let most = 0;
      for (let n = 0; n < COUNT; n++) {
        const i = direction === 'up' ? n : COUNT - 1 - n;
        most = Math.max(most, distance(dict, all[i]!, i + 1));
        dict.remove();
        // Those that are left stay within reach.
        if (n % 30_000 === 29_999) {
          const [from, to] = direction === 'up' ? [n + 1, COUNT] : [0, COUNT - 1 - n];
          most = Math.max(most, farthest(dict, all, from, to));
        }
      }
      assert.ok(most <= 512, `${most} slots from home`);
      assert.equal(dict.count, 0);
      assert.ok(dict.slotCount <= 65_536, `${dict.slotCount} slots are left`);
    });
  }

  for (const order of ['any', 'hash'] as const) {
    it(`shrinks when one in a hundred is left, after removals in ${order} order`, () => {
      const all = hashes(COUNT);
      const dict = filled(all);
      const before = dict.slotCount;
      const random = seededRandom(6);
      const gone = [...all.keys()].filter((i) => i % 100 !== 0);
      if (order === 'any') gone.sort(() => (random.uint32() & 1) - 0.5);
      for (const i of gone) {
        assert.ok(dict.locate(all[i]!, i + 1), 'is there');
        dict.remove();
      }
      assert.equal(dict.count, COUNT / 100);
      const most = order === 'any' ? 65_536 : before / 2;
      assert.ok(dict.slotCount <= most, `${dict.slotCount} of ${before} slots for ${dict.count} entries`);
    });
  }
});
