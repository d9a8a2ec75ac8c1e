/*
 * Numbers to digits and back, on bytes, by Redis's rules. INCR, lengths and every integer reply pass through here, so
 * the integer half allocates nothing and stays within doubles; a bigint appears only past 2^53, where a double would
 * begin to lie about 64-bit values.
 *
 * Integers are strict: an optional minus, no plus, no leading zero, no space, nothing after the digits, and `-0` is
 * not one. The text of an integer is then canonical (it can be stored as a number and printed again unchanged), which
 * is why the same rule decides the `int` encoding.
 *
 * Doubles are read as C's strtod reads them (hexadecimal floats and `infinity` included) with Redis's conditions on
 * top, and printed in two ways:
 *   - formatDouble: what 7.2 prints. The shortest digits that read back the same, laid out as its fpconv does: see
 *     there, since it differs from JavaScript's in when an exponent is used. Upstream generates its digits with
 *     Grisu2, which misses the shortest form for about one number in a thousand; ours are always the shortest.
 *   - formatDouble17: what 7.0 and older print, C's %.17g.
 */

const ZERO = 0x30;
const MINUS = 0x2d;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** More than the longest text of a 64-bit integer, its sign included. */
export const MAX_INT64_LENGTH = 20;

/**
 * The integer written in `len` bytes of `buf` from `off`, or NaN if they are not the canonical text of an integer
 * within ±(2^53 - 1). NaN does not mean that it is no 64-bit integer: ask parseInt64Big then.
 */
export function parseSafeInt(buf: Uint8Array, off: number, len: number): number {
  // 2^53 - 1 has 16 digits.
  if (len === 0 || len > 17) return Number.NaN;
  const end = off + len;
  const negative = buf[off] === MINUS;
  let i = negative ? off + 1 : off;
  if (i === end) return Number.NaN;
  const first = buf[i++]! - ZERO;
  if (first <= 0 || first > 9) return first === 0 && len === 1 ? 0 : Number.NaN;
  // Nine digits fit an int32, whose arithmetic is cheaper; the rest goes on in a double.
  let head = first;
  const headEnd = end - i > 8 ? i + 8 : end;
  while (i < headEnd) {
    const digit = buf[i++]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    head = (head * 10 + digit) | 0;
  }
  if (i === end) return negative ? -head : head;
  let value = head;
  while (i < end) {
    const digit = buf[i++]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  // 17 digits may round, but never down to something that passes.
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

/** The same for the whole range of a signed 64-bit integer, or null. */
export function parseInt64Big(buf: Uint8Array, off: number, len: number): bigint | null {
  if (!isIntegerText(buf, off, len)) return null;
  let text = '';
  for (let i = off, end = off + len; i < end; i++) text += String.fromCharCode(buf[i]!);
  const value = BigInt(text);
  return value < INT64_MIN || value > INT64_MAX ? null : value;
}

/** The integer written in `len` bytes within 0 … 2^64 - 1 (as in cursors and unsigned counters), or null. */
export function parseUint64Big(buf: Uint8Array, off: number, len: number): bigint | null {
  if (!isIntegerText(buf, off, len) || buf[off] === MINUS) return null;
  let text = '';
  for (let i = off, end = off + len; i < end; i++) text += String.fromCharCode(buf[i]!);
  const value = BigInt(text);
  return value >= 2n ** 64n ? null : value;
}

/** Whether the bytes are the canonical text of a signed 64-bit integer: what is encoded as `int`. */
export function isCanonicalInt64(buf: Uint8Array, off: number, len: number): boolean {
  if (!isIntegerText(buf, off, len)) return false;
  const negative = buf[off] === MINUS;
  const digits = negative ? len - 1 : len;
  if (digits < 19) return true;
  if (digits > 19) return false;
  // Nineteen digits: compare with 9223372036854775807 (or …808) from the left.
  const first = negative ? off + 1 : off;
  for (let i = 0; i < 18; i++) {
    const difference = buf[first + i]! - INT64_MAX_DIGITS[i]!;
    if (difference !== 0) return difference < 0;
  }
  return buf[first + 18]! <= ZERO + (negative ? 8 : 7);
}

const INT64_MAX_DIGITS = Uint8Array.from('9223372036854775807', (digit) => digit.charCodeAt(0));

/** An optional minus and up to twenty digits that do not start with zero; or `0`. */
function isIntegerText(buf: Uint8Array, off: number, len: number): boolean {
  if (len === 0 || len > MAX_INT64_LENGTH) return false;
  const end = off + len;
  let i = buf[off] === MINUS ? off + 1 : off;
  if (i === end) return false;
  const first = buf[i++]!;
  if (first <= ZERO || first > ZERO + 9) return first === ZERO && len === 1;
  while (i < end) {
    const byte = buf[i++]!;
    if (byte < ZERO || byte > ZERO + 9) return false;
  }
  return true;
}

/** How many bytes writeInt writes for the safe integer `n`. */
export function digitsOf(n: number): number {
  if (n < 0) return digitsOf(-n) + 1;
  if (n < 0x80000000) return digitsOfInt32(n | 0);
  if (n < 1e10) return 10;
  let count = 11;
  for (let limit = 1e11; n >= limit; limit *= 10) count++;
  return count;
}

function digitsOfInt32(n: number): number {
  if (n < 10000) return n < 100 ? (n < 10 ? 1 : 2) : n < 1000 ? 3 : 4;
  if (n < 100000000) return n < 1000000 ? (n < 100000 ? 5 : 6) : n < 10000000 ? 7 : 8;
  return n < 1000000000 ? 9 : 10;
}

/** Writes the decimal text of the safe integer `n` at `pos`; returns the position after it. Room is the caller's. */
export function writeInt(buf: Uint8Array, pos: number, n: number): number {
  if (n < 0) {
    buf[pos++] = MINUS;
    n = -n;
  }
  if (n < 10) {
    buf[pos] = ZERO + n;
    return pos + 1;
  }
  if (n < 0x80000000) {
    const small = n | 0;
    const end = pos + digitsOfInt32(small);
    writeDigits(buf, pos, end, small);
    return end;
  }
  // Doubles divide slowly: nine digits at a time are taken off and written as an int32.
  const end = pos + digitsOf(n);
  let at = end;
  while (n >= 1e9) {
    const rest = Math.floor(n / 1e9);
    writeDigits(buf, at - 9, at, (n - rest * 1e9) | 0);
    at -= 9;
    n = rest;
  }
  writeDigits(buf, pos, at, n | 0);
  return end;
}

/** Fills the bytes from `start` to `end` with the last digits of a non-negative int32, zeros in front. */
function writeDigits(buf: Uint8Array, start: number, end: number, n: number): void {
  while (end > start) {
    const tenth = (n / 10) | 0;
    buf[--end] = ZERO + n - tenth * 10;
    n = tenth;
  }
}

/** Writes a 64-bit integer that need not be safe; returns the position after it. */
export function writeInt64(buf: Uint8Array, pos: number, n: bigint): number {
  const text = n.toString();
  for (let i = 0; i < text.length; i++) buf[pos++] = text.charCodeAt(i);
  return pos;
}

// Written so that no text of any length makes them go back more than once.
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/**
 * The double that Redis reads from a score, a timeout or a config value; NaN if it refuses the text, which it does
 * also for `nan` itself and for numbers too large or too small for a double (but not for subnormal ones).
 */
export function parseDouble(text: string): number {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (value === 0) return /^[^e]*[1-9]/i.test(text) ? Number.NaN : value;
    return Number.isFinite(value) ? value : Number.NaN;
  }
  if (INFINITE.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const hex = HEXADECIMAL.exec(text);
  return hex === null ? Number.NaN : parseHexDouble(hex[1]!, hex[2]!, hex[3] ?? '', hex[4] ?? '0');
}

function parseHexDouble(sign: string, whole: string, fraction: string, exponentText: string): number {
  if (whole.length + fraction.length === 0) return Number.NaN;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return sign === '-' ? -0 : 0;
  let exponent = Number(exponentText) - 4 * fraction.length;
  let mantissa = BigInt(`0x${digits}`);
  // Rounding must happen once, at the place where the double's last bit is, which is further left for subnormals.
  const bits = mantissa.toString(2).length;
  if (exponent + bits > 1024 || exponent + bits < -1080) return Number.NaN;
  const lastBit = Math.max(exponent + bits - 53, -1074);
  if (lastBit > exponent) {
    const drop = BigInt(lastBit - exponent);
    const half = 1n << (drop - 1n);
    const rest = mantissa & ((1n << drop) - 1n);
    mantissa >>= drop;
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++;
    exponent = lastBit;
  }
  if (mantissa === 0n) return Number.NaN;
  // In two steps, since 2^-1074 times a mantissa would lose nothing but 2 ** -1074 alone may be out of range.
  const value = Number(mantissa) * 2 ** Math.ceil(exponent / 2) * 2 ** Math.floor(exponent / 2);
  if (!Number.isFinite(value)) return Number.NaN;
  return sign === '-' ? -value : value;
}

/**
 * The text of a double as Redis 7.2 prints it. Whole numbers up to 2^52 are plain. Otherwise, with the digits
 * d1…dn and the power of ten K of the last of them:
 *   - whole numbers are plain while fewer than 8 zeros follow the digits (JavaScript: up to 21 places);
 *   - fractions are plain with at most 6 decimals, or while the number lies between 1e-3 and 1e4
 *     (so 12345.6789012 is 1.23456789012e+4, where JavaScript would print it plain);
 *   - all else is d1.d2…dne±X. `-0` keeps its sign.
 */
export function formatDouble(n: number): string {
  if (!Number.isFinite(n)) return nonFiniteText(n);
  if (n === 0) return Object.is(n, -0) ? '-0' : '0';
  if (Number.isInteger(n) && Math.abs(n) <= 2 ** 52) return `${n}`;
  const scientific = Math.abs(n).toExponential();
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  const digits = scientific[0]! + scientific.slice(2, e);
  const count = digits.length;
  const lastPower = exponent - count + 1;
  const sign = n < 0 ? '-' : '';
  if (lastPower >= 0 && lastPower < 8) return sign + digits + '0'.repeat(lastPower);
  if (lastPower < 0 && (lastPower > -7 || Math.abs(exponent) < 4)) {
    const whole = count + lastPower;
    if (whole <= 0) return `${sign}0.${'0'.repeat(-whole)}${digits}`;
    return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
  }
  return `${sign}${scientific}`;
}

/** Room that writeDouble may need. */
export const MAX_DOUBLE_LENGTH = 32;

/** Writes what formatDouble returns at `pos`; returns the position after it. Whole numbers allocate nothing. */
export function writeDouble(buf: Uint8Array, pos: number, n: number): number {
  if (n === (n | 0) && (n !== 0 || 1 / n > 0)) return writeInt(buf, pos, n);
  if (Number.isSafeInteger(n) && n !== 0 && n <= 2 ** 52 && n >= -(2 ** 52)) return writeInt(buf, pos, n);
  const text = plainDouble(n);
  for (let i = 0; i < text.length; i++) buf[pos++] = text.charCodeAt(i);
  return pos;
}

/** formatDouble by way of JavaScript's own text, which costs half as much where both say the same. */
function plainDouble(n: number): string {
  const size = Math.abs(n);
  if (size >= 1e-3 && size < 1e4) return `${n}`;
  return formatDouble(n);
}

/**
 * parseDouble on bytes: numbers of up to 15 digits, which a double holds exactly, are read without making a text of
 * them (a division by a power of ten up to 10^22 rounds once, so it is right).
 */
export function parseDoubleBytes(buf: Uint8Array, off: number, len: number): number {
  const end = off + len;
  let i = off;
  const sign = buf[i];
  if (sign === MINUS || sign === PLUS) i++;
  let value = 0;
  let digits = 0;
  let decimals = -1;
  for (; i < end; i++) {
    const digit = buf[i]! - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (++digits > 15) return parseDouble(latin1Text(buf, off, len));
      value = value * 10 + digit;
      if (decimals >= 0) decimals++;
    } else if (digit === POINT - ZERO && decimals < 0) decimals = 0;
    else return parseDouble(latin1Text(buf, off, len));
  }
  if (digits === 0) return Number.NaN;
  if (decimals > 0) value /= POWERS_OF_TEN[decimals]!;
  return sign === MINUS ? -value : value;
}

const PLUS = 0x2b;
const POINT = 0x2e;
const POWERS_OF_TEN = Float64Array.from({ length: 16 }, (_, i) => 10 ** i);

function latin1Text(buf: Uint8Array, off: number, len: number): string {
  let text = '';
  for (let i = off, end = off + len; i < end; i++) text += String.fromCharCode(buf[i]!);
  return text;
}

/** The text of a double as Redis up to 7.0 prints it: plain whole numbers up to 2^52, else C's `%.17g`. */
export function formatDouble17(n: number): string {
  if (!Number.isFinite(n)) return nonFiniteText(n);
  if (n === 0) return Object.is(n, -0) ? '-0' : '0';
  if (Number.isInteger(n) && Math.abs(n) <= 2 ** 52) return `${n}`;
  const scientific = toSeventeenDigits(Math.abs(n));
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  const digits = (scientific[0]! + scientific.slice(2, e)).replace(/0+$/, '');
  const sign = n < 0 ? '-' : '';
  if (exponent < -4 || exponent >= 17) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** toExponential(16), but a tie goes to the even digit, as in C; JavaScript takes the larger. */
function toSeventeenDigits(n: number): string {
  const exact = /^(.{17}[02468])50*(e.*)$/.exec(n.toExponential(60));
  return exact === null ? n.toExponential(16) : `${exact[1]}${exact[2]}`;
}

function nonFiniteText(n: number): string {
  if (Number.isNaN(n)) return 'nan';
  return n < 0 ? '-inf' : 'inf';
}
