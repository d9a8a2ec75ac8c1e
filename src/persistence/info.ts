/**
 * INFO persistence: what the parts know, under Redis's names and in its order. There is no child here: what Redis tells
 * of the memory that its child makes it copy is what a snapshot has to keep aside.
 */
import type { Engine } from '../engine/engine.ts';
import type { InfoText } from '../engine/figures/info.ts';
import { SERVER_ASYNC_LOADING, SERVER_LOADING } from '../engine/gates.ts';
import type { AppendOnlyFile } from './aof/aof.ts';
import type { LoadingProgress } from './loading/progress.ts';
import type { SnapshotNotes } from './loading/snapshot-file.ts';
import type { RdbSaver } from './rdb/rdb-saver.ts';
import type { Snapshots } from './snapshot/snapshots.ts';

/** What there is to tell about. */
export interface InfoSources {
  readonly engine: Engine;
  readonly snapshots: Snapshots;
  readonly saver: RdbSaver;
  readonly aof: AppendOnlyFile;
  readonly loading: LoadingProgress | null;
  readonly loaded: SnapshotNotes | null;
}

function status(ok: boolean): string {
  return ok ? 'ok' : 'err';
}

export function writePersistenceInfo(out: InfoText, sources: InfoSources): void {
  const { engine, aof, loading } = sources;
  out.field('loading', (engine.gates & SERVER_LOADING) !== 0 ? 1 : 0);
  out.field('async_loading', (engine.gates & SERVER_ASYNC_LOADING) !== 0 ? 1 : 0);
  writeSnapshot(out, sources);
  writeSaving(out, sources);
  writeAof(out, sources);
  out.field('module_fork_in_progress', 0);
  out.field('module_fork_last_cow_size', 0);
  if (aof.state !== 'off') writeAofFile(out, aof);
  loading?.writeInfo(out);
}

function writeSnapshot(out: InfoText, { snapshots }: InfoSources): void {
  const { active, keysWritten, keysTotal } = snapshots;
  out.field('current_cow_peak', active ? snapshots.copiedBytes : 0);
  out.field('current_cow_size', active ? snapshots.copiedBytes : 0);
  out.field('current_cow_size_age', 0);
  out.field(
    'current_fork_perc',
    active && keysTotal > 0 ? ((keysWritten / keysTotal) * 100).toFixed(2) : '0.00',
  );
  out.field('current_save_keys_processed', active ? keysWritten : 0);
  out.field('current_save_keys_total', active ? keysTotal : 0);
}

function writeSaving(out: InfoText, { engine, saver, loaded }: InfoSources): void {
  out.field('rdb_changes_since_last_save', engine.keyspace.dirty);
  out.field('rdb_bgsave_in_progress', saver.isSaving ? 1 : 0);
  out.field('rdb_last_save_time', Math.floor(saver.lastSaveMs / 1000));
  out.field('rdb_last_bgsave_status', status(saver.lastStatusOk));
  out.field('rdb_last_bgsave_time_sec', saver.lastDurationS);
  out.field('rdb_current_bgsave_time_sec', saver.currentDurationS);
  out.field('rdb_saves', saver.saves);
  out.field('rdb_last_cow_size', saver.lastCowBytes);
  out.field('rdb_last_load_keys_expired', loaded?.keysExpired ?? 0);
  out.field('rdb_last_load_keys_loaded', loaded?.keysLoaded ?? 0);
}

function writeAof(out: InfoText, { engine, aof }: InfoSources): void {
  const { isRewriting } = aof;
  const seconds = Math.floor((engine.clock.wallMs() - aof.rewriteStartedMs) / 1000);
  out.field('aof_enabled', aof.state === 'off' ? 0 : 1);
  out.field('aof_rewrite_in_progress', isRewriting ? 1 : 0);
  out.field('aof_rewrite_scheduled', aof.rewriteScheduled ? 1 : 0);
  out.field('aof_last_rewrite_time_sec', aof.lastRewriteSeconds);
  out.field('aof_current_rewrite_time_sec', isRewriting ? seconds : -1);
  out.field('aof_last_bgrewrite_status', status(aof.lastRewriteOk));
  out.field('aof_rewrites', aof.rewrites);
  out.field('aof_rewrites_consecutive_failures', aof.rewriteFailures);
  out.field('aof_last_write_status', status(aof.lastWriteOk));
  out.field('aof_last_cow_size', aof.lastCowBytes);
}

function writeAofFile(out: InfoText, aof: AppendOnlyFile): void {
  const { writer } = aof;
  out.field('aof_current_size', writer.totalSize);
  out.field('aof_base_size', aof.baseSize);
  out.field('aof_pending_rewrite', aof.rewriteScheduled ? 1 : 0);
  out.field('aof_buffer_length', writer.bufferLength);
  out.field('aof_pending_bio_fsync', writer.pendingSyncs);
  out.field('aof_delayed_fsync', writer.delayed);
}
