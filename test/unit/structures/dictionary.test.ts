import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dictionary } from '../../../src/structures/dictionary.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';

/** Runs a test with a seed that its failure names. */
function seeded(body: (random: Random) => void): () => void {
  return () => {
    const seed = systemRandom().uint32();
    try {
      body(seededRandom(seed));
    } catch (error) {
      throw new Error(`failed with seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  };
}

/** A dictionary beside a Map from ref to hash. */
class Pair {
  readonly dict = new Dictionary();
  readonly model = new Map<number, number>();
  readonly refs: number[] = [];
  #nextRef = 1;

  insert(hash: number): void {
    const ref = this.#nextRef++;
    this.dict.insert(hash | 0, ref);
    assert.equal(this.dict.segment.slots[this.dict.index * 2 + 1], ref, 'an insert is found last');
    this.model.set(ref, hash | 0);
    this.refs.push(ref);
  }

  removeRandom(random: Random): void {
    const at = randomBelow(random, this.refs.length);
    const ref = this.refs[at]!;
    this.refs[at] = this.refs.at(-1)!;
    this.refs.pop();
    assert.ok(this.dict.locate(this.model.get(ref)!, ref));
    this.dict.remove();
    this.model.delete(ref);
  }

  /** Every entry is found; a full scan sees each once. */
  check(): void {
    assert.equal(this.dict.count, this.model.size);
    for (const [ref, hash] of this.model) {
      if (!this.dict.locate(hash, ref)) assert.fail(`ref ${ref} with hash ${hash >>> 0} is lost`);
    }
    const seen = new Set<number>();
    let last = -1;
    let cursor = 0;
    do {
      cursor = this.dict.scan(cursor, (ref, hash) => {
        assert.equal(this.model.get(ref), hash);
        assert.ok(!seen.has(ref), 'seen twice');
        assert.ok(hash >>> 0 >= last, 'out of order');
        last = hash >>> 0;
        seen.add(ref);
        return true;
      });
    } while (cursor !== 0);
    assert.equal(seen.size, this.model.size);
  }
}

/** The bytes of the segments that can be reached. */
function reachableBytes(dict: Dictionary): number {
  const segments = new Map<unknown, number>();
  const ref = dict.random(0);
  if (ref === 0) return dict.segment.slots.length * 4;
  for (let i = 0; i < dict.count; i++) {
    segments.set(dict.segment, dict.segment.slots.length * 4);
    dict.following();
  }
  return [...segments.values()].reduce((a, b) => a + b, 0);
}

describe('dictionary', () => {
  it(
    'behaves as a map while it grows and shrinks',
    seeded((random) => {
      const pair = new Pair();
      for (let phase = 0; phase < 8; phase++) {
        const growing = phase % 2 === 0;
        const steps = randomBelow(random, 4000);
        for (let i = 0; i < steps; i++) {
          const grow = randomBelow(random, 10) < (growing ? 8 : 2);
          if (grow || pair.refs.length === 0) pair.insert(random.uint32());
          else pair.removeRandom(random);
        }
        pair.check();
      }
      while (pair.refs.length > 0) pair.removeRandom(random);
      pair.check();
      assert.equal(pair.dict.slotCount, 8);
    }),
  );

  it(
    'splits and merges beyond 200,000 entries',
    seeded((random) => {
      const pair = new Pair();
      for (let i = 0; i < 260_000; i++) pair.insert(random.uint32());
      assert.ok(pair.dict.slotCount > 260_000);
      pair.check();
      assert.equal(reachableBytes(pair.dict), pair.dict.bytes);
      while (pair.refs.length > 1000) pair.removeRandom(random);
      pair.check();
      assert.ok(pair.dict.slotCount <= 16384, `${pair.dict.slotCount} slots for 1000 entries`);
      for (let i = 0; i < 150_000; i++) pair.insert(random.uint32());
      pair.check();
      pair.dict.clear();
      assert.equal(pair.dict.count, 0);
      assert.equal(
        pair.dict.scan(0, () => assert.fail('empty')),
        0,
      );
    }),
  );

  it(
    'bears crowds of equal and neighbouring hashes',
    seeded((random) => {
      const pair = new Pair();
      const bases = [0, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0, random.uint32()];
      for (let i = 0; i < 3000; i++) {
        const base = bases[randomBelow(random, bases.length)]!;
        if (randomBelow(random, 5) === 0 && pair.refs.length > 0) pair.removeRandom(random);
        else pair.insert(randomBelow(random, 3) === 0 ? random.uint32() : base);
      }
      pair.check();
      while (pair.refs.length > 0) pair.removeRandom(random);
      pair.check();
    }),
  );

  it(
    'walks all entries of one hash',
    seeded((random) => {
      const dict = new Dictionary();
      for (let ref = 1; ref <= 2000; ref++) dict.insert(random.uint32() | 0, ref);
      const wanted = [5001, 5002, 5003, 5004];
      for (const ref of wanted) dict.insert(-77, ref);
      const found: number[] = [];
      for (let ref = dict.first(-77); ref !== 0; ref = dict.next(-77)) found.push(ref);
      assert.deepEqual(found.sort(), wanted);
      assert.ok(dict.locate(-77, 5003));
      dict.setRef(6003);
      assert.ok(!dict.locate(-77, 5003));
      assert.ok(dict.locate(-77, 6003));
      assert.equal(dict.hash, -77);
    }),
  );

  it(
    'a scan returns what is there throughout, exactly once, while the table grows and shrinks',
    seeded((random) => {
      for (let round = 0; round < 6; round++) {
        const pair = new Pair();
        const start = [10, 300, 5000, 60_000, 120_000, 1000][round]!;
        const batch = Math.max(2, start >> 5);
        for (let i = 0; i < start; i++) pair.insert(random.uint32());
        const stays = new Set(pair.refs.slice(0, start >> 1));
        const seen = new Map<number, number>();
        let cursor = 0;
        let calls = 0;
        do {
          let visited = 0;
          cursor = pair.dict.scan(cursor, (ref) => {
            seen.set(ref, (seen.get(ref) ?? 0) + 1);
            return ++visited < batch;
          });
          assert.ok(cursor >= 0 && cursor < 2 ** 32);
          calls++;
          // Even rounds grow nearly threefold until the scan is done, odd ones lose all that may go.
          if (round % 2 === 0) {
            for (let i = 0; i < batch; i++) pair.insert(random.uint32());
          } else {
            for (let i = 0; i < batch * 2; i++) {
              const ref = pair.refs.at(-1);
              if (ref === undefined || stays.has(ref)) break;
              pair.refs.pop();
              assert.ok(pair.dict.locate(pair.model.get(ref)!, ref));
              pair.dict.remove();
              pair.model.delete(ref);
            }
          }
        } while (cursor !== 0);
        assert.ok(calls > 4);
        for (const ref of stays) assert.equal(seen.get(ref), 1, `ref ${ref} in round ${round}`);
        pair.check();
      }
    }),
  );

  it('a scan may be resumed in any other state of the table', () => {
    const random = seededRandom(11);
    const full = new Pair();
    for (let i = 0; i < 100_000; i++) full.insert(random.uint32());
    let cursor = 0;
    let visited = 0;
    cursor = full.dict.scan(0, () => ++visited < 50_000);
    while (full.refs.length > 10) full.removeRandom(random);
    const rest: number[] = [];
    const end = full.dict.scan(cursor, (ref) => rest.push(ref) > 0);
    assert.equal(end, 0);
    const expected = [...full.model].filter(([, hash]) => hash >>> 0 >= cursor).map(([ref]) => ref);
    assert.deepEqual(rest.sort(), expected.sort());
  });

  it(
    'random entries and their followers',
    seeded((random) => {
      const pair = new Pair();
      assert.equal(pair.dict.random(5), 0);
      for (let i = 0; i < 70_000; i++) pair.insert(random.uint32());
      while (pair.refs.length > 500) pair.removeRandom(random);
      for (let i = 0; i < 2000; i++) assert.ok(pair.model.has(pair.dict.random(random.uint32())));
      const walked = new Set<number>([pair.dict.random(random.uint32())]);
      for (let i = 1; i < 500; i++) walked.add(pair.dict.following());
      assert.equal(walked.size, 500, 'following() goes round');
    }),
  );
});
