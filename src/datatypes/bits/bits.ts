/**
 * Bits of a string: bit 0 is the highest bit of byte 0. Counting, searching, and fields of up to 64 bits.
 *
 * Long values are left to what is faster than any loop over bytes: a population count in WebAssembly, the platform's
 * memcmp.
 */
import { populationCount } from './population-count.ts';

/** Bytes from which calling the population count pays. */
const LONG = 64;
const COUNTS = new Uint8Array(256);
for (let i = 1; i < 256; i++) COUNTS[i] = COUNTS[i >> 1]! + (i & 1);

/** Number of set bits in `len` bytes of `bytes` from `off`. */
export function countBits(bytes: Uint8Array, off: number, len: number): number {
  if (len >= LONG) return populationCount(bytes, off, len);
  let count = 0;
  for (let i = off, end = off + len; i < end; i++) count += COUNTS[bytes[i]!]!;
  return count;
}

/** Set bits among bits `first` to `last` (inclusive, from the start of the value; first <= last). */
export function countBitRange(bytes: Uint8Array, off: number, first: number, last: number): number {
  const start = Math.floor(first / 8);
  const end = Math.floor(last / 8);
  const before = bytes[off + start]! & ~(0xff >> (first % 8)) & 0xff;
  const behind = bytes[off + end]! & (0x7f >> (last % 8));
  return countBits(bytes, off + start, end - start + 1) - COUNTS[before]! - COUNTS[behind]!;
}

/** Position of the first bit that is `bit` among bits `first` to `last` (inclusive, first <= last); -1: none. */
export function findBit(bytes: Uint8Array, off: number, bit: number, first: number, last: number): number {
  const start = Math.floor(first / 8);
  const end = Math.floor(last / 8);
  // With all bits flipped, a clear bit is searched as a set one.
  const flip = bit === 0 ? 0xff : 0;
  let byte = (bytes[off + start]! ^ flip) & (0xff >> (first % 8));
  let at = start;
  if (byte === 0) {
    const stop = off + end;
    const skipped = flip;
    at = skipBytes(bytes, off + start + 1, stop, skipped);
    while (at < stop && bytes[at] === skipped) at++;
    at -= off;
    if (at > end) return -1;
    byte = bytes[off + at]! ^ flip;
  }
  if (byte === 0) return -1;
  const position = at * 8 + Math.clz32(byte) - 24;
  return position <= last ? position : -1;
}

/** Compared with by the platform's own memcmp, which no loop of ours comes near: so many bytes of either kind. */
const RUN = 16384;
const CLEAR = new Uint8Array(RUN);
const SET = new Uint8Array(RUN).fill(0xff);

/** A position before or at the first byte between `from` and `to` that is not `skipped` (0 or 255). */
function skipBytes(bytes: Uint8Array, from: number, to: number, skipped: number): number {
  let at = from;
  if (to - at >= RUN) {
    const run = skipped === 0 ? CLEAR : SET;
    while (at + RUN <= to && Buffer.compare(run, bytes.subarray(at, at + RUN)) === 0) at += RUN;
  }
  const blocks = Math.min(to - at, RUN) & ~15;
  if (blocks < 64) return at;
  const word = skipped === 0 ? 0 : -1;
  const words = new DataView(bytes.buffer, bytes.byteOffset + at, blocks);
  let i = 0;
  while (
    i < blocks &&
    words.getInt32(i, true) === word &&
    words.getInt32(i + 4, true) === word &&
    words.getInt32(i + 8, true) === word &&
    words.getInt32(i + 12, true) === word
  )
    i += 16;
  return at + i;
}

// ------------------------------------------------------------------------------------------------ fields

/** An unsigned field of up to 53 bits; bits behind the end of the value are clear. */
export function readField(bytes: Uint8Array, off: number, len: number, offset: number, bits: number): number {
  let at = Math.floor(offset / 8);
  const skip = offset % 8;
  let left = bits - (8 - skip);
  let byte = at < len ? bytes[off + at]! & (0xff >> skip) : 0;
  if (left <= 0) return byte >> -left;
  let field = byte;
  for (at++; left > 0; at++) {
    byte = at < len ? bytes[off + at]! : 0;
    const take = left < 8 ? left : 8;
    field = field * (1 << take) + (byte >> (8 - take));
    left -= take;
  }
  return field;
}

/** Writes an unsigned field of up to 53 bits, all within the value. */
export function writeField(
  bytes: Uint8Array,
  off: number,
  offset: number,
  bits: number,
  field: number,
): void {
  let at = off + Math.floor((offset + bits - 1) / 8);
  let left = bits;
  let rest = field;
  // From the last byte on; `low` bits of it lie behind the field.
  let low = 7 - ((offset + bits - 1) % 8);
  while (left > 0) {
    const take = Math.min(left, 8 - low);
    const size = 1 << take;
    const high = Math.floor(rest / size);
    const mask = (size - 1) << low;
    bytes[at] = (bytes[at]! & ~mask) | ((rest - high * size) << low);
    rest = high;
    left -= take;
    low = 0;
    at--;
  }
}

/** The same for fields of up to 64 bits. */
export function readWideField(
  bytes: Uint8Array,
  off: number,
  len: number,
  offset: number,
  bits: number,
): bigint {
  if (bits <= 32) return BigInt(readField(bytes, off, len, offset, bits));
  const high = readField(bytes, off, len, offset, bits - 32);
  const low = readField(bytes, off, len, offset + bits - 32, 32);
  return (BigInt(high) << 32n) | BigInt(low);
}

export function writeWideField(
  bytes: Uint8Array,
  off: number,
  offset: number,
  bits: number,
  field: bigint,
): void {
  if (bits <= 32) {
    writeField(bytes, off, offset, bits, Number(field));
    return;
  }
  writeField(bytes, off, offset, bits - 32, Number(field >> 32n));
  writeField(bytes, off, offset + bits - 32, 32, Number(field & 0xffffffffn));
}
