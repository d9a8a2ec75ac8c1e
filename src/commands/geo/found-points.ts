/**
 * What a search has found: columns of numbers and the members one behind the other, instead of an object for each.
 */
import { copyBytes } from '../../util/copy-bytes.ts';

/** Points up to which the columns are kept for the next search. */
const KEPT = 65536;

export class FoundPoints {
  count = 0;
  /** Metres from the centre of the area. */
  distances = new Float64Array(64);
  scores = new Float64Array(64);
  longitudes = new Float64Array(64);
  latitudes = new Float64Array(64);
  /** Member i is `members` from `ends[i - 1]` to `ends[i]`. */
  ends = new Int32Array(64);
  members = new Uint8Array(1024);
  #bytes = 0;

  add(
    distance: number,
    score: number,
    longitude: number,
    latitude: number,
    bytes: Uint8Array,
    off: number,
    len: number,
  ): void {
    const i = this.count++;
    if (i === this.scores.length) this.#grow();
    if (this.#bytes + len > this.members.length) this.#growMembers(len);
    this.distances[i] = distance;
    this.scores[i] = score;
    this.longitudes[i] = longitude;
    this.latitudes[i] = latitude;
    copyBytes(bytes, off, len, this.members, this.#bytes);
    this.#bytes += len;
    this.ends[i] = this.#bytes;
  }

  /** Forgets what has been found; only columns of common size stay. */
  reset(): void {
    this.count = 0;
    this.#bytes = 0;
    if (this.scores.length > KEPT) {
      this.distances = new Float64Array(64);
      this.scores = new Float64Array(64);
      this.longitudes = new Float64Array(64);
      this.latitudes = new Float64Array(64);
      this.ends = new Int32Array(64);
    }
    if (this.members.length > KEPT * 16) this.members = new Uint8Array(1024);
  }

  memberOffset(i: number): number {
    return i === 0 ? 0 : this.ends[i - 1]!;
  }

  memberLength(i: number): number {
    return this.ends[i]! - this.memberOffset(i);
  }

  /**
   * The `wanted` nearest (or farthest), in order, as indexes; what is equally far stays in the order in which it was
   * found. Of many only those up to the distance of the last one wanted are compared one by one: typed arrays sort
   * numbers without a comparator ten times as fast.
   */
  order(descending: boolean, wanted: number): Uint32Array {
    const { distances, count } = this;
    let order = new Uint32Array(count);
    let taken = 0;
    let from = Number.NEGATIVE_INFINITY;
    let to = Number.POSITIVE_INFINITY;
    if (wanted * 4 < count) {
      const sorted = distances.slice(0, count).sort();
      if (descending) from = sorted[count - wanted]!;
      else to = sorted[wanted - 1]!;
    }
    for (let i = 0; i < count; i++) if (distances[i]! >= from && distances[i]! <= to) order[taken++] = i;
    if (taken < count) order = order.subarray(0, taken);
    return order.sort(
      descending ? (a, b) => distances[b]! - distances[a]! : (a, b) => distances[a]! - distances[b]!,
    );
  }

  #grow(): void {
    const size = this.scores.length * 2;
    this.distances = grown(this.distances, size);
    this.scores = grown(this.scores, size);
    this.longitudes = grown(this.longitudes, size);
    this.latitudes = grown(this.latitudes, size);
    const ends = new Int32Array(size);
    ends.set(this.ends);
    this.ends = ends;
  }

  #growMembers(len: number): void {
    const members = new Uint8Array(this.members.length * 2 + len);
    members.set(this.members);
    this.members = members;
  }
}

function grown(column: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size);
  larger.set(column);
  return larger;
}
