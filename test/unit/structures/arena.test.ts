import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Arena, OFFSET_MASK, PAGE_BITS, SLOT_MAX } from '../../../src/structures/arena.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';

/** A slot as the test knows it: what was asked for, and the byte that fills it. */
interface Slot {
  readonly ref: number;
  readonly bytes: number;
  readonly fill: number;
}

/** Byte range of a slot, for error messages and for the test's own writes. */
function range(arena: Arena, slot: Slot): Uint8Array {
  const off = (slot.ref & OFFSET_MASK) << 3;
  const page = arena.pages[slot.ref >>> PAGE_BITS]!;
  assert.ok(off + slot.bytes <= page.length, `slot of ${slot.bytes} bytes at ${off} leaves its page`);
  return page.subarray(off, off + slot.bytes);
}

function take(arena: Arena, bytes: number, fill: number): Slot {
  const slot = { ref: arena.alloc(bytes), bytes, fill };
  assert.notEqual(slot.ref, 0);
  assert.equal(arena.capacity(slot.ref), Arena.slotBytes(bytes));
  assert.ok(arena.capacity(slot.ref) >= bytes);
  range(arena, slot).fill(fill);
  return slot;
}

/** Nobody else has written into the slot. */
function check(arena: Arena, slot: Slot): void {
  const bytes = range(arena, slot);
  for (let i = 0; i < bytes.length; i += bytes.length > 4096 ? 61 : 1) {
    if (bytes[i] !== slot.fill)
      assert.fail(`slot ${slot.ref} of ${slot.bytes} bytes was overwritten at ${i}`);
  }
  assert.equal(bytes.at(-1), slot.fill);
}

/** Mostly small sizes, some up to the largest class, a few that need pages of their own. */
function someSize(random: Random): number {
  const kind = randomBelow(random, 100);
  if (kind < 70) return 12 + randomBelow(random, 300);
  if (kind < 90) return 12 + randomBelow(random, 8000);
  if (kind < 98) return 12 + randomBelow(random, SLOT_MAX - 12);
  return SLOT_MAX + 1 + randomBelow(random, 300000);
}

function liveBytes(slots: readonly Slot[]): number {
  return slots.reduce((sum, slot) => sum + Arena.slotBytes(slot.bytes), 0);
}

/** Takes and frees at random, more of the one or the other in turn. */
function churn(seed: number, steps: number): void {
  const random = seededRandom(seed);
  const arena = new Arena();
  const slots: Slot[] = [];
  for (let step = 0; step < steps; step++) {
    const growing = Math.floor(step / (steps / 8)) % 2 === 0;
    if (slots.length === 0 || randomBelow(random, 100) < (growing ? 65 : 35)) {
      slots.push(take(arena, someSize(random), step & 255));
    } else {
      const at = randomBelow(random, slots.length);
      const slot = slots[at]!;
      check(arena, slot);
      slots[at] = slots.at(-1)!;
      slots.pop();
      arena.free(slot.ref);
    }
    if (step % 997 === 0) assert.equal(arena.liveBytes, liveBytes(slots));
  }
  for (const slot of slots) check(arena, slot);
  assert.equal(arena.liveBytes, liveBytes(slots));
  for (const slot of slots) arena.free(slot.ref);
  assert.equal(arena.liveBytes, 0);
}

describe('arena', () => {
  it('never hands out the same bytes twice', () => {
    const seed = systemRandom().uint32();
    try {
      churn(seed, 20_000);
    } catch (error) {
      throw new Error(`failed with seed ${seed}`, { cause: error });
    }
  });

  it('has a slot for every size, at most 7 bytes or an eighth too large', () => {
    for (let bytes = 1; bytes <= SLOT_MAX; bytes++) {
      const slot = Arena.slotBytes(bytes);
      assert.ok(slot >= bytes);
      assert.ok(slot <= Math.max(16, bytes + 7, bytes * 1.125 + 8), `${bytes} bytes take ${slot}`);
    }
    assert.equal(Arena.slotBytes(SLOT_MAX + 1), SLOT_MAX + 8);
  });

  it('knows when a record would get a slot of the same size', () => {
    const arena = new Arena();
    for (const bytes of [1, 16, 17, 24, 255, 256, 257, 288, 289, 4096, 4097, 32768, SLOT_MAX]) {
      const ref = arena.alloc(bytes);
      for (const other of [bytes - 1, bytes, bytes + 1, Arena.slotBytes(bytes), Arena.slotBytes(bytes) + 1]) {
        const same = other <= SLOT_MAX && Arena.slotBytes(Math.max(1, other)) === Arena.slotBytes(bytes);
        assert.equal(arena.fits(ref, other), same, `${bytes} → ${other}`);
      }
    }
    const own = arena.alloc(SLOT_MAX + 1);
    assert.equal(arena.fits(own, SLOT_MAX + 1), false);
  });

  it('uses the room of freed slots again', () => {
    const arena = new Arena();
    const refs = Array.from({ length: 50_000 }, () => arena.alloc(100));
    const pageBytes = arena.pageBytes;
    for (let round = 0; round < 3; round++) {
      for (const ref of refs) arena.free(ref);
      for (let i = 0; i < refs.length; i++) refs[i] = arena.alloc(100);
      assert.equal(arena.pageBytes, pageBytes);
    }
  });

  it('lets other sizes have the room of runs that are empty', () => {
    const arena = new Arena();
    const small = Array.from({ length: 200_000 }, () => arena.alloc(64));
    const pageBytes = arena.pageBytes;
    for (const ref of small) arena.free(ref);
    for (let i = 0; i < 40_000; i++) arena.alloc(256);
    assert.ok(arena.pageBytes <= pageBytes, `${arena.pageBytes} > ${pageBytes}`);
  });

  it('gives pages back', () => {
    const arena = new Arena();
    const refs = Array.from({ length: 30_000 }, (_, i) => arena.alloc(1000 + (i % 3000)));
    const big = Array.from({ length: 5 }, () => arena.alloc(5_000_000));
    assert.ok(arena.pageBytes > 80_000_000);
    for (const ref of [...refs, ...big]) arena.free(ref);
    assert.equal(arena.liveBytes, 0);
    // What stays: the first page, a few spare ones, and the current run of each of 17 classes, wherever it lies.
    assert.ok(arena.pageBytes <= 22 * 1024 * 1024, `${arena.pageBytes} bytes are kept`);
    assert.equal(
      arena.pageBytes,
      arena.pages.reduce((sum, page) => sum + page.length, 0),
    );
  });

  it('reuses the numbers of pages, whatever they were used for', () => {
    const arena = new Arena();
    const random = seededRandom(7);
    let highest = 0;
    for (let round = 0; round < 2000; round++) {
      const size = [70_000, 60_000, 3000][randomBelow(random, 3)]!;
      const slots = [take(arena, size, 1), take(arena, size, 2), take(arena, 100, 3)];
      for (const slot of slots) check(arena, slot);
      for (const slot of slots) arena.free(slot.ref);
      highest = Math.max(highest, arena.pages.length);
    }
    assert.ok(highest < 20, `${highest} pages`);
    assert.equal(arena.liveBytes, 0);
  });

  it('works where refs are negative numbers', () => {
    // Page numbers from 2^14 on have the top bit of a ref set. Tiny own pages get us there for 1.2 GB of
    // untouched memory, so only the arithmetic is looked at here.
    const ref = (20_000 << PAGE_BITS) | 5 | 0;
    assert.ok(ref < 0);
    assert.equal(ref >>> PAGE_BITS, 20_000);
    assert.equal(ref & OFFSET_MASK, 5);
  });
});
