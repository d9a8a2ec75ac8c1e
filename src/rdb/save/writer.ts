/**
 * Writes the parts of an RDB: numbers, lengths, strings, into chunks that a sink takes.
 *
 * Whoever writes many small things at once asks for room and then stores into `buf` from `pos` on by himself, as with
 * the reply writer. The checksum runs over what is handed to the sink, chunk by chunk, so a part costs a few stores.
 */

import { lzfCompress } from '../../structures/lzf.ts';
import { Crc64 } from '../../util/crc64.ts';
import { parseSafeInt, writeInt } from '../../util/number-text.ts';
import type { ChunkSink } from '../chunk-sink.ts';
import {
  LENGTH_14,
  LENGTH_32,
  LENGTH_64,
  LENGTH_ENCODED,
  STRING_INT8,
  STRING_INT16,
  STRING_INT32,
  STRING_LZF,
} from '../format.ts';

const TWO_32 = 4294967296;
/** Strings that could be compressed are longer than this. */
const COMPRESS_ABOVE = 20;
/** Longest text of an integer that fits in 32 bits. */
const INT32_TEXT_MAX = 11;
/** Most bytes of a length. */
export const LENGTH_MAX = 9;
const DEFAULT_CHUNK_BYTES = 65536;
/** Copied by a loop; longer runs by `set`. */
const COPY_BY_HAND = 96;
/** Shorter strings are compressed straight into the chunk; both their lengths take at most two bytes. */
const IN_PLACE = 16384;
const COMPRESSED_HEAD_MAX = 5;
/** Room for compressed strings that is kept from one to the next. */
const SCRATCH_KEPT = 1048576;

export interface RdbWriterOptions {
  /** Whether the file ends in a checksum (rdbchecksum). */
  checksum: boolean;
  /** Whether strings are compressed where that saves room (rdbcompression). */
  compress: boolean;
  /** Size of the first chunk; the sink gives the others. */
  chunkBytes?: number;
}

export class RdbWriter {
  /** The chunk that is being filled, up to `pos`. */
  buf: Buffer;
  pos = 0;
  readonly compress: boolean;
  readonly #sink: ChunkSink;
  readonly #crc: Crc64 | null;
  #scratch = new Uint8Array(0);
  readonly #digits = new Uint8Array(20);
  #handed = 0;

  constructor(sink: ChunkSink, options: RdbWriterOptions) {
    this.#sink = sink;
    this.buf = Buffer.allocUnsafeSlow(options.chunkBytes ?? DEFAULT_CHUNK_BYTES);
    this.#crc = options.checksum ? new Crc64() : null;
    this.compress = options.compress;
  }

  /** Bytes written, those of the chunk that is being filled included. */
  get written(): number {
    return this.#handed + this.pos;
  }

  /** Hands the chunk over as it is. */
  flush(): void {
    const { pos } = this;
    if (pos === 0) return;
    this.#crc?.update(this.buf, 0, pos);
    this.buf = this.#sink.take(this.buf, pos);
    this.#handed += pos;
    this.pos = 0;
  }

  /** Writes the eight bytes of the checksum of all that was written so far, zero where there is none; hands all over. */
  finish(): void {
    this.flush();
    if (this.#crc === null) this.buf.fill(0, 0, 8);
    else this.#crc.write(this.buf, 0);
    this.buf = this.#sink.take(this.buf, 8);
    this.#handed += 8;
  }

  /** After `finish`: what comes now has a checksum of its own. */
  restart(): void {
    this.#crc?.reset();
    this.#handed = 0;
  }

  /** Makes sure that `bytes` (fewer than a chunk has) are free behind `pos`. */
  room(bytes: number): void {
    if (this.buf.length - this.pos < bytes) this.flush();
  }

  byte(value: number): void {
    if (this.pos === this.buf.length) this.flush();
    this.buf[this.pos++] = value;
  }

  length(n: number): void {
    this.room(LENGTH_MAX);
    const { buf } = this;
    if (n < 64) buf[this.pos++] = n;
    else if (n < 16384) {
      buf[this.pos++] = (LENGTH_14 << 6) | (n >> 8);
      buf[this.pos++] = n & 255;
    } else if (n < TWO_32) {
      buf[this.pos++] = LENGTH_32;
      this.#word(n);
    } else {
      buf[this.pos++] = LENGTH_64;
      this.#word(Math.floor(n / TWO_32));
      this.#word(n % TWO_32);
    }
  }

  /** Big endian. */
  #word(n: number): void {
    const { buf } = this;
    buf[this.pos++] = n >>> 24;
    buf[this.pos++] = (n >>> 16) & 255;
    buf[this.pos++] = (n >>> 8) & 255;
    buf[this.pos++] = n & 255;
  }

  /** A length of 64 bits in two words (the parts of stream ids, counters). */
  length64(high: number, low: number): void {
    if (high === 0) {
      this.length(low >>> 0);
      return;
    }
    this.room(LENGTH_MAX);
    this.buf[this.pos++] = LENGTH_64;
    this.#word(high);
    this.#word(low);
  }

  /** A safe integer as eight bytes, little endian (times in ms). */
  int64(n: number): void {
    this.room(8);
    this.pos = this.buf.writeInt32LE(n | 0, this.pos);
    this.pos = this.buf.writeInt32LE(Math.floor(n / TWO_32) | 0, this.pos);
  }

  double(value: number): void {
    this.room(8);
    this.pos = this.buf.writeDoubleLE(value, this.pos);
  }

  /** Bytes as they are, however many. */
  raw(src: Uint8Array, off: number, len: number): void {
    for (let from = off, left = len; left > 0; ) {
      if (this.pos === this.buf.length) this.flush();
      const free = this.buf.length - this.pos;
      const part = left < free ? left : free;
      const { buf } = this;
      let at = this.pos;
      if (part <= COPY_BY_HAND) for (let i = 0; i < part; i++) buf[at++] = src[from + i]!;
      else buf.set(src.subarray(from, from + part), at);
      this.pos += part;
      from += part;
      left -= part;
    }
  }

  /** A string in the shortest form: as an integer, compressed, or raw. */
  string(src: Uint8Array, off: number, len: number): void {
    if (len <= INT32_TEXT_MAX) {
      if (this.#integerText(src, off, len)) return;
    } else if (this.compress && len > COMPRESS_ABOVE && this.#compressed(src, off, len)) return;
    if (len < 64 && len < this.buf.length - this.pos) {
      // A short one, the most frequent case, in one loop.
      const { buf } = this;
      let at = this.pos;
      buf[at++] = len;
      for (let i = off, end = off + len; i < end; i++) buf[at++] = src[i]!;
      this.pos = at;
      return;
    }
    this.length(len);
    this.raw(src, off, len);
  }

  /** A string that is the decimal text of a safe integer. */
  integer(n: number): void {
    if (n >= -2147483648 && n <= 2147483647) {
      this.#int32(n);
      return;
    }
    const len = writeInt(this.#digits, 0, n);
    this.length(len);
    this.raw(this.#digits, 0, len);
  }

  /** A text of the format's own (names of aux fields). */
  text(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.string(bytes, 0, bytes.length);
  }

  /** The head of a string whose compressed bytes, `packed` of them, follow. */
  compressedHead(packed: number, len: number): void {
    this.byte((LENGTH_ENCODED << 6) | STRING_LZF);
    this.length(packed);
    this.length(len);
  }

  #integerText(src: Uint8Array, off: number, len: number): boolean {
    const n = parseSafeInt(src, off, len);
    if (!(n >= -2147483648 && n <= 2147483647)) return false;
    this.#int32(n);
    return true;
  }

  #int32(n: number): void {
    this.room(5);
    const { buf } = this;
    const kind =
      n >= -128 && n <= 127 ? STRING_INT8 : n >= -32768 && n <= 32767 ? STRING_INT16 : STRING_INT32;
    buf[this.pos++] = (LENGTH_ENCODED << 6) | kind;
    buf[this.pos++] = n & 255;
    if (kind === STRING_INT8) return;
    buf[this.pos++] = (n >> 8) & 255;
    if (kind === STRING_INT16) return;
    buf[this.pos++] = (n >> 16) & 255;
    buf[this.pos++] = n >> 24;
  }

  #compressed(src: Uint8Array, off: number, len: number): boolean {
    const most = len - 4;
    if (len < IN_PLACE) {
      this.room(len + COMPRESSED_HEAD_MAX);
      if (this.buf.length - this.pos >= len + COMPRESSED_HEAD_MAX)
        return this.#compressedInPlace(src, off, len);
    }
    let scratch = this.#scratch;
    if (scratch.length < most) {
      scratch = new Uint8Array(Math.max(most, 16384));
      if (most <= SCRATCH_KEPT) this.#scratch = scratch;
    }
    const bytes = lzfCompress(src, off, len, scratch, 0, most);
    if (bytes === 0) return false;
    this.compressedHead(bytes, len);
    this.raw(scratch, 0, bytes);
    return true;
  }

  /** Compresses straight into the chunk, which has room for it, behind room for the head. */
  #compressedInPlace(src: Uint8Array, off: number, len: number): boolean {
    const { buf } = this;
    const at = this.pos + (len < 64 ? 4 : 5);
    const bytes = lzfCompress(src, off, len, buf, at, len - 4);
    if (bytes === 0) return false;
    // The head of few bytes is one shorter.
    if (bytes < 64) for (let i = at, end = at + bytes; i < end; i++) buf[i - 1] = buf[i]!;
    this.compressedHead(bytes, len);
    this.pos += bytes;
    return true;
  }
}
