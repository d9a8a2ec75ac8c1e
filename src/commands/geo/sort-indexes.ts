/**
 * A merge sort of indexes by a column of numbers: stable, and without a comparator, which a typed array's own sort would
 * call at a cost far above that of the comparison.
 */

/** Runs of this length are sorted by insertion first. */
const RUN = 8;

/**
 * Sorts the first `count` indexes by their numbers, the smallest (or largest) first; equal ones stay as they are. Uses
 * `indexes` and gives back what holds the result: `indexes` or another array.
 */
export function sortIndexes(
  indexes: Int32Array,
  count: number,
  numbers: Float64Array,
  descending: boolean,
): Int32Array {
  // Keys move with their indexes: reading them through the index would wait for memory each time.
  const sign = descending ? -1 : 1;
  let keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = sign * numbers[indexes[i]!]!;
  for (let start = 0; start < count; start += RUN) {
    const end = Math.min(start + RUN, count);
    for (let i = start + 1; i < end; i++) {
      const key = keys[i]!;
      const index = indexes[i]!;
      let k = i;
      for (; k > start && keys[k - 1]! > key; k--) {
        keys[k] = keys[k - 1]!;
        indexes[k] = indexes[k - 1]!;
      }
      keys[k] = key;
      indexes[k] = index;
    }
  }
  if (count <= RUN) return indexes;
  let from = indexes;
  let to = new Int32Array(count);
  let keysTo = new Float64Array(count);
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += width * 2) {
      merge(
        from,
        keys,
        to,
        keysTo,
        start,
        Math.min(start + width, count),
        Math.min(start + width * 2, count),
      );
    }
    const source = from;
    const sourceKeys = keys;
    from = to;
    keys = keysTo;
    to = source as Int32Array<ArrayBuffer>;
    keysTo = sourceKeys;
  }
  return from;
}

/** Merges [start, middle) and [middle, end). */
function merge(
  from: Int32Array,
  keys: Float64Array,
  to: Int32Array,
  keysTo: Float64Array,
  start: number,
  middle: number,
  end: number,
): void {
  let a = start;
  let b = middle;
  for (let i = start; i < end; i++) {
    if (a < middle && (b >= end || keys[a]! <= keys[b]!)) {
      to[i] = from[a]!;
      keysTo[i] = keys[a++]!;
    } else {
      to[i] = from[b]!;
      keysTo[i] = keys[b++]!;
    }
  }
}
