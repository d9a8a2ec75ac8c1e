/**
 * Active defragmentation: moves records out of sparse pages of the arena, so that these go back to the system.
 *
 * The arena chooses the pages (Arena.beginEvacuation) but doesn't know who refers to a record. So a cycle walks through
 * the dictionaries of all databases and through all grown collections, and gives every record that lies in such a page
 * another slot. A walk goes in slices of limited time; commands run in between and change what they like: a cursor is
 * a hash (see structures/dictionary.ts), and new records never get into pages that are being emptied. What lives
 * through the whole cycle is met exactly once.
 *
 * Redis asks its allocator about each block and needs a patched one for that; here a look at the page's number tells,
 * without touching the record.
 */
import type { Collection } from '../datatypes/memory.ts';
import { ArenaFull, OFFSET_MASK, PAGE_BITS } from '../structures/arena.ts';
import type { Clock } from '../util/clock.ts';
import type { Database } from './database.ts';
import { EXTERNAL, HAS_EXPIRE } from './entry.ts';
import type { Keyspace } from './keyspace.ts';

/** Records looked at between two looks at the clock. */
const RECORDS_PER_LOOK = 64;
/** The same in one slice at most: what a clock that stands still (in a test) cannot bound. */
const RECORDS_PER_SLICE = 65536;

interface Pending {
  readonly id: number;
  readonly collection: Collection;
}

export class Defragmenter {
  /** Records of values that were moved, and that were in good places (active_defrag_hits, _misses). */
  hits = 0;
  misses = 0;
  /** The same for entries (active_defrag_key_hits, _key_misses). */
  keyHits = 0;
  keyMisses = 0;
  running = false;
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  #arena: object | null = null;
  #database = 0;
  #cursor = 0;
  /** Collections of entries that the walk has passed, and how far the last of them has been walked through. */
  readonly #pending: Pending[] = [];
  #collectionCursor = 0;

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
  }

  resetStats(): void {
    this.hits = 0;
    this.misses = 0;
    this.keyHits = 0;
    this.keyMisses = 0;
  }

  /** Begins a cycle. Returns false when it wouldn't give back enough to be worth it. */
  begin(): boolean {
    const { memory, aside } = this.#keyspace;
    this.stop();
    // Nobody walks through what is being loaded aside.
    if (aside !== null || memory.arena.beginEvacuation() === 0) return false;
    this.running = true;
    this.#arena = memory.arena;
    this.#database = 0;
    this.#cursor = 0;
    return true;
  }

  /** Ends the cycle, where it is. */
  stop(): void {
    if (!this.running) return;
    this.running = false;
    this.#arena = null;
    this.#pending.length = 0;
    this.#collectionCursor = 0;
    const { arena } = this.#keyspace.memory;
    arena.endEvacuation();
    arena.trim();
  }

  /** Goes on for about `budgetUs`. Returns true when the cycle isn't over. */
  step(budgetUs: number): boolean {
    if (!this.running) return false;
    if (this.#keyspace.aside !== null) {
      this.stop();
      return false;
    }
    // What a snapshot is half through with stays where it is.
    if (this.#keyspace.snapshot !== null) return true;
    const until = this.#clock.monoUs() + budgetUs;
    for (let looked = 0; looked < RECORDS_PER_SLICE; looked += RECORDS_PER_LOOK) {
      if (!this.#look()) {
        this.stop();
        return false;
      }
      if (this.#clock.monoUs() >= until) break;
    }
    return true;
  }

  /** Looks at some records; false when those were the last. */
  #look(): boolean {
    const { databases, memory } = this.#keyspace;
    // A flush has dropped the arena, and all of the waste with it.
    if (this.#arena !== memory.arena) return false;
    try {
      if (this.#pending.length > 0) {
        this.#lookIntoCollection();
        return true;
      }
      const db = databases[this.#database];
      if (db === undefined) return false;
      this.#lookIntoDatabase(db);
    } catch (error) {
      // No page number is left to move anything to. The record that was to be moved is where it was.
      if (error instanceof ArenaFull) return false;
      throw error;
    }
    return true;
  }

  #lookIntoDatabase(db: Database): void {
    const { arena, externals } = db.memory;
    let seen = 0;
    this.#cursor = db.dict.scan(this.#cursor, (ref, hash) => {
      let at = ref;
      if (arena.isLeaving(ref)) {
        at = moveEntry(db, ref, hash);
        this.keyHits++;
      } else this.keyMisses++;
      const words = arena.words[at >>> PAGE_BITS]!;
      const word = (at & OFFSET_MASK) << 1;
      if ((words[word]! & EXTERNAL) !== 0) {
        const id = words[word + 2]!;
        const collection = externals.collectionOrNull(id);
        if (collection !== null) this.#pending.push({ id, collection });
      }
      return ++seen < RECORDS_PER_LOOK;
    });
    if (this.#cursor === 0) this.#database++;
  }

  #lookIntoCollection(): void {
    const { arena, externals } = this.#keyspace.memory;
    const { id, collection } = this.#pending.at(-1)!;
    let cursor = 0;
    // It may be gone since the last slice.
    if (externals.holds(id, collection)) {
      cursor = collection.defragment(this.#collectionCursor, RECORDS_PER_LOOK, (ref) => {
        if (!arena.isLeaving(ref)) {
          this.misses++;
          return ref;
        }
        this.hits++;
        return arena.move(ref);
      });
    }
    this.#collectionCursor = cursor;
    if (cursor === 0) this.#pending.pop();
  }
}

/** Gives an entry, which a scan has just met, another slot; returns its new ref. */
function moveEntry(db: Database, ref: number, hash: number): number {
  const { arena } = db.memory;
  const moved = arena.move(ref);
  if (db.dict.locate(hash, ref)) db.dict.setRef(moved);
  if ((db.meta(moved) & HAS_EXPIRE) !== 0 && db.expires.locate(hash, ref)) db.expires.setRef(moved);
  return moved;
}
