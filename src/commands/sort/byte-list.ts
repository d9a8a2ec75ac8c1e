/**
 * Many runs of bytes in one buffer: the elements to be sorted, their weights, the values to be stored. Elements are
 * copied, since the lookups of BY and GET may reuse what they were lent from; lying in a row, they compare fast, too.
 */
const START_BYTES = 4096;
const START_ITEMS = 128;
/** What a long list has taken is given back by `clear`. */
const KEPT_BYTES = 1 << 20;
const COPY_BY_HAND = 48;

export class ByteList {
  bytes = new Uint8Array(START_BYTES);
  /** Ends of the items: item i begins where the one before ends. `ends[0]` is 0. */
  ends = new Uint32Array(START_ITEMS);
  count = 0;

  push(src: Uint8Array, off: number, len: number): void {
    if (this.count + 1 >= this.ends.length) {
      const ends = new Uint32Array(this.ends.length * 2);
      ends.set(this.ends);
      this.ends = ends;
    }
    const at = this.ends[this.count]!;
    if (at + len > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(this.bytes.length * 2, at + len));
      bytes.set(this.bytes.subarray(0, at));
      this.bytes = bytes;
    }
    const { bytes } = this;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) bytes[at + i] = src[off + i]!;
    else bytes.set(src.subarray(off, off + len), at);
    this.ends[++this.count] = at + len;
  }

  /** As `push`: what hands elements over does it so. */
  bulk(src: Uint8Array, off: number, len: number): void {
    this.push(src, off, len);
  }

  start(i: number): number {
    return this.ends[i]!;
  }

  length(i: number): number {
    return this.ends[i + 1]! - this.ends[i]!;
  }

  /** Compares two items as memcmp does, the shorter first. */
  compare(a: number, b: number): number {
    const { bytes, ends } = this;
    const startA = ends[a]!;
    const startB = ends[b]!;
    const lengthA = ends[a + 1]! - startA;
    const lengthB = ends[b + 1]! - startB;
    const shared = lengthA < lengthB ? lengthA : lengthB;
    for (let i = 0; i < shared; i++) {
      const difference = bytes[startA + i]! - bytes[startB + i]!;
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  clear(): void {
    this.count = 0;
    if (this.bytes.length <= KEPT_BYTES && this.ends.length <= KEPT_BYTES) return;
    this.bytes = new Uint8Array(START_BYTES);
    this.ends = new Uint32Array(START_ITEMS);
  }
}
