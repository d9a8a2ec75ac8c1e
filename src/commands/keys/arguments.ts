/**
 * Arguments that the generic commands and their kin share: integers of several widths, databases, cursors.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';

const INT_MIN = -2147483648;
const INT_MAX = 2147483647;

/** A signed 64-bit integer; a bigint only where a number would not be exact. `refusal` replaces Redis's usual text. */
export function int64Arg(args: Args, i: number, refusal: ReplyError = errors.NOT_INTEGER): number | bigint {
  const value = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (!Number.isNaN(value)) return value;
  const big = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (big === null) throw refusal;
  return big;
}

/** The same as a number: beyond 2^53 it may be rounded, which as an index or a count is far beyond anything there is. */
export function longArg(args: Args, i: number, refusal: ReplyError = errors.NOT_INTEGER): number {
  return Number(int64Arg(args, i, refusal));
}

/** A C int; `refusal` replaces both of Redis's usual texts. */
export function int32Arg(args: Args, i: number, refusal: ReplyError | null = null): number {
  const value = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (value >= INT_MIN && value <= INT_MAX) return value;
  if (refusal !== null) throw refusal;
  if (Number.isNaN(value) && parseInt64Big(args.buf, args.off[i]!, args.len[i]!) === null) {
    throw errors.NOT_INTEGER;
  }
  throw errors.outOfIntRange(INT_MIN, INT_MAX);
}

/** The database that argument i names. */
export function databaseArg(client: Client, args: Args, i: number): Database {
  const db = client.engine.keyspace.databases[int32Arg(args, i)];
  if (db === undefined) throw errors.DB_OUT_OF_RANGE;
  return db;
}

/**
 * A SCAN cursor, as strtoul reads it: a sign is taken, an empty text is 0, nothing may follow the digits, and
 * what does not fit 64 bits is refused. Our cursors have 32 bits; of others the lower half counts.
 */
export function cursorArg(args: Args, i: number): number {
  let text = args.text(i);
  const nul = text.indexOf('\0');
  if (nul >= 0) text = text.slice(0, nul);
  if (text === '') return 0;
  const match = /^([+-]?)(\d+)$/.exec(text);
  if (match === null) throw errors.INVALID_CURSOR;
  const digits = match[2]!.replace(/^0+(?=\d)/, '');
  if (digits.length <= 9) return match[1] === '-' ? -Number(digits) >>> 0 : Number(digits);
  if (digits.length > 20) throw errors.INVALID_CURSOR;
  const value = BigInt(digits);
  if (value >= 1n << 64n) throw errors.INVALID_CURSOR;
  return Number(BigInt.asUintN(32, match[1] === '-' ? -value : value));
}
