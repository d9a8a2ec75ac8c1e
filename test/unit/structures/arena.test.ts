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

/** Moves some of the slots that should be, from a random one on. */
function defragment(arena: Arena, slots: Slot[], start: number, limit: number): void {
  for (let i = start, moved = 0; i < slots.length && moved < limit; i++) {
    const slot = slots[i]!;
    if (!arena.isLeaving(slot.ref)) continue;
    slots[i] = { ...slot, ref: arena.move(slot.ref) };
    assert.ok(!arena.isLeaving(slots[i]!.ref), 'moved to where it may stay');
    check(arena, slots[i]!);
    moved++;
  }
}

/** Takes and frees at random, more of the one or the other in turn; `moving`: with evacuations in between. */
function churn(seed: number, steps: number, moving: boolean): void {
  const random = seededRandom(seed);
  const arena = new Arena();
  const slots: Slot[] = [];
  const evacuate = (): void => {
    switch (randomBelow(random, 12)) {
      case 0:
        arena.beginEvacuation();
        break;
      case 1:
        arena.endEvacuation();
        break;
      case 2:
        arena.trim();
        break;
      default:
        defragment(arena, slots, randomBelow(random, slots.length + 1), 1000);
    }
  };
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
    if (moving && step % 101 === 0) evacuate();
  }
  for (const slot of slots) check(arena, slot);
  assert.equal(arena.liveBytes, liveBytes(slots));
  for (const slot of slots) arena.free(slot.ref);
  assert.equal(arena.liveBytes, 0);
  arena.endEvacuation();
  arena.trim();
  assert.equal(arena.pageBytes, 1 << 20, 'nothing has leaked');
}

describe('arena', () => {
  for (const moving of [false, true]) {
    it(`never hands out the same bytes twice${moving ? ', with records on the move' : ''}`, () => {
      const seed = Number(process.env.FC_SEED ?? systemRandom().uint32());
      try {
        churn(seed, Number(process.env.ARENA_STEPS ?? 20_000), moving);
      } catch (error) {
        throw new Error(`failed with seed ${seed}`, { cause: error });
      }
    });
  }

  it('gives back what is wasted when records are moved together', () => {
    const arena = new Arena();
    let slots: Slot[] = [];
    for (let i = 0; i < 400_000; i++) {
      const bytes = [80, 96, 2500][i % 400 === 0 ? 2 : i & 1]!;
      slots.push({ ref: arena.alloc(bytes), bytes, fill: i & 255 });
    }
    for (const slot of slots) range(arena, slot).fill(slot.fill);
    for (const [i, slot] of slots.entries()) if (i % 2 === 0 || i % 3 === 0) arena.free(slot.ref);
    slots = slots.filter((_, i) => i % 2 !== 0 && i % 3 !== 0);
    const before = arena.pageBytes;
    assert.ok(before > arena.liveBytes * 2.5);
    const moved = arena.beginEvacuation();
    assert.ok(moved > 0 && moved < arena.liveBytes);
    defragment(arena, slots, 0, slots.length);
    assert.equal(arena.endEvacuation(), 0, 'no page has stayed');
    arena.trim();
    assert.ok(arena.pageBytes < arena.liveBytes * 1.3, `${arena.pageBytes} for ${arena.liveBytes}`);
    assert.ok(arena.beginEvacuation() < 1 << 20, 'there is nothing left to do but for a page');
    for (const slot of slots) check(arena, slot);
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
    const pageBytes = (): number => arena.pages.reduce((sum, page) => sum + page.length, 0);
    assert.equal(arena.pageBytes, pageBytes());
    // What stays is in reserve: a few pages, an empty slab, the current run of each class, wherever it lies.
    const kept = arena.pageBytes;
    arena.trim();
    assert.ok(arena.pageBytes < kept);
    assert.equal(arena.pageBytes, 1024 * 1024, 'the first page');
    assert.equal(arena.pageBytes, pageBytes());
    assert.ok(arena.droppedBytes > 80_000_000);
    check(arena, take(arena, 5000, 1));
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
    assert.ok(highest <= 32, `${highest} pages`);
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
