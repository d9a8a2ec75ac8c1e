/**
 * Writes the parts of an RDB: numbers, lengths, strings, into chunks that a sink takes.
 *
 * The checksum runs over what has been handed to the sink, chunk by chunk, so a part costs a few stores.
 */

import { lzfCompress } from '../structures/lzf.ts';
import { Crc64 } from '../util/crc64.ts';
import { digitsOf, parseSafeInt } from '../util/number-text.ts';
import {
  LENGTH_14,
  LENGTH_32,
  LENGTH_64,
  LENGTH_ENCODED,
  STRING_INT8,
  STRING_INT16,
  STRING_INT32,
  STRING_LZF,
} from './format.ts';

const TWO_32 = 4294967296;
/** Strings that could be compressed are longer than this. */
const COMPRESS_ABOVE = 20;
/** Longest text of an integer that fits in 32 bits. */
const INT32_TEXT_MAX = 11;

/** Takes the chunks. The bytes are only lent: what is kept must be copied. */
export type RdbSink = (bytes: Uint8Array, length: number) => void;

export class RdbWriter {
  readonly #sink: RdbSink;
  #buf: Buffer;
  #pos = 0;
  readonly #crc: Crc64 | null;
  readonly #compress: boolean;
  #scratch = new Uint8Array(0);
  /** Bytes written, those of the chunk that is being filled included. */
  #handed = 0;

  constructor(sink: RdbSink, options: { checksum: boolean; compress: boolean; chunkBytes?: number }) {
    this.#sink = sink;
    this.#buf = Buffer.allocUnsafeSlow(options.chunkBytes ?? 65536);
    this.#crc = options.checksum ? new Crc64() : null;
    this.#compress = options.compress;
  }

  get written(): number {
    return this.#handed + this.#pos;
  }

  /** Hands the chunk over as it is. */
  flush(): void {
    if (this.#pos === 0) return;
    this.#crc?.update(this.#buf, 0, this.#pos);
    this.#sink(this.#buf, this.#pos);
    this.#handed += this.#pos;
    this.#pos = 0;
  }

  /** Ends the file: the eight bytes of the checksum, zero where there is none. */
  finish(): void {
    this.flush();
    const tail = Buffer.alloc(8);
    this.#crc?.write(tail, 0);
    this.#sink(tail, 8);
    this.#handed += 8;
  }

  #room(bytes: number): void {
    if (this.#buf.length - this.#pos < bytes) this.flush();
  }

  byte(value: number): void {
    if (this.#pos === this.#buf.length) this.flush();
    this.#buf[this.#pos++] = value;
  }

  length(n: number): void {
    this.#room(9);
    const buf = this.#buf;
    if (n < 64) buf[this.#pos++] = n;
    else if (n < 16384) {
      buf[this.#pos++] = (LENGTH_14 << 6) | (n >> 8);
      buf[this.#pos++] = n & 255;
    } else if (n < TWO_32) {
      buf[this.#pos++] = LENGTH_32;
      this.#pos = buf.writeUInt32BE(n, this.#pos);
    } else {
      buf[this.#pos++] = LENGTH_64;
      this.#pos = buf.writeUInt32BE(Math.floor(n / TWO_32), this.#pos);
      this.#pos = buf.writeUInt32BE(n >>> 0, this.#pos);
    }
  }

  /** A length of 64 bits in two halves (the parts of stream ids). */
  length64(high: number, low: number): void {
    if (high === 0) {
      this.length(low >>> 0);
      return;
    }
    this.#room(9);
    this.#buf[this.#pos++] = LENGTH_64;
    this.#pos = this.#buf.writeUInt32BE(high >>> 0, this.#pos);
    this.#pos = this.#buf.writeUInt32BE(low >>> 0, this.#pos);
  }

  /** Eight bytes, little endian (expiry and other times in ms). */
  int64(n: number): void {
    this.#room(8);
    this.#pos = this.#buf.writeInt32LE(n | 0, this.#pos);
    this.#pos = this.#buf.writeInt32LE(Math.floor(n / TWO_32) | 0, this.#pos);
  }

  double(value: number): void {
    this.#room(8);
    this.#pos = this.#buf.writeDoubleLE(value, this.#pos);
  }

  /** Bytes as they are. */
  raw(src: Uint8Array, off: number, len: number): void {
    if (len <= this.#buf.length - this.#pos) {
      this.#copy(src, off, len);
      return;
    }
    this.flush();
    if (len <= this.#buf.length) {
      this.#copy(src, off, len);
      return;
    }
    // Too long for a chunk: handed over where it lies.
    const bytes = src.subarray(off, off + len);
    this.#crc?.update(bytes);
    this.#sink(bytes, len);
    this.#handed += len;
  }

  #copy(src: Uint8Array, off: number, len: number): void {
    const buf = this.#buf;
    let at = this.#pos;
    if (len <= 48) for (let i = 0; i < len; i++) buf[at++] = src[off + i]!;
    else buf.set(src.subarray(off, off + len), at);
    this.#pos += len;
  }

  /** A string in the shortest form: as an integer, compressed, or raw. */
  string(src: Uint8Array, off: number, len: number): void {
    if (len <= INT32_TEXT_MAX && this.#integer(src, off, len)) return;
    if (this.#compress && len > COMPRESS_ABOVE && this.#compressed(src, off, len)) return;
    this.length(len);
    this.raw(src, off, len);
  }

  /** A text of the format's own (names of aux fields). */
  text(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.string(bytes, 0, bytes.length);
  }

  #integer(src: Uint8Array, off: number, len: number): boolean {
    const n = parseSafeInt(src, off, len);
    if (!(n >= -2147483648 && n <= 2147483647) || digitsOf(n) !== len) return false;
    this.#room(5);
    const buf = this.#buf;
    const kind =
      n >= -128 && n <= 127 ? STRING_INT8 : n >= -32768 && n <= 32767 ? STRING_INT16 : STRING_INT32;
    buf[this.#pos++] = (LENGTH_ENCODED << 6) | kind;
    buf[this.#pos++] = n & 255;
    if (kind === STRING_INT8) return true;
    buf[this.#pos++] = (n >> 8) & 255;
    if (kind === STRING_INT16) return true;
    buf[this.#pos++] = (n >> 16) & 255;
    buf[this.#pos++] = n >> 24;
    return true;
  }

  #compressed(src: Uint8Array, off: number, len: number): boolean {
    const most = len - 4;
    if (this.#scratch.length < most) this.#scratch = new Uint8Array(Math.max(most, 4096));
    const bytes = lzfCompress(src, off, len, this.#scratch, 0, most);
    if (bytes === 0) return false;
    this.byte((LENGTH_ENCODED << 6) | STRING_LZF);
    this.length(bytes);
    this.length(len);
    this.raw(this.#scratch, 0, bytes);
    return true;
  }
}
