/**
 * Ids of stream entries: two unsigned 64-bit numbers, milliseconds and a sequence number, compared in that order.
 *
 * Each half is kept as a high and a low 32-bit word, as typed arrays hold them (signed; compared unsigned): exact up
 * to 2^64 - 1 without a BigInt, which would be garbage for each entry. Only texts of more than 15 digits go through
 * BigInt.
 */
import { writeInt } from '../../util/number-text.ts';

const DASH = 45;
/** Longest text of an id: twice twenty digits and the dash. */
export const ID_TEXT_MAX = 41;
const TWO_32 = 4294967296;

export class StreamId {
  /** High and low word of the milliseconds, then of the sequence number. */
  mh = 0;
  ml = 0;
  sh = 0;
  sl = 0;

  set(mh: number, ml: number, sh: number, sl: number): this {
    this.mh = mh;
    this.ml = ml;
    this.sh = sh;
    this.sl = sl;
    return this;
  }

  copy(from: StreamId): this {
    return this.set(from.mh, from.ml, from.sh, from.sl);
  }

  clear(): this {
    return this.set(0, 0, 0, 0);
  }

  setMax(): this {
    return this.set(-1, -1, -1, -1);
  }

  /** Takes four words of a typed array. */
  load(words: Int32Array, at: number): this {
    return this.set(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }

  store(words: Int32Array, at: number): void {
    words[at] = this.mh;
    words[at + 1] = this.ml;
    words[at + 2] = this.sh;
    words[at + 3] = this.sl;
  }

  isZero(): boolean {
    return (this.mh | this.ml | this.sh | this.sl) === 0;
  }

  isMax(): boolean {
    return (this.mh & this.ml & this.sh & this.sl) === -1;
  }

  /** Sets the milliseconds (a safe integer), sequence number 0. */
  setMs(ms: number): this {
    return this.set(Math.floor(ms / TWO_32) | 0, ms | 0, 0, 0);
  }

  /** Goes to the next id; false (and unchanged) at the largest. */
  increment(): boolean {
    if (this.isMax()) return false;
    this.sl = (this.sl + 1) | 0;
    if (this.sl !== 0) return true;
    this.sh = (this.sh + 1) | 0;
    if (this.sh !== 0) return true;
    this.ml = (this.ml + 1) | 0;
    if (this.ml === 0) this.mh = (this.mh + 1) | 0;
    return true;
  }

  /** Goes to the previous id; false (and unchanged) at 0-0. */
  decrement(): boolean {
    if (this.isZero()) return false;
    this.sl = (this.sl - 1) | 0;
    if (this.sl !== -1) return true;
    this.sh = (this.sh - 1) | 0;
    if (this.sh !== -1) return true;
    this.ml = (this.ml - 1) | 0;
    if (this.ml === -1) this.mh = (this.mh - 1) | 0;
    return true;
  }
}

function order(a: number, b: number): number {
  return a === b ? 0 : a >>> 0 < b >>> 0 ? -1 : 1;
}

/** Negative, 0 or positive, as a comes before b. */
export function compareIds(a: StreamId, b: StreamId): number {
  if (a.mh !== b.mh) return order(a.mh, b.mh);
  if (a.ml !== b.ml) return order(a.ml, b.ml);
  if (a.sh !== b.sh) return order(a.sh, b.sh);
  return order(a.sl, b.sl);
}

/** The same with an id that lies in a typed array: how `a` compares to it. */
export function compareToWords(a: StreamId, words: Int32Array, at: number): number {
  const mh = words[at]!;
  if (a.mh !== mh) return order(a.mh, mh);
  const ml = words[at + 1]!;
  if (a.ml !== ml) return order(a.ml, ml);
  const sh = words[at + 2]!;
  if (a.sh !== sh) return order(a.sh, sh);
  return order(a.sl, words[at + 3]!);
}

function writeUint64(buf: Uint8Array, pos: number, hi: number, lo: number): number {
  if (hi === 0) return writeInt(buf, pos, lo >>> 0);
  if (hi >>> 0 < 0x200000) return writeInt(buf, pos, hi * TWO_32 + (lo >>> 0));
  const text = ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();
  for (let i = 0; i < text.length; i++) buf[pos++] = text.charCodeAt(i);
  return pos;
}

/** Writes `ms-seq`; returns the position behind it. There must be room for ID_TEXT_MAX bytes. */
export function writeId(buf: Uint8Array, pos: number, id: StreamId): number {
  return writeSeq(buf, writeMs(buf, pos, id), id);
}

/** Writes `ms-`, the first part of an id. */
export function writeMs(buf: Uint8Array, pos: number, id: StreamId): number {
  const dash = writeUint64(buf, pos, id.mh, id.ml);
  buf[dash] = DASH;
  return dash + 1;
}

/** Writes what comes behind it. */
export function writeSeq(buf: Uint8Array, pos: number, id: StreamId): number {
  return writeUint64(buf, pos, id.sh, id.sl);
}

const textScratch = new Uint8Array(ID_TEXT_MAX);

export function idText(id: StreamId): string {
  const end = writeId(textScratch, 0, id);
  return String.fromCharCode(...textScratch.subarray(0, end));
}

// ----------------------------------------------------------------------------------------------- parsing

/** Texts longer than this are no ids, whatever they say. */
const TEXT_MAX = 127;

/** High and low word of the number that `parseUint64` read last. */
let readHi = 0;
let readLo = 0;

/**
 * An unsigned 64-bit number as upstream reads it: digits; but as it asks strtoull when those are not canonical, also
 * with blanks and a plus in front, with leading zeros, and with a minus (then it is taken from 2^64; but the canonical
 * text of a negative 64-bit number is refused).
 */
function parseUint64(buf: Uint8Array, from: number, end: number): boolean {
  let length = end - from;
  if (length > 0 && length <= 15) {
    let n = 0;
    let i = from;
    for (; i < end; i++) {
      const digit = buf[i]! - 48;
      if (digit < 0 || digit > 9) break;
      n = n * 10 + digit;
    }
    if (i === end) {
      readHi = Math.floor(n / TWO_32) | 0;
      readLo = n | 0;
      return true;
    }
  }
  const untrimmed = length;
  while (length > 0 && (buf[from] === 32 || (buf[from]! >= 9 && buf[from]! <= 13))) {
    from++;
    length--;
  }
  const canonical = end - from === untrimmed && buf[from + 1] !== 48;
  const negative = buf[from] === DASH;
  if (length > 0 && (negative || buf[from] === 43)) {
    from++;
    length--;
  }
  if (length === 0) return false;
  let text = '';
  for (let i = from; i < end; i++) {
    const c = buf[i]!;
    if (c < 48 || c > 57) return false;
    text += String.fromCharCode(c);
  }
  const value = BigInt(text);
  if (value >= 1n << 64n) return false;
  if (negative && canonical && value <= 1n << 63n) return false;
  const wrapped = negative ? BigInt.asUintN(64, -value) : value;
  readHi = Number(wrapped >> 32n) | 0;
  readLo = Number(wrapped & 0xffffffffn) | 0;
  return true;
}

export const ID_BAD = 0;
export const ID_WHOLE = 1;
/** `ms` alone: the sequence number is what the caller said. */
export const ID_NO_SEQ = 2;
/** `ms-*`: the sequence number is 0, to be chosen by the stream. */
export const ID_AUTO_SEQ = 3;

/**
 * Reads an id. `missing` gives the sequence number where there is only `ms`: its high and low word (0 or -1). Without
 * `strict`, `-` and `+` are the smallest and the largest id.
 */
export function parseId(
  buf: Uint8Array,
  off: number,
  len: number,
  into: StreamId,
  missing: 0 | -1,
  strict: boolean,
): number {
  if (len > TEXT_MAX) return ID_BAD;
  // Upstream sees a C string.
  let end = off;
  let dash = -1;
  for (const stop = off + len; end < stop && buf[end] !== 0; end++) {
    if (dash < 0 && buf[end] === DASH) dash = end;
  }
  if (end - off === 1 && (dash === off || buf[off] === 43)) {
    if (strict) return ID_BAD;
    if (dash === off) into.clear();
    else into.setMax();
    return ID_WHOLE;
  }
  if (!parseUint64(buf, off, dash < 0 ? end : dash)) return ID_BAD;
  into.mh = readHi;
  into.ml = readLo;
  if (dash < 0) {
    into.sh = missing;
    into.sl = missing;
    return ID_NO_SEQ;
  }
  if (end - dash === 2 && buf[dash + 1] === 42) {
    into.sh = 0;
    into.sl = 0;
    return ID_AUTO_SEQ;
  }
  if (!parseUint64(buf, dash + 1, end)) return ID_BAD;
  into.sh = readHi;
  into.sl = readLo;
  return ID_WHOLE;
}
