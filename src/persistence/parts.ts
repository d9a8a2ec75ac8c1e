/**
 * What the assembly (persistence.ts) asks of its two halves: the part that writes snapshots to files (rdb/) and the
 * append-only file (aof/). Each is one class that fits its face here.
 */
import type { ShutdownOptions } from '../engine/host.ts';
import type { ReplyError } from '../resp/reply-error.ts';

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
