/**
 * Fills a database by the inside door: a million keys in half a second.
 */
import type { Database } from '../../src/keyspace/database.ts';
import { STRING_AUTO, TYPE_STRING } from '../../src/keyspace/entry.ts';
import type { Keyspace } from '../../src/keyspace/keyspace.ts';

export interface FillOptions {
  /** Expiry of key i, ms since the epoch; -1 for none. */
  readonly expireAt?: (i: number) => number;
  readonly valueLength?: number;
  readonly prefix?: string;
}

/** Adds the string keys `<prefix>0` to `<prefix>count-1`. */
export function fillKeys(keyspace: Keyspace, db: Database, count: number, options: FillOptions = {}): void {
  const { expireAt, valueLength = 8, prefix = 'key:' } = options;
  const value = new Uint8Array(valueLength).fill(0x78);
  for (let i = 0; i < count; i++) {
    const key = Buffer.from(`${prefix}${i}`);
    const ref = db.storeValue(
      db.find(key, 0, key.length),
      key,
      0,
      key.length,
      value,
      0,
      valueLength,
      TYPE_STRING | STRING_AUTO,
      keyspace.newAccess(),
      false,
    );
    const when = expireAt === undefined ? -1 : expireAt(i);
    if (when < 0) continue;
    db.select(ref, db.hash);
    db.setExpire(ref, when);
  }
}
