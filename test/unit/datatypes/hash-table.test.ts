import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HashTable } from '../../../src/datatypes/hash/hash-table.ts';
import { Memory, releaseWhole } from '../../../src/datatypes/memory.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../../src/structures/arena.ts';
import { lpEnd, lpInit, lpInsert } from '../../../src/structures/listpack.ts';
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

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function contents(hash: HashTable): Map<string, string> {
  const range = { bytes: new Uint8Array(0), off: 0, len: 0 };
  const text = (): string =>
    Buffer.from(range.bytes.slice(range.off, range.off + range.len)).toString('latin1');
  const all = new Map<string, string>();
  hash.table.scan(0, (ref) => {
    hash.locateField(ref, range);
    const field = text();
    hash.locateValue(ref, range);
    assert.equal(hash.valueLength(ref), range.len);
    all.set(field, text());
    return true;
  });
  return all;
}

/** Field or value of many lengths; now and then one that is external. */
function randomText(random: Random, long: boolean): string {
  const lengths = long ? [0, 3, 20, 64, 300, 32768, 32769, 70_000] : [1, 2, 5, 40];
  const length = lengths[randomBelow(random, lengths.length)]!;
  return String(randomBelow(random, 40)).padStart(length, String.fromCharCode(97 + randomBelow(random, 26)));
}

function write(hash: HashTable, model: Map<string, string>, field: string, value: string): void {
  const f = latin1(`xx${field}`);
  const v = latin1(`y${value}`);
  assert.equal(hash.set(f, 2, f.length - 2, v, 1, v.length - 1), !model.has(field));
  model.set(field, value);
}

describe('hash table', () => {
  it(
    'behaves as a map, and leaves nothing behind',
    seeded((random) => {
      const memory = new Memory(new KeyHash(random.uint32(), random.uint32()));
      const hash = new HashTable(memory);
      const model = new Map<string, string>();
      for (let i = 0; i < 3000; i++) {
        const field = randomText(random, randomBelow(random, 50) === 0);
        if (randomBelow(random, 3) === 0) {
          const bytes = latin1(field);
          assert.equal(hash.delete(bytes, 0, bytes.length), model.delete(field));
        } else write(hash, model, field, randomText(random, randomBelow(random, 4) === 0));
        assert.equal(hash.size, model.size);
      }
      assert.deepEqual(contents(hash), model);

      const copy = hash.clone();
      const before = new Map(model);
      for (const field of before.keys()) write(hash, model, field, 'changed');
      assert.deepEqual(contents(copy), before);
      assert.ok(copy.measure(0) > [...before].reduce((sum, [f, v]) => sum + f.length + v.length, 0));

      let cursor = 0;
      do {
        cursor = copy.defragment(cursor, 5, (ref) => {
          const { arena } = memory;
          const bytes = arena.capacity(ref);
          const moved = arena.alloc(bytes);
          const from = (ref & OFFSET_MASK) << 3;
          arena.pages[moved >>> PAGE_BITS]!.set(
            arena.pages[ref >>> PAGE_BITS]!.subarray(from, from + bytes),
            (moved & OFFSET_MASK) << 3,
          );
          arena.free(ref);
          return moved;
        });
      } while (cursor !== 0);
      assert.deepEqual(contents(copy), before);

      releaseWhole(hash);
      assert.deepEqual(contents(copy), before);
      while (copy.release(3));
      assert.equal(memory.arena.liveBytes, 0);
      assert.equal(memory.externals.count, 0);
      assert.equal(memory.externals.bytes, 0);
      assert.equal(memory.tableBytes, 0);
    }),
  );

  it('is made from a listpack', () => {
    const memory = new Memory(new KeyHash(1, 2));
    const bytes = new Uint8Array(4000);
    const expected = new Map<string, string>();
    lpInit(bytes, 100);
    for (let i = 0; i < 100; i++) {
      const words = [`${i}`, i % 2 === 0 ? `value ${i}` : `${i * 123456789}`] as const;
      expected.set(...words);
      for (const word of words) lpInsert(bytes, 100, lpEnd(bytes, 100), latin1(word), 0, word.length);
    }
    assert.deepEqual(contents(HashTable.fromListpack(memory, bytes, 100)), expected);
  });
});
