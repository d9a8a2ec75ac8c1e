/**
 * Time and chance of a simulation: things happen in the order of their moments, and nothing else makes the clock go.
 * The same seed gives the same world, to the last event.
 */
import { type Random, randomBelow, seededRandom } from '../../src/util/random.ts';

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  readonly random: Random;
  /** Virtual ms since the world began. */
  now = 0;
  /** Takes the lines of the trace; null: nobody reads it. */
  readonly trace: ((line: string) => void) | null;
  readonly #heap: Happening[] = [];
  #order = 0;

  constructor(seed: number, trace: ((line: string) => void) | null = null) {
    this.random = seededRandom(seed);
    this.trace = trace;
  }

  after(delayMs: number, run: () => void): void {
    this.#push({ at: this.now + delayMs, order: this.#order++, run });
  }

  at(moment: number, run: () => void): void {
    this.#push({ at: moment < this.now ? this.now : moment, order: this.#order++, run });
  }

  /** Runs all that happens up to a moment. */
  runUntil(moment: number): void {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0]!.at <= moment) {
      const next = this.#pop();
      this.now = next.at;
      next.run();
    }
    this.now = moment;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return randomBelow(this.random, n) === 0;
  }

  chance(probability: number): boolean {
    return this.random.float() < probability;
  }

  below(n: number): number {
    return randomBelow(this.random, n);
  }

  between(low: number, high: number): number {
    return low + this.random.float() * (high - low);
  }

  pick<T>(list: readonly T[]): T {
    return list[randomBelow(this.random, list.length)]!;
  }

  /** A line of the trace; ask `trace` first where making the text costs. */
  tell(line: string): void {
    this.trace?.(`${(this.now / 1000).toFixed(3).padStart(9)} ${line}`);
  }

  #push(item: Happening): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent]!;
      if (above.at < item.at || (above.at === item.at && above.order < item.order)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = item;
  }

  #pop(): Happening {
    const heap = this.#heap;
    const top = heap[0]!;
    const item = heap.pop()!;
    const { length } = heap;
    if (length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      const right = child + 1;
      if (right < length && before(heap[right]!, heap[child]!)) child = right;
      if (!before(heap[child]!, item)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = item;
    return top;
  }
}

function before(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
