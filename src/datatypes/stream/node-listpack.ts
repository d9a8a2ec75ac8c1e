/**
 * A node as the listpack that Redis has in its place, byte for byte, and back: for RDB files, DUMP payloads and full
 * syncs. In it each entry is
 *
 *   flags, ms and sequence number relative to the master id, [number of fields, field, value, ... | value, ...],
 *   number of elements of the entry
 *
 * behind the master entry: living entries, deleted entries, number of fields, fields, 0.
 */
import { type Arena, OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import {
  LP_EMPTY_BYTES,
  LpElement,
  lpClose,
  lpContentSize,
  lpFirst,
  lpGet,
  lpIsEnd,
  lpNext,
  lpValidate,
  lpWriteBacklen,
} from '../../structures/listpack.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import { ELEMENT_HEAD_MAX, listpackIntSize, listpackSize, writeElement, writeIntElement } from './element.ts';
import { compareIds, StreamId } from './id.ts';
import {
  DELETED,
  ENTRY_HEAD_MAX,
  NodeCursor,
  SAME_FIELDS,
  varintSize,
  writeEntryHead,
  writeVarint,
} from './node.ts';
import {
  NODE_HEAD_BYTES,
  W_COUNT,
  W_DELETED,
  W_ENTRIES,
  W_FIELDS,
  W_LAST,
  W_LISTPACK,
  W_MASTER,
  W_USED,
} from './node-head.ts';

/** Bytes of the listpack of a node. */
export function nodeListpackBytes(arena: Arena, ref: number): number {
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  return (
    words[at + W_LISTPACK]! +
    listpackIntSize(0, words[at + W_COUNT]!) +
    listpackIntSize(0, words[at + W_DELETED]!)
  );
}

const cursor = new NodeCursor();

/** Writes an integer as an element of a listpack; returns the position behind it. */
function putInt(b: Uint8Array, p: number, n: number): number {
  const end = writeIntElement(b, p, n);
  return lpWriteBacklen(b, end, end - p);
}

/** The same for the difference of two 64-bit numbers, which wraps around. */
function putDifference(
  b: Uint8Array,
  p: number,
  high: number,
  low: number,
  lessHigh: number,
  lessLow: number,
): number {
  const lo = (low - lessLow) | 0;
  const hi = (high - lessHigh - (low >>> 0 < lessLow >>> 0 ? 1 : 0)) | 0;
  if (hi === lo >> 31) return putInt(b, p, lo);
  b[p] = 0xf4;
  for (let i = 0; i < 4; i++) {
    b[p + 1 + i] = lo >> (8 * i);
    b[p + 5 + i] = hi >> (8 * i);
  }
  return lpWriteBacklen(b, p + 9, 9);
}

/** Writes the listpack of a node at `at`, where nodeListpackBytes bytes are free. */
export function writeNodeListpack(arena: Arena, ref: number, b: Uint8Array, at: number): void {
  cursor.open(arena, ref);
  const { bytes, words } = cursor;
  const head = cursor.at;
  const master = head + W_MASTER;
  const fields = words[head + W_FIELDS]!;
  let count = fields + 4;
  let to = putInt(b, at + LP_EMPTY_BYTES - 1, words[head + W_COUNT]!);
  to = putInt(b, to, words[head + W_DELETED]!);
  to = putInt(b, to, fields);
  let p = cursor.masterFields;
  for (let i = 0; i < fields; i++) {
    const size = lpContentSize(bytes, p);
    copyBytes(bytes, p, size, b, to);
    to = lpWriteBacklen(b, to + size, size);
    p += size;
  }
  to = putInt(b, to, 0);
  while (cursor.step()) {
    const same = (cursor.flags & SAME_FIELDS) !== 0;
    to = putInt(b, to, cursor.flags);
    to = putDifference(b, to, cursor.mh, cursor.ml, words[master]!, words[master + 1]!);
    to = putDifference(b, to, cursor.sh, cursor.sl, words[master + 2]!, words[master + 3]!);
    if (!same) to = putInt(b, to, cursor.fields);
    const texts = same ? cursor.fields : cursor.fields * 2;
    p = cursor.body;
    for (let i = 0; i < texts; i++) {
      const size = lpContentSize(bytes, p);
      copyBytes(bytes, p, size, b, to);
      to = lpWriteBacklen(b, to + size, size);
      p += size;
    }
    to = putInt(b, to, same ? texts + 3 : texts + 4);
    count += texts + (same ? 4 : 5);
  }
  lpClose(b, at, to, count);
}

function wide(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Reads a listpack that may hold anything: what is not as it should be ends in `Corrupt`. */
class Corrupt extends Error {}

class Reader {
  readonly b: Uint8Array;
  #p: number;
  readonly element = new LpElement();

  constructor(b: Uint8Array) {
    this.b = b;
    this.#p = lpFirst(b, 0);
  }

  get done(): boolean {
    return this.#p < 0 || lpIsEnd(this.b, this.#p);
  }

  text(): LpElement {
    if (this.done) throw new Corrupt();
    lpGet(this.b, this.#p, this.element);
    this.#p = lpNext(this.b, this.#p);
    return this.element;
  }

  /** An integer of any size. */
  long(): bigint {
    const { bytes, off, len } = this.text();
    if (len === 0 || len > 20) throw new Corrupt();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + off, len).toString('latin1');
    if (!/^-?\d+$/.test(text)) throw new Corrupt();
    return BigInt(text);
  }

  /** A number of things that are in the listpack, each with an element at least. */
  count(): number {
    const n = Number(this.long());
    if (n < 0 || n > this.b.length) throw new Corrupt();
    return n;
  }
}

/**
 * Makes a node from a listpack, which is checked first. Returns its ref, or 0 when the listpack is not that of a
 * stream's node. (None of its entries need live: a trim by ids may leave such a node.)
 */
export function nodeFromListpack(arena: Arena, master: StreamId, listpack: Uint8Array): number {
  if (listpack.length <= LP_EMPTY_BYTES || !lpValidate(listpack, 0, listpack.length)) return 0;
  try {
    return build(arena, master, new Reader(listpack));
  } catch (thrown) {
    if (thrown instanceof Corrupt) return 0;
    throw thrown;
  }
}

/** An entry of a listpack has four elements at least, of two bytes at least. */
const ENTRY_BYTES_MIN = 8;

function build(arena: Arena, master: StreamId, reader: Reader): number {
  const live = reader.count();
  const deleted = reader.count();
  const fields = reader.count();
  // Room is taken on the word of these numbers.
  if (live + deleted > reader.b.length / ENTRY_BYTES_MIN) throw new Corrupt();
  // An entry takes more room here only by its head; an integer is never longer than its text.
  const most = reader.b.length * 2 + (live + deleted) * (ENTRY_HEAD_MAX + 5) + NODE_HEAD_BYTES;
  let b = new Uint8Array(most);
  const head = new Int32Array(NODE_HEAD_BYTES / 4);
  // Bytes of the listpack that this node makes; not the length of the one read, which may be encoded otherwise.
  let size = LP_EMPTY_BYTES + listpackIntSize(0, fields) + 2;
  const room = (p: number, bytes: number): void => {
    if (p + bytes <= b.length) return;
    const grown = new Uint8Array((p + bytes) * 2);
    grown.set(b);
    b = grown;
  };
  const copy = (p: number): number => {
    const { bytes, off, len } = reader.text();
    room(p, len + ELEMENT_HEAD_MAX + 9);
    const behind = writeElement(b, p, bytes, off, len);
    size += listpackSize(behind - p);
    return behind;
  };
  let p = NODE_HEAD_BYTES;
  for (let i = 0; i < fields; i++) p = copy(p);
  if (reader.long() !== 0n) throw new Corrupt();
  const entriesAt = p;
  master.store(head, W_LAST);
  master.store(head, W_MASTER);
  const id = new StreamId();
  const last = new StreamId().copy(master);
  const masterMs = wide(master.mh, master.ml);
  const masterSeq = wide(master.sh, master.sl);
  let seenLive = 0;
  let seenDeleted = 0;
  for (let first = true; !reader.done; first = false) {
    const flags = Number(reader.long());
    if (flags < 0 || flags > (DELETED | SAME_FIELDS)) throw new Corrupt();
    const ms = reader.long();
    const seq = reader.long();
    setHalves(id, BigInt.asUintN(64, masterMs + ms), BigInt.asUintN(64, masterSeq + seq));
    const order = compareIds(id, last);
    if (order < 0 || (order === 0 && !first)) throw new Corrupt();
    last.copy(id);
    size += 2 + longSize(ms) + longSize(seq);
    const same = (flags & SAME_FIELDS) !== 0;
    const own = same ? fields : reader.count();
    room(p, ENTRY_HEAD_MAX + 10);
    const start = p;
    const isMaster = first && id.mh === master.mh && id.ml === master.ml && sameSeq(id, master);
    p = writeEntryHead(b, start + 1, id, head, W_LAST, isMaster, flags);
    if (!same) p = writeVarint(b, p, own);
    const texts = same ? own : own * 2;
    size += listpackIntSize(0, same ? texts + 3 : texts + 4) + (same ? 0 : listpackIntSize(0, own));
    for (let i = 0; i < texts; i++) p = copy(p);
    if (Number(reader.long()) !== (same ? texts + 3 : texts + 4)) throw new Corrupt();
    const length = p - start - 1;
    const shift = varintSize(length) - 1;
    if (shift > 0) {
      room(p, shift);
      b.copyWithin(start + 1 + shift, start + 1, p);
      p += shift;
    }
    writeVarint(b, start, length);
    id.store(head, W_LAST);
    if ((flags & DELETED) !== 0) seenDeleted++;
    else seenLive++;
  }
  if (seenLive !== live || seenDeleted !== deleted || live + deleted === 0) throw new Corrupt();
  head[W_USED] = p;
  head[W_COUNT] = live;
  head[W_DELETED] = deleted;
  head[W_LISTPACK] = size;
  head[W_FIELDS] = fields;
  head[W_ENTRIES] = entriesAt;
  const ref = arena.alloc(p);
  arena.pages[ref >>> PAGE_BITS]!.set(
    b.subarray(NODE_HEAD_BYTES, p),
    ((ref & OFFSET_MASK) << 3) + NODE_HEAD_BYTES,
  );
  arena.words[ref >>> PAGE_BITS]!.set(head, (ref & OFFSET_MASK) << 1);
  return ref;
}

function longSize(n: bigint): number {
  return listpackIntSize(Number(n >> 32n) | 0, Number(n & 0xffffffffn) | 0);
}

function sameSeq(a: StreamId, b: StreamId): boolean {
  return a.sh === b.sh && a.sl === b.sl;
}

function setHalves(id: StreamId, ms: bigint, seq: bigint): void {
  id.set(
    Number(ms >> 32n) | 0,
    Number(ms & 0xffffffffn) | 0,
    Number(seq >> 32n) | 0,
    Number(seq & 0xffffffffn) | 0,
  );
}
