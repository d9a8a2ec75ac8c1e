/**
 * The bytes of an RDB that are there and not read yet: a piece of memory that moves over the RDB, and the checksum of
 * what it has moved over.
 *
 * Bytes are put into memory of its own (`room` and `filled`, `push`), or memory that has them is lent (`lend`), which
 * copies no more than what was left of the bytes before. What stands before the reader's mark is forgotten when room is
 * needed.
 */
import { copyBytes } from '../../util/copy-bytes.ts';
import { Crc64 } from '../../util/crc64.ts';
import { RdbReader } from './reader.ts';

/** Memory that is kept when nothing needs more. */
const WINDOW_BYTES = 1 << 18;
const WINDOW_MAX_KEPT = 1 << 23;

export class RdbWindow {
  /** Memory of its own. The reader's is another one while it is lent. */
  #own = new Uint8Array(0);
  readonly reader = new RdbReader(this.#own);
  /** The checksum; null: none is wanted. */
  readonly crc: Crc64 | null;
  /** Where in the reader's memory the checksum has come to: at or behind the mark, when bytes are put there. */
  summed = 0;
  /** Bytes of the RDB before the reader's memory. */
  #before = 0;

  /** `size`: bytes of the whole RDB, where that is known. */
  constructor(size: number | undefined, checksum: boolean) {
    this.crc = checksum ? new Crc64() : null;
    this.reader.following = size ?? Number.POSITIVE_INFINITY;
  }

  /** Where at least `min` bytes more can be put: into `buf` from `off` on. Then call `filled`. */
  room(min: number): { buf: Uint8Array; off: number } {
    this.release();
    const { reader } = this;
    const { buf, mark, end } = reader;
    if (buf.length - end >= min) return { buf, off: end };
    const kept = end - mark;
    this.#forget(mark);
    let needed = kept + min;
    if (reader.wanted > needed && Number.isFinite(reader.following)) needed = reader.wanted;
    if (needed > buf.length || (buf.length > WINDOW_MAX_KEPT && needed < WINDOW_BYTES)) {
      const grown = new Uint8Array(
        Math.max(WINDOW_BYTES, needed < buf.length ? needed : needed + (kept >> 1)),
      );
      grown.set(buf.subarray(mark, end));
      this.#own = grown;
    } else buf.copyWithin(0, mark, end);
    this.#move(this.#own, 0, kept);
    return { buf: this.#own, off: kept };
  }

  /** So many bytes were put there. */
  filled(bytes: number): void {
    this.reader.end += bytes;
    this.reader.following -= bytes;
  }

  /** No more bytes will come. */
  ended(): void {
    this.reader.following = 0;
  }

  /** Hands over bytes: room, copy, filled. */
  push(bytes: Uint8Array, from = 0, len = bytes.length - from): void {
    const { buf, off } = this.room(len);
    copyBytes(bytes, from, len, buf, off);
    this.filled(len);
  }

  /**
   * Hands over bytes [from, end) of `memory` without copying them: it becomes the window, until `release`. What is left
   * of the last window is put in front of them, where there is room enough for it; else they are copied after all.
   */
  lend(memory: Uint8Array, from: number, end: number): void {
    this.release();
    const { reader } = this;
    const { buf, mark } = reader;
    const kept = reader.end - mark;
    if (kept > from) {
      this.push(memory, from, end - from);
      return;
    }
    const start = from - kept;
    copyBytes(buf, mark, kept, memory, start);
    this.#forget(mark);
    this.#move(memory, start, end);
    reader.following -= end - from;
    if (this.#own.length > WINDOW_MAX_KEPT) this.#own = new Uint8Array(0);
  }

  /** Memory that was lent may be used for something else. */
  release(): void {
    const { buf, mark, end } = this.reader;
    if (buf === this.#own) return;
    const kept = end - mark;
    if (this.#own.length < kept) this.#own = new Uint8Array(Math.max(WINDOW_BYTES, kept));
    this.#own.set(buf.subarray(mark, end));
    this.#forget(mark);
    this.#move(this.#own, 0, kept);
  }

  /** What has been read is no longer needed; the checksum must have seen it. */
  #forget(mark: number): void {
    this.sum(mark);
    this.#before += mark;
    this.summed = Math.max(0, this.summed - mark);
  }

  /** The window is [start, end) of `buf`, none of it read; `summed` was counted from its start. */
  #move(buf: Uint8Array, start: number, end: number): void {
    const { reader } = this;
    reader.buf = buf;
    reader.mark = start;
    reader.pos = start;
    reader.end = end;
    this.summed += start;
    this.#before -= start;
  }

  /** The checksum goes on to here. */
  sum(upTo: number): void {
    if (this.crc === null || upTo <= this.summed) return;
    this.crc.update(this.reader.buf, this.summed, upTo - this.summed);
    this.summed = upTo;
  }

  /** Bytes of the RDB that have been read for good. */
  get consumed(): number {
    return this.#before + this.reader.mark;
  }

  /** Where reading is: for messages. */
  get offset(): number {
    return this.#before + this.reader.pos;
  }

  /** Bytes that were handed over and have not been read: when the RDB has ended, what stands behind it. */
  get leftover(): Uint8Array {
    const { buf, mark, end } = this.reader;
    return buf.subarray(mark, end);
  }
}
