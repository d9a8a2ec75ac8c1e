/**
 * A long string, written in steps: neither compressing nor copying it may hold up the event loop.
 *
 * The compressed length stands in front of the compressed bytes, so these have to be kept until all is compressed. It is
 * done piece by piece; what makes a piece is a stream of its own, and one behind the other they are the stream of the
 * whole. Strings that don't become much smaller at once, or too long to be kept, are written raw.
 */
import { lzfCompress } from '../../structures/lzf.ts';
import type { RdbWriter } from './writer.ts';

/** Longer strings are written in steps: compressing them takes milliseconds. */
export const LONG_STRING = 262144;
const KIB = 1024;
const PIECE = 65536;
/** After this many bytes it is decided whether compressing is worth it: an eighth must be saved. */
const TRIED = 4 * PIECE;
/** Compressed bytes that are kept at most. */
const KEPT_MAX = 64 * 1048576;
/** Bytes of a piece that cannot be compressed: literals, 32 at a time. */
const LITERALS = 32;

const scratch = new Uint8Array(PIECE + PIECE / LITERALS);

const IDLE = 0;
const COMPRESSING = 1;
const WRITING_PACKED = 2;
const WRITING_RAW = 3;

export class LongString {
  readonly #out: RdbWriter;
  #state = IDLE;
  #src: Uint8Array = scratch;
  #off = 0;
  #len = 0;
  /** Bytes compressed, or written. */
  #done = 0;
  #packed: Uint8Array[] = [];
  #packedBytes = 0;

  constructor(out: RdbWriter) {
    this.#out = out;
  }

  /** It is being compressed: a millisecond for a piece. */
  get isSlow(): boolean {
    return this.#state === COMPRESSING;
  }

  get busy(): boolean {
    return this.#state !== IDLE;
  }

  /** Begins with a string that nobody changes until it is written. */
  start(src: Uint8Array, off: number, len: number): void {
    this.#src = src;
    this.#off = off;
    this.#len = len;
    this.#done = 0;
    if (this.#out.compress) this.#state = COMPRESSING;
    else this.#startRaw();
  }

  /** Goes on with about `kib` KiB; true when more is left. */
  step(kib: number): boolean {
    for (let left = kib * KIB; this.#state !== IDLE && left > 0; left -= PIECE) {
      if (this.#state === COMPRESSING) this.#compressPiece();
      else if (this.#state === WRITING_RAW) this.#writePiece();
      else this.#writePacked();
    }
    return this.#state !== IDLE;
  }

  #startRaw(): void {
    this.#packed = [];
    this.#packedBytes = 0;
    this.#done = 0;
    this.#state = WRITING_RAW;
    this.#out.length(this.#len);
  }

  #compressPiece(): void {
    const from = this.#off + this.#done;
    const size = Math.min(PIECE, this.#len - this.#done);
    let bytes = lzfCompress(this.#src, from, size, scratch, 0, size);
    if (bytes === 0) {
      for (let i = 0; i < size; i += LITERALS) {
        const run = Math.min(LITERALS, size - i);
        scratch[bytes++] = run - 1;
        for (let k = 0; k < run; k++) scratch[bytes++] = this.#src[from + i + k]!;
      }
    }
    this.#packed.push(scratch.slice(0, bytes));
    this.#packedBytes += bytes;
    this.#done += size;
    if (this.#packedBytes > KEPT_MAX) this.#startRaw();
    else if (this.#done === TRIED && this.#packedBytes > TRIED - TRIED / 8) this.#startRaw();
    else if (this.#done === this.#len) {
      if (this.#packedBytes > this.#len - 4) this.#startRaw();
      else {
        this.#done = 0;
        this.#state = WRITING_PACKED;
        this.#out.compressedHead(this.#packedBytes, this.#len);
      }
    }
  }

  #writePacked(): void {
    const piece = this.#packed[this.#done++]!;
    this.#out.raw(piece, 0, piece.length);
    if (this.#done === this.#packed.length) this.#finish();
  }

  #writePiece(): void {
    const size = Math.min(PIECE, this.#len - this.#done);
    this.#out.raw(this.#src, this.#off + this.#done, size);
    this.#done += size;
    if (this.#done === this.#len) this.#finish();
  }

  #finish(): void {
    this.#state = IDLE;
    this.#src = scratch;
    this.#packed = [];
    this.#packedBytes = 0;
  }
}
