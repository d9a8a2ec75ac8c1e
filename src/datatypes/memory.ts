/**
 * What all databases of one server share: the arena, the table of external values and the key hash.
 *
 * External values are those that the entry only names: long runs of bytes (ExternalBytes), and collections that have
 * outgrown their packed form.
 */
import { Arena } from '../structures/arena.ts';
import { TablePool } from '../structures/table-pool.ts';
import { copyOf } from '../util/copy-bytes.ts';
import type { KeyHash } from '../util/siphash.ts';
import { HashLimits } from './hash/limits.ts';
import { ListLimits } from './list/limits.ts';
import { SetLimits } from './set/limits.ts';

/** A long value in memory of its own. `bytes` may be longer than `length`: room to grow. */
export interface ExternalBytes {
  bytes: Uint8Array;
  length: number;
}

/**
 * A collection that has outgrown its packed form: a grown list, set, sorted set or hash, a stream. Its elements are
 * records in the arena; what it needs beside them (tables, arrays) it adds to `Memory.tableBytes`.
 */
export interface Collection {
  /** Elements, as the effort of freeing it is judged (lazy free). */
  readonly size: number;
  /** Bytes it takes in all, sampling `samples` elements (0: all of them), as MEMORY USAGE shows it. */
  measure(samples: number): number;
  /**
   * Gives back about `limit` of its records. Returns true when more are left; once it has returned false the
   * collection holds nothing, in the arena or in `Memory.tableBytes`. Nothing else is called after the first step.
   */
  release(limit: number): boolean;
  /** A collection with the same contents and records of its own. */
  clone(): Collection;
  /**
   * Defragmentation: offers about `limit` records from `cursor` (0: the start) to `move`, which returns the record's
   * new ref (the same if it stays), and takes over the new ones. Returns the cursor to go on with; 0 at the end. The
   * collection may have changed between two calls.
   */
  defragment(cursor: number, limit: number, move: (ref: number) => number): number;
}

type External = ExternalBytes | Collection;

const NONE: ExternalBytes = { bytes: new Uint8Array(0), length: 0 };

function isCollection(item: External): item is Collection {
  return 'release' in item;
}

/** Values that are not in the arena, by number. */
export class Externals {
  readonly #items: External[] = [];
  readonly #free: number[] = [];
  /** Bytes of all values that are runs of bytes, room to grow included. */
  bytes = 0;
  /** Bytes of runs that were given up so far. */
  droppedBytes = 0;
  /** Who takes over a collection that is removed; by default it is freed at once. */
  discard: (collection: Collection) => void = releaseWhole;

  get count(): number {
    return this.#items.length - this.#free.length;
  }

  add(bytes: Uint8Array, length: number): number {
    this.bytes += bytes.length;
    return this.#put({ bytes, length });
  }

  addCollection(collection: Collection): number {
    return this.#put(collection);
  }

  #put(item: External): number {
    const id = this.#free.pop() ?? this.#items.length;
    this.#items[id] = item;
    return id;
  }

  /** A value that is a run of bytes. */
  get(id: number): ExternalBytes {
    return this.#items[id] as ExternalBytes;
  }

  /** A value that is a collection; whoever asks has looked at the entry's type and encoding. */
  collection(id: number): Collection {
    return this.#items[id] as Collection;
  }

  /** The collection of that number, or null where it is a run of bytes. */
  collectionOrNull(id: number): Collection | null {
    const item = this.#items[id]!;
    return isCollection(item) ? item : null;
  }

  /** Gives a value other bytes. */
  replace(id: number, bytes: Uint8Array, length: number): void {
    const item = this.get(id);
    this.bytes += bytes.length - item.bytes.length;
    this.droppedBytes += item.bytes.length;
    item.bytes = bytes;
    item.length = length;
  }

  remove(id: number): void {
    const item = this.#items[id]!;
    this.#items[id] = NONE;
    this.#free.push(id);
    if (isCollection(item)) this.discard(item);
    else {
      this.bytes -= item.bytes.length;
      this.droppedBytes += item.bytes.length;
    }
  }

  /** Whether that number still stands for this collection. */
  holds(id: number, collection: Collection): boolean {
    return this.#items[id] === collection;
  }

  /** A copy of a value, under a number of its own. */
  clone(id: number): number {
    const item = this.#items[id]!;
    if (isCollection(item)) return this.addCollection(item.clone());
    return this.add(copyOf(item.bytes, 0, item.length), item.length);
  }
}

/** Records of a collection that are given back between two looks at whether more are left. */
const RELEASE_STEP = 65536;

export function releaseWhole(collection: Collection): void {
  for (let more = true; more; ) more = collection.release(RELEASE_STEP);
}

export class Memory {
  arena = new Arena();
  externals = new Externals();
  /** Memory for the big tables of dictionaries; they are accounted where they are used. */
  tables = new TablePool();
  /** Bytes that collections take outside of the arena and of `externals`: tables, arrays. */
  tableBytes = 0;
  /** 0 or EPOCH_BIT (keyspace/entry.ts): what every entry that is stored gets. */
  epoch = 0;
  readonly keyHash: KeyHash;
  /** Sizes of nodes of lists. */
  readonly listLimits = new ListLimits();
  /** Where sets change their form. */
  readonly setLimits = new SetLimits();
  /** Where hashes do. */
  readonly hashLimits = new HashLimits();
  /** stream-node-max-bytes and -entries; 0: no limit. */
  readonly streamLimits = { nodeBytes: 4096, nodeEntries: 100 };
  /** What had been given back by arenas and externals of the past. */
  #droppedBefore = 0;

  constructor(keyHash: KeyHash) {
    this.keyHash = keyHash;
  }

  /** Bytes that were given back so far: garbage, until V8 collects it. */
  get droppedBytes(): number {
    return (
      this.#droppedBefore + this.arena.droppedBytes + this.externals.droppedBytes + this.tables.droppedBytes
    );
  }

  /** Forgets everything at once; every database must be emptied with it. */
  reset(): void {
    const { discard } = this.externals;
    this.#droppedBefore = this.droppedBytes + this.arena.pageBytes + this.externals.bytes + this.tableBytes;
    this.arena.dispose();
    this.arena = new Arena();
    this.tables.dispose();
    this.externals = new Externals();
    this.externals.discard = discard;
    this.tables = new TablePool();
    this.tableBytes = 0;
  }
}
