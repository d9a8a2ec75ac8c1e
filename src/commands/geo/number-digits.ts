/**
 * Distances and coordinates as digits, without a string for each: a search may reply with ten thousand of them.
 * JavaScript's toFixed, which does the same to the last digit, takes half a microsecond and more; it still serves what
 * is too near to a rounding edge, or too large or small, for the arithmetic here.
 */
import { writeInt } from '../../util/number-text.ts';

const POINT = 0x2e;
const MINUS = 0x2d;
const ZERO = 0x30;

/** Enough for any number below 1e21 with 17 decimals. */
export const digits = new Uint8Array(64);

function writeText(text: string): number {
  for (let i = 0; i < text.length; i++) digits[i] = text.charCodeAt(i);
  return text.length;
}

/** Smaller distances fit into 32 bits, and their ten-thousandths are exact enough for the test below. */
const EXACT_MAX = 2e9;
/** What a product may be off by, as a part of it. */
const UNSURE = 2 ** -52;

/** Writes C's `%.4f` of a number that is not negative into `digits`; returns its length. */
export function writeDistance(n: number): number {
  const scaled = n * 10000;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  // Only what is so near to the half that the product's rounding may have moved it needs a closer look.
  if (!(n < EXACT_MAX) || Math.abs(rest - 0.5) <= scaled * UNSURE) return writeText(n.toFixed(4));
  const rounded = rest < 0.5 ? floor : floor + 1;
  const whole = Math.floor(rounded / 10000) | 0;
  const decimals = (rounded - whole * 10000) | 0;
  const high = (decimals / 100) | 0;
  const low = decimals - high * 100;
  const first = (high / 10) | 0;
  const third = (low / 10) | 0;
  const at = writeInt(digits, 0, whole);
  digits[at] = POINT;
  digits[at + 1] = ZERO + first;
  digits[at + 2] = ZERO + high - first * 10;
  digits[at + 3] = ZERO + third;
  digits[at + 4] = ZERO + low - third * 10;
  return at + 5;
}

const HALF_BITS = 26;
const HALF = 2 ** HALF_BITS;
/** Multiplying by it divides by HALF, exactly and without a division. */
const PER_HALF = 2 ** -HALF_BITS;

/** Writes C's `%.17f` without the zeros at its end into `digits`; returns its length. */
export function writeCoordinate(n: number): number {
  const size = Math.abs(n);
  const whole = Math.floor(size);
  // The fraction in units of 2^-52, in two halves. From 1 on a double has no finer bits.
  const units = (size - whole) * 2 ** 52;
  if (size < 1 || size > 1000) return writeText(shortest(n.toFixed(17)));
  let high = Math.floor(units * PER_HALF);
  let low = units - high * HALF;
  let carry = 0;
  let at = 0;
  if (n < 0) digits[at++] = MINUS;
  at = writeInt(digits, at, whole);
  digits[at++] = POINT;
  const start = at;
  // Five times three digits, then two: what is pushed out on the left by multiplying.
  for (let group = 0; group < 5; group++) {
    low *= 1000;
    carry = Math.floor(low * PER_HALF);
    low -= carry * HALF;
    high = high * 1000 + carry;
    const three = Math.floor(high * PER_HALF);
    high -= three * HALF;
    digits[at++] = ZERO + ((three / 100) | 0);
    digits[at++] = ZERO + (((three / 10) | 0) % 10);
    digits[at++] = ZERO + (three % 10);
  }
  low *= 100;
  carry = Math.floor(low * PER_HALF);
  low -= carry * HALF;
  high = high * 100 + carry;
  const two = Math.floor(high * PER_HALF);
  high -= two * HALF;
  digits[at++] = ZERO + ((two / 10) | 0);
  digits[at++] = ZERO + (two % 10);
  // The rest decides on the last digit. A tie, or a carry through all of them, is left to toFixed.
  if (high === HALF / 2 && low === 0) return writeText(shortest(n.toFixed(17)));
  if (high >= HALF / 2) {
    let i = at - 1;
    while (i >= start && digits[i] === ZERO + 9) digits[i--] = ZERO;
    if (i < start) return writeText(shortest(n.toFixed(17)));
    digits[i]!++;
  }
  while (digits[at - 1] === ZERO) at--;
  return digits[at - 1] === POINT ? at - 1 : at;
}

/** Without the zeros at the end of the decimals. */
function shortest(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === ZERO) end--;
  if (text.charCodeAt(end - 1) === POINT) end--;
  return text.slice(0, end);
}
