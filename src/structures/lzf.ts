/**
 * LZF, the compression of Redis's files and of compressed list nodes: cheap, byte by byte, without entropy coding.
 *
 *   000nnnnn                       n + 1 literal bytes follow
 *   lllooooo oooooooo              copy l + 2 bytes (l = 1 ... 6) from o + 1 bytes back
 *   111ooooo llllllll oooooooo     copy l + 9 bytes
 *
 * The compressor remembers where each hash of three bytes was seen last and takes the first match it meets. Literals
 * are only copied when a match or the end is met, so a string without one (most short strings) costs no more than the
 * looking; where nothing has matched for long, it looks at fewer places. Its output need not be that of liblzf: any
 * reader unpacks it.
 */

import { copyBytes } from '../util/copy-bytes.ts';
import { type LzfModule, makeLzfModule, SOURCE_MAX, TARGET, TARGET_MAX } from './lzf-module.ts';

const HASH_BITS = 14;
const LITERALS_MAX = 32;
const DISTANCE_MAX = 8192;
const MATCH_MIN = 3;
const MATCH_MAX = 264;
/** Bytes that one part of compressed ones becomes at most. */
export const LZF_PART_MAX = MATCH_MAX;
const HASH_FACTOR = 0x9e3779b1;
/** After so many places in vain (as a power of two) one more is left out each time. */
const PATIENCE = 5;

/** Where a hash was seen last, plus one, counted from `base`; older runs leave smaller numbers than `base`. */
const seen = new Int32Array(1 << HASH_BITS);
let base = 0;

/** Bits of hashes for a run of so many bytes: the less of the table is used, the less falls out of the cache. */
function hashBits(len: number): number {
  return len <= 256 ? 10 : len <= 2048 ? 12 : HASH_BITS;
}

/** Bytes that so many literals take. */
function literalBytes(count: number): number {
  return count + ((count + LITERALS_MAX - 1) >> 5);
}

/**
 * Compresses `len` bytes of `src` into `dst`, at most `room` bytes. Returns how many, or 0 if they would not fit.
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
  const table = seen;
  const shift = 32 - hashBits(len);
  // What stands in the table for position p: p + bias.
  const bias = base - off + 1;
  base += len;
  const end = off + len;
  const limit = to + room;
  const last = end - MATCH_MIN;
  let out = to;
  let anchor = off;
  let misses = 0;
  // Behind this the literals alone would not fit.
  let stop = Math.min(last, anchor + room);
  let p = off;
  while (p <= stop) {
    const three = (src[p]! << 16) | (src[p + 1]! << 8) | src[p + 2]!;
    const hash = Math.imul(three, HASH_FACTOR) >>> shift;
    let at = table[hash]! - bias;
    table[hash] = p + bias;
    if (
      at < off ||
      p - at > DISTANCE_MAX ||
      ((src[at]! << 16) | (src[at + 1]! << 8) | src[at + 2]!) !== three
    ) {
      p += 1 + (misses++ >> PATIENCE);
      continue;
    }
    let match = MATCH_MIN;
    while (p > anchor && at > off && src[p - 1] === src[at - 1]) {
      p--;
      at--;
      match++;
    }
    const most = Math.min(MATCH_MAX, end - p);
    if (match > most) match = most;
    else while (match < most && src[at + match] === src[p + match]) match++;
    const literals = p - anchor;
    if (out + literalBytes(literals) + 3 > limit) return 0;
    if (literals > 0) out = copyLiterals(src, anchor, literals, dst, out);
    const back = p - at - 1;
    const length = match - 2;
    if (length < 7) dst[out++] = (length << 5) | (back >> 8);
    else {
      dst[out++] = (7 << 5) | (back >> 8);
      dst[out++] = length - 7;
    }
    dst[out++] = back & 255;
    p += match;
    anchor = p;
    misses = 0;
    stop = Math.min(last, anchor + limit - out);
    // Of what the match has skipped, the end is what may go on.
    if (p <= last) {
      const two = (src[p - 2]! << 16) | (src[p - 1]! << 8) | src[p]!;
      table[Math.imul(two, HASH_FACTOR) >>> shift] = p - 2 + bias;
      const one = ((two & 0xffff) << 8) | src[p + 1]!;
      table[Math.imul(one, HASH_FACTOR) >>> shift] = p - 1 + bias;
    }
  }
  const literals = end - anchor;
  if (out + literalBytes(literals) > limit) return 0;
  if (literals > 0) out = copyLiterals(src, anchor, literals, dst, out);
  return out - to;
}

/** Writes literals, at most LITERALS_MAX behind one head. Returns the position behind them. */
function copyLiterals(src: Uint8Array, from: number, count: number, dst: Uint8Array, to: number): number {
  let p = from;
  let out = to;
  for (let left = count; left > 0; left -= LITERALS_MAX) {
    const run = left < LITERALS_MAX ? left : LITERALS_MAX;
    dst[out++] = run - 1;
    for (const runEnd = p + run; p < runEnd; ) dst[out++] = src[p++]!;
  }
  return out;
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

/** How far lzfDecompressOn has come: it goes on with byte `at` of `src`; `out` bytes of `dst` are there. */
export interface LzfRun {
  at: number;
  out: number;
}

/**
 * Unpacks on, into `dst` from 0 on: whole parts before `end` of `src`, until `stop` bytes are there or a few more than
 * that (fewer than LZF_PART_MAX). False if they are damaged, or would become more than `limit`.
 */
export function lzfDecompressOn(
  src: Uint8Array,
  run: LzfRun,
  end: number,
  dst: Uint8Array,
  stop: number,
  limit: number,
): boolean {
  let p = run.at;
  let out = run.out;
  while (p < end && out < stop) {
    const control = src[p]!;
    if (control < LITERALS_MAX) {
      const next = p + control + 2;
      if (next > end) break;
      if (out + control + 1 > limit) return false;
      for (p++; p < next; ) dst[out++] = src[p++]!;
      continue;
    }
    let count = (control >> 5) + 2;
    const isLong = count === 9;
    if (p + (isLong ? 3 : 2) > end) break;
    if (isLong) count += src[++p]!;
    let from = out - ((control & 31) << 8) - src[p + 1]! - 1;
    if (from < 0 || out + count > limit) return false;
    p += 2;
    while (count-- > 0) dst[out++] = dst[from++]!;
  }
  run.at = p;
  run.out = out;
  return true;
}

/** What becomes less is unpacked before a module could be called. */
const MODULE_MIN = 64;

/** Made when the first longer run comes; its memory is scratch. */
let module: LzfModule | null = null;

/** Where `lzfUnpack` has put what it unpacked, as long as nothing else is unpacked. */
export interface Unpacked {
  bytes: Uint8Array;
  off: number;
}

/**
 * Unpacks like lzfDecompress, to where it costs least: into `into.bytes`, which must have room for `size` bytes at 0
 * unless `lzfHasRoom(len, size)`, or into scratch memory. `into` then says where. False if the bytes are damaged.
 */
export function lzfUnpack(src: Uint8Array, off: number, len: number, size: number, into: Unpacked): boolean {
  if (!lzfHasRoom(len, size)) {
    into.off = 0;
    return lzfDecompress(src, off, len, into.bytes, 0, size);
  }
  module ??= makeLzfModule();
  const { bytes, unpack } = module;
  copyBytes(src, off, len, bytes, 0);
  into.bytes = bytes;
  into.off = TARGET;
  return unpack(len, TARGET + size) === 1;
}

/** Whether lzfUnpack has memory of its own for it. */
export function lzfHasRoom(len: number, size: number): boolean {
  return size >= MODULE_MIN && size <= TARGET_MAX && len <= SOURCE_MAX;
}
