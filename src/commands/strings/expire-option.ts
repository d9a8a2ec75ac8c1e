/**
 * The options that SET and GETEX share: EX, PX, EXAT, PXAT with their argument, KEEPTTL, PERSIST, and SET's own.
 *
 * Which of them exclude each other follows redis-server 7.0.15: two different ways to say the time are a syntax
 * error, the same way twice is not (the last one counts).
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Deadline } from '../../keyspace/deadline.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';

export const IF_MISSING = 1 << 0;
export const IF_EXISTS = 1 << 1;
export const RETURN_OLD = 1 << 2;
export const KEEP_TTL = 1 << 3;
export const PERSIST = 1 << 4;
export const EX = 1 << 5;
export const PX = 1 << 6;
export const EXAT = 1 << 7;
export const PXAT = 1 << 8;
/** Any of the four that take a time. */
export const TIMED = EX | PX | EXAT | PXAT;
export const ABSOLUTE = EXAT | PXAT;
const IN_SECONDS = EX | EXAT;

export const SET_OPTIONS = IF_MISSING | IF_EXISTS | RETURN_OLD | KEEP_TTL | TIMED;
export const GETEX_OPTIONS = PERSIST | TIMED;

const INT64_MAX = 2n ** 63n - 1n;

export interface Options {
  /** The bits above. */
  flags: number;
  /** Index of the argument that says the time; 0 for none. */
  timeAt: number;
}

/** Reads the options from argument `from` on; of those that `allowed` has. */
export function readOptions(args: Args, from: number, allowed: number): Options {
  let flags = 0;
  let timeAt = 0;
  for (let i = from; i < args.count; i++) {
    const option = optionAt(args, i);
    if ((option & allowed) === 0 || (flags & excludedBy(option)) !== 0) throw errors.SYNTAX;
    flags |= option;
    if ((option & TIMED) !== 0) {
      timeAt = ++i;
      if (timeAt === args.count) throw errors.SYNTAX;
    }
  }
  return { flags, timeAt };
}

function optionAt(args: Args, i: number): number {
  switch (args.len[i]) {
    case 2:
      if (args.is(i, 'ex')) return EX;
      if (args.is(i, 'px')) return PX;
      if (args.is(i, 'nx')) return IF_MISSING;
      return args.is(i, 'xx') ? IF_EXISTS : 0;
    case 3:
      return args.is(i, 'get') ? RETURN_OLD : 0;
    case 4:
      if (args.is(i, 'exat')) return EXAT;
      return args.is(i, 'pxat') ? PXAT : 0;
    case 7:
      if (args.is(i, 'keepttl')) return KEEP_TTL;
      return args.is(i, 'persist') ? PERSIST : 0;
    default:
      return 0;
  }
}

function excludedBy(option: number): number {
  if (option === IF_MISSING) return IF_EXISTS;
  if (option === IF_EXISTS) return IF_MISSING;
  if (option === RETURN_OLD) return 0;
  return (TIMED | KEEP_TTL | PERSIST) & ~option;
}

/**
 * The time in argument `at`, which was given as `option` says, in ms since the epoch. It is a bigint where a number
 * would lose digits: Redis takes any time up to 2^63 - 1. `command` names it in the error.
 */
export function readExpireTime(
  client: Client,
  args: Args,
  at: number,
  option: number,
  command: string,
): Deadline {
  const unit = (option & IN_SECONDS) !== 0 ? 1000 : 1;
  const base = (option & ABSOLUTE) !== 0 ? 0 : client.engine.keyspace.now;
  const given = parseSafeInt(args.buf, args.off[at]!, args.len[at]!);
  if (given <= 0) throw errors.invalidExpire(command);
  const when = given * unit + base;
  if (Number.isSafeInteger(when)) return when;
  const exact = parseInt64Big(args.buf, args.off[at]!, args.len[at]!);
  if (exact === null) throw errors.NOT_INTEGER;
  if (exact <= 0n) throw errors.invalidExpire(command);
  const exactWhen = exact * BigInt(unit) + BigInt(base);
  if (exactWhen > INT64_MAX) throw errors.invalidExpire(command);
  return exactWhen;
}
