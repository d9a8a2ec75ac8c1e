/*
 * How long a command takes, as a histogram that never forgets and never grows: INFO latencystats shows percentiles of
 * it, LATENCY HISTOGRAM its counts at powers of two. The buckets are those of upstream's (HdrHistogram of 1 ns to 1 s
 * with two significant digits), because they show: a latency of 1 µs prints as 1.003, the highest value that its
 * bucket stands for.
 *
 * Values are nanoseconds. Below 256 each has a bucket; above, every power of two is divided into 128 buckets of equal
 * width, so the relative error stays below 1/128. To record is one clz32 and two additions. What is longer than a
 * second counts as a second.
 */

const SUB_BUCKETS = 256;
const HALF_SHIFT = 7;
const HALF = SUB_BUCKETS / 2;
const MAX_NS = 1e9;
/** Up to the power of two that holds the maximum. */
const BUCKETS = 23;
const COUNTS = (BUCKETS + 1) * HALF;
/** LATENCY HISTOGRAM's first bound, in nanoseconds; each further one is twice the one before. */
const FIRST_BOUND_NS = 1024;

export class Histogram {
  /** Made with the first value: most commands are never called, and a table takes 24 kB. */
  #counts: Float64Array | null = null;
  #total = 0;

  /** How many values were recorded. */
  get total(): number {
    return this.#total;
  }

  /** Counts a duration in microseconds, `count` times. */
  record(us: number, count = 1): void {
    let counts = this.#counts;
    if (counts === null) {
      counts = new Float64Array(COUNTS);
      this.#counts = counts;
    }
    let ns = us * 1000;
    if (!(ns >= 1)) ns = 1;
    else if (ns > MAX_NS) ns = MAX_NS;
    counts[indexOf(ns | 0)]! += count;
    this.#total += count;
  }

  /** The duration in microseconds that `percent` of the values do not exceed; 0 when there are none. */
  percentile(percent: number): number {
    const counts = this.#counts;
    if (counts === null || this.#total === 0) return 0;
    const wanted = Math.max(1, Math.floor((Math.min(percent, 100) / 100) * this.#total + 0.5));
    let seen = 0;
    for (let i = 0; i < COUNTS; i++) {
      seen += counts[i]!;
      if (seen >= wanted) return (percent === 0 ? lowestOf(i) : highestOf(i)) / 1000;
    }
    return 0;
  }

  /**
   * Calls `visit` with each power of two (in whole microseconds) under which new values lie, and with how many values
   * lie under it altogether.
   */
  visitPowersOfTwo(visit: (us: number, cumulative: number) => void): void {
    const counts = this.#counts;
    if (counts === null) return;
    let seen = 0;
    let shown = 0;
    let at = 0;
    for (let bound = FIRST_BOUND_NS; bound < MAX_NS && seen < this.#total; bound *= 2) {
      // The bucket that starts at the bound is counted with it.
      const last = indexOf(bound);
      while (at <= last) seen += counts[at++]!;
      if (seen > shown) visit(Math.floor(highestOf(last) / 1000), seen);
      shown = seen;
    }
    // The last bound ends with the table, below the power of two.
    if (seen < this.#total) visit(Math.floor(highestOf(COUNTS - 1) / 1000), this.#total);
  }

  /** Forgets everything (CONFIG RESETSTAT). */
  reset(): void {
    this.#counts = null;
    this.#total = 0;
  }
}

function indexOf(ns: number): number {
  const shift = 24 - Math.clz32(ns | (SUB_BUCKETS - 1));
  return (shift << HALF_SHIFT) + (ns >> shift);
}

function lowestOf(index: number): number {
  const shift = shiftOf(index);
  return (index - (shift << HALF_SHIFT)) << shift;
}

function highestOf(index: number): number {
  return lowestOf(index) + (1 << shiftOf(index)) - 1;
}

function shiftOf(index: number): number {
  return index < SUB_BUCKETS ? 0 : (index >> HALF_SHIFT) - 1;
}
