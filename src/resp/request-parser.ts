/**
 * The request parser: RESP arrays of bulk strings and inline commands, found in place in the bytes of a read.
 *
 * `parse` looks for one command from a position on and fills `args` with the ranges of its arguments. It holds
 * no bytes: when a command is incomplete its caller keeps the bytes and calls again, either from the start of
 * the command (after `reset`, for short remainders) or where it stopped (`save`/`restore`, so that a command of
 * a million arguments is not parsed a million times).
 *
 * Limits and error texts are those of redis-server 7 (networking.c documents them as PROTO_* constants): lines
 * up to 64 KiB, bulks up to proto-max-bulk-len, and for clients that still have to authenticate 10 arguments of
 * 16 KiB. A length line is taken as Redis takes it: `\r` and one byte after it, whatever that is.
 */
import { Args } from './args.ts';

export const INCOMPLETE = 0;
export const COMMAND = 1;
/** An empty line or an empty array: nothing to do. */
export const NOTHING = 2;
export const PROTOCOL_ERROR = 3;

const LINE_MAX = 65536;
const ARGUMENTS_MAX = 2147483647;
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_MAX = 16384;

const STAR = 42;
const DOLLAR = 36;
const CR = 13;
const LF = 10;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;

/** Where the parser stopped in an incomplete command. */
export interface ParseState {
  total: number;
  count: number;
  resume: number;
  off: Int32Array;
  len: Int32Array;
}

export class RequestParser {
  readonly args = new Args();
  /** Position behind what `parse` has consumed. */
  next = 0;
  /** Text of the protocol error, without "Protocol error: ". */
  error = '';
  /** After INCOMPLETE: how many bytes are missing at least. */
  missing = 0;
  /** proto-max-bulk-len */
  bulkMax = 512 * 1024 * 1024;

  /** Arguments announced for the command being parsed; 0 between commands. */
  #total = 0;
  /** Where the next argument begins. */
  #resume = 0;

  reset(): void {
    this.#total = 0;
  }

  /** State of an incomplete command, with positions relative to `base`. */
  save(base: number): ParseState {
    const { args } = this;
    const count = this.#total === 0 ? 0 : args.count;
    const state = {
      total: this.#total,
      count,
      resume: this.#resume - base,
      off: args.off.slice(0, count),
      len: args.len.slice(0, count),
    };
    for (let i = 0; i < count; i++) state.off[i]! -= base;
    this.#total = 0;
    return state;
  }

  /** Goes on with a saved command whose bytes now begin at position 0. */
  restore(state: ParseState): void {
    const { args } = this;
    while (args.off.length < state.count) args.grow();
    args.off.set(state.off);
    args.len.set(state.len);
    args.count = state.count;
    this.#total = state.total;
    this.#resume = state.resume;
  }

  /**
   * Parses one command from `from` (or goes on with a restored one); `end` is behind the last byte there is.
   * Returns INCOMPLETE, COMMAND, NOTHING or PROTOCOL_ERROR.
   */
  parse(buf: Uint8Array, from: number, end: number, authenticated: boolean): number {
    const args = this.args;
    let p = from;
    let total = this.#total;
    let start = from;
    if (total === 0) {
      if (p >= end) {
        this.missing = 1;
        return INCOMPLETE;
      }
      if (buf[p] !== STAR) return this.#parseInline(buf, p, end);
      const digits = p + 1;
      let q = digits;
      while (q < end) {
        const digit = buf[q]! - 48;
        if (digit < 0 || digit > 9 || q - digits > 10) break;
        total = total * 10 + digit;
        q++;
      }
      if (q + 1 >= end) return this.#shortLine(p, end, from, 'too big mbulk count string');
      if (buf[q] !== CR || q === digits || (buf[digits] === 48 && q - digits > 1)) {
        const line = this.#oddLength(buf, digits, end);
        if (line < 0) return this.#shortLine(p, end, from, 'too big mbulk count string');
        if (line - p > LINE_MAX) return this.#fail('too big mbulk count string');
        if (!this.#negative) return this.#fail('invalid multibulk length');
        this.next = line;
        return NOTHING;
      }
      if (total > ARGUMENTS_MAX) return this.#fail('invalid multibulk length');
      if (!authenticated && total > UNAUTHENTICATED_ARGUMENTS_MAX) {
        return this.#fail('unauthenticated multibulk length');
      }
      p = q + 2;
      if (total === 0) {
        this.next = p;
        return NOTHING;
      }
      args.count = 0;
      this.#total = total;
    } else {
      start = -1;
      p = this.#resume;
    }
    let count = args.count;
    const { bulkMax } = this;
    for (; count < total; count++) {
      if (p >= end) return this.#stop(p, count, 1);
      if (buf[p] !== DOLLAR) return this.#noBulk(buf, p, end, count);
      const digits = p + 1;
      let q = digits;
      let len = 0;
      while (q < end) {
        const digit = buf[q]! - 48;
        if (digit < 0 || digit > 9 || q - digits > 14) break;
        len = len * 10 + digit;
        q++;
      }
      if (q + 1 >= end) {
        if (end - p > LINE_MAX) return this.#fail('too big bulk count string');
        return this.#stop(p, count, 1);
      }
      if (buf[q] !== CR || q === digits || (buf[digits] === 48 && q - digits > 1)) {
        const line = this.#oddLength(buf, digits, end);
        if (line < 0 ? end - p > LINE_MAX : line - p > LINE_MAX) {
          return this.#fail('too big bulk count string');
        }
        return line < 0 ? this.#stop(p, count, 1) : this.#fail('invalid bulk length');
      }
      if (len > bulkMax) return this.#fail('invalid bulk length');
      if (!authenticated && len > UNAUTHENTICATED_BULK_MAX) return this.#fail('unauthenticated bulk length');
      q += 2;
      if (q + len + 2 > end) return this.#stop(p, count, q + len + 2 - end);
      if (count === args.off.length) args.grow();
      args.off[count] = q;
      args.len[count] = len;
      p = q + len + 2;
    }
    this.#total = 0;
    args.count = count;
    args.buf = buf;
    args.start = start;
    this.next = p;
    return COMMAND;
  }

  #negative = false;

  /** A length that is not plain digits: finds the line's end (-1 if it isn't there); notes a negative number. */
  #oddLength(buf: Uint8Array, from: number, end: number): number {
    const at = endOfLine(buf, from, end, CR);
    if (at < 0 || at + 1 >= end) return -1;
    this.#negative = isNegativeInt64(buf, from, at);
    return at + 2;
  }

  /** Where a bulk should begin is something else, which the reply names once its line has ended. */
  #noBulk(buf: Uint8Array, p: number, end: number, count: number): number {
    const at = endOfLine(buf, p, end, CR);
    if (at < 0 ? end - p > LINE_MAX : at - p > LINE_MAX) return this.#fail('too big bulk count string');
    if (at < 0 || at + 1 >= end) return this.#stop(p, count, 1);
    return this.#fail(`expected '$', got '${printable(buf[p]!)}'`);
  }

  #stop(p: number, count: number, missing: number): number {
    this.#resume = p;
    this.args.count = count;
    this.missing = missing;
    return INCOMPLETE;
  }

  #shortLine(p: number, end: number, from: number, error: string): number {
    if (end - p > LINE_MAX) return this.#fail(error);
    this.#total = 0;
    this.#resume = from;
    this.missing = 1;
    return INCOMPLETE;
  }

  #fail(error: string): number {
    this.#total = 0;
    this.error = error;
    return PROTOCOL_ERROR;
  }

  #parseInline(buf: Uint8Array, from: number, end: number): number {
    const at = endOfLine(buf, from, end, LF);
    if (at < 0) return this.#shortLine(from, end, from, 'too big inline request');
    if (at - from > LINE_MAX) return this.#fail('too big inline request');
    const lineEnd = at > from && buf[at - 1] === CR ? at - 1 : at;
    this.next = at + 1;
    if (this.#splitPlain(buf, from, lineEnd)) return this.args.count === 0 ? NOTHING : COMMAND;
    const words = splitInline(buf, from, lineEnd);
    if (words === null) return this.#fail('unbalanced quotes in request');
    if (words.length === 0) return NOTHING;
    const parsed = Args.from(words);
    const { args } = this;
    args.start = -1;
    args.buf = parsed.buf;
    args.count = parsed.count;
    while (args.off.length < parsed.count) args.grow();
    args.off.set(parsed.off.subarray(0, parsed.count));
    args.len.set(parsed.len.subarray(0, parsed.count));
    return COMMAND;
  }

  /** Splits a line without quotes in place; false when it has some. */
  #splitPlain(buf: Uint8Array, from: number, end: number): boolean {
    const { args } = this;
    args.start = -1;
    let count = 0;
    let p = from;
    for (;;) {
      while (p < end && isSpace(buf[p]!)) p++;
      if (p >= end) break;
      const start = p;
      for (; p < end && !endsWord(buf[p]!); p++) {
        if (buf[p] === DOUBLE_QUOTE || buf[p] === SINGLE_QUOTE) return false;
      }
      if (count === args.off.length) args.grow();
      args.off[count] = start;
      args.len[count] = p - start;
      count++;
    }
    args.count = count;
    args.buf = buf;
    return true;
  }
}

/**
 * Where a line ends, or -1. Redis looks for the end as in a C string, so a line with a NUL byte has none: it grows
 * until it is too long. Requests are binary safe all the same; lines only hold lengths and inline commands.
 */
function endOfLine(buf: Uint8Array, from: number, end: number, terminator: number): number {
  for (let i = from; i < end; i++) {
    const c = buf[i]!;
    if (c === terminator) return i;
    if (c === 0) return -1;
  }
  return -1;
}

function isNegativeInt64(buf: Uint8Array, from: number, end: number): boolean {
  const digits = end - from - 1;
  if (buf[from] !== 45 || digits < 1 || digits > 19 || buf[from + 1] === 48) return false;
  let magnitude = 0n;
  for (let i = from + 1; i < end; i++) {
    const digit = buf[i]! - 48;
    if (digit < 0 || digit > 9) return false;
    magnitude = magnitude * 10n + BigInt(digit);
  }
  return magnitude <= 1n << 63n;
}

function printable(byte: number): string {
  return byte === CR || byte === LF ? ' ' : String.fromCharCode(byte);
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** Vertical tab and form feed are skipped between words, but do not end one. */
function endsWord(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === LF || byte === CR;
}

/** Splits an inline command into words, with Redis's quotes and escapes; null where quotes don't balance. */
export function splitInline(buf: Uint8Array, from: number, end: number): Uint8Array[] | null {
  const words: Uint8Array[] = [];
  let p = from;
  for (;;) {
    while (p < end && isSpace(buf[p]!)) p++;
    if (p >= end) return words;
    const word: number[] = [];
    while (p < end && !endsWord(buf[p]!)) {
      const c = buf[p]!;
      if (c !== 34 && c !== 39) {
        word.push(c);
        p++;
        continue;
      }
      p = c === 34 ? readDoubleQuoted(buf, p + 1, end, word) : readSingleQuoted(buf, p + 1, end, word);
      if (p < 0 || (p < end && !isSpace(buf[p]!))) return null;
      break;
    }
    words.push(Uint8Array.from(word));
  }
}

/** Reads up to the closing quote; returns the position behind it, or -1. */
function readDoubleQuoted(buf: Uint8Array, from: number, end: number, word: number[]): number {
  let p = from;
  while (p < end) {
    const c = buf[p]!;
    if (c === 34) return p + 1;
    if (c !== 92 || p + 1 >= end) {
      word.push(c);
      p++;
      continue;
    }
    const escaped = buf[p + 1]!;
    const hex = escaped === 120 && p + 3 < end ? hexByte(buf[p + 2]!, buf[p + 3]!) : -1;
    word.push(hex >= 0 ? hex : (ESCAPES[String.fromCharCode(escaped)] ?? escaped));
    p += hex >= 0 ? 4 : 2;
  }
  return -1;
}

function readSingleQuoted(buf: Uint8Array, from: number, end: number, word: number[]): number {
  let p = from;
  while (p < end) {
    const c = buf[p]!;
    if (c === 39) return p + 1;
    if (c === 92 && buf[p + 1] === 39 && p + 1 < end) {
      word.push(39);
      p += 2;
      continue;
    }
    word.push(c);
    p++;
  }
  return -1;
}

function hexByte(high: number, low: number): number {
  const text = String.fromCharCode(high, low);
  return /^[0-9a-f]{2}$/i.test(text) ? Number.parseInt(text, 16) : -1;
}
