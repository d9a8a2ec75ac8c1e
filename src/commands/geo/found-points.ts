/**
 * What a search has found: columns of numbers instead of an object for each point. Members of a grown set stay where
 * they are, by the refs of their records; those of a listpack are copied one behind the other.
 *
 * Where only some of many are wanted, in order, a heap holds the distances of the best so far. What is farther than the
 * worst of them need not be added at all: that is `bound`.
 */
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import { sortIndexes } from './sort-indexes.ts';

/** Points up to which the columns are kept for the next search. */
const KEPT = 65536;
/** Up to so many wanted ones are picked by a heap. */
const HEAP_MAX = 4096;

export class FoundPoints {
  count = 0;
  /** Metres beyond which nothing is wanted any more. */
  bound = Number.POSITIVE_INFINITY;
  /** Metres from the centre of the area. */
  distances = new Float64Array(64);
  scores = new Float64Array(64);
  /** Of a grown set: the records. Else member i is in `#members` from `#places[i]` to `#places[i + 1]`. */
  #places = new Int32Array(65);
  #members = new Uint8Array(1024);
  #set: SortedSet | null = null;

  /** The best distances, worst on top; negative where the farthest are wanted. */
  #heap = new Float64Array(64);
  #heaped = 0;
  /** 0: there is no heap. */
  #wanted = 0;
  #descending = false;

  add(distance: number, score: number, bytes: Uint8Array, off: number, len: number): void {
    const i = this.count;
    this.addRef(distance, score, i === 0 ? 0 : this.#places[i]!);
    const at = this.#places[i]!;
    if (at + len > this.#members.length) this.#growMembers(at, len);
    copyBytes(bytes, off, len, this.#members, at);
    this.#places[i + 1] = at + len;
  }

  /** The same for a member of a grown set. */
  addRef(distance: number, score: number, ref: number): void {
    const i = this.count++;
    if (i === this.scores.length) this.#grow();
    this.distances[i] = distance;
    this.scores[i] = score;
    this.#places[i] = ref;
    if (this.#wanted > 0) this.#offer(this.#descending ? -distance : distance);
  }

  /**
   * Forgets what has been found; only columns of common size stay. The next search is one of `set`, or of a listpack,
   * `reach` metres around, and the first `wanted` of what it finds, by distance, are wanted (0: all).
   */
  reset(set: SortedSet | null, reach: number, wanted: number, descending: boolean): void {
    this.#set = set;
    this.count = 0;
    this.bound = reach;
    this.#heaped = 0;
    this.#wanted = wanted <= HEAP_MAX ? wanted : 0;
    this.#descending = descending;
    if (this.scores.length > KEPT) {
      this.distances = new Float64Array(64);
      this.scores = new Float64Array(64);
      this.#places = new Int32Array(65);
    }
    if (this.#members.length > KEPT * 16) this.#members = new Uint8Array(1024);
  }

  // Bytes, offset and length of member i.

  memberBytes(i: number): Uint8Array {
    return this.#set === null ? this.#members : this.#set.page(this.#places[i]!);
  }

  memberOffset(i: number): number {
    return this.#set === null ? this.#places[i]! : this.#set.memberOffset(this.#places[i]!);
  }

  memberLength(i: number): number {
    const place = this.#places[i]!;
    return this.#set === null ? this.#places[i + 1]! - place : this.#set.memberLength(place);
  }

  /**
   * The `wanted` nearest (or farthest), in order, as indexes; what is equally far stays in the order in which it was
   * found. Only those up to the distance of the last one wanted are sorted.
   */
  order(descending: boolean, wanted: number): Int32Array {
    const { distances, count } = this;
    const order = new Int32Array(count);
    let taken = 0;
    let from = Number.NEGATIVE_INFINITY;
    let to = Number.POSITIVE_INFINITY;
    if (wanted < count && this.#heaped === wanted) {
      if (descending) from = -this.#heap[0]!;
      else to = this.#heap[0]!;
    }
    for (let i = 0; i < count; i++) if (distances[i]! >= from && distances[i]! <= to) order[taken++] = i;
    return sortIndexes(order, taken, distances, descending);
  }

  /** Offers a distance to the heap. */
  #offer(distance: number): void {
    let heap = this.#heap;
    if (this.#heaped < this.#wanted) {
      if (this.#heaped === heap.length) {
        heap = grown(heap, heap.length * 2);
        this.#heap = heap;
      }
      let i = this.#heaped++;
      while (i > 0) {
        const above = (i - 1) >> 1;
        if (heap[above]! >= distance) break;
        heap[i] = heap[above]!;
        i = above;
      }
      heap[i] = distance;
    } else {
      if (distance >= heap[0]!) return;
      const end = this.#heaped;
      let i = 0;
      for (;;) {
        let below = i * 2 + 1;
        if (below >= end) break;
        if (below + 1 < end && heap[below + 1]! > heap[below]!) below++;
        if (heap[below]! <= distance) break;
        heap[i] = heap[below]!;
        i = below;
      }
      heap[i] = distance;
    }
    if (this.#heaped === this.#wanted && !this.#descending) this.bound = heap[0]!;
  }

  #grow(): void {
    const size = this.scores.length * 2;
    this.distances = grown(this.distances, size);
    this.scores = grown(this.scores, size);
    const places = new Int32Array(size + 1);
    places.set(this.#places);
    this.#places = places;
  }

  #growMembers(used: number, len: number): void {
    const members = new Uint8Array(this.#members.length * 2 + len);
    members.set(this.#members.subarray(0, used));
    this.#members = members;
  }
}

function grown(column: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size);
  larger.set(column);
  return larger;
}
