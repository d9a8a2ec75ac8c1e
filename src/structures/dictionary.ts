/**
 * A dictionary from 32-bit hashes to 32-bit refs, off the V8 heap.
 *
 * Slots are pairs (hash, ref) in an Int32Array; ref 0 means empty. A slot's home is given by the top bits of
 * its hash and collisions go to the next slot in hash order, so the whole table is sorted by hash, with gaps.
 * Three things follow:
 *   - a lookup stops as soon as it meets a greater hash;
 *   - a scan cursor is simply the next hash to look at, and stays valid while the table grows and shrinks:
 *     what is present throughout is returned exactly once;
 *   - growing and splitting are one sequential pass.
 *
 * The table is a directory of segments, each holding the hashes of one prefix (extendible hashing). A segment
 * doubles until it has 2^16 slots, then it splits in two. No step moves more than 2^16 slots (under a
 * millisecond), however many entries there are, so there is no table-wide rehash to spread over time.
 *
 * Being sorted has a price: whoever walks through the table and removes what he sees (SCAN and DEL, the expire
 * cycle), or fills another one in that order (SCAN and COPY, reloading a snapshot), leaves entries that crowd in
 * one part of the hashes. In a table sized by their number alone they would form one cluster, and each step would
 * cost its length. So what decides is how far entries are from home: segments split when they crowd, and don't
 * shrink while they would.
 *
 * The dictionary knows nothing of keys: callers walk the candidates of a hash with `first` and `next` and
 * compare what `ref` stands for. After `first`/`next`/`insert`, `segment` and `index` name the slot found last.
 */

import { type Random, randomBelow } from '../util/random.ts';
import { TABLE_WORDS, type TablePool } from './table-pool.ts';

const MIN_BITS = 3;
const MAX_BITS = 16;
/**
 * Farthest that an entry may be from its home: for an insertion, which splits the segment otherwise (evenly
 * spread hashes stay far below), and in a segment that has just been shrunk.
 */
const INSERT_DISTANCE_MAX = 512;
const SHRINK_DISTANCE_MAX = 32;
/** Segments of more than so many bits of prefix aren't split because of a crowd: those hashes are all but equal. */
const CROWD_DEPTH_MAX = 16;

/** Slots of a segment that are tried by lot before its entries are counted off instead. */
const UNIFORM_TRIES = 64;

/** Home slots for one prefix of the hash. */
class Segment {
  readonly bits: number;
  /** How many top bits of the hash all entries here share. */
  readonly depth: number;
  slots: Int32Array;
  /** Slots in all, the overflow behind the last home included. */
  readonly total: number;
  readonly maxCount: number;
  count = 0;
  /** With fewer entries it may be shrunk. */
  shrinkBelow: number;

  constructor(pool: TablePool | null, bits: number, depth: number, overflow = Math.max(8, (1 << bits) >> 7)) {
    const homes = 1 << bits;
    this.bits = bits;
    this.depth = depth;
    this.total = homes + overflow;
    const words = this.total * 2;
    this.slots = pool !== null && words === TABLE_WORDS ? pool.take(this) : new Int32Array(words);
    this.maxCount = homes - (homes >> 3);
    this.shrinkBelow = homes >> 3;
  }

  /** Gives its table back; it is not used any more. */
  release(pool: TablePool | null): void {
    if (pool !== null && this.slots.length === TABLE_WORDS) pool.give(this);
  }

  home(hash: number): number {
    return (hash << this.depth) >>> (32 - this.bits);
  }
}

export class Dictionary {
  /** Number of entries. */
  count = 0;
  /** Bytes of all slot tables. */
  bytes: number;
  /** Slot that `first` or `next` found. */
  segment: Segment;
  index = 0;

  #directory: Segment[];
  /** 31 - depth of the directory: `(hash >>> 1) >>> shift` is the directory index. */
  #shift = 31;

  readonly #pool: TablePool | null;

  /** Big tables come from `pool`, if there is one; `clear` gives them back. */
  constructor(pool: TablePool | null = null) {
    this.#pool = pool;
    const segment = new Segment(pool, MIN_BITS, 0);
    this.#directory = [segment];
    this.segment = segment;
    this.bytes = segment.slots.length * 4;
  }

  /** Finds the first entry with this hash; returns its ref, or 0. */
  first(hash: number): number {
    const segment = this.#directory[(hash >>> 1) >>> this.#shift]!;
    const slots = segment.slots;
    const total = segment.total;
    let i = (hash << segment.depth) >>> (32 - segment.bits);
    for (; i < total; i++) {
      const ref = slots[i * 2 + 1]!;
      if (ref === 0) return 0;
      const h = slots[i * 2]!;
      if (h === hash) {
        this.segment = segment;
        this.index = i;
        return ref;
      }
      if (h >>> 0 > hash >>> 0) return 0;
    }
    return 0;
  }

  /** Finds the next entry with the same hash after the slot found last. */
  next(hash: number): number {
    const i = this.index + 1;
    const segment = this.segment;
    if (i >= segment.total || segment.slots[i * 2] !== hash) return 0;
    const ref = segment.slots[i * 2 + 1]!;
    if (ref !== 0) this.index = i;
    return ref;
  }

  /** Finds the slot that holds exactly this ref; true if there is one. */
  locate(hash: number, ref: number): boolean {
    for (let found = this.first(hash); found !== 0; found = this.next(hash)) if (found === ref) return true;
    return false;
  }

  /** Replaces the ref in the slot found last (the record has moved). */
  setRef(ref: number): void {
    this.segment.slots[this.index * 2 + 1] = ref;
  }

  /** Adds an entry, which becomes the one found last; the caller has made sure that its key is not there. */
  insert(hash: number, ref: number): void {
    for (;;) {
      const segment = this.#directory[(hash >>> 1) >>> this.#shift]!;
      const index = segment.count < segment.maxCount ? place(segment, hash, ref) : -1;
      if (index >= 0) {
        this.segment = segment;
        this.index = index;
        break;
      }
      this.#grow(segment, hash);
    }
    this.count++;
  }

  /** Removes the slot found last. */
  remove(): void {
    const segment = this.segment;
    const slots = segment.slots;
    const last = segment.total - 1;
    let i = this.index;
    const hash = slots[i * 2]!;
    for (; i < last; i++) {
      const h = slots[i * 2 + 2]!;
      const ref = slots[i * 2 + 3]!;
      if (ref === 0 || segment.home(h) > i) break;
      slots[i * 2] = h;
      slots[i * 2 + 1] = ref;
    }
    slots[i * 2] = 0;
    slots[i * 2 + 1] = 0;
    segment.count--;
    this.count--;
    if (segment.count < segment.shrinkBelow) this.#shrink(segment, hash);
  }

  clear(): void {
    this.#releaseAll();
    const segment = new Segment(this.#pool, MIN_BITS, 0);
    this.#directory = [segment];
    this.#shift = 31;
    this.segment = segment;
    this.index = 0;
    this.count = 0;
    this.bytes = segment.slots.length * 4;
  }

  /**
   * Visits entries in the order of their hashes, from hash `cursor` on, until `visit` returns false and the
   * next entry has another hash. Returns the cursor to go on with; 0 when the end was reached. `visit` must
   * not insert or remove.
   */
  scan(cursor: number, visit: (ref: number, hash: number) => boolean): number {
    let stopAt = -1;
    let at = cursor >>> 0;
    while (at < 0x1_0000_0000) {
      const segment = this.#directory[(at >>> 1) >>> this.#shift]!;
      const slots = segment.slots;
      for (let i = segment.home(at | 0); i < segment.total; i++) {
        const ref = slots[i * 2 + 1]!;
        if (ref === 0) continue;
        const hash = slots[i * 2]! >>> 0;
        if (hash < at) continue;
        if (stopAt >= 0 && hash !== stopAt) return hash;
        if (!visit(ref, hash | 0)) stopAt = hash;
      }
      at = segmentEnd(segment, at);
    }
    return 0;
  }

  /** Position of a random entry: sets `segment` and `index`; returns the ref, or 0 when empty. */
  random(random32: number): number {
    if (this.count === 0) return 0;
    let at = random32 >>> 0;
    let start = this.#directory[(at >>> 1) >>> this.#shift]!.home(at | 0);
    for (;;) {
      const segment = this.#directory[(at >>> 1) >>> this.#shift]!;
      if (segment.count > 0) {
        for (let i = start; i < segment.total; i++) {
          const ref = segment.slots[i * 2 + 1]!;
          if (ref === 0) continue;
          this.segment = segment;
          this.index = i;
          return ref;
        }
      }
      start = 0;
      at = segmentEnd(segment, at);
      if (at >= 0x1_0000_0000) at = 0;
    }
  }

  /**
   * A random entry, each as likely as any other: sets `segment` and `index`; returns the ref, or 0 when empty. (`random`
   * is cheaper in a table of many segments, but prefers entries behind a gap.)
   */
  uniform(random: Random): number {
    if (this.count === 0) return 0;
    let segment = this.#directory[0]!;
    if (segment.depth > 0) {
      // Which segment: by its number of entries. There is one for each 30,000 entries or so.
      const depth = 31 - this.#shift;
      let rank = randomBelow(random, this.count);
      for (let at = 0; rank >= segment.count; segment = this.#directory[at]!) {
        rank -= segment.count;
        at += 1 << (depth - segment.depth);
      }
    }
    const { slots, total } = segment;
    for (let tries = 0; tries < UNIFORM_TRIES; tries++) {
      const i = randomBelow(random, total);
      if (slots[i * 2 + 1] !== 0) return this.#found(segment, i);
    }
    let rank = randomBelow(random, segment.count);
    for (let i = 0; ; i++) if (slots[i * 2 + 1] !== 0 && rank-- === 0) return this.#found(segment, i);
  }

  #found(segment: Segment, index: number): number {
    this.segment = segment;
    this.index = index;
    return segment.slots[index * 2 + 1]!;
  }

  /** A dictionary with the same hashes; `copy` gives the ref that stands for each ref there. */
  clone(copy: (ref: number) => number): Dictionary {
    const made = new Dictionary(this.#pool);
    made.#shift = this.#shift;
    made.#directory = [];
    made.bytes = this.bytes;
    made.count = this.count;
    let previous: Segment | null = null;
    let segment = made.segment;
    for (const from of this.#directory) {
      if (from !== previous) segment = copied(this.#pool, from, copy);
      made.#directory.push(segment);
      previous = from;
    }
    made.segment = segment;
    return made;
  }

  /**
   * Makes an empty dictionary large enough for so many entries: who fills it in the order of hashes (from another
   * dictionary) would crowd a table that grows meanwhile.
   */
  reserve(count: number): void {
    if (this.count > 0) return;
    let bits = MIN_BITS;
    while (count > 2 ** bits * 0.8) bits++;
    const depth = Math.max(0, bits - MAX_BITS);
    this.#releaseAll();
    this.#directory = [];
    this.#shift = 31 - depth;
    this.bytes = 0;
    for (let i = 0; i < 2 ** depth; i++) {
      const segment = new Segment(this.#pool, Math.min(bits, MAX_BITS), depth);
      this.#directory.push(segment);
      this.bytes += segment.slots.length * 4;
    }
    this.segment = this.#directory[0]!;
    this.index = 0;
  }

  /** The segment that has the home of this hash (unsigned). */
  segmentOf(hash: number): Segment {
    return this.#directory[(hash >>> 1) >>> this.#shift]!;
  }

  /** Moves on from the slot found last to the next entry, over the end to the start; returns its ref. */
  following(): number {
    const slots = this.segment.slots;
    for (let i = this.index + 1; i < this.segment.total; i++) {
      if (slots[i * 2 + 1] !== 0) {
        this.index = i;
        return slots[i * 2 + 1]!;
      }
    }
    const prefixEnd = segmentEnd(this.segment, slots[this.index * 2]! >>> 0);
    return this.random(prefixEnd >= 0x1_0000_0000 ? 0 : prefixEnd);
  }

  /** Hash in the slot found last. */
  get hash(): number {
    return this.segment.slots[this.index * 2]!;
  }

  /** Number of home slots, as DEBUG HTSTATS and MEMORY STATS report it. */
  get slotCount(): number {
    let slots = 0;
    this.#eachSegment((segment) => {
      slots += 1 << segment.bits;
    });
    return slots;
  }

  /** How many home slots have 0, 1, 2 ... entries (DEBUG HTSTATS). Looks at all of them. */
  homeCounts(): number[] {
    const counts: number[] = [0];
    this.#eachSegment((segment) => {
      const homes = new Uint32Array(1 << segment.bits);
      for (let i = 0; i < segment.total; i++) {
        if (segment.slots[i * 2 + 1] !== 0) homes[segment.home(segment.slots[i * 2]!)]!++;
      }
      for (const entries of homes) {
        while (counts.length <= entries) counts.push(0);
        counts[entries]!++;
      }
    });
    return counts;
  }

  #eachSegment(visit: (segment: Segment) => void): void {
    let previous: Segment | null = null;
    for (const segment of this.#directory) {
      if (segment !== previous) visit(segment);
      previous = segment;
    }
  }

  #releaseAll(): void {
    if (this.#pool !== null) this.#eachSegment((segment) => segment.release(this.#pool));
  }

  #grow(segment: Segment, hash: number): void {
    if (segment.bits < MAX_BITS) {
      this.#replace(segment, hash, build(this.#pool, [segment], segment.bits + 1, segment.depth));
      return;
    }
    const depth = segment.depth + 1;
    if (31 - this.#shift < depth) this.#doubleDirectory();
    const half = 1 << (31 - segment.depth);
    const low = build(this.#pool, [segment], MAX_BITS, depth, half, 0);
    const high = build(this.#pool, [segment], MAX_BITS, depth, half, half);
    this.bytes += (low.slots.length + high.slots.length - segment.slots.length) * 4;
    const span = 1 << (31 - this.#shift - depth);
    const start = Math.floor(((hash >>> 1) >>> this.#shift) / (span * 2)) * span * 2;
    this.#directory.fill(low, start, start + span);
    this.#directory.fill(high, start + span, start + span * 2);
    this.segment = low;
    this.index = 0;
    segment.release(this.#pool);
  }

  #doubleDirectory(): void {
    const doubled: Segment[] = [];
    for (const segment of this.#directory) doubled.push(segment, segment);
    this.#directory = doubled;
    this.#shift--;
  }

  #replace(old: Segment, hash: number, by: Segment): void {
    const span = 1 << (31 - this.#shift - old.depth);
    const start = Math.floor(((hash >>> 1) >>> this.#shift) / span) * span;
    this.#directory.fill(by, start, start + span);
    this.bytes += (by.slots.length - old.slots.length) * 4;
    this.segment = by;
    this.index = 0;
    old.release(this.#pool);
  }

  /** Merges two thin sister segments, or halves the only one; not if the entries would crowd. */
  #shrink(segment: Segment, hash: number): void {
    if (segment.depth === 0) {
      if (segment.bits <= MIN_BITS) return;
      const halved = shrunk(this.#pool, segment, [segment], segment.bits - 1, 0);
      if (halved !== null) this.#replace(segment, hash, halved);
      return;
    }
    const span = 1 << (31 - this.#shift - segment.depth);
    const mine = Math.floor(((hash >>> 1) >>> this.#shift) / span);
    const sister = this.#directory[(mine ^ 1) * span]!;
    if (sister.depth !== segment.depth || (sister.count + segment.count) * 3 > 1 << MAX_BITS) return;
    const inOrder = mine & 1 ? [sister, segment] : [segment, sister];
    const merged = shrunk(this.#pool, segment, inOrder, MAX_BITS, segment.depth - 1);
    if (merged === null) return;
    const start = (mine & ~1) * span;
    this.#directory.fill(merged, start, start + span * 2);
    this.bytes += (merged.slots.length - segment.slots.length - sister.slots.length) * 4;
    this.segment = merged;
    this.index = 0;
    segment.release(this.#pool);
    sister.release(this.#pool);
    this.#halveDirectory();
  }

  #halveDirectory(): void {
    while (this.#shift < 31) {
      for (let i = 0; i < this.#directory.length; i += 2) {
        if (this.#directory[i] !== this.#directory[i + 1]) return;
      }
      this.#directory = this.#directory.filter((_, i) => (i & 1) === 0);
      this.#shift++;
    }
  }
}

function copied(pool: TablePool | null, from: Segment, copy: (ref: number) => number): Segment {
  const segment = new Segment(pool, from.bits, from.depth, from.total - (1 << from.bits));
  segment.count = from.count;
  segment.shrinkBelow = from.shrinkBelow;
  for (let i = 0; i < from.total; i++) {
    const ref = from.slots[i * 2 + 1]!;
    if (ref === 0) continue;
    segment.slots[i * 2] = from.slots[i * 2]!;
    segment.slots[i * 2 + 1] = copy(ref);
  }
  return segment;
}

/**
 * A walk through all entries in the order of their hashes, for those who look at several dictionaries at once; as
 * hashes come in the same order everywhere, lookups of them in another dictionary go through its memory from one end to
 * the other. Nothing may be inserted or removed meanwhile.
 */
export class DictionaryWalk {
  /** Of the entry that `next` came to. */
  ref = 0;
  hash = 0;
  #dict: Dictionary | null = null;
  #segment: Segment | null = null;
  #index = 0;
  #at = 0;

  start(dict: Dictionary): void {
    this.#dict = dict;
    this.#segment = dict.segmentOf(0);
    this.#index = -1;
    this.#at = 0;
  }

  /** Comes to the next entry and returns its ref; 0 at the end. */
  next(): number {
    let segment = this.#segment;
    while (segment !== null) {
      const { slots, total } = segment;
      let i = this.#index + 1;
      while (i < total && slots[i * 2 + 1] === 0) i++;
      if (i < total) {
        this.#index = i;
        this.hash = slots[i * 2]!;
        this.ref = slots[i * 2 + 1]!;
        return this.ref;
      }
      this.#at = segmentEnd(segment, this.#at);
      segment = this.#at >= 0x1_0000_0000 ? null : this.#dict!.segmentOf(this.#at);
      this.#segment = segment;
      this.#index = -1;
    }
    // What has been walked through may be freed.
    this.#dict = null;
    this.ref = 0;
    return 0;
  }
}

/** Puts (hash, ref) in its place in hash order; returns its slot, or -1 when there is no good place. */
function place(segment: Segment, hash: number, ref: number): number {
  const slots = segment.slots;
  const total = segment.total;
  const home = segment.home(hash);
  let i = home;
  while (i < total && slots[i * 2 + 1] !== 0 && slots[i * 2]! >>> 0 <= hash >>> 0) i++;
  if (i - home > INSERT_DISTANCE_MAX && segment.depth < CROWD_DEPTH_MAX) return -1;
  let end = i;
  while (end < total && slots[end * 2 + 1] !== 0) end++;
  if (end >= total) return -1;
  for (let j = end * 2; j > i * 2; j -= 2) {
    slots[j] = slots[j - 2]!;
    slots[j + 1] = slots[j - 1]!;
  }
  slots[i * 2] = hash;
  slots[i * 2 + 1] = ref;
  segment.count++;
  return i;
}

/** First hash behind the prefix of `segment`, which holds `hash`; 2^32 behind the last one. */
function segmentEnd(segment: Segment, hash: number): number {
  const width = 2 ** (32 - segment.depth);
  return Math.floor(hash / width) * width + width;
}

/**
 * Makes a segment of the entries of `sources` (in hash order) whose hash has `bit` where `mask` is set. Should
 * an unlikely crowd at the end not fit into the overflow area, a larger one is taken.
 */
function build(
  pool: TablePool | null,
  sources: Segment[],
  bits: number,
  depth: number,
  mask = 0,
  bit = 0,
): Segment {
  let segment = new Segment(pool, bits, depth);
  while (!fill(segment, sources, mask, bit)) {
    segment.release(pool);
    segment = new Segment(pool, bits, depth, (segment.total - (1 << bits)) * 4);
  }
  return segment;
}

/**
 * The entries of `sources` in a smaller segment; null if they would crowd. `thin` is not asked again then until
 * an eighth of its entries is gone.
 */
function shrunk(
  pool: TablePool | null,
  thin: Segment,
  sources: Segment[],
  bits: number,
  depth: number,
): Segment | null {
  const segment = new Segment(pool, bits, depth);
  if (fill(segment, sources, 0, 0, SHRINK_DISTANCE_MAX)) return segment;
  segment.release(pool);
  thin.shrinkBelow = thin.count - (thin.count >> 3);
  return null;
}

/** Returns false when an entry would come to stand behind the end, or more than `distance` from its home. */
function fill(to: Segment, sources: Segment[], mask: number, bit: number, distance = 1 << MAX_BITS): boolean {
  let free = 0;
  for (const from of sources) {
    for (let i = 0; i < from.total; i++) {
      const ref = from.slots[i * 2 + 1]!;
      const hash = from.slots[i * 2]!;
      if (ref === 0 || (hash & mask) !== bit) continue;
      const home = to.home(hash);
      const at = Math.max(home, free);
      if (at >= to.total || at - home > distance) return false;
      to.slots[at * 2] = hash;
      to.slots[at * 2 + 1] = ref;
      to.count++;
      free = at + 1;
    }
  }
  return true;
}
