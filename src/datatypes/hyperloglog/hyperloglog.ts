/**
 * HyperLogLogs as strings, byte for byte as Redis stores them (so that GET, DUMP and SET carry them over).
 *
 *   0-3    HYLL
 *   4      0: dense, 1: sparse
 *   5-7    zero
 *   8-15   the count that was computed last, little endian; the highest bit of byte 15 is set when it is out of date
 *   16-    the 16384 registers
 *
 * Dense: 6 bits a register, from the lowest bit of the first byte on: 12288 bytes. Sparse: runs,
 *
 *   00nnnnnn            n + 1 registers are 0
 *   01nnnnnn nnnnnnnn   the same, up to 16384
 *   1vvvvvnn            n + 1 registers (up to 4) are v + 1 (up to 32)
 *
 * A sparse one becomes dense when a register exceeds 32, or the string would become longer than hll-sparse-max-bytes.
 *
 * Which of several sparse forms of the same registers results depends on how runs are split and joined. It is part of
 * what others can see, so `setSparse` keeps to Redis's way: a run is split in place; then, from the run before on,
 * five steps are made, each of which joins a value run with an equal one behind it or goes on to the next run.
 *
 * An update works on a copy of the string in a buffer with room to spare (`HllBuffer`); the commands put it back.
 */
import { copyBytes } from '../../util/copy-bytes.ts';
import { hashElement, INDEX_BITS, pattern, REST_BITS } from './hash.ts';

export const REGISTERS = 1 << INDEX_BITS;
export const HLL_HEADER_BYTES = 16;
const DENSE_BYTES = HLL_HEADER_BYTES + (REGISTERS * 6) / 8;
const EMPTY_SPARSE_BYTES = HLL_HEADER_BYTES + 2;
/** Each run has a register at least: a sparse string that is longer is none, however it begins. */
export const SPARSE_BYTES_MAX = HLL_HEADER_BYTES + 2 * REGISTERS;

export const DENSE = 0;
export const SPARSE = 1;
const ENCODING_AT = 4;
const COUNT_AT = 8;
const STALE_AT = 15;
const STALE = 0x80;

const ZERO_MAX = 64;
const VALUE_MAX = 32;
const VALUE_RUN_MAX = 4;
/** Runs looked at after an update to join equal ones. */
const JOIN_STEPS = 5;
/** A split leaves at most five bytes where there was one. */
const SPLIT_BYTES = 5;

/** What an update found. */
export const UNCHANGED = 0;
export const CHANGED = 1;
export const CORRUPT = -1;

/** Whether the string has the form of a HyperLogLog; the runs of a sparse one are not looked at. */
export function isHyperLogLog(bytes: Uint8Array, off: number, len: number): boolean {
  if (len < HLL_HEADER_BYTES) return false;
  // HYLL
  if (bytes[off] !== 72 || bytes[off + 1] !== 89 || bytes[off + 2] !== 76 || bytes[off + 3] !== 76)
    return false;
  const encoding = bytes[off + ENCODING_AT]!;
  return encoding === SPARSE || (encoding === DENSE && len === DENSE_BYTES);
}

export function encodingOf(bytes: Uint8Array, off: number): number {
  return bytes[off + ENCODING_AT]!;
}

/** Marks the stored count as out of date. */
export function invalidate(bytes: Uint8Array, off: number): void {
  bytes[off + STALE_AT]! |= STALE;
}

export function isCountValid(bytes: Uint8Array, off: number): boolean {
  return (bytes[off + STALE_AT]! & STALE) === 0;
}

/** The count that is stored: 64 bits. */
export function storedCount(bytes: Uint8Array, off: number): number | bigint {
  const at = off + COUNT_AT;
  const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
  if (high >= 0 && high < 0x200000) return high * 2 ** 32 + (low >>> 0);
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

export function storeCount(bytes: Uint8Array, off: number, count: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + off + COUNT_AT, 8);
  view.setUint32(0, count, true);
  view.setUint32(4, Math.floor(count / 2 ** 32), true);
}

// ------------------------------------------------------------------------------------------------- dense

/** `at` is where the registers begin. */
export function denseRegister(bytes: Uint8Array, at: number, index: number): number {
  const bit = index * 6;
  const byte = at + (bit >> 3);
  const shift = bit & 7;
  const value = bytes[byte]! >> shift;
  return (shift > 2 ? value | (bytes[byte + 1]! << (8 - shift)) : value) & 63;
}

function setDense(bytes: Uint8Array, at: number, index: number, count: number): number {
  const bit = index * 6;
  const byte = at + (bit >> 3);
  const shift = bit & 7;
  const first = bytes[byte]!;
  if (shift <= 2) {
    if (((first >> shift) & 63) >= count) return UNCHANGED;
    bytes[byte] = (first & ~(63 << shift)) | (count << shift);
    return CHANGED;
  }
  const second = bytes[byte + 1]!;
  if ((((first | (second << 8)) >> shift) & 63) >= count) return UNCHANGED;
  const word = ((first | (second << 8)) & ~(63 << shift)) | (count << shift);
  bytes[byte] = word & 0xff;
  bytes[byte + 1] = word >> 8;
  return CHANGED;
}

/** Adds an element to a dense string that begins at `off`. */
export function addDense(bytes: Uint8Array, off: number, src: Uint8Array, from: number, len: number): number {
  hashElement(src, from, len);
  return setDense(bytes, off + HLL_HEADER_BYTES, pattern.index, pattern.count);
}

// ------------------------------------------------------------------------------------------------ sparse

/** Bytes of the run at `p`. */
function runBytes(bytes: Uint8Array, p: number): number {
  return (bytes[p]! & 0xc0) === 0x40 ? 2 : 1;
}

/** Registers of the run at `p`. */
function runLength(bytes: Uint8Array, p: number): number {
  const byte = bytes[p]!;
  if ((byte & 0x80) !== 0) return (byte & 3) + 1;
  if ((byte & 0x40) === 0) return byte + 1;
  return (((byte & 0x3f) << 8) | bytes[p + 1]!) + 1;
}

/** Value of the registers of the run at `p`. */
function runValue(bytes: Uint8Array, p: number): number {
  const byte = bytes[p]!;
  return (byte & 0x80) === 0 ? 0 : ((byte >> 2) & 31) + 1;
}

/** Whether the register of an element in a sparse string is already as high as the element asks for. */
export function sparseHolds(
  bytes: Uint8Array,
  off: number,
  len: number,
  src: Uint8Array,
  from: number,
  srcLen: number,
): boolean {
  hashElement(src, from, srcLen);
  const end = off + len;
  let left = pattern.index;
  for (let p = off + HLL_HEADER_BYTES; p < end; p++) {
    const byte = bytes[p]!;
    if ((byte & 0x80) !== 0) {
      left -= (byte & 3) + 1;
      if (left < 0) return ((byte >> 2) & 31) + 1 >= pattern.count;
    } else {
      left -= (byte & 0x40) === 0 ? byte + 1 : (((byte & 0x3f) << 8) | bytes[++p]!) + 1;
      if (left < 0) return false;
    }
  }
  return false;
}

/** Writes a run; returns the position behind it. */
function putRun(bytes: Uint8Array, p: number, value: number, length: number): number {
  if (value > 0) {
    bytes[p] = 0x80 | ((value - 1) << 2) | (length - 1);
    return p + 1;
  }
  if (length <= ZERO_MAX) {
    bytes[p] = length - 1;
    return p + 1;
  }
  bytes[p] = 0x40 | ((length - 1) >> 8);
  bytes[p + 1] = (length - 1) & 0xff;
  return p + 2;
}

const split = new Uint8Array(SPLIT_BYTES);

/** A copy of a HyperLogLog that can be changed: the string is bytes 0 to `len`. */
export class HllBuffer {
  bytes = new Uint8Array(DENSE_BYTES + 64);
  len = 0;

  /** An empty, sparse one. */
  reset(): void {
    const { bytes } = this;
    bytes.fill(0, 0, HLL_HEADER_BYTES);
    bytes[0] = 72;
    bytes[1] = 89;
    bytes[2] = 76;
    bytes[3] = 76;
    bytes[ENCODING_AT] = SPARSE;
    putRun(bytes, HLL_HEADER_BYTES, 0, REGISTERS);
    this.len = EMPTY_SPARSE_BYTES;
  }

  load(bytes: Uint8Array, off: number, len: number): void {
    this.#ensure(len);
    copyBytes(bytes, off, len, this.bytes, 0);
    this.len = len;
  }

  #ensure(len: number): void {
    if (this.bytes.length >= len + SPLIT_BYTES) return;
    const grown = new Uint8Array(len * 2);
    grown.set(this.bytes.subarray(0, this.len));
    this.bytes = grown;
  }

  get encoding(): number {
    return this.bytes[ENCODING_AT]!;
  }

  add(src: Uint8Array, off: number, len: number, sparseMaxBytes: number): number {
    hashElement(src, off, len);
    return this.set(pattern.index, pattern.count, sparseMaxBytes);
  }

  /** Raises a register to `count` at least. */
  set(index: number, count: number, sparseMaxBytes: number): number {
    if (this.encoding === DENSE) return setDense(this.bytes, HLL_HEADER_BYTES, index, count);
    return this.#setSparse(index, count, sparseMaxBytes);
  }

  #setSparse(index: number, count: number, sparseMaxBytes: number): number {
    if (count > VALUE_MAX) return this.#setPromoted(index, count);
    this.#ensure(this.len);
    const { bytes, len } = this;
    let before = -1;
    let p = HLL_HEADER_BYTES;
    let first = 0;
    let length = 0;
    let size = 0;
    while (p < len) {
      // As runBytes and runLength, with one look at the byte.
      const byte = bytes[p]!;
      size = 1;
      if ((byte & 0x80) !== 0) length = (byte & 3) + 1;
      else if ((byte & 0x40) === 0) length = byte + 1;
      else {
        size = 2;
        length = (((byte & 0x3f) << 8) | bytes[p + 1]!) + 1;
      }
      if (index < first + length) break;
      before = p;
      p += size;
      first += length;
    }
    if (p >= len) return CORRUPT;
    const value = runValue(bytes, p);
    if (value >= count) return UNCHANGED;
    if (length === 1 && size === 1) {
      putRun(bytes, p, count, 1);
    } else {
      let n = 0;
      if (index !== first) n = putRun(split, n, value, index - first);
      n = putRun(split, n, count, 1);
      const behind = first + length - 1 - index;
      if (behind !== 0) n = putRun(split, n, value, behind);
      const grown = n - size;
      if (grown > 0 && len + grown > sparseMaxBytes) return this.#setPromoted(index, count);
      if (grown !== 0) bytes.copyWithin(p + n, p + size, len);
      for (let i = 0; i < n; i++) bytes[p + i] = split[i]!;
      this.len = len + grown;
    }
    this.#join(before < 0 ? HLL_HEADER_BYTES : before);
    invalidate(bytes, 0);
    return CHANGED;
  }

  /** Joins equal value runs, from the run at `p` on. */
  #join(p: number): void {
    const { bytes } = this;
    let end = this.len;
    for (let step = 0; step < JOIN_STEPS && p < end; step++) {
      const value = runValue(bytes, p);
      if (value > 0 && p + 1 < end && runValue(bytes, p + 1) === value) {
        const length = runLength(bytes, p) + runLength(bytes, p + 1);
        if (length <= VALUE_RUN_MAX) {
          putRun(bytes, p, value, length);
          bytes.copyWithin(p + 1, p + 2, end);
          end--;
          continue;
        }
      }
      p += runBytes(bytes, p);
    }
    this.len = end;
  }

  /** Raises all registers to those given, none of which is lower than what it has. */
  setAll(registers: Uint8Array, sparseMaxBytes: number): void {
    for (let i = 0; i < REGISTERS; i++) {
      if (this.encoding === DENSE) {
        packDense(this.bytes, HLL_HEADER_BYTES, registers);
        return;
      }
      if (registers[i] !== 0) this.set(i, registers[i]!, sparseMaxBytes);
    }
  }

  #setPromoted(index: number, count: number): number {
    return this.toDense() ? setDense(this.bytes, HLL_HEADER_BYTES, index, count) : CORRUPT;
  }

  /** Makes it dense. Returns false, and leaves it as it was, if the runs are not exactly all registers. */
  toDense(): boolean {
    if (this.encoding === DENSE) return true;
    registersScratch.fill(0);
    if (!mergeInto(registersScratch, this.bytes, 0, this.len)) return false;
    this.#ensure(DENSE_BYTES);
    const { bytes } = this;
    bytes[ENCODING_AT] = DENSE;
    packDense(bytes, HLL_HEADER_BYTES, registersScratch);
    this.len = DENSE_BYTES;
    return true;
  }
}

const registersScratch = new Uint8Array(REGISTERS);

/** Writes all registers in the dense form. */
function packDense(bytes: Uint8Array, at: number, registers: Uint8Array): void {
  for (let i = 0, p = at; i < REGISTERS; i += 4, p += 3) {
    const word =
      registers[i]! | (registers[i + 1]! << 6) | (registers[i + 2]! << 12) | (registers[i + 3]! << 18);
    bytes[p] = word;
    bytes[p + 1] = word >> 8;
    bytes[p + 2] = word >> 16;
  }
}

/** The text of the runs, as PFDEBUG DECODE shows it. */
export function describeRuns(bytes: Uint8Array, off: number, len: number): string {
  const parts: string[] = [];
  const end = off + len;
  for (let p = off + HLL_HEADER_BYTES; p < end; p += runBytes(bytes, p)) {
    const value = runValue(bytes, p);
    const length = runLength(bytes, p);
    if (value > 0) parts.push(`v:${value},${length}`);
    else parts.push(`${runBytes(bytes, p) === 2 ? 'Z' : 'z'}:${length}`);
  }
  return parts.join(' ');
}

// --------------------------------------------------------------------------------------------- registers

/** Raises each register to that of the string. Returns false if the string is not exactly all registers. */
export function mergeInto(registers: Uint8Array, bytes: Uint8Array, off: number, len: number): boolean {
  if (encodingOf(bytes, off) === DENSE) {
    for (let i = 0, p = off + HLL_HEADER_BYTES; i < REGISTERS; i += 4, p += 3) {
      const word = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16);
      // The larger of both without a branch, which for random values would be guessed wrong half of the time.
      const a = registers[i]!;
      const b = registers[i + 1]!;
      const c = registers[i + 2]!;
      const d = registers[i + 3]!;
      const da = (word & 63) - a;
      const db = ((word >> 6) & 63) - b;
      const dc = ((word >> 12) & 63) - c;
      const dd = (word >> 18) - d;
      registers[i] = a + (da & ~(da >> 31));
      registers[i + 1] = b + (db & ~(db >> 31));
      registers[i + 2] = c + (dc & ~(dc >> 31));
      registers[i + 3] = d + (dd & ~(dd >> 31));
    }
    return true;
  }
  let index = 0;
  const end = off + len;
  for (let p = off + HLL_HEADER_BYTES; p < end; p += runBytes(bytes, p)) {
    const value = runValue(bytes, p);
    const next = index + runLength(bytes, p);
    if (next > REGISTERS) return false;
    if (value > 0) for (let i = index; i < next; i++) if (value > registers[i]!) registers[i] = value;
    index = next;
  }
  return index === REGISTERS;
}

// ------------------------------------------------------------------------------------------- cardinality

const histogram = new Int32Array(64);
const oddHistogram = new Int32Array(64);

/** The cardinality that a string stands for, up to 2^63; -1 if its runs are not exactly all registers. */
export function countString(bytes: Uint8Array, off: number, len: number): number {
  histogram.fill(0);
  if (encodingOf(bytes, off) === DENSE) {
    for (let p = off + HLL_HEADER_BYTES, end = off + DENSE_BYTES; p < end; p += 3) {
      const word = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16);
      histogram[word & 63]!++;
      histogram[(word >> 6) & 63]!++;
      histogram[(word >> 12) & 63]!++;
      histogram[word >> 18]!++;
    }
    return estimate();
  }
  let index = 0;
  const end = off + len;
  for (let p = off + HLL_HEADER_BYTES; p < end; p += runBytes(bytes, p)) {
    const length = runLength(bytes, p);
    histogram[runValue(bytes, p)]! += length;
    index += length;
  }
  return index === REGISTERS ? estimate() : -1;
}

/** The same for registers in one byte each. */
export function countRegisters(registers: Uint8Array): number {
  histogram.fill(0);
  oddHistogram.fill(0);
  // Two at a time into two histograms: equal neighbours need not wait for each other's sum.
  for (let i = 0; i < REGISTERS; i += 2) {
    histogram[registers[i]!]!++;
    oddHistogram[registers[i + 1]!]!++;
  }
  for (let i = 0; i < histogram.length; i++) histogram[i]! += oddHistogram[i]!;
  return estimate();
}

/** What comes of registers that no elements could have left: infinity as a 64-bit integer. */
const COUNT_OVERFLOW = 2 ** 63;

/** 1 / (2 ln 2) */
const ALPHA = 0.7213475204444817;

/**
 * The improved raw estimator of Otmar Ertl ("New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017, algorithm 6), from how many registers have which value.
 */
function estimate(): number {
  const m = REGISTERS;
  let z = m * tau((m - histogram[REST_BITS + 1]!) / m);
  for (let value = REST_BITS; value >= 1; value--) z = (z + histogram[value]!) * 0.5;
  z += m * sigma(histogram[0]! / m);
  return z === 0 ? COUNT_OVERFLOW : Math.round((ALPHA * m * m) / z);
}

/** x + the sum of x^(2^k) 2^(k-1) for k >= 1, until it stands still. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let sum = x;
  for (let power = x, weight = 1, last = -1; sum !== last; weight += weight) {
    power *= power;
    last = sum;
    sum += power * weight;
  }
  return sum;
}

/** A third of 1 - x - the sum of (1 - x^(2^-k))^2 2^-k for k >= 1, until it stands still. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let sum = 1 - x;
  for (let root = x, weight = 1, last = -1; sum !== last; ) {
    root = Math.sqrt(root);
    weight *= 0.5;
    last = sum;
    const rest = 1 - root;
    sum -= rest * rest * weight;
  }
  return sum / 3;
}
