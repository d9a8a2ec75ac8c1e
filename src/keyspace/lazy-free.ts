/**
 * Lazy free: what FLUSHDB leaves behind.
 *
 * A database is emptied by taking its dictionary away; the entries are still in the arena, between those of
 * other databases, and must be given back one by one: about 0.2 µs each, most of it cache misses. That is done
 * here in steps of limited time, by the cron (engine/upkeep.ts), or by eviction when it needs the room at once.
 * When nothing else is in the arena, nobody comes here: the arena is dropped as a whole (Keyspace.flush).
 */
import type { Dictionary } from '../structures/dictionary.ts';
import type { Clock } from '../util/clock.ts';
import type { Database } from './database.ts';

/** Entries freed between two looks at the clock. */
const ENTRIES_PER_LOOK = 128;
/** Entries freed in one step at most: what a clock that stands still (in a test) cannot bound. */
const ENTRIES_PER_STEP = 65536;

interface Leftover {
  readonly db: Database;
  readonly dict: Dictionary;
  cursor: number;
}

export class LazyFree {
  /** Entries that wait to be freed: lazyfree_pending_objects. */
  pending = 0;
  /** Entries freed so far: lazyfreed_objects. */
  freed = 0;
  readonly #leftovers: Leftover[] = [];

  /** Bytes of the dictionaries that wait. */
  get bytes(): number {
    let bytes = 0;
    for (const { dict } of this.#leftovers) bytes += dict.bytes;
    return bytes;
  }

  /** Takes over the entries that `dict` of `db` names. */
  add(db: Database, dict: Dictionary): void {
    if (dict.count === 0) return;
    this.pending += dict.count;
    this.#leftovers.push({ db, dict, cursor: 0 });
  }

  /** The arena has been dropped: there is nothing left to free. */
  forget(): void {
    this.freed += this.pending;
    this.pending = 0;
    this.#leftovers.length = 0;
  }

  /** Frees for about `budgetUs`. Returns true when more is waiting. */
  step(clock: Clock, budgetUs: number): boolean {
    if (this.pending === 0) return false;
    const until = clock.monoUs() + budgetUs;
    for (let done = 0; done < ENTRIES_PER_STEP; done += ENTRIES_PER_LOOK) {
      if (!this.free(ENTRIES_PER_LOOK)) return false;
      if (clock.monoUs() >= until) break;
    }
    return true;
  }

  /** Frees about `limit` entries. Returns true when more are waiting. */
  free(limit: number): boolean {
    const leftover = this.#leftovers[0];
    if (leftover === undefined) return false;
    const { db, dict } = leftover;
    let count = 0;
    leftover.cursor = dict.scan(leftover.cursor, (ref) => {
      db.release(ref);
      return ++count < limit;
    });
    this.pending -= count;
    this.freed += count;
    if (leftover.cursor === 0) this.#leftovers.shift();
    return this.#leftovers.length > 0;
  }
}
