/**
 * A node of a stream: entries with consecutive ids, in one slot of the arena.
 *
 * Redis keeps a node as a listpack. We keep the same node (the same entries, the same master fields, the same
 * boundaries, so that `~` trimming, XINFO and files agree) in a denser form, without what a listpack needs to be read
 * backward and what can be computed: for short values about half the bytes. `node-listpack.ts` turns one into the
 * other.
 *
 *   14 words    the head (node-head.ts)
 *   then        the master fields, as elements (element.ts)
 *   then        the entries:
 *     varint    bytes of what follows
 *     mode      bits 0-1: flags as in Redis (DELETED, SAME_FIELDS); bits 2-4: how the id is told
 *     id        AFTER_PREVIOUS: previous id plus one, in the same millisecond (nothing follows); NEXT_MS: varint of ms
 *               since the previous id, sequence number 0; DELTA: the same and a varint of the sequence number;
 *               FIRST: the master id; WHOLE: four words
 *     fields    unless SAME_FIELDS: varint of their number; then field, value, field, value as elements. Otherwise
 *               the values only.
 *
 * So an entry that comes in the same millisecond as the one before it has two bytes beside its values. Nodes that are
 * full are packed further: sealed-node.ts. A cursor reads both.
 */
import { type Arena, OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { StreamId } from './id.ts';
import { NODE_HEAD_BYTES, W_COUNT, W_DELETED, W_ENTRIES, W_FIELDS, W_MASTER, W_USED } from './node-head.ts';
import { isSealed, Unsealed, unsealed } from './sealed-node.ts';

export const DELETED = 1;
export const SAME_FIELDS = 2;
const ID_SHIFT = 2;
const AFTER_PREVIOUS = 0;
const NEXT_MS = 1;
const DELTA = 2;
const FIRST = 3;
const WHOLE = 4;
/** The most that mode and id take. */
export const ENTRY_HEAD_MAX = 17;

export function writeVarint(b: Uint8Array, p: number, n: number): number {
  while (n >>> 0 > 127) {
    b[p++] = (n & 127) | 128;
    n >>>= 7;
  }
  b[p] = n;
  return p + 1;
}

export function varintSize(n: number): number {
  let size = 1;
  for (let rest = n >>> 7; rest !== 0; rest >>>= 7) size++;
  return size;
}

function writeWhole(b: Uint8Array, p: number, word: number): number {
  b[p] = word & 255;
  b[p + 1] = (word >> 8) & 255;
  b[p + 2] = (word >> 16) & 255;
  b[p + 3] = (word >> 24) & 255;
  return p + 4;
}

function readWhole(b: Uint8Array, p: number): number {
  return b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24);
}

/**
 * Writes mode and id of an entry that comes after the one with the id at `words[last]`; `first`: it is the node's
 * first. Returns the position behind them.
 */
export function writeEntryHead(
  b: Uint8Array,
  p: number,
  id: StreamId,
  words: Int32Array,
  last: number,
  first: boolean,
  flags: number,
): number {
  if (first) {
    b[p] = flags | (FIRST << ID_SHIFT);
    return p + 1;
  }
  const lastMl = words[last + 1]!;
  const sameHigh = id.mh === words[last]! && id.ml >>> 0 >= lastMl >>> 0;
  if (sameHigh && id.ml === lastMl && id.sh === words[last + 2]! && id.sl === ((words[last + 3]! + 1) | 0)) {
    b[p] = flags | (AFTER_PREVIOUS << ID_SHIFT);
    return p + 1;
  }
  if (sameHigh && id.sh === 0) {
    const delta = (id.ml - lastMl) | 0;
    if (id.sl === 0) {
      b[p] = flags | (NEXT_MS << ID_SHIFT);
      return writeVarint(b, p + 1, delta);
    }
    b[p] = flags | (DELTA << ID_SHIFT);
    return writeVarint(b, writeVarint(b, p + 1, delta), id.sl);
  }
  b[p] = flags | (WHOLE << ID_SHIFT);
  p = writeWhole(b, p + 1, id.mh);
  p = writeWhole(b, p, id.ml);
  p = writeWhole(b, p, id.sh);
  return writeWhole(b, p, id.sl);
}

/**
 * Walks over the entries of a node, deleted ones included. Good until the node changes or moves; and, if the node is
 * sealed, until some others are opened, unless the cursor has a buffer of its own.
 */
export class NodeCursor {
  readonly #own: Unsealed | null;
  bytes: Uint8Array = new Uint8Array(0);
  words: Int32Array = new Int32Array(0);
  /** Where the node begins, in words. */
  at = 0;
  flags = 0;
  /** Id of the entry. */
  mh = 0;
  ml = 0;
  sh = 0;
  sl = 0;
  /** Position of the entry's mode. */
  mode = 0;
  /** Number of its fields. */
  fields = 0;
  /** Where its values begin, or with fields of its own the first of those. */
  body = 0;
  #next = 0;
  #end = 0;

  /** `alone`: what it reads is not to be overwritten by what others read. */
  constructor(alone = false) {
    this.#own = alone ? new Unsealed() : null;
  }

  /** Goes before the first entry of a node. */
  open(arena: Arena, ref: number): this {
    let words = arena.words[ref >>> PAGE_BITS]!;
    let at = (ref & OFFSET_MASK) << 1;
    this.bytes = arena.pages[ref >>> PAGE_BITS]!;
    if (isSealed(words, at)) {
      const node = this.#unseal(words, at);
      this.bytes = node.bytes;
      words = node.words;
      at = 0;
    }
    this.words = words;
    this.at = at;
    this.#next = at * 4 + words[at + W_ENTRIES]!;
    this.#end = at * 4 + words[at + W_USED]!;
    return this;
  }

  #unseal(words: Int32Array, at: number): Unsealed {
    const own = this.#own;
    if (own === null) return unsealed(this.bytes, words, at);
    if (!own.has(words, at)) own.load(this.bytes, words, at);
    return own;
  }

  /** Stays where it is in the node, which has become a raw one at `ref`. */
  follow(arena: Arena, ref: number): void {
    const at = (ref & OFFSET_MASK) << 1;
    const shift = (at - this.at) * 4;
    this.bytes = arena.pages[ref >>> PAGE_BITS]!;
    this.words = arena.words[ref >>> PAGE_BITS]!;
    this.at = at;
    this.mode += shift;
    this.body += shift;
    this.#next += shift;
    this.#end += shift;
  }

  /** Where the master fields begin. */
  get masterFields(): number {
    return this.at * 4 + NODE_HEAD_BYTES;
  }

  /** Goes to the next entry; false at the end. */
  step(): boolean {
    let p = this.#next;
    if (p >= this.#end) return false;
    const { bytes } = this;
    let size = bytes[p++]!;
    if (size > 127) {
      size &= 127;
      for (let shift = 7; ; shift += 7) {
        const more = bytes[p++]!;
        size |= (more & 127) << shift;
        if (more < 128) break;
      }
    }
    this.#next = p + size;
    this.mode = p;
    const mode = bytes[p++]!;
    this.flags = mode & 3;
    const form = mode >> ID_SHIFT;
    if (form === AFTER_PREVIOUS) this.sl = (this.sl + 1) | 0;
    else if (form === FIRST) this.#loadId(this.words, this.at + W_MASTER);
    else p = this.#readId(form, p);
    if ((mode & SAME_FIELDS) !== 0) {
      this.fields = this.words[this.at + W_FIELDS]!;
      this.body = p;
    } else {
      this.body = p;
      this.fields = this.#varint();
    }
    return true;
  }

  #loadId(words: Int32Array, at: number): void {
    this.mh = words[at]!;
    this.ml = words[at + 1]!;
    this.sh = words[at + 2]!;
    this.sl = words[at + 3]!;
  }

  #readId(form: number, p: number): number {
    const { bytes } = this;
    if (form === WHOLE) {
      this.mh = readWhole(bytes, p);
      this.ml = readWhole(bytes, p + 4);
      this.sh = readWhole(bytes, p + 8);
      this.sl = readWhole(bytes, p + 12);
      return p + 16;
    }
    this.body = p;
    this.ml = (this.ml + this.#varint()) | 0;
    this.sh = 0;
    this.sl = form === DELTA ? this.#varint() | 0 : 0;
    return this.body;
  }

  /** Reads a varint at `body`, and moves that behind it. */
  #varint(): number {
    const { bytes } = this;
    let p = this.body;
    let n = bytes[p++]!;
    if (n > 127) {
      n &= 127;
      for (let shift = 7; ; shift += 7) {
        const more = bytes[p++]!;
        n |= (more & 127) << shift;
        if (more < 128) break;
      }
    }
    this.body = p;
    return n;
  }

  get live(): boolean {
    return (this.flags & DELETED) === 0;
  }

  id(into: StreamId): StreamId {
    return into.set(this.mh, this.ml, this.sh, this.sl);
  }

  /** How the entry's id compares to this one. */
  compare(id: StreamId): number {
    if (this.mh !== id.mh) return this.mh >>> 0 < id.mh >>> 0 ? -1 : 1;
    if (this.ml !== id.ml) return this.ml >>> 0 < id.ml >>> 0 ? -1 : 1;
    if (this.sh !== id.sh) return this.sh >>> 0 < id.sh >>> 0 ? -1 : 1;
    if (this.sl !== id.sl) return this.sl >>> 0 < id.sl >>> 0 ? -1 : 1;
    return 0;
  }

  /** Marks the entry as deleted; the node is a raw one. */
  markDeleted(): void {
    const { words, at } = this;
    this.bytes[this.mode]! |= DELETED;
    this.flags |= DELETED;
    words[at + W_COUNT]!--;
    words[at + W_DELETED]!++;
  }
}
