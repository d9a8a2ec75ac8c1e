/**
 * What is done with the index of a sorted set as a whole (score-index.ts): building, freeing, moving it in memory,
 * checking its invariants.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import {
  CHILDREN,
  COUNTS,
  INNER_BUILT,
  INNER_REFS,
  LEAF_BUILT,
  LEAF_REFS,
  NEXT,
  PREV,
  SCORES,
} from './index-nodes.ts';
import { IndexSearch } from './index-search.ts';

export class IndexWhole extends IndexSearch {
  /** The first element of the path's node below `level` is another one: whoever names it follows. */
  protected renameFirst(level: number, score: number, ref: number): void {
    const { arena } = this.memory;
    for (; level <= this.height; level++) {
      const node = this.nodes[level]!;
      const slot = this.slots[level]!;
      const at = node & OFFSET_MASK;
      arena.doubles[node >>> PAGE_BITS]![at + SCORES + slot] = score;
      arena.words[node >>> PAGE_BITS]![(at << 1) + INNER_REFS + slot] = ref;
      if (slot !== 0) return;
    }
  }

  /** Fills the empty index with elements that are in order. */
  build(scores: Float64Array, refs: Int32Array, count: number): void {
    const { arena } = this.memory;
    if (count === 0) return;
    this.freeNode(this.root);
    let level: number[] = [];
    let counts: number[] = [];
    let previous = 0;
    for (let done = 0; done < count; ) {
      const take = Math.min(LEAF_BUILT, count - done);
      const leaf = this.newLeaf();
      const words = arena.words[leaf >>> PAGE_BITS]!;
      const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
      const at = leaf & OFFSET_MASK;
      for (let i = 0; i < take; i++) {
        doubles[at + SCORES + i] = scores[done + i]!;
        words[(at << 1) + LEAF_REFS + i] = refs[done + i]!;
      }
      words[at << 1] = take;
      words[(at << 1) + PREV] = previous;
      if (previous === 0) this.first = leaf;
      else arena.words[previous >>> PAGE_BITS]![((previous & OFFSET_MASK) << 1) + NEXT] = leaf;
      previous = leaf;
      level.push(leaf);
      counts.push(take);
      done += take;
    }
    this.last = previous;
    this.height = 0;
    while (level.length > 1) {
      const childRefs = this.height === 0 ? LEAF_REFS : INNER_REFS;
      const above: number[] = [];
      const sums: number[] = [];
      for (let done = 0; done < level.length; ) {
        const take = Math.min(INNER_BUILT, level.length - done);
        const node = this.newInner();
        const words = arena.words[node >>> PAGE_BITS]!;
        const doubles = arena.doubles[node >>> PAGE_BITS]!;
        const at = node & OFFSET_MASK;
        const base = at << 1;
        let sum = 0;
        for (let i = 0; i < take; i++) {
          const child = level[done + i]!;
          doubles[at + SCORES + i] = arena.doubles[child >>> PAGE_BITS]![(child & OFFSET_MASK) + SCORES]!;
          words[base + INNER_REFS + i] =
            arena.words[child >>> PAGE_BITS]![((child & OFFSET_MASK) << 1) + childRefs]!;
          words[base + CHILDREN + i] = child;
          words[base + COUNTS + i] = counts[done + i]!;
          sum += counts[done + i]!;
        }
        words[base] = take;
        above.push(node);
        sums.push(sum);
        done += take;
      }
      level = above;
      counts = sums;
      this.height++;
    }
    this.root = level[0]!;
    this.count = count;
  }

  /**
   * Frees the nodes of about `limit` elements, offering each element's record to `free`; false when nothing is left.
   * Nothing else is done with the index after the first step.
   */
  release(limit: number, free: (ref: number) => void): boolean {
    const { arena } = this.memory;
    if (this.height > 0) this.freeInner(this.root, this.height);
    this.height = 0;
    let freed = 0;
    while (this.first !== 0 && freed < limit) {
      const leaf = this.first;
      const words = arena.words[leaf >>> PAGE_BITS]!;
      const at = (leaf & OFFSET_MASK) << 1;
      const count = words[at]!;
      for (let i = 0; i < count; i++) free(words[at + LEAF_REFS + i]!);
      freed += count;
      this.count -= count;
      this.first = words[at + NEXT]!;
      this.freeNode(leaf);
    }
    return this.first !== 0;
  }

  /** There are few inner nodes: 2,000 for five million elements. */
  protected freeInner(node: number, level: number): void {
    if (level > 1) {
      const words = this.memory.arena.words[node >>> PAGE_BITS]!;
      const base = (node & OFFSET_MASK) << 1;
      for (let i = 0; i < words[base]!; i++) this.freeInner(words[base + CHILDREN + i]!, level - 1);
    }
    this.freeNode(node);
  }

  /**
   * Defragmentation of one leaf, the one with the element of this rank, of the inner nodes that begin with it, and of
   * its elements' records: `move` may give each node another slot, `moveRecord` each record. Returns the number of
   * its elements from `rank` on.
   */
  defragmentLeaf(rank: number, move: (node: number) => number, moveRecord: (ref: number) => number): number {
    const { arena } = this.memory;
    this.seekRank(rank);
    const behind = this.slot;
    const leaf = this.moveLeaf(this.leaf, move);
    for (let level = 1; level <= this.height && this.slots[level] === 0; level++) {
      const node = this.nodes[level]!;
      const moved = move(node);
      if (moved === node) continue;
      this.nodes[level] = moved;
      this.setChild(level + 1, moved);
    }
    const words = arena.words[leaf >>> PAGE_BITS]!;
    const refs = ((leaf & OFFSET_MASK) << 1) + LEAF_REFS;
    const count = words[(leaf & OFFSET_MASK) << 1]!;
    for (let i = 0; i < count; i++) {
      const ref = words[refs + i]!;
      const moved = moveRecord(ref);
      if (moved === ref) continue;
      words[refs + i] = moved;
      if (i === 0) {
        this.renameFirst(1, arena.doubles[leaf >>> PAGE_BITS]![(leaf & OFFSET_MASK) + SCORES]!, moved);
      }
    }
    return count - behind;
  }

  protected moveLeaf(leaf: number, move: (node: number) => number): number {
    const moved = move(leaf);
    if (moved === leaf) return leaf;
    const { words } = this.memory.arena;
    const own = words[moved >>> PAGE_BITS]!;
    const at = (moved & OFFSET_MASK) << 1;
    const next = own[at + NEXT]!;
    const prev = own[at + PREV]!;
    if (next === 0) this.last = moved;
    else words[next >>> PAGE_BITS]![((next & OFFSET_MASK) << 1) + PREV] = moved;
    if (prev === 0) this.first = moved;
    else words[prev >>> PAGE_BITS]![((prev & OFFSET_MASK) << 1) + NEXT] = moved;
    this.setChild(1, moved);
    return moved;
  }

  protected setChild(level: number, child: number): void {
    if (level > this.height) {
      this.root = child;
      return;
    }
    const node = this.nodes[level]!;
    this.memory.arena.words[node >>> PAGE_BITS]![
      ((node & OFFSET_MASK) << 1) + CHILDREN + this.slots[level]!
    ] = child;
  }

  /** Checks every invariant; for tests. Returns the number of nodes seen. */
  verify(): number {
    let leaf = this.first;
    let seen = 0;
    const walk = (node: number, level: number): { count: number; first: number; score: number } => {
      seen++;
      const { arena } = this.memory;
      const words = arena.words[node >>> PAGE_BITS]!;
      const at = node & OFFSET_MASK;
      const base = at << 1;
      const count = words[base]!;
      const doubles = arena.doubles[node >>> PAGE_BITS]!;
      if (count === 0 && this.height > 0) throw new Error('an empty node');
      if (level === 0) {
        if (node !== leaf) throw new Error('the chain of leaves is another one');
        leaf = words[base + NEXT]!;
        return { count, first: words[base + LEAF_REFS]!, score: doubles[at + SCORES]! };
      }
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const child = walk(words[base + CHILDREN + i]!, level - 1);
        if (child.count !== words[base + COUNTS + i]) throw new Error('a wrong count');
        if (child.first !== words[base + INNER_REFS + i]) throw new Error('a wrong first element');
        if (child.score !== doubles[at + SCORES + i]) throw new Error('a wrong first score');
        sum += child.count;
      }
      return { count: sum, first: words[base + INNER_REFS]!, score: doubles[at + SCORES]! };
    };
    const { count } = walk(this.root, this.height);
    if (count !== this.count) throw new Error('a wrong total');
    if (leaf !== 0) throw new Error('leaves behind the end');
    if (seen !== this.nodeCount) throw new Error('a node is lost');
    return seen;
  }
}
