/**
 * The arena: memory for records outside the V8 heap.
 *
 * Why: a keyspace of JavaScript objects costs garbage collection time in proportion to its size, ends at
 * 2^24 Map entries and at the old-space limit. Here a record is a range of bytes in a page, known by a 32-bit
 * `ref`, and the collector sees one typed array for each mebibyte.
 *
 * How:
 *   page   1 MiB of memory, seen as bytes (`pages`), as 32-bit words (`words`) and as `doubles`.
 *   unit   64 KiB; a page has 16.
 *   run    the place of slots of one size class: one unit for small slots, a whole page for large ones.
 *   slot   what `alloc` hands out. Free slots of a run are linked through their first word.
 *   ref    slot address in granules of 8 bytes: page number in the upper 15 bits, granule in the lower 17.
 *          32 GiB can be addressed. 0 is never a slot, so it means "none".
 *
 * A record too big for the largest class gets a page of its own, as long as it must be.
 *
 * Cost: at most 7 bytes of rounding up to 256 bytes, at most 12.5% above that. A run without live slots goes
 * back to its page, a page without runs back to the system (through the collector).
 */

export const PAGE_BITS = 17;
export const OFFSET_MASK = (1 << PAGE_BITS) - 1;
const PAGE_BYTES = 8 << PAGE_BITS;
const UNIT_BYTES = 65536;
const UNIT_BITS = 13;
const UNITS_PER_PAGE = 16;
const ALL_UNITS_FREE = 0xffff;
/** Slots up to this size live in runs of one unit. */
const SMALL_SLOT_MAX = 4096;
/** Records above this size get a page of their own. */
export const SLOT_MAX = 65536;
const MAX_PAGES = 1 << 15;
/** Whole pages kept for reuse instead of being given back at once. */
const SPARE_PAGES = 4;

const CLASS_SIZES: number[] = [];
for (let size = 16; size <= 256; size += 8) CLASS_SIZES.push(size);
for (let base = 256; base < SLOT_MAX; base *= 2) {
  for (let step = 1; step <= 8; step++) CLASS_SIZES.push(base + (base / 8) * step);
}
const CLASS_COUNT = CLASS_SIZES.length;
const SLOT_BYTES = Int32Array.from(CLASS_SIZES);
const FIRST_LARGE = CLASS_SIZES.findIndex((size) => size > SMALL_SLOT_MAX);
const OWN_PAGE = 255;
/** Class of a size up to 4 KiB, by size in granules; larger sizes are computed. */
const CLASS_OF_GRANULES = new Uint8Array(SMALL_SLOT_MAX / 8 + 1);
for (let granules = 0, c = 0; granules < CLASS_OF_GRANULES.length; granules++) {
  while (SLOT_BYTES[c]! < granules * 8) c++;
  CLASS_OF_GRANULES[granules] = c;
}

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);
const NO_DOUBLES = new Float64Array(0);

/** Index of the size class that holds `bytes` (at most SLOT_MAX). */
function classOf(bytes: number): number {
  if (bytes <= SMALL_SLOT_MAX) return CLASS_OF_GRANULES[(bytes + 7) >> 3]!;
  const top = 31 - Math.clz32(bytes - 1);
  const step = (bytes - 1 - (1 << top)) >> (top - 3);
  return 31 + (top - 8) * 8 + step;
}

/** Thrown when the address space of the arena is used up, before anything has changed; the engine makes it an -OOM. */
export class ArenaFull extends Error {
  override name = 'ArenaFull';
}

export class Arena {
  /** Bytes of each page; index `ref >>> PAGE_BITS`. A page that was given back is an empty array. */
  readonly pages: Uint8Array[] = [];
  /** The same memory as 32-bit words. */
  readonly words: Int32Array[] = [];
  /** The same memory as 64-bit floating point numbers; every slot begins at one. */
  readonly doubles: Float64Array[] = [];
  /** Bytes in slots that are handed out, rounding included. */
  liveBytes = 0;
  /** Bytes of all pages. */
  pageBytes = 0;

  #unitClass = new Uint8Array(0);
  #runLive = new Int32Array(0);
  #runFree = new Int32Array(0);
  #runCarved = new Int32Array(0);
  #runNext = new Int32Array(0);
  #runPrev = new Int32Array(0);
  #runListed = new Uint8Array(0);
  /** Run that serves each class now, and first run with room behind it; -1 for none. */
  readonly #current = new Int32Array(CLASS_COUNT).fill(-1);
  readonly #partial = new Int32Array(CLASS_COUNT).fill(-1);
  #pageFreeUnits = new Uint16Array(0);
  /** Pages that may have free units (checked when taken). */
  readonly #pagesWithUnits: number[] = [];
  readonly #freePageNumbers: number[] = [];
  readonly #sparePages: number[] = [];

  constructor() {
    // Page 0 keeps its first unit to itself: no slot has ref 0. The memory is never touched.
    this.#addPage(PAGE_BYTES);
    this.#pageFreeUnits[0] = ALL_UNITS_FREE & ~1;
    this.#pagesWithUnits.push(0);
  }

  /** Bytes that a record of `bytes` really takes. */
  static slotBytes(bytes: number): number {
    return bytes > SLOT_MAX ? (bytes + 7) & ~7 : SLOT_BYTES[classOf(bytes)]!;
  }

  /** Takes a slot of at least `bytes`; its contents are undefined. */
  alloc(bytes: number): number {
    if (bytes > SLOT_MAX) return this.#allocOwnPage(bytes);
    const cls = classOf(bytes);
    let run = this.#current[cls]!;
    if (run < 0 || (this.#runFree[run] === 0 && !this.#hasRoom(run, cls))) run = this.#nextRun(cls);
    this.liveBytes += SLOT_BYTES[cls]!;
    this.#runLive[run]!++;
    const free = this.#runFree[run]!;
    if (free !== 0) {
      this.#runFree[run] = this.words[free >>> PAGE_BITS]![(free & OFFSET_MASK) << 1]!;
      return free;
    }
    const slot = this.#runCarved[run]!++;
    return ((run << UNIT_BITS) + ((slot * SLOT_BYTES[cls]!) >> 3)) | 0;
  }

  free(ref: number): void {
    const unit = ref >>> UNIT_BITS;
    const cls = this.#unitClass[unit]!;
    if (cls === OWN_PAGE) {
      this.#freeOwnPage(ref >>> PAGE_BITS);
      return;
    }
    const run = cls >= FIRST_LARGE ? unit & ~(UNITS_PER_PAGE - 1) : unit;
    this.liveBytes -= SLOT_BYTES[cls]!;
    this.words[ref >>> PAGE_BITS]![(ref & OFFSET_MASK) << 1] = this.#runFree[run]!;
    this.#runFree[run] = ref;
    const live = --this.#runLive[run]!;
    if (run === this.#current[cls]) return;
    if (live === 0) this.#releaseRun(run, cls);
    else if (this.#runListed[run] === 0) this.#listRun(run, cls);
  }

  /** Bytes that the slot of `ref` has. */
  capacity(ref: number): number {
    const cls = this.#unitClass[ref >>> UNIT_BITS]!;
    return cls === OWN_PAGE ? this.pages[ref >>> PAGE_BITS]!.length : SLOT_BYTES[cls]!;
  }

  /** True when a record of `bytes` would get a slot of the same size as the one `ref` has. */
  fits(ref: number, bytes: number): boolean {
    const cls = this.#unitClass[ref >>> UNIT_BITS]!;
    if (bytes > SLOT_MAX || cls === OWN_PAGE) return false;
    return bytes <= SMALL_SLOT_MAX ? CLASS_OF_GRANULES[(bytes + 7) >> 3] === cls : classOf(bytes) === cls;
  }

  #hasRoom(run: number, cls: number): boolean {
    const runBytes = cls >= FIRST_LARGE ? PAGE_BYTES : UNIT_BYTES;
    return (this.#runCarved[run]! + 1) * SLOT_BYTES[cls]! <= runBytes;
  }

  #nextRun(cls: number): number {
    let run = this.#partial[cls]!;
    if (run >= 0) this.#unlistRun(run, cls);
    else run = cls >= FIRST_LARGE ? this.#takePage() * UNITS_PER_PAGE : this.#takeUnit();
    const units = cls >= FIRST_LARGE ? UNITS_PER_PAGE : 1;
    if (this.#runLive[run] === 0) {
      for (let i = 0; i < units; i++) this.#unitClass[run + i] = cls;
      this.#runFree[run] = 0;
      this.#runCarved[run] = 0;
    }
    this.#current[cls] = run;
    return run;
  }

  #listRun(run: number, cls: number): void {
    const head = this.#partial[cls]!;
    this.#runNext[run] = head;
    this.#runPrev[run] = -1;
    if (head >= 0) this.#runPrev[head] = run;
    this.#partial[cls] = run;
    this.#runListed[run] = 1;
  }

  #unlistRun(run: number, cls: number): void {
    const next = this.#runNext[run]!;
    const prev = this.#runPrev[run]!;
    if (next >= 0) this.#runPrev[next] = prev;
    if (prev >= 0) this.#runNext[prev] = next;
    else this.#partial[cls] = next;
    this.#runListed[run] = 0;
  }

  #releaseRun(run: number, cls: number): void {
    if (this.#runListed[run] !== 0) this.#unlistRun(run, cls);
    this.#runFree[run] = 0;
    this.#runCarved[run] = 0;
    const page = Math.floor(run / UNITS_PER_PAGE);
    if (cls >= FIRST_LARGE) {
      this.#releasePage(page);
      return;
    }
    if (this.#pageFreeUnits[page] === 0) this.#pagesWithUnits.push(page);
    this.#pageFreeUnits[page]! |= 1 << (run % UNITS_PER_PAGE);
    if (this.#pageFreeUnits[page] === ALL_UNITS_FREE) {
      this.#pageFreeUnits[page] = 0;
      const at = this.#pagesWithUnits.indexOf(page);
      if (at >= 0) this.#pagesWithUnits.splice(at, 1);
      this.#releasePage(page);
    }
  }

  #takeUnit(): number {
    let page = this.#pagesWithUnits.at(-1);
    if (page === undefined) {
      page = this.#takePage();
      this.#pageFreeUnits[page] = ALL_UNITS_FREE;
      this.#pagesWithUnits.push(page);
    }
    const mask = this.#pageFreeUnits[page]!;
    const unit = 31 - Math.clz32(mask & -mask);
    this.#pageFreeUnits[page] = mask & ~(1 << unit);
    if (this.#pageFreeUnits[page] === 0) this.#pagesWithUnits.pop();
    return page * UNITS_PER_PAGE + unit;
  }

  #takePage(): number {
    return this.#sparePages.pop() ?? this.#addPage(PAGE_BYTES);
  }

  #releasePage(page: number): void {
    if (this.#sparePages.length < SPARE_PAGES) this.#sparePages.push(page);
    else this.#dropPage(page);
  }

  #dropPage(page: number): void {
    this.pageBytes -= this.pages[page]!.length;
    this.pages[page] = NO_BYTES;
    this.words[page] = NO_WORDS;
    this.doubles[page] = NO_DOUBLES;
    this.#freePageNumbers.push(page);
  }

  #addPage(bytes: number): number {
    const page = this.#freePageNumbers.pop() ?? this.pages.length;
    if (page >= MAX_PAGES) throw new ArenaFull('no page number left');
    const memory = new ArrayBuffer(bytes);
    this.pages[page] = new Uint8Array(memory);
    this.words[page] = new Int32Array(memory);
    this.doubles[page] = new Float64Array(memory);
    this.pageBytes += bytes;
    if ((page + 1) * UNITS_PER_PAGE > this.#unitClass.length) this.#growTables();
    return page;
  }

  #growTables(): void {
    const units = Math.max(256, this.#unitClass.length * 2);
    const grown = (old: Int32Array): Int32Array => {
      const table = new Int32Array(units);
      table.set(old);
      return table;
    };
    const bytes = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const table = new Uint8Array(units);
      table.set(old);
      return table;
    };
    this.#unitClass = bytes(this.#unitClass);
    this.#runListed = bytes(this.#runListed);
    this.#runLive = grown(this.#runLive) as Int32Array<ArrayBuffer>;
    this.#runFree = grown(this.#runFree) as Int32Array<ArrayBuffer>;
    this.#runCarved = grown(this.#runCarved) as Int32Array<ArrayBuffer>;
    this.#runNext = grown(this.#runNext) as Int32Array<ArrayBuffer>;
    this.#runPrev = grown(this.#runPrev) as Int32Array<ArrayBuffer>;
    const free = new Uint16Array(units / UNITS_PER_PAGE);
    free.set(this.#pageFreeUnits);
    this.#pageFreeUnits = free;
  }

  #allocOwnPage(bytes: number): number {
    const size = (bytes + 7) & ~7;
    const page = this.#addPage(size);
    this.#unitClass.fill(OWN_PAGE, page * UNITS_PER_PAGE, (page + 1) * UNITS_PER_PAGE);
    this.liveBytes += size;
    return (page << PAGE_BITS) | 0;
  }

  #freeOwnPage(page: number): void {
    this.liveBytes -= this.pages[page]!.length;
    this.#dropPage(page);
  }
}
