/**
 * What the assembly (persistence.ts) asks of its two halves: the part that writes snapshots to files (rdb/) and the
 * append-only file (aof/). Each is one class that fits its face here.
 */
import type { ShutdownOptions } from '../engine/host.ts';
import type { Database } from '../keyspace/database.ts';
import type { RdbReplicationAux } from '../rdb/save/rdb-format.ts';
import type { ReplyError } from '../resp/reply-error.ts';

/** What a snapshot says of itself, by name. */
export type AuxFields = ReadonlyMap<string, string>;

/** Who knows the history of the data set (replication). */
export interface HistoryKeeper {
  /** What a snapshot of this moment says of it; null: nothing. */
  aux(): RdbReplicationAux | null;
  /** At the start, a key is left out because its time is up. The key is only lent. */
  keyExpired(db: Database, key: Uint8Array, aux: AuxFields): void;
  /** The server has started with a snapshot that says this. */
  takeUp(aux: AuxFields): void;
}

/** Snapshot files. */
export interface SavingPart {
  /** SAVE: at once. Returns false when it failed; the log knows why. */
  save(): boolean;
  /** BGSAVE. Throws a ReplyError if it can't. */
  backgroundSave(schedule: boolean): 'started' | 'scheduled';
  readonly lastSaveMs: number;
  readonly isSaving: boolean;
  /** Why writes are refused (stop-writes-on-bgsave-error), or null. */
  readonly misconf: ReplyError | null;
  /** FLUSHALL has been done. */
  flushedAll(): void;
  /** Called once when the data is loaded: from now on save points count. */
  loaded(): void;
  /** Before the server ends: saves if it is to. Gives a reason why the server must not end, or null. */
  beforeEnd(options: ShutdownOptions): Promise<string | null> | string | null;
}

/** The append-only file. */
export interface AofPart {
  /** BGREWRITEAOF. Throws a ReplyError if it can't. */
  rewrite(): 'started' | 'scheduled';
  readonly isRewriting: boolean;
  /** Why writes are refused (the file cannot be written), or null. */
  readonly misconf: ReplyError | null;
  /** Called once when the data is loaded: opens the last file, or makes the first. Throws if it can't. */
  loaded(): void;
  /** Writes out and syncs what has been told (DEBUG LOADAOF). */
  flushNow(): void;
  /** Before the server ends: everything goes to disk. Gives a reason why the server must not end, or null. */
  beforeEnd(options: ShutdownOptions): Promise<string | null> | string | null;
}
