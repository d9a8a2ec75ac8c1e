/**
 * A small sorted set: a listpack of member, score, member, score in order, as Redis keeps it. Whole scores within 2^52
 * are stored as integers (so -0 becomes 0), others as the text that 7.2 prints.
 *
 * `b` is the array, `at` where the listpack begins, `p` the position of a member; its score follows.
 */
import {
  LpElement,
  lpEncodedIntSize,
  lpEncodedSize,
  lpEnd,
  lpEntrySize,
  lpFirst,
  lpGet,
  lpInsert,
  lpInsertInt,
  lpInt,
  lpIsEnd,
  lpLength,
  lpNext,
  lpSeek,
} from '../structures/listpack.ts';
import { MAX_DOUBLE_LENGTH, parseDoubleBytes, writeDouble } from '../util/number-text.ts';

const element = new LpElement();
const text = new Uint8Array(MAX_DOUBLE_LENGTH);

/** Score of the member at `p`. */
export function packedScore(b: Uint8Array, p: number): number {
  return scoreAt(b, p + lpEntrySize(b, p));
}

function scoreAt(b: Uint8Array, p: number): number {
  const whole = lpInt(b, p);
  if (!Number.isNaN(whole)) return whole;
  lpGet(b, p, element);
  return parseDoubleBytes(element.bytes, element.off, element.len);
}

/** The member behind the one at `p`, or -1. */
export function packedNext(b: Uint8Array, p: number): number {
  return lpNext(b, p + lpEntrySize(b, p));
}

export function packedLength(b: Uint8Array, at: number): number {
  return lpLength(b, at) >> 1;
}

/** Position of the member with this rank, which is there. */
export function packedSeek(b: Uint8Array, at: number, rank: number): number {
  return lpSeek(b, at, rank * 2);
}

/** Compares the member at `p` with bytes: negative, 0 or positive. */
export function packedCompare(b: Uint8Array, p: number, buf: Uint8Array, off: number, len: number): number {
  lpGet(b, p, element);
  const { bytes } = element;
  const shared = element.len < len ? element.len : len;
  for (let i = 0; i < shared; i++) {
    const difference = bytes[element.off + i]! - buf[off + i]!;
    if (difference !== 0) return difference;
  }
  return element.len - len;
}

/** Where a member with this score belongs: the member it comes before, or the end. */
export function packedPlace(
  b: Uint8Array,
  at: number,
  score: number,
  buf: Uint8Array,
  off: number,
  len: number,
): number {
  let p = lpFirst(b, at);
  if (p < 0) return lpEnd(b, at);
  while (!lpIsEnd(b, p)) {
    const scoreP = p + lpEntrySize(b, p);
    const found = scoreAt(b, scoreP);
    if (found > score || (found === score && packedCompare(b, p, buf, off, len) > 0)) return p;
    p = scoreP + lpEntrySize(b, scoreP);
  }
  return p;
}

/** Rank of the first member whose score is not below `score`, or (with `inclusive`) above it. */
export function packedRankOfScore(b: Uint8Array, at: number, score: number, inclusive: boolean): number {
  let rank = 0;
  for (let p = lpFirst(b, at); p >= 0; rank++) {
    const scoreP = p + lpEntrySize(b, p);
    const found = scoreAt(b, scoreP);
    if (found > score || (!inclusive && found === score)) return rank;
    p = lpNext(b, scoreP);
  }
  return rank;
}

/** True for a score that is stored as an integer. */
function isWhole(score: number): boolean {
  return score >= -(2 ** 52) && score <= 2 ** 52 && Number.isInteger(score);
}

/** Bytes that a member and its score take. */
export function packedPairSize(score: number, buf: Uint8Array, off: number, len: number): number {
  const member = lpEncodedSize(buf, off, len);
  if (isWhole(score)) return member + lpEncodedIntSize(score);
  return member + lpEncodedSize(text, 0, writeDouble(text, 0, score));
}

/** Puts a member and its score before `p`; there must be room. */
export function packedInsert(
  b: Uint8Array,
  at: number,
  p: number,
  score: number,
  buf: Uint8Array,
  off: number,
  len: number,
): void {
  lpInsert(b, at, p, buf, off, len);
  const scoreP = p + lpEntrySize(b, p);
  if (isWhole(score)) lpInsertInt(b, at, scoreP, score === 0 ? 0 : score);
  else lpInsert(b, at, scoreP, text, 0, writeDouble(text, 0, score));
}
