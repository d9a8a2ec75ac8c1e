/**
 * What commands and shutdown may ask of the data files. src/persistence/ is the real one; an engine without files
 * (embedded in a test) has none.
 */
import type { ReplyError } from '../resp/reply-error.ts';
import type { Engine } from './engine.ts';
import { SERVER_MISCONF } from './gates.ts';

export interface Persistence {
  /** SAVE: blocks until the file is there. Returns false when it failed; the log knows why. */
  save(): boolean;
  /** BGSAVE: begins a snapshot; with `schedule` it may wait for an AOF rewrite. Throws a ReplyError if it can't. */
  backgroundSave(schedule: boolean): 'started' | 'scheduled';
  /** BGREWRITEAOF. Throws a ReplyError if it can't. */
  rewriteAof(): 'started' | 'scheduled';
  /** Wall clock of the last good save, in ms (LASTSAVE). */
  readonly lastSaveMs: number;
  /** A snapshot for a file is being taken (rdb_bgsave_in_progress). */
  readonly isSaving: boolean;
  /** An AOF rewrite is being done. */
  readonly isRewriting: boolean;
  /** Why writes are refused now (MISCONF), or null. The gate SERVER_MISCONF is set while there is a reason. */
  readonly misconf: ReplyError | null;
  /** Everything has been emptied (FLUSHALL): what of it concerns files (rdbSave of nothing, as Redis does). */
  flushedAll(): void;
  /** DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: saves, empties, loads, at once. Throws a ReplyError if it can't. */
  reload(options: { save: boolean; flush: boolean; merge: boolean }): void;
  /** DEBUG LOADAOF: writes the AOF out, empties, loads it, at once. Throws a ReplyError if it can't. */
  loadAof(): void;
}

/** Sets the gate SERVER_MISCONF as `misconf` says: to be called when the answer may have changed. */
export function updateMisconfGate(engine: Engine): void {
  const refuses = (engine.persistence?.misconf ?? null) !== null;
  if (refuses) engine.gates |= SERVER_MISCONF;
  else engine.gates &= ~SERVER_MISCONF;
}
