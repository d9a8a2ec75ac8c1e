/**
 * The arena: memory for records outside the V8 heap.
 *
 * Why: a keyspace of JavaScript objects costs garbage collection time in proportion to its size, ends at
 * 2^24 Map entries and at the old-space limit. Here a record is a range of bytes in a page, known by a 32-bit
 * `ref`, and the collector sees one typed array for each mebibyte.
 *
 * How:
 *   page   1 MiB of memory, seen as bytes (`pages`), as 32-bit words (`words`) and as `doubles`; where pages come
 *          from and go to is page-space.ts.
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
 *
 * A page with few live slots wastes the rest, and only who knows the records can move them: the owner walks through
 * all of them (keyspace/defragment.ts) between `beginEvacuation`, which chooses the sparsest pages and takes nothing
 * from them any more, and `endEvacuation`; `move` gives a record in such a page another slot.
 */
import { ArenaFull, PAGE_BYTES, PageSpace } from './page-space.ts';

export { ArenaFull };

export const PAGE_BITS = 17;
export const OFFSET_MASK = (1 << PAGE_BITS) - 1;
const UNIT_BYTES = 65536;
const UNIT_BITS = 13;
const UNITS_PER_PAGE = 16;
const ALL_UNITS_FREE = 0xffff;
/** Slots up to this size live in runs of one unit. */
const SMALL_SLOT_MAX = 4096;
/** Records above this size get a page of their own. */
export const SLOT_MAX = 65536;

/** What a page is used for: runs of a unit each, one run, a record. */
const PAGE_FREE = 0;
const PAGE_OF_UNITS = 1;
const PAGE_OF_RUN = 2;
const PAGE_OF_RECORD = 3;

/** Value of `#runListed` for a run that is being evacuated: it isn't in the list and mustn't get there. */
const LEAVING = 2;
/** Pages that are fuller than that aren't worth the moving. */
const EVACUATED_SHARE_MAX = 0.9;
/** New pages that the records of an evacuated one may need, in proportion to it. */
const EVACUATED_COST_MAX = 0.5;

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

/** Index of the size class that holds `bytes` (at most SLOT_MAX). */
function classOf(bytes: number): number {
  if (bytes <= SMALL_SLOT_MAX) return CLASS_OF_GRANULES[(bytes + 7) >> 3]!;
  const top = 31 - Math.clz32(bytes - 1);
  const step = (bytes - 1 - (1 << top)) >> (top - 3);
  return 31 + (top - 8) * 8 + step;
}

/** Pages that are evacuated together, as one goes to the system with the other: a slab, or a single page. */
interface PageGroup {
  readonly block: number;
  readonly pages: readonly number[];
  liveBytes: number;
  /** Room in units and pages without a use. */
  freeBytes: number;
  /** Live slots, and slots that could be, by class. */
  readonly live: Int32Array;
  readonly room: Int32Array;
}

export class Arena {
  readonly #space = new PageSpace();
  /** Bytes of each page; index `ref >>> PAGE_BITS`. A page that was given back is an empty array. */
  readonly pages = this.#space.bytes;
  /** The same memory as 32-bit words. */
  readonly words = this.#space.words;
  /** The same memory as 64-bit floating point numbers; every slot begins at one. */
  readonly doubles = this.#space.doubles;
  /** Bytes in slots that are handed out, rounding included. */
  liveBytes = 0;

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
  #pageUse = new Uint8Array(0);
  /** 1: the page is being evacuated. */
  #pageLeaving = new Uint8Array(0);
  readonly #leaving: number[] = [];
  /** Pages that may have free units (checked when taken). */
  readonly #pagesWithUnits: number[] = [];

  constructor() {
    // Page 0 keeps its first unit to itself: no slot has ref 0. The memory is never touched.
    this.#takePage(PAGE_OF_UNITS);
    this.#pageFreeUnits[0] = ALL_UNITS_FREE & ~1;
    this.#pagesWithUnits.push(0);
  }

  /** Bytes of all pages. */
  get pageBytes(): number {
    return this.#space.heldBytes;
  }

  /** Bytes of all buffers; they include memory that was never touched. */
  get reservedBytes(): number {
    return this.#space.reservedBytes;
  }

  /** Bytes of pages that were given back so far. */
  get droppedBytes(): number {
    return this.#space.droppedBytes;
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
    else run = cls >= FIRST_LARGE ? this.#takePage(PAGE_OF_RUN) * UNITS_PER_PAGE : this.#takeUnit();
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
    if (this.#runListed[run] === 1) this.#unlistRun(run, cls);
    this.#runListed[run] = 0;
    this.#runFree[run] = 0;
    this.#runCarved[run] = 0;
    const page = Math.floor(run / UNITS_PER_PAGE);
    if (cls >= FIRST_LARGE) {
      this.#releasePage(page);
      return;
    }
    const listed = this.#pageLeaving[page] === 0;
    if (listed && this.#pageFreeUnits[page] === 0) this.#pagesWithUnits.push(page);
    this.#pageFreeUnits[page]! |= 1 << (run % UNITS_PER_PAGE);
    if (this.#pageFreeUnits[page] === ALL_UNITS_FREE) {
      this.#pageFreeUnits[page] = 0;
      if (listed) this.#pagesWithUnits.splice(this.#pagesWithUnits.lastIndexOf(page), 1);
      this.#releasePage(page);
    }
  }

  #takeUnit(): number {
    let page = this.#pagesWithUnits.at(-1);
    if (page === undefined) {
      page = this.#takePage(PAGE_OF_UNITS);
      this.#pageFreeUnits[page] = ALL_UNITS_FREE;
      this.#pagesWithUnits.push(page);
    }
    const mask = this.#pageFreeUnits[page]!;
    const unit = 31 - Math.clz32(mask & -mask);
    this.#pageFreeUnits[page] = mask & ~(1 << unit);
    if (this.#pageFreeUnits[page] === 0) this.#pagesWithUnits.pop();
    return page * UNITS_PER_PAGE + unit;
  }

  #takePage(use: number): number {
    const page = this.#space.take();
    while (page >= this.#pageUse.length) this.#growTables();
    this.#pageUse[page] = use;
    return page;
  }

  #releasePage(page: number): void {
    this.#pageUse[page] = PAGE_FREE;
    this.#pageLeaving[page] = 0;
    this.#space.release(page);
  }

  #growTables(): void {
    const units = Math.max(256, this.#unitClass.length * 2);
    const grown = (old: Int32Array): Int32Array => {
      const table = new Int32Array(units);
      table.set(old);
      return table;
    };
    const bytes = (old: Uint8Array, length = units): Uint8Array<ArrayBuffer> => {
      const table = new Uint8Array(length);
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
    this.#pageUse = bytes(this.#pageUse, units / UNITS_PER_PAGE);
    this.#pageLeaving = bytes(this.#pageLeaving, units / UNITS_PER_PAGE);
  }

  #allocOwnPage(bytes: number): number {
    const size = (bytes + 7) & ~7;
    const page = this.#space.takeOwn(size);
    while (page >= this.#pageUse.length) this.#growTables();
    this.#pageUse[page] = PAGE_OF_RECORD;
    this.#unitClass.fill(OWN_PAGE, page * UNITS_PER_PAGE, (page + 1) * UNITS_PER_PAGE);
    this.liveBytes += size;
    return (page << PAGE_BITS) | 0;
  }

  #freeOwnPage(page: number): void {
    this.liveBytes -= this.pages[page]!.length;
    this.#pageUse[page] = PAGE_FREE;
    this.#space.dropOwn(page);
  }

  // ------------------------------------------------------------------------------------------ giving back

  /** Gives back what is held only to be used again soon: runs without records, pages kept in reserve. */
  trim(): void {
    for (let cls = 0; cls < CLASS_COUNT; cls++) {
      const run = this.#current[cls]!;
      if (run < 0 || this.#runLive[run] !== 0) continue;
      this.#current[cls] = -1;
      this.#releaseRun(run, cls);
    }
    this.#space.trim();
  }

  /** Lets go of all memory; the arena is not used any more, whoever may still have it. */
  dispose(): void {
    this.#space.dispose();
  }

  /**
   * Chooses the sparsest pages to be emptied by moving their records: as many as the others have room for, and those
   * that would cost less new room than they give back. Returns the bytes to be moved; 0: it isn't worth the effort,
   * and nothing has begun. Costs about a microsecond for each page.
   */
  beginEvacuation(): number {
    this.endEvacuation();
    const groups = this.#survey();
    const room = new Int32Array(CLASS_COUNT);
    const live = new Int32Array(CLASS_COUNT);
    let freeBytes = 0;
    for (const group of groups) {
      for (let cls = 0; cls < CLASS_COUNT; cls++) room[cls]! += group.room[cls]!;
      freeBytes += group.freeBytes;
    }
    const share = (group: PageGroup): number => group.liveBytes / (group.pages.length * PAGE_BYTES);
    groups.sort((a, b) => share(a) - share(b));
    let moved = 0;
    let needed = 0;
    for (const group of groups) {
      if (share(group) > EVACUATED_SHARE_MAX) break;
      // Page 0 stays: its first unit is nobody's.
      if (group.pages[0] === 0) continue;
      let missing = group.freeBytes - freeBytes;
      for (let cls = 0; cls < CLASS_COUNT; cls++) {
        const slots = live[cls]! + group.live[cls]! - (room[cls]! - group.room[cls]!);
        if (slots > 0) missing += slots * SLOT_BYTES[cls]!;
      }
      missing = Math.max(0, missing);
      if (missing - needed > group.pages.length * PAGE_BYTES * EVACUATED_COST_MAX) break;
      needed = missing;
      freeBytes -= group.freeBytes;
      for (let cls = 0; cls < CLASS_COUNT; cls++) {
        live[cls]! += group.live[cls]!;
        room[cls]! -= group.room[cls]!;
      }
      moved += group.liveBytes;
      this.#evacuate(group);
    }
    return moved;
  }

  /** True when the record should be moved. */
  isLeaving(ref: number): boolean {
    return this.#pageLeaving[ref >>> PAGE_BITS] === 1;
  }

  /** Moves a record of at most SLOT_MAX bytes to another slot of the same size; returns its new ref. */
  move(ref: number): number {
    const size = SLOT_BYTES[this.#unitClass[ref >>> UNIT_BITS]!]!;
    const moved = this.alloc(size);
    const from = this.words[ref >>> PAGE_BITS]!;
    const to = this.words[moved >>> PAGE_BITS]!;
    const fromAt = (ref & OFFSET_MASK) << 1;
    const toAt = (moved & OFFSET_MASK) << 1;
    const count = size >> 2;
    if (count > 64) to.set(from.subarray(fromAt, fromAt + count), toAt);
    else for (let i = 0; i < count; i++) to[toAt + i] = from[fromAt + i]!;
    this.free(ref);
    return moved;
  }

  /** Ends an evacuation: pages that still have records serve again. Returns how many bytes they are. */
  endEvacuation(): number {
    let stayed = 0;
    for (const page of this.#leaving) {
      if (this.#pageLeaving[page] === 0) continue;
      this.#pageLeaving[page] = 0;
      stayed += PAGE_BYTES;
      if (this.#pageUse[page] === PAGE_OF_UNITS && this.#pageFreeUnits[page] !== 0)
        this.#pagesWithUnits.push(page);
      this.#eachRun(page, (run, cls) => {
        this.#runListed[run] = 0;
        if (this.#runFree[run] !== 0 || this.#hasRoom(run, cls)) this.#listRun(run, cls);
      });
    }
    for (const page of this.#leaving) this.#space.avoid(this.#space.blockOf(page), false);
    this.#leaving.length = 0;
    return stayed;
  }

  #evacuate(group: PageGroup): void {
    if (this.#space.isSlab(group.block)) this.#space.avoid(group.block, true);
    for (const page of group.pages) {
      if (this.#pageUse[page] === PAGE_FREE) continue;
      this.#leaving.push(page);
      this.#pageLeaving[page] = 1;
      if (this.#pageUse[page] === PAGE_OF_UNITS && this.#pageFreeUnits[page] !== 0) {
        this.#pagesWithUnits.splice(this.#pagesWithUnits.lastIndexOf(page), 1);
      }
      this.#eachRun(page, (run, cls) => {
        if (this.#runListed[run] === 1) this.#unlistRun(run, cls);
        this.#runListed[run] = LEAVING;
        if (this.#current[cls] === run) this.#current[cls] = -1;
        if (this.#runLive[run] === 0) this.#releaseRun(run, cls);
      });
    }
  }

  #survey(): PageGroup[] {
    const space = this.#space;
    const groups: PageGroup[] = [];
    for (let block = 0; block < space.blocks; block++) {
      const first = space.firstPage(block);
      if (space.isSlab(block)) {
        const pages = Array.from({ length: space.carvedPages(block) }, (_, i) => first + i);
        groups.push(this.#surveyPages(block, pages));
        continue;
      }
      for (let page = first; space.blockOf(page) === block; page++) {
        const use = this.#pageUse[page];
        if (use === PAGE_OF_UNITS || use === PAGE_OF_RUN) groups.push(this.#surveyPages(block, [page]));
      }
    }
    return groups;
  }

  #surveyPages(block: number, pages: readonly number[]): PageGroup {
    const live = new Int32Array(CLASS_COUNT);
    const room = new Int32Array(CLASS_COUNT);
    const group = { block, pages, liveBytes: 0, freeBytes: 0, live, room };
    for (const page of pages) {
      let used = 0;
      this.#eachRun(page, (run, cls) => {
        const runBytes = cls >= FIRST_LARGE ? PAGE_BYTES : UNIT_BYTES;
        const count = this.#runLive[run]!;
        group.live[cls]! += count;
        group.room[cls]! += Math.floor(runBytes / SLOT_BYTES[cls]!) - count;
        group.liveBytes += count * SLOT_BYTES[cls]!;
        used += runBytes;
      });
      group.freeBytes += PAGE_BYTES - used;
    }
    return group;
  }

  /** Visits the runs of a page, those without records included; `visit` may release the run. */
  #eachRun(page: number, visit: (run: number, cls: number) => void): void {
    const use = this.#pageUse[page];
    const first = page * UNITS_PER_PAGE;
    if (use === PAGE_OF_RUN) visit(first, this.#unitClass[first]!);
    if (use !== PAGE_OF_UNITS) return;
    const free = this.#pageFreeUnits[page]! | (page === 0 ? 1 : 0);
    for (let unit = 0; unit < UNITS_PER_PAGE; unit++) {
      if ((free & (1 << unit)) === 0) visit(first + unit, this.#unitClass[first + unit]!);
    }
  }
}
