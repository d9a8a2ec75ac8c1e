/**
 * Fields and values as they lie in a stream's node: each encoded as in a listpack (an integer where the text is the
 * canonical text of one), but without the length behind it: nodes are only read forward. `listpackSize` tells what the
 * element takes in the listpack that Redis would have.
 */
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { parseInt64Big, parseSafeInt, writeInt } from '../../util/number-text.ts';

const COPY_BY_HAND = 48;
const TWO_32 = 4294967296;

/** No element takes more than its text and this. */
export const ELEMENT_HEAD_MAX = 5;

/** Writes the text as an element at `p`; returns the position behind it. */
export function writeElement(b: Uint8Array, p: number, src: Uint8Array, off: number, len: number): number {
  if (len > 0 && len <= 20 && src[off]! <= 57) {
    const n = parseSafeInt(src, off, len);
    if (!Number.isNaN(n)) return writeIntElement(b, p, n);
    if (len > 15) {
      const big = parseInt64Big(src, off, len);
      if (big !== null) {
        b[p] = 0xf4;
        writeWord(b, p + 1, Number(BigInt.asIntN(32, big)));
        writeWord(b, p + 5, Number(big >> 32n));
        return p + 9;
      }
    }
  }
  if (len < 64) b[p++] = 0x80 | len;
  else if (len < 4096) {
    b[p] = 0xe0 | (len >> 8);
    b[p + 1] = len & 255;
    p += 2;
  } else {
    b[p] = 0xf0;
    writeWord(b, p + 1, len);
    p += 5;
  }
  if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) b[p + i] = src[off + i]!;
  else b.set(src.subarray(off, off + len), p);
  return p + len;
}

export function writeIntElement(b: Uint8Array, p: number, n: number): number {
  if (n >= 0 && n < 128) {
    b[p] = n;
    return p + 1;
  }
  if (n >= -4096 && n < 4096) {
    b[p] = 0xc0 | ((n >> 8) & 31);
    b[p + 1] = n & 255;
    return p + 2;
  }
  if (n >= -32768 && n < 32768) {
    b[p] = 0xf1;
    b[p + 1] = n & 255;
    b[p + 2] = (n >> 8) & 255;
    return p + 3;
  }
  if (n >= -8388608 && n < 8388608) {
    b[p] = 0xf2;
    b[p + 1] = n & 255;
    b[p + 2] = (n >> 8) & 255;
    b[p + 3] = (n >> 16) & 255;
    return p + 4;
  }
  if (n >= -2147483648 && n < 2147483648) {
    b[p] = 0xf3;
    writeWord(b, p + 1, n | 0);
    return p + 5;
  }
  b[p] = 0xf4;
  writeWord(b, p + 1, n | 0);
  writeWord(b, p + 5, Math.floor(n / TWO_32) | 0);
  return p + 9;
}

function writeWord(b: Uint8Array, p: number, n: number): void {
  b[p] = n & 255;
  b[p + 1] = (n >> 8) & 255;
  b[p + 2] = (n >> 16) & 255;
  b[p + 3] = (n >> 24) & 255;
}

function readWord(b: Uint8Array, p: number): number {
  return b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24);
}

/** What an element of so many bytes takes in a listpack, with the length behind it. */
export function listpackSize(size: number): number {
  if (size <= 127) return size + 1;
  if (size < 16383) return size + 2;
  if (size < 2097151) return size + 3;
  return size < 268435455 ? size + 4 : size + 5;
}

/** What the integer with these words takes in a listpack. */
export function listpackIntSize(hi: number, lo: number): number {
  if (hi !== lo >> 31) return 10;
  if (lo >= 0 && lo < 128) return 2;
  if (lo >= -4096 && lo < 4096) return 3;
  if (lo >= -32768 && lo < 32768) return 4;
  return lo >= -8388608 && lo < 8388608 ? 5 : 6;
}

/** The text of an element. `bytes` is only lent: the node's, or for an integer digits that the next call overwrites. */
export class ElementText {
  bytes: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
  readonly #digits = new Uint8Array(20);

  /** Reads the element at `p`; returns the position behind it. */
  read(b: Uint8Array, p: number): number {
    const head = b[p]!;
    if (head >= 0x80 && head < 0xc0) return this.#text(b, p + 1, head & 63);
    if (head < 0x80) return this.#int(head, p + 1);
    if (head < 0xe0) return this.#int(((((head & 31) << 8) | b[p + 1]!) << 19) >> 19, p + 2);
    if (head < 0xf0) return this.#text(b, p + 2, ((head & 15) << 8) | b[p + 1]!);
    switch (head) {
      case 0xf0:
        return this.#text(b, p + 5, readWord(b, p + 1) >>> 0);
      case 0xf1:
        return this.#int(((b[p + 1]! | (b[p + 2]! << 8)) << 16) >> 16, p + 3);
      case 0xf2:
        return this.#int(((b[p + 1]! | (b[p + 2]! << 8) | (b[p + 3]! << 16)) << 8) >> 8, p + 4);
      case 0xf3:
        return this.#int(readWord(b, p + 1), p + 5);
      default:
        return this.#long(readWord(b, p + 5), readWord(b, p + 1), p + 9);
    }
  }

  #text(b: Uint8Array, off: number, len: number): number {
    this.bytes = b;
    this.off = off;
    this.len = len;
    return off + len;
  }

  #int(n: number, behind: number): number {
    this.bytes = this.#digits;
    this.off = 0;
    this.len = writeInt(this.#digits, 0, n);
    return behind;
  }

  #long(hi: number, lo: number, behind: number): number {
    const n = hi * TWO_32 + (lo >>> 0);
    if (Number.isSafeInteger(n)) return this.#int(n, behind);
    const text = ((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString();
    for (let i = 0; i < text.length; i++) this.#digits[i] = text.charCodeAt(i);
    this.bytes = this.#digits;
    this.off = 0;
    this.len = text.length;
    return behind;
  }
}

const compared = new ElementText();

/** The position behind the element at `p` if its text is this, else -1. */
export function skipEqual(b: Uint8Array, p: number, src: Uint8Array, off: number, len: number): number {
  const head = b[p]!;
  if (head >= 0x80 && head < 0xc0) {
    if ((head & 63) !== len) return -1;
    p++;
    for (let i = 0; i < len; i++) if (b[p + i] !== src[off + i]) return -1;
    return p + len;
  }
  const behind = compared.read(b, p);
  if (compared.len !== len) return -1;
  const { bytes } = compared;
  const from = compared.off;
  for (let i = 0; i < len; i++) if (bytes[from + i] !== src[off + i]) return -1;
  return behind;
}

const replied = new ElementText();

/** Replies with the element at `p`; returns the position behind it. */
export function replyElement(out: ReplyWriter, b: Uint8Array, p: number): number {
  const behind = replied.read(b, p);
  out.bulk(replied.bytes, replied.off, replied.len);
  return behind;
}
