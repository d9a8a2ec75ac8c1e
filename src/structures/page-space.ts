/**
 * Where the pages of an arena come from, and how they go back to the system.
 *
 * A page that nobody needs has to leave the process, not just the heap. C libraries make that hard: glibc gives a big
 * block a mapping of its own only above a threshold, and each such block that is freed raises the threshold to its
 * size, up to 32 MiB. From then on blocks of a mebibyte are cut from the ordinary heap, where a hole is never given
 * back while something lives behind it. So pages are cut from slabs of 32 MiB, which always are mappings: untouched
 * they take no memory, and dropped they are gone. Only the first few pages are loose (each a block of its own), so
 * that a small keyspace doesn't hold on to a slab.
 *
 *   block   32 page numbers in a row: a slab, or loose pages.
 *   slab    one ArrayBuffer. Its pages are handed out from the front, and fuller slabs first, so that others become
 *           empty. One empty slab is kept, until `trim`.
 *
 * What is dropped is garbage, and stays resident until V8 collects it: see `droppedBytes`, and engine/memory-return.ts.
 */

export const PAGE_BYTES = 1 << 20;
const BLOCK_BITS = 5;
const BLOCK_PAGES = 1 << BLOCK_BITS;
const SLAB_BYTES = PAGE_BYTES * BLOCK_PAGES;
const MAX_PAGES = 1 << 15;
const MAX_BLOCKS = MAX_PAGES / BLOCK_PAGES;
/** Pages that may be loose at a time, and those of them that are kept for reuse instead of being given back. */
const LOOSE_PAGES_MAX = 4;
const SPARE_PAGES = 2;

const NO_BLOCK = 0;
const LOOSE = 1;
const SLAB = 2;
/** All numbers of a block are free. */
const ALL_FREE = -1;

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);
const NO_DOUBLES = new Float64Array(0);
const NO_BUFFER = new ArrayBuffer(0);

/** Thrown when the address space of the arena is used up, before anything has changed; the engine makes it an -OOM. */
export class ArenaFull extends Error {
  override name = 'ArenaFull';
}

export class PageSpace {
  /** The memory of each page by number, in three views. A page that is not there is an empty array. */
  readonly bytes: Uint8Array[] = [];
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];
  /** Bytes of all pages that are or have been in use, and so are resident. */
  heldBytes = 0;
  /** Bytes of all buffers: `heldBytes`, and what of the slabs was not in use yet. */
  reservedBytes = 0;
  /** Bytes that were given back so far. */
  droppedBytes = 0;
  /** Blocks there are, those without a use included. */
  blocks = 0;
  readonly #kind = new Uint8Array(MAX_BLOCKS);
  /** Free numbers of each block, as bits. */
  readonly #free = new Int32Array(MAX_BLOCKS);
  /** Pages of each slab that have been in use. */
  readonly #carved = new Uint8Array(MAX_BLOCKS);
  /** Slabs that are to become empty: nothing is taken from them. */
  readonly #avoided = new Uint8Array(MAX_BLOCKS);
  readonly #slabs: ArrayBuffer[] = [];
  #loosePages = 0;
  readonly #spares: number[] = [];
  #emptySlab = -1;

  /** Takes a page of PAGE_BYTES. Its contents are undefined. */
  take(): number {
    const spare = this.#spares.pop();
    if (spare !== undefined) return spare;
    const block = this.#fullestSlab();
    if (block >= 0) return this.#takeFromSlab(block);
    if (this.#loosePages < LOOSE_PAGES_MAX) {
      const page = this.takeOwn(PAGE_BYTES);
      this.#loosePages++;
      return page;
    }
    return this.#takeFromSlab(this.#addSlab());
  }

  /** Takes a page that is as long as it must be. It goes back with `dropOwn`. */
  takeOwn(bytes: number): number {
    const block = this.#looseBlock();
    const free = this.#free[block]!;
    const bit = free & -free;
    const page = (block << BLOCK_BITS) + 31 - Math.clz32(bit);
    this.#show(page, new ArrayBuffer(bytes), 0, bytes);
    this.reservedBytes += bytes;
    this.#free[block] = free & ~bit;
    return page;
  }

  /** Gives a page of PAGE_BYTES back. */
  release(page: number): void {
    const block = page >> BLOCK_BITS;
    if (this.#kind[block] === LOOSE) {
      if (this.#spares.length < SPARE_PAGES) this.#spares.push(page);
      else this.#dropLoose(page);
      return;
    }
    this.#free[block]! |= 1 << (page & (BLOCK_PAGES - 1));
    if (this.#free[block] !== ALL_FREE) return;
    if (this.#emptySlab < 0 && this.#avoided[block] === 0) this.#emptySlab = block;
    else this.#dropSlab(block);
  }

  dropOwn(page: number): void {
    const block = page >> BLOCK_BITS;
    this.heldBytes -= this.bytes[page]!.length;
    this.reservedBytes -= this.bytes[page]!.length;
    this.droppedBytes += this.bytes[page]!.length;
    this.#hide(page);
    this.#free[block]! |= 1 << (page & (BLOCK_PAGES - 1));
    // The numbers may serve for a slab now.
    if (this.#free[block] === ALL_FREE) this.#kind[block] = NO_BLOCK;
  }

  /** Gives back what is kept for reuse. */
  trim(): void {
    for (const page of this.#spares) this.#dropLoose(page);
    this.#spares.length = 0;
    if (this.#emptySlab >= 0) this.#dropSlab(this.#emptySlab);
  }

  /** Lets go of everything: whoever still has the arena keeps no memory alive. */
  dispose(): void {
    for (let page = 0; page < this.bytes.length; page++) this.#hide(page);
    this.#slabs.length = 0;
  }

  isSlab(block: number): boolean {
    return this.#kind[block] === SLAB;
  }

  /** Pages of a slab that have been in use. */
  carvedPages(block: number): number {
    return this.#carved[block]!;
  }

  /** First number of a block. */
  firstPage(block: number): number {
    return block << BLOCK_BITS;
  }

  blockOf(page: number): number {
    return page >> BLOCK_BITS;
  }

  /** Takes nothing from that slab any more, or again; once empty it is dropped at once. */
  avoid(block: number, avoided: boolean): void {
    this.#avoided[block] = avoided ? 1 : 0;
  }

  #fullestSlab(): number {
    let best = -1;
    let least = BLOCK_PAGES + 1;
    for (let block = 0; block < this.blocks; block++) {
      if (this.#kind[block] !== SLAB || this.#free[block] === 0 || this.#avoided[block] !== 0) continue;
      const free = bitCount(this.#free[block]!);
      if (free < least) {
        least = free;
        best = block;
      }
    }
    return best;
  }

  #takeFromSlab(block: number): number {
    const free = this.#free[block]!;
    const bit = free & -free;
    const index = 31 - Math.clz32(bit);
    const page = (block << BLOCK_BITS) + index;
    if (index >= this.#carved[block]!) {
      this.#show(page, this.#slabs[block]!, index * PAGE_BYTES, PAGE_BYTES);
      this.#carved[block] = index + 1;
    }
    this.#free[block] = free & ~bit;
    if (block === this.#emptySlab) this.#emptySlab = -1;
    return page;
  }

  #addSlab(): number {
    const block = this.#unusedBlock();
    this.#slabs[block] = new ArrayBuffer(SLAB_BYTES);
    this.reservedBytes += SLAB_BYTES;
    this.#kind[block] = SLAB;
    this.#carved[block] = 0;
    this.#avoided[block] = 0;
    return block;
  }

  #dropSlab(block: number): void {
    const first = block << BLOCK_BITS;
    const carved = this.#carved[block]!;
    for (let i = 0; i < carved; i++) this.#hide(first + i);
    this.#slabs[block] = NO_BUFFER;
    this.reservedBytes -= SLAB_BYTES;
    this.heldBytes -= carved * PAGE_BYTES;
    this.droppedBytes += carved * PAGE_BYTES;
    this.#kind[block] = NO_BLOCK;
    this.#avoided[block] = 0;
    if (block === this.#emptySlab) this.#emptySlab = -1;
  }

  #dropLoose(page: number): void {
    this.#loosePages--;
    this.dropOwn(page);
  }

  #looseBlock(): number {
    for (let block = 0; block < this.blocks; block++) {
      if (this.#kind[block] === LOOSE && this.#free[block] !== 0) return block;
    }
    const block = this.#unusedBlock();
    this.#kind[block] = LOOSE;
    return block;
  }

  #unusedBlock(): number {
    for (let block = 0; block < this.blocks; block++) if (this.#kind[block] === NO_BLOCK) return block;
    const block = this.blocks;
    if (block >= MAX_BLOCKS) throw new ArenaFull('no page number left');
    this.#free[block] = ALL_FREE;
    this.#slabs.push(NO_BUFFER);
    for (let i = 0; i < BLOCK_PAGES; i++) {
      this.bytes.push(NO_BYTES);
      this.words.push(NO_WORDS);
      this.doubles.push(NO_DOUBLES);
    }
    this.blocks++;
    return block;
  }

  #show(page: number, memory: ArrayBuffer, off: number, bytes: number): void {
    this.bytes[page] = new Uint8Array(memory, off, bytes);
    this.words[page] = new Int32Array(memory, off, bytes >> 2);
    this.doubles[page] = new Float64Array(memory, off, bytes >> 3);
    this.heldBytes += bytes;
  }

  #hide(page: number): void {
    this.bytes[page] = NO_BYTES;
    this.words[page] = NO_WORDS;
    this.doubles[page] = NO_DOUBLES;
  }
}

function bitCount(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return (((n + (n >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
