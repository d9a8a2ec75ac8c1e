/**
 * Reads a file from front to back in small pieces, as C's stdio does: a line at a time, or so many bytes.
 */
import type { FileSystem } from '../files/file-system.ts';

const WINDOW_BYTES = 1024 * 1024;
const LF = 10;

export class LineReader {
  readonly #fs: FileSystem;
  readonly #fd: number;
  #window: Buffer = Buffer.allocUnsafe(WINDOW_BYTES);
  #at = 0;
  #end = 0;
  /** Offset in the file of the window's first byte. */
  #base: number;
  /** A read has found the end of the file. */
  atEnd = false;

  constructor(fs: FileSystem, fd: number, offset: number) {
    this.#fs = fs;
    this.#fd = fd;
    this.#base = offset;
  }

  /** Where the next read begins. */
  get offset(): number {
    return this.#base + this.#at;
  }

  #fill(): boolean {
    this.#base += this.#end;
    this.#at = 0;
    this.#end = this.#fs.readSync(this.#fd, this.#window, 0, this.#window.length, this.#base);
    if (this.#end === 0) this.atEnd = true;
    return this.#end > 0;
  }

  /** The next byte, which stays there; -1: the end. */
  peek(): number {
    if (this.#at === this.#end && !this.#fill()) return -1;
    this.atEnd = false;
    return this.#window[this.#at]!;
  }

  /** A line with its newline, of at most `max` bytes; '' at the end. */
  line(max: number): string {
    let text = '';
    while (text.length < max) {
      if (this.#at === this.#end && !this.#fill()) return text;
      const until = Math.min(this.#end, this.#at + max - text.length);
      const newline = this.#window.subarray(this.#at, until).indexOf(LF);
      const to = newline < 0 ? until : this.#at + newline + 1;
      text += this.#window.toString('latin1', this.#at, to);
      this.#at = to;
      if (newline >= 0) return text;
    }
    return text;
  }

  /** Passes over `count` bytes; returns how many there were. What `keep` wants of the first and the last ones is kept. */
  skip(count: number, keep: { head: string; tail: string }, headMax: number, tailMax: number): number {
    keep.head = '';
    keep.tail = '';
    let left = count;
    while (left > 0) {
      if (this.#at === this.#end && !this.#fill()) break;
      const bytes = Math.min(left, this.#end - this.#at);
      const to = this.#at + bytes;
      if (keep.head.length < headMax) {
        keep.head += this.#window.toString(
          'latin1',
          this.#at,
          Math.min(to, this.#at + headMax - keep.head.length),
        );
      }
      if (left <= bytes + tailMax) {
        const from = Math.max(this.#at, to - Math.max(0, tailMax - (left - bytes)));
        keep.tail += this.#window.toString('latin1', from, to);
      }
      this.#at = to;
      left -= bytes;
    }
    return count - left;
  }
}
