/**
 * The table of nodes of a grown list: a ring of ref and count, side by side, so that both ends grow at no cost and an
 * index is found by adding up counts without touching the nodes.
 */
import type { Memory } from '../memory.ts';

/** About what an empty list takes on the heap. */
export const OBJECT_BYTES = 256;
const TABLE_START = 16;

export class NodeTable {
  readonly memory: Memory;

  /** Ring of nodes: ref and count, in turn. */
  protected table = new Int32Array(TABLE_START * 2);

  protected mask = TABLE_START - 1;

  protected head = 0;

  protected nodeCount = 0;

  constructor(memory: Memory) {
    this.memory = memory;
    memory.tableBytes += OBJECT_BYTES + this.table.byteLength;
  }

  get nodes(): number {
    return this.nodeCount;
  }

  protected slot(i: number): number {
    return ((this.head + i) & this.mask) << 1;
  }

  protected ref(i: number): number {
    return this.table[((this.head + i) & this.mask) << 1]!;
  }

  protected count(i: number): number {
    return this.table[(((this.head + i) & this.mask) << 1) + 1]!;
  }

  protected setNode(i: number, ref: number, count: number): void {
    const slot = this.slot(i);
    this.table[slot] = ref;
    this.table[slot + 1] = count;
  }

  /** Makes room for node `i`; those from it on move to the end, or those before it to the front. */
  protected insertNode(i: number, ref: number, count: number): void {
    if (this.nodeCount > this.mask) this.growTable();
    const n = this.nodeCount++;
    if (i * 2 < n) {
      this.head = (this.head - 1) & this.mask;
      for (let k = 0; k < i; k++) this.setNode(k, this.ref(k + 1), this.count(k + 1));
    } else {
      for (let k = n; k > i; k--) this.setNode(k, this.ref(k - 1), this.count(k - 1));
    }
    this.setNode(i, ref, count);
  }

  protected growTable(): void {
    const grown = new Int32Array(this.table.length * 2);
    for (let i = 0; i < this.nodeCount; i++) {
      grown[i * 2] = this.ref(i);
      grown[i * 2 + 1] = this.count(i);
    }
    this.memory.tableBytes += grown.byteLength - this.table.byteLength;
    this.table = grown;
    this.mask = grown.length / 2 - 1;
    this.head = 0;
  }

  /** Takes node `i` out of the table, without freeing it. */
  protected removeNode(i: number): void {
    const n = --this.nodeCount;
    if (i * 2 < n) {
      for (let k = i; k > 0; k--) this.setNode(k, this.ref(k - 1), this.count(k - 1));
      this.head = (this.head + 1) & this.mask;
    } else {
      for (let k = i; k < n; k++) this.setNode(k, this.ref(k + 1), this.count(k + 1));
    }
  }
}
