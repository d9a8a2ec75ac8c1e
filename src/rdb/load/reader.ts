/**
 * Reads the parts of an RDB from a window of bytes: numbers, lengths, strings.
 *
 * The bytes come by and by (from a file, from a master). What is not all there yet makes a reading throw INCOMPLETE;
 * the loader then puts more into the window and repeats from the last place it has marked. It marks after each
 * element, so that little is read twice and a big value can be loaded in slices.
 *
 * Nothing that is told by the bytes is believed: a length is checked against what can still come (`limit`) before
 * anybody takes memory for it.
 */
import { lzfHasRoom, lzfUnpack } from '../../structures/lzf.ts';
import { copyOf } from '../../util/copy-bytes.ts';
import { writeInt } from '../../util/number-text.ts';
import {
  LENGTH_6,
  LENGTH_14,
  LENGTH_32,
  LENGTH_64,
  LENGTH_ENCODED,
  SCORE_INF,
  SCORE_NAN,
  SCORE_NEG_INF,
  STRING_INT8,
  STRING_INT16,
  STRING_INT32,
  STRING_LZF,
} from '../format.ts';

const TWO_32 = 4294967296;
/** No string is longer: Redis's own limit for loading is the memory. */
const STRING_MAX = 2 ** 32 - 1;

/** Thrown by a reading that needs more bytes than the window has. */
export const INCOMPLETE = new Error('more bytes are needed');

/** What is wrong with an RDB, as far as it makes a difference for what is told about it. */
export type RdbFault = 'corrupt' | 'short' | 'signature' | 'version' | 'type' | 'checksum' | 'refused';

/** The bytes are not what an RDB can be. */
export class CorruptRdb extends Error {
  override name = 'CorruptRdb';
  readonly fault: RdbFault;
  /** Where in the RDB; -1 until the loader has said it. */
  offset = -1;

  constructor(message: string, fault: RdbFault = 'corrupt') {
    super(message);
    this.fault = fault;
  }
}

/** The bytes end before the RDB does. */
export function shortRead(): CorruptRdb {
  return new CorruptRdb('Unexpected EOF reading RDB file', 'short');
}

/** Strings that are longer and not all there, or not yet unpacked, are read by pieces (long-string.ts). */
const LONG_STRING = 262144;
/** Compressed strings that claim to be longer are counted before memory is taken for them. */
const COUNTED_BEFORE = 65536;
/** Scratch memory that is kept for the next string. */
const SCRATCH_KEPT = 1048576;

export function badLzf(): CorruptRdb {
  return new CorruptRdb('Invalid LZF compressed string');
}

/** Bytes that compressed ones become, as their lengths say; -1 if they end within a part. */
function unpackedSize(src: Uint8Array, off: number, len: number): number {
  const end = off + len;
  let size = 0;
  let p = off;
  while (p < end) {
    const control = src[p++]!;
    if (control < 32) {
      size += control + 1;
      p += control + 1;
    } else if (control < 224) {
      size += (control >> 5) + 2;
      p++;
    } else {
      if (p >= end) return -1;
      size += src[p]! + 9;
      p += 2;
    }
  }
  return p === end ? size : -1;
}

const numbers = new DataView(new ArrayBuffer(8));

export class RdbReader {
  buf: Uint8Array;
  /** Next byte to be read. */
  pos = 0;
  /** End of the bytes that are there. */
  end: number;
  /**
   * How many bytes may still come behind `end`; Infinity when nobody knows. Only lengths are checked against it.
   */
  following = 0;
  /** Where reading goes on after INCOMPLETE; who reads sets it behind each part that need not be read again. */
  mark = 0;
  /** Bytes from `mark` on that the reading that threw INCOMPLETE needs. */
  wanted = 0;
  /** What `string` and `length` found. */
  bytes: Uint8Array;
  off = 0;
  len = 0;
  /** Set by `stringUnlessLong`, with `encoded`: bytes of the compressed string. */
  packed = 0;
  /** Set by `length`: the value is a way of writing a string, not a length. */
  encoded = false;
  /** Set by `length64` and `word64`: the halves of a number of 64 bits, as typed arrays of words hold them. */
  high = 0;
  low = 0;
  readonly #digits = new Uint8Array(12);
  #scratch = new Uint8Array(0);

  constructor(buf: Uint8Array, start = 0, end = buf.length) {
    this.buf = buf;
    this.bytes = buf;
    this.pos = start;
    this.end = end;
  }

  /** Throws unless `count` bytes are there: INCOMPLETE if they can still come. */
  need(count: number): void {
    if (this.end - this.pos >= count) return;
    if (count > this.end - this.pos + this.following) throw shortRead();
    this.wanted = this.pos - this.mark + count;
    throw INCOMPLETE;
  }

  /** All up to here need not be read again. */
  commit(): void {
    this.mark = this.pos;
  }

  byte(): number {
    if (this.pos === this.end) this.need(1);
    return this.buf[this.pos++]!;
  }

  /** A number of elements that take at least `each` bytes: refused when they cannot all be in what is left. */
  count(each = 1): number {
    const n = this.length();
    if (this.encoded) throw shortRead();
    if (n * each > this.end - this.pos + this.following) throw shortRead();
    return n;
  }

  /** A length as a number (rounded beyond 2^53), or with `encoded` a way to write a string. */
  length(): number {
    const first = this.byte();
    this.encoded = false;
    const kind = first >> 6;
    if (kind === LENGTH_6) return first;
    if (kind === LENGTH_14) return ((first & 63) << 8) | this.#rest();
    if (kind === LENGTH_ENCODED) {
      this.encoded = true;
      return first & 63;
    }
    if (first === LENGTH_32) {
      this.need(4);
      return this.#big32();
    }
    if (first === LENGTH_64) {
      this.need(8);
      const high = this.#big32();
      return high * TWO_32 + this.#big32();
    }
    throw new CorruptRdb(`Unknown length encoding ${first} in rdbLoadLen()`);
  }

  /** A length of 64 bits (a part of a stream's id), exactly: `high` and `low`. */
  length64(): void {
    if (this.pos === this.end) this.need(1);
    if (this.buf[this.pos] === LENGTH_64) {
      this.need(9);
      this.pos++;
      this.word64();
      return;
    }
    const n = this.length();
    if (this.encoded) throw shortRead();
    this.high = 0;
    this.low = n | 0;
  }

  /** Eight bytes, big endian: `high` and `low`. */
  word64(): void {
    this.need(8);
    this.high = this.#big32() | 0;
    this.low = this.#big32() | 0;
  }

  #rest(): number {
    if (this.pos === this.end) this.need(1);
    return this.buf[this.pos++]!;
  }

  #big32(): number {
    const { buf, pos } = this;
    this.pos += 4;
    return ((buf[pos]! << 24) | (buf[pos + 1]! << 16) | (buf[pos + 2]! << 8) | buf[pos + 3]!) >>> 0;
  }

  /** A little-endian number of 4 bytes, signed. */
  int32(): number {
    this.need(4);
    const { buf, pos } = this;
    this.pos += 4;
    return buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16) | (buf[pos + 3]! << 24);
  }

  /** A little-endian number of 8 bytes, signed; rounded beyond 2^53. */
  int64(): number {
    this.need(8);
    const low = this.int32() >>> 0;
    return this.int32() * TWO_32 + low;
  }

  /** The same, as a bigint where a double does not hold it. */
  deadline(): number | bigint {
    this.need(8);
    const low = this.int32();
    const high = this.int32();
    if (high >= -0x200000 && high < 0x200000) return high * TWO_32 + (low >>> 0);
    return (BigInt(high) << 32n) | BigInt(low >>> 0);
  }

  /** A binary double. */
  double(): number {
    this.need(8);
    for (let i = 0; i < 8; i++) numbers.setUint8(i, this.buf[this.pos + i]!);
    this.pos += 8;
    return numbers.getFloat64(0, true);
  }

  /** A score as text, as versions before 8 have it. */
  textDouble(): number {
    const len = this.byte();
    if (len === SCORE_NEG_INF) return Number.NEGATIVE_INFINITY;
    if (len === SCORE_INF) return Number.POSITIVE_INFINITY;
    if (len === SCORE_NAN) return Number.NaN;
    this.need(len);
    let text = '';
    for (let i = 0; i < len; i++) text += String.fromCharCode(this.buf[this.pos + i]!);
    this.pos += len;
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) throw new CorruptRdb(`'${text}' is not a score`);
    return value;
  }

  /**
   * A string: `bytes`, `off`, `len` say where it is, until the next string is read. Raw ones stay in the window,
   * integers and compressed ones are written to scratch memory.
   */
  string(): void {
    const len = this.length();
    if (this.encoded) {
      this.#encodedString(len);
      return;
    }
    if (this.end - this.pos < len) this.need(len);
    this.bytes = this.buf;
    this.off = this.pos;
    this.len = len;
    this.pos += len;
  }

  /**
   * The same, but a long one that is not all there, or compressed, is not waited for: false. Then `pos` is where it
   * begins, and it takes `len` bytes, or with `encoded` `packed` bytes that become `len`; no more than can still come.
   */
  stringUnlessLong(): boolean {
    const len = this.length();
    if (this.encoded) {
      if (len !== STRING_LZF) {
        this.#encodedString(len);
        return true;
      }
      return this.#compressed(LONG_STRING);
    }
    this.len = len;
    if (this.end - this.pos < len) {
      if (len <= LONG_STRING) this.need(len);
      if (len > this.end - this.pos + this.following) throw shortRead();
      return false;
    }
    this.bytes = this.buf;
    this.off = this.pos;
    this.pos += len;
    return true;
  }

  #encodedString(kind: number): void {
    if (kind === STRING_LZF) {
      this.#compressed(Number.POSITIVE_INFINITY);
      return;
    }
    let value: number;
    if (kind === STRING_INT8) value = (this.byte() << 24) >> 24;
    else if (kind === STRING_INT16) {
      this.need(2);
      value = ((this.buf[this.pos]! | (this.buf[this.pos + 1]! << 8)) << 16) >> 16;
      this.pos += 2;
    } else if (kind === STRING_INT32) value = this.int32();
    else throw new CorruptRdb(`Unknown RDB string encoding type ${kind}`);
    this.bytes = this.#digits;
    this.off = 0;
    this.len = writeInt(this.#digits, 0, value);
  }

  /** False: it is longer than `longest`. */
  #compressed(longest: number): boolean {
    const compressed = this.length();
    const whole = this.length();
    if (whole <= longest) this.need(compressed);
    else if (compressed > this.end - this.pos + this.following) throw shortRead();
    // LZF makes at most 264 bytes of three: more than that is a lie, told before memory is taken.
    if (whole > STRING_MAX || whole > compressed * 264) throw badLzf();
    if (whole > longest) {
      this.encoded = true;
      this.packed = compressed;
      this.len = whole;
      return false;
    }
    if (whole > COUNTED_BEFORE && unpackedSize(this.buf, this.pos, compressed) !== whole) throw badLzf();
    if (this.#scratch.length < whole && !lzfHasRoom(compressed, whole)) {
      this.#scratch = new Uint8Array(Math.max(whole, 4096));
    }
    // `bytes` and `off` become those of the string.
    this.bytes = this.#scratch;
    if (!lzfUnpack(this.buf, this.pos, compressed, whole, this)) throw badLzf();
    this.pos += compressed;
    this.len = whole;
    return true;
  }

  /** Gives back what a long string has taken. */
  tidy(): void {
    if (this.#scratch.length <= SCRATCH_KEPT) return;
    this.#scratch = new Uint8Array(0);
    if (this.bytes !== this.buf) this.bytes = this.buf;
  }

  /** Copies the string read last. */
  copy(): Uint8Array {
    return copyOf(this.bytes, this.off, this.len);
  }
}
