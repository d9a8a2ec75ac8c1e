/**
 * The same at once, for SAVE and its kin, which stop the world: `take`, `finish` throw a FileError.
 */
import type { ChunkSink } from '../../rdb/chunk-sink.ts';
import { FileError } from './file-error.ts';
import type { FileSystem } from './file-system.ts';

export class ChunkFileSync implements ChunkSink {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #syncEvery: number;
  #fd: number;
  #unsynced = 0;

  /** Makes the file. `syncEvery`: bytes between two syncs; 0: only at the end. */
  constructor(fs: FileSystem, path: string, syncEvery: number) {
    this.#fs = fs;
    this.path = path;
    this.#syncEvery = syncEvery;
    try {
      this.#fd = fs.openSync(path, 'w');
    } catch (error) {
      throw new FileError('open', error);
    }
  }

  take(chunk: Buffer, length: number): Buffer {
    try {
      for (let off = 0; off < length; ) off += this.#fs.writeSync(this.#fd, chunk, off, length - off);
    } catch (error) {
      throw new FileError('write', error);
    }
    this.#unsynced += length;
    if (this.#syncEvery > 0 && this.#unsynced >= this.#syncEvery) this.#sync();
    return chunk;
  }

  #sync(): void {
    this.#unsynced = 0;
    try {
      this.#fs.fdatasyncSync(this.#fd);
    } catch (error) {
      throw new FileError('fsync', error);
    }
  }

  /** Everything is on disk, and the file is closed. */
  finish(): void {
    try {
      this.#fs.fsyncSync(this.#fd);
    } catch (error) {
      throw new FileError('fsync', error);
    }
    const fd = this.#fd;
    this.#fd = -1;
    try {
      this.#fs.closeSync(fd);
    } catch (error) {
      throw new FileError('close', error);
    }
  }

  /** Closes the file and removes it, as far as that can be done. */
  discard(): void {
    try {
      if (this.#fd >= 0) this.#fs.closeSync(this.#fd);
    } catch {
      // Nothing more can be done about it.
    }
    this.#fd = -1;
    try {
      this.#fs.unlinkSync(this.path);
    } catch {
      // It will be found at the next start (temp-files.ts).
    }
  }
}
