/**
 * A sorted set that has outgrown its listpack: a table of members (member-table.ts) and an index by score
 * (score-index.ts) over the same records.
 *
 *   record   score (8 bytes), length of the member, the member
 *
 * The score stands in the record for ZSCORE and once more in the index for searching. `find` leaves the member's hash
 * and slot behind in the table: `add` and `remove` want it to have been called last.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import { MemberTable } from '../member-table.ts';
import type { Collection, Memory } from '../memory.ts';
import { sortElements } from './merge-sort.ts';
import { LENGTH_WORD, MEMBER_WORD, ScoreIndex } from './score-index.ts';

const HEAD_BYTES = MEMBER_WORD * 4;

export class SortedSet implements Collection {
  readonly memory: Memory;
  readonly table: MemberTable;
  readonly index: ScoreIndex;
  /** Made once: removing ranges allocates no closure. */
  readonly #drop: (ref: number) => void;

  constructor(memory: Memory) {
    this.memory = memory;
    this.table = new MemberTable(memory, MEMBER_WORD, LENGTH_WORD);
    this.index = new ScoreIndex(memory);
    this.#drop = (ref) => {
      if (this.table.select(ref)) this.table.remove();
      this.memory.arena.free(ref);
    };
  }

  get size(): number {
    return this.index.count;
  }

  /** The record of a member, or 0. */
  find(buf: Uint8Array, off: number, len: number): number {
    return this.table.find(buf, off, len);
  }

  scoreOf(ref: number): number {
    return this.memory.arena.doubles[ref >>> PAGE_BITS]![ref & OFFSET_MASK]!;
  }

  rankOf(ref: number): number {
    return this.index.rank(this.scoreOf(ref), ref);
  }

  /** Adds the member that `find` has just not found. */
  add(score: number, buf: Uint8Array, off: number, len: number): void {
    const ref = this.#record(score, buf, off, len);
    try {
      this.index.insert(score, ref);
    } catch (full) {
      this.memory.arena.free(ref);
      throw full;
    }
    this.table.insert(ref);
  }

  /** The same without an order: `order` makes it when all are there. Nothing else but `find` may be used till then. */
  addUnordered(score: number, buf: Uint8Array, off: number, len: number): void {
    this.table.insert(this.#record(score, buf, off, len));
  }

  setScoreUnordered(ref: number, score: number): void {
    this.memory.arena.doubles[ref >>> PAGE_BITS]![ref & OFFSET_MASK] = score;
  }

  /** Brings the elements that were added unordered into order. */
  order(): void {
    const { count } = this.table;
    const scores = new Float64Array(count);
    const refs = new Int32Array(count);
    let i = 0;
    this.table.scan(0, (ref) => {
      refs[i] = ref;
      scores[i++] = this.scoreOf(ref);
      return true;
    });
    sortElements(this.memory.arena, scores, refs, count);
    this.index.build(scores, refs, count);
  }

  /** Builds the index of elements that were added unordered, but in order: `refs` and `scores` of each. */
  build(scores: Float64Array, refs: Int32Array, count: number): void {
    this.index.build(scores, refs, count);
  }

  #record(score: number, buf: Uint8Array, off: number, len: number): number {
    const { arena } = this.memory;
    const ref = arena.alloc(HEAD_BYTES + len);
    const page = ref >>> PAGE_BITS;
    const at = ref & OFFSET_MASK;
    arena.doubles[page]![at] = score;
    arena.words[page]![(at << 1) + LENGTH_WORD] = len;
    copyBytes(buf, off, len, arena.pages[page]!, (at << 3) + HEAD_BYTES);
    return ref;
  }

  setScore(ref: number, score: number): void {
    this.index.update(this.scoreOf(ref), ref, score);
    this.memory.arena.doubles[ref >>> PAGE_BITS]![ref & OFFSET_MASK] = score;
  }

  /** Removes the member that `find` has just found. */
  remove(ref: number): void {
    this.index.remove(this.scoreOf(ref), ref);
    this.table.remove();
    this.memory.arena.free(ref);
  }

  /** Removes `count` elements, which are there, from `rank` on. */
  removeRange(rank: number, count: number): void {
    for (let left = count; left > 0; ) left -= this.index.removeSome(rank, left, this.#drop);
  }

  /** Page with the bytes of a record's member. */
  page(ref: number): Uint8Array {
    return this.memory.arena.pages[ref >>> PAGE_BITS]!;
  }

  memberOffset(ref: number): number {
    return ((ref & OFFSET_MASK) << 3) + HEAD_BYTES;
  }

  memberLength(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + LENGTH_WORD]!;
  }

  // ----------------------------------------------------------------------------------------- Collection

  measure(samples: number): number {
    return this.table.measure(samples) + this.index.bytes;
  }

  release(limit: number): boolean {
    const { arena } = this.memory;
    const { table } = this;
    if (this.index.count === 0 && table.count > 0) {
      // An order was never made: the table knows the records.
      const more = table.release(limit, (ref) => arena.free(ref));
      if (!more) this.index.release(1, (ref) => arena.free(ref));
      return more;
    }
    if (this.index.release(limit, (ref) => arena.free(ref))) return true;
    // The records are gone, so the slots say nothing any more.
    this.memory.tableBytes -= table.bytes;
    table.dict.clear();
    return false;
  }

  clone(): SortedSet {
    const { index } = this;
    const copy = new SortedSet(this.memory);
    const count = index.count;
    const scores = new Float64Array(count);
    const refs = new Int32Array(count);
    if (count > 0) index.seekRank(0);
    for (let i = 0; i < count; i++, index.forward()) {
      const { ref } = index;
      const page = this.page(ref);
      copy.table.find(page, this.memberOffset(ref), this.memberLength(ref));
      const made = copy.#record(index.score, page, this.memberOffset(ref), this.memberLength(ref));
      copy.table.insert(made);
      scores[i] = index.score;
      refs[i] = made;
    }
    copy.index.build(scores, refs, count);
    return copy;
  }

  /** The cursor is the rank to go on with. */
  defragment(cursor: number, limit: number, move: (ref: number) => number): number {
    const { table, index } = this;
    const moveRecord = (ref: number): number => {
      // Looked up first: once it has moved, the old bytes belong to nobody.
      const known = table.select(ref);
      const moved = move(ref);
      if (known && moved !== ref) table.replaceRef(moved);
      return moved;
    };
    let rank = cursor;
    while (rank < index.count && rank - cursor < limit) {
      rank += index.defragmentLeaf(rank, move, moveRecord);
    }
    return rank < index.count ? rank : 0;
  }
}
