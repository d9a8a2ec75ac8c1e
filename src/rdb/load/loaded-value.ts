/**
 * A value that was read from an RDB and belongs to no key yet: bytes (of a string, of a packed collection) that still
 * lie where they were read, or a collection of its own.
 *
 * ValueParts are what the loaders of the types share: each reads its value in steps, from a reader that may run out
 * of bytes between two elements (RdbReader, INCOMPLETE).
 */
import { type Collection, type Memory, releaseWhole } from '../../datatypes/memory.ts';
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import type { Database } from '../../keyspace/database.ts';
import { LP_EMPTY_BYTES, lpClose, lpEncodedSize, lpWriteSized } from '../../structures/listpack.ts';
import type { SetValue } from '../../values/set.ts';
import { type ZsetLimits, zsetStore } from '../../values/zset.ts';
import { CorruptRdb, type RdbReader } from './reader.ts';

const NOTHING = new Uint8Array(0);

export class LoadedValue {
  /** Type and encoding of the entry (keyspace/entry.ts). */
  meta = 0;
  /** The bytes, good until the reader goes on; unless it is one of the other two. */
  bytes: Uint8Array = NOTHING;
  off = 0;
  len = 0;
  /** They are a string in memory of its own, and all of it. */
  isOwn = false;
  collection: Collection | null = null;
  /** A set in the making. */
  set: SetValue | null = null;
  /** A sorted set in order, which is packed when it is stored if it is small enough. */
  sorted: SortedSet | null = null;
  /** There is nothing in it: Redis once wrote such keys by mistake, and leaves them out. */
  empty = false;
  readonly #limits: ZsetLimits;

  constructor(limits: ZsetLimits) {
    this.#limits = limits;
  }

  clear(): void {
    this.sorted = null;
    this.collection = null;
    this.set = null;
    this.empty = false;
    if (this.isOwn) this.bytes = NOTHING;
    this.isOwn = false;
  }

  /** It is a string, these bytes, which become the key's. */
  long(bytes: Uint8Array): void {
    this.packed(0, bytes, 0, bytes.length);
    this.isOwn = true;
  }

  /** It is these bytes. */
  packed(meta: number, bytes: Uint8Array, off: number, len: number): void {
    this.meta = meta;
    this.bytes = bytes;
    this.off = off;
    this.len = len;
  }

  /** It is this collection. */
  grown(meta: number, collection: Collection): void {
    this.meta = meta;
    this.collection = collection;
  }

  /** Stores it under the key that was just looked up (`ref`: what was found there, or 0). Returns the entry's ref. */
  store(db: Database, ref: number, key: Uint8Array, off: number, len: number, access: number): number {
    const { set, sorted, collection } = this;
    if (set !== null) {
      this.set = null;
      return set.storeIn(db, ref, key, off, len, access, false);
    }
    if (sorted !== null) {
      this.sorted = null;
      return zsetStore(db, key, off, len, ref, sorted, this.#limits, access);
    }
    if (collection !== null) {
      this.collection = null;
      return db.storeCollection(ref, key, off, len, collection, this.meta, access, false);
    }
    if (this.isOwn) {
      const { bytes } = this;
      this.clear();
      return db.storeExternal(ref, key, off, len, bytes, this.meta, access, false);
    }
    return db.storeValue(ref, key, off, len, this.bytes, this.off, this.len, this.meta, access, false);
  }

  /** Gives it up. */
  drop(): void {
    this.set?.drop();
    if (this.sorted !== null) releaseWhole(this.sorted);
    if (this.collection !== null) releaseWhole(this.collection);
    this.clear();
  }
}

/** What loaders of types are given. */
export interface LoadContext {
  readonly memory: Memory;
  /** The database that sets in the making name; any of the keyspace. */
  readonly db: Database;
  readonly zsetLimits: ZsetLimits;
}

/** Reads values of one type of the keyspace. */
export interface ValuePart {
  /** Begins with a value of this RDB type. `deep`: everything in it is checked, and duplicates are looked for. */
  begin(type: number, deep: boolean): void;
  /**
   * Reads on, about `budget` elements; commits behind each. Returns true when `out` is the whole value. Throws
   * INCOMPLETE (call again with more bytes) or CorruptRdb (then `drop`).
   */
  step(reader: RdbReader, budget: number, out: LoadedValue): boolean;
  /** Gives up what was read of an unfinished value. */
  drop(): void;
}

/** Longer buffers are given back after a value. */
const KEPT_BYTES = 131072;

/** Collects elements as a listpack. */
export class PackedBuilder {
  bytes = new Uint8Array(4096);
  count = 0;
  /** Behind the last entry. */
  end = LP_EMPTY_BYTES - 1;

  start(): void {
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(4096);
    this.count = 0;
    this.end = LP_EMPTY_BYTES - 1;
  }

  /** Bytes of the listpack with one more element; `append` must follow, if it is to be added. */
  sizeWith(src: Uint8Array, off: number, len: number): number {
    return this.end + lpEncodedSize(src, off, len) + 1;
  }

  /** Adds the element of which `sizeWith` has just been asked. */
  append(src: Uint8Array, off: number, size: number): void {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(size * 2);
      grown.set(this.bytes.subarray(0, this.end));
      this.bytes = grown;
    }
    this.end = lpWriteSized(this.bytes, this.end, src, off);
    this.count++;
  }

  add(src: Uint8Array, off: number, len: number): void {
    this.append(src, off, this.sizeWith(src, off, len));
  }

  /** Makes a whole listpack of it; returns its length. */
  close(): number {
    lpClose(this.bytes, 0, this.end, this.count);
    return this.end + 1;
  }
}

/** Members that have been seen, for what may hold none twice. */
export class SeenMembers {
  readonly #seen = new Set<string>();

  clear(): void {
    // Clearing takes new memory even when there is nothing to be cleared.
    if (this.#seen.size > 0) this.#seen.clear();
  }

  /** False if it was there already. */
  add(bytes: Uint8Array, off: number, len: number): boolean {
    const before = this.#seen.size;
    this.#seen.add(Buffer.from(bytes.buffer, bytes.byteOffset + off, len).toString('latin1'));
    return this.#seen.size > before;
  }
}

export function corrupt(message: string): CorruptRdb {
  return new CorruptRdb(message);
}
