/**
 * Sorted sets as other families and the commands see them, whatever their form: a listpack in the entry
 * (zset-packed.ts) or a SortedSet (datatypes/zset/).
 *
 * Every function takes the entry's ref, and its type has been checked. What changes a set needs the entry to be the one
 * found last in `db`, and may give it another ref.
 *
 * What is told besides the result stands in fields of scratch objects (`zsetAdded`): they hold until the next call.
 */
import { SortedSet } from '../datatypes/zset/sorted-set.ts';
import { type Database, ValueView } from '../keyspace/database.ts';
import { ENCODING_MASK, TYPE_ZSET, ZSET_INDEX, ZSET_LISTPACK } from '../keyspace/entry.ts';
import {
  LP_EMPTY_BYTES,
  LpElement,
  lpBytes,
  lpDelete,
  lpEnd,
  lpFind,
  lpFirst,
  lpGet,
  lpInit,
  lpPrev,
} from '../structures/listpack.ts';
import {
  packedCompare,
  packedInsert,
  packedLength,
  packedNext,
  packedPairSize,
  packedPlace,
  packedRankOfScore,
  packedScore,
  packedSeek,
} from './zset-packed.ts';

const PACKED = TYPE_ZSET | ZSET_LISTPACK;
const GROWN = TYPE_ZSET | ZSET_INDEX;

const view = new ValueView();

/** zset-max-listpack-entries and -value. */
export interface ZsetLimits {
  'zset-max-listpack-entries': number;
  'zset-max-listpack-value': number;
}

// Conditions of ZADD, and what came of it.
export const ZSET_NX = 1;
export const ZSET_XX = 2;
export const ZSET_GT = 4;
export const ZSET_LT = 8;
export const ZSET_INCR = 16;
export const ZSET_NOTHING = 0;
export const ZSET_ADDED = 1;
export const ZSET_UPDATED = 2;
/** The score was set to what it was. */
export const ZSET_SAME = 3;
/** The sum is not a number; nothing has changed. */
export const ZSET_NAN = 4;

export function zsetIsPacked(db: Database, ref: number): boolean {
  return (db.meta(ref) & ENCODING_MASK) === ZSET_LISTPACK;
}

/** The set in its grown form. */
export function zsetGrown(db: Database, ref: number): SortedSet {
  return db.collection(ref) as SortedSet;
}

export function zsetLength(db: Database, ref: number): number {
  if (!zsetIsPacked(db, ref)) return zsetGrown(db, ref).size;
  db.locateValue(ref, view);
  return packedLength(view.bytes, view.off);
}

/** Score of a member; NaN if it is not there. */
export function zsetScore(db: Database, ref: number, buf: Uint8Array, off: number, len: number): number {
  if (!zsetIsPacked(db, ref)) {
    const set = zsetGrown(db, ref);
    const found = set.find(buf, off, len);
    return found === 0 ? Number.NaN : set.scoreOf(found);
  }
  db.locateValue(ref, view);
  const { bytes } = view;
  const p = lpFind(bytes, view.off, lpFirst(bytes, view.off), buf, off, len, 1);
  return p < 0 ? Number.NaN : packedScore(bytes, p);
}

/** Rank of a member, or -1. */
export function zsetRank(db: Database, ref: number, buf: Uint8Array, off: number, len: number): number {
  if (!zsetIsPacked(db, ref)) {
    const set = zsetGrown(db, ref);
    const found = set.find(buf, off, len);
    return found === 0 ? -1 : set.rankOf(found);
  }
  db.locateValue(ref, view);
  const { bytes } = view;
  const found = lpFind(bytes, view.off, lpFirst(bytes, view.off), buf, off, len, 1);
  if (found < 0) return -1;
  let rank = 0;
  for (let p = lpFirst(bytes, view.off); p !== found; p = packedNext(bytes, p)) rank++;
  return rank;
}

/** Number of members whose score is below `score`, or (with `inclusive`) not above it: a rank to start at, or end. */
export function zsetRankOfScore(db: Database, ref: number, score: number, inclusive: boolean): number {
  if (!zsetIsPacked(db, ref)) return zsetGrown(db, ref).index.seekScore(score, inclusive);
  db.locateValue(ref, view);
  return packedRankOfScore(view.bytes, view.off, score, inclusive);
}

/**
 * Number of members before these bytes, or (with `inclusive`) not behind them. Where scores differ there is no such
 * order; Redis's small sets are read from the start up to the first member that is behind, and so are ours.
 */
export function zsetRankOfMember(
  db: Database,
  ref: number,
  buf: Uint8Array,
  off: number,
  len: number,
  inclusive: boolean,
): number {
  if (!zsetIsPacked(db, ref)) return zsetGrown(db, ref).index.seekMember(buf, off, len, inclusive);
  db.locateValue(ref, view);
  const { bytes } = view;
  let rank = 0;
  for (let p = lpFirst(bytes, view.off); p >= 0; p = packedNext(bytes, p), rank++) {
    const order = packedCompare(bytes, p, buf, off, len);
    if (order > 0 || (!inclusive && order === 0)) return rank;
  }
  return rank;
}

// ---------------------------------------------------------------------------------------------------- walking

/**
 * Walks over a set from a rank on, in either direction. Member and score of the element are in `bytes`, `off`, `len` and
 * `score`. Good while nothing is stored; only one walk through a grown set at a time.
 */
export class ZsetCursor {
  bytes: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
  score = 0;

  /** The set, where it is a grown one. */
  set: SortedSet | null = null;

  readonly #element = new LpElement();
  readonly #view = new ValueView();
  #p = -1;

  open(db: Database, ref: number): this {
    if (zsetIsPacked(db, ref)) {
      this.set = null;
      db.locateValue(ref, this.#view);
    } else this.set = zsetGrown(db, ref);
    return this;
  }

  /** Over a set that no key has yet. */
  openSet(set: SortedSet): this {
    this.set = set;
    return this;
  }

  /** Goes to the element with this rank; it must be there. */
  seek(rank: number): void {
    if (this.set !== null) this.set.index.seekRank(rank);
    else this.#p = packedSeek(this.#view.bytes, this.#view.off, rank);
    this.#read();
  }

  /** Goes on to the next element; there must be one. */
  forward(): void {
    if (this.set !== null) this.set.index.forward();
    else this.#p = packedNext(this.#view.bytes, this.#p);
    this.#read();
  }

  /** Goes back to the one before; there must be one. */
  backward(): void {
    if (this.set !== null) this.set.index.backward();
    else {
      const { bytes, off } = this.#view;
      this.#p = lpPrev(bytes, off, lpPrev(bytes, off, this.#p));
    }
    this.#read();
  }

  #read(): void {
    const set = this.set;
    if (set !== null) {
      const { index } = set;
      const { ref } = index;
      this.score = index.score;
      this.bytes = set.page(ref);
      this.off = set.memberOffset(ref);
      this.len = set.memberLength(ref);
      return;
    }
    const { bytes } = this.#view;
    const element = lpGet(bytes, this.#p, this.#element);
    this.bytes = element.bytes;
    this.off = element.off;
    this.len = element.len;
    this.score = packedScore(bytes, this.#p);
  }
}

/** Calls `visit` for each element from rank `start` up to `end`; its bytes are lent. For cold code. */
export function zsetEach(
  db: Database,
  ref: number,
  visit: (member: Uint8Array, off: number, len: number, score: number) => void,
  start = 0,
  end = zsetLength(db, ref),
): void {
  if (start >= end) return;
  const cursor = new ZsetCursor().open(db, ref);
  cursor.seek(start);
  for (let rank = start; ; cursor.forward()) {
    visit(cursor.bytes, cursor.off, cursor.len, cursor.score);
    if (++rank >= end) return;
  }
}

// --------------------------------------------------------------------------------------------------- changing

/** What zsetAdd leaves behind: the entry's ref, and the score that the member has now. */
export const zsetAdded = { ref: 0, score: 0 };

let scratch = new Uint8Array(4096);

/**
 * Adds a member, or gives it another score, as ZADD does under the conditions in `flags` (ZSET_NX ...). `ref` is the
 * entry of the key, which was looked up last; 0: it is made. `access` is a new entry's access word.
 */
export function zsetAdd(
  db: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  ref: number,
  flags: number,
  score: number,
  buf: Uint8Array,
  off: number,
  len: number,
  limits: ZsetLimits,
  access: number,
): number {
  zsetAdded.ref = ref;
  if (ref === 0) {
    if ((flags & ZSET_XX) !== 0) return ZSET_NOTHING;
    zsetAdded.score = score;
    zsetAdded.ref = create(db, key, keyOff, keyLen, score, buf, off, len, limits, access);
    return ZSET_ADDED;
  }
  if (zsetIsPacked(db, ref)) {
    return addPacked(db, key, keyOff, keyLen, ref, flags, score, buf, off, len, limits, access);
  }
  const set = zsetGrown(db, ref);
  const found = set.find(buf, off, len);
  if (found === 0) {
    if ((flags & ZSET_XX) !== 0) return ZSET_NOTHING;
    set.add(score, buf, off, len);
    zsetAdded.score = score;
    return ZSET_ADDED;
  }
  const old = set.scoreOf(found);
  const outcome = judge(flags, old, score);
  if (outcome === ZSET_UPDATED) set.setScore(found, zsetAdded.score);
  return outcome;
}

/** What becomes of a member that is there; its new score in `zsetAdded`. */
function judge(flags: number, old: number, score: number): number {
  if ((flags & ZSET_NX) !== 0) return ZSET_NOTHING;
  let to = score;
  if ((flags & ZSET_INCR) !== 0) {
    to += old;
    if (Number.isNaN(to)) return ZSET_NAN;
  }
  if (((flags & ZSET_LT) !== 0 && to >= old) || ((flags & ZSET_GT) !== 0 && to <= old)) return ZSET_NOTHING;
  zsetAdded.score = to;
  return to === old ? ZSET_SAME : ZSET_UPDATED;
}

function create(
  db: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  score: number,
  buf: Uint8Array,
  off: number,
  len: number,
  limits: ZsetLimits,
  access: number,
): number {
  if (limits['zset-max-listpack-entries'] === 0 || len > limits['zset-max-listpack-value']) {
    const set = new SortedSet(db.memory);
    set.find(buf, off, len);
    set.add(score, buf, off, len);
    return db.storeCollection(0, key, keyOff, keyLen, set, GROWN, access, false);
  }
  const size = LP_EMPTY_BYTES + packedPairSize(score, buf, off, len);
  if (scratch.length < size) scratch = new Uint8Array(size);
  lpInit(scratch, 0);
  packedInsert(scratch, 0, lpEnd(scratch, 0), score, buf, off, len);
  return db.storeValue(0, key, keyOff, keyLen, scratch, 0, size, PACKED, access, false);
}

function addPacked(
  db: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  ref: number,
  flags: number,
  score: number,
  buf: Uint8Array,
  off: number,
  len: number,
  limits: ZsetLimits,
  access: number,
): number {
  db.locateValue(ref, view);
  const found = lpFind(view.bytes, view.off, lpFirst(view.bytes, view.off), buf, off, len, 1);
  if (found >= 0) {
    const outcome = judge(flags, packedScore(view.bytes, found), score);
    if (outcome === ZSET_UPDATED) {
      const relative = found - view.off;
      const to = zsetAdded.score;
      const at = db.resizeValue(ref, view.len + packedPairSize(to, buf, off, len), PACKED);
      db.locateValue(at, view);
      lpDelete(view.bytes, view.off, view.off + relative, 2);
      zsetAdded.ref = insertPacked(db, at, to, buf, off, len);
    }
    return outcome;
  }
  if ((flags & ZSET_XX) !== 0) return ZSET_NOTHING;
  zsetAdded.score = score;
  const length = packedLength(view.bytes, view.off);
  if (length + 1 > limits['zset-max-listpack-entries'] || len > limits['zset-max-listpack-value']) {
    const at = zsetGrow(db, key, keyOff, keyLen, ref, access);
    zsetAdded.ref = at;
    const set = zsetGrown(db, at);
    set.find(buf, off, len);
    set.add(score, buf, off, len);
    return ZSET_ADDED;
  }
  const at = db.resizeValue(ref, view.len + packedPairSize(score, buf, off, len), PACKED);
  zsetAdded.ref = insertPacked(db, at, score, buf, off, len);
  return ZSET_ADDED;
}

/** Puts a pair into its place in a listpack whose entry has room for it; gives back what is left. */
function insertPacked(
  db: Database,
  ref: number,
  score: number,
  buf: Uint8Array,
  off: number,
  len: number,
): number {
  db.locateValue(ref, view);
  const { bytes, off: at } = view;
  packedInsert(bytes, at, packedPlace(bytes, at, score, buf, off, len), score, buf, off, len);
  const size = lpBytes(bytes, at);
  return size === view.len ? ref : db.resizeValue(ref, size, PACKED);
}

/** Turns a packed set into a grown one. */
export function zsetGrow(
  db: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  ref: number,
  access: number,
): number {
  const set = new SortedSet(db.memory);
  zsetEach(db, ref, (member, off, len, score) => {
    // A payload that was believed may have a member twice.
    if (set.find(member, off, len) === 0) set.addUnordered(score, member, off, len);
  });
  set.order();
  return db.storeCollection(ref, key, keyOff, keyLen, set, GROWN, access, true);
}

/** Removes a member. Returns the entry's ref, or 0 if it was not there; an empty set is the caller's to remove. */
export function zsetRemove(db: Database, ref: number, buf: Uint8Array, off: number, len: number): number {
  if (!zsetIsPacked(db, ref)) {
    const set = zsetGrown(db, ref);
    const found = set.find(buf, off, len);
    if (found === 0) return 0;
    set.remove(found);
    return ref;
  }
  db.locateValue(ref, view);
  const { bytes, off: at } = view;
  const p = lpFind(bytes, at, lpFirst(bytes, at), buf, off, len, 1);
  if (p < 0) return 0;
  lpDelete(bytes, at, p, 2);
  return db.resizeValue(ref, lpBytes(bytes, at), PACKED);
}

/** Removes `count` elements, which are there, from `rank` on. Returns the entry's ref. */
export function zsetRemoveRange(db: Database, ref: number, rank: number, count: number): number {
  if (count === 0) return ref;
  if (!zsetIsPacked(db, ref)) {
    zsetGrown(db, ref).removeRange(rank, count);
    return ref;
  }
  db.locateValue(ref, view);
  const { bytes, off: at } = view;
  lpDelete(bytes, at, packedSeek(bytes, at, rank), count * 2);
  return db.resizeValue(ref, lpBytes(bytes, at), PACKED);
}

/**
 * Stores a set that was built apart, packed where it is small enough, under the key that was looked up last (`ref`: its
 * old entry, or 0). The set is in order and not empty, and must not be used afterwards.
 */
export function zsetStore(
  db: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  ref: number,
  set: SortedSet,
  limits: ZsetLimits,
  access: number,
): number {
  const cursor = new ZsetCursor().openSet(set);
  if (set.size <= limits['zset-max-listpack-entries']) {
    let size = LP_EMPTY_BYTES;
    let longest = 0;
    cursor.seek(0);
    for (let i = 0; i < set.size; i++) {
      if (i > 0) cursor.forward();
      size += packedPairSize(cursor.score, cursor.bytes, cursor.off, cursor.len);
      longest = Math.max(longest, cursor.len);
    }
    if (longest <= limits['zset-max-listpack-value']) {
      if (scratch.length < size) scratch = new Uint8Array(size);
      lpInit(scratch, 0);
      cursor.seek(0);
      for (let i = 0; i < set.size; i++) {
        if (i > 0) cursor.forward();
        packedInsert(scratch, 0, lpEnd(scratch, 0), cursor.score, cursor.bytes, cursor.off, cursor.len);
      }
      while (set.release(65536));
      return db.storeValue(ref, key, keyOff, keyLen, scratch, 0, size, PACKED, access, false);
    }
  }
  return db.storeCollection(ref, key, keyOff, keyLen, set, GROWN, access, false);
}
