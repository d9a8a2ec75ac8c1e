/**
 * One database (SELECT n): a dictionary of all entries and one of those that expire, over the keyspace's arena.
 *
 * A lookup leaves its hash in `hash` and the entry's slot in `dict`, so that a command which looks a key up and
 * then stores to it searches once. Nothing here replies, counts hits or knows of clients.
 *
 * Entries move when their size class changes; a ref is good only until the next store or removal.
 */

import type { Collection, Memory } from '../datatypes/memory.ts';
import { OFFSET_MASK, PAGE_BITS } from '../structures/arena.ts';
import { Dictionary } from '../structures/dictionary.ts';
import { copyBytes, copyOf } from '../util/copy-bytes.ts';
import { KEPT_WORDS } from '../util/siphash.ts';
import {
  ACCESS_SHIFT,
  EXPIRE_BYTES,
  EXTERNAL,
  HAS_EXPIRE,
  HEADER_BYTES,
  INLINE_VALUE_MAX,
  META_MASK,
  TYPE_MASK,
} from './entry.ts';
import type { OwnExpiries } from './own-expiries.ts';

const KEY_WORD = HEADER_BYTES / 4;
const KEY_WORD_WITH_EXPIRE = (HEADER_BYTES + EXPIRE_BYTES) / 4;

export { copyBytes };

/** Room taken for a long string: as sds grows, twice the length up to 1 MiB, 1 MiB more above. */
function roomFor(length: number): number {
  return length < 1048576 ? length * 2 : length + 1048576;
}

/** Where the bytes of a value are; filled by `Database.locateValue`. */
export class ValueView {
  bytes: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
}

export class Database {
  readonly id: number;
  readonly memory: Memory;
  dict: Dictionary;
  expires: Dictionary;
  /** Hash of the key looked up last. */
  hash = 0;
  /** Average time to live in ms, as INFO shows it; kept by the expire cycle. */
  avgTtl = 0;
  /** Where the active expire cycle goes on. */
  expireCursor = 0;
  /** On a writable replica: who notes the keys that its clients give an expiry. */
  ownExpiries: OwnExpiries | null = null;

  constructor(id: number, memory: Memory) {
    this.id = id;
    this.memory = memory;
    this.dict = new Dictionary(memory.tables);
    this.expires = new Dictionary(memory.tables);
  }

  get size(): number {
    return this.dict.count;
  }

  /** Finds the entry of a key whether or not it has expired; 0 if there is none. */
  find(buf: Uint8Array, off: number, len: number): number {
    const { arena, keyHash } = this.memory;
    const hash = keyHash.hash(buf, off, len);
    this.hash = hash;
    const { dict } = this;
    let ref = dict.first(hash);
    if (ref === 0) return 0;
    // The hash has left the key's words behind: they are compared with the entry's, then the odd bytes.
    const keyWords = keyHash.words;
    const whole = len >> 2;
    const compared = Math.min(whole, KEPT_WORDS);
    do {
      const words = arena.words[ref >>> PAGE_BITS]!;
      const at = (ref & OFFSET_MASK) << 1;
      if (words[at + 1] === len) {
        const key = at + ((words[at]! & HAS_EXPIRE) !== 0 ? KEY_WORD_WITH_EXPIRE : KEY_WORD);
        let i = 0;
        while (i < compared && words[key + i] === keyWords[i]) i++;
        if (i === compared) {
          const bytes = arena.pages[ref >>> PAGE_BITS]!;
          const start = key << 2;
          i <<= 2;
          while (i < len && bytes[start + i] === buf[off + i]) i++;
          if (i === len) return ref;
        }
      }
      ref = dict.next(hash);
    } while (ref !== 0);
    return 0;
  }

  // ------------------------------------------------------------------------------------- reading an entry

  meta(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![(ref & OFFSET_MASK) << 1]!;
  }

  type(ref: number): number {
    return this.meta(ref) & TYPE_MASK;
  }

  keyLength(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]!;
  }

  /** Offset of the key in the page's bytes. */
  keyOffset(ref: number): number {
    return (
      ((ref & OFFSET_MASK) << 3) + HEADER_BYTES + ((this.meta(ref) & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0)
    );
  }

  /** The page that holds the entry's bytes. */
  page(ref: number): Uint8Array {
    return this.memory.arena.pages[ref >>> PAGE_BITS]!;
  }

  /** A copy of the key. */
  keyBytes(ref: number): Uint8Array {
    const off = this.keyOffset(ref);
    return this.page(ref).slice(off, off + this.keyLength(ref));
  }

  /** Expiry in ms since the epoch; -1 for none. */
  expireAt(ref: number): number {
    const w = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    if ((w[at]! & HAS_EXPIRE) === 0) return -1;
    return w[at + 4]! * 4294967296 + (w[at + 3]! >>> 0);
  }

  /** LRU clock or LFU word (24 bits). */
  access(ref: number): number {
    return this.meta(ref) >>> ACCESS_SHIFT;
  }

  setAccess(ref: number, access: number): void {
    const w = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    w[at] = (w[at]! & META_MASK) | (access << ACCESS_SHIFT);
  }

  /** Length of a value that is bytes: a string, a packed collection. */
  valueLength(ref: number): number {
    const w = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    if ((w[at]! & EXTERNAL) !== 0) return this.memory.externals.get(w[at + 2]!).length;
    return w[at + 2]!;
  }

  /** Tells where the bytes of a string or a packed collection are. They are good until the next store. */
  locateValue(ref: number, view: ValueView): void {
    const w = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const meta = w[at]!;
    if ((meta & EXTERNAL) !== 0) {
      const value = this.memory.externals.get(w[at + 2]!);
      view.bytes = value.bytes;
      view.off = 0;
      view.len = value.length;
      return;
    }
    view.bytes = this.memory.arena.pages[ref >>> PAGE_BITS]!;
    view.off = at * 4 + HEADER_BYTES + ((meta & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) + w[at + 1]!;
    view.len = w[at + 2]!;
  }

  // --------------------------------------------------------------------------------------------- writing

  /**
   * Stores bytes (a string, a packed collection) under the key that `find` just looked up (with the same bytes): `ref` is what it returned.
   * `meta` gives type and encoding; the expiry of the old entry is dropped unless `keepExpire`. `access` is the
   * LRU/LFU word. Returns the ref.
   */
  storeValue(
    ref: number,
    key: Uint8Array,
    keyOff: number,
    keyLen: number,
    value: Uint8Array,
    valueOff: number,
    valueLen: number,
    meta: number,
    access: number,
    keepExpire: boolean,
  ): number {
    if (ref !== 0 && valueLen <= INLINE_VALUE_MAX) {
      // The common case of a store: a plain value over one of the same size class.
      const { arena } = this.memory;
      const page = ref >>> PAGE_BITS;
      const at = (ref & OFFSET_MASK) << 1;
      const w = arena.words[page]!;
      if (
        (w[at]! & (HAS_EXPIRE | EXTERNAL)) === 0 &&
        (w[at + 2] === valueLen || arena.fits(ref, HEADER_BYTES + keyLen + valueLen))
      ) {
        w[at] = meta | this.memory.epoch | (access << ACCESS_SHIFT);
        w[at + 2] = valueLen;
        copyBytes(value, valueOff, valueLen, arena.pages[page]!, at * 4 + HEADER_BYTES + keyLen);
        return ref;
      }
    }
    if (valueLen > INLINE_VALUE_MAX) {
      const bytes = copyOf(value, valueOff, valueLen);
      return this.storeExternal(ref, key, keyOff, keyLen, bytes, meta, access, keepExpire);
    }
    const at = this.#shape(ref, key, keyOff, keyLen, valueLen, meta, access, keepExpire);
    const page = at >>> PAGE_BITS;
    const word = (at & OFFSET_MASK) << 1;
    const w = this.memory.arena.words[page]!;
    w[word + 2] = valueLen;
    const to = word * 4 + HEADER_BYTES + ((w[word]! & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) + w[word + 1]!;
    copyBytes(value, valueOff, valueLen, this.memory.arena.pages[page]!, to);
    return at;
  }

  /** The same for a long string in memory of its own, which becomes the value. */
  storeExternal(
    ref: number,
    key: Uint8Array,
    keyOff: number,
    keyLen: number,
    value: Uint8Array,
    meta: number,
    access: number,
    keepExpire: boolean,
  ): number {
    const at = this.#shape(ref, key, keyOff, keyLen, 0, meta | EXTERNAL, access, keepExpire);
    const id = this.memory.externals.add(value, value.length);
    this.memory.arena.words[at >>> PAGE_BITS]![((at & OFFSET_MASK) << 1) + 2] = id;
    return at;
  }

  /**
   * The same for a collection in its grown form. To turn a packed value into a grown one, pass the entry found last,
   * `keepExpire` and its access word; its key may then be the entry's own.
   */
  storeCollection(
    ref: number,
    key: Uint8Array,
    keyOff: number,
    keyLen: number,
    collection: Collection,
    meta: number,
    access: number,
    keepExpire: boolean,
  ): number {
    const at = this.#shape(ref, key, keyOff, keyLen, 0, meta | EXTERNAL, access, keepExpire);
    const id = this.memory.externals.addCollection(collection);
    this.memory.arena.words[at >>> PAGE_BITS]![((at & OFFSET_MASK) << 1) + 2] = id;
    return at;
  }

  /** Number of the value of an entry that has EXTERNAL. */
  externalId(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 2]!;
  }

  /** The collection that an entry names; the caller has looked at its type and encoding. */
  collection(ref: number): Collection {
    return this.memory.externals.collection(this.externalId(ref));
  }

  /**
   * Gives the entry room for a value of `valueLen` bytes and the header asked for, in place where its slot
   * already has the right size; the old value is lost. Only the value (and word 2) is left to be written.
   * The slot is taken before anything else changes: when the arena is full, the entry stays as it was.
   */
  #shape(
    ref: number,
    key: Uint8Array,
    keyOff: number,
    keyLen: number,
    valueLen: number,
    meta: number,
    access: number,
    keepExpire: boolean,
  ): number {
    const { arena, epoch } = this.memory;
    if (ref === 0) {
      const fresh = arena.alloc(HEADER_BYTES + keyLen + valueLen);
      const page = fresh >>> PAGE_BITS;
      const at = (fresh & OFFSET_MASK) << 1;
      const w = arena.words[page]!;
      w[at] = meta | epoch | (access << ACCESS_SHIFT);
      w[at + 1] = keyLen;
      copyBytes(key, keyOff, keyLen, arena.pages[page]!, at * 4 + HEADER_BYTES);
      this.dict.insert(this.hash, fresh);
      return fresh;
    }
    const page = ref >>> PAGE_BITS;
    const at = (ref & OFFSET_MASK) << 1;
    const w = arena.words[page]!;
    const old = w[at]!;
    if ((old & HAS_EXPIRE) !== 0 && !keepExpire) {
      const size = HEADER_BYTES + keyLen + valueLen;
      const moved = arena.fits(ref, size) ? ref : arena.alloc(size);
      if ((old & EXTERNAL) !== 0) this.memory.externals.remove(w[at + 2]!);
      this.#forgetExpire(ref);
      const to = arena.pages[moved >>> PAGE_BITS]!;
      const toOff = ((moved & OFFSET_MASK) << 3) + HEADER_BYTES;
      if (moved === ref) to.copyWithin(toOff, toOff + EXPIRE_BYTES, toOff + EXPIRE_BYTES + keyLen);
      else copyBytes(arena.pages[page]!, at * 4 + HEADER_BYTES + EXPIRE_BYTES, keyLen, to, toOff);
      const words = arena.words[moved >>> PAGE_BITS]!;
      words[toOff / 4 - 3] = meta | epoch | (access << ACCESS_SHIFT);
      words[toOff / 4 - 2] = keyLen;
      if (moved !== ref) {
        this.dict.setRef(moved);
        arena.free(ref);
      }
      return moved;
    }
    const head = HEADER_BYTES + ((old & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) + keyLen;
    const word0 = meta | epoch | (old & HAS_EXPIRE) | (access << ACCESS_SHIFT);
    const moved = arena.fits(ref, head + valueLen) ? ref : arena.alloc(head + valueLen);
    if ((old & EXTERNAL) !== 0) this.memory.externals.remove(w[at + 2]!);
    if (moved === ref) {
      w[at] = word0;
      return ref;
    }
    const to = arena.pages[moved >>> PAGE_BITS]!;
    copyBytes(arena.pages[page]!, at * 4, head, to, (moved & OFFSET_MASK) << 3);
    arena.words[moved >>> PAGE_BITS]![(moved & OFFSET_MASK) << 1] = word0;
    this.dict.setRef(moved);
    if ((old & HAS_EXPIRE) !== 0 && this.expires.locate(this.hash, ref)) this.expires.setRef(moved);
    arena.free(ref);
    return moved;
  }

  /** Gives the entry found last an expiry (ms since the epoch), or takes it away (-1). Returns its ref. */
  setExpire(ref: number, when: number): number {
    const arena = this.memory.arena;
    const had = (this.meta(ref) & HAS_EXPIRE) !== 0;
    if (!had && when < 0) return ref;
    let at = ref;
    if (had !== when >= 0) {
      at = this.#moveHeader(ref, when >= 0);
      if (had) this.#forgetExpire(ref);
      else this.expires.insert(this.hash, at);
    }
    if (when >= 0) {
      const w = arena.words[at >>> PAGE_BITS]!;
      const word = (at & OFFSET_MASK) << 1;
      w[word + 3] = when | 0;
      w[word + 4] = Math.floor(when / 4294967296);
      this.ownExpiries?.note(this, at);
    }
    return at;
  }

  /** Rewrites an entry with or without room for an expiry. */
  #moveHeader(ref: number, withExpire: boolean): number {
    const arena = this.memory.arena;
    const page = ref >>> PAGE_BITS;
    const at = (ref & OFFSET_MASK) << 1;
    const w = arena.words[page]!;
    const keyLen = w[at + 1]!;
    const valueLen = (w[at]! & EXTERNAL) !== 0 ? 0 : w[at + 2]!;
    const body = keyLen + valueLen;
    const oldBody = at * 4 + HEADER_BYTES + (withExpire ? 0 : EXPIRE_BYTES);
    const size = HEADER_BYTES + (withExpire ? EXPIRE_BYTES : 0) + body;
    const moved = arena.fits(ref, size) ? ref : arena.alloc(size);
    const toWord = (moved & OFFSET_MASK) << 1;
    const newBody = toWord * 4 + HEADER_BYTES + (withExpire ? EXPIRE_BYTES : 0);
    const to = arena.pages[moved >>> PAGE_BITS]!;
    if (moved === ref) to.copyWithin(newBody, oldBody, oldBody + body);
    else copyBytes(arena.pages[page]!, oldBody, body, to, newBody);
    const words = arena.words[moved >>> PAGE_BITS]!;
    words[toWord] = withExpire ? w[at]! | HAS_EXPIRE : w[at]! & ~HAS_EXPIRE;
    words[toWord + 1] = keyLen;
    words[toWord + 2] = w[at + 2]!;
    if (moved !== ref) {
      this.dict.setRef(moved);
      arena.free(ref);
    }
    return moved;
  }

  /** Removes the entry found last, and frees what it held. */
  remove(ref: number): void {
    const w = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const meta = w[at]!;
    if ((meta & HAS_EXPIRE) !== 0) this.#forgetExpire(ref);
    if ((meta & EXTERNAL) !== 0) this.memory.externals.remove(w[at + 2]!);
    this.dict.remove();
    this.memory.arena.free(ref);
  }

  /** Frees what an entry holds; its slots in the dictionaries are the caller's business (emptying a database). */
  release(ref: number): void {
    const w = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    if ((w[at]! & EXTERNAL) !== 0) this.memory.externals.remove(w[at + 2]!);
    this.memory.arena.free(ref);
  }

  /**
   * Changes the length of the bytes of the entry found last (a string, a packed collection), keeping those it has
   * (new ones are zero) and the expiry; `meta` is its type and encoding from now on. Long values get room to grow, as sds does: twice the length up to
   * 1 MiB, 1 MiB more above. Returns the ref; `locateValue` tells where to write.
   */
  resizeValue(ref: number, length: number, meta: number): number {
    const { arena, externals, epoch } = this.memory;
    const w = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const word = w[at]!;
    const kept = (word & ~(META_MASK & ~(HAS_EXPIRE | EXTERNAL))) | meta | epoch;
    if ((word & EXTERNAL) !== 0) {
      const value = externals.get(w[at + 2]!);
      if (length <= value.bytes.length) {
        if (length > value.length) value.bytes.fill(0, value.length, length);
        value.length = length;
      } else {
        const bytes = new Uint8Array(roomFor(length));
        bytes.set(value.bytes.subarray(0, value.length));
        externals.replace(w[at + 2]!, bytes, length);
      }
      w[at] = kept;
      return ref;
    }
    const old = w[at + 2]!;
    const head = HEADER_BYTES + ((word & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) + w[at + 1]!;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const valueAt = at * 4 + head;
    if (length > INLINE_VALUE_MAX) {
      // What grew once will grow again; a value that has just been made may stay as it is.
      const bytes = new Uint8Array(old === 0 ? length : roomFor(length));
      bytes.set(page.subarray(valueAt, valueAt + old));
      const moved = this.#reslot(ref, head, head);
      const words = arena.words[moved >>> PAGE_BITS]!;
      words[(moved & OFFSET_MASK) << 1] = kept | EXTERNAL;
      words[((moved & OFFSET_MASK) << 1) + 2] = externals.add(bytes, length);
      return moved;
    }
    const moved = head + length <= arena.capacity(ref) ? ref : this.#reslot(ref, head + length, head + old);
    const words = arena.words[moved >>> PAGE_BITS]!;
    words[(moved & OFFSET_MASK) << 1] = kept;
    words[((moved & OFFSET_MASK) << 1) + 2] = length;
    if (length > old) {
      const start = ((moved & OFFSET_MASK) << 3) + head;
      arena.pages[moved >>> PAGE_BITS]!.fill(0, start + old, start + length);
    }
    return moved;
  }

  /** Moves the entry found last to a slot for `bytes`, with its first `keep` bytes. */
  #reslot(ref: number, bytes: number, keep: number): number {
    const arena = this.memory.arena;
    if (arena.fits(ref, bytes)) return ref;
    const moved = arena.alloc(bytes);
    const from = arena.pages[ref >>> PAGE_BITS]!;
    copyBytes(
      from,
      (ref & OFFSET_MASK) << 3,
      keep,
      arena.pages[moved >>> PAGE_BITS]!,
      (moved & OFFSET_MASK) << 3,
    );
    if ((this.meta(ref) & HAS_EXPIRE) !== 0 && this.expires.locate(this.hash, ref))
      this.expires.setRef(moved);
    this.dict.setRef(moved);
    arena.free(ref);
    return moved;
  }

  #forgetExpire(ref: number): void {
    if (this.expires.locate(this.hash, ref)) this.expires.remove();
  }

  /**
   * Makes an entry that was reached through `expires` or a scan (not by `find`) the one "found last".
   */
  select(ref: number, hash: number): void {
    this.hash = hash;
    this.dict.locate(hash, ref);
  }
}
