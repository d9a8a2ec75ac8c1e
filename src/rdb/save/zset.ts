/**
 * A sorted set as an RDB has it: its listpack, or members with binary scores, the highest first (a reader that inserts
 * each in front of the last has no searching to do).
 */
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import type { BigEntry } from '../snapshot-format.ts';
import type { RdbWriter } from './writer.ts';

const KIB = 1024;
const GATHERED = 64;

const refs = new Int32Array(GATHERED);
const scores = new Float64Array(GATHERED);

/** Writes grown sorted sets, one after the other. */
export class ZsetSaver implements BigEntry {
  readonly #out: RdbWriter;
  #set: SortedSet | null = null;
  /** Elements that are left: the next one's rank is one less. Nodes of the index may move, ranks don't. */
  #left = 0;

  constructor(out: RdbWriter) {
    this.#out = out;
  }

  start(set: SortedSet): void {
    this.#set = set;
    this.#left = set.size;
    this.#out.length(set.size);
  }

  step(limit: number): boolean {
    const out = this.#out;
    const set = this.#set!;
    if (this.#left > 0) set.index.seekRank(this.#left - 1);
    for (let left = limit; left > 0 && this.#left > 0; ) {
      const count = set.index.gather(refs, scores, Math.min(GATHERED, this.#left, Math.ceil(left)), true);
      for (let i = 0; i < count; i++) {
        const ref = refs[i]!;
        const len = set.memberLength(ref);
        out.string(set.page(ref), set.memberOffset(ref), len);
        out.double(scores[i]!);
        if (len > KIB) left -= len / KIB;
      }
      left -= count;
      this.#left -= count;
    }
    if (this.#left > 0) return true;
    this.#set = null;
    return false;
  }
}
