/**
 * The arguments of one command: ranges of bytes in the buffer they arrived in. Argument 0 is the command's name.
 *
 * One Args is filled again and again by the parser; what is to outlive the command is copied. `owned` tells
 * that `buf` holds nothing but this command and may be kept instead of copied.
 */
import { latin1Of } from '../util/latin1.ts';

/**
 * No text is made longer than this: V8 has none above 512 MiB, and texts are put into longer ones. What is taken as
 * text (names, options, patterns) never comes near it, except to do harm.
 */
export const TEXT_MAX = 2 ** 28;

export class Args {
  buf: Uint8Array = new Uint8Array(0);
  count = 0;
  off: Int32Array;
  len: Int32Array;
  owned = false;
  /**
   * Where the request begins in `buf`, if it lies there as a whole, as an array of bulk strings: it ends two bytes behind
   * the last argument. Its line ends have not been looked at. Else -1.
   */
  start = -1;

  constructor(room = 64) {
    this.off = new Int32Array(room);
    this.len = new Int32Array(room);
  }

  /** Makes room for more arguments, keeping those that are there. */
  grow(): void {
    const off = new Int32Array(this.off.length * 2);
    off.set(this.off);
    this.off = off;
    const len = new Int32Array(this.len.length * 2);
    len.set(this.len);
    this.len = len;
  }

  /** Argument i as a latin1 string: one character for each byte, up to TEXT_MAX. */
  text(i: number): string {
    return latin1Of(this.buf, this.off[i]!, Math.min(this.len[i]!, TEXT_MAX));
  }

  /** Argument i as a lower-case latin1 string, for options and names. */
  lower(i: number): string {
    return this.text(i).toLowerCase();
  }

  /** A copy of argument i. */
  bytes(i: number): Uint8Array {
    const off = this.off[i]!;
    return this.buf.slice(off, off + this.len[i]!);
  }

  /** True if argument i is this word (given in lower case), in whatever case. */
  is(i: number, word: string): boolean {
    const len = this.len[i]!;
    if (len !== word.length) return false;
    const off = this.off[i]!;
    for (let k = 0; k < len; k++) {
      let c = this.buf[off + k]!;
      if (c >= 65 && c <= 90) c |= 32;
      if (c !== word.charCodeAt(k)) return false;
    }
    return true;
  }

  /** True if arguments i and k are the same bytes. */
  same(i: number, k: number): boolean {
    const len = this.len[i]!;
    if (len !== this.len[k]) return false;
    const a = this.off[i]!;
    const b = this.off[k]!;
    for (let n = 0; n < len; n++) if (this.buf[a + n] !== this.buf[b + n]) return false;
    return true;
  }

  /** Arguments of its own, in a buffer of its own (MULTI queues, replays). */
  static from(words: readonly (string | Uint8Array)[]): Args {
    const args = new Args();
    const parts = words.map((word) => (typeof word === 'string' ? Buffer.from(word, 'latin1') : word));
    args.buf = new Uint8Array(Buffer.concat(parts));
    args.owned = false;
    let at = 0;
    for (const part of parts) {
      if (args.count === args.off.length) args.grow();
      args.off[args.count] = at;
      args.len[args.count] = part.length;
      args.count++;
      at += part.length;
    }
    return args;
  }

  /** A copy that lives on after the read buffer is used again. */
  copy(): Args {
    const { count, off, len } = this;
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += len[i]!;
    const copy = new Args(count);
    copy.buf = new Uint8Array(bytes);
    copy.count = count;
    let at = 0;
    for (let i = 0; i < count; i++) {
      const from = off[i]!;
      copy.buf.set(this.buf.subarray(from, from + len[i]!), at);
      copy.off[i] = at;
      copy.len[i] = len[i]!;
      at += len[i]!;
    }
    return copy;
  }
}
