/**
 * The data of a full sync takes the place of what was there: in slices, between which clients are told LOADING (or, if
 * the new data is loaded aside, are served the old).
 *
 *     in place   AOF stopped → emptied → loaded            failed: emptied again, half of it is never shown
 *     aside      AOF stopped → loaded aside → exchanged    failed: what was there stays
 */
import type { Engine } from '../../../engine/engine.ts';
import { SERVER_ASYNC_LOADING, SERVER_LOADING } from '../../../engine/gates.ts';
import type { Database } from '../../../keyspace/database.ts';
import { EXPIRE_IGNORED } from '../../../keyspace/keyspace.ts';
import type { LoadContext } from '../../../persistence/loading/context.ts';
import { KeptFunctions } from '../../../persistence/loading/kept-functions.ts';
import { LoadingProgress } from '../../../persistence/loading/progress.ts';
import type { SnapshotNotes } from '../../../persistence/loading/snapshot-file.ts';
import type { Steps } from '../../../persistence/loading/steps.ts';
import type { DataFiles } from '../../../persistence/persistence.ts';

export type LoadManner = 'in place' | 'aside' | 'aside, serving';

export interface NewDataEvents {
  /** What was there is about to go. */
  onReplace(): void;
  onLoaded(notes: SnapshotNotes): void;
  /** Nothing of the new data is left. */
  onFailed(error: Error): void;
}

export class NewData {
  readonly #engine: Engine;
  readonly #files: DataFiles;
  readonly #manner: LoadManner;
  readonly #events: NewDataEvents;
  readonly #functions: KeptFunctions;
  /** What is loaded into; undefined: the keyspace's own. */
  databases: readonly Database[] | undefined;
  #steps: Steps<SnapshotNotes> | null = null;

  constructor(files: DataFiles, manner: LoadManner, events: NewDataEvents) {
    this.#engine = files.engine;
    this.#files = files;
    this.#manner = manner;
    this.#events = events;
    this.#functions = manner === 'in place' ? files.functions : new KeptFunctions();
  }

  /** Begins. `totalBytes`: of the payload, as far as that is known. `load` makes the steps of loading. */
  begin(totalBytes: number, load: (context: LoadContext) => Steps<SnapshotNotes>): void {
    const { log, keyspace } = this.#engine;
    const files = this.#files;
    files.aof.stopForSync();
    if (this.#manner === 'in place') {
      this.#events.onReplace();
      log.notice('MASTER <-> REPLICA sync: Flushing old data');
      this.#empty();
    } else this.databases = keyspace.beginAside();
    log.notice('MASTER <-> REPLICA sync: Loading DB in memory');
    const progress = new LoadingProgress(this.#engine, totalBytes);
    files.loading = progress;
    this.#engine.gates |= this.#manner === 'aside, serving' ? SERVER_ASYNC_LOADING : SERVER_LOADING;
    this.#steps = load({
      engine: this.#engine,
      fs: files.fs,
      progress,
      functions: this.#functions,
      blocking: false,
    });
    setImmediate(() => this.#step());
  }

  #step(): void {
    const steps = this.#steps;
    if (steps === null) return;
    let result: IteratorResult<Promise<void> | null, SnapshotNotes>;
    const { keyspace } = this.#engine;
    const { expireMode } = keyspace;
    // What is loaded is what the master has said, down to its expiry.
    keyspace.expireMode = EXPIRE_IGNORED;
    try {
      result = steps.next();
    } catch (error) {
      this.#steps = null;
      keyspace.expireMode = expireMode;
      this.#undo();
      this.#events.onFailed(error as Error);
      return;
    }
    keyspace.expireMode = expireMode;
    if (result.done === true) {
      this.#steps = null;
      this.#complete(result.value);
    } else if (result.value === null) setImmediate(() => this.#step());
    else void result.value.then(() => this.#step());
  }

  #complete(notes: SnapshotNotes): void {
    const files = this.#files;
    if (this.#manner !== 'in place') this.#exchange();
    this.#endLoading();
    files.loaded = notes;
    this.#events.onLoaded(notes);
  }

  /** Gives it up. Nothing of the new data is left; no event comes any more. */
  abort(): void {
    const steps = this.#steps;
    if (steps === null) return;
    this.#steps = null;
    steps.return(undefined as never);
    this.#undo();
  }

  #exchange(): void {
    const { log, keyspace } = this.#engine;
    this.#events.onReplace();
    log.notice('MASTER <-> REPLICA sync: Swapping active DB with loaded DB');
    keyspace.adoptAside();
    this.#files.functions.adopt(this.#functions);
    log.notice('MASTER <-> REPLICA sync: Discarding old DB in background');
  }

  #undo(): void {
    if (this.#manner === 'in place') this.#empty();
    else {
      this.#engine.keyspace.dropAside();
      this.#engine.log.notice('MASTER <-> REPLICA sync: Discarding temporary DB in background');
    }
    this.#endLoading();
  }

  #endLoading(): void {
    this.#files.loading = null;
    this.#engine.gates &= ~(SERVER_LOADING | SERVER_ASYNC_LOADING);
  }

  #empty(): void {
    const { keyspace, config } = this.#engine;
    keyspace.flushAll(config.values['replica-lazy-flush']);
    this.#functions.clear();
  }
}
