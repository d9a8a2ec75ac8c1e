/**
 * A long string on its way out of an RDB, in pieces, into memory of its own, which becomes the value: neither copying
 * nor unpacking nor waiting for its end may hold up the event loop.
 *
 * A raw one whose bytes can all still come has its memory at once. Where nobody knows what comes, and for a compressed
 * one, it grows with what is really there: a length that is a lie costs nothing.
 */
import { LZF_PART_MAX, lzfDecompressOn } from '../../structures/lzf.ts';
import { badLzf, type RdbReader } from './reader.ts';

/** Bytes that a step makes, about. */
const PIECE = 16384;
const FIRST = 1048576;
const GROWTH = 4;
const EMPTY = new Uint8Array(0);

export class LongString {
  isBusy = false;
  #bytes: Uint8Array = EMPTY;
  #len = 0;
  #isPacked = false;
  /** Bytes still to be read. */
  #left = 0;
  /** What `lzfDecompressOn` goes on with: `out` bytes of the string are there. */
  readonly #run = { at: 0, out: 0 };
  /** The memory that has become too small, until all of it has been copied. */
  #old: Uint8Array = EMPTY;
  #copied = 0;

  /** Begins with the string that `reader.stringUnlessLong` has found. */
  begin(reader: RdbReader): void {
    this.isBusy = true;
    this.#len = reader.len;
    this.#isPacked = reader.encoded;
    this.#left = reader.encoded ? reader.packed : reader.len;
    this.#run.out = 0;
    const isKnown = !reader.encoded && Number.isFinite(reader.following);
    this.#bytes = new Uint8Array(isKnown ? this.#len : Math.min(FIRST, this.#len));
    reader.commit();
  }

  /** Reads on, a piece; commits. Returns the string when it is whole, else null. Throws INCOMPLETE or CorruptRdb. */
  step(reader: RdbReader): Uint8Array | null {
    if (this.#old !== EMPTY) {
      this.#copyOld();
      return null;
    }
    const room = this.#bytes.length;
    const run = this.#run;
    if (room < this.#len && run.out > room - (this.#isPacked ? LZF_PART_MAX : 1)) {
      this.#old = this.#bytes;
      this.#copied = 0;
      this.#bytes = new Uint8Array(Math.min(this.#len, room * GROWTH));
      return null;
    }
    if (this.#isPacked) this.#unpack(reader);
    else this.#copy(reader);
    reader.commit();
    if (this.#left > 0 || run.out < this.#len) return null;
    const bytes = this.#bytes;
    this.drop();
    return bytes;
  }

  #copy(reader: RdbReader): void {
    const run = this.#run;
    reader.need(1);
    const { buf, pos, end } = reader;
    const part = Math.min(PIECE, end - pos, this.#left, this.#bytes.length - run.out);
    this.#bytes.set(buf.subarray(pos, pos + part), run.out);
    run.out += part;
    reader.pos += part;
    this.#left -= part;
  }

  #unpack(reader: RdbReader): void {
    const run = this.#run;
    const bytes = this.#bytes;
    const there = Math.min(reader.end - reader.pos, this.#left);
    // Behind the last stop there is room for a part that goes beyond it.
    const last = bytes.length === this.#len ? this.#len : bytes.length - LZF_PART_MAX + 1;
    run.at = reader.pos;
    const stop = Math.min(last, run.out + PIECE);
    if (!lzfDecompressOn(reader.buf, run, reader.pos + there, bytes, stop, this.#len)) throw badLzf();
    const read = run.at - reader.pos;
    this.#left -= read;
    if (read === 0) {
      // It ends within a part, too early or too late; or there is more to come.
      if (there === this.#left || run.out === this.#len) throw badLzf();
      reader.need(there + 1);
    }
    reader.pos = run.at;
  }

  #copyOld(): void {
    const to = Math.min(this.#run.out, this.#copied + PIECE);
    this.#bytes.set(this.#old.subarray(this.#copied, to), this.#copied);
    this.#copied = to;
    if (to === this.#run.out) this.#old = EMPTY;
  }

  /** Gives it up. */
  drop(): void {
    this.isBusy = false;
    this.#bytes = EMPTY;
    this.#old = EMPTY;
  }
}
