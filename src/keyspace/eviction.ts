/**
 * Eviction: which keys go when memory is short (maxmemory-policy), and for how long to search.
 *
 * Like Redis it samples: for each victim it looks at maxmemory-samples keys of each database and keeps the best
 * candidates of all samples so far in a small pool, from which the very best is taken. What makes a candidate
 * good is its score: seconds idle (LRU), 255 minus the frequency counter (LFU), or how soon it expires (TTL).
 *
 * A pool entry is (database, hash, ref), not a copy of the key. When its turn comes, the dictionary tells whether
 * that record is still there, and its score is computed again: a key that was read since it was sampled has
 * earned another round, which upstream does not notice. Records that have moved are simply forgotten.
 *
 * The samples are neighbours in hash order from one random place on; to the hash, neighbours are strangers.
 *
 * One call frees until the limit is kept, or until its time is over (maxmemory-eviction-tenacity); then the
 * command may run, and upkeep.ts goes on with the eviction between commands.
 *
 * Switching between LRU and LFU policies at run time leaves the access words as they are; they are read as words
 * of the other kind until each key is used again, as in Redis.
 */
import type { Clock } from '../util/clock.ts';
import { type Random, randomBelow } from '../util/random.ts';
import type { Database } from './database.ts';
import { HAS_EXPIRE } from './entry.ts';
import { EXPIRE_DELETES, type Keyspace } from './keyspace.ts';

/** The limit is kept. */
export const EVICT_OK = 0;
/** It is not, but there was no more time: more must be freed later. */
export const EVICT_RUNNING = 1;
/** It is not, and nothing is left that may go. */
export const EVICT_FAIL = 2;
export type EvictResult = typeof EVICT_OK | typeof EVICT_RUNNING | typeof EVICT_FAIL;

/** Tells how much memory counts against the limit. */
export interface Meter {
  counted(): number;
}

// What the score of a candidate is.
const BY_NOTHING = 0;
const BY_IDLE_TIME = 1;
const BY_FREQUENCY = 2;
const BY_TTL = 3;

const POOL_SIZE = 16;
/** Keys evicted between two looks at the clock. */
const KEYS_PER_LOOK = 16;
/** Rounds of sampling that may end without a victim before giving up: each finds one unless all were read since. */
const ROUNDS_MAX = 64;
/** Where *-random chooses from, so that keys behind gaps of the table aren't chosen more often. */
const RANDOM_NEIGHBOURS = 16;
/** Time for lazy free between two looks at whether it was enough. */
const LAZY_FREE_US = 100;
/** Time for one call in µs at tenacity 0 to 10, for each of its units. */
const US_PER_TENACITY = 50;

export class Evictor {
  /** maxmemory-samples */
  samples = 5;
  evictsNothing = true;
  /** This is a replica that evicts by itself all the same (`replica-ignore-maxmemory no`). */
  evictsOnReplica = false;
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #random: Random;
  #score = BY_NOTHING;
  #volatile = false;
  #timeLimitUs = 500;
  #nextDatabase = 0;
  /** Since when the limit has been exceeded, µs of the monotonic clock; -1: it is not. */
  #exceededSinceUs = -1;
  /** Time for which it was exceeded before, µs. */
  #exceededUs = 0;
  // The pool, in order of the scores; the best is the last.
  #pooled = 0;
  readonly #poolScores = new Float64Array(POOL_SIZE);
  readonly #poolHashes = new Int32Array(POOL_SIZE);
  readonly #poolRefs = new Int32Array(POOL_SIZE);
  readonly #poolDatabases = new Int32Array(POOL_SIZE);

  constructor(keyspace: Keyspace, clock: Clock, random: Random) {
    this.#keyspace = keyspace;
    this.#clock = clock;
    this.#random = random;
  }

  /** For how long the limit has been exceeded now, µs. */
  get exceededNowUs(): number {
    return this.#exceededSinceUs < 0 ? 0 : this.#clock.monoUs() - this.#exceededSinceUs;
  }

  /** The same in all. */
  get exceededTotalUs(): number {
    return this.#exceededUs + this.exceededNowUs;
  }

  resetStats(): void {
    this.#exceededUs = 0;
    if (this.#exceededSinceUs >= 0) this.#exceededSinceUs = this.#clock.monoUs();
  }

  /** Takes the value of maxmemory-policy. */
  setPolicy(policy: string): void {
    this.evictsNothing = policy === 'noeviction';
    this.#volatile = policy.startsWith('volatile-');
    this.#pooled = 0;
    if (policy.endsWith('-lru')) this.#score = BY_IDLE_TIME;
    else if (policy.endsWith('-lfu')) this.#score = BY_FREQUENCY;
    else if (policy.endsWith('-ttl')) this.#score = BY_TTL;
    else this.#score = BY_NOTHING;
  }

  /** Takes maxmemory-eviction-tenacity: up to 10 linear, then geometric, 100 without a limit. */
  setTenacity(tenacity: number): void {
    if (tenacity <= 10) this.#timeLimitUs = US_PER_TENACITY * tenacity;
    else if (tenacity < 100) this.#timeLimitUs = US_PER_TENACITY * 10 * 1.15 ** (tenacity - 10);
    else this.#timeLimitUs = Number.POSITIVE_INFINITY;
  }

  /** Removes keys until no more than `limit` bytes count. */
  makeRoom(meter: Meter, limit: number): EvictResult {
    if (meter.counted() <= limit) {
      if (this.#exceededSinceUs >= 0) this.#isBelow(this.#clock.monoUs());
      return EVICT_OK;
    }
    // Replicas follow their master, paused servers keep still, and loading must end first.
    if (this.#keyspace.expireMode !== EXPIRE_DELETES && !this.evictsOnReplica) return EVICT_OK;
    const start = this.#clock.monoUs();
    if (this.#exceededSinceUs < 0) this.#exceededSinceUs = start;
    const { lazyFree } = this.#keyspace;
    for (let evicted = 0; meter.counted() > limit; ) {
      // What waits to be freed comes first: it is free for the taking, and may be all that is needed.
      if (lazyFree.busy) {
        lazyFree.step(this.#clock, Math.min(LAZY_FREE_US, this.#timeLimitUs));
        if (this.#clock.monoUs() - start > this.#timeLimitUs) return EVICT_RUNNING;
        continue;
      }
      if (this.evictsNothing || !this.#evictOne()) return EVICT_FAIL;
      if (++evicted % KEYS_PER_LOOK !== 0) continue;
      if (this.#clock.monoUs() - start > this.#timeLimitUs) return EVICT_RUNNING;
    }
    this.#isBelow(this.#clock.monoUs());
    return EVICT_OK;
  }

  #isBelow(us: number): void {
    this.#exceededUs += us - this.#exceededSinceUs;
    this.#exceededSinceUs = -1;
  }

  #evictOne(): boolean {
    const found = this.#score === BY_NOTHING ? this.#pickRandom() : this.#pickBest();
    if (found === null) return false;
    this.#keyspace.evict(found.db, found.ref);
    return true;
  }

  #pickRandom(): { db: Database; ref: number } | null {
    const { databases } = this.#keyspace;
    for (let n = 0; n < databases.length; n++) {
      const db = databases[this.#nextDatabase++ % databases.length]!;
      const table = this.#volatile ? db.expires : db.dict;
      if (table.count === 0) continue;
      let ref = table.random(this.#random.uint32());
      for (let k = randomBelow(this.#random, RANDOM_NEIGHBOURS); k > 0; k--) ref = table.following();
      db.select(ref, table.hash);
      return { db, ref };
    }
    return null;
  }

  /** Takes the best candidate that is still as good as it was when it was sampled. */
  #pickBest(): { db: Database; ref: number } | null {
    const { databases } = this.#keyspace;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      let population = 0;
      for (const db of databases) population += this.#sample(db);
      if (population === 0) return null;
      while (this.#pooled > 0) {
        const i = --this.#pooled;
        const db = databases[this.#poolDatabases[i]!]!;
        const ref = this.#poolRefs[i]!;
        const hash = this.#poolHashes[i]!;
        if (!db.dict.locate(hash, ref)) continue;
        if (this.#volatile && (db.meta(ref) & HAS_EXPIRE) === 0) continue;
        if (this.#scoreOf(db, ref) < this.#poolScores[i]!) continue;
        db.hash = hash;
        return { db, ref };
      }
    }
    return null;
  }

  /** Offers some keys of a database to the pool. Returns how many keys the policy lets it choose from. */
  #sample(db: Database): number {
    const table = this.#volatile ? db.expires : db.dict;
    if (table.count === 0) return 0;
    let ref = table.random(this.#random.uint32());
    for (let n = Math.min(this.samples, table.count); n > 0; n--) {
      this.#offer(this.#scoreOf(db, ref), db.id, table.hash, ref);
      ref = table.following();
    }
    return table.count;
  }

  #scoreOf(db: Database, ref: number): number {
    if (this.#score === BY_IDLE_TIME) return this.#keyspace.idleSeconds(db.access(ref));
    if (this.#score === BY_FREQUENCY) return 255 - this.#keyspace.lfuCounter(db.access(ref));
    return -db.expireAt(ref);
  }

  /** Puts a candidate in its place, unless the pool is full of better ones. */
  #offer(score: number, databaseId: number, hash: number, ref: number): void {
    const scores = this.#poolScores;
    const size = this.#pooled;
    let at = size;
    for (let i = 0; i < size; i++) {
      const same = this.#poolRefs[i] === ref && this.#poolHashes[i] === hash;
      if (same && this.#poolDatabases[i] === databaseId) return;
      if (at === size && scores[i]! >= score) at = i;
    }
    if (size < POOL_SIZE) {
      this.#shift(at, size, 1);
      this.#pooled++;
    } else {
      if (at === 0) return;
      at--;
      this.#shift(1, at + 1, -1);
    }
    scores[at] = score;
    this.#poolDatabases[at] = databaseId;
    this.#poolHashes[at] = hash;
    this.#poolRefs[at] = ref;
  }

  /** Moves the candidates from `start` to `end` by one place. */
  #shift(start: number, end: number, by: 1 | -1): void {
    for (const column of [this.#poolScores, this.#poolHashes, this.#poolRefs, this.#poolDatabases]) {
      column.copyWithin(start + by, start, end);
    }
  }
}
