/**
 * HalfSipHash-1-3: a keyed 32-bit hash (https://github.com/veorq/SipHash, the reference description of
 * HalfSipHash; one compression round, three finalisation rounds, as hash tables of operating systems use it).
 *
 * Keyed, because clients choose the keys: without the secret nobody can prepare keys that fall into one slot.
 * It works on 32-bit words, which is what JavaScript's integers do well: a 16-byte key costs about as much as
 * FNV-1a would.
 */
export class KeyHash {
  readonly #k0: number;
  readonly #k1: number;

  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  /** Hash of `len` bytes at `off`, as a signed 32-bit integer. */
  hash(buf: Uint8Array, off: number, len: number): number {
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    const end = off + (len & ~3);
    let i = off;
    let word = 0;
    for (;;) {
      const last = i >= end;
      if (last) {
        word = len << 24;
        const rest = len & 3;
        if (rest > 2) word |= buf[i + 2]! << 16;
        if (rest > 1) word |= buf[i + 1]! << 8;
        if (rest > 0) word |= buf[i]!;
      } else {
        word = buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16) | (buf[i + 3]! << 24);
        i += 4;
      }
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
      if (last) break;
    }
    v2 ^= 0xff;
    for (let round = 0; round < 3; round++) {
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    return v1 ^ v3;
  }
}
