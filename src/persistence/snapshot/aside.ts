/**
 * Entries as they were when the snapshot began, put aside because they were about to change or to go before their turn
 * came. Each is a record of its own in the arena, with a key, an expiry and a value like any entry, that no dictionary
 * names. The snapshot writes it as soon as it can, and frees it.
 *
 * What the entry has outside of the arena (EXTERNAL) goes to the record; the entry that lives on gets a clone.
 */
import type { Database } from '../../keyspace/database.ts';
import { EPOCH_BIT, EXPIRE_BYTES, EXTERNAL, HAS_EXPIRE, HEADER_BYTES } from '../../keyspace/entry.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { Arena, OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { copyBytes } from '../../util/copy-bytes.ts';

const ROOM_AT_FIRST = 1024;
/** A cloned collection is judged by so many of its elements. */
const SAMPLES = 8;
/** Objects around a value outside of the arena. */
const EXTERNAL_OVERHEAD = 200;

/** Makes a record with all that an entry has. Throws ArenaFull. An external value then belongs to both. */
export function copyRecord(db: Database, ref: number): number {
  const { arena } = db.memory;
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  const meta = words[at]!;
  const size =
    HEADER_BYTES +
    ((meta & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) +
    words[at + 1]! +
    ((meta & EXTERNAL) !== 0 ? 0 : words[at + 2]!);
  const made = arena.alloc(size);
  copyBytes(
    arena.pages[ref >>> PAGE_BITS]!,
    at * 4,
    size,
    arena.pages[made >>> PAGE_BITS]!,
    (made & OFFSET_MASK) << 3,
  );
  return made;
}

/** Frees a record that no dictionary names, and its external value if that is its own. */
export function freeRecord(keyspace: Keyspace, db: Database, ref: number, owned: boolean): void {
  const { lazyFree } = keyspace;
  if (owned && (db.meta(ref) & EXTERNAL) !== 0) {
    const { lazy } = lazyFree;
    lazyFree.lazy = true;
    db.memory.externals.remove(db.externalId(ref));
    lazyFree.lazy = lazy;
  }
  db.memory.arena.free(ref);
}

/** Gives an entry another external value; the one that it had is not freed. */
export function setExternal(db: Database, ref: number, id: number): void {
  db.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 2] = id;
}

/** Leaves an entry that is about to be removed without a value. */
export function dropExternal(db: Database, ref: number): void {
  const words = db.memory.arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  words[at] = words[at]! & ~EXTERNAL;
  words[at + 2] = 0;
}

/** Marks an entry as one that the snapshot needs no more. */
export function settle(db: Database, ref: number): void {
  const { arena, epoch } = db.memory;
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  words[at] = (words[at]! & ~EPOCH_BIT) | epoch;
}

/** The records put aside, first in, first out. */
export class Aside {
  /** Memory of all of them. */
  bytes = 0;
  /** Memory of all that ever were: what copy-on-write would have copied, by its own measure. */
  copiedBytes = 0;
  #refs = new Int32Array(ROOM_AT_FIRST);
  #ids = new Int32Array(ROOM_AT_FIRST);
  #sizes = new Float64Array(ROOM_AT_FIRST);
  #first = 0;
  #end = 0;

  get count(): number {
    return this.#end - this.#first;
  }

  /** Takes over a record of database `id`; its external value, if any, is its own. */
  add(db: Database, ref: number, id: number): void {
    if (this.#end === this.#refs.length) this.#makeRoom();
    const size = recordBytes(db, ref);
    this.#refs[this.#end] = ref;
    this.#ids[this.#end] = id;
    this.#sizes[this.#end++] = size;
    this.bytes += size;
    this.copiedBytes += size;
  }

  #makeRoom(): void {
    const { count } = this;
    const room = count * 2 > this.#refs.length ? this.#refs.length * 2 : this.#refs.length;
    const moved = <T extends Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from.subarray(this.#first, this.#end));
      return to;
    };
    this.#refs = moved(this.#refs, new Int32Array(room));
    this.#ids = moved(this.#ids, new Int32Array(room));
    this.#sizes = moved(this.#sizes, new Float64Array(room));
    this.#first = 0;
    this.#end = count;
  }

  /** Ref and database of the first record. */
  get ref(): number {
    return this.#refs[this.#first]!;
  }

  get id(): number {
    return this.#ids[this.#first]!;
  }

  /** Lets go of the first record; freeing it is the caller's business. */
  shift(): void {
    this.bytes -= this.#sizes[this.#first++]!;
    if (this.#first !== this.#end) return;
    this.#first = 0;
    this.#end = 0;
    this.bytes = 0;
    if (this.#refs.length > ROOM_AT_FIRST * 64) {
      this.#refs = new Int32Array(ROOM_AT_FIRST);
      this.#ids = new Int32Array(ROOM_AT_FIRST);
      this.#sizes = new Float64Array(ROOM_AT_FIRST);
    }
  }
}

/** What a record and its value take, about. */
export function recordBytes(db: Database, ref: number): number {
  const meta = db.meta(ref);
  if ((meta & EXTERNAL) === 0) {
    return Arena.slotBytes(HEADER_BYTES + EXPIRE_BYTES + db.keyLength(ref) + db.valueLength(ref));
  }
  const id = db.externalId(ref);
  const collection = db.memory.externals.collectionOrNull(id);
  const value = collection === null ? db.memory.externals.get(id).bytes.length : collection.measure(SAMPLES);
  return Arena.slotBytes(HEADER_BYTES + EXPIRE_BYTES + db.keyLength(ref)) + EXTERNAL_OVERHEAD + value;
}
