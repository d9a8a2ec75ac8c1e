/**
 * A new file that is written beside the event loop: chunks come in (ChunkSink), one write is in flight, and chunks that
 * are on disk are filled again. With `syncEvery` the file is synced each time so many bytes have been written, while
 * the writing goes on; so the last sync finds little to do, and the system's cache is not flooded.
 *
 *     open → write … → finish: sync, close          everything is on disk under the file's own (temporary) name
 *                    → discard: close, remove       whatever has happened
 *
 * A failure is told once, by `onError`; what comes after it is dropped.
 */
import type { ChunkSink } from '../../rdb/chunk-sink.ts';
import type { Backlog } from '../snapshot/backlog.ts';
import { FileError } from './file-error.ts';
import type { FileSystem } from './file-system.ts';

/** Bytes of a chunk: long enough that the way to the thread and back is small. */
export const CHUNK_BYTES = 256 * 1024;
/** Chunks that are kept to be filled again: as many as the snapshot lets wait. What is dropped would be garbage by the MiB. */
const SPARE_CHUNKS = 24;
/** Bytes between two syncs of a file that is synced while it is written. */
export const SYNC_BYTES = 4 * 1024 * 1024;

export interface ChunkFileOptions {
  /** Bytes between two syncs; 0: only at the end. */
  readonly syncEvery: number;
  onError(error: FileError): void;
}

export class ChunkFile implements ChunkSink, Backlog {
  /** Bytes taken that are not written yet. */
  pendingBytes = 0;
  onDrain: (() => void) | null = null;
  /** Bytes written. */
  written = 0;
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #options: ChunkFileOptions;
  #fd = -1;
  #opening = true;
  readonly #queue: Buffer[] = [];
  readonly #lengths: number[] = [];
  /** Bytes of the first chunk that are written. */
  #offset = 0;
  #writing = false;
  #syncing = false;
  #synced = 0;
  readonly #spare: Buffer[] = [];
  #failed = false;
  #onFinished: (() => void) | null = null;
  #onDiscarded: (() => void) | null = null;
  #removed = false;
  #closed = false;

  constructor(fs: FileSystem, path: string, options: ChunkFileOptions) {
    this.#fs = fs;
    this.path = path;
    this.#options = options;
    fs.open(path, 'w', (error, fd) => {
      this.#opening = false;
      if (error !== null) this.#fail('open', error);
      else this.#fd = fd;
      this.#next();
    });
  }

  take(chunk: Buffer, length: number): Buffer {
    if (this.#failed || this.#onDiscarded !== null) return chunk;
    this.#queue.push(chunk);
    this.#lengths.push(length);
    this.pendingBytes += length;
    this.#next();
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** All chunks have come: calls `done` when they are on disk and the file is closed. A failure goes to `onError`. */
  finish(done: () => void): void {
    this.#onFinished = done;
    this.#next();
  }

  /** Closes the file and removes it, as soon as the system has done with it. */
  discard(done: () => void = () => {}): void {
    const before = this.#onDiscarded;
    if (this.#removed) {
      done();
      return;
    }
    this.#onDiscarded = () => {
      before?.();
      done();
    };
    this.#queue.length = 0;
    this.pendingBytes = 0;
    this.#next();
  }

  /** The same, and the file has gone at once: for the end of the process. */
  discardNow(): void {
    try {
      this.#fs.unlinkSync(this.path);
    } catch {
      // It is not there yet, or cannot be removed: the next start tries again.
    }
    this.discard();
  }

  #fail(step: FileError['step'], error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#queue.length = 0;
    this.pendingBytes = 0;
    this.#onFinished = null;
    if (this.#onDiscarded === null) this.#options.onError(new FileError(step, error));
  }

  /** Does what is to be done next, if nothing is in flight that forbids it. */
  #next(): void {
    if (this.#opening || this.#closed) return;
    if (this.#onDiscarded !== null) {
      if (!this.#writing && !this.#syncing) this.#remove();
      return;
    }
    if (this.#failed) return;
    const { syncEvery } = this.#options;
    if (syncEvery > 0 && !this.#syncing && this.written - this.#synced >= syncEvery) this.#sync();
    const chunk = this.#queue[0];
    // One sync may be behind by as much as is written between two; then it is waited for.
    const isAhead = this.#syncing && syncEvery > 0 && this.written - this.#synced >= syncEvery;
    if (chunk !== undefined && !this.#writing && !isAhead) this.#write(chunk);
    if (chunk === undefined && this.#onFinished !== null && !this.#writing && !this.#syncing) this.#end();
  }

  #write(chunk: Buffer): void {
    this.#writing = true;
    const length = this.#lengths[0]!;
    this.#fs.write(this.#fd, chunk, this.#offset, length - this.#offset, (error, bytes) => {
      this.#writing = false;
      if (error !== null) this.#fail('write', error);
      else if (this.#queue.length > 0) this.#wrote(chunk, length, bytes);
      this.#next();
      this.onDrain?.();
    });
  }

  #wrote(chunk: Buffer, length: number, bytes: number): void {
    this.written += bytes;
    this.pendingBytes -= bytes;
    this.#offset += bytes;
    if (this.#offset < length) return;
    this.#offset = 0;
    this.#queue.shift();
    this.#lengths.shift();
    if (chunk.length === CHUNK_BYTES && this.#spare.length < SPARE_CHUNKS) this.#spare.push(chunk);
  }

  #sync(): void {
    this.#syncing = true;
    this.#synced = this.written;
    this.#fs.fdatasync(this.#fd, (error) => {
      this.#syncing = false;
      if (error !== null) this.#fail('fsync', error);
      this.#next();
    });
  }

  #end(): void {
    const done = this.#onFinished!;
    this.#onFinished = null;
    this.#syncing = true;
    this.#fs.fsync(this.#fd, (error) => {
      this.#syncing = false;
      if (error !== null) this.#fail('fsync', error);
      if (this.#failed || this.#onDiscarded !== null) {
        this.#next();
        return;
      }
      this.#closed = true;
      this.#fs.close(this.#fd, (closing) => {
        this.#fd = -1;
        this.#closed = false;
        if (closing !== null) this.#fail('close', closing);
        else if (this.#onDiscarded === null) {
          done();
          return;
        }
        this.#next();
      });
    });
  }

  #remove(): void {
    this.#closed = true;
    const unlink = (): void =>
      this.#fs.unlink(this.path, () => {
        this.#removed = true;
        this.#onDiscarded?.();
      });
    if (this.#fd < 0) unlink();
    else this.#fs.close(this.#fd, unlink);
  }
}
