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
  lpEnd,
  lpFirst,
  lpGet,
  lpInit,
  lpInsert,
  lpInsertInt,
  lpIsEnd,
  lpNext,
  lpValidate,
} from '../../structures/listpack.ts';
import { ELEMENT_HEAD_MAX, ElementText, listpackIntSize, listpackSize, writeElement } from './element.ts';
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

const element = new ElementText();

/** Writes the listpack of a node at `at`, where nodeListpackBytes bytes are free. */
export function writeNodeListpack(arena: Arena, ref: number, b: Uint8Array, at: number): void {
  const cursor = new NodeCursor().open(arena, ref);
  const { words } = cursor;
  const head = cursor.at;
  lpInit(b, at);
  const int = (n: number): void => lpInsertInt(b, at, lpEnd(b, at), n);
  const text = (p: number): number => {
    const behind = element.read(cursor.bytes, p);
    lpInsert(b, at, lpEnd(b, at), element.bytes, element.off, element.len);
    return behind;
  };
  const difference = (hi: number, lo: number, masterHi: number, masterLo: number): void => {
    const n = BigInt.asIntN(64, wide(hi, lo) - wide(masterHi, masterLo));
    if (Number.isSafeInteger(Number(n))) int(Number(n));
    else {
      const digits = Buffer.from(n.toString(), 'latin1');
      lpInsert(b, at, lpEnd(b, at), digits, 0, digits.length);
    }
  };
  const fields = words[head + W_FIELDS]!;
  int(words[head + W_COUNT]!);
  int(words[head + W_DELETED]!);
  int(fields);
  let p = cursor.masterFields;
  for (let i = 0; i < fields; i++) p = text(p);
  int(0);
  while (cursor.step()) {
    const same = (cursor.flags & SAME_FIELDS) !== 0;
    int(cursor.flags);
    difference(cursor.mh, cursor.ml, words[head + W_MASTER]!, words[head + W_MASTER + 1]!);
    difference(cursor.sh, cursor.sl, words[head + W_MASTER + 2]!, words[head + W_MASTER + 3]!);
    if (!same) int(cursor.fields);
    const texts = same ? cursor.fields : cursor.fields * 2;
    p = cursor.body;
    for (let i = 0; i < texts; i++) p = text(p);
    int(same ? texts + 3 : texts + 4);
  }
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

function build(arena: Arena, master: StreamId, reader: Reader): number {
  const live = reader.count();
  const deleted = reader.count();
  const fields = reader.count();
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
