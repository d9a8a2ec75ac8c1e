/**
 * Bytes with few different values, in 4 to 7 bits each.
 *
 * What is packed begins with its alphabet, a bit for each byte value; a byte's code is the number of smaller values in
 * the alphabet. Text of letters and digits takes three quarters of its bytes, hexadecimal digits take half.
 */

export const ALPHABET_BYTES = 32;
/** What planPacking answers where nothing can be saved. */
export const UNPACKED_BITS = 8;

/** What planPacking has found out; good until it is called again. */
const used = new Uint8Array(256);
const usedWords = new Int32Array(used.buffer);
const alphabet = new Uint8Array(ALPHABET_BYTES);
const codes = new Uint8Array(256);
/** The bytes by code, of what is unpacked. */
const letters = new Uint8Array(256);

/**
 * Bits that a byte of what is to be packed needs: 4 to 7, or UNPACKED_BITS. `b` and `words` show the same memory; `from`
 * and `end` are bytes, `from` at a word.
 */
export function planPacking(b: Uint8Array, words: Int32Array, from: number, end: number): number {
  const seen = used;
  seen.fill(0);
  const whole = end >> 2;
  for (let w = from >> 2; w < whole; w++) {
    const four = words[w]!;
    seen[four & 255] = 1;
    seen[(four >> 8) & 255] = 1;
    seen[(four >> 16) & 255] = 1;
    seen[four >>> 24] = 1;
  }
  for (let i = whole * 4; i < end; i++) seen[b[i]!] = 1;
  let count = 0;
  for (let group = 0; group < ALPHABET_BYTES; group++) {
    let set = 0;
    if ((usedWords[group * 2]! | usedWords[group * 2 + 1]!) !== 0) {
      for (let i = 0; i < 8; i++) {
        const c = group * 8 + i;
        set |= used[c]! << i;
        codes[c] = count;
        count += used[c]!;
      }
    }
    alphabet[group] = set;
  }
  return count <= 16 ? 4 : 32 - Math.clz32(count - 1);
}

/** What `length` bytes take when they are packed, the alphabet included. */
export function packedBytes(length: number, bits: number): number {
  return ALPHABET_BYTES + Math.ceil((length * bits) / 8);
}

/** Packs the bytes that were planned last to byte `to` (at a word), where `packedBytes` are free. */
export function packBytes(
  b: Uint8Array,
  words: Int32Array,
  from: number,
  end: number,
  bits: number,
  dst: Uint8Array,
  dstWords: Int32Array,
  to: number,
): void {
  for (let i = 0; i < ALPHABET_BYTES; i++) dst[to + i] = alphabet[i]!;
  to += ALPHABET_BYTES;
  // A local name for the table is looked up once, not for each byte.
  const table = codes;
  let i = from;
  if (bits === 6) {
    // Sixteen bytes make three words.
    let w = from >> 2;
    let out = to >> 2;
    for (const last = (end >> 2) - 4; w <= last; w += 4, out += 3) {
      const second = fourCodes(table, words[w + 1]!);
      const third = fourCodes(table, words[w + 2]!);
      dstWords[out] = fourCodes(table, words[w]!) | (second << 24);
      dstWords[out + 1] = (second >> 8) | (third << 16);
      dstWords[out + 2] = (third >> 16) | (fourCodes(table, words[w + 3]!) << 8);
    }
    i = w * 4;
    to = out * 4;
  }
  let pending = 0;
  let filled = 0;
  for (; i < end; i++) {
    pending |= table[b[i]!]! << filled;
    filled += bits;
    if (filled < 8) continue;
    dst[to++] = pending;
    pending >>= 8;
    filled -= 8;
  }
  if (filled > 0) dst[to] = pending;
}

/** The codes, of 6 bits, of the four bytes of a word. */
function fourCodes(table: Uint8Array, four: number): number {
  return (
    table[four & 255]! |
    (table[(four >> 8) & 255]! << 6) |
    (table[(four >> 16) & 255]! << 12) |
    (table[four >>> 24]! << 18)
  );
}

/** Unpacks the `length` bytes that were packed at byte `from` (at a word) to byte `to` (the same). */
export function unpackBytes(
  b: Uint8Array,
  words: Int32Array,
  from: number,
  bits: number,
  length: number,
  dst: Uint8Array,
  dstWords: Int32Array,
  to: number,
): void {
  let count = 0;
  for (let c = 0; c < 256; c += 8) {
    for (let set = b[from++]!; set !== 0; set &= set - 1) letters[count++] = c + 31 - Math.clz32(set & -set);
  }
  const table = letters;
  const end = to + length;
  if (bits === 6) {
    let w = from >> 2;
    let out = to >> 2;
    for (const last = (end >> 2) - 4; out <= last; out += 4, w += 3) {
      const first = words[w]!;
      const second = words[w + 1]!;
      const third = words[w + 2]!;
      dstWords[out] = fourLetters(table, first);
      dstWords[out + 1] = fourLetters(table, (first >>> 24) | (second << 8));
      dstWords[out + 2] = fourLetters(table, (second >>> 16) | (third << 16));
      dstWords[out + 3] = fourLetters(table, third >>> 8);
    }
    from = w * 4;
    to = out * 4;
  }
  const mask = (1 << bits) - 1;
  let pending = 0;
  let filled = 0;
  for (; to < end; to++) {
    if (filled < bits) {
      pending |= b[from++]! << filled;
      filled += 8;
    }
    dst[to] = table[pending & mask]!;
    pending >>= bits;
    filled -= bits;
  }
}

/** The bytes, as a word, of the four codes in the lower 24 bits. */
function fourLetters(table: Uint8Array, four: number): number {
  return (
    table[four & 63]! |
    (table[(four >> 6) & 63]! << 8) |
    (table[(four >> 12) & 63]! << 16) |
    (table[(four >> 18) & 63]! << 24)
  );
}
