/** Members that were found, by their handles, to be replied once it is known how many there are. */
const START = 256;
/** What a long list has taken is given back by `clear`. */
const KEPT_MAX = 65536;

export class HandleList {
  list = new Int32Array(START);
  /** Their hashes, as far as they have one. */
  hashes = new Int32Array(START);
  count = 0;

  push(handle: number, hash = 0): void {
    if (this.count === this.list.length) {
      this.list = longer(this.list);
      this.hashes = longer(this.hashes);
    }
    this.list[this.count] = handle;
    this.hashes[this.count++] = hash;
  }

  clear(): void {
    this.count = 0;
    if (this.list.length <= KEPT_MAX) return;
    this.list = new Int32Array(START);
    this.hashes = new Int32Array(START);
  }
}

function longer(list: Int32Array): Int32Array<ArrayBuffer> {
  const made = new Int32Array(list.length * 2);
  made.set(list);
  return made;
}
