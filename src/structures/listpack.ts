/**
 * The listpack: a sequence of strings and integers as one run of bytes, in Redis's own format to the byte, so that
 * small collections can go to RDB files, DUMP payloads and replicas as they are.
 *
 *   4 bytes  length of the whole in bytes; 2 bytes  number of elements, 65535: unknown, count them (little endian)
 *   entries  encoding, data, backlen
 *   0xff     the end
 *
 *   0xxxxxxx                 integer 0 ... 127           10xxxxxx              string of up to 63 bytes
 *   110xxxxx x               integer of 13 bits, signed  1110xxxx x            string of up to 4095 bytes
 *   f1, f2, f3, f4 + 2,3,4,8 integers (little endian)    f0 + 4                longer strings
 *
 * The backlen is the size of what stands before it in the entry, seven bits a byte, most significant first, readable
 * from behind: all bytes but the first have bit 7 set. That makes walking backwards possible.
 *
 * A string that is the canonical text of a 64-bit integer is stored as that integer, always in the shortest form.
 *
 * Here a listpack lies anywhere in a larger array: `b` is the array, `at` where the listpack begins, `p` the position
 * of an entry in `b`. No entry is at position 0, and -1 says that there is none. Nothing here takes memory: whoever
 * inserts has made room behind the listpack before (`lpEncodedSize`).
 */
import { isCanonicalInt64, parseInt64Big, parseSafeInt, writeInt, writeInt64 } from '../util/number-text.ts';

const HEADER_BYTES = 6;
const END = 0xff;
/** Count of elements from which the header does not tell it. */
const UNKNOWN_LENGTH = 65535;
const TWO_32 = 4294967296;
const COPY_BY_HAND = 48;
/** Tails shorter than this are moved by a loop. */
const MOVE_BY_HAND = 32;

export const LP_EMPTY_BYTES = 7;

/** Writes an empty listpack. */
export function lpInit(b: Uint8Array, at: number): void {
  b[at] = LP_EMPTY_BYTES;
  for (let i = 1; i < HEADER_BYTES; i++) b[at + i] = 0;
  b[at + HEADER_BYTES] = END;
}

/** Bytes of the whole listpack. */
export function lpBytes(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
}

/** Number of elements. */
export function lpLength(b: Uint8Array, at: number): number {
  const known = b[at + 4]! | (b[at + 5]! << 8);
  if (known !== UNKNOWN_LENGTH) return known;
  let count = 0;
  for (let p = at + HEADER_BYTES; b[p] !== END; p += lpEntrySize(b, p)) count++;
  return count;
}

/** Position of the end byte: where an appended entry goes. */
export function lpEnd(b: Uint8Array, at: number): number {
  return at + lpBytes(b, at) - 1;
}

/** True where no entry is but the end: such as after a deletion of the last ones. */
export function lpIsEnd(b: Uint8Array, p: number): boolean {
  return b[p] === END;
}

export function lpFirst(b: Uint8Array, at: number): number {
  return b[at + HEADER_BYTES] === END ? -1 : at + HEADER_BYTES;
}

export function lpLast(b: Uint8Array, at: number): number {
  return lpPrev(b, at, lpEnd(b, at));
}

/** The entry behind `p`, or -1. */
export function lpNext(b: Uint8Array, p: number): number {
  const next = p + lpEntrySize(b, p);
  return b[next] === END ? -1 : next;
}

/** The entry before `p` (an entry or the end), or -1. */
export function lpPrev(b: Uint8Array, at: number, p: number): number {
  if (p <= at + HEADER_BYTES) return -1;
  let size = b[p - 1]! & 127;
  let bytes = 1;
  for (let shift = 1; (b[p - bytes]! & 128) !== 0 && bytes < 5; bytes++, shift *= 128) {
    size += (b[p - bytes - 1]! & 127) * shift * 128;
  }
  return p - bytes - size;
}

/** The entry with this index, from the end where it is negative; or -1. */
export function lpSeek(b: Uint8Array, at: number, index: number): number {
  const length = lpLength(b, at);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return -1;
  if (index * 2 < length) {
    let p = at + HEADER_BYTES;
    while (index-- > 0) p += lpEntrySize(b, p);
    return p;
  }
  let p = lpEnd(b, at);
  for (let i = length; i > index; i--) p = lpPrev(b, at, p);
  return p;
}

// ------------------------------------------------------------------------------------------- sizes of entries

/** Bytes of encoding and data of the entry at `p`, without its backlen. */
export function lpContentSize(b: Uint8Array, p: number): number {
  const head = b[p]!;
  if (head < 0x80) return 1;
  if (head < 0xc0) return 1 + (head & 63);
  if (head < 0xe0) return 2;
  if (head < 0xf0) return 2 + (((head & 15) << 8) | b[p + 1]!);
  switch (head) {
    case 0xf0:
      return 5 + long(b, p + 1);
    case 0xf1:
      return 3;
    case 0xf2:
      return 4;
    case 0xf3:
      return 5;
    case 0xf4:
      return 9;
    default:
      return 1;
  }
}

/** Bytes of a backlen. The limits are Redis's, one below what would fit. */
function backlenSize(size: number): number {
  if (size <= 127) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

/** Bytes of the entry at `p`, backlen included. */
export function lpEntrySize(b: Uint8Array, p: number): number {
  const head = b[p]!;
  if (head < 0x80) return 2;
  if (head < 0xc0) return 2 + (head & 63);
  const size = lpContentSize(b, p);
  return size + backlenSize(size);
}

function long(b: Uint8Array, p: number): number {
  return (b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24)) >>> 0;
}

// ---------------------------------------------------------------------------------------------- encoding

/** The encoding byte(s) of the element prepared last, with the data where it is an integer. */
const prepared = new Uint8Array(9);
let preparedBytes = 0;
/** Bytes of text that follow it. */
let preparedText = 0;

/** Fills `prepared`; returns the number of bytes of text that follow it (0: an integer). */
function prepare(src: Uint8Array, off: number, len: number): number {
  if (len > 0 && len <= 20 && src[off]! <= 57) {
    const n = parseSafeInt(src, off, len);
    if (!Number.isNaN(n)) {
      prepareInt(n);
      return 0;
    }
    if (len > 15 && isCanonicalInt64(src, off, len)) {
      let n64 = parseInt64Big(src, off, len)!;
      prepared[0] = 0xf4;
      for (let i = 1; i <= 8; i++, n64 >>= 8n) prepared[i] = Number(n64 & 255n);
      preparedBytes = 9;
      return 0;
    }
  }
  if (len < 64) {
    prepared[0] = 0x80 | len;
    preparedBytes = 1;
  } else if (len < 4096) {
    prepared[0] = 0xe0 | (len >> 8);
    prepared[1] = len & 255;
    preparedBytes = 2;
  } else {
    prepared[0] = 0xf0;
    littleEndian(len, 4);
  }
  return len;
}

function prepareInt(n: number): void {
  if (n >= 0 && n < 128) {
    prepared[0] = n;
    preparedBytes = 1;
  } else if (n >= -4096 && n < 4096) {
    prepared[0] = 0xc0 | ((n >> 8) & 31);
    prepared[1] = n & 255;
    preparedBytes = 2;
  } else if (n >= -32768 && n < 32768) {
    prepared[0] = 0xf1;
    littleEndian(n, 2);
  } else if (n >= -8388608 && n < 8388608) {
    prepared[0] = 0xf2;
    littleEndian(n, 3);
  } else if (n >= -2147483648 && n < 2147483648) {
    prepared[0] = 0xf3;
    littleEndian(n, 4);
  } else {
    prepared[0] = 0xf4;
    littleEndian(n, 4);
    const high = Math.floor(n / TWO_32);
    for (let i = 0; i < 4; i++) prepared[5 + i] = (high >> (i * 8)) & 255;
    preparedBytes = 9;
  }
}

/** The low `bytes` bytes of `n` behind the encoding byte. */
function littleEndian(n: number, bytes: number): void {
  for (let i = 0; i < bytes; i++) prepared[1 + i] = (n >> (i * 8)) & 255;
  preparedBytes = 1 + bytes;
}

/** Writes the entry prepared last, with its text, at `p`. Returns the position behind it. */
function writeEntry(b: Uint8Array, p: number, src: Uint8Array, off: number, text: number): number {
  const start = p;
  for (let i = 0; i < preparedBytes; i++) b[p++] = prepared[i]!;
  if (text <= COPY_BY_HAND) for (let i = 0; i < text; i++) b[p++] = src[off + i]!;
  else {
    b.set(src.subarray(off, off + text), p);
    p += text;
  }
  return lpWriteBacklen(b, p, p - start);
}

/** Writes what stands behind an element of `size` bytes: its length, to be read backward. Returns the position behind it. */
export function lpWriteBacklen(b: Uint8Array, p: number, size: number): number {
  if (size <= 127) {
    b[p] = size;
    return p + 1;
  }
  const bytes = backlenSize(size);
  for (let i = bytes - 1; i > 0; i--) {
    b[p + i] = (size & 127) | 128;
    size = Math.floor(size / 128);
  }
  b[p] = size;
  return p + bytes;
}

/** Bytes that an entry with this element takes, backlen included. */
export function lpEncodedSize(src: Uint8Array, off: number, len: number): number {
  preparedText = prepare(src, off, len);
  const size = preparedBytes + preparedText;
  return size + backlenSize(size);
}

/**
 * Writes the entry of the element that lpEncodedSize was asked about last (with nothing of this file called in
 * between) at `p`, and nothing else: for those who keep entries without a header around them. Returns the position
 * behind it.
 */
export function lpWriteSized(b: Uint8Array, p: number, src: Uint8Array, off: number): number {
  return writeEntry(b, p, src, off, preparedText);
}

/** Makes a listpack at `at` of `count` entries that were so written from `LP_EMPTY_BYTES - 1` on, up to `end`. */
export function lpClose(b: Uint8Array, at: number, end: number, count: number): void {
  b[at + 4] = 0;
  b[at + 5] = 0;
  b[end] = END;
  setHeader(b, at, end + 1 - at, count);
}

/** Bytes of the entry of a safe integer. */
export function lpEncodedIntSize(n: number): number {
  prepareInt(n);
  return preparedBytes + 1;
}

// ------------------------------------------------------------------------------------------------ changes

/** Moves the bytes from `from` up to `end` to `to`. */
function move(b: Uint8Array, to: number, from: number, end: number): void {
  const bytes = end - from;
  if (bytes > MOVE_BY_HAND) b.copyWithin(to, from, end);
  else if (to > from) for (let i = bytes - 1; i >= 0; i--) b[to + i] = b[from + i]!;
  else for (let i = 0; i < bytes; i++) b[to + i] = b[from + i]!;
}

function setHeader(b: Uint8Array, at: number, bytes: number, added: number): void {
  b[at] = bytes & 255;
  b[at + 1] = (bytes >>> 8) & 255;
  b[at + 2] = (bytes >>> 16) & 255;
  b[at + 3] = bytes >>> 24;
  if (added === 0) return;
  const known = b[at + 4]! | (b[at + 5]! << 8);
  if (known === UNKNOWN_LENGTH) return;
  const count = Math.min(known + added, UNKNOWN_LENGTH);
  b[at + 4] = count & 255;
  b[at + 5] = count >> 8;
}

/**
 * Inserts an element before the entry `p` (lpEnd: at the end). There must be room for `lpEncodedSize` bytes behind the
 * listpack, and `src` must not be a part of it.
 */
export function lpInsert(
  b: Uint8Array,
  at: number,
  p: number,
  src: Uint8Array,
  off: number,
  len: number,
): void {
  insertPrepared(b, at, p, src, off, prepare(src, off, len));
}

/** The same for a safe integer. */
export function lpInsertInt(b: Uint8Array, at: number, p: number, n: number): void {
  prepareInt(n);
  insertPrepared(b, at, p, b, 0, 0);
}

function insertPrepared(
  b: Uint8Array,
  at: number,
  p: number,
  src: Uint8Array,
  off: number,
  text: number,
): void {
  const bytes = lpBytes(b, at);
  const content = preparedBytes + text;
  const size = content + backlenSize(content);
  move(b, p + size, p, at + bytes);
  writeEntry(b, p, src, off, text);
  setHeader(b, at, bytes + size, 1);
}

/** Puts another element in the place of the entry `p`. Room as for lpInsert, if it is larger. */
export function lpReplace(
  b: Uint8Array,
  at: number,
  p: number,
  src: Uint8Array,
  off: number,
  len: number,
): void {
  replacePrepared(b, at, p, src, off, prepare(src, off, len));
}

function replacePrepared(
  b: Uint8Array,
  at: number,
  p: number,
  src: Uint8Array,
  off: number,
  text: number,
): void {
  const bytes = lpBytes(b, at);
  const old = lpEntrySize(b, p);
  const content = preparedBytes + text;
  const size = content + backlenSize(content);
  if (size !== old) {
    move(b, p + size, p + old, at + bytes);
    setHeader(b, at, bytes + size - old, 0);
  }
  writeEntry(b, p, src, off, text);
}

/** Removes `count` entries from `p` on (fewer where there are no more). `p` is then the entry behind, or the end. */
export function lpDelete(b: Uint8Array, at: number, p: number, count: number): void {
  const bytes = lpBytes(b, at);
  let from = p;
  let removed = 0;
  while (removed < count && b[from] !== END) {
    from += lpEntrySize(b, from);
    removed++;
  }
  if (removed === 0) return;
  move(b, p, from, at + bytes);
  const left = bytes - (from - p);
  setHeader(b, at, left, -removed);
}

// ------------------------------------------------------------------------------------------------ reading

/** What lpGet fills: an element as bytes; an integer's digits stand in its own scratch. */
export class LpElement {
  readonly digits = new Uint8Array(24);
  bytes: Uint8Array = this.digits;
  off = 0;
  len = 0;
  /** True for an element that is stored as an integer. */
  isInt = false;
  /** Its value; beyond 2^53 it is rounded (the digits are not). */
  int = 0;
}

/** Value of the integer at `p`: rounded beyond 2^53. NaN where a string stands. */
export function lpInt(b: Uint8Array, p: number): number {
  const head = b[p]!;
  if (head < 0x80) return head;
  if (head < 0xc0) return Number.NaN;
  if (head < 0xe0) {
    const n = ((head & 31) << 8) | b[p + 1]!;
    return n < 4096 ? n : n - 8192;
  }
  switch (head) {
    case 0xf1:
      return ((b[p + 1]! | (b[p + 2]! << 8)) << 16) >> 16;
    case 0xf2:
      return ((b[p + 1]! | (b[p + 2]! << 8) | (b[p + 3]! << 16)) << 8) >> 8;
    case 0xf3:
      return long(b, p + 1) | 0;
    case 0xf4:
      return (long(b, p + 5) | 0) * TWO_32 + long(b, p + 1);
    default:
      return Number.NaN;
  }
}

/** Reads the entry at `p`. Returns `into`. */
export function lpGet(b: Uint8Array, p: number, into: LpElement): LpElement {
  const head = b[p]!;
  if (head >= 0x80 && head < 0xc0) {
    into.isInt = false;
    into.bytes = b;
    into.off = p + 1;
    into.len = head & 63;
    return into;
  }
  if (head >= 0xe0 && head <= 0xf0) {
    into.isInt = false;
    into.bytes = b;
    into.off = head === 0xf0 ? p + 5 : p + 2;
    into.len = head === 0xf0 ? long(b, p + 1) : ((head & 15) << 8) | b[p + 1]!;
    return into;
  }
  const n = lpInt(b, p);
  into.isInt = true;
  into.int = n;
  into.bytes = into.digits;
  into.off = 0;
  into.len = Number.isSafeInteger(n)
    ? writeInt(into.digits, 0, n)
    : writeInt64(into.digits, 0, (BigInt(long(b, p + 5) | 0) << 32n) | BigInt(long(b, p + 1)));
  return into;
}

const element = new LpElement();

/** Replies with the element at `p` as a bulk string. */
export function lpReply(
  b: Uint8Array,
  p: number,
  out: { bulk(src: Uint8Array, off: number, len: number): void },
): void {
  const head = b[p]!;
  if (head >= 0x80 && head < 0xc0) {
    out.bulk(b, p + 1, head & 63);
    return;
  }
  lpGet(b, p, element);
  out.bulk(element.bytes, element.off, element.len);
}

/**
 * Prepares for many comparisons with one element by lpIsSought; anything else of this file that encodes makes it
 * forget.
 */
export function lpSeekFor(src: Uint8Array, off: number, len: number): void {
  preparedText = prepare(src, off, len);
}

/** True if the entry at `p` is the element that lpSeekFor was told. */
export function lpIsSought(b: Uint8Array, p: number, src: Uint8Array, off: number): boolean {
  return b[p] === prepared[0] && equalsPrepared(b, p, src, off, preparedText);
}

function equalsPrepared(b: Uint8Array, p: number, src: Uint8Array, off: number, text: number): boolean {
  for (let i = 0; i < preparedBytes; i++) if (b[p + i] !== prepared[i]) return false;
  const start = p + preparedBytes;
  for (let i = 0; i < text; i++) if (b[start + i] !== src[off + i]) return false;
  return true;
}

/**
 * The first entry from `p` on that is this element, passing over `skip` entries after each that is looked at (1: only
 * the fields of field, value, field, value). -1 for none.
 */
export function lpFind(
  b: Uint8Array,
  _at: number,
  p: number,
  src: Uint8Array,
  off: number,
  len: number,
  skip: number,
): number {
  if (p < 0) return -1;
  if (len > 0 && len < 64 && src[off]! > 57) return findShort(b, p, src, off, len, skip);
  const text = prepare(src, off, len);
  const head = prepared[0]!;
  while (b[p] !== END) {
    if (b[p] === head && equalsPrepared(b, p, src, off, text)) return p;
    p += lpEntrySize(b, p);
    for (let i = skip; i > 0 && b[p] !== END; i--) p += lpEntrySize(b, p);
  }
  return -1;
}

/** lpFind of a short text that cannot be an integer: names of fields and members, most of the time. */
function findShort(
  b: Uint8Array,
  p: number,
  src: Uint8Array,
  off: number,
  len: number,
  skip: number,
): number {
  const head = 0x80 | len;
  // Names that are made by counting differ at the end.
  const last = src[off + len - 1]!;
  for (let entryHead = b[p]!; entryHead !== END; entryHead = b[p]!) {
    if (entryHead === head && b[p + len] === last) {
      let i = 0;
      while (i < len && b[p + 1 + i] === src[off + i]) i++;
      if (i === len) return p;
    }
    p += entryHead < 0x80 ? 2 : entryHead < 0xc0 ? 2 + (entryHead & 63) : lpEntrySize(b, p);
    for (let i = skip; i > 0 && b[p] !== END; i--) p += lpEntrySize(b, p);
  }
  return -1;
}

/** Whether `len` bytes are a listpack with every length in it right: for what came from outside. */
export function lpValidate(b: Uint8Array, at: number, len: number): boolean {
  if (len < LP_EMPTY_BYTES || at + len > b.length || lpBytes(b, at) !== len) return false;
  const end = at + len - 1;
  let p = at + HEADER_BYTES;
  let count = 0;
  for (; p < end; count++) {
    const head = b[p]!;
    if (head < 0xc0) {
      // What most entries are: a small integer or a short string.
      const size = head < 0x80 ? 1 : 1 + (head & 63);
      if (p + size >= end || b[p + size] !== size) return false;
      p += size + 1;
      continue;
    }
    if (head > 0xf4) return false;
    if (p + (head === 0xf0 ? 5 : 2) > end) return false;
    const size = lpContentSize(b, p);
    const backlen = backlenSize(size);
    if (p + size + backlen > end) return false;
    lpWriteBacklen(prepared, 0, size);
    for (let i = 0; i < backlen; i++) if (b[p + size + i] !== prepared[i]) return false;
    p += size + backlen;
  }
  const told = b[at + 4]! | (b[at + 5]! << 8);
  return p === end && b[end] === END && (told === UNKNOWN_LENGTH || told === count);
}
