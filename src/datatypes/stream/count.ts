/**
 * Counters that clients may set to any 64-bit integer (entries-added, entries-read): numbers while they are safe,
 * BigInts beyond.
 */
export type Count = number | bigint;

export function countOf(value: bigint): Count {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}

/** a + b, wrapping around as a signed 64-bit integer. */
export function plus(a: Count, b: Count): Count {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return countOf(BigInt.asIntN(64, BigInt(a) + BigInt(b)));
}

export function minus(a: Count, b: Count): Count {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return countOf(BigInt.asIntN(64, BigInt(a) - BigInt(b)));
}
