/**
 * Lazy free: what waits to be given back to the arena.
 *
 * Two things come here:
 *   - the entries of a database that FLUSHDB has emptied: its dictionary was taken away, but they are still in the
 *     arena, between those of other databases. When nothing else is in the arena, nobody comes here: the arena is
 *     dropped as a whole (Keyspace.flush);
 *   - grown collections of more than EFFORT_MIN elements whose removal was to be lazy: UNLINK, or what the
 *     lazyfree-lazy-* parameters say. A value of bytes is freed at once whatever its size: it is one slot, or a
 *     buffer that the collector takes.
 * Each record costs about 0.2 µs, most of it cache misses. That is paid here in steps of limited time, by the cron
 * (engine/upkeep.ts), or by eviction when it needs the room at once. Redis has a thread for this and counts what it
 * is given in the same way: a collection is one object, a flushed database as many as it had keys.
 */
import { type Collection, releaseWhole } from '../datatypes/memory.ts';
import type { Dictionary } from '../structures/dictionary.ts';
import type { Clock } from '../util/clock.ts';
import type { Database } from './database.ts';

/** A collection of no more elements is freed at once: the detour would cost more. */
const EFFORT_MIN = 64;
/** Records freed between two looks at the clock. */
const RECORDS_PER_LOOK = 256;
/** Records freed in one step at most: what a clock that stands still (in a test) cannot bound. */
const RECORDS_PER_STEP = 65536;

interface Leftover {
  readonly db: Database;
  readonly dict: Dictionary;
  cursor: number;
  /** Objects that INFO counts for each entry: 1, or 0 when nobody asked for a lazy flush. */
  readonly counted: number;
}

interface Doomed {
  readonly collection: Collection;
  readonly counted: number;
}

export class LazyFree {
  /** Objects that wait to be freed, of those that were to be freed lazily: lazyfree_pending_objects. */
  pending = 0;
  /** Such objects freed so far: lazyfreed_objects. */
  freed = 0;
  // Who removes a key says by `lazy` whether its value may wait; otherwise what holds is lazyfree-lazy-server-del.
  /** lazyfree-lazy-server-del */
  serverDel = false;
  /** lazyfree-lazy-user-del */
  userDel = false;
  /** lazyfree-lazy-expire */
  expire = false;
  /** lazyfree-lazy-eviction */
  eviction = false;
  /** lazyfree-lazy-user-flush */
  userFlush = false;
  /** Whether collections that are removed now may wait. Set around a removal by `Keyspace.removeLazily`. */
  lazy = false;
  #counted = 1;
  readonly #leftovers: Leftover[] = [];
  readonly #doomed: Doomed[] = [];

  /** True while anything waits, counted or not. */
  get busy(): boolean {
    return this.#leftovers.length > 0 || this.#doomed.length > 0;
  }

  /** Bytes of the dictionaries that wait. */
  get bytes(): number {
    let bytes = 0;
    for (const { dict } of this.#leftovers) bytes += dict.bytes;
    return bytes;
  }

  /** Takes over a collection that has been removed: what `Externals.discard` does. */
  discard(collection: Collection): void {
    if (!this.lazy || collection.size <= EFFORT_MIN) {
      releaseWhole(collection);
      return;
    }
    this.#doomed.push({ collection, counted: this.#counted });
    this.pending += this.#counted;
  }

  /** Takes over the entries that `dict` of `db` names; `counted`: INFO is to count them. */
  add(db: Database, dict: Dictionary, counted: boolean): void {
    if (dict.count === 0) return;
    if (counted) this.pending += dict.count;
    this.#leftovers.push({ db, dict, cursor: 0, counted: counted ? 1 : 0 });
  }

  /** The arena has been dropped: there is nothing left to free. */
  forget(): void {
    this.freed += this.pending;
    this.pending = 0;
    this.#leftovers.length = 0;
    this.#doomed.length = 0;
  }

  /** Frees for about `budgetUs`. Returns true when more is waiting. */
  step(clock: Clock, budgetUs: number): boolean {
    if (!this.busy) return false;
    const until = clock.monoUs() + budgetUs;
    for (let done = 0; done < RECORDS_PER_STEP; done += RECORDS_PER_LOOK) {
      if (!this.free(RECORDS_PER_LOOK)) return false;
      if (clock.monoUs() >= until) break;
    }
    return true;
  }

  /** Frees about `limit` records. Returns true when more are waiting. */
  free(limit: number): boolean {
    const doomed = this.#doomed.at(-1);
    if (doomed !== undefined) {
      if (!doomed.collection.release(limit)) {
        this.#doomed.pop();
        this.#done(doomed.counted);
      }
      return this.busy;
    }
    const leftover = this.#leftovers[0];
    if (leftover === undefined) return false;
    const { db, dict, counted } = leftover;
    const { lazy } = this;
    // The big collections among them are queued, but not counted a second time.
    this.lazy = true;
    this.#counted = 0;
    let count = 0;
    leftover.cursor = dict.scan(leftover.cursor, (ref) => {
      db.release(ref);
      return ++count < limit;
    });
    this.lazy = lazy;
    this.#counted = 1;
    this.#done(count * counted);
    if (leftover.cursor === 0) {
      dict.clear();
      this.#leftovers.shift();
    }
    return this.busy;
  }

  #done(objects: number): void {
    this.pending -= objects;
    this.freed += objects;
  }
}
