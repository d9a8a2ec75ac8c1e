/**
 * Finds the commands of an append-only file in its bytes, one after the other, in place: with the parser that reads
 * clients' requests, in large windows. `next` has found a command, or says why not:
 *
 *     COMMAND     `args` are its words, `offset` is where it ends
 *     MORE        the window is used up: `refill` puts the next chunk behind what is left
 *     BAD_FORMAT  what stands at `offset` is no command
 *
 * Lines that begin with # are annotations, and skipped. A command that is longer than a chunk is collected in a buffer
 * of its own; nothing is taken for it before its bytes are known to be in the file.
 */
import type { Args } from '../../resp/args.ts';
import { INCOMPLETE, COMMAND as PARSED, RequestParser } from '../../resp/request-parser.ts';
import { type FileReader, HEADROOM } from './file-reader.ts';
import type { Steps } from './steps.ts';

export const COMMAND = 1;
export const MORE = 2;
export const BAD_FORMAT = 3;

/** A command's words are found by positions of 31 bits. */
const COMMAND_MAX = 2 ** 31 - 1;

const STAR = 42;
const HASH = 35;
const LF = 10;
const DOLLAR = 36;
/** Lines of lengths are shorter. */
const LENGTH_LINE_MAX = 32;

export class AofReader {
  readonly #parser = new RequestParser();
  readonly #file: FileReader;
  /** Bytes of the whole file. */
  readonly #fileBytes: number;
  #buf: Buffer;
  /** The same memory, as handlers expect it: a part that they take by `slice` is a copy, which a Buffer's is not. */
  #bytes: Uint8Array;
  #at = HEADROOM;
  #end = HEADROOM;
  /** Offset in the file of byte 0 of the window. */
  #base: number;
  /** The window is a buffer of its own, begun by an incomplete command. */
  #own = false;
  #tooLong = false;

  /** `offset`: where the reader of the file begins. */
  constructor(file: FileReader, offset: number, fileBytes: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#buf = file.buf;
    this.#bytes = plain(file.buf);
    this.#base = offset - HEADROOM;
    this.#parser.bulkMax = COMMAND_MAX;
  }

  get args(): Args {
    return this.#parser.args;
  }

  /** Offset in the file of what comes next. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** Whether anything is left in the window: at the end of the file, a command that is not whole. */
  get hasRest(): boolean {
    return this.#at < this.#end;
  }

  /**
   * Whether what is left is the beginning of a command or an annotation; else something stands in it that no end of the
   * file explains, such as zeros of a crash. (Where a line has not ended, the parser says nothing of it yet.)
   */
  get isRestCutOff(): boolean {
    const buf = this.#buf;
    const end = this.#end;
    if (buf[this.#at] === HASH) return true;
    for (let p = this.#at; p < end; ) {
      if (buf[p] !== (p === this.#at ? STAR : DOLLAR)) return false;
      const newline = buf.subarray(p, end).indexOf(LF);
      if (newline < 0) return /^.\d*\r?$/.test(buf.toString('latin1', p, Math.min(end, p + LENGTH_LINE_MAX)));
      const isFirst = p === this.#at;
      const length = isFirst ? 0 : Number.parseInt(buf.toString('latin1', p + 1, p + newline), 10) + 2;
      p += newline + 1 + length;
    }
    return true;
  }

  /** Looks for the next command in the window. */
  next(): number {
    const parser = this.#parser;
    const buf = this.#buf;
    const end = this.#end;
    if (this.#tooLong) return BAD_FORMAT;
    while (this.#at < end) {
      const at = this.#at;
      const first = buf[at];
      if (first === HASH) {
        const newline = buf.subarray(at, end).indexOf(LF);
        if (newline < 0) return MORE;
        this.#at = at + newline + 1;
        continue;
      }
      if (first !== STAR) return BAD_FORMAT;
      const status = parser.parse(this.#bytes, at, end, true);
      if (status === PARSED) {
        this.#at = parser.next;
        return COMMAND;
      }
      return status === INCOMPLETE ? MORE : BAD_FORMAT;
    }
    return MORE;
  }

  /** Puts more of the file behind what is left of the window. Returns false at the end of the file. */
  *refill(): Steps<boolean> {
    const file = this.#file;
    const { missing } = this.#parser;
    const left = this.#end - this.#at;
    // The rest of the file doesn't have what the command says it has: no need to read it.
    if (left > 0 && this.#buf[this.#at] === STAR && this.#base + this.#end + missing > this.#fileBytes) {
      this.#parser.reset();
      return false;
    }
    if (left <= HEADROOM) {
      this.#parser.reset();
      this.#own = false;
      const rest = this.#buf;
      const restAt = this.#at;
      const offset = this.offset;
      if (file.waiting !== null) yield file.waiting;
      // The chunk that is read blocking comes where the last one was: what is left must go before.
      const kept = Buffer.from(rest.subarray(restAt, this.#end));
      if (!file.take()) return false;
      this.#buf = file.buf;
      this.#bytes = plain(file.buf);
      this.#at = HEADROOM - left;
      this.#end = file.end;
      kept.copy(this.#buf, this.#at);
      this.#base = offset - this.#at;
      return true;
    }
    return yield* this.#collect(left);
  }

  /** Puts the next chunk behind a command that is longer than the chunks so far. */
  *#collect(left: number): Steps<boolean> {
    const file = this.#file;
    if (!this.#own || this.#at > 0) {
      // Everything before the command goes; from here on it begins at 0.
      const state = this.#parser.save(this.#at);
      const own = Buffer.allocUnsafeSlow(Math.max(left * 2, left + file.buf.length));
      this.#buf.copy(own, 0, this.#at, this.#end);
      this.#base += this.#at;
      this.#buf = own;
      this.#bytes = plain(own);
      this.#at = 0;
      this.#end = left;
      this.#own = true;
      this.#parser.restore(state);
    }
    if (file.waiting !== null) yield file.waiting;
    if (!file.take()) return false;
    const length = file.end - HEADROOM;
    if (this.#end + length > COMMAND_MAX) {
      this.#tooLong = true;
      return true;
    }
    if (this.#end + length > this.#buf.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#buf.length * 2, this.#end + length));
      this.#buf.copy(grown, 0, 0, this.#end);
      this.#buf = grown;
      this.#bytes = plain(grown);
    }
    file.buf.copy(this.#buf, this.#end, HEADROOM, file.end);
    this.#end += length;
    return true;
  }
}

function plain(buf: Buffer): Uint8Array {
  return new Uint8Array(buf.buffer, buf.byteOffset, buf.length);
}
