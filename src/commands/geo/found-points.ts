/**
 * What a search has found: columns of numbers and the members one behind the other, instead of an object for each.
 */
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
    this.members.set(bytes.subarray(off, off + len), this.#bytes);
    this.#bytes += len;
    this.ends[i] = this.#bytes;
  }

  memberOffset(i: number): number {
    return i === 0 ? 0 : this.ends[i - 1]!;
  }

  memberLength(i: number): number {
    return this.ends[i]! - this.memberOffset(i);
  }

  /** Indexes by distance; what is equally far stays in the order in which it was found. */
  order(descending: boolean): Uint32Array {
    const { distances, count } = this;
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
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
