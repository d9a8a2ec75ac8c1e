/**
 * The data files of a server, put together: snapshots (rdb/), the append-only file (aof/), loading (loading/) and what
 * INFO tells of them (info.ts). Commands see it as `engine.persistence`, the server starts and ends it.
 *
 *     built ──load()──> the data is there, what is written is kept ──beforeEnd()──> everything is on disk
 */
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import * as errors from '../engine/errors.ts';
import type { ShutdownOptions } from '../engine/host.ts';
import type { Persistence } from '../engine/persistence.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import { errnoText } from '../util/errno-text.ts';
import { AofFolder, ManifestUnusable } from './aof/aof-folder.ts';
import type { Manifest } from './aof/manifest.ts';
import { type FileSystem, realFileSystem } from './files/file-system.ts';
import { failure, LoadError } from './loading/context.ts';
import { type AofSizes, type LoadParts, loadAof, loadDump } from './loading/load-data.ts';
import type { LoadingProgress } from './loading/progress.ts';
import type { SnapshotNotes } from './loading/snapshot-file.ts';
import { atOnce, inSlices, type Steps } from './loading/steps.ts';
import { takeOverOldFile } from './loading/take-over.ts';
import type { AofPart, SavingPart } from './parts.ts';

export class DataFiles implements Persistence {
  readonly engine: Engine;
  readonly fs: FileSystem;
  readonly folder: AofFolder;
  saver: SavingPart | null = null;
  aof: AofPart | null = null;
  /** What is being loaded; null: nothing. */
  loading: LoadingProgress | null = null;
  /** What the snapshot that was loaded last said of itself, its function libraries among it. */
  loaded: SnapshotNotes | null = null;
  /** Loading is done: what is written is kept. */
  #isOpen = false;
  #isAbandoned = false;

  constructor(engine: Engine, fs: FileSystem = realFileSystem) {
    this.engine = engine;
    this.fs = fs;
    this.folder = new AofFolder(fs, engine.log, engine.config);
  }

  // ------------------------------------------------------------------------------------------------ start and end

  /**
   * Loads what is on disk, in slices, and keeps what is written from then on. Returns false if it was abandoned.
   * Rejects with a LoadError if the server must not start with what is there; the log says why.
   */
  async load(): Promise<boolean> {
    const manifest = this.#readManifest();
    const loaded = await inSlices(this.#loadAtStart(manifest), () => this.#isAbandoned);
    this.loading = null;
    if (loaded === null) return false;
    this.saver?.loaded();
    this.aof?.loaded();
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

  *#loadAtStart(manifest: Manifest): Steps<AofSizes | 'dump'> {
    const { engine, fs, folder } = this;
    const { values } = engine.config;
    if (!values.appendonly) {
      yield* this.#loadDumpAtStart();
      return 'dump';
    }
    const taken = takeOverOldFile(engine, fs, folder, manifest);
    const sizes = yield* loadAof(this.#loadParts(false), taken, folder.path, folder.filename);
    return sizes ?? { total: 0, base: 0 };
  }

  *#loadDumpAtStart(): Steps<void> {
    const { dbfilename } = this.engine.config.values;
    try {
      yield* loadDump(this.#loadParts(false), this.#dumpPath, dbfilename, { dropExpired: true });
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
  async beforeEnd(options: ShutdownOptions): Promise<string | null> {
    if (!this.#isOpen) return null;
    const problem = (await this.aof?.beforeEnd(options)) ?? null;
    if (problem !== null && !options.force) return problem;
    return (await this.saver?.beforeEnd(options)) ?? problem;
  }

  // ------------------------------------------------------------------------------------------------ commands

  save(): boolean {
    return this.saver?.save() ?? false;
  }

  backgroundSave(schedule: boolean): 'started' | 'scheduled' {
    return this.saver!.backgroundSave(schedule);
  }

  rewriteAof(): 'started' | 'scheduled' {
    return this.aof!.rewrite();
  }

  get lastSaveMs(): number {
    return this.saver?.lastSaveMs ?? 0;
  }

  get isSaving(): boolean {
    return this.saver?.isSaving ?? false;
  }

  get isRewriting(): boolean {
    return this.aof?.isRewriting ?? false;
  }

  /** A failed snapshot goes before a failed append, as Redis asks. */
  get misconf(): ReplyError | null {
    return this.saver?.misconf ?? this.aof?.misconf ?? null;
  }

  flushedAll(): void {
    this.saver?.flushedAll();
  }

  reload(options: { save: boolean; flush: boolean; merge: boolean }): void {
    const { engine } = this;
    if (options.save && !this.save()) throw errors.err('Error trying to save the DB, check server logs');
    const { dirty } = engine.keyspace;
    if (options.flush) engine.keyspace.flushAll(false);
    const { dbfilename } = engine.config.values;
    const snapshot = { dropExpired: true, allowDuplicates: options.merge };
    this.#atOnce(
      loadDump(this.#loadParts(true), this.#dumpPath, dbfilename, snapshot),
      'Error trying to load the RDB dump, check server logs',
    );
    engine.keyspace.dirty = dirty;
    engine.log.warning('DB reloaded by DEBUG RELOAD');
  }

  loadAof(): void {
    const { engine, folder } = this;
    this.aof?.flushNow();
    engine.keyspace.flushAll(false);
    const manifest = folder.readManifest();
    this.#atOnce(
      loadAof(this.#loadParts(true), manifest, folder.path, folder.filename),
      'Error trying to load the AOF files, check server logs',
    );
    engine.keyspace.dirty = 0;
    engine.log.warning('Append Only File loaded by DEBUG LOADAOF');
  }

  #atOnce(steps: Steps<unknown>, problem: string): void {
    const startedNow = this.engine.nowMs;
    try {
      atOnce(steps);
    } catch (error) {
      if (!(error instanceof LoadError)) this.engine.log.warning(`${problem}: ${errnoText(error)}`);
      throw errors.err(problem);
    } finally {
      this.loading = null;
      if (startedNow !== this.engine.nowMs) this.engine.readTime();
    }
  }
}
