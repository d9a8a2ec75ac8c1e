/**
 * What the keyspace asks of a running snapshot: entries that it has not written yet (EPOCH_BIT, entry.ts) are about to
 * change or to go. src/persistence/snapshot/ is the real one.
 *
 * Nothing here moves an entry, and nothing is written within these calls: a handler may be in the middle of its work.
 * But the collection of an entry may be another one afterwards.
 */
import type { Dictionary } from '../structures/dictionary.ts';
import type { Database } from './database.ts';

export interface SnapshotHook {
  /** About how many bytes there are only for the snapshot: what copy-on-write would have copied, and no more than that. */
  readonly keptBytes: number;
  /** The entry's value, expiry or name is about to change. Throws ArenaFull, and then nothing has happened. */
  beforeChange(db: Database, ref: number): void;
  /** The entry is about to be removed. */
  beforeRemoval(db: Database, ref: number): void;
  /**
   * All entries of `dict` are about to be freed. True: the snapshot still needs them, and gives them to lazy free when
   * it doesn't. `counted`: as LazyFree.add has it.
   */
  keeps(db: Database, dict: Dictionary, counted: boolean): boolean;
}
