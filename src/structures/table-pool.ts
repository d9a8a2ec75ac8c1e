/**
 * Memory for the big tables of dictionaries: segments of 2^16 slots, half a mebibyte each.
 *
 * They come and go as keys do, and left to V8 and the C library each that went would stay: as garbage until the next
 * collection, then as a hole in a heap that never shrinks (see page-space.ts). Here a table that is given back is used
 * again at once, and they are cut from slabs, which really go when they are empty.
 */

/** Slots of two words: 2^16 homes, and room behind the last one. */
export const TABLE_WORDS = 2 * (65536 + 512);
const SLAB_BYTES = 32 * 1024 * 1024;
const TABLE_BYTES = TABLE_WORDS * 4;
const SLAB_TABLES = Math.floor(SLAB_BYTES / TABLE_BYTES);

const NO_TABLE = new Int32Array(0);

/** Who has a table. */
export interface TableOwner {
  slots: Int32Array;
}

interface Slab {
  readonly memory: ArrayBuffer;
  /** Tables that have been in use: the rest was never touched. */
  carved: number;
  /** Numbers of those that were given back. */
  readonly free: number[];
}

export class TablePool {
  readonly #slabs: Slab[] = [];
  readonly #owners = new Set<TableOwner>();
  /** Bytes of slabs that no table lies in. */
  spareBytes = 0;
  /** Bytes of slabs that were given up so far. */
  droppedBytes = 0;

  /** A table of TABLE_WORDS zeros. */
  take(owner: TableOwner): Int32Array {
    this.#owners.add(owner);
    let best: Slab | null = null;
    for (const slab of this.#slabs) {
      if (slab.carved === SLAB_TABLES && slab.free.length === 0) continue;
      if (best === null || tablesIn(slab) > tablesIn(best)) best = slab;
    }
    if (best === null) {
      best = { memory: new ArrayBuffer(SLAB_BYTES), carved: 0, free: [] };
      this.#slabs.push(best);
      this.spareBytes += SLAB_BYTES;
    }
    this.spareBytes -= TABLE_BYTES;
    const used = best.free.pop();
    if (used === undefined) return new Int32Array(best.memory, best.carved++ * TABLE_BYTES, TABLE_WORDS);
    return new Int32Array(best.memory, used * TABLE_BYTES, TABLE_WORDS).fill(0);
  }

  give(owner: TableOwner): void {
    const table = owner.slots;
    this.#owners.delete(owner);
    const at = this.#slabs.findIndex((slab) => slab.memory === table.buffer);
    const slab = this.#slabs[at]!;
    slab.free.push(table.byteOffset / TABLE_BYTES);
    this.spareBytes += TABLE_BYTES;
    if (tablesIn(slab) > 0) return;
    this.#slabs.splice(at, 1);
    this.spareBytes -= SLAB_BYTES;
    this.droppedBytes += slab.carved * TABLE_BYTES;
  }

  /** Takes all tables away from their owners, which are not used any more, whoever may still have them. */
  dispose(): void {
    for (const owner of this.#owners) owner.slots = NO_TABLE;
    this.#owners.clear();
    this.#slabs.length = 0;
  }
}

function tablesIn(slab: Slab): number {
  return slab.carved - slab.free.length;
}
