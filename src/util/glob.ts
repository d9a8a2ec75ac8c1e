import { bytesOf } from './latin1.ts';

/*
 * Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and the ACL rules understand them, over bytes:
 *
 *   *        any bytes, also none          ?        any one byte
 *   [abc]    one of these                  [^abc]   none of these
 *   [a-z]    a range, either way round     \x       x itself, also within a class
 *
 * The odd corners are Redis's too, since users can see them:
 *   - a class that is not closed ends with the pattern: `[ab` matches `a`; `[^` matches any byte, `[` none;
 *   - `[a-]` is the range from a to `]`, in a class that is still open;
 *   - a lone backslash at the end stands for itself;
 *   - bytes above 0x7f are negative in ranges (upstream compares C's signed chars);
 *   - folding of case is ASCII's, happens after the ends of a range were put in order, and not for a byte that is
 *     escaped within a class;
 *   - nothing but the empty pattern matches the empty text (`**` does not).
 *
 * Upstream recurses for every star, which patterns from the network turned into exponential time and deep stacks
 * (CVE-2022-36021, CVE-2024-31228). Only the last star ever needs to be tried again: what stood before it has
 * matched at its earliest place, and a later place would only leave less text. So two positions are kept for it,
 * and the work is bounded by the product of both lengths. No pattern is ever made into a RegExp.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/** Whether the latin1 `text` matches the latin1 `pattern`. */
export function globMatch(pattern: string, text: string, nocase = false): boolean {
  return globMatchBytes(bytesOf(pattern), 0, pattern.length, bytesOf(text), 0, text.length, nocase);
}

/** Whether `tLen` bytes of `text` from `tOff` match the pattern that is `pLen` bytes of `pattern` from `pOff`. */
export function globMatchBytes(
  pattern: Uint8Array,
  pOff: number,
  pLen: number,
  text: Uint8Array,
  tOff: number,
  tLen: number,
  nocase: boolean,
): boolean {
  if (tLen === 0) return pLen === 0;
  const pEnd = pOff + pLen;
  const tEnd = tOff + tLen;
  let p = pOff;
  let t = tOff;
  // What follows the last star seen, and where in the text its next attempt starts; -1 before the first star.
  let afterStar = -1;
  let retryAt = 0;
  while (t < tEnd) {
    if (p < pEnd) {
      if (pattern[p] === STAR) {
        do p++;
        while (p < pEnd && pattern[p] === STAR);
        if (p === pEnd) return true;
        afterStar = p;
        retryAt = t + 1;
        continue;
      }
      const next = matchByte(pattern, p, pEnd, text[t]!, nocase);
      if (next >= 0) {
        p = next;
        t++;
        continue;
      }
    }
    if (afterStar < 0) return false;
    p = afterStar;
    t = retryAt++;
  }
  while (p < pEnd && pattern[p] === STAR) p++;
  return p === pEnd;
}

/** Matches one byte with the element of the pattern at `p`: where the next element starts, or -1. */
function matchByte(pattern: Uint8Array, p: number, pEnd: number, byte: number, nocase: boolean): number {
  let wanted = pattern[p]!;
  if (wanted === QUESTION) return p + 1;
  if (wanted === OPEN) return matchClass(pattern, p + 1, pEnd, byte, nocase);
  if (wanted === BACKSLASH && p + 1 < pEnd) wanted = pattern[++p]!;
  if (wanted === byte || (nocase && lower(wanted) === lower(byte))) return p + 1;
  return -1;
}

/** The same for a class whose first byte after the bracket is at `p`. */
function matchClass(pattern: Uint8Array, p: number, pEnd: number, byte: number, nocase: boolean): number {
  const negated = p < pEnd && pattern[p] === CARET;
  if (negated) p++;
  let found = false;
  while (p < pEnd) {
    const member = pattern[p]!;
    if (member === BACKSLASH && p + 1 < pEnd) {
      if (pattern[p + 1] === byte) found = true;
      p += 2;
    } else if (member === CLOSE) {
      break;
    } else if (p + 2 < pEnd && pattern[p + 1] === DASH) {
      if (inRange(member, pattern[p + 2]!, byte, nocase)) found = true;
      p += 3;
    } else {
      if (member === byte || (nocase && lower(member) === lower(byte))) found = true;
      p++;
    }
  }
  if (found === negated) return -1;
  return p < pEnd ? p + 1 : pEnd;
}

function inRange(first: number, last: number, byte: number, nocase: boolean): boolean {
  let low = (first << 24) >> 24;
  let high = (last << 24) >> 24;
  let value = (byte << 24) >> 24;
  if (low > high) {
    const swapped = low;
    low = high;
    high = swapped;
  }
  if (nocase) {
    low = lower(low);
    high = lower(high);
    value = lower(value);
  }
  return value >= low && value <= high;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
