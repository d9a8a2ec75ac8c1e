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
const codes = new Uint8Array(256);
/** The bytes by code, of what is unpacked. */
const letters = new Uint8Array(256);

/** Bits that a byte of `b` from `from` to `end` needs: 4 to 7, or UNPACKED_BITS. */
export function planPacking(b: Uint8Array, from: number, end: number): number {
  used.fill(0);
  for (let i = from; i < end; i++) used[b[i]!] = 1;
  let count = 0;
  for (let c = 0; c < 256; c++) {
    codes[c] = count;
    count += used[c]!;
  }
  return count <= 16 ? 4 : 32 - Math.clz32(count - 1);
}

/** What `length` bytes take when they are packed, the alphabet included. */
export function packedBytes(length: number, bits: number): number {
  return ALPHABET_BYTES + Math.ceil((length * bits) / 8);
}

/** Packs the bytes that were planned last to `to`, where `packedBytes` are free. */
export function packBytes(
  b: Uint8Array,
  from: number,
  end: number,
  bits: number,
  dst: Uint8Array,
  to: number,
): void {
  for (let c = 0; c < 256; c += 8) {
    let set = 0;
    for (let i = 7; i >= 0; i--) set = (set << 1) | used[c + i]!;
    dst[to++] = set;
  }
  let i = from;
  if (bits === 6) {
    for (; i + 4 <= end; i += 4, to += 3) {
      const four =
        codes[b[i]!]! | (codes[b[i + 1]!]! << 6) | (codes[b[i + 2]!]! << 12) | (codes[b[i + 3]!]! << 18);
      dst[to] = four;
      dst[to + 1] = four >> 8;
      dst[to + 2] = four >> 16;
    }
  }
  let pending = 0;
  let filled = 0;
  for (; i < end; i++) {
    pending |= codes[b[i]!]! << filled;
    filled += bits;
    if (filled < 8) continue;
    dst[to++] = pending;
    pending >>= 8;
    filled -= 8;
  }
  if (filled > 0) dst[to] = pending;
}

/** Unpacks the `length` bytes that were packed at `from` to `to`. */
export function unpackBytes(
  b: Uint8Array,
  from: number,
  bits: number,
  length: number,
  dst: Uint8Array,
  to: number,
): void {
  let count = 0;
  for (let c = 0; c < 256; c += 8) {
    for (let set = b[from++]!; set !== 0; set &= set - 1) letters[count++] = c + 31 - Math.clz32(set & -set);
  }
  const end = to + length;
  if (bits === 6) {
    for (; to + 4 <= end; to += 4, from += 3) {
      const four = b[from]! | (b[from + 1]! << 8) | (b[from + 2]! << 16);
      dst[to] = letters[four & 63]!;
      dst[to + 1] = letters[(four >> 6) & 63]!;
      dst[to + 2] = letters[(four >> 12) & 63]!;
      dst[to + 3] = letters[four >> 18]!;
    }
  }
  const mask = (1 << bits) - 1;
  let pending = 0;
  let filled = 0;
  for (; to < end; to++) {
    if (filled < bits) {
      pending |= b[from++]! << filled;
      filled += 8;
    }
    dst[to] = letters[pending & mask]!;
    pending >>= bits;
    filled -= bits;
  }
}
