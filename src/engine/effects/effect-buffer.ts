/**
 * Commands in RESP, written one behind the other into one buffer that is used again and again: what waits for the end
 * of a unit (propagation.ts). Each command knows its database and who it is for.
 *
 *     begin(db, target, argc) → argc times arg(), word() or int() → … → clear()
 */
import type { Args } from '../../resp/args.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import { digitsOf, writeInt } from '../../util/number-text.ts';

const STAR = 42;
const DOLLAR = 36;
const CR = 13;
const LF = 10;
const ZERO = 48;

/** More than any length line takes. */
const LINE_ROOM = 24;
const CAPACITY = 16_384;
/** A larger buffer is given up once it is empty. */
const KEPT_CAPACITY = 1 << 20;

/** A word of a command: text is latin1, integers are written in decimal. */
export type Word = string | Uint8Array | number | bigint;

export class EffectBuffer {
  bytes = new Uint8Array(CAPACITY);
  /** Behind the last byte. */
  pos = 0;
  /** How many commands there are. */
  count = 0;
  /** Where each begins; it ends where the next one does. */
  readonly starts: number[] = [];
  readonly databases: number[] = [];
  readonly targets: number[] = [];

  /** Begins a command of `argc` words. */
  begin(db: number, target: number, argc: number): void {
    const { count } = this;
    this.starts[count] = this.pos;
    this.databases[count] = db;
    this.targets[count] = target;
    this.count = count + 1;
    this.#line(STAR, argc, 0);
  }

  end(i: number): number {
    return i + 1 < this.count ? this.starts[i + 1]! : this.pos;
  }

  clear(): void {
    this.pos = 0;
    this.count = 0;
    if (this.bytes.length <= KEPT_CAPACITY) return;
    this.bytes = new Uint8Array(CAPACITY);
    this.starts.length = 0;
    this.databases.length = 0;
    this.targets.length = 0;
  }

  arg(buf: Uint8Array, off: number, len: number): void {
    this.#line(DOLLAR, len, len);
    copyBytes(buf, off, len, this.bytes, this.pos);
    this.#closed(len);
  }

  /** Argument `i` of a command. */
  argOf(args: Args, i: number): void {
    this.arg(args.buf, args.off[i]!, args.len[i]!);
  }

  /** Arguments `from` up to but without `to`. */
  argsOf(args: Args, from: number, to: number): void {
    for (let i = from; i < to; i++) this.arg(args.buf, args.off[i]!, args.len[i]!);
  }

  /** A latin1 text. */
  text(text: string): void {
    const { length } = text;
    this.#line(DOLLAR, length, length);
    const { bytes, pos } = this;
    for (let i = 0; i < length; i++) bytes[pos + i] = text.charCodeAt(i);
    this.#closed(length);
  }

  /** A safe integer. */
  int(n: number): void {
    const length = digitsOf(n);
    this.#line(DOLLAR, length, length);
    writeInt(this.bytes, this.pos, n);
    this.#closed(length);
  }

  word(word: Word): void {
    if (typeof word === 'number') this.int(word);
    else if (typeof word === 'object') this.arg(word, 0, word.length);
    else this.text(typeof word === 'string' ? word : word.toString());
  }

  /** Ready-made bytes: part of a command, or all of it. */
  raw(buf: Uint8Array, off: number, len: number): void {
    this.#room(len);
    copyBytes(buf, off, len, this.bytes, this.pos);
    this.pos += len;
  }

  /** `*n` or `$n` with its line end, and room for `more` bytes and a line end behind it. */
  #line(mark: number, n: number, more: number): void {
    this.#room(LINE_ROOM + more);
    const { bytes } = this;
    let { pos } = this;
    bytes[pos++] = mark;
    if (n < 10) bytes[pos++] = ZERO + n;
    else pos = writeInt(bytes, pos, n);
    bytes[pos] = CR;
    bytes[pos + 1] = LF;
    this.pos = pos + 2;
  }

  #closed(len: number): void {
    const pos = this.pos + len;
    this.bytes[pos] = CR;
    this.bytes[pos + 1] = LF;
    this.pos = pos + 2;
  }

  #room(bytes: number): void {
    if (this.pos + bytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.pos + bytes));
    grown.set(this.bytes.subarray(0, this.pos));
    this.bytes = grown;
  }
}

/**
 * Whether the bytes in which a request came are exactly those in which it would be written: the parser takes any two
 * bytes for a line end, and `args.start` is not known of inline commands and queued ones.
 */
export function cameAsWritten(args: Args): boolean {
  const { buf, off, len, count, start } = args;
  if (start < 0 || buf[start + 1 + digitsOf(count) + 1] !== LF) return false;
  for (let i = 0; i < count; i++) {
    const at = off[i]!;
    const end = at + len[i]!;
    if (buf[at - 1] !== LF || buf[end] !== CR || buf[end + 1] !== LF) return false;
  }
  return true;
}
