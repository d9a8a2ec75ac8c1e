/**
 * The sorted index of ids against a plain sorted array, and what it leaves behind in the arena: nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Memory } from '../../../src/datatypes/memory.ts';
import { compareIds, StreamId } from '../../../src/datatypes/stream/id.ts';
import { IdIndex } from '../../../src/datatypes/stream/id-index.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';

interface Entry {
  readonly id: StreamId;
  payload: number;
}

class Model {
  readonly memory = new Memory(new KeyHash(1, 2));
  index = new IdIndex(this.memory, 2);
  entries: Entry[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(n: number): number {
    return randomBelow(this.#random, n);
  }

  /** Ids from few values, some beyond 2^31 and 2^32 in every word. */
  id(): StreamId {
    const word = (): number => [0, 1, -1, 0x7fffffff, -0x80000000][this.below(5)]!;
    const id = new StreamId();
    if (this.below(4) === 0) return id.set(word(), word(), word(), word());
    return id.set(0, this.below(40), 0, this.below(40));
  }

  place(id: StreamId): number {
    const at = this.entries.findIndex((entry) => compareIds(entry.id, id) >= 0);
    return at < 0 ? this.entries.length : at;
  }

  step(): void {
    const { index } = this;
    switch (this.below(9)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.insert(this.id());
        break;
      case 4: {
        const last = this.entries.at(-1)?.id ?? new StreamId();
        const id = new StreamId().copy(last);
        if (id.increment()) for (let i = 0; i < 100 && id.increment(); i++) this.insert(id);
        break;
      }
      case 5:
        this.remove(this.id(), 1);
        break;
      case 6:
        this.remove(this.entries[0]?.id ?? this.id(), this.below(200));
        break;
      case 7:
        this.remove(this.entries[this.below(this.entries.length + 1)]?.id ?? this.id(), this.below(100));
        break;
      default: {
        const copy = index.clone();
        while (index.releaseChunk());
        this.index = copy;
      }
    }
  }

  insert(id: StreamId): void {
    const at = this.place(id);
    const known = at < this.entries.length && compareIds(this.entries[at]!.id, id) === 0;
    assert.equal(this.index.find(id), known);
    if (known) return;
    this.index.insert(id);
    const payload = this.below(1 << 30);
    this.index.words[this.index.at + 4] = payload;
    this.index.words[this.index.at + 5] = ~payload;
    this.entries.splice(at, 0, { id: new StreamId().copy(id), payload });
  }

  remove(id: StreamId, count: number): void {
    let at = this.place(id);
    let more = this.index.seek(id);
    for (; count > 0; count--) {
      assert.equal(more, at < this.entries.length);
      if (!more) return;
      this.check(at);
      // Some are passed over, so that what is left is spread over many small chunks.
      if (this.below(5) === 0) {
        at++;
        more = this.index.next();
        continue;
      }
      this.entries.splice(at, 1);
      more = this.index.remove();
    }
    assert.equal(more, at < this.entries.length);
    if (more) this.check(at);
  }

  check(at: number): void {
    const { index } = this;
    const { id, payload } = this.entries[at]!;
    assert.equal(compareIds(index.id(new StreamId()), id), 0);
    assert.equal(index.words[index.at + 4], payload);
    assert.equal(index.words[index.at + 5], ~payload);
  }

  checkAll(): void {
    const { index, entries } = this;
    assert.equal(index.count, entries.length);
    let at = 0;
    for (let more = index.first(); more; more = index.next()) this.check(at++);
    assert.equal(at, entries.length);
    for (let more = index.last(); more; more = index.prev()) this.check(--at);
    assert.equal(at, 0);
    for (let i = 0; i < 20; i++) {
      const id = this.id();
      const place = this.place(id);
      assert.equal(index.seek(id), place < entries.length);
      if (place < entries.length) this.check(place);
      const found = place < entries.length && compareIds(entries[place]!.id, id) === 0;
      const before = found ? place : place - 1;
      assert.equal(index.seekBack(id), before >= 0);
      if (before >= 0) this.check(before);
      const nth = this.below(entries.length + 2);
      assert.equal(index.nth(nth), nth < entries.length);
      if (nth < entries.length) this.check(nth);
    }
    // No more than three times what the entries take.
    if (entries.length > 200)
      assert.ok(index.chunks <= (entries.length / 64) * 5 + 1, `${index.chunks} chunks`);
  }
}

describe('stream index', () => {
  it('agrees with a sorted array, and gives everything back', () => {
    const seed = systemRandom().uint32();
    try {
      const model = new Model(seededRandom(seed));
      for (let round = 0; round < 60; round++) {
        for (let i = 0; i < 40; i++) model.step();
        model.checkAll();
      }
      while (model.index.releaseChunk());
      assert.equal(model.index.count, 0);
      assert.equal(model.memory.arena.liveBytes, 0);
      assert.equal(model.memory.tableBytes, 0);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });

  it('stays compact when entries come and go in order', () => {
    const memory = new Memory(new KeyHash(1, 2));
    const index = new IdIndex(memory, 5);
    const head = new StreamId();
    const tail = new StreamId();
    for (let i = 0; i < 200_000; i++) {
      head.increment();
      assert.equal(index.find(head), false);
      index.insert(head);
      if (i < 50_000) continue;
      tail.increment();
      assert.equal(index.find(tail), true);
      index.remove();
    }
    assert.equal(index.count, 50_000);
    assert.ok(index.bytes < 50_000 * 36 * 1.15, `${index.bytes} bytes`);
  });
});
