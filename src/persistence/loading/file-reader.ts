/**
 * A file read from front to back, one chunk ahead: while a chunk is worked on, the next one is being read into the
 * other buffer. Each buffer has room before its chunk, so that what is left of the last chunk can be put in front.
 *
 *     |        HEADROOM        |              chunk               |
 *               ^ left of the last chunk
 */
import type { FileSystem } from '../files/file-system.ts';

/** Bytes of a chunk: large enough that what is put in front doesn't matter, small enough for the processor's cache. */
const CHUNK_BYTES = 1024 * 1024;
/** What is left of a chunk and is longer than this goes another way (aof-reader.ts). */
export const HEADROOM = 64 * 1024;

export class FileReader {
  readonly #fs: FileSystem;
  readonly #fd: number;
  readonly #blocking: boolean;
  /** The chunk taken last: bytes [HEADROOM, end) of `buf`. */
  buf: Buffer = Buffer.allocUnsafeSlow(HEADROOM + CHUNK_BYTES);
  end = HEADROOM;
  /** Where the next read begins in the file. */
  #position: number;
  #other: Buffer = Buffer.allocUnsafeSlow(HEADROOM + CHUNK_BYTES);
  #otherEnd = -1;
  #error: NodeJS.ErrnoException | null = null;
  #reading: Promise<void> | null = null;
  #closed = false;

  /** Reads from `position` on. `blocking`: each read is done when it is asked for. The file is closed by `close`. */
  constructor(fs: FileSystem, fd: number, position: number, blocking: boolean) {
    this.#fs = fs;
    this.#fd = fd;
    this.#position = position;
    this.#blocking = blocking;
    if (!blocking) this.#readAhead();
  }

  /** The memory of `buf`, as those expect it who take a part by `slice`: a Buffer's is no copy. */
  get bytes(): Uint8Array {
    const { buffer, byteOffset, length } = this.buf;
    return new Uint8Array(buffer, byteOffset, length);
  }

  /** What to wait for before `take`, or null when the next chunk is there. */
  get waiting(): Promise<void> | null {
    return this.#reading;
  }

  /** Makes the next chunk the current one. False at the end of the file. Throws what reading has failed with. */
  take(): boolean {
    if (this.#blocking) {
      this.end = HEADROOM + this.#fs.readSync(this.#fd, this.buf, HEADROOM, CHUNK_BYTES, this.#position);
      this.#position += this.end - HEADROOM;
      return this.end > HEADROOM;
    }
    if (this.#error !== null) throw this.#error;
    const taken = this.buf;
    this.buf = this.#other;
    this.end = this.#otherEnd;
    this.#other = taken;
    if (this.end === HEADROOM) return false;
    this.#readAhead();
    return true;
  }

  #readAhead(): void {
    this.#reading = new Promise((resolve) => {
      this.#fs.read(this.#fd, this.#other, HEADROOM, CHUNK_BYTES, this.#position, (error, bytes) => {
        this.#error = error;
        this.#otherEnd = HEADROOM + (error === null ? bytes : 0);
        this.#position += error === null ? bytes : 0;
        this.#reading = null;
        if (this.#closed) this.#fs.close(this.#fd, () => {});
        resolve();
      });
    });
  }

  /** Closes the file, when nothing is being read from it any more. */
  close(): void {
    this.#closed = true;
    if (this.#reading === null) this.#fs.closeSync(this.#fd);
  }
}
