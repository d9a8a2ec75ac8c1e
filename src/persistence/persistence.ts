/**
 * The data files of a server, put together: snapshots (rdb/), the append-only file (aof/), loading (loading/) and what
 * INFO tells of them (info.ts). Commands see it as `engine.persistence`, the server starts and ends it.
 *
 *     built ──load()──> the data is there, what is written is kept ──beforeEnd()──> everything is on disk
 */
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import * as errors from '../engine/errors.ts';
import { SERVER_ASYNC_LOADING, SERVER_LOADING } from '../engine/gates.ts';
import type { ShutdownOptions } from '../engine/host.ts';
import type { Persistence } from '../engine/persistence.ts';
import type { RdbReplicationAux } from '../rdb/save/rdb-format.ts';
import { ReplyError } from '../resp/reply-error.ts';
import { errnoText } from '../util/errno-text.ts';
import { AofUnusable, AppendOnlyFile } from './aof/aof.ts';
import { AofFolder, ManifestUnusable } from './aof/aof-folder.ts';
import { BaseWriter } from './aof/base-file.ts';
import type { Manifest } from './aof/manifest.ts';
import { type FileSystem, realFileSystem } from './files/file-system.ts';
import { writePersistenceInfo } from './info.ts';
import { failure, LoadError } from './loading/context.ts';
import { KeptFunctions } from './loading/kept-functions.ts';
import { type LoadParts, loadAof, loadDump } from './loading/load-data.ts';
import type { LoadingProgress } from './loading/progress.ts';
import type { SnapshotNotes } from './loading/snapshot-file.ts';
import { atOnce, inSlices, type Steps } from './loading/steps.ts';
import { takeOverOldFile } from './loading/take-over.ts';
import type { HistoryKeeper } from './parts.ts';
import { RdbSaver } from './rdb/rdb-saver.ts';
import { Snapshots } from './snapshot/snapshots.ts';

/** Redis says no more than that. */
const SAVE_FAILED = new ReplyError('ERR');
const RELOAD_FAILED = errors.err('Error trying to load the RDB dump');
const LOADAOF_FAILED = errors.err('Error trying to load the append only file, check server logs');

export interface DataFilesOptions {
  /** By default the machine's. */
  readonly fs?: FileSystem;
  /** Ends the server at once: what its clients were promised cannot be kept. The log says why. */
  readonly fatal: () => void;
}

export class DataFiles implements Persistence {
  readonly engine: Engine;
  readonly fs: FileSystem;
  readonly folder: AofFolder;
  /** One for all who need the state of a moment: BGSAVE, AOF rewrites, full syncs. */
  readonly snapshots: Snapshots;
  readonly saver: RdbSaver;
  readonly aof: AppendOnlyFile;
  /** What is being loaded; null: nothing. */
  loading: LoadingProgress | null = null;
  /** Function libraries, which are kept until they can run. */
  readonly functions = new KeptFunctions();
  /** Who knows the history of the data; null: it has none. */
  history: HistoryKeeper | null = null;
  /** What the snapshot that was loaded last said of itself. */
  loaded: SnapshotNotes | null = null;
  readonly #fatal: () => void;
  /** Loading is done: what is written is kept. */
  #isOpen = false;
  #isAbandoned = false;

  constructor(engine: Engine, { fs = realFileSystem, fatal }: DataFilesOptions) {
    const functions = (): readonly Uint8Array[] => this.functions.sources;
    const snapshots = new Snapshots(engine);
    this.engine = engine;
    this.fs = fs;
    this.#fatal = fatal;
    this.snapshots = snapshots;
    this.folder = new AofFolder(fs, engine.log, engine.config);
    const replication = (): RdbReplicationAux | null => this.history?.aux() ?? null;
    this.saver = new RdbSaver({ engine, snapshots, fs, functions, replication });
    this.aof = new AppendOnlyFile({
      engine,
      files: fs,
      snapshots,
      bases: new BaseWriter({ engine, files: fs, snapshots, functions }),
      folder: this.folder,
      fatal,
    });
    engine.info.section('persistence', (out) => writePersistenceInfo(out, this));
  }

  // ------------------------------------------------------------------------------------------------ start and end

  /**
   * Loads what is on disk, in slices, and keeps what is written from then on. Returns false if it was abandoned.
   * Rejects with a LoadError if the server must not start with what is there; the log says why.
   */
  async load(): Promise<boolean> {
    this.saver.removeRemains();
    this.aof.manifest = this.#readManifest();
    const fromAof = this.engine.config.values.appendonly;
    await inSlices(this.#loadAtStart(), () => this.#isAbandoned);
    this.loading = null;
    if (this.#isAbandoned) return false;
    this.engine.gates &= ~SERVER_LOADING;
    try {
      if (fromAof) this.aof.loaded();
      else this.aof.loadedElsewhere();
    } catch (error) {
      if (error instanceof AofUnusable) throw new LoadError(error.message);
      throw error;
    }
    this.saver.loaded();
    this.#isOpen = true;
    return true;
  }

  /** The server ends before all is loaded. */
  abandonLoading(): void {
    this.#isAbandoned = true;
  }

  #readManifest(): Manifest {
    try {
      return this.folder.readManifest();
    } catch (error) {
      if (error instanceof ManifestUnusable) throw new LoadError(error.message);
      throw error;
    }
  }

  *#loadAtStart(): Steps<void> {
    const { engine, fs, folder, aof } = this;
    if (!engine.config.values.appendonly) {
      yield* this.#loadDumpAtStart();
      return;
    }
    aof.manifest = takeOverOldFile(engine, fs, folder, aof.manifest);
    yield* loadAof(this.#loadParts(false), aof.manifest, folder.path, folder.filename);
  }

  *#loadDumpAtStart(): Steps<void> {
    const { engine, history } = this;
    const { dbfilename } = engine.config.values;
    try {
      const isThere = yield* loadDump(this.#loadParts(false), this.#dumpPath, dbfilename, {
        // A replica's keys go when its master says so.
        dropExpired: engine.replication?.role !== 'replica',
        ...(history !== null && { onExpired: (db, key, aux) => history.keyExpired(db, key, aux) }),
      });
      if (isThere && this.loaded !== null) history?.takeUp(this.loaded.aux);
    } catch (error) {
      if (error instanceof LoadError) {
        throw failure(this.engine, 'Fatal error loading the DB, check server logs. Exiting.');
      }
      throw failure(this.engine, `Fatal error loading the DB: ${errnoText(error)}. Exiting.`);
    }
  }

  get #dumpPath(): string {
    const { dir, dbfilename } = this.engine.config.values;
    return join(dir, dbfilename);
  }

  #loadParts(blocking: boolean): LoadParts {
    return {
      engine: this.engine,
      fs: this.fs,
      functions: this.functions,
      blocking,
      begun: (progress) => {
        this.loading = progress;
      },
      onSnapshot: (notes) => {
        this.loaded = notes;
      },
    };
  }

  /** Before the server ends. Gives a reason why it must not, or null. */
  beforeEnd(options: ShutdownOptions): string | null {
    if (!this.#isOpen) return null;
    this.saver.killForShutdown();
    const problem = this.aof.beforeEnd(options);
    if (problem !== null && !options.force) return problem;
    return this.saver.beforeEnd(options) ?? problem;
  }

  // ------------------------------------------------------------------------------------------------ commands

  save(): boolean {
    return this.saver.save();
  }

  backgroundSave(schedule: boolean): 'started' | 'scheduled' {
    return this.saver.backgroundSave(schedule);
  }

  rewriteAof(): 'started' | 'scheduled' {
    return this.aof.rewrite();
  }

  get lastSaveMs(): number {
    return this.saver.lastSaveMs;
  }

  get isSaving(): boolean {
    return this.saver.isSaving;
  }

  get isRewriting(): boolean {
    return this.aof.isRewriting;
  }

  /** A failed snapshot goes before a failed append, as Redis asks. */
  get misconf(): ReplyError | null {
    return this.saver.misconf ?? this.aof.misconf;
  }

  flushedAll(): void {
    // One that an append-only file tells of is long past.
    if (this.loading === null) this.saver.flushedAll();
  }

  reload(options: { save: boolean; flush: boolean; merge: boolean }): void {
    const { engine } = this;
    this.#refuseWhileLoading();
    if (options.save && !this.saver.saveNow()) throw SAVE_FAILED;
    const { dirty } = engine.keyspace;
    if (options.flush) this.#empty();
    const { dbfilename } = engine.config.values;
    // An append-only file knows nothing of a reload: keys that it has must go by themselves, and be told.
    // A replica's keys go when its master says so.
    const dropExpired = this.aof.state === 'off' && engine.replication?.role !== 'replica';
    const snapshot = { dropExpired, allowDuplicates: options.merge };
    const steps = loadDump(this.#loadParts(true), this.#dumpPath, dbfilename, snapshot);
    const isThere = this.#atOnce(steps, RELOAD_FAILED);
    engine.keyspace.dirty = dirty;
    if (!isThere) throw RELOAD_FAILED;
    engine.log.warning('DB reloaded by DEBUG RELOAD');
  }

  loadAof(): void {
    const { engine, folder, aof } = this;
    this.#refuseWhileLoading();
    aof.flushNow();
    this.#empty();
    try {
      aof.manifest = this.#readManifest();
      this.#atOnce(
        loadAof(this.#loadParts(true), aof.manifest, folder.path, folder.filename),
        LOADAOF_FAILED,
      );
    } catch (error) {
      // What is in memory now is not what the files have: nothing must be written on.
      this.#fatal();
      throw error instanceof LoadError ? LOADAOF_FAILED : error;
    }
    engine.keyspace.dirty = 0;
    engine.log.warning('Append Only File loaded by DEBUG LOADAOF');
  }

  /** What is being loaded at start would go on, behind what has been loaded in between. */
  #refuseWhileLoading(): void {
    if ((this.engine.gates & (SERVER_LOADING | SERVER_ASYNC_LOADING)) !== 0) throw errors.LOADING_DATASET;
  }

  #empty(): void {
    this.engine.keyspace.flushAll(false);
    this.functions.clear();
  }

  #atOnce<T>(steps: Steps<T>, problem: ReplyError): T {
    try {
      return atOnce(steps);
    } catch (error) {
      if (error instanceof LoadError) throw problem;
      this.engine.log.warning(errnoText(error));
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : problem;
    } finally {
      this.loading = null;
    }
  }
}
