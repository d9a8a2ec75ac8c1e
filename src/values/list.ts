/**
 * Lists in both forms: a listpack in the entry, and a chain of nodes (datatypes/list).
 *
 * Reading needs the entry's ref only. Changing needs the entry to be the one found last, and gives back its ref, which
 * may have changed. A list that has lost its last element stays, empty, until the caller removes its key.
 */
import { type BulkSink, GrownList } from '../datatypes/list/grown-list.ts';
import { type Database, ValueView } from '../keyspace/database.ts';
import { ENCODING_MASK, LIST_NODES, LIST_PACKED, TYPE_LIST } from '../keyspace/entry.ts';
import { replyEntries } from '../resp/listpack-replies.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import {
  LP_EMPTY_BYTES,
  LpElement,
  lpBytes,
  lpDelete,
  lpEncodedSize,
  lpEnd,
  lpEntrySize,
  lpFirst,
  lpGet,
  lpInit,
  lpInsert,
  lpIsSought,
  lpLast,
  lpLength,
  lpNext,
  lpPrev,
  lpReplace,
  lpReply,
  lpSeek,
  lpSeekFor,
} from '../structures/listpack.ts';

const PACKED = TYPE_LIST | LIST_PACKED;
const NODES = TYPE_LIST | LIST_NODES;
const LISTPACK_HEADER = 6;

const view = new ValueView();
const element = new LpElement();
const single = new Uint8Array(8192 + 16);

export function listIsPacked(db: Database, ref: number): boolean {
  return (db.meta(ref) & ENCODING_MASK) === LIST_PACKED;
}

export function listNodes(db: Database, ref: number): GrownList {
  return db.collection(ref) as GrownList;
}

/** Number of elements. */
export function listLength(db: Database, ref: number): number {
  if (!listIsPacked(db, ref)) return listNodes(db, ref).length;
  db.locateValue(ref, view);
  return lpLength(view.bytes, view.off);
}

/**
 * Adds an element at the front or the end. `ref` 0: the list is made, under the key looked up last (whose bytes are
 * needed in any case), with `access` as its clock.
 */
export function listPush(
  db: Database,
  ref: number,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  src: Uint8Array,
  off: number,
  len: number,
  front: boolean,
  access: number,
): number {
  const limits = db.memory.listLimits;
  if (ref === 0) {
    const size = lpEncodedSize(src, off, len);
    const bytes = LP_EMPTY_BYTES + size;
    if (bytes <= limits.packedBytes) {
      lpInit(single, 0);
      lpInsert(single, 0, LISTPACK_HEADER, src, off, len);
      return db.storeValue(0, key, keyOff, keyLen, single, 0, bytes, PACKED, access, false);
    }
    const list = new GrownList(db.memory);
    list.pushBack(src, off, len);
    return db.storeCollection(0, key, keyOff, keyLen, list, NODES, access, false);
  }
  if (!listIsPacked(db, ref)) {
    const list = listNodes(db, ref);
    if (front) list.pushFront(src, off, len);
    else list.pushBack(src, off, len);
    return ref;
  }
  const at = roomInPacked(db, ref, src, off, len, 0);
  if (at === 0) {
    const list = grow(db, ref);
    if (front) list.pushFront(src, off, len);
    else list.pushBack(src, off, len);
    return db.storeCollection(ref, key, keyOff, keyLen, list, NODES, db.access(ref), true);
  }
  const { bytes } = view;
  lpInsert(bytes, view.off, front ? view.off + LISTPACK_HEADER : lpEnd(bytes, view.off), src, off, len);
  return at;
}

/**
 * Gives a packed list room for one more element, in the place of one of `replaced` bytes (0: beside all others).
 * Returns its ref, or 0 if it would become too big.
 */
function roomInPacked(
  db: Database,
  ref: number,
  src: Uint8Array,
  off: number,
  len: number,
  replaced: number,
): number {
  const limits = db.memory.listLimits;
  db.locateValue(ref, view);
  const total = lpBytes(view.bytes, view.off) + lpEncodedSize(src, off, len) - replaced;
  if (total > limits.packedBytes) return 0;
  if (replaced === 0 && lpLength(view.bytes, view.off) >= limits.nodeEntries) return 0;
  if (total <= view.len) return ref;
  const at = db.resizeValue(ref, total, PACKED);
  db.locateValue(at, view);
  return at;
}

/** The grown form of a packed list, which is still to be stored. */
function grow(db: Database, ref: number): GrownList {
  db.locateValue(ref, view);
  return GrownList.fromListpack(db.memory, view.bytes, view.off);
}

/** After a packed list has become shorter: its entry, too, unless it is empty and will go. */
function shrinkPacked(db: Database, ref: number): number {
  const bytes = lpBytes(view.bytes, view.off);
  return bytes === LP_EMPTY_BYTES || bytes === view.len ? ref : db.resizeValue(ref, bytes, PACKED);
}

/** Hands over the first or last element, and removes it. */
export function listPop(db: Database, ref: number, front: boolean, out: BulkSink): number {
  if (!listIsPacked(db, ref)) {
    const list = listNodes(db, ref);
    if (front) list.popFront(out);
    else list.popBack(out);
    return ref;
  }
  db.locateValue(ref, view);
  const { bytes, off } = view;
  const p = front ? lpFirst(bytes, off) : lpLast(bytes, off);
  lpReply(bytes, p, out);
  lpDelete(bytes, off, p, 1);
  return shrinkPacked(db, ref);
}

/** Removes `count` elements (not more than there are) from the front or the end. */
export function listDrop(db: Database, ref: number, front: boolean, count: number): number {
  if (count === 0) return ref;
  if (!listIsPacked(db, ref)) {
    const list = listNodes(db, ref);
    if (front) list.dropFront(count);
    else list.dropBack(count);
    return ref;
  }
  db.locateValue(ref, view);
  const { bytes, off } = view;
  lpDelete(bytes, off, front ? lpFirst(bytes, off) : lpSeek(bytes, off, -count), count);
  return shrinkPacked(db, ref);
}

/** Hands over the element with an index from 0 to the length. */
export function listAt(db: Database, ref: number, index: number, out: BulkSink): void {
  if (!listIsPacked(db, ref)) {
    listNodes(db, ref).at(index, out);
    return;
  }
  db.locateValue(ref, view);
  lpReply(view.bytes, lpSeek(view.bytes, view.off, index), out);
}

/** Replies with `count` elements from `index` on, all of which must be there, as bulk strings. */
export function listReply(db: Database, ref: number, index: number, count: number, out: ReplyWriter): void {
  if (count <= 0) return;
  if (!listIsPacked(db, ref)) {
    listNodes(db, ref).reply(index, count, out);
    return;
  }
  db.locateValue(ref, view);
  replyEntries(out, view.bytes, lpSeek(view.bytes, view.off, index), count);
}

/** Puts another element in the place of one. */
export function listSet(
  db: Database,
  ref: number,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  index: number,
  src: Uint8Array,
  off: number,
  len: number,
): number {
  if (!listIsPacked(db, ref)) {
    listNodes(db, ref).set(index, src, off, len);
    return ref;
  }
  db.locateValue(ref, view);
  const replaced = lpEntrySize(view.bytes, lpSeek(view.bytes, view.off, index));
  const at = roomInPacked(db, ref, src, off, len, replaced);
  if (at === 0) {
    const list = grow(db, ref);
    list.set(index, src, off, len);
    return db.storeCollection(ref, key, keyOff, keyLen, list, NODES, db.access(ref), true);
  }
  lpReplace(view.bytes, view.off, lpSeek(view.bytes, view.off, index), src, off, len);
  return shrinkPacked(db, at);
}

/** Inserts an element before the one with this index. */
export function listInsert(
  db: Database,
  ref: number,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  index: number,
  src: Uint8Array,
  off: number,
  len: number,
): number {
  if (!listIsPacked(db, ref)) {
    listNodes(db, ref).insert(index, src, off, len);
    return ref;
  }
  const at = roomInPacked(db, ref, src, off, len, 0);
  if (at === 0) {
    const list = grow(db, ref);
    list.insert(index, src, off, len);
    return db.storeCollection(ref, key, keyOff, keyLen, list, NODES, db.access(ref), true);
  }
  const { bytes, off: start } = view;
  const p = lpSeek(bytes, start, index);
  lpInsert(bytes, start, p < 0 ? lpEnd(bytes, start) : p, src, off, len);
  return at;
}

/**
 * Removes up to `limit` elements (0: all) that are these bytes, from the front or from the end. Returns how many. The
 * entry keeps its ref if none are left.
 */
export function listRemove(
  db: Database,
  ref: number,
  src: Uint8Array,
  off: number,
  len: number,
  limit: number,
  fromEnd: boolean,
): number {
  if (!listIsPacked(db, ref)) {
    return listNodes(db, ref).remove(src, off, len, limit, fromEnd);
  }
  db.locateValue(ref, view);
  const { bytes, off: start } = view;
  let removed = 0;
  let p = fromEnd ? lpPrev(bytes, start, lpEnd(bytes, start)) : lpFirst(bytes, start);
  lpSeekFor(src, off, len);
  while (p >= 0 && (limit === 0 || removed < limit)) {
    const before = fromEnd ? lpPrev(bytes, start, p) : -1;
    if (lpIsSought(bytes, p, src, off)) {
      lpDelete(bytes, start, p, 1);
      removed++;
      p = fromEnd ? before : p === lpEnd(bytes, start) ? -1 : p;
    } else p = fromEnd ? before : lpNext(bytes, p);
  }
  shrinkPacked(db, ref);
  return removed;
}

/**
 * Visits all elements, from the front or from the end, until `visit` returns false. The element is good during the
 * visit only, and nothing may be asked of other lists meanwhile.
 */
export function listEach(
  db: Database,
  ref: number,
  visit: (element: LpElement, index: number) => boolean,
  fromEnd = false,
): void {
  if (!listIsPacked(db, ref)) {
    listNodes(db, ref).each(fromEnd, (node, p, index) => visit(node.get(p, element), index));
    return;
  }
  const packed = new ValueView();
  db.locateValue(ref, packed);
  const { bytes, off } = packed;
  let index = fromEnd ? lpLength(bytes, off) - 1 : 0;
  let p = fromEnd ? lpLast(bytes, off) : lpFirst(bytes, off);
  while (p >= 0) {
    if (!visit(lpGet(bytes, p, element), index)) return;
    index += fromEnd ? -1 : 1;
    p = fromEnd ? lpPrev(bytes, off, p) : lpNext(bytes, p);
  }
}

/** Visits the indexes of the elements that are these bytes, among the `limit` first ones (0: all) from either end. */
export function listMatches(
  db: Database,
  ref: number,
  src: Uint8Array,
  off: number,
  len: number,
  fromEnd: boolean,
  limit: number,
  visit: (index: number) => boolean,
): void {
  if (!listIsPacked(db, ref)) {
    listNodes(db, ref).matches(src, off, len, fromEnd, limit, visit);
    return;
  }
  let left = limit;
  db.locateValue(ref, view);
  const { bytes, off: start } = view;
  let index = fromEnd ? lpLength(bytes, start) - 1 : 0;
  let p = fromEnd ? lpLast(bytes, start) : lpFirst(bytes, start);
  lpSeekFor(src, off, len);
  while (p >= 0) {
    if (lpIsSought(bytes, p, src, off) && !visit(index)) return;
    if (--left === 0) return;
    index += fromEnd ? -1 : 1;
    p = fromEnd ? lpPrev(bytes, start, p) : lpNext(bytes, p);
  }
}
