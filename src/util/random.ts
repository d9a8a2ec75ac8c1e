import { randomFillSync } from 'node:crypto';

/*
 * The one source of chance. Everything random (keys sampled for eviction, hash seeds, run ids, election delays) asks a
 * Random that was handed to it, so that a seed replays a whole run.
 */

export interface Random {
  /** 0 … 2^32 - 1. */
  uint32(): number;
  /** 0 ≤ x < 1, with 53 random bits. */
  float(): number;
  bytes(n: number): Uint8Array;
}

/** Chance from the operating system: unpredictable, good for ids and seeds. */
export function systemRandom(): Random {
  return new SystemRandom();
}

/** The same numbers for the same seed, on every machine; predictable, so for tests and simulations. */
export function seededRandom(seed: number): Random {
  return new SeededRandom(seed);
}

/** A whole number 0 … n-1, all equally likely, for n up to 2^32. */
export function randomBelow(random: Random, n: number): number {
  // Draws beyond the last whole multiple of n would favour the small numbers.
  const limit = 2 ** 32 - (2 ** 32 % n);
  for (;;) {
    const drawn = random.uint32();
    if (drawn < limit) return drawn % n;
  }
}

/** Lowercase hexadecimal digits, such as the forty of a run id. */
export function randomHex(random: Random, digits: number): string {
  return Buffer.from(random.bytes((digits + 1) >> 1))
    .toString('hex')
    .slice(0, digits);
}

const POOL_WORDS = 1024;

class SystemRandom implements Random {
  // A call into crypto costs a microsecond whatever its size, so numbers are fetched a pool at a time.
  readonly #pool = new Uint32Array(POOL_WORDS);
  #next = POOL_WORDS;

  uint32(): number {
    if (this.#next === POOL_WORDS) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const drawn = this.#pool[this.#next]!;
    // Numbers handed out may become secrets; they do not stay behind.
    this.#pool[this.#next++] = 0;
    return drawn;
  }

  float(): number {
    return floatOf(this.uint32(), this.uint32());
  }

  bytes(n: number): Uint8Array {
    return randomFillSync(new Uint8Array(n));
  }
}

/** xoshiro128** by Blackman and Vigna, its state filled from the seed by splitmix32. */
class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let mixed = seed >>> 0;
    // Seeds beyond 32 bits count in full.
    const upper = Math.floor(Math.abs(seed) / 2 ** 32) >>> 0;
    for (let i = 0; i < 4; i++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let z = mixed ^ upper;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[i] = z ^ (z >>> 15);
    }
  }

  uint32(): number {
    const s = this.#state;
    const s1 = s[1]!;
    const drawn = Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= s1 << 9;
    s[3] = rotate(s[3]!, 11);
    return drawn;
  }

  float(): number {
    return floatOf(this.uint32(), this.uint32());
  }

  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    for (let i = 0; i < n; i += 4) {
      const drawn = this.uint32();
      for (let j = i; j < n && j < i + 4; j++) bytes[j] = drawn >>> (8 * (j - i));
    }
    return bytes;
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function floatOf(a: number, b: number): number {
  return ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53;
}
