/**
 * Expiry times beyond 2^53 ms.
 *
 * Redis keeps them as signed 64-bit integers and shows the last digit: `PEXPIREAT k 9223372036854775807` is
 * legal. Doubles hold every moment that anybody means, so the rest of the project uses numbers; the commands
 * that set and show expiry times go through here, where a time that is no safe integer is a bigint. Comparisons
 * between the two are exact in JavaScript.
 */
import { OFFSET_MASK, PAGE_BITS } from '../structures/arena.ts';
import type { Database } from './database.ts';

export type Deadline = number | bigint;

/** High words from here on make a time that a double may not hold exactly. */
const UNSAFE_HIGH = 1 << 21;
/** The greatest double below 2^63. */
const LARGEST = 2 ** 63 - 1024;

/** When an entry expires, in ms since the epoch; -1 for never. */
export function deadlineOf(db: Database, ref: number): Deadline {
  const when = db.expireAt(ref);
  if (when < UNSAFE_HIGH * 4294967296) return when;
  const words = db.memory.arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  return (BigInt(words[at + 4]!) << 32n) | BigInt(words[at + 3]! >>> 0);
}

/** Gives the entry found last an expiry time (not negative). Returns its ref. */
export function setDeadline(db: Database, ref: number, when: Deadline): number {
  if (typeof when === 'number') return db.setExpire(ref, when);
  const at = db.setExpire(ref, Math.min(Number(when), LARGEST));
  const words = db.memory.arena.words[at >>> PAGE_BITS]!;
  const word = (at & OFFSET_MASK) << 1;
  words[word + 3] = Number(BigInt.asIntN(32, when));
  words[word + 4] = Number(when >> 32n);
  return at;
}

/** A time as a number if a double can hold it; null if it is more than 64 bits. */
export function toDeadline(ms: bigint): Deadline | null {
  if (BigInt.asIntN(64, ms) !== ms) return null;
  const number = Number(ms);
  return Number.isSafeInteger(number) ? number : ms;
}
