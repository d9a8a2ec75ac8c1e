/**
 * What ranges are given by: ranks, scores, members. Each becomes a pair of ranks, so that a range of whatever kind is
 * counted, returned, stored or removed by the same code.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { parseDouble } from '../../util/number-text.ts';
import { zsetLength, zsetRankOfMember, zsetRankOfScore } from '../../values/zset.ts';
import { int64Arg } from '../keys/arguments.ts';

export const BY_RANK = 0;
export const BY_SCORE = 1;
export const BY_LEX = 2;

const OPEN = 0x28;
const CLOSED = 0x5b;
const MINUS = 0x2d;
const PLUS = 0x2b;
const ZERO = 0x30;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The bounds of a range that were parsed last. */
class Bounds {
  kind = BY_RANK;
  low = 0;
  high = 0;
  lowOpen = false;
  highOpen = false;
  /** Members: argument index, or -1 for `-`, -2 for `+`; the member begins behind the first byte. */
  lowArg = 0;
  highArg = 0;
  /** The range as ranks: from `start` up to `end`. */
  start = 0;
  end = 0;
}

export const bounds = new Bounds();

/** Parses the bounds in two arguments. */
export function parseBounds(args: Args, kind: number, low: number, high: number): void {
  bounds.kind = kind;
  if (kind === BY_RANK) {
    bounds.low = Number(int64Arg(args, low));
    bounds.high = Number(int64Arg(args, high));
  } else if (kind === BY_SCORE) {
    bounds.lowOpen = args.buf[args.off[low]!] === OPEN && args.len[low]! > 0;
    bounds.highOpen = args.buf[args.off[high]!] === OPEN && args.len[high]! > 0;
    bounds.low = scoreBound(args, low, bounds.lowOpen);
    bounds.high = scoreBound(args, high, bounds.highOpen);
  } else {
    bounds.lowArg = memberBound(args, low);
    bounds.highArg = memberBound(args, high);
    bounds.lowOpen = args.buf[args.off[low]!] === OPEN;
    bounds.highOpen = args.buf[args.off[high]!] === OPEN;
  }
}

/** A score as strtod reads it: blanks before it, nothing at all, numbers out of range, and a NUL at its end pass. */
function scoreBound(args: Args, i: number, open: boolean): number {
  const skip = open ? 1 : 0;
  const off = args.off[i]! + skip;
  const len = args.len[i]! - skip;
  // Small whole numbers, which most are, without making a text.
  if (len > 0 && len < 10) {
    const negative = args.buf[off] === MINUS;
    let value = 0;
    let k = negative ? 1 : 0;
    for (; k < len; k++) {
      const digit = args.buf[off + k]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (k === len && len > (negative ? 1 : 0)) return negative ? -value : value;
  }
  let text = args.text(i).slice(skip);
  const end = text.indexOf('\0');
  if (end >= 0) text = text.slice(0, end);
  if (text === '') return 0;
  text = text.replace(/^[ \t\n\v\f\r]+/, '');
  const value = parseDouble(text);
  if (!Number.isNaN(value)) return value;
  if (!DECIMAL.test(text)) throw errors.RANGE_NOT_FLOAT;
  return Number(text);
}

function memberBound(args: Args, i: number): number {
  const first = args.len[i] === 0 ? 0 : args.buf[args.off[i]!]!;
  if (first === OPEN || first === CLOSED) return i;
  if (args.len[i] === 1 && first === MINUS) return -1;
  if (args.len[i] === 1 && first === PLUS) return -2;
  throw errors.RANGE_NOT_MEMBER;
}

/** Turns the bounds parsed last into ranks of a set: `bounds.start` up to `bounds.end`; an empty range is 0 to 0. */
export function resolveBounds(client: Client, args: Args, ref: number): void {
  const { db } = client;
  if (bounds.kind === BY_SCORE) {
    bounds.start = zsetRankOfScore(db, ref, bounds.low, bounds.lowOpen);
    bounds.end = zsetRankOfScore(db, ref, bounds.high, !bounds.highOpen);
  } else if (bounds.kind === BY_LEX) {
    bounds.start = rankOfBound(client, args, ref, bounds.lowArg, bounds.lowOpen);
    bounds.end = rankOfBound(client, args, ref, bounds.highArg, !bounds.highOpen);
  } else {
    const length = zsetLength(db, ref);
    bounds.start = Math.max(0, bounds.low < 0 ? bounds.low + length : bounds.low);
    bounds.end = Math.min(length, (bounds.high < 0 ? bounds.high + length : bounds.high) + 1);
  }
  if (bounds.end <= bounds.start) {
    bounds.start = 0;
    bounds.end = 0;
  }
}

function rankOfBound(client: Client, args: Args, ref: number, i: number, inclusive: boolean): number {
  if (i === -1) return 0;
  if (i === -2) return zsetLength(client.db, ref);
  return zsetRankOfMember(client.db, ref, args.buf, args.off[i]! + 1, args.len[i]! - 1, inclusive);
}
