/*
 * INCRBYFLOAT and HINCRBYFLOAT compute in C's long double, which on x86 is the x87 format: a mantissa of 64 bits and
 * an exponent of 15. Users see it: 0.1 + 0.2 prints 0.3, as doubles would not, and 1000000.1 prints
 * 1000000.10000000000002274, as decimals would not. To print the same digits everywhere, the same rounding is done
 * here on bigints:
 *
 *   1. the text is read exactly and rounded once to 64 bits, to nearest, ties to even (strtold);
 *   2. the sum of two such numbers is exact, then rounded in the same way (the x87 addition);
 *   3. the result is rounded to 17 decimals, ties to even, and loses its trailing zeros ("%.17Lf", then trimmed).
 *
 * A finite number is sign × mantissa × 2^exponent. What is too large becomes infinite, what is smaller than the
 * smallest subnormal (2^-16445) is rounded to it or to zero.
 *
 * It costs a few microseconds, so the common case of two whole numbers that a double holds exactly goes beside it.
 */

const MANTISSA_BITS = 64;
/** The weight of the last mantissa bit of the largest and of the smallest numbers. */
const MAX_EXPONENT = 16383 - 63;
const MIN_EXPONENT = -16445;

/** The longest text that upstream reads as a long double; its buffer has 5 kB, a terminator included. */
export const MAX_LONG_DOUBLE_LENGTH = 5 * 1024 - 1;

/** A long double. Infinity has NaN for its exponent; zero has a mantissa of zero. */
export interface LongDouble {
  readonly negative: boolean;
  /** Below 2^64. */
  readonly mantissa: bigint;
  /** Of two, for the last bit of the mantissa; NaN in an infinite number. */
  readonly exponent: number;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/**
 * The long double that Redis reads from the text, or null for what it answers with "value is not a valid float":
 * anything but a number, `nan`, and numbers out of range. `inf` is read; it fails in the addition.
 */
export function parseLongDouble(text: string): LongDouble | null {
  if (text.length === 0 || text.length > MAX_LONG_DOUBLE_LENGTH) return null;
  const decimal = DECIMAL.exec(text);
  if (decimal !== null) {
    const whole = decimal[2]!;
    const fraction = decimal[3] ?? '';
    if (whole.length + fraction.length === 0) return null;
    const power = Number(decimal[4] ?? '0') - fraction.length;
    return accepted(fromDecimal(decimal[1] === '-', `${whole}${fraction}`.replace(/^0+/, ''), power));
  }
  if (INFINITE.test(text)) return infinite(text.startsWith('-'));
  const hex = HEXADECIMAL.exec(text);
  if (hex === null) return null;
  const whole = hex[2]!;
  const fraction = hex[3] ?? '';
  if (whole.length + fraction.length === 0) return null;
  const negative = hex[1] === '-';
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return { negative, mantissa: 0n, exponent: 0 };
  const exponent = Number(hex[4] ?? '0') - 4 * fraction.length;
  const size = exponent + 4 * digits.length;
  if (size > 20000 || size < -20000) return null;
  return accepted(rounded(negative, BigInt(`0x${digits}`), exponent, false));
}

/** Their sum; infinite when it overflows, null for the sum of opposite infinities. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | null {
  if (!isFiniteLongDouble(a)) return isFiniteLongDouble(b) || a.negative === b.negative ? a : null;
  if (!isFiniteLongDouble(b)) return b;
  if (a.mantissa === 0n) return b.mantissa === 0n ? { ...a, negative: a.negative && b.negative } : b;
  if (b.mantissa === 0n) return a;
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.mantissa << BigInt(a.exponent - exponent);
  const right = b.mantissa << BigInt(b.exponent - exponent);
  const sum = (a.negative ? -left : left) + (b.negative ? -right : right);
  if (sum === 0n) return { negative: false, mantissa: 0n, exponent: 0 };
  return rounded(sum < 0n, sum < 0n ? -sum : sum, exponent, false);
}

export function isFiniteLongDouble(value: LongDouble): boolean {
  return !Number.isNaN(value.exponent);
}

/** The text that Redis stores and replies: at most 17 decimals, no exponent, no trailing zeros. */
export function formatLongDouble(value: LongDouble): string {
  const { negative, mantissa, exponent } = value;
  if (Number.isNaN(exponent)) return negative ? '-inf' : 'inf';
  const sign = negative ? '-' : '';
  if (exponent >= 0) {
    const whole = mantissa << BigInt(exponent);
    return whole === 0n ? '0' : `${sign}${whole}`;
  }
  const scaled = shiftedToEven(mantissa * 10n ** 17n, -exponent, false);
  if (scaled === 0n) return '0';
  const digits = scaled.toString().padStart(18, '0');
  const fraction = digits.slice(-17).replace(/0+$/, '');
  const whole = digits.slice(0, -17);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** The sum of two texts, ready to be stored. */
export type FloatSum = { readonly sum: string } | { readonly failed: 'value' | 'increment' | 'not-finite' };

/**
 * INCRBYFLOAT in one call: `value` is what is stored, `increment` the argument. Which of them was no float is told
 * apart, since HINCRBYFLOAT words it differently.
 */
export function sumOfFloatTexts(value: string, increment: string): FloatSum {
  if (isShortWholeNumber(value) && isShortWholeNumber(increment)) {
    // Adding zero turns -0 into 0.
    return { sum: String(Number(value) + Number(increment) + 0) };
  }
  const addend = parseLongDouble(increment);
  const current = parseLongDouble(value);
  if (current === null) return { failed: 'value' };
  if (addend === null) return { failed: 'increment' };
  const sum = addLongDouble(current, addend);
  if (sum === null || !isFiniteLongDouble(sum)) return { failed: 'not-finite' };
  return { sum: formatLongDouble(sum) };
}

/** At most 15 digits, perhaps after a minus: a double holds the number, and the sum of two. */
function isShortWholeNumber(text: string): boolean {
  const start = text.charCodeAt(0) === 0x2d ? 1 : 0;
  const digits = text.length - start;
  if (digits === 0 || digits > 15) return false;
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x30 || c > 0x39) return false;
  }
  return true;
}

function infinite(negative: boolean): LongDouble {
  return { negative, mantissa: 0n, exponent: Number.NaN };
}

/** strtold reports numbers out of range, and Redis refuses what it reports: infinities, and zero for what was not. */
function accepted(value: LongDouble | null): LongDouble | null {
  return value === null || !isFiniteLongDouble(value) ? null : value;
}

/** digits × 10^power, rounded; null if that is not zero but rounds to it. */
function fromDecimal(negative: boolean, digits: string, power: number): LongDouble | null {
  if (digits === '') return { negative, mantissa: 0n, exponent: 0 };
  // Far out of range: not worth computing a power of ten for.
  if (digits.length + power > 5000 || digits.length + power < -5000) return null;
  const value = BigInt(digits);
  if (power >= 0) return rounded(negative, value * 10n ** BigInt(power), 0, false);
  // Divide with so many bits that what is lost is below the rounding place; that it was lost is kept as `inexact`.
  const divisor = 10n ** BigInt(-power);
  const shift = Math.max(0, bitLength(divisor) - bitLength(value) + MANTISSA_BITS + 2);
  const numerator = value << BigInt(shift);
  const quotient = numerator / divisor;
  return rounded(negative, quotient, -shift, quotient * divisor !== numerator);
}

/** value × 2^exponent (and a bit more if `inexact`) to 64 bits; null if it is lost altogether. */
function rounded(negative: boolean, value: bigint, exponent: number, inexact: boolean): LongDouble | null {
  const drop = Math.max(bitLength(value) - MANTISSA_BITS, MIN_EXPONENT - exponent, 0);
  let mantissa = drop === 0 ? value : shiftedToEven(value, drop, inexact);
  let at = exponent + drop;
  if (mantissa >> BigInt(MANTISSA_BITS) !== 0n) {
    mantissa >>= 1n;
    at++;
  }
  if (mantissa === 0n) return null;
  if (at + bitLength(mantissa) > MAX_EXPONENT + MANTISSA_BITS) return infinite(negative);
  return { negative, mantissa, exponent: at };
}

/** value / 2^bits to the nearest whole number, ties to even; `inexact` says that the value is a bit more. */
function shiftedToEven(value: bigint, bits: number, inexact: boolean): bigint {
  const shift = BigInt(bits);
  const quotient = value >> shift;
  const rest = value - (quotient << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (inexact || (quotient & 1n) === 1n))) return quotient + 1n;
  return quotient;
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return value === 0n ? 0 : hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28;
}
