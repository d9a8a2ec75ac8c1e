/**
 * The snapshot file: SAVE, BGSAVE, save points, the save at the end, and what becomes of writes when it fails.
 *
 *     backgroundSave → snapshot in slices → temp file synced → renamed → folder synced → saved
 *                            └── a failure anywhere: the temp file is removed, the old file stays → failed
 *
 * After a failure writes are refused (MISCONF, stop-writes-on-bgsave-error) until a save succeeds; save points try
 * again after RETRY_DELAY_S. Log lines and the order of checks are Redis's; its forked child is the process itself here.
 */
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import * as errors from '../../engine/errors.ts';
import { SERVER_LOADING } from '../../engine/gates.ts';
import type { ShutdownOptions } from '../../engine/host.ts';
import { updateMisconfGate } from '../../engine/persistence.ts';
import { RdbFormat, type RdbReplicationAux } from '../../rdb/save/rdb-format.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { ChunkFile, SYNC_BYTES } from '../files/chunk-file.ts';
import { ChunkFileSync } from '../files/chunk-file-sync.ts';
import { FileError } from '../files/file-error.ts';
import { type FileSystem, realFileSystem } from '../files/file-system.ts';
import { replaceFile, replaceFileSync } from '../files/replace.ts';
import { removeTempFiles, tempSnapshotName } from '../files/temp-files.ts';
import type { SavingPart } from '../parts.ts';
import type { Snapshots } from '../snapshot/snapshots.ts';
import { rdbFormatOptions } from './rdb-options.ts';

/** Seconds from a failed try to the next one that nobody has asked for. */
const RETRY_DELAY_S = 5;
/** Number of the signal by which Redis ends its child (SIGUSR1): the log says it. */
const KILL_SIGNAL = 10;

/** A background save that somebody has ended on purpose. */
class Killed extends Error {}

export interface RdbSaverParts {
  readonly engine: Engine;
  readonly snapshots: Snapshots;
  readonly fs?: FileSystem;
  /** Code of libraries of functions, to be written with the data. */
  readonly functions?: () => readonly Uint8Array[];
  /** Where the history of replication stands. */
  readonly replication?: () => RdbReplicationAux | null;
}

/** A background save that runs. */
interface Saving {
  readonly file: ChunkFile;
  readonly name: string;
  readonly startedMs: number;
  readonly dirtyBefore: number;
  /** Replicas wait for it: told what has become of it. */
  readonly onEnd: ((error: Error | null) => void) | null;
}

/** A snapshot that is sent to replicas without a file: it counts as a save that runs. */
interface Transfer {
  readonly startedMs: number;
  kill(): void;
}

export class RdbSaver implements SavingPart {
  /** Wall clock of the last good save, ms. */
  lastSaveMs: number;
  /** rdb_last_bgsave_status */
  lastStatusOk = true;
  /** rdb_last_bgsave_time_sec; -1: none yet. */
  lastDurationS = -1;
  /** rdb_saves: begun by SAVE, BGSAVE or a save point. */
  saves = 0;
  /** rdb_last_cow_size: bytes that the last background save had to put aside. */
  lastCowBytes = 0;
  /** BGSAVE SCHEDULE waits for its turn. */
  scheduled = false;
  readonly #engine: Engine;
  readonly #snapshots: Snapshots;
  readonly #fs: FileSystem;
  readonly #functions: () => readonly Uint8Array[];
  readonly #replication: () => RdbReplicationAux | null;
  readonly #namesInUse = new Set<string>();
  #saving: Saving | null = null;
  #transfer: Transfer | null = null;
  /** When the last background save was begun, seconds. */
  #triedS = 0;

  constructor(parts: RdbSaverParts) {
    this.#engine = parts.engine;
    this.#snapshots = parts.snapshots;
    this.#fs = parts.fs ?? realFileSystem;
    this.#functions = parts.functions ?? (() => []);
    this.#replication = parts.replication ?? (() => null);
    this.lastSaveMs = parts.engine.nowMs;
    const update = (): void => updateMisconfGate(parts.engine);
    parts.engine.config.onChange('save', update);
    parts.engine.config.onChange('stop-writes-on-bgsave-error', update);
  }

  // ------------------------------------------------------------------------------------------------ figures

  /** rdb_bgsave_in_progress */
  get isSaving(): boolean {
    return this.#saving !== null || this.#transfer !== null;
  }

  /** rdb_current_bgsave_time_sec; -1: none runs. */
  get currentDurationS(): number {
    const running = this.#saving ?? this.#transfer;
    return running === null ? -1 : this.#durationS(running);
  }

  /** Why writes are refused, or null. */
  get misconf(): ReplyError | null {
    const { values } = this.#engine.config;
    const refuses = !this.lastStatusOk && values['stop-writes-on-bgsave-error'] && values.save.length > 0;
    return refuses ? errors.MISCONF : null;
  }

  // ------------------------------------------------------------------------------------------- life and cron

  /** Removes what a crashed run has left. Before anything is written. */
  removeRemains(): void {
    for (const name of removeTempFiles(this.#fs, this.#engine.config.values.dir)) {
      this.#engine.log.notice(`Removing the temporary file ${name} of a run that has not ended properly`);
    }
  }

  /** From now on save points count. */
  loaded(): void {
    this.lastSaveMs = this.#engine.nowMs;
    this.#engine.cron.push({ name: 'save-points', run: (nowMs) => this.#cron(nowMs) });
  }

  #cron(nowMs: number): void {
    const engine = this.#engine;
    // A full sync that is being loaded is no state to save.
    if (this.#isBusy() || (engine.gates & SERVER_LOADING) !== 0) return;
    const nowS = Math.floor(nowMs / 1000);
    const mayTry = this.lastStatusOk || nowS - this.#triedS > RETRY_DELAY_S;
    if (!mayTry || !this.#snapshots.ready) return;
    if (this.scheduled) {
      this.#begin();
      return;
    }
    const { dirty } = engine.keyspace;
    if (dirty === 0) return;
    const sinceS = nowS - Math.floor(this.lastSaveMs / 1000);
    for (const { seconds, changes } of engine.config.values.save) {
      if (dirty < changes || sinceS <= seconds) continue;
      engine.log.notice(`${changes} changes in ${seconds} seconds. Saving...`);
      this.#begin();
      return;
    }
  }

  /** Something runs that takes a snapshot: Redis has one child at a time. */
  #isBusy(): boolean {
    return this.isSaving || this.#snapshots.active || (this.#engine.persistence?.isRewriting ?? false);
  }

  // ------------------------------------------------------------------------------------------- what is asked

  /** SAVE. Returns false when it failed. Throws a ReplyError while a background save runs. */
  save(): boolean {
    if (this.isSaving) throw errors.SAVE_IN_PROGRESS;
    this.saves++;
    return this.saveNow();
  }

  /** BGSAVE. Throws a ReplyError if it can't. */
  backgroundSave(schedule: boolean): 'started' | 'scheduled' {
    const engine = this.#engine;
    if (this.isSaving) throw errors.SAVE_IN_PROGRESS;
    const inExec = engine.current !== null && engine.transactions.isExecuting(engine.current);
    if (this.#isBusy() || inExec) {
      if (!schedule && !inExec) throw errors.OTHER_CHILD;
      this.scheduled = true;
      return 'scheduled';
    }
    this.#begin();
    return 'started';
  }

  /** Whether a full sync may take its snapshot now. */
  get mayBeginForReplicas(): boolean {
    return !this.#isBusy() && this.#snapshots.ready;
  }

  /** Saves for replicas, as BGSAVE does: they are sent the file. Only while `mayBeginForReplicas`. */
  beginForReplicas(onEnd: (error: Error | null) => void): void {
    this.#begin(onEnd);
  }

  /** A snapshot begins that is sent to replicas without a file; `kill` ends it. */
  transferBegins(kill: () => void): void {
    this.#transfer = { startedMs: this.#engine.clock.monoMs(), kill };
  }

  transferEnds(): void {
    if (this.#transfer === null) return;
    this.lastDurationS = this.#durationS(this.#transfer);
    this.lastCowBytes = this.#snapshots.copiedBytes;
    this.#transfer = null;
  }

  /** Where a snapshot is saved: what a full sync sends. */
  get path(): string {
    return this.#target();
  }

  /** Everything has been emptied: what is being saved is not wanted any more. With save points that is saved. */
  flushedAll(): void {
    this.kill();
    if (this.#engine.config.values.save.length > 0) this.saveNow();
  }

  /** Ends a background save, without a trace. */
  kill(): void {
    this.#transfer?.kill();
    if (this.#saving === null) return;
    const saving = this.#saving;
    // At once: it may be about to be renamed, and must not come after what is saved next.
    saving.file.discardNow();
    if (this.#snapshots.active) this.#snapshots.abort(new Killed());
    else this.#fail(saving, new Killed());
  }

  beforeEnd(options: ShutdownOptions): string | null {
    const { log, config } = this.#engine;
    this.killForShutdown();
    if (options.save === 'nosave') return null;
    if (options.save === 'default' && config.values.save.length === 0) return null;
    log.notice('Saving the final RDB snapshot before exiting.');
    if (this.saveNow()) return null;
    if (options.force) {
      log.warning('Error trying to save the DB. Exit anyway.');
      return null;
    }
    log.warning("Error trying to save the DB, can't exit.");
    return 'the snapshot could not be saved';
  }

  /** The server ends: a background save is not waited for. */
  killForShutdown(): void {
    if (!this.isSaving) return;
    this.#engine.log.warning('There is a child saving an .rdb. Killing it!');
    this.kill();
  }

  // --------------------------------------------------------------------------------------------------- work

  #target(): string {
    const { dir, dbfilename } = this.#engine.config.values;
    return join(dir, dbfilename);
  }

  #takeName(): string {
    for (let serial = 0; ; serial++) {
      const name = tempSnapshotName(process.pid, serial);
      if (this.#namesInUse.has(name)) continue;
      this.#namesInUse.add(name);
      return name;
    }
  }

  #syncEvery(): number {
    return this.#engine.config.values['rdb-save-incremental-fsync'] ? SYNC_BYTES : 0;
  }

  #format(sink: ChunkFile | ChunkFileSync): RdbFormat {
    const options = rdbFormatOptions(this.#engine, {
      aofBase: false,
      replication: this.#replication(),
      functions: this.#functions(),
    });
    return new RdbFormat(this.#engine.keyspace, sink, options);
  }

  /** Saves at once, even while a background save runs. Returns false when it failed; the log says why. */
  saveNow(): boolean {
    const engine = this.#engine;
    const name = this.#takeName();
    let file: ChunkFileSync | null = null;
    try {
      const path = join(engine.config.values.dir, name);
      file = new ChunkFileSync(this.#fs, path, this.#syncEvery());
      this.#snapshots.runNow(this.#format(file));
      file.finish();
      replaceFileSync(this.#fs, path, this.#target());
    } catch (error) {
      this.#logFailure(error as Error, name);
      file?.discard();
      return false;
    } finally {
      this.#namesInUse.delete(name);
    }
    engine.log.notice('DB saved on disk');
    engine.keyspace.dirty = 0;
    this.#succeeded();
    return true;
  }

  #begin(onEnd: Saving['onEnd'] = null): void {
    const engine = this.#engine;
    const { dir } = engine.config.values;
    this.scheduled = false;
    this.saves++;
    this.#triedS = Math.floor(engine.nowMs / 1000);
    const name = this.#takeName();
    const file = new ChunkFile(this.#fs, join(dir, name), {
      syncEvery: this.#syncEvery(),
      onError: (error) => {
        if (this.#saving !== saving) return;
        if (this.#snapshots.active) this.#snapshots.abort(error);
        else this.#fail(saving, error);
      },
    });
    const startedMs = engine.clock.monoMs();
    const saving: Saving = { file, name, startedMs, dirtyBefore: engine.keyspace.dirty, onEnd };
    this.#saving = saving;
    this.#snapshots.start({
      format: this.#format(file),
      backlog: file,
      onEnd: (error) => {
        this.lastCowBytes = this.#snapshots.copiedBytes;
        if (error !== null) this.#fail(saving, error);
        else file.finish(() => this.#rename(saving));
      },
    });
    engine.log.notice(`Background saving started by pid ${process.pid}`);
  }

  #rename(saving: Saving): void {
    if (this.#saving !== saving) return;
    replaceFile(this.#fs, saving.file.path, this.#target(), (error) => {
      if (this.#saving !== saving) return;
      if (error !== null) this.#fail(saving, error);
      else this.#end(saving);
    });
  }

  #end(saving: Saving): void {
    const { log, keyspace } = this.#engine;
    this.#saving = null;
    this.#namesInUse.delete(saving.name);
    this.lastDurationS = this.#durationS(saving);
    log.notice('DB saved on disk');
    log.notice('Background saving terminated with success');
    keyspace.dirty = Math.max(0, keyspace.dirty - saving.dirtyBefore);
    this.#succeeded();
    saving.onEnd?.(null);
  }

  #fail(saving: Saving, error: Error): void {
    const { log } = this.#engine;
    this.#saving = null;
    this.lastDurationS = this.#durationS(saving);
    saving.file.discard(() => this.#namesInUse.delete(saving.name));
    if (error instanceof Killed) {
      log.warning(`Background saving terminated by signal ${KILL_SIGNAL}`);
    } else {
      this.#logFailure(error, saving.name);
      log.warning('Background saving error');
      this.lastStatusOk = false;
      updateMisconfGate(this.#engine);
    }
    saving.onEnd?.(error);
  }

  #durationS(saving: { readonly startedMs: number }): number {
    return Math.floor((this.#engine.clock.monoMs() - saving.startedMs) / 1000);
  }

  #succeeded(): void {
    this.lastSaveMs = this.#engine.clock.wallMs();
    this.lastStatusOk = true;
    updateMisconfGate(this.#engine);
  }

  #logFailure(error: Error, name: string): void {
    const { log, config } = this.#engine;
    const { dir, dbfilename } = config.values;
    const step = error instanceof FileError ? error.step : 'write';
    if (step === 'open') {
      log.warning(
        `Failed opening the temp RDB file ${name} (in server root dir ${dir}) for saving: ${error.message}`,
      );
    } else if (step === 'rename') {
      log.warning(
        `Error moving temp DB file ${name} on the final destination ${dbfilename} (in server root dir ${dir}): ` +
          error.message,
      );
    } else log.warning(`Write error saving DB on disk(${OPERATIONS[step]}): ${error.message}`);
  }
}

/** What Redis calls the steps in its log. */
const OPERATIONS = {
  write: 'rdbSaveRio',
  fsync: 'fsync',
  close: 'fclose',
  'sync-folder': 'fsyncFileDir',
} as const;
