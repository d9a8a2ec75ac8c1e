/**
 * A payload on its way to a temporary file: what comes from the link is gathered in chunks, which are written beside
 * the event loop. When all is on disk, the file takes the place of the snapshot file.
 *
 *     write … → finish: synced, renamed to dbfilename
 *             → discard: removed
 *
 * A snapshot of ours may be about to get that name, too: were it renamed in a thread of its own, what is loaded then
 * might be that. So it is ended, and the name changed, in one go with the beginning of the loading.
 */
import { dirname, join } from 'node:path';
import type { Engine } from '../../../engine/engine.ts';
import { CHUNK_BYTES, ChunkFile, SYNC_BYTES } from '../../../persistence/files/chunk-file.ts';
import { FileError } from '../../../persistence/files/file-error.ts';
import type { FileSystem } from '../../../persistence/files/file-system.ts';
import { tempSnapshotName } from '../../../persistence/files/temp-files.ts';
import { copyBytes } from '../../../util/copy-bytes.ts';

/** Bytes on their way to the disk above which no more are read from the link, and below which reading goes on. */
const PENDING_MAX = 8 * 1024 * 1024;
const PENDING_LOW = 2 * 1024 * 1024;

export interface PayloadFileEvents {
  /** `isFull` is over. */
  onDrain(): void;
  /** It is about to take the place of the snapshot file: nobody else may be about to do so. */
  beforeReplacing(): void;
  /** It cannot be written; the log knows why. */
  onError(error: Error): void;
}

export class PayloadFile {
  isFull = false;
  readonly #engine: Engine;
  readonly #fs: FileSystem;
  readonly #file: ChunkFile;
  readonly #events: PayloadFileEvents;
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #filled = 0;
  #isDropped = false;

  constructor(engine: Engine, fs: FileSystem, events: PayloadFileEvents) {
    this.#engine = engine;
    this.#fs = fs;
    this.#events = events;
    // The one before may still be on its way out, when another master is followed at once.
    const serial = Math.floor(engine.clock.wallMs());
    const path = join(engine.config.values.dir, tempSnapshotName(process.pid, serial));
    this.#file = new ChunkFile(fs, path, {
      syncEvery: SYNC_BYTES,
      onError: (error) => this.#fail(error),
    });
    this.#file.onDrain = () => {
      if (!this.isFull || this.#isDropped || this.#file.pendingBytes > PENDING_LOW) return;
      this.isFull = false;
      events.onDrain();
    };
  }

  write(buf: Uint8Array, off: number, len: number): void {
    for (let done = 0; done < len; ) {
      const part = Math.min(len - done, CHUNK_BYTES - this.#filled);
      copyBytes(buf, off + done, part, this.#chunk, this.#filled);
      this.#filled += part;
      done += part;
      if (this.#filled === CHUNK_BYTES) this.#handOver();
    }
  }

  #handOver(): void {
    this.#chunk = this.#file.take(this.#chunk, this.#filled);
    this.#filled = 0;
    if (this.#file.pendingBytes >= PENDING_MAX) this.isFull = true;
  }

  /** All bytes have come: calls `done` with the file's path when it is the snapshot file. A failure goes to `onError`. */
  finish(done: (path: string) => void): void {
    const { config } = this.#engine;
    if (this.#filled > 0) this.#handOver();
    this.#file.finish(() => {
      if (this.#isDropped) return;
      const path = join(config.values.dir, config.values.dbfilename);
      this.#events.beforeReplacing();
      try {
        this.#fs.renameSync(this.#file.path, path);
      } catch (error) {
        this.#fail(new FileError('rename', error));
        return;
      }
      this.#fs.syncFolder(dirname(path), (error) => {
        if (error !== null) this.#logFailure(new FileError('sync-folder', error));
      });
      done(path);
    });
  }

  #fail(error: FileError): void {
    if (this.#isDropped) return;
    this.#logFailure(error);
    this.discard();
    this.#events.onError(error);
  }

  #logFailure(error: FileError): void {
    const { log, config } = this.#engine;
    const { dir, dbfilename } = config.values;
    const during = 'in MASTER <-> REPLICA synchronization';
    if (error.step === 'open') {
      log.warning(`Opening the temp file needed for MASTER <-> REPLICA synchronization: ${error.message}`);
    } else if (error.step === 'fsync') {
      log.warning(`Failed trying to sync the temp DB to disk ${during}: ${error.message}`);
    } else if (error.step === 'rename') {
      log.warning(`Failed trying to rename the temp DB into ${dbfilename} ${during}: ${error.message}`);
    } else if (error.step === 'sync-folder') {
      log.warning(`Failed trying to sync DB directory ${dir} ${during}: ${error.message}`);
    } else {
      log.warning(
        'Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA synchronization: ' +
          error.message,
      );
    }
  }

  /** Removes what there is of it. */
  discard(): void {
    this.#isDropped = true;
    this.#file.discardNow();
  }
}
