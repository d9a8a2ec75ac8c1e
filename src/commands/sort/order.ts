/**
 * The order that SORT puts elements in: a stable merge sort from the bottom up over (key, index) pairs in typed arrays.
 *
 * A key is a double. Sorting by numbers it is the number; sorting by bytes, the first six of them, which decide most
 * comparisons without a look at the text. Where keys are equal, `tie` decides. Redis sorts the same way by qsort, which
 * is a merge sort in glibc; only for BY with a LIMIT it has an unstable sort, so that elements of equal weight may come
 * in another order there.
 */
const RUN = 8;

/** Compares two elements whose keys are equal. */
export type Tie = (a: number, b: number) => number;

/** Sorts the first `count` keys, ascending or descending, and with them `order`: the indexes that ties are told. */
export function sortByKeys(
  keys: Float64Array,
  order: Int32Array,
  count: number,
  tie: Tie,
  descending: boolean,
): Int32Array {
  // Descending is ascending with all signs turned, ties included: what is equal keeps its order in both.
  const sign = descending ? -1 : 1;
  if (descending) for (let i = 0; i < count; i++) keys[i] = -keys[i]!;
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
    const keysWere = fromKeys;
    const indexesWere = from;
    fromKeys = toKeys;
    from = to;
    toKeys = keysWere;
    to = indexesWere;
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
