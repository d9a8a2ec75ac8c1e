/*
 * SHA-1 of short texts (FIPS 180-4, section 6.1). Not for secrets: DEBUG DIGEST takes many small ones, and making a
 * hash object of node's for each costs ten times the work itself.
 */

const ROUNDS = 80;
const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;

export class Sha1 {
  readonly #schedule = new Int32Array(ROUNDS);
  readonly #state = new Int32Array(5);
  /** The last one or two blocks: the rest of the text, a one bit, zeros, the length. */
  readonly #tail = new Uint8Array(BLOCK_BYTES * 2);

  /** Writes the 20 bytes of the digest of `bytes` to `out`. */
  digest(bytes: Uint8Array, out: Uint8Array): void {
    const state = this.#state;
    state[0] = 0x67452301;
    state[1] = 0xefcdab89;
    state[2] = 0x98badcfe;
    state[3] = 0x10325476;
    state[4] = 0xc3d2e1f0;
    const length = bytes.length;
    const whole = length - (length % BLOCK_BYTES);
    for (let at = 0; at < whole; at += BLOCK_BYTES) this.#block(bytes, at);
    const tail = this.#tail;
    const rest = length - whole;
    tail.fill(0);
    for (let i = 0; i < rest; i++) tail[i] = bytes[whole + i]!;
    tail[rest] = 0x80;
    const end = rest + 1 + LENGTH_BYTES > BLOCK_BYTES ? BLOCK_BYTES * 2 : BLOCK_BYTES;
    let bits = length * 8;
    for (let i = end - 1; bits > 0; i--) {
      tail[i] = bits % 256;
      bits = Math.floor(bits / 256);
    }
    for (let at = 0; at < end; at += BLOCK_BYTES) this.#block(tail, at);
    for (let i = 0; i < 20; i++) out[i] = state[i >> 2]! >>> (24 - (i & 3) * 8);
  }

  #block(bytes: Uint8Array, from: number): void {
    const w = this.#schedule;
    for (let t = 0; t < 16; t++) {
      const at = from + t * 4;
      w[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    for (let t = 16; t < ROUNDS; t++) w[t] = rotl(w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!, 1);
    const state = this.#state;
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    for (let t = 0; t < ROUNDS; t++) {
      let mixed: number;
      if (t < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
      else if (t < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (t < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else mixed = (b ^ c ^ d) + 0xca62c1d6;
      const next = (rotl(a, 5) + mixed + e + w[t]!) | 0;
      e = d;
      d = c;
      c = rotl(b, 30);
      b = a;
      a = next;
    }
    state[0] = (state[0]! + a) | 0;
    state[1] = (state[1]! + b) | 0;
    state[2] = (state[2]! + c) | 0;
    state[3] = (state[3]! + d) | 0;
    state[4] = (state[4]! + e) | 0;
  }
}

function rotl(n: number, bits: number): number {
  return (n << bits) | (n >>> (32 - bits));
}
