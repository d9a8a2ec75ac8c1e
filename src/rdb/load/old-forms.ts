/**
 * Compact forms that older Redis wrote and nobody does any more: ziplist (up to 6.2) and zipmap (up to 2.4). They are
 * only read, element by element, and every length in them is checked as it is met.
 *
 *   ziplist  bytes(4) tail(4) count(2) entry* 0xff                                 all little endian
 *     entry  size of the entry before (1 byte, or 0xfe and 4), encoding, data
 *            00pppppp string of p bytes      01pppppp q string of 14 bits   10______ + 4 (big endian) string
 *            c0 int16   d0 int32   e0 int64   f0 int24   fe int8   f1...fd the numbers 0 to 12
 *   zipmap   count(1) { length, field, length, free(1), value, free bytes }* 0xff
 *            a length is a byte below 254, or 254 and 4 bytes (little endian)
 */
import { writeInt, writeInt64 } from '../../util/number-text.ts';
import { CorruptRdb } from './reader.ts';

export type ElementVisitor = (bytes: Uint8Array, off: number, len: number) => void;

const END = 255;
const ZIPLIST_HEADER = 10;
const UNKNOWN_COUNT = 65535;
const BIG_LENGTH = 254;

const digits = new Uint8Array(24);

/** Visits the elements of the ziplist in b[off, off + len). Returns their number. `message`: if it is none. */
export function readZiplist(
  b: Uint8Array,
  off: number,
  len: number,
  visit: ElementVisitor,
  message = 'Ziplist integrity check failed.',
): number {
  const bad = (): never => {
    throw new CorruptRdb(message);
  };
  if (len < ZIPLIST_HEADER + 1) bad();
  const view = new DataView(b.buffer, b.byteOffset + off, len);
  const last = len - 1;
  if (view.getUint32(0, true) !== len || view.getUint8(last) !== END) bad();
  const tail = view.getUint32(4, true);
  const told = view.getUint16(8, true);
  let at = ZIPLIST_HEADER;
  let previous = 0;
  let lastAt = ZIPLIST_HEADER;
  let count = 0;
  while (at < last) {
    lastAt = at;
    let before = view.getUint8(at);
    let next = at + 1;
    if (before === BIG_LENGTH) {
      if (at + 5 > last) bad();
      before = view.getUint32(at + 1, true);
      next = at + 5;
    }
    if (before !== previous || next >= last) bad();
    const head = view.getUint8(next++);
    let size = 0;
    if (head < 0xc0) {
      const kind = head >> 6;
      if (next + (kind === 2 ? 4 : kind) > last) bad();
      if (kind === 0) size = head & 63;
      else if (kind === 1) size = ((head & 63) << 8) | view.getUint8(next);
      else size = view.getUint32(next, false);
      next += kind === 2 ? 4 : kind;
      if (next + size > last) bad();
      visit(b, off + next, size);
    } else {
      size = integerBytes(head);
      if (size < 0 || next + size > last) bad();
      visit(digits, 0, integerText(view, head, next));
    }
    next += size;
    previous = next - at;
    at = next;
    count++;
  }
  if (
    at !== last ||
    (told !== UNKNOWN_COUNT && told !== count) ||
    tail !== (count === 0 ? ZIPLIST_HEADER : lastAt)
  ) {
    bad();
  }
  return count;
}

/** Bytes behind the encoding byte of an integer; -1 for none. */
function integerBytes(head: number): number {
  if (head === 0xc0) return 2;
  if (head === 0xd0) return 4;
  if (head === 0xe0) return 8;
  if (head === 0xf0) return 3;
  if (head === 0xfe) return 1;
  return head >= 0xf1 && head <= 0xfd ? 0 : -1;
}

function integerText(view: DataView, head: number, at: number): number {
  switch (head) {
    case 0xc0:
      return writeInt(digits, 0, view.getInt16(at, true));
    case 0xd0:
      return writeInt(digits, 0, view.getInt32(at, true));
    case 0xe0:
      return writeInt64(digits, 0, view.getBigInt64(at, true));
    case 0xf0:
      return writeInt(digits, 0, view.getUint16(at, true) | (view.getInt8(at + 2) << 16));
    case 0xfe:
      return writeInt(digits, 0, view.getInt8(at));
    default:
      return writeInt(digits, 0, (head & 15) - 1);
  }
}

/** Visits field, value, field, value ... of the zipmap in b[off, off + len). Returns the number of fields. */
export function readZipmap(b: Uint8Array, off: number, len: number, visit: ElementVisitor): number {
  const bad = (): never => {
    throw new CorruptRdb('Zipmap integrity check failed.');
  };
  const last = off + len - 1;
  if (len < 2 || b[last] !== END) bad();
  let at = off + 1;
  let count = 0;
  const length = (): number => {
    if (at >= last) bad();
    const first = b[at++]!;
    if (first < BIG_LENGTH) return first;
    if (first === END || at + 4 > last) bad();
    at += 4;
    return (b[at - 4]! | (b[at - 3]! << 8) | (b[at - 2]! << 16) | (b[at - 1]! << 24)) >>> 0;
  };
  while (at < last) {
    const fieldLen = length();
    if (at + fieldLen > last) bad();
    const field = at;
    at += fieldLen;
    const valueLen = length();
    if (at >= last) bad();
    const free = b[at++]!;
    if (at + valueLen + free > last) bad();
    visit(b, field, fieldLen);
    visit(b, at, valueLen);
    at += valueLen + free;
    count++;
  }
  const told = b[off]!;
  if (at !== last || count === 0 || (told < BIG_LENGTH && told !== count)) bad();
  return count;
}
