/**
 * The order that SORT puts elements in: a stable sort of (key, index) pairs in typed arrays.
 *
 * A key is a double. Sorting by numbers it is the number; sorting by bytes, the first six of them, which decide most
 * comparisons without a look at the text. Where keys are equal, `tie` decides.
 *
 * Few keys are merged from the bottom up. Many are sorted by the digits of their bits (LSD radix sort, 11 bits at a
 * time, digits that all keys share left out), which for 100,000 numbers takes a fifth of the time, since it does not
 * branch on what it compares; then the runs of equal keys are merged by `tie`. Where LIMIT wants only the first of
 * many, the others are left out before.
 *
 * Redis sorts the same way by qsort, which is a merge sort in glibc; only for BY with a LIMIT it has an unstable sort,
 * so that elements of equal weight may come in another order there.
 */
const RUN = 8;
/** From so many keys on the digits are worth counting. */
const RADIX_MIN = 600;
/** With less than a share of one in so many wanted, they are sought out first. */
const FEW_SHARE = 8;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const DIGIT_MASK = DIGITS - 1;
/** Three digits for each half of a double's bits. */
const PASSES = 6;
const SIGN_BIT = 0x80000000;

/** Compares two elements whose keys are equal. */
export type Tie = (a: number, b: number) => number;

const counts = new Uint32Array(DIGITS * PASSES);

/**
 * The indexes 0 ... count - 1 of the keys in their order, ascending or descending; at least the first `wanted` of them.
 * Uses up the keys.
 */
export function orderOfKeys(
  keys: Float64Array,
  count: number,
  tie: Tie,
  descending: boolean,
  wanted = count,
): Int32Array {
  // Descending is ascending with all signs turned, ties included: what is equal keeps its order in both.
  const sign = descending ? -1 : 1;
  if (descending) for (let i = 0; i < count; i++) keys[i] = -keys[i]!;
  const order = new Int32Array(count);
  let taken = 0;
  if (wanted > 0 && isFew(wanted, count)) {
    // Of few, only those up to the greatest key that is wanted are sorted.
    const greatest = kthSmallest(keys.slice(0, count), wanted - 1);
    for (let i = 0; i < count; i++) {
      if (keys[i]! > greatest) continue;
      keys[taken] = keys[i]!;
      order[taken++] = i;
    }
  } else for (; taken < count; taken++) order[taken] = taken;
  if (taken < RADIX_MIN) return mergeSort(keys, order, taken, tie, sign);
  return radixSort(keys, order, taken, tie, sign);
}

/** Whether so many of the first elements are few enough to be sought out before they are sorted. */
export function isFew(wanted: number, count: number): boolean {
  return count > RADIX_MIN && wanted * FEW_SHARE < count;
}

/** The value that has `k` values before it in ascending order (Hoare's quickselect). Reorders the values. */
export function kthSmallest(values: Float64Array, k: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = middleOf(values[low]!, values[(low + high) >>> 1]!, values[high]!);
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else return values[k]!;
  }
  return values[k]!;
}

function middleOf(a: number, b: number, c: number): number {
  if (a < b) return b < c ? b : Math.max(a, c);
  return a < c ? a : Math.max(b, c);
}

function radixSort(keys: Float64Array, order: Int32Array, count: number, tie: Tie, sign: number): Int32Array {
  let low = new Uint32Array(count);
  let high = new Uint32Array(count);
  counts.fill(0);
  // Zero has one sign here, as it has when doubles are compared.
  for (let i = 0; i < count; i++) keys[i] = keys[i]! + 0;
  const bits = new Uint32Array(keys.buffer, keys.byteOffset, count * 2);
  for (let i = 0; i < count; i++) {
    let lo = bits[i * 2]!;
    let hi = bits[i * 2 + 1]!;
    // As unsigned integers these are in the order of the doubles.
    if (hi >= SIGN_BIT) {
      hi = ~hi >>> 0;
      lo = ~lo >>> 0;
    } else hi = (hi | SIGN_BIT) >>> 0;
    low[i] = lo;
    high[i] = hi;
    counts[lo & DIGIT_MASK]!++;
    counts[DIGITS + ((lo >>> DIGIT_BITS) & DIGIT_MASK)]!++;
    counts[DIGITS * 2 + (lo >>> (DIGIT_BITS * 2))]!++;
    counts[DIGITS * 3 + (hi & DIGIT_MASK)]!++;
    counts[DIGITS * 4 + ((hi >>> DIGIT_BITS) & DIGIT_MASK)]!++;
    counts[DIGITS * 5 + (hi >>> (DIGIT_BITS * 2))]!++;
  }
  let from = order;
  let to: Int32Array = new Int32Array(count);
  let toLow = new Uint32Array(count);
  let toHigh = new Uint32Array(count);
  for (let pass = 0; pass < PASSES; pass++) {
    const digits = pass < 3 ? low : high;
    const shift = (pass % 3) * DIGIT_BITS;
    const base = pass * DIGITS;
    if (counts[base + ((digits[0]! >>> shift) & DIGIT_MASK)] === count) continue;
    startsOf(base);
    for (let i = 0; i < count; i++) {
      const at = counts[base + ((digits[i]! >>> shift) & DIGIT_MASK)]!++;
      toLow[at] = low[i]!;
      toHigh[at] = high[i]!;
      to[at] = from[i]!;
    }
    [low, toLow] = [toLow, low];
    [high, toHigh] = [toHigh, high];
    [from, to] = [to, from as Int32Array<ArrayBuffer>];
  }
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && low[end] === low[start] && high[end] === high[start]) end++;
    if (end - start > 1) sortTies(from, start, end, tie, sign);
    start = end;
  }
  return from;
}

/** From how often each digit occurs to where its first key goes. */
function startsOf(base: number): void {
  let at = 0;
  for (let digit = base; digit < base + DIGITS; digit++) {
    const here = counts[digit]!;
    counts[digit] = at;
    at += here;
  }
}

/** Puts elements with one key in the order of `tie`. */
function sortTies(order: Int32Array, start: number, end: number, tie: Tie, sign: number): void {
  const count = end - start;
  const run = order.slice(start, end);
  order.set(mergeSort(new Float64Array(count), run, count, tie, sign), start);
}

function mergeSort(keys: Float64Array, order: Int32Array, count: number, tie: Tie, sign: number): Int32Array {
  for (let start = 0; start < count; start += RUN) {
    const end = Math.min(start + RUN, count);
    for (let i = start + 1; i < end; i++) {
      const key = keys[i]!;
      const index = order[i]!;
      let j = i - 1;
      while (j >= start && (key < keys[j]! || (key === keys[j] && tie(index, order[j]!) * sign < 0))) {
        keys[j + 1] = keys[j]!;
        order[j + 1] = order[j]!;
        j--;
      }
      keys[j + 1] = key;
      order[j + 1] = index;
    }
  }
  if (count <= RUN) return order;
  let fromKeys = keys;
  let from = order;
  let toKeys: Float64Array = new Float64Array(count);
  let to: Int32Array = new Int32Array(count);
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += width * 2) {
      merge(fromKeys, from, toKeys, to, start, width, count, tie, sign);
    }
    [fromKeys, toKeys] = [toKeys, fromKeys];
    [from, to] = [to, from];
  }
  return from;
}

function merge(
  fromKeys: Float64Array,
  from: Int32Array,
  toKeys: Float64Array,
  to: Int32Array,
  start: number,
  width: number,
  count: number,
  tie: Tie,
  sign: number,
): void {
  const middle = Math.min(start + width, count);
  const end = Math.min(middle + width, count);
  let a = start;
  let b = middle;
  let k = start;
  while (a < middle && b < end) {
    const keyA = fromKeys[a]!;
    const keyB = fromKeys[b]!;
    if (keyB < keyA || (keyB === keyA && tie(from[b]!, from[a]!) * sign < 0)) {
      toKeys[k] = keyB;
      to[k++] = from[b++]!;
    } else {
      toKeys[k] = keyA;
      to[k++] = from[a++]!;
    }
  }
  for (; a < middle; a++, k++) {
    toKeys[k] = fromKeys[a]!;
    to[k] = from[a]!;
  }
  for (; b < end; b++, k++) {
    toKeys[k] = fromKeys[b]!;
    to[k] = from[b]!;
  }
}
