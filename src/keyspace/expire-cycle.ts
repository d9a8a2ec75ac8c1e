/**
 * The active expire cycle: removes keys whose time is up though nobody asks for them.
 *
 * As in Redis it samples: it looks at a few keys that have an expiry, removes those that are due, and goes on in
 * that database only while many of them were, so that the share of keys that are dead but still there stays low
 * (10% at effort 1, 1% at effort 10) without ever looking at all of them. Unlike there
 *   - the samples are not random: the cursor walks through `Database.expires` in the order of hashes, so each key
 *     is looked at once in a round, which finds more than drawing lots does;
 *   - it has one speed. Redis has a long cycle (25 ms of 100) beside a short one; here no slice may hold the event
 *     loop up for more than a millisecond, and upkeep.ts repeats slices at short intervals, up to the same share
 *     of the time, for as long as a slice ends by its time limit.
 *
 * A key costs one or two microseconds to expire, mostly cache misses: 200,000 or so can be removed in a second
 * beside full traffic.
 */
import type { Clock } from '../util/clock.ts';
import type { Database } from './database.ts';
import { EXPIRE_DELETES, type Keyspace } from './keyspace.ts';

/** Keys looked at in one go at effort 1, and more for each further one. */
const KEYS_PER_LOOK = 20;
const KEYS_PER_EFFORT = 5;
/** Keys looked at in one slice at most: what a clock that stands still (in a test) cannot bound. */
const KEYS_PER_SLICE = 4096;

export class ExpireCycle {
  /** active-expire-effort, 1 to 10. */
  effort = 1;
  /** Estimated share of volatile keys that are dead but still there, 0 to 1 (expired_stale_perc). */
  staleShare = 0;
  /** Slices that ended because their time was over (expired_time_cap_reached_count). */
  timeCapReached = 0;
  /** Time spent in all (expire_cycle_cpu_milliseconds). */
  spentUs = 0;
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  /** Database that the next slice begins with. */
  #next = 0;
  #sampled = 0;
  #expired = 0;
  readonly #dueRefs: number[] = [];
  readonly #dueHashes: number[] = [];

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
  }

  resetStats(): void {
    this.staleShare = 0;
    this.timeCapReached = 0;
  }

  /** Share of the time that slices may take while there is much to do. */
  get timeShare(): number {
    return (25 + 2 * (this.effort - 1)) / 100;
  }

  /** Runs one slice of at most about `budgetUs`. Returns true when it should go on soon. */
  run(budgetUs: number): boolean {
    const keyspace = this.#keyspace;
    if (keyspace.expireMode !== EXPIRE_DELETES) {
      if (keyspace.hidesExpired) keyspace.ownExpiries.run(this.#clock, budgetUs);
      return false;
    }
    const start = this.#clock.monoUs();
    const until = start + budgetUs;
    const { databases } = keyspace;
    this.#sampled = 0;
    this.#expired = 0;
    let inTime = true;
    for (let n = 0; n < databases.length && inTime; n++) {
      const db = databases[this.#next % databases.length]!;
      inTime = this.#runDatabase(db, until);
      // A database that the time did not suffice for is the first of the next slice.
      if (inTime) this.#next = (this.#next + 1) % databases.length;
    }
    if (!inTime) this.timeCapReached++;
    const share = this.#sampled === 0 ? 0 : this.#expired / this.#sampled;
    this.staleShare = share * 0.05 + this.staleShare * 0.95;
    this.spentUs += this.#clock.monoUs() - start;
    return !inTime;
  }

  /** Returns false when the time is over before the database is clean enough. */
  #runDatabase(db: Database, until: number): boolean {
    if (db.expires.count === 0) {
      db.avgTtl = 0;
      return true;
    }
    const acceptableShare = (10 - (this.effort - 1)) / 100;
    const perLook = KEYS_PER_LOOK + KEYS_PER_EFFORT * (this.effort - 1);
    for (;;) {
      const looked = this.#look(db, perLook);
      const expired = this.#dueRefs.length;
      this.#sampled += looked;
      this.#expired += expired;
      this.#removeDue(db);
      if (looked === 0 || expired <= looked * acceptableShare) return true;
      if (this.#sampled >= KEYS_PER_SLICE || this.#clock.monoUs() >= until) return false;
    }
  }

  /** Looks at the next `limit` volatile keys and notes which are due. Returns how many it looked at. */
  #look(db: Database, limit: number): number {
    const { now } = this.#keyspace;
    let looked = 0;
    let ttlSum = 0;
    db.expireCursor = db.expires.scan(db.expireCursor, (ref, hash) => {
      const when = db.expireAt(ref);
      if (when < now) {
        this.#dueRefs.push(ref);
        this.#dueHashes.push(hash);
      } else ttlSum += when - now;
      return ++looked < limit;
    });
    const living = looked - this.#dueRefs.length;
    if (living > 0) {
      const average = ttlSum / living;
      // A running average, in which one look counts two percent.
      db.avgTtl = db.avgTtl === 0 ? average : db.avgTtl * 0.98 + average * 0.02;
    }
    return looked;
  }

  #removeDue(db: Database): void {
    for (let i = 0; i < this.#dueRefs.length; i++) {
      const ref = this.#dueRefs[i]!;
      db.select(ref, this.#dueHashes[i]!);
      this.#keyspace.expire(db, ref);
    }
    this.#dueRefs.length = 0;
    this.#dueHashes.length = 0;
  }
}
