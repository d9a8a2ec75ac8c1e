/**
 * How a snapshot is written: as an RDB (save/), or as commands (commands/: an AOF without preamble). The snapshot
 * (persistence/snapshot/) decides what is written when; the format only turns entries into bytes.
 *
 *     begin  { select  { entry | big, step... }* }*  end
 */
import type { Database } from '../keyspace/database.ts';

/** An entry that takes longer than one slice. Nothing else is written to its format until `step` returns false. */
export interface BigEntry {
  /** Writes about `limit` elements more (or as many KiB of a long string). Returns true when more are left. */
  step(limit: number): boolean;
  /** A step takes longer than one of others, though it may write nothing: the time is looked at behind each. */
  readonly isSlow?: boolean;
}

export interface SnapshotFormat {
  /** Bytes written so far. */
  readonly written: number;
  /** What stands before all entries. */
  begin(): void;
  /**
   * Entries of database `id` follow. Comes again whenever another database's turn is. `keys` and `expires` are hints
   * for the reader and stand only in the first one for a database; -1: not told.
   */
  select(id: number, keys: number, expires: number): void;
  /** Writes an entry of whatever size: key, expiry, access, value. */
  entry(db: Database, ref: number): void;
  /** Begins an entry that is too big for one slice; null for the others, which `entry` writes. */
  big(db: Database, ref: number): BigEntry | null;
  /** Ends the snapshot, hands over what is left. */
  end(): void;
}
