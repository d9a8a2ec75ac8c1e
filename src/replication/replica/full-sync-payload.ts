/**
 * Takes the snapshot of a full sync and makes it the data set: by a file (`repl-diskless-load disabled`), or straight
 * from the link.
 *
 *     link ──> PayloadFile ──> dbfilename ──> NewData          everything has come before anything changes
 *     link ──> LinkChunks ──────────────────> NewData          the link's end in between is a failure
 */

import type { LoadContext } from '../../persistence/loading/context.ts';
import {
  loadSnapshot,
  loadSnapshotFile,
  type SnapshotNotes,
} from '../../persistence/loading/snapshot-file.ts';
import type { Steps } from '../../persistence/loading/steps.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { Shared } from '../parts.ts';
import { EndMark } from './loading/end-mark.ts';
import { LinkChunks } from './loading/link-chunks.ts';
import { type LoadManner, NewData } from './loading/new-data.ts';
import { PayloadFile } from './loading/payload-file.ts';

const BROKEN_MARK = 'Replication stream EOF marker is broken';

export interface PayloadOptions {
  /** `$<bytes>`, or `$EOF:<mark of 40 characters>`. */
  readonly kind: { readonly bytes: number } | { readonly mark: string };
  /**
   * What is there is an older state of the same history: with `repl-diskless-load swapdb` it is served meanwhile.
   * Otherwise clients are told LOADING.
   */
  readonly isSameHistory?: boolean;
  /**
   * The old data is about to go: replicas of ours must begin anew. With `swapdb` that is when the new has been loaded,
   * else before it is.
   */
  onLoading(): void;
  /** Called once, when the data set is the master's (with repl-stream-db of the snapshot, -1: not told), or it has failed. */
  onEnd(result: { streamDb: number } | Error): void;
}

/** Bytes come in from the link; the end comes by `onEnd`. */
export class FullSyncPayload {
  /** Bytes of the payload so far (master_sync_read_bytes). */
  taken = 0;
  /** Of all of it, as far as the master has told (master_sync_total_bytes); 0: it hasn't. */
  readonly totalBytes: number;
  /** All has come: from now on nothing more is needed of the link. */
  isComplete = false;
  /** The data set is being replaced. */
  isLoading = false;
  onDrain: (() => void) | null = null;
  protected readonly shared: Shared;
  protected readonly options: PayloadOptions;
  readonly #mark: EndMark | null;
  readonly #data: NewData;
  #file: PayloadFile | null = null;
  #chunks: LinkChunks | null = null;
  #isOver = false;

  /** Logs that it begins. */
  constructor(shared: Shared, options: PayloadOptions) {
    this.shared = shared;
    this.options = options;
    const { engine, files } = shared;
    const { kind } = options;
    this.totalBytes = 'bytes' in kind ? kind.bytes : 0;
    this.#mark = 'mark' in kind ? new EndMark(kind.mark, (buf, off, len) => this.#give(buf, off, len)) : null;
    const isDirect = this.#loadsDirectly();
    engine.log.notice(
      'MASTER <-> REPLICA sync: receiving ' +
        ('bytes' in kind ? `${kind.bytes} bytes from master ` : 'streamed RDB from master with EOF ') +
        (isDirect ? 'to parser' : 'to disk'),
    );
    this.#data = new NewData(files, this.#manner(), {
      onReplace: () => options.onLoading(),
      onLoaded: (notes) => this.#loaded(notes),
      onFailed: (error) => this.#failed(error),
    });
    if (isDirect) this.#beginDirect();
    else {
      this.#file = new PayloadFile(engine, files.fs, {
        onDrain: () => this.onDrain?.(),
        beforeReplacing: () => this.#endSaving(),
        onError: (error) => this.#end(error),
      });
    }
    if ('bytes' in kind && kind.bytes === 0) setImmediate(() => this.#complete());
  }

  #manner(): LoadManner {
    if (this.shared.engine.config.values['repl-diskless-load'] !== 'swapdb') return 'in place';
    return this.options.isSameHistory === true ? 'aside, serving' : 'aside';
  }

  #loadsDirectly(): boolean {
    const { config, keyspace } = this.shared.engine;
    const how = config.values['repl-diskless-load'];
    return how === 'swapdb' || (how === 'on-empty-db' && keyspace.databases.every(({ size }) => size === 0));
  }

  /** No more should be read from the link for now; `onDrain` is called when that is over. */
  get isFull(): boolean {
    return this.#file?.isFull ?? this.#chunks?.isFull ?? false;
  }

  /** Takes bytes; returns how many belong to the payload. Fewer than there are: it is over, the rest is the stream. */
  take(buf: Uint8Array, off: number, len: number): number {
    const { kind } = this.options;
    if (this.isComplete || this.#isOver) return 0;
    if (this.#mark !== null) {
      const used = this.#mark.take(buf, off, len);
      this.taken += used;
      if (this.#mark.found) this.#complete();
      return used;
    }
    const used = Math.min(len, this.totalBytes - this.taken);
    this.#give(buf, off, used);
    this.taken += used;
    if ('bytes' in kind && this.taken === kind.bytes) this.#complete();
    return used;
  }

  #give(buf: Uint8Array, off: number, len: number): void {
    if (this.#file !== null) this.#file.write(buf, off, len);
    else this.#chunks?.write(buf, off, len);
  }

  #complete(): void {
    if (this.#isOver || this.isComplete) return;
    this.isComplete = true;
    if (this.#file === null) this.#chunks?.over();
    else this.#file.finish((path) => this.#loadFile(path));
  }

  /** What is saved of the old data must not take the place of the file that is loaded. */
  #endSaving(): void {
    const { engine, files } = this.shared;
    if (!files.saver.isSaving) return;
    engine.log.notice(
      'Replica is about to load the RDB file received from the master, but there is a pending RDB child ' +
        `running. Killing process ${process.pid} and removing its temp file to avoid any race`,
    );
    files.saver.kill();
  }

  #loadFile(path: string): void {
    const { engine, files } = this.shared;
    this.#file = null;
    this.isLoading = true;
    const size = files.fs.statSync(path)?.size ?? 0;
    this.#data.begin(size, (context) =>
      loadSnapshotFile(context, path, engine.config.values.dbfilename, {
        dropExpired: false,
        survives: true,
      }),
    );
  }

  #beginDirect(): void {
    const chunks = new LinkChunks();
    this.#chunks = chunks;
    chunks.onDrain = () => this.onDrain?.();
    this.isLoading = true;
    this.#data.begin(this.totalBytes, (context) => this.#fromLink(context, chunks));
  }

  *#fromLink(context: LoadContext, chunks: LinkChunks): Steps<SnapshotNotes> {
    const { databases } = this.#data;
    const notes = yield* loadSnapshot(
      context,
      chunks,
      'the snapshot of the master',
      this.totalBytes === 0 ? undefined : this.totalBytes,
      { dropExpired: false, ...(databases !== undefined && { databases }) },
    );
    // Behind the snapshot there is nothing but the mark.
    const isEnd = (): boolean => !chunks.hasBytes && chunks.taken === notes.end;
    while (!this.isComplete && isEnd()) yield chunks.waiting;
    if (!isEnd()) throw new Error(BROKEN_MARK);
    return notes;
  }

  #loaded(notes: SnapshotNotes): void {
    const { engine, files } = this.shared;
    this.isLoading = false;
    if (this.#chunks === null) this.#removeFile();
    engine.log.notice('MASTER <-> REPLICA sync: Finished with success');
    const streamDb = Number(notes.aux.get('repl-stream-db') ?? -1);
    this.#end({ streamDb: Number.isInteger(streamDb) ? streamDb : -1 });
    files.aof.restartAfterSync();
  }

  #failed(error: Error): void {
    const { log } = this.shared.engine;
    this.isLoading = false;
    const reason = (error as NodeJS.ErrnoException).syscall === undefined ? error.message : errnoText(error);
    if (error.message === BROKEN_MARK) log.warning(BROKEN_MARK);
    else if (this.#chunks !== null) {
      log.warning(
        `${reason}. Failure loading rdb format from socket, assuming connection error, resuming operation.`,
      );
    }
    if (this.#chunks !== null) {
      log.warning(`Failed trying to load the MASTER synchronization DB from socket: ${reason}`);
    } else {
      log.warning(`Failed trying to load the MASTER synchronization DB from disk: ${reason}`);
      this.#removeFile();
    }
    this.#end(error);
  }

  #logShortRead(offset: number): void {
    const { log } = this.shared.engine;
    log.warning('Short read or OOM loading DB. Unrecoverable error, aborting now.');
    log.warning(
      `Internal error in RDB reading offset ${offset} -> Unexpected EOF reading RDB file. ` +
        'Failure loading rdb format from socket, assuming connection error, resuming operation.',
    );
    log.warning('Failed trying to load the MASTER synchronization DB from socket: connection lost');
  }

  /** rdb-del-sync-files: who keeps nothing on disk does not keep this, either. */
  #removeFile(): void {
    const { engine, files } = this.shared;
    const { values } = engine.config;
    if (!values['rdb-del-sync-files'] || values.appendonly || values.save.length > 0) return;
    engine.log.notice(
      'Removing the RDB file obtained from the master. This replica has persistence disabled',
    );
    files.fs.unlink(`${values.dir}/${values.dbfilename}`, () => {});
  }

  #end(result: { streamDb: number } | Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.options.onEnd(result);
  }

  /** The link is gone, or nobody wants it any more: what has come is dropped, `onEnd` is not called. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#chunks !== null && this.isLoading && !this.isComplete) this.#logShortRead(this.#chunks.taken);
    this.isLoading = false;
    this.#file?.discard();
    this.#data.abort();
  }
}
