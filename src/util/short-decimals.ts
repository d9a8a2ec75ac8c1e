/**
 * The sum of two short decimals as long-double.ts defines it, to the last digit, but without bigints and texts: it is
 * what INCRBYFLOAT and HINCRBYFLOAT nearly always are.
 *
 * A number with at most 17 decimals is whole + high / 10^9 + low / 10^17. The decimal sum is exact, so what the x87
 * format would print is that sum and three errors of rounding: of both numbers to 64 bits, and of their sum. Each error is
 * a known number of last places, and small: doubles hold it well enough to be rounded to a count of 10^-17. Where
 * a tie or the edge of a power of two makes that doubtful, the answer is 0 and the long way has to be gone.
 */
import { writeInt } from './number-text.ts';

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;

const DECIMALS = 17;
const HIGH = 1e9;
const LOW = 1e8;
const HIGH_DIGITS = 9;
/** Whole parts stay below 2^31, whose errors are less than LOW. */
const WHOLE_MAX = 2 ** 31;
/** Bits that a fraction is expanded by at once. */
const STEP_BITS = 22;
const STEP = 2 ** STEP_BITS;
/** Last bits of a mantissa that are kept. */
const KEPT_BITS = 40;
const POWERS_OF_TEN = Float64Array.from({ length: 18 }, (_, i) => 10 ** i);
/** 2^i at place i + 128. */
const POWERS_OF_TWO = Float64Array.from({ length: 256 }, (_, i) => 2 ** (i - 128));

class ShortDecimal {
  negative = false;
  whole = 0;
  high = 0;
  low = 0;
  /** Weight of the first bit as a power of two; only of a number that is not 0. */
  exponent = 0;
  /** Last bits of the mantissa of 64 bits, of weight 2^(exponent - 63). */
  lastBits = 0;
  /** Rounded minus exact value, of the size alone. */
  error = 0;

  get isZero(): boolean {
    return this.whole === 0 && this.high === 0 && this.low === 0;
  }

  /** Reads a text; false: it is none of the short ones. */
  read(buf: Uint8Array, off: number, len: number): boolean {
    if (len === 0 || len > 40) return false;
    const end = off + len;
    let i = off;
    const sign = buf[i]!;
    if (sign === MINUS || sign === PLUS) i++;
    const start = i;
    let whole = 0;
    let digit = 0;
    for (; i < end; i++) {
      digit = buf[i]! - ZERO;
      if (digit < 0 || digit > 9) break;
      whole = whole * 10 + digit;
    }
    let digits = i - start;
    let high = 0;
    let low = 0;
    if (i < end) {
      if (buf[i++] !== POINT) return false;
      const decimals = end - i;
      if (decimals > DECIMALS) return false;
      digits += decimals;
      const middle = decimals > HIGH_DIGITS ? i + HIGH_DIGITS : end;
      const highDigits = middle - i;
      for (; i < middle; i++) {
        digit = buf[i]! - ZERO;
        if (digit < 0 || digit > 9) return false;
        high = high * 10 + digit;
      }
      const lowDigits = end - i;
      for (; i < end; i++) {
        digit = buf[i]! - ZERO;
        if (digit < 0 || digit > 9) return false;
        low = low * 10 + digit;
      }
      high *= POWERS_OF_TEN[HIGH_DIGITS - highDigits]!;
      low *= POWERS_OF_TEN[DECIMALS - HIGH_DIGITS - lowDigits]!;
    }
    if (digits === 0 || !(whole < WHOLE_MAX)) return false;
    this.negative = sign === MINUS;
    this.whole = whole;
    this.high = high;
    this.low = low;
    return true;
  }

  /** Finds `exponent`; false: the number is too small. */
  scale(): boolean {
    if (this.whole > 0) {
      this.exponent = 31 - Math.clz32(this.whole);
      return true;
    }
    const carry = Math.floor((this.low * STEP) / LOW);
    const first = Math.floor((this.high * STEP + carry) / HIGH);
    this.exponent = 31 - Math.clz32(first) - STEP_BITS;
    return first > 0;
  }

  /** Rounds to 64 bits: finds `lastBits` and `error`. False: too near to a tie. */
  round(): boolean {
    let { high, low } = this;
    let bits = 63 - this.exponent;
    let power = bits % STEP_BITS;
    let before = 0;
    let last = 0;
    const unit = POWERS_OF_TWO[128 - bits]!;
    for (; bits > 0; power = STEP_BITS) {
      if (power === 0) continue;
      const factor = 1 << power;
      const lows = low * factor;
      const carry = Math.floor(lows / LOW);
      low = lows - carry * LOW;
      const highs = high * factor + carry;
      before = last;
      last = Math.floor(highs / HIGH);
      high = highs - last * HIGH;
      bits -= power;
    }
    const rest = (high + low / LOW) / HIGH;
    this.lastBits = before * STEP + last;
    if (rest < 0.5) this.error = -rest * unit;
    else {
      this.error = (1 - rest) * unit;
      this.lastBits++;
    }
    return Math.abs(rest - 0.5) > 1e-12;
  }

  /** Makes this the sum of two, exactly. */
  add(a: ShortDecimal, b: ShortDecimal): void {
    if (a.negative === b.negative) {
      this.negative = a.negative;
      this.whole = a.whole + b.whole;
      this.high = a.high + b.high;
      this.low = a.low + b.low;
    } else {
      const aIsLarger =
        a.whole !== b.whole ? a.whole > b.whole : a.high !== b.high ? a.high > b.high : a.low >= b.low;
      const from = aIsLarger ? a : b;
      const taken = aIsLarger ? b : a;
      this.negative = from.negative;
      this.whole = from.whole - taken.whole;
      this.high = from.high - taken.high;
      this.low = from.low - taken.low;
    }
    this.carry();
  }

  /** Brings `low` and `high` into their ranges; they are out of them by one turn at most. */
  carry(): void {
    if (this.low >= LOW) {
      this.low -= LOW;
      this.high++;
    } else if (this.low < 0) {
      this.low += LOW;
      this.high--;
    }
    if (this.high >= HIGH) {
      this.high -= HIGH;
      this.whole++;
    } else if (this.high < 0) {
      this.high += HIGH;
      this.whole--;
    }
  }

  /** Writes the text, without zeros at its end; returns where it ends. */
  write(out: Uint8Array): number {
    let at = 0;
    if (this.negative) out[at++] = MINUS;
    at = writeInt(out, at, this.whole);
    if (this.high === 0 && this.low === 0) return at;
    out[at] = POINT;
    writePadded(out, at + 1, HIGH_DIGITS, this.high);
    at += 1 + HIGH_DIGITS;
    if (this.low !== 0) {
      writePadded(out, at, DECIMALS - HIGH_DIGITS, this.low);
      at += DECIMALS - HIGH_DIGITS;
    }
    while (out[at - 1] === ZERO) at--;
    return at;
  }
}

function writePadded(out: Uint8Array, at: number, width: number, n: number): void {
  let left = n | 0;
  for (let i = at + width - 1; i >= at; i--) {
    const tenth = (left / 10) | 0;
    out[i] = ZERO + left - tenth * 10;
    left = tenth;
  }
}

// Scratch of the call below.
const first = new ShortDecimal();
const second = new ShortDecimal();
const sum = new ShortDecimal();

/** Bytes that a sum may take. */
export const SHORT_DECIMAL_BYTES = 40;

/** Whether a text is a number that `addShortDecimals` reads. */
export function isShortDecimal(buf: Uint8Array, off: number, len: number): boolean {
  return first.read(buf, off, len);
}

/** Writes the sum of two texts to the start of `out`. Returns its length; 0: it must be found in the long way. */
export function addShortDecimals(
  a: Uint8Array,
  aOff: number,
  aLen: number,
  b: Uint8Array,
  bOff: number,
  bLen: number,
  out: Uint8Array,
): number {
  if (!first.read(a, aOff, aLen) || !second.read(b, bOff, bLen)) return 0;
  sum.add(first, second);
  if (!(sum.whole < WHOLE_MAX)) return 0;
  if (sum.isZero) {
    out[0] = ZERO;
    return 1;
  }
  const error = errorOfSum();
  if (error !== 0) {
    // The error of the sum's size, in units of the last decimal.
    const places = error * 1e17;
    const whole = Math.floor(places + 0.5);
    if (!(Math.abs(places) < LOW) || Math.abs(places + 0.5 - Math.round(places + 0.5)) < 1e-6) return 0;
    sum.low += whole;
    sum.carry();
    if (sum.whole < 0) return 0;
  }
  return sum.write(out);
}

/** How much larger than the exact sum the size of the rounded one is; NaN: doubtful. */
function errorOfSum(): number {
  if (!sum.scale()) return Number.NaN;
  const { exponent } = sum;
  const signOfFirst = first.negative === sum.negative ? 1 : -1;
  const signOfSecond = second.negative === sum.negative ? 1 : -1;
  let error = 0;
  let least = 1000;
  if (!first.isZero) {
    if (!first.scale() || !first.round()) return Number.NaN;
    error = signOfFirst * first.error;
    least = first.exponent;
  }
  if (!second.isZero) {
    if (!second.scale() || !second.round()) return Number.NaN;
    error += signOfSecond * second.error;
    if (second.exponent < least) least = second.exponent;
  }
  if (error !== 0) {
    // The errors might carry the sum over a power of two.
    const ratio = (sum.whole + (sum.high + sum.low / LOW) / HIGH) * POWERS_OF_TWO[128 - exponent]!;
    if (ratio < 1 + 1e-8 || ratio > 2 - 1e-8) return Number.NaN;
  }
  // Bits of the smaller number that the sum has no place for.
  const dropped = exponent - least;
  if (dropped <= 0 || first.isZero || second.isZero) return error;
  if (dropped + 1 > KEPT_BITS) return Number.NaN;
  const modulus = POWERS_OF_TWO[128 + dropped + 1]!;
  const place = POWERS_OF_TWO[128 + dropped]!;
  const bits =
    signOfFirst * bitsBelow(first, least, modulus) + signOfSecond * bitsBelow(second, least, modulus);
  const tail = bits - Math.floor(bits / modulus) * modulus;
  const isOdd = tail >= place;
  const rest = isOdd ? tail - place : tail;
  const up = rest * 2 > place || (rest * 2 === place && isOdd);
  return error + (up ? place - rest : -rest) * POWERS_OF_TWO[128 + least - 63]!;
}

/** The mantissa in units of the last place of a number with the exponent `least`, modulo `modulus`. */
function bitsBelow(n: ShortDecimal, least: number, modulus: number): number {
  const shift = n.exponent - least;
  const factor = POWERS_OF_TWO[128 + shift]!;
  if (factor >= modulus) return 0;
  const within = modulus / factor;
  return (n.lastBits - Math.floor(n.lastBits / within) * within) * factor;
}
