/**
 * An intset: a sorted run of 64-bit integers, in Redis's format to the byte (so that snapshots can copy it).
 *
 *   4 bytes   width of an element: 2, 4 or 8, little-endian as all that follows
 *   4 bytes   number of elements
 *   elements  ascending, two's complement, each as wide as the widest needs; removals don't make them narrower
 *
 * 64 bits are beyond doubles, so an element is two words here, `hi` (signed) and `lo` (signed, meant unsigned):
 * parsing, searching and printing need no bigint unless the integer is beyond 2^53. `b` is the memory, `at` where the
 * intset begins; it need not be aligned.
 */
import { isCanonicalInt64, parseInt64Big, parseSafeInt, writeInt, writeInt64 } from '../util/number-text.ts';

/** Bytes of an empty intset. */
export const INTSET_HEADER_BYTES = 8;
const TWO_32 = 4294967296;

/** An integer of 64 bits, as two words. */
export class Int64 {
  hi = 0;
  lo = 0;
}

/** Reads the canonical text of a 64-bit integer; false if the bytes are none. */
export function parseInt64Words(buf: Uint8Array, off: number, len: number, into: Int64): boolean {
  const safe = parseSafeInt(buf, off, len);
  if (!Number.isNaN(safe)) {
    into.hi = Math.floor(safe / TWO_32);
    into.lo = safe | 0;
    return true;
  }
  if (len < 16 || !isCanonicalInt64(buf, off, len)) return false;
  const big = parseInt64Big(buf, off, len)!;
  into.hi = Number(big >> 32n);
  into.lo = Number(BigInt.asIntN(32, big));
  return true;
}

/** Writes the decimal text of an element; returns the position after it. At most 20 bytes are written. */
export function writeInt64Words(buf: Uint8Array, pos: number, hi: number, lo: number): number {
  if (hi >= -0x200000 && hi < 0x200000) {
    const value = hi * TWO_32 + (lo >>> 0);
    if (Number.isSafeInteger(value)) return writeInt(buf, pos, value);
  }
  return writeInt64(buf, pos, (BigInt(hi) << 32n) | BigInt(lo >>> 0));
}

/** Bytes that an element of this value needs. */
export function intWidth(hi: number, lo: number): number {
  if (hi !== lo >> 31) return 8;
  return lo === (lo << 16) >> 16 ? 2 : 4;
}

export function intsetInit(b: Uint8Array, at: number): void {
  b.fill(0, at, at + INTSET_HEADER_BYTES);
  b[at] = 2;
}

export function intsetWidth(b: Uint8Array, at: number): number {
  return b[at]!;
}

export function intsetLength(b: Uint8Array, at: number): number {
  return (b[at + 4]! | (b[at + 5]! << 8) | (b[at + 6]! << 16)) + b[at + 7]! * 16777216;
}

/** Bytes of the whole. */
export function intsetBytes(b: Uint8Array, at: number): number {
  return INTSET_HEADER_BYTES + intsetLength(b, at) * b[at]!;
}

function setLength(b: Uint8Array, at: number, length: number): void {
  b[at + 4] = length;
  b[at + 5] = length >>> 8;
  b[at + 6] = length >>> 16;
  b[at + 7] = length >>> 24;
}

function word(b: Uint8Array, p: number): number {
  return b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24);
}

/** Element `index` (within the length). */
export function intsetGet(b: Uint8Array, at: number, index: number, into: Int64): void {
  read(b, at + INTSET_HEADER_BYTES + index * b[at]!, b[at]!, into);
}

function read(b: Uint8Array, p: number, width: number, into: Int64): void {
  if (width === 2) {
    const value = ((b[p]! | (b[p + 1]! << 8)) << 16) >> 16;
    into.hi = value >> 31;
    into.lo = value;
    return;
  }
  const lo = word(b, p);
  into.lo = lo;
  into.hi = width === 4 ? lo >> 31 : word(b, p + 4);
}

function write(b: Uint8Array, p: number, width: number, hi: number, lo: number): void {
  b[p] = lo;
  b[p + 1] = lo >> 8;
  if (width === 2) return;
  b[p + 2] = lo >> 16;
  b[p + 3] = lo >> 24;
  if (width === 4) return;
  b[p + 4] = hi;
  b[p + 5] = hi >> 8;
  b[p + 6] = hi >> 16;
  b[p + 7] = hi >> 24;
}

/** Index of the element with this value, or `-1 - index` where it would be inserted. */
export function intsetFind(b: Uint8Array, at: number, hi: number, lo: number): number {
  const width = b[at]!;
  let low = 0;
  let high = intsetLength(b, at) - 1;
  if (intWidth(hi, lo) > width) return hi < 0 ? -1 : -2 - high;
  const first = at + INTSET_HEADER_BYTES;
  if (width === 8) {
    const unsigned = lo >>> 0;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const p = first + middle * 8;
      const h = word(b, p + 4);
      const difference = h === hi ? (word(b, p) >>> 0) - unsigned : h - hi;
      if (difference === 0) return middle;
      if (difference < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1 - low;
  }
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const p = first + middle * width;
    const value = width === 4 ? word(b, p) : ((b[p]! | (b[p + 1]! << 8)) << 16) >> 16;
    if (value === lo) return middle;
    if (value < lo) low = middle + 1;
    else high = middle - 1;
  }
  return -1 - low;
}

/** Bytes that the whole will have with one more element of this value. */
export function intsetBytesWith(b: Uint8Array, at: number, hi: number, lo: number): number {
  const width = Math.max(b[at]!, intWidth(hi, lo));
  return INTSET_HEADER_BYTES + (intsetLength(b, at) + 1) * width;
}

const moved = new Int64();

/** Inserts a value that is not there, at the index `intsetFind` told; the room (intsetBytesWith) is there already. */
export function intsetInsert(b: Uint8Array, at: number, index: number, hi: number, lo: number): void {
  const old = b[at]!;
  const width = Math.max(old, intWidth(hi, lo));
  const length = intsetLength(b, at);
  const first = at + INTSET_HEADER_BYTES;
  if (width === old) {
    b.copyWithin(first + (index + 1) * width, first + index * width, first + length * width);
  } else {
    // A wider value is less or greater than all others. From the last on, nothing is overwritten before it is read.
    const shift = index === 0 ? 1 : 0;
    for (let i = length - 1; i >= 0; i--) {
      read(b, first + i * old, old, moved);
      write(b, first + (i + shift) * width, width, moved.hi, moved.lo);
    }
    b[at] = width;
  }
  write(b, first + index * width, width, hi, lo);
  setLength(b, at, length + 1);
}

/** Removes `count` elements from `index` on. */
export function intsetDelete(b: Uint8Array, at: number, index: number, count = 1): void {
  const width = b[at]!;
  const length = intsetLength(b, at);
  const first = at + INTSET_HEADER_BYTES;
  b.copyWithin(first + index * width, first + (index + count) * width, first + length * width);
  setLength(b, at, length - count);
}

/** Whether `len` bytes are a well-formed intset: for payloads from outside. */
export function intsetValidate(b: Uint8Array, at: number, len: number): boolean {
  if (len < INTSET_HEADER_BYTES) return false;
  const width = word(b, at);
  if (width !== 2 && width !== 4 && width !== 8) return false;
  const length = intsetLength(b, at);
  if (length === 0 || INTSET_HEADER_BYTES + length * width !== len) return false;
  const previous = new Int64();
  const current = new Int64();
  intsetGet(b, at, 0, previous);
  for (let i = 1; i < length; i++) {
    intsetGet(b, at, i, current);
    if (current.hi < previous.hi || (current.hi === previous.hi && current.lo >>> 0 <= previous.lo >>> 0)) {
      return false;
    }
    previous.hi = current.hi;
    previous.lo = current.lo;
  }
  return true;
}
