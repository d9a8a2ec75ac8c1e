/**
 * Sealed nodes: elements of one length without a byte between them.
 *
 * Most long lists hold things of one kind (ids, hashes, codes) whose texts have the same length and few different
 * characters. A node of such elements inside a list, which is read but hardly changed, is written as:
 *
 *   word 0   KIND_SEALED, bits of a character (4-7), size of the alphabet (8-16)
 *   word 1   elements that have been popped off its front
 *   word 2   length of an element (16-31), of what all begin with (0-15)
 *   the alphabet (not for 8 bits), the common beginning, the rests of all elements, `bits` bits a character
 *
 * Ten random letters and digits take 7.5 bytes instead of 12. An element is found by its index at once. Pops need not
 * unseal: they count.
 */
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { LpElement, lpEntrySize, lpGet } from '../../structures/listpack.ts';
import { writeInt } from '../../util/number-text.ts';

export const KIND_MASK = 15;
export const KIND_SEALED = 1;
export const NODE_HEADER = 12;
/** Two bytes are read for each character. */
const PADDING = 1;

/** What planSeal has found out; good until it is called again. */
const used = new Uint8Array(256);
const codes = new Uint8Array(256);
const alphabet = new Uint8Array(256);
const element = new LpElement();
let first = new Uint8Array(256);
/** `$`, digits, CRLF. */
const head = new Uint8Array(16);
let elementLength = 0;
let prefix = 0;
let width = 0;
let letters = 0;

/** Bytes of the sealed form of `count` entries, or 0 if they have no common length. */
export function planSeal(b: Uint8Array, start: number, end: number, count: number): number {
  lpGet(b, start, element);
  const length = element.len;
  if (length > 65535) return 0;
  if (first.length < length) first = new Uint8Array(length * 2);
  const common = first;
  for (let i = 0; i < length; i++) common[i] = element.bytes[element.off + i]!;
  used.fill(0);
  let same = length;
  for (let p = start + lpEntrySize(b, start); p < end; ) {
    let src = b;
    let from = p + 1;
    const short = b[p]! - 0x80;
    if (short >= 0 && short < 64) {
      if (short !== length) return 0;
      p += short + 2;
    } else {
      lpGet(b, p, element);
      if (element.len !== length) return 0;
      src = element.bytes;
      from = element.off;
      p += lpEntrySize(b, p);
    }
    let i = 0;
    while (i < same && src[from + i] === common[i]) i++;
    same = i;
    for (; i < length; i++) used[src[from + i]!] = 1;
  }
  for (let i = same; i < length; i++) used[common[i]!] = 1;
  letters = 0;
  for (let c = 0; c < 256; c++) {
    if (used[c] === 0) continue;
    codes[c] = letters;
    alphabet[letters++] = c;
  }
  elementLength = length;
  prefix = same;
  width = letters <= 1 ? 0 : 32 - Math.clz32(letters - 1);
  if (width === 8) {
    // Characters are then written as they are, without an alphabet.
    letters = 0;
    for (let c = 0; c < 256; c++) codes[c] = c;
  }
  return NODE_HEADER + letters + prefix + Math.ceil((count * (length - prefix) * width) / 8) + PADDING;
}

/** Writes the node that was planned last at byte `at` of a page. */
export function writeSealed(
  page: Uint8Array,
  words: Int32Array,
  at: number,
  b: Uint8Array,
  start: number,
  end: number,
): void {
  const w = at >> 2;
  words[w] = KIND_SEALED | (width << 4) | (letters << 8);
  words[w + 1] = 0;
  words[w + 2] = (elementLength << 16) | prefix;
  let to = at + NODE_HEADER;
  for (let i = 0; i < letters; i++) page[to++] = alphabet[i]!;
  for (let i = 0; i < prefix; i++) page[to++] = first[i]!;
  if (width === 0) return;
  let bits = 0;
  let filled = 0;
  const step = width;
  const length = elementLength;
  for (let p = start; p < end; ) {
    let src = b;
    let from = p + 1;
    const short = b[p]! - 0x80;
    if (short >= 0 && short < 64) p += short + 2;
    else {
      lpGet(b, p, element);
      src = element.bytes;
      from = element.off;
      p += lpEntrySize(b, p);
    }
    for (let i = from + prefix, last = from + length; i < last; i++) {
      bits |= codes[src[i]!]! << filled;
      filled += step;
      if (filled >= 8) {
        page[to++] = bits & 255;
        bits >>= 8;
        filled -= 8;
      }
    }
  }
  page[to] = bits;
}

export function sealedLength(words: Int32Array, at: number): number {
  return words[(at >> 2) + 2]! >>> 16;
}

/** Writes element `index` (counted from the first that is left) at `to`. Returns its length. */
export function readSealed(
  page: Uint8Array,
  words: Int32Array,
  at: number,
  index: number,
  dst: Uint8Array,
  to: number,
): number {
  const w = at >> 2;
  const head = words[w]!;
  const bits = (head >> 4) & 15;
  const alphabetAt = at + NODE_HEADER;
  const prefixAt = alphabetAt + (head >> 8);
  const length = words[w + 2]! >>> 16;
  const common = words[w + 2]! & 65535;
  for (let i = 0; i < common; i++) dst[to + i] = page[prefixAt + i]!;
  const body = prefixAt + common;
  const rest = length - common;
  if (bits === 8) {
    const from = body + (words[w + 1]! + index) * rest;
    for (let i = 0; i < rest; i++) dst[to + common + i] = page[from + i]!;
    return length;
  }
  const mask = (1 << bits) - 1;
  // A node has at most 2^16 bytes of text, so its bits fit an int32.
  let bit = (words[w + 1]! + index) * rest * bits;
  for (let i = common; i < length; i++, bit += bits) {
    const from = body + (bit >> 3);
    const code = ((page[from]! | (page[from + 1]! << 8)) >> (bit & 7)) & mask;
    dst[to + i] = page[alphabetAt + code]!;
  }
  return length;
}

/** Replies with `count` elements from `index` on, as bulk strings. */
export function replySealed(
  out: ReplyWriter,
  page: Uint8Array,
  words: Int32Array,
  at: number,
  index: number,
  count: number,
): void {
  const length = sealedLength(words, at);
  const room = length + 12;
  head[0] = 36;
  const headBytes = writeInt(head, 1, length) + 2;
  head[headBytes - 2] = 13;
  head[headBytes - 1] = 10;
  for (let i = 0; i < count; i++) {
    if (out.pos + room > out.buf.length) out.ensure(room);
    const { buf } = out;
    let { pos } = out;
    for (let k = 0; k < headBytes; k++) buf[pos++] = head[k]!;
    pos += readSealed(page, words, at, index + i, buf, pos);
    buf[pos] = 13;
    buf[pos + 1] = 10;
    out.pos = pos + 2;
  }
}

/** The element that is looked for, in the codes of one node. */
let soughtCodes = new Uint8Array(256);
let soughtBits = 0;
let soughtRest = 0;
let soughtBody = 0;
let soughtPopped = 0;
const codeOf = new Int16Array(256);

/** Prepares for isSoughtSealed. False if this node cannot have the element: most can be told at once. */
export function seekInSealed(
  page: Uint8Array,
  words: Int32Array,
  at: number,
  src: Uint8Array,
  off: number,
  len: number,
): boolean {
  const w = at >> 2;
  const common = words[w + 2]! & 65535;
  if (words[w + 2]! >>> 16 !== len) return false;
  const alphabetAt = at + NODE_HEADER;
  const size = words[w]! >> 8;
  const prefixAt = alphabetAt + size;
  for (let i = 0; i < common; i++) if (page[prefixAt + i] !== src[off + i]) return false;
  soughtBits = (words[w]! >> 4) & 15;
  soughtRest = len - common;
  soughtBody = prefixAt + common;
  soughtPopped = words[w + 1]!;
  if (soughtCodes.length < soughtRest) soughtCodes = new Uint8Array(soughtRest * 2);
  if (soughtBits === 8) {
    for (let i = 0; i < soughtRest; i++) soughtCodes[i] = src[off + common + i]!;
    return true;
  }
  codeOf.fill(-1);
  for (let i = 0; i < size; i++) codeOf[page[alphabetAt + i]!] = i;
  for (let i = 0; i < soughtRest; i++) {
    const code = codeOf[src[off + common + i]!]!;
    if (code < 0) return false;
    soughtCodes[i] = code;
  }
  return true;
}

/** Whether element `index` of the node that seekInSealed has looked at is the one. */
export function isSoughtSealed(page: Uint8Array, index: number): boolean {
  const bits = soughtBits;
  const rest = soughtRest;
  const mask = (1 << bits) - 1;
  let bit = (soughtPopped + index) * rest * bits;
  for (let i = 0; i < rest; i++, bit += bits) {
    const from = soughtBody + (bit >> 3);
    const code = ((page[from]! | (page[from + 1]! << 8)) >> (bit & 7)) & mask;
    if (code !== soughtCodes[i]) return false;
  }
  return true;
}
