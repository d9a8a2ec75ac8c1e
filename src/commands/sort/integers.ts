/**
 * SORT of a list or an intset of nothing but integers, which is what most lists to be sorted are: equal elements have
 * equal texts then, so the values alone are sorted, and written out again.
 */
import type { Database } from '../../keyspace/database.ts';
import { SET_INTSET, TYPE_LIST, TYPE_SET } from '../../keyspace/entry.ts';
import type { LpElement } from '../../structures/listpack.ts';
import { writeInt } from '../../util/number-text.ts';
import { listEach } from '../../values/list.ts';
import type { SetValue } from '../../values/set.ts';
import { isFew, kthSmallest } from './order.ts';

/**
 * The values in ascending order; null if some element is no integer, or one that a double does not hold. Where only
 * `wanted` are, from the least or (descending) the greatest on, others may be missing.
 */
export function sortedIntegers(
  db: Database,
  ref: number,
  type: number,
  size: number,
  set: SetValue,
  wanted: number,
  descending: boolean,
): Float64Array | null {
  const isIntset = type === TYPE_SET && set.form === SET_INTSET;
  if (ref === 0 || (type !== TYPE_LIST && !isIntset)) return null;
  const values = new Float64Array(size);
  let count = 0;
  const take = (element: LpElement): boolean => {
    if (!element.isInt || !Number.isSafeInteger(element.int)) return false;
    values[count++] = element.int;
    return true;
  };
  if (type === TYPE_LIST) listEach(db, ref, take);
  else {
    set.rewind();
    while (set.next() && take(set.member));
  }
  if (count < size) return null;
  if (isIntset) return values;
  return wanted > 0 && isFew(wanted, size) ? outermost(values, wanted, descending).sort() : values.sort();
}

/** The values up to the one that is wanted last. */
function outermost(values: Float64Array, wanted: number, descending: boolean): Float64Array {
  const last = kthSmallest(values.slice(), descending ? values.length - wanted : wanted - 1);
  return values.filter((value) => (descending ? value >= last : value <= last));
}

const digits = new Uint8Array(24);

/** Hands over the values from `start` up to `end`, counted from the greatest when descending. */
export function writeIntegers(
  values: Float64Array,
  start: number,
  end: number,
  descending: boolean,
  out: { bulk(src: Uint8Array, off: number, len: number): void },
): void {
  const last = values.length - 1;
  for (let i = start; i < end; i++) {
    out.bulk(digits, 0, writeInt(digits, 0, values[descending ? last - i : i]!));
  }
}
