/**
 * Sorted sets in their grown form against a sorted array: random insertions, removals, changes of score, ranks, ranges,
 * in waves that let the tree grow and shrink; its invariants are checked on the way, and the arena has nothing left at
 * the end. The seed is printed with a failure; SEED=n repeats it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Memory } from '../../../src/datatypes/memory.ts';
import { SortedSet } from '../../../src/datatypes/zset/sorted-set.ts';
import { type Random, randomBelow, seededRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';

const SEED = Number(process.env.SEED ?? Math.floor(performance.now() * 1000) % 1_000_000);

interface Element {
  score: number;
  member: string;
}

function compare(a: Element, b: Element): number {
  if (a.score !== b.score) return a.score - b.score;
  return a.member < b.member ? -1 : a.member > b.member ? 1 : 0;
}

/** Place of an element in a sorted array, whether it is there or not. */
function placeOf(model: readonly Element[], element: Element): number {
  let low = 0;
  let high = model.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(model[middle]!, element) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A sorted set and its model. */
class Pair {
  readonly memory = new Memory(new KeyHash(1, 2));
  set = new SortedSet(this.memory);
  readonly model: Element[] = [];
  readonly scores = new Map<string, number>();

  find(member: string): number {
    const bytes = Buffer.from(member, 'latin1');
    return this.set.find(bytes, 0, bytes.length);
  }

  put(member: string, score: number): void {
    const old = this.scores.get(member);
    const found = this.find(member);
    assert.equal(found !== 0, old !== undefined);
    if (old === undefined) {
      const bytes = Buffer.from(member, 'latin1');
      this.set.add(score, bytes, 0, bytes.length);
    } else {
      this.model.splice(placeOf(this.model, { score: old, member }), 1);
      this.set.setScore(found, score);
    }
    this.scores.set(member, score);
    this.model.splice(placeOf(this.model, { score, member }), 0, { score, member });
  }

  remove(member: string): void {
    const old = this.scores.get(member);
    const found = this.find(member);
    assert.equal(found !== 0, old !== undefined);
    if (old === undefined) return;
    this.set.remove(found);
    this.scores.delete(member);
    this.model.splice(placeOf(this.model, { score: old, member }), 1);
  }

  removeRange(rank: number, count: number): void {
    this.set.removeRange(rank, count);
    for (const { member } of this.model.splice(rank, count)) this.scores.delete(member);
  }

  /** The member at the index's position. */
  here(): string {
    const { ref } = this.set.index;
    if (ref === 0) return '(none)';
    const page = this.set.page(ref);
    const off = page.byteOffset + this.set.memberOffset(ref);
    return Buffer.from(page.buffer, off, this.set.memberLength(ref)).toString('latin1');
  }

  checkAt(rank: number): void {
    const { index } = this.set;
    const expected = this.model[rank]!;
    index.seekRank(rank);
    assert.equal(this.here(), expected.member);
    assert.equal(index.score, expected.score);
    assert.equal(index.rank(expected.score, this.find(expected.member)), rank);
  }

  checkBounds(score: number, inclusive: boolean): void {
    const expected = placeOf(this.model, { score, member: inclusive ? '\xff' : '' });
    assert.equal(this.set.index.seekScore(score, inclusive), expected);
  }

  checkWhole(): void {
    const { index } = this.set;
    index.verify();
    assert.equal(index.count, this.model.length);
    if (this.model.length === 0) return;
    index.seekRank(0);
    for (const { member, score } of this.model) {
      assert.equal(this.here(), member);
      assert.equal(index.score, score);
      index.forward();
    }
    assert.equal(index.ref, 0);
    index.seekRank(this.model.length - 1);
    for (let i = this.model.length - 1; i >= 0; i--) {
      assert.equal(this.here(), this.model[i]!.member);
      index.backward();
    }
    assert.equal(index.ref, 0);
  }

  checkEmptied(): void {
    while (this.set.release(100));
    assert.equal(this.memory.arena.liveBytes, 0);
    assert.equal(this.memory.tableBytes, 0);
  }
}

/** Random operations; `members` and `scores` are how many different ones there are. */
function exercise(pair: Pair, random: Random, steps: number, members: number, scores: number): void {
  const member = (): string => `m${randomBelow(random, members)}`;
  const score = (): number => randomBelow(random, scores) / 2;
  let growing = true;
  for (let i = 0; i < steps; i++) {
    if (randomBelow(random, 2000) === 0) growing = !growing;
    const what = randomBelow(random, 100);
    if (what < (growing ? 55 : 15)) pair.put(member(), score());
    else if (what < 80) pair.remove(member());
    else if (pair.model.length === 0) continue;
    else if (what < 90) pair.checkAt(randomBelow(random, pair.model.length));
    else if (what < 91 && randomBelow(random, 40) === 0) {
      const rank = randomBelow(random, pair.model.length);
      pair.removeRange(rank, randomBelow(random, Math.min(400, pair.model.length - rank)));
    } else pair.checkBounds(score(), what % 2 === 0);
  }
}

describe(`sorted sets against a model (SEED=${SEED})`, () => {
  for (const [members, scores, steps] of [
    [300, 3, 40_000],
    [3000, 100_000, 150_000],
    [20_000, 5, 150_000],
    [20_000, 1_000_000, 150_000],
  ] as const) {
    it(`${members} members, ${scores} scores`, () => {
      const random = seededRandom(SEED);
      const pair = new Pair();
      for (let round = 0; round < 5; round++) {
        exercise(pair, random, steps / 5, members, scores);
        pair.checkWhole();
      }
      pair.checkEmptied();
    });
  }

  it('in order, in reverse order, and emptied from either end', () => {
    const pair = new Pair();
    for (let i = 0; i < 5000; i++) pair.put(`m${i}`, i);
    pair.checkWhole();
    const nodes = pair.set.index.verify();
    assert.ok(nodes < 5000 / 80 + 8, `${nodes} nodes for what came in order`);
    for (let i = 1; i < 5000; i++) pair.put(`n${i}`, -i);
    pair.checkWhole();
    while (pair.model.length > 4000) pair.removeRange(0, 1);
    pair.checkWhole();
    while (pair.model.length > 0) pair.removeRange(pair.model.length - 1, 1);
    pair.checkWhole();
    pair.put('again', 1);
    pair.checkWhole();
    pair.checkEmptied();
  });

  it('removes ranges of any length', () => {
    const random = seededRandom(SEED);
    const pair = new Pair();
    for (let i = 0; i < 12_000; i++) pair.put(`m${i}`, randomBelow(random, 1000));
    while (pair.model.length > 0) {
      const rank = randomBelow(random, pair.model.length);
      pair.removeRange(rank, 1 + randomBelow(random, Math.min(1500, pair.model.length - rank)));
      pair.set.index.verify();
    }
    pair.checkWhole();
    pair.checkEmptied();
  });

  it('is built unordered, cloned, and searched by member', () => {
    const random = seededRandom(SEED);
    for (const count of [0, 1, 7, 8, 9, 76, 77, 100, 4000, 9999]) {
      const pair = new Pair();
      for (let i = 0; i < count; i++) {
        const name = `m${randomBelow(random, 1_000_000)}`;
        const score = count % 2 === 0 ? 1 : randomBelow(random, 50);
        const bytes = Buffer.from(name, 'latin1');
        if (pair.set.find(bytes, 0, bytes.length) !== 0) continue;
        pair.set.addUnordered(score, bytes, 0, bytes.length);
        pair.scores.set(name, score);
        pair.model.push({ score, member: name });
      }
      pair.model.sort(compare);
      pair.set.order();
      pair.checkWhole();
      if (count % 2 === 0) {
        for (let i = 0; i < 50; i++) {
          const bound = Buffer.from(`m${randomBelow(random, 1_000_000)}`);
          const expected = pair.model.filter(({ member }) => Buffer.from(member).compare(bound) < 0).length;
          assert.equal(pair.set.index.seekMember(bound, 0, bound.length, false), expected);
        }
        for (let i = 0; i < Math.min(50, count); i++) {
          const bound = Buffer.from(pair.model[i]!.member);
          assert.equal(pair.set.index.seekMember(bound, 0, bound.length, false), i);
          assert.equal(pair.set.index.seekMember(bound, 0, bound.length, true), i + 1);
        }
      }
      const original = pair.set;
      pair.set = original.clone();
      while (original.release(1000));
      pair.checkWhole();
      pair.checkEmptied();
    }
  });

  it('moves in memory while it changes', () => {
    const random = seededRandom(SEED);
    const pair = new Pair();
    const { arena } = pair.memory;
    const move = (ref: number): number => {
      if (randomBelow(random, 3) === 0) return ref;
      const bytes = arena.capacity(ref);
      const moved = arena.alloc(bytes);
      const from = (ref & 0x1ffff) << 3;
      const to = (moved & 0x1ffff) << 3;
      const source = arena.pages[ref >>> 17]!;
      arena.pages[moved >>> 17]!.set(source.slice(from, from + bytes), to);
      source.fill(0xff, from, from + bytes);
      arena.free(ref);
      return moved;
    };
    for (let round = 0; round < 5; round++) {
      exercise(pair, random, 20_000, 20_000, 1000);
      let cursor = 0;
      do {
        cursor = pair.set.defragment(cursor, 500, move);
        exercise(pair, random, 100, 20_000, 1000);
      } while (cursor !== 0);
      pair.checkWhole();
    }
    pair.checkEmptied();
  });
});
