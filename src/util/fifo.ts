/**
 * A first-in, first-out queue on a ring that doubles when it is full, so that push and shift neither move elements
 * nor allocate. A ring that a burst made large is let go when the queue has run empty.
 */

const INITIAL_CAPACITY = 16;
/** A ring up to this size is kept for the next burst. */
const KEPT_CAPACITY = 1024;

export class Fifo<T> {
  #ring: (T | undefined)[] = new Array(INITIAL_CAPACITY).fill(undefined);
  /** Capacity minus one; the capacity is a power of two. */
  #mask = INITIAL_CAPACITY - 1;
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length > this.#mask) this.#grow();
    this.#ring[(this.#head + this.#length) & this.#mask] = item;
    this.#length++;
  }

  /** Puts an item before all others. */
  unshift(item: T): void {
    if (this.#length > this.#mask) this.#grow();
    this.#head = (this.#head - 1) & this.#mask;
    this.#ring[this.#head] = item;
    this.#length++;
  }

  /** Takes the oldest item; undefined when there is none. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const head = this.#head;
    const item = this.#ring[head];
    this.#ring[head] = undefined;
    this.#head = (head + 1) & this.#mask;
    if (--this.#length === 0 && this.#mask >= KEPT_CAPACITY) this.clear();
    return item;
  }

  /** The oldest item, which stays. */
  peek(): T | undefined {
    return this.#ring[this.#head];
  }

  /** The item that `index` shifts would leave at the head; undefined beyond the end. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#ring[(this.#head + index) & this.#mask];
  }

  clear(): void {
    this.#ring = new Array(INITIAL_CAPACITY).fill(undefined);
    this.#mask = INITIAL_CAPACITY - 1;
    this.#head = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#length; i++) yield this.at(i) as T;
  }

  #grow(): void {
    const old = this.#ring;
    const capacity = old.length * 2;
    const ring: (T | undefined)[] = new Array(capacity).fill(undefined);
    for (let i = 0; i < this.#length; i++) ring[i] = old[(this.#head + i) & this.#mask];
    this.#ring = ring;
    this.#mask = capacity - 1;
    this.#head = 0;
  }
}
