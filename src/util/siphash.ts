/**
 * HalfSipHash-1-3: a keyed 32-bit hash (https://github.com/veorq/SipHash, the reference description of
 * HalfSipHash; one compression round, three finalisation rounds, as hash tables of operating systems use it).
 *
 * Keyed, because clients choose the keys: without the secret nobody can prepare keys that fall into one slot.
 * It works on 32-bit words, which is what JavaScript's integers do well.
 *
 * The words it makes of the key stay in `words`, so that whoever compares the key with one in the arena, where
 * keys begin at a word, compares four bytes at a time. The rounds are written out: a loop or a call for each
 * costs a quarter more.
 */

/** How many words of a key are kept in `words`. */
export const KEPT_WORDS = 64;

export class KeyHash {
  /** The whole words (little-endian) of the key hashed last, as far as they go. */
  readonly words = new Int32Array(KEPT_WORDS);
  /** The buffer hashed from last, nearly always the next one too, and a view of it that reads words anywhere. */
  #buf: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#buf.buffer);
  readonly #k0: number;
  readonly #k1: number;

  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  /** Hash of `len` bytes at `off`, as a signed 32-bit integer. */
  hash(buf: Uint8Array, off: number, len: number): number {
    if (buf !== this.#buf) {
      this.#buf = buf;
      this.#view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
    }
    const view = this.#view;
    const { words } = this;
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    const whole = len >> 2;
    let i = off;
    for (let k = 0; k < whole; k++, i += 4) {
      const word = view.getInt32(i, true);
      if (k < KEPT_WORDS) words[k] = word;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v2 = (v2 + v3) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0;
      v2 = (v2 + v1) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    let word = len << 24;
    const rest = len & 3;
    if (rest > 0) word |= buf[i]!;
    if (rest > 1) word |= buf[i + 1]! << 8;
    if (rest > 2) word |= buf[i + 2]! << 16;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v2 = (v2 + v3) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0;
    v2 = (v2 + v1) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    v2 ^= 0xff;
    for (let round = 0; round < 3; round++) {
      v0 = (v0 + v1) | 0;
      v2 = (v2 + v3) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0;
      v2 = (v2 + v1) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    return v1 ^ v3;
  }
}
