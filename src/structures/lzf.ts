/**
 * LZF, the compression of Redis's files and of compressed list nodes: cheap, byte by byte, without entropy coding.
 *
 *   000nnnnn                       n + 1 literal bytes follow
 *   lllooooo oooooooo              copy l + 2 bytes (l = 1 ... 6) from o + 1 bytes back
 *   111ooooo llllllll oooooooo     copy l + 9 bytes
 *
 * The compressor remembers where each hash of three bytes was seen last and takes the first match it meets. Its output
 * need not be that of liblzf: any reader unpacks it.
 */

const HASH_BITS = 14;
const LITERALS_MAX = 32;
const DISTANCE_MAX = 8192;
const MATCH_MAX = 264;

/** Where a hash was seen last, plus one, counted from `base`; older runs leave smaller numbers than `base`. */
const seen = new Int32Array(1 << HASH_BITS);
let base = 0;

/**
 * Compresses `len` bytes of `src` into `dst`, at most `room` bytes. Returns how many, or 0 if they would not fit
 * (which it may say up to three bytes too early).
 */
export function lzfCompress(
  src: Uint8Array,
  off: number,
  len: number,
  dst: Uint8Array,
  to: number,
  room: number,
): number {
  if (base > 0x40000000 || base + len > 0x7ffffff0) {
    seen.fill(0);
    base = 0;
  }
  const mine = base;
  base += len;
  const end = off + len;
  const limit = to + room;
  // Place of the count byte of the literals being collected, which is one before the next byte written.
  let out = to + 1;
  let literals = 0;
  let p = off;
  while (p < end) {
    if (p + 2 < end) {
      const hash = hashOf(src[p]!, src[p + 1]!, src[p + 2]!);
      const at = seen[hash]! - 1 - mine + off;
      seen[hash] = p - off + 1 + mine;
      if (
        at >= off &&
        p - at <= DISTANCE_MAX &&
        src[at] === src[p] &&
        src[at + 1] === src[p + 1] &&
        src[at + 2] === src[p + 2]
      ) {
        const most = Math.min(MATCH_MAX, end - p);
        let match = 3;
        while (match < most && src[at + match] === src[p + match]) match++;
        if (literals > 0) dst[out - literals - 1] = literals - 1;
        else out--;
        if (out + 4 > limit) return 0;
        const back = p - at - 1;
        const length = match - 2;
        if (length < 7) dst[out++] = (length << 5) | (back >> 8);
        else {
          dst[out++] = (7 << 5) | (back >> 8);
          dst[out++] = length - 7;
        }
        dst[out++] = back & 255;
        out++;
        literals = 0;
        const next = p + match;
        for (p++; p < next; p++) {
          if (p + 2 < end) seen[hashOf(src[p]!, src[p + 1]!, src[p + 2]!)] = p - off + 1 + mine;
        }
        continue;
      }
    }
    if (out >= limit) return 0;
    dst[out++] = src[p++]!;
    if (++literals === LITERALS_MAX) {
      dst[out - literals - 1] = literals - 1;
      literals = 0;
      out++;
    }
  }
  if (literals > 0) dst[out - literals - 1] = literals - 1;
  else out--;
  return out - to;
}

function hashOf(a: number, b: number, c: number): number {
  return Math.imul((a << 16) | (b << 8) | c, 0x9e3779b1) >>> (32 - HASH_BITS);
}

/**
 * Unpacks `len` bytes of `src` into exactly `size` bytes of `dst`. False if they are damaged.
 */
export function lzfDecompress(
  src: Uint8Array,
  off: number,
  len: number,
  dst: Uint8Array,
  to: number,
  size: number,
): boolean {
  const end = off + len;
  const limit = to + size;
  let p = off;
  let out = to;
  while (p < end) {
    const control = src[p++]!;
    if (control < LITERALS_MAX) {
      const count = control + 1;
      if (p + count > end || out + count > limit) return false;
      for (let i = 0; i < count; i++) dst[out++] = src[p++]!;
      continue;
    }
    let count = (control >> 5) + 2;
    if (count === 9) {
      if (p >= end) return false;
      count += src[p++]!;
    }
    if (p >= end) return false;
    let from = out - ((control & 31) << 8) - src[p++]! - 1;
    if (from < to || out + count > limit) return false;
    while (count-- > 0) dst[out++] = dst[from++]!;
  }
  return out === limit;
}
