/**
 * The hash that decides the register of an element, and the value it asks for: MurmurHash64A (Austin Appleby, public
 * domain) with the seed that Redis's HyperLogLogs are made with, so that theirs and ours can be merged.
 *
 * 64-bit numbers are kept in two halves. Nothing is allocated.
 */
const M_HIGH = 0xc6a4a793 | 0;
const M_LOW = 0x5bd1e995;
const SEED = 0xadc83b19 | 0;

/** An element goes to the register of the lowest bits of its hash ... */
export const INDEX_BITS = 14;
/** ... and counts the zeros at the end of the rest. */
export const REST_BITS = 64 - INDEX_BITS;

/** Register and value of the element hashed last. */
export const pattern = { index: 0, count: 0 };

// The halves of the product made last.
let high = 0;
let low = 0;

/** Multiplies by M, modulo 2^64. */
function multiply(h: number, l: number): void {
  const a = l & 0xffff;
  const b = l >>> 16;
  const p = Math.imul(a, M_LOW & 0xffff) >>> 0;
  const q = Math.imul(a, M_LOW >>> 16) >>> 0;
  const r = Math.imul(b, M_LOW & 0xffff) >>> 0;
  const middle = (p >>> 16) + (q & 0xffff) + (r & 0xffff);
  const carried = Math.imul(b, M_LOW >>> 16) + (q >>> 16) + (r >>> 16) + (middle >>> 16);
  low = Math.imul(l, M_LOW);
  high = (carried + Math.imul(h, M_LOW) + Math.imul(l, M_HIGH)) | 0;
}

/** Fills `pattern` for the element of `len` bytes. */
export function hashElement(bytes: Uint8Array, off: number, len: number): void {
  multiply(0, len);
  let h = high;
  let l = low ^ SEED;
  const end = off + (len & ~7);
  let i = off;
  for (; i < end; i += 8) {
    multiply(
      bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24),
      bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24),
    );
    // k ^= k >>> 47 touches only the low half.
    multiply(high, low ^ (high >>> 15));
    multiply(h ^ high, l ^ low);
    h = high;
    l = low;
  }
  const tail = len & 7;
  if (tail > 0) {
    for (let k = 0; k < tail; k++) {
      if (k < 4) l ^= bytes[i + k]! << (k * 8);
      else h ^= bytes[i + k]! << ((k - 4) * 8);
    }
    multiply(h, l);
    h = high;
    l = low;
  }
  multiply(h, l ^ (h >>> 15));
  h = high;
  l = low ^ (high >>> 15);
  pattern.index = l & ((1 << INDEX_BITS) - 1);
  // Trailing zeros of the other 50 bits, plus one; a one behind them ends the count.
  const restLow = (l >>> INDEX_BITS) | (h << (32 - INDEX_BITS));
  const restHigh = (h >>> INDEX_BITS) | (1 << (REST_BITS - 32));
  pattern.count = restLow !== 0 ? 32 - Math.clz32(restLow & -restLow) : 64 - Math.clz32(restHigh & -restHigh);
}
