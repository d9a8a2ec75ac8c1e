/**
 * Keys that clients of a writable replica have given an expiry. A replica leaves it to its master to say which keys
 * have gone; nobody would ever say it of these. So their names are noted, and the cron removes those whose time is up.
 *
 * A name stays until its key has gone or has no expiry any more, even if the master has stored something under it
 * meanwhile: as in Redis, it then goes by the replica's clock.
 */
import type { Clock } from '../util/clock.ts';
import { latin1Of } from '../util/latin1.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';

const NAMES_PER_LOOK = 32;

export class OwnExpiries {
  readonly #keyspace: Keyspace;
  /** By name, the databases in which a key of that name may be. */
  readonly #names = new Map<string, Set<Database>>();
  #round: Iterator<[string, Set<Database>]> | null = null;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** slave_expires_tracked_keys */
  get count(): number {
    return this.#names.size;
  }

  /** The entry has an expiry from now on. What the master does is not noted, nor what is loaded. */
  note(db: Database, ref: number): void {
    if (!this.#keyspace.hidesExpired) return;
    const name = latin1Of(db.page(ref), db.keyOffset(ref), db.keyLength(ref));
    const databases = this.#names.get(name);
    if (databases === undefined) this.#names.set(name, new Set([db]));
    else databases.add(db);
  }

  clear(): void {
    this.#names.clear();
    this.#round = null;
  }

  /** Looks at names for about `budgetUs`, at most once at each. */
  run(clock: Clock, budgetUs: number): void {
    if (this.#names.size === 0) return;
    const until = clock.monoUs() + budgetUs;
    let left = this.#names.size;
    do {
      for (let n = 0; n < NAMES_PER_LOOK && left > 0; n++, left--) {
        this.#round ??= this.#names.entries();
        const { done, value } = this.#round.next();
        if (done === true) this.#round = null;
        else this.#look(value[0], value[1]);
      }
    } while (left > 0 && clock.monoUs() < until);
  }

  #look(name: string, databases: Set<Database>): void {
    const keyspace = this.#keyspace;
    const key = Buffer.from(name, 'latin1');
    for (const db of databases) {
      const ref = db.find(key, 0, key.length);
      const when = ref === 0 ? -1 : db.expireAt(ref);
      if (when >= keyspace.now) continue;
      databases.delete(db);
      if (when >= 0) keyspace.expire(db, ref);
    }
    if (databases.size === 0) this.#names.delete(name);
  }
}
