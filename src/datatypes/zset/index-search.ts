/**
 * Searching and walking in the index of a sorted set (score-index.ts tells of the whole).
 *
 * A search leaves its path behind (`nodes`, `slots`), which inserting and removing follow upwards. `leaf` and `slot` are
 * the position found last; walking goes on from there along the leaves.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Memory } from '../memory.ts';
import {
  CHILDREN,
  COUNTS,
  INNER_REFS,
  IndexNodes,
  LEAF_REFS,
  LENGTH_WORD,
  MAX_HEIGHT,
  MEMBER_BYTES,
  NEXT,
  PREV,
  SCORES,
} from './index-nodes.ts';

export class IndexSearch extends IndexNodes {
  count = 0;
  /** The position found last; leaf 0: none. */
  leaf = 0;
  slot = 0;

  protected root: number;
  protected height = 0;
  protected first: number;
  protected last: number;
  /** The way of the last search, by level: inner nodes from level 1 up, and which child was taken. */
  protected readonly nodes = new Int32Array(MAX_HEIGHT);
  protected readonly slots = new Int32Array(MAX_HEIGHT);

  constructor(memory: Memory) {
    super(memory);
    this.root = this.newLeaf();
    this.first = this.root;
    this.last = this.root;
  }

  // ------------------------------------------------------------------------------------------ searching

  /** Compares the member of a record with bytes: negative, 0 or positive. */
  protected compare(ref: number, buf: Uint8Array, off: number, len: number): number {
    const { arena } = this.memory;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const length = arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + LENGTH_WORD]!;
    const at = ((ref & OFFSET_MASK) << 3) + MEMBER_BYTES;
    const shared = length < len ? length : len;
    for (let i = 0; i < shared; i++) {
      const difference = page[at + i]! - buf[off + i]!;
      if (difference !== 0) return difference;
    }
    return length - len;
  }

  /** Finds the place of (score, member): the first element that is not before it. */
  protected descend(score: number, buf: Uint8Array, off: number, len: number): void {
    const { arena } = this.memory;
    let node = this.root;
    for (let level = this.height; level > 0; level--) {
      const words = arena.words[node >>> PAGE_BITS]!;
      const doubles = arena.doubles[node >>> PAGE_BITS]!;
      const at = node & OFFSET_MASK;
      const refs = (at << 1) + INNER_REFS;
      const scores = at + SCORES;
      // The last child whose first element is not behind it; the first one takes what is before all.
      let low = 1;
      let high = words[at << 1]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const found = doubles[scores + middle]!;
        if (found < score || (found === score && this.compare(words[refs + middle]!, buf, off, len) <= 0)) {
          low = middle + 1;
        } else high = middle;
      }
      this.nodes[level] = node;
      this.slots[level] = low - 1;
      node = words[(at << 1) + CHILDREN + low - 1]!;
    }
    const words = arena.words[node >>> PAGE_BITS]!;
    const doubles = arena.doubles[node >>> PAGE_BITS]!;
    const at = node & OFFSET_MASK;
    const refs = (at << 1) + LEAF_REFS;
    const scores = at + SCORES;
    let low = 0;
    let high = words[at << 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = doubles[scores + middle]!;
      if (found < score || (found === score && this.compare(words[refs + middle]!, buf, off, len) < 0)) {
        low = middle + 1;
      } else high = middle;
    }
    this.leaf = node;
    this.slot = low;
  }

  protected descendTo(score: number, ref: number): void {
    const { arena } = this.memory;
    const offset = (ref & OFFSET_MASK) << 3;
    const len = arena.words[ref >>> PAGE_BITS]![(offset >> 2) + LENGTH_WORD]!;
    this.descend(score, arena.pages[ref >>> PAGE_BITS]!, offset + MEMBER_BYTES, len);
  }

  /** Elements before the position that the path and `slot` tell. */
  protected rankOfPath(): number {
    const { arena } = this.memory;
    let rank = this.slot;
    for (let level = this.height; level > 0; level--) {
      const node = this.nodes[level]!;
      const words = arena.words[node >>> PAGE_BITS]!;
      const counts = ((node & OFFSET_MASK) << 1) + COUNTS;
      for (let i = counts + this.slots[level]! - 1; i >= counts; i--) rank += words[i]!;
    }
    return rank;
  }

  /** Rank of an element that is there. */
  rank(score: number, ref: number): number {
    this.descendTo(score, ref);
    return this.rankOfPath();
  }

  /**
   * Number of elements whose score is lower than `score`, or (with `inclusive`) not higher. The position is then the
   * first of the others.
   */
  seekScore(score: number, inclusive: boolean): number {
    const { arena } = this.memory;
    let node = this.root;
    for (let level = this.height; level >= 0; level--) {
      const words = arena.words[node >>> PAGE_BITS]!;
      const doubles = arena.doubles[node >>> PAGE_BITS]!;
      const at = node & OFFSET_MASK;
      const scores = at + SCORES;
      let low = level > 0 ? 1 : 0;
      let high = words[at << 1]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const found = doubles[scores + middle]!;
        if (found < score || (inclusive && found === score)) low = middle + 1;
        else high = middle;
      }
      node = this.step(level, node, low);
    }
    return this.rankOfPath();
  }

  /** The same by members alone, which tells something only where all scores are equal. */
  seekMember(buf: Uint8Array, off: number, len: number, inclusive: boolean): number {
    const { arena } = this.memory;
    const limit = inclusive ? 0 : -1;
    let node = this.root;
    for (let level = this.height; level >= 0; level--) {
      const words = arena.words[node >>> PAGE_BITS]!;
      const at = (node & OFFSET_MASK) << 1;
      const refs = at + (level > 0 ? INNER_REFS : LEAF_REFS);
      let low = level > 0 ? 1 : 0;
      let high = words[at]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.compare(words[refs + middle]!, buf, off, len) <= limit) low = middle + 1;
        else high = middle;
      }
      node = this.step(level, node, low);
    }
    return this.rankOfPath();
  }

  /** Notes a step of a search that ended at `low` in a node; returns the child to go on with. */
  protected step(level: number, node: number, low: number): number {
    if (level === 0) {
      this.leaf = node;
      this.slot = low;
      return 0;
    }
    this.nodes[level] = node;
    this.slots[level] = low - 1;
    return this.memory.arena.words[node >>> PAGE_BITS]![((node & OFFSET_MASK) << 1) + CHILDREN + low - 1]!;
  }

  /** Goes to the element with this rank, which must be there. */
  seekRank(rank: number): void {
    const { arena } = this.memory;
    let node = this.root;
    for (let level = this.height; level > 0; level--) {
      const words = arena.words[node >>> PAGE_BITS]!;
      const at = (node & OFFSET_MASK) << 1;
      let i = at + COUNTS;
      while (rank >= words[i]!) rank -= words[i++]!;
      i -= at + COUNTS;
      this.nodes[level] = node;
      this.slots[level] = i;
      node = words[at + CHILDREN + i]!;
    }
    this.leaf = node;
    this.slot = rank;
  }

  // -------------------------------------------------------------------------------------------- walking

  /** The record at the position; 0 behind the last element and before the first. */
  get ref(): number {
    const { leaf } = this;
    if (leaf === 0) return 0;
    const words = this.memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    return this.slot < words[at]! ? words[at + LEAF_REFS + this.slot]! : 0;
  }

  /** The score at the position. */
  get score(): number {
    const { leaf } = this;
    return this.memory.arena.doubles[leaf >>> PAGE_BITS]![(leaf & OFFSET_MASK) + SCORES + this.slot]!;
  }

  /** Goes to the next element. */
  forward(): void {
    const { leaf } = this;
    const words = this.memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    if (++this.slot < words[at]!) return;
    this.leaf = words[at + NEXT]!;
    this.slot = 0;
  }

  /** Goes to the one before. */
  backward(): void {
    if (this.slot > 0) {
      this.slot--;
      return;
    }
    const { words } = this.memory.arena;
    const { leaf } = this;
    const prev = words[leaf >>> PAGE_BITS]![((leaf & OFFSET_MASK) << 1) + PREV]!;
    this.leaf = prev;
    if (prev !== 0) this.slot = words[prev >>> PAGE_BITS]![(prev & OFFSET_MASK) << 1]! - 1;
  }

  /**
   * Copies up to `limit` elements from the position on, forward or backward, and goes behind them. Returns how many;
   * fewer only at the end. A caller that then looks at all records in one short loop waits for memory once, not once
   * for each.
   */
  gather(refs: Int32Array, scores: Float64Array, limit: number, reverse: boolean): number {
    const { arena } = this.memory;
    let { leaf, slot } = this;
    let taken = 0;
    while (taken < limit && leaf !== 0) {
      const words = arena.words[leaf >>> PAGE_BITS]!;
      const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
      const at = leaf & OFFSET_MASK;
      const firstRef = (at << 1) + LEAF_REFS;
      if (reverse) {
        const end = Math.max(0, slot + 1 - (limit - taken));
        for (; slot >= end; slot--) {
          refs[taken] = words[firstRef + slot]!;
          scores[taken++] = doubles[at + SCORES + slot]!;
        }
        if (slot < 0) {
          leaf = words[(at << 1) + PREV]!;
          if (leaf !== 0) slot = arena.words[leaf >>> PAGE_BITS]![(leaf & OFFSET_MASK) << 1]! - 1;
        }
      } else {
        const count = words[at << 1]!;
        const end = Math.min(count, slot + limit - taken);
        for (; slot < end; slot++) {
          refs[taken] = words[firstRef + slot]!;
          scores[taken++] = doubles[at + SCORES + slot]!;
        }
        if (slot === count) {
          leaf = words[(at << 1) + NEXT]!;
          slot = 0;
        }
      }
    }
    this.leaf = leaf;
    this.slot = slot;
    return taken;
  }
}
