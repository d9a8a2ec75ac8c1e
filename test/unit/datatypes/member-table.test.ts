import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemberTable } from '../../../src/datatypes/member-table.ts';
import { Memory } from '../../../src/datatypes/memory.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../../src/structures/arena.ts';
import { Dictionary } from '../../../src/structures/dictionary.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';

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

const HEAD_WORDS = 3;
const LENGTH_WORD = 2;

/** A table beside a Map from member to ref. */
class Pair {
  readonly memory: Memory;
  readonly model = new Map<string, number>();
  table: MemberTable;

  constructor(random: Random) {
    this.memory = new Memory(new KeyHash(random.uint32(), random.uint32()));
    this.table = new MemberTable(this.memory, HEAD_WORDS, LENGTH_WORD);
  }

  find(member: string): number {
    const padded = Buffer.from(`xyz${member}`, 'latin1');
    return this.table.find(padded, 3, padded.length - 3);
  }

  add(member: string): void {
    if (this.find(member) !== 0) {
      assert.ok(this.model.has(member));
      return;
    }
    const ref = this.#record(member);
    this.table.insert(ref);
    this.model.set(member, ref);
  }

  #record(member: string): number {
    const { arena } = this.memory;
    const ref = arena.alloc(HEAD_WORDS * 4 + member.length);
    arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + LENGTH_WORD] = member.length;
    arena.pages[ref >>> PAGE_BITS]!.set(Buffer.from(member, 'latin1'), this.table.memberOffset(ref));
    return ref;
  }

  remove(member: string): void {
    const ref = this.find(member);
    assert.equal(ref, this.model.get(member) ?? 0);
    if (ref === 0) return;
    this.table.remove();
    this.memory.arena.free(ref);
    this.model.delete(member);
  }

  memberOf(ref: number): string {
    const at = this.table.memberOffset(ref);
    return Buffer.from(this.table.page(ref).slice(at, at + this.table.memberLength(ref))).toString('latin1');
  }

  copyRecord = (ref: number): number => this.#record(this.memberOf(ref));

  check(): void {
    assert.equal(this.table.count, this.model.size);
    assert.equal(this.memory.tableBytes, this.table.bytes);
    for (const [member, ref] of this.model) assert.equal(this.find(member), ref, 'found by its member');
    const seen = new Set<string>();
    let cursor = 0;
    do {
      let left = 7;
      cursor = this.table.scan(cursor, (ref) => {
        seen.add(this.memberOf(ref));
        return --left > 0;
      });
    } while (cursor !== 0);
    assert.deepEqual(seen, new Set(this.model.keys()));
  }
}

function randomMember(random: Random, kinds: number): string {
  const base = String(randomBelow(random, kinds));
  switch (randomBelow(random, 4)) {
    case 0:
      return base;
    case 1:
      return base + '\xff\0'.repeat(randomBelow(random, 5));
    case 2:
      return base.padStart(300, 'long');
    default:
      return base.slice(randomBelow(random, 3));
  }
}

describe('member table', () => {
  it(
    'behaves as a map, frees all it took, and copies',
    seeded((random) => {
      const pair = new Pair(random);
      for (let phase = 0; phase < 6; phase++) {
        for (let i = 0; i < 1500; i++) {
          const member = randomMember(random, 700);
          if (randomBelow(random, 10) < (phase % 2 === 0 ? 8 : 2)) pair.add(member);
          else pair.remove(member);
        }
        pair.check();
      }
      pair.add('at least one');
      const original = pair.table;
      const members = [...pair.model.keys()];
      const live = pair.memory.arena.liveBytes;
      const copy = original.clone(pair.copyRecord);
      assert.equal(pair.memory.arena.liveBytes, live * 2);
      const free = (ref: number): void => pair.memory.arena.free(ref);
      let steps = 0;
      while (original.release(100, free)) steps++;
      assert.ok(steps >= Math.floor(members.length / 100) - 1);
      pair.table = copy;
      pair.model.clear();
      for (const member of members) pair.model.set(member, pair.find(member));
      pair.check();
      for (const member of members) pair.remove(member);
      assert.equal(pair.memory.arena.liveBytes, 0);
      while (copy.release(1, free));
      assert.equal(pair.memory.tableBytes, 0);
    }),
  );

  it(
    'takes over records that defragmentation has moved',
    seeded((random) => {
      const pair = new Pair(random);
      for (let i = 0; i < 3000; i++) pair.add(randomMember(random, 3000));
      let cursor = 0;
      do {
        cursor = pair.table.defragment(cursor, 100, (ref) => {
          if (randomBelow(random, 2) === 0) return ref;
          const moved = pair.copyRecord(ref);
          pair.model.set(pair.memberOf(ref), moved);
          pair.memory.arena.free(ref);
          return moved;
        });
      } while (cursor !== 0);
      pair.check();
    }),
  );

  it(
    'draws each record alike and makes it the one found last',
    seeded((random) => {
      const pair = new Pair(random);
      for (let i = 0; i < 40; i++) pair.add(`member ${i}`);
      const drawn = new Map<number, number>();
      for (let i = 0; i < 40_000; i++) {
        const ref = pair.table.randomRef(random);
        drawn.set(ref, (drawn.get(ref) ?? 0) + 1);
      }
      assert.ok(chiSquare([...pair.model.values()].map((ref) => drawn.get(ref) ?? 0)) < 100);
      while (pair.table.count > 0) {
        const ref = pair.table.randomRef(random);
        const member = pair.memberOf(ref);
        pair.table.remove();
        pair.memory.arena.free(ref);
        pair.model.delete(member);
        if (pair.table.count > 0) pair.check();
      }
      assert.equal(pair.table.randomRef(random), 0);
    }),
  );
});

describe('dictionary', () => {
  it(
    'draws uniformly from segments of different depth and density',
    seeded((random) => {
      const dict = new Dictionary();
      // A crowd in one corner splits its segments; one entry in a hundred is then counted.
      for (let ref = 1; ref <= 100_000; ref++) dict.insert(random.uint32() >>> 6, ref);
      for (let ref = 100_001; ref <= 102_000; ref++) dict.insert(random.uint32() | 0x80000000, ref);
      const counts = new Array<number>(102).fill(0);
      for (let i = 0; i < 102_000; i++) counts[Math.floor((dict.uniform(random) - 1) / 1000)]!++;
      assert.ok(chiSquare(counts) < 200, counts.join(' '));
    }),
  );
});

/** With n counts about n; four or five standard deviations (of sqrt(2n)) above that are beyond chance. */
function chiSquare(counts: number[]): number {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
