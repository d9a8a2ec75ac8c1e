/**
 * The order of a big sorted set: a B+-tree over (score, member) that knows ranks.
 *
 * Redis keeps a skiplist, where each step of a search is a jump to a node somewhere in memory. Here the scores that a
 * search compares stand side by side in nodes of 1 KiB, so finding one of a million takes four nodes, three of which
 * are usually in the processor's cache. Members are looked at only where scores are equal. An element costs 12 bytes in
 * a leaf (at least half full when filled in random order, 7/10 on average; full when filled in order).
 *
 *   leaf    count, next, prev; LEAF_MAX scores (doubles), LEAF_MAX refs of member records
 *   inner   count; INNER_MAX times: score and ref of the child's first element, the child, elements below it
 *
 * Nodes are slots of the arena and die with it. Member records are the owner's (sorted-set.ts): 8 bytes of score, a word
 * of length, the member. The index takes the score it is told, and reads members from records.
 *
 * Invariants: the elements of a node are in order; an inner node names its children's first elements exactly, so no
 * name outlives its element; counts are exact; no node but the root is empty; inner nodes may have one child. Neighbours
 * are merged when one is down to a third and both fill no more than three quarters.
 *
 * A search leaves its path behind (`#nodes`, `#slots`), which inserting and removing follow upwards. `leaf` and `slot`
 * are the position found last; walking goes on from there along the leaves.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Memory } from '../memory.ts';

const NODE_BYTES = 1024;
/** Members of a leaf, children of an inner node: what fills NODE_BYTES. */
const LEAF_MAX = 84;
const INNER_MAX = 50;
const LEAF_LOW = 28;
const INNER_LOW = 16;
const LEAF_MERGED_MAX = 63;
const INNER_MERGED_MAX = 37;
/** What a bulk build puts into a node: some room for what comes later. */
const LEAF_BUILT = 76;
const INNER_BUILT = 45;

// Offsets within a node: in doubles and in words.
const SCORES = 2;
const LEAF_REFS = 4 + LEAF_MAX * 2;
const INNER_REFS = 4 + INNER_MAX * 2;
const CHILDREN = INNER_REFS + INNER_MAX;
const COUNTS = CHILDREN + INNER_MAX;
const NEXT = 1;
const PREV = 2;

const MAX_HEIGHT = 12;
/** Words of a member record before the member; the length is the last of them. */
export const MEMBER_WORD = 3;
export const LENGTH_WORD = 2;
const MEMBER_BYTES = MEMBER_WORD * 4;

export class ScoreIndex {
  count = 0;
  /** The position found last; leaf 0: none. */
  leaf = 0;
  slot = 0;

  readonly #memory: Memory;
  #root: number;
  #height = 0;
  #first: number;
  #last: number;
  #nodeCount = 0;
  /** The way of the last search, by level: inner nodes from level 1 up, and which child was taken. */
  readonly #nodes = new Int32Array(MAX_HEIGHT);
  readonly #slots = new Int32Array(MAX_HEIGHT);

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#root = this.#newLeaf();
    this.#first = this.#root;
    this.#last = this.#root;
  }

  /** Bytes of the nodes. */
  get bytes(): number {
    return this.#nodeCount * NODE_BYTES;
  }

  // ------------------------------------------------------------------------------------------ searching

  /** Compares the member of a record with bytes: negative, 0 or positive. */
  #compare(ref: number, buf: Uint8Array, off: number, len: number): number {
    const { arena } = this.#memory;
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
  #descend(score: number, buf: Uint8Array, off: number, len: number): void {
    const { arena } = this.#memory;
    let node = this.#root;
    for (let level = this.#height; level > 0; level--) {
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
        if (found < score || (found === score && this.#compare(words[refs + middle]!, buf, off, len) <= 0)) {
          low = middle + 1;
        } else high = middle;
      }
      this.#nodes[level] = node;
      this.#slots[level] = low - 1;
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
      if (found < score || (found === score && this.#compare(words[refs + middle]!, buf, off, len) < 0)) {
        low = middle + 1;
      } else high = middle;
    }
    this.leaf = node;
    this.slot = low;
  }

  #descendTo(score: number, ref: number): void {
    const { arena } = this.#memory;
    const offset = (ref & OFFSET_MASK) << 3;
    const len = arena.words[ref >>> PAGE_BITS]![(offset >> 2) + LENGTH_WORD]!;
    this.#descend(score, arena.pages[ref >>> PAGE_BITS]!, offset + MEMBER_BYTES, len);
  }

  /** Elements before the position that the path and `slot` tell. */
  #rankOfPath(): number {
    const { arena } = this.#memory;
    let rank = this.slot;
    for (let level = this.#height; level > 0; level--) {
      const node = this.#nodes[level]!;
      const words = arena.words[node >>> PAGE_BITS]!;
      const counts = ((node & OFFSET_MASK) << 1) + COUNTS;
      for (let i = counts + this.#slots[level]! - 1; i >= counts; i--) rank += words[i]!;
    }
    return rank;
  }

  /** Rank of an element that is there. */
  rank(score: number, ref: number): number {
    this.#descendTo(score, ref);
    return this.#rankOfPath();
  }

  /**
   * Number of elements whose score is lower than `score`, or (with `inclusive`) not higher. The position is then the
   * first of the others.
   */
  seekScore(score: number, inclusive: boolean): number {
    const { arena } = this.#memory;
    let node = this.#root;
    for (let level = this.#height; level >= 0; level--) {
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
      node = this.#step(level, node, low);
    }
    return this.#rankOfPath();
  }

  /** The same by members alone, which tells something only where all scores are equal. */
  seekMember(buf: Uint8Array, off: number, len: number, inclusive: boolean): number {
    const { arena } = this.#memory;
    const limit = inclusive ? 0 : -1;
    let node = this.#root;
    for (let level = this.#height; level >= 0; level--) {
      const words = arena.words[node >>> PAGE_BITS]!;
      const at = (node & OFFSET_MASK) << 1;
      const refs = at + (level > 0 ? INNER_REFS : LEAF_REFS);
      let low = level > 0 ? 1 : 0;
      let high = words[at]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#compare(words[refs + middle]!, buf, off, len) <= limit) low = middle + 1;
        else high = middle;
      }
      node = this.#step(level, node, low);
    }
    return this.#rankOfPath();
  }

  /** Notes a step of a search that ended at `low` in a node; returns the child to go on with. */
  #step(level: number, node: number, low: number): number {
    if (level === 0) {
      this.leaf = node;
      this.slot = low;
      return 0;
    }
    this.#nodes[level] = node;
    this.#slots[level] = low - 1;
    return this.#memory.arena.words[node >>> PAGE_BITS]![((node & OFFSET_MASK) << 1) + CHILDREN + low - 1]!;
  }

  /** Goes to the element with this rank, which must be there. */
  seekRank(rank: number): void {
    const { arena } = this.#memory;
    let node = this.#root;
    for (let level = this.#height; level > 0; level--) {
      const words = arena.words[node >>> PAGE_BITS]!;
      const at = (node & OFFSET_MASK) << 1;
      let i = at + COUNTS;
      while (rank >= words[i]!) rank -= words[i++]!;
      i -= at + COUNTS;
      this.#nodes[level] = node;
      this.#slots[level] = i;
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
    const words = this.#memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    return this.slot < words[at]! ? words[at + LEAF_REFS + this.slot]! : 0;
  }

  /** The score at the position. */
  get score(): number {
    const { leaf } = this;
    return this.#memory.arena.doubles[leaf >>> PAGE_BITS]![(leaf & OFFSET_MASK) + SCORES + this.slot]!;
  }

  /** Goes to the next element. */
  forward(): void {
    const { leaf } = this;
    const words = this.#memory.arena.words[leaf >>> PAGE_BITS]!;
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
    const { words } = this.#memory.arena;
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
    const { arena } = this.#memory;
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

  // ------------------------------------------------------------------------------------------- inserting

  /** Adds an element that is not there. */
  insert(score: number, ref: number): void {
    this.#descendTo(score, ref);
    const { arena } = this.#memory;
    if (arena.words[this.leaf >>> PAGE_BITS]![(this.leaf & OFFSET_MASK) << 1] === LEAF_MAX) {
      this.#splitLeaf();
      this.#descendTo(score, ref);
    }
    const { leaf, slot } = this;
    const words = arena.words[leaf >>> PAGE_BITS]!;
    const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
    const at = leaf & OFFSET_MASK;
    const count = words[at << 1]!;
    openDoubles(doubles, at + SCORES + slot, at + SCORES + count);
    openWords(words, (at << 1) + LEAF_REFS + slot, (at << 1) + LEAF_REFS + count);
    doubles[at + SCORES + slot] = score;
    words[(at << 1) + LEAF_REFS + slot] = ref;
    words[at << 1] = count + 1;
    this.count++;
    this.#addToCounts(1);
    if (slot === 0) this.#renameFirst(1, score, ref);
  }

  #addToCounts(difference: number): void {
    const { words } = this.#memory.arena;
    for (let level = this.#height; level > 0; level--) {
      const node = this.#nodes[level]!;
      words[node >>> PAGE_BITS]![((node & OFFSET_MASK) << 1) + COUNTS + this.#slots[level]!]! += difference;
    }
  }

  /** The first element of the path's node below `level` is another one: whoever names it follows. */
  #renameFirst(level: number, score: number, ref: number): void {
    const { arena } = this.#memory;
    for (; level <= this.#height; level++) {
      const node = this.#nodes[level]!;
      const slot = this.#slots[level]!;
      const at = node & OFFSET_MASK;
      arena.doubles[node >>> PAGE_BITS]![at + SCORES + slot] = score;
      arena.words[node >>> PAGE_BITS]![(at << 1) + INNER_REFS + slot] = ref;
      if (slot !== 0) return;
    }
  }

  #newLeaf(): number {
    const leaf = this.#memory.arena.alloc(NODE_BYTES);
    const words = this.#memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    words[at] = 0;
    words[at + NEXT] = 0;
    words[at + PREV] = 0;
    this.#nodeCount++;
    return leaf;
  }

  #newInner(): number {
    const node = this.#memory.arena.alloc(NODE_BYTES);
    this.#memory.arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1] = 0;
    this.#nodeCount++;
    return node;
  }

  #freeNode(node: number): void {
    this.#memory.arena.free(node);
    this.#nodeCount--;
  }

  /**
   * Splits the full leaf at the position in two: in the middle, or, where the set grows at an end, so that the one left
   * behind is full. The path is no good afterwards.
   */
  #splitLeaf(): void {
    const { arena } = this.#memory;
    // Slots first: should the arena be full, nothing has changed yet.
    const right = this.#reserve(1);
    const { leaf } = this;
    const words = arena.words[leaf >>> PAGE_BITS]!;
    const at = leaf & OFFSET_MASK;
    let keep = LEAF_MAX >> 1;
    if (this.slot === LEAF_MAX && leaf === this.#last) keep = LEAF_MAX - 1;
    else if (this.slot === 0 && leaf === this.#first) keep = 1;
    const moved = LEAF_MAX - keep;
    const rightWords = arena.words[right >>> PAGE_BITS]!;
    const rightAt = right & OFFSET_MASK;
    this.#copyEntries(leaf, keep, right, 0, moved);
    words[at << 1] = keep;
    rightWords[rightAt << 1] = moved;
    const next = words[(at << 1) + NEXT]!;
    rightWords[(rightAt << 1) + NEXT] = next;
    rightWords[(rightAt << 1) + PREV] = leaf;
    words[(at << 1) + NEXT] = right;
    if (next === 0) this.#last = right;
    else arena.words[next >>> PAGE_BITS]![((next & OFFSET_MASK) << 1) + PREV] = right;
    const score = arena.doubles[right >>> PAGE_BITS]![rightAt + SCORES]!;
    this.#insertChild(1, right, score, rightWords[(rightAt << 1) + LEAF_REFS]!, moved);
  }

  /** Takes the nodes that a split from `level` up may need: returns a leaf, keeps inner nodes in `#spare`. */
  #reserve(level: number): number {
    const { arena } = this.#memory;
    let needed = 0;
    for (; level <= this.#height; level++) {
      const node = this.#nodes[level]!;
      if (arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1]! < INNER_MAX) break;
      needed++;
    }
    if (level > this.#height) needed++;
    const leaf = this.#newLeaf();
    try {
      while (this.#spare.length < needed) this.#spare.push(this.#newInner());
    } catch (full) {
      for (const node of this.#spare) this.#freeNode(node);
      this.#spare.length = 0;
      this.#freeNode(leaf);
      throw full;
    }
    return leaf;
  }

  readonly #spare: number[] = [];

  #copyEntries(from: number, fromSlot: number, to: number, toSlot: number, count: number): void {
    const { arena } = this.#memory;
    copyDoubles(
      arena.doubles[from >>> PAGE_BITS]!,
      (from & OFFSET_MASK) + SCORES + fromSlot,
      arena.doubles[to >>> PAGE_BITS]!,
      (to & OFFSET_MASK) + SCORES + toSlot,
      count,
    );
    copyWords(
      arena.words[from >>> PAGE_BITS]!,
      ((from & OFFSET_MASK) << 1) + LEAF_REFS + fromSlot,
      arena.words[to >>> PAGE_BITS]!,
      ((to & OFFSET_MASK) << 1) + LEAF_REFS + toSlot,
      count,
    );
  }

  #copyChildren(from: number, fromSlot: number, to: number, toSlot: number, count: number): void {
    const { arena } = this.#memory;
    const source = arena.words[from >>> PAGE_BITS]!;
    const target = arena.words[to >>> PAGE_BITS]!;
    const a = ((from & OFFSET_MASK) << 1) + fromSlot;
    const b = ((to & OFFSET_MASK) << 1) + toSlot;
    copyDoubles(
      arena.doubles[from >>> PAGE_BITS]!,
      (from & OFFSET_MASK) + SCORES + fromSlot,
      arena.doubles[to >>> PAGE_BITS]!,
      (to & OFFSET_MASK) + SCORES + toSlot,
      count,
    );
    copyWords(source, a + INNER_REFS, target, b + INNER_REFS, count);
    copyWords(source, a + CHILDREN, target, b + CHILDREN, count);
    copyWords(source, a + COUNTS, target, b + COUNTS, count);
  }

  /** Puts a node that was split off behind the path's child at `level`; `below` elements went with it. */
  #insertChild(level: number, child: number, score: number, ref: number, below: number): void {
    const { arena } = this.#memory;
    if (level > this.#height) {
      this.#growRoot(child, score, ref, below);
      return;
    }
    let node = this.#nodes[level]!;
    let slot = this.#slots[level]! + 1;
    arena.words[node >>> PAGE_BITS]![((node & OFFSET_MASK) << 1) + COUNTS + slot - 1]! -= below;
    if (arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1] === INNER_MAX) {
      const keep = slot === INNER_MAX && this.#isRightEdge(level + 1) ? INNER_MAX - 1 : INNER_MAX >> 1;
      const right = this.#spare.pop()!;
      this.#copyChildren(node, keep, right, 0, INNER_MAX - keep);
      const rightWords = arena.words[right >>> PAGE_BITS]!;
      const rightAt = right & OFFSET_MASK;
      arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1] = keep;
      rightWords[rightAt << 1] = INNER_MAX - keep;
      let total = 0;
      for (let i = 0; i < INNER_MAX - keep; i++) total += rightWords[(rightAt << 1) + COUNTS + i]!;
      // The new child's elements are counted above, too: they go along if it does.
      const goesRight = slot > keep;
      this.#insertChild(
        level + 1,
        right,
        arena.doubles[right >>> PAGE_BITS]![rightAt + SCORES]!,
        rightWords[(rightAt << 1) + INNER_REFS]!,
        goesRight ? total + below : total,
      );
      if (goesRight) {
        node = right;
        slot -= keep;
      }
    }
    const words = arena.words[node >>> PAGE_BITS]!;
    const doubles = arena.doubles[node >>> PAGE_BITS]!;
    const at = node & OFFSET_MASK;
    const base = at << 1;
    const count = words[base]!;
    openDoubles(doubles, at + SCORES + slot, at + SCORES + count);
    openWords(words, base + INNER_REFS + slot, base + INNER_REFS + count);
    openWords(words, base + CHILDREN + slot, base + CHILDREN + count);
    openWords(words, base + COUNTS + slot, base + COUNTS + count);
    doubles[at + SCORES + slot] = score;
    words[base + INNER_REFS + slot] = ref;
    words[base + CHILDREN + slot] = child;
    words[base + COUNTS + slot] = below;
    words[base] = count + 1;
  }

  #isRightEdge(level: number): boolean {
    const { words } = this.#memory.arena;
    for (; level <= this.#height; level++) {
      const node = this.#nodes[level]!;
      if (this.#slots[level]! + 1 < words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1]!) return false;
    }
    return true;
  }

  /** A root above the old one and the node that was split off it. */
  #growRoot(child: number, score: number, ref: number, below: number): void {
    const { arena } = this.#memory;
    const root = this.#spare.pop()!;
    const words = arena.words[root >>> PAGE_BITS]!;
    const doubles = arena.doubles[root >>> PAGE_BITS]!;
    const at = root & OFFSET_MASK;
    const base = at << 1;
    const old = this.#root;
    const oldRefs = this.#height > 0 ? INNER_REFS : LEAF_REFS;
    words[base] = 2;
    doubles[at + SCORES] = arena.doubles[old >>> PAGE_BITS]![(old & OFFSET_MASK) + SCORES]!;
    words[base + INNER_REFS] = arena.words[old >>> PAGE_BITS]![((old & OFFSET_MASK) << 1) + oldRefs]!;
    words[base + CHILDREN] = old;
    words[base + COUNTS] = this.count - below;
    doubles[at + SCORES + 1] = score;
    words[base + INNER_REFS + 1] = ref;
    words[base + CHILDREN + 1] = child;
    words[base + COUNTS + 1] = below;
    this.#root = root;
    this.#height++;
  }

  // -------------------------------------------------------------------------------------------- removing

  /** Removes an element that is there. Its record must still be whole. */
  remove(score: number, ref: number): void {
    this.#descendTo(score, ref);
    this.#removeHere(1);
  }

  /** The element changes its score; the record's is the owner's to change. */
  update(score: number, ref: number, to: number): void {
    this.#descendTo(score, ref);
    const { arena } = this.#memory;
    const { leaf, slot } = this;
    const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
    const at = leaf & OFFSET_MASK;
    const words = arena.words[leaf >>> PAGE_BITS]!;
    // It often stays between its neighbours. Where those are equal the members would have to be looked at.
    const scores = at + SCORES;
    if (
      slot > 0 &&
      doubles[scores + slot - 1]! < to &&
      (slot + 1 < words[at << 1]! ? to < doubles[scores + slot + 1]! : leaf === this.#last)
    ) {
      doubles[scores + slot] = to;
      return;
    }
    this.#removeHere(1);
    this.insert(to, ref);
  }

  /** Removes up to `limit` elements from `rank` on, all of one leaf; `visit` sees each. Returns how many. */
  removeSome(rank: number, limit: number, visit: (ref: number) => void): number {
    this.seekRank(rank);
    const { leaf, slot } = this;
    const words = this.#memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    const count = Math.min(limit, words[at]! - slot);
    for (let i = 0; i < count; i++) visit(words[at + LEAF_REFS + slot + i]!);
    this.#removeHere(count);
    return count;
  }

  /** Removes `removed` elements at the position, which are all in its leaf. */
  #removeHere(removed: number): void {
    const { arena } = this.#memory;
    const { leaf, slot } = this;
    const words = arena.words[leaf >>> PAGE_BITS]!;
    const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
    const at = leaf & OFFSET_MASK;
    const base = at << 1;
    const count = words[base]!;
    closeDoubles(doubles, at + SCORES + slot, removed, at + SCORES + count);
    closeWords(words, base + LEAF_REFS + slot, removed, base + LEAF_REFS + count);
    const left = count - removed;
    words[base] = left;
    this.count -= removed;
    this.#addToCounts(-removed);
    if (this.#height === 0) return;
    if (left === 0) {
      this.#unlinkLeaf(leaf);
      this.#removeChild(1, this.#slots[1]!);
      return;
    }
    if (slot === 0) this.#renameFirst(1, doubles[at + SCORES]!, words[base + LEAF_REFS]!);
    if (left < LEAF_LOW) this.#mergeLeaf(left);
  }

  #unlinkLeaf(leaf: number): void {
    const { words } = this.#memory.arena;
    const own = words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    const next = own[at + NEXT]!;
    const prev = own[at + PREV]!;
    if (next === 0) this.#last = prev;
    else words[next >>> PAGE_BITS]![((next & OFFSET_MASK) << 1) + PREV] = prev;
    if (prev === 0) this.#first = next;
    else words[prev >>> PAGE_BITS]![((prev & OFFSET_MASK) << 1) + NEXT] = next;
    this.#freeNode(leaf);
  }

  /** The path's leaf has become thin: its elements and a sister's may fit into one. */
  #mergeLeaf(left: number): void {
    const { words } = this.#memory.arena;
    const parent = this.#nodes[1]!;
    const parentWords = words[parent >>> PAGE_BITS]!;
    const base = (parent & OFFSET_MASK) << 1;
    const slot = this.#slots[1]!;
    let into = slot;
    if (slot + 1 < parentWords[base]! && parentWords[base + COUNTS + slot + 1]! + left <= LEAF_MERGED_MAX) {
      into = slot;
    } else if (slot > 0 && parentWords[base + COUNTS + slot - 1]! + left <= LEAF_MERGED_MAX) into = slot - 1;
    else return;
    const to = parentWords[base + CHILDREN + into]!;
    const from = parentWords[base + CHILDREN + into + 1]!;
    const toCount = parentWords[base + COUNTS + into]!;
    const fromCount = parentWords[base + COUNTS + into + 1]!;
    this.#copyEntries(from, 0, to, toCount, fromCount);
    words[to >>> PAGE_BITS]![(to & OFFSET_MASK) << 1] = toCount + fromCount;
    parentWords[base + COUNTS + into] = toCount + fromCount;
    this.#unlinkLeaf(from);
    this.#removeChild(1, into + 1);
  }

  /** Takes child `slot` out of the path's node at `level`; the sums above are right already. */
  #removeChild(level: number, slot: number): void {
    const { arena } = this.#memory;
    const node = this.#nodes[level]!;
    const words = arena.words[node >>> PAGE_BITS]!;
    const doubles = arena.doubles[node >>> PAGE_BITS]!;
    const at = node & OFFSET_MASK;
    const base = at << 1;
    const count = words[base]!;
    closeDoubles(doubles, at + SCORES + slot, 1, at + SCORES + count);
    closeWords(words, base + INNER_REFS + slot, 1, base + INNER_REFS + count);
    closeWords(words, base + CHILDREN + slot, 1, base + CHILDREN + count);
    closeWords(words, base + COUNTS + slot, 1, base + COUNTS + count);
    words[base] = count - 1;
    if (level === this.#height) {
      this.#lowerRoot();
      return;
    }
    if (count === 1) {
      this.#freeNode(node);
      this.#removeChild(level + 1, this.#slots[level + 1]!);
      return;
    }
    if (slot === 0) this.#renameFirst(level + 1, doubles[at + SCORES]!, words[base + INNER_REFS]!);
    if (count - 1 < INNER_LOW) this.#mergeInner(level, count - 1);
  }

  #mergeInner(level: number, count: number): void {
    const { words } = this.#memory.arena;
    const parent = this.#nodes[level + 1]!;
    const parentWords = words[parent >>> PAGE_BITS]!;
    const base = (parent & OFFSET_MASK) << 1;
    const slot = this.#slots[level + 1]!;
    const children = (i: number): number => {
      const child = parentWords[base + CHILDREN + i]!;
      return words[child >>> PAGE_BITS]![(child & OFFSET_MASK) << 1]!;
    };
    let into = slot;
    if (slot + 1 < parentWords[base]! && children(slot + 1) + count <= INNER_MERGED_MAX) into = slot;
    else if (slot > 0 && children(slot - 1) + count <= INNER_MERGED_MAX) into = slot - 1;
    else return;
    const to = parentWords[base + CHILDREN + into]!;
    const from = parentWords[base + CHILDREN + into + 1]!;
    const toCount = children(into);
    const fromCount = children(into + 1);
    this.#copyChildren(from, 0, to, toCount, fromCount);
    words[to >>> PAGE_BITS]![(to & OFFSET_MASK) << 1] = toCount + fromCount;
    parentWords[base + COUNTS + into]! += parentWords[base + COUNTS + into + 1]!;
    this.#freeNode(from);
    this.#removeChild(level + 1, into + 1);
  }

  /** A root with one child, or none, gives way. */
  #lowerRoot(): void {
    const { words } = this.#memory.arena;
    while (this.#height > 0) {
      const root = this.#root;
      const rootWords = words[root >>> PAGE_BITS]!;
      const base = (root & OFFSET_MASK) << 1;
      if (rootWords[base]! > 1) return;
      if (rootWords[base] === 0) {
        this.#freeNode(root);
        this.#root = this.#newLeaf();
        this.#first = this.#root;
        this.#last = this.#root;
        this.#height = 0;
        return;
      }
      this.#root = rootWords[base + CHILDREN]!;
      this.#height--;
      this.#freeNode(root);
    }
  }

  // ---------------------------------------------------------------------------------------- as a whole

  /** Fills the empty index with elements that are in order. */
  build(scores: Float64Array, refs: Int32Array, count: number): void {
    const { arena } = this.#memory;
    if (count === 0) return;
    this.#freeNode(this.#root);
    let level: number[] = [];
    let counts: number[] = [];
    let previous = 0;
    for (let done = 0; done < count; ) {
      const take = Math.min(LEAF_BUILT, count - done);
      const leaf = this.#newLeaf();
      const words = arena.words[leaf >>> PAGE_BITS]!;
      const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
      const at = leaf & OFFSET_MASK;
      for (let i = 0; i < take; i++) {
        doubles[at + SCORES + i] = scores[done + i]!;
        words[(at << 1) + LEAF_REFS + i] = refs[done + i]!;
      }
      words[at << 1] = take;
      words[(at << 1) + PREV] = previous;
      if (previous === 0) this.#first = leaf;
      else arena.words[previous >>> PAGE_BITS]![((previous & OFFSET_MASK) << 1) + NEXT] = leaf;
      previous = leaf;
      level.push(leaf);
      counts.push(take);
      done += take;
    }
    this.#last = previous;
    this.#height = 0;
    while (level.length > 1) {
      const childRefs = this.#height === 0 ? LEAF_REFS : INNER_REFS;
      const above: number[] = [];
      const sums: number[] = [];
      for (let done = 0; done < level.length; ) {
        const take = Math.min(INNER_BUILT, level.length - done);
        const node = this.#newInner();
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
      this.#height++;
    }
    this.#root = level[0]!;
    this.count = count;
  }

  /**
   * Frees the nodes of about `limit` elements, offering each element's record to `free`; false when nothing is left.
   * Nothing else is done with the index after the first step.
   */
  release(limit: number, free: (ref: number) => void): boolean {
    const { arena } = this.#memory;
    if (this.#height > 0) this.#freeInner(this.#root, this.#height);
    this.#height = 0;
    let freed = 0;
    while (this.#first !== 0 && freed < limit) {
      const leaf = this.#first;
      const words = arena.words[leaf >>> PAGE_BITS]!;
      const at = (leaf & OFFSET_MASK) << 1;
      const count = words[at]!;
      for (let i = 0; i < count; i++) free(words[at + LEAF_REFS + i]!);
      freed += count;
      this.count -= count;
      this.#first = words[at + NEXT]!;
      this.#freeNode(leaf);
    }
    return this.#first !== 0;
  }

  /** There are few inner nodes: 2,000 for five million elements. */
  #freeInner(node: number, level: number): void {
    if (level > 1) {
      const words = this.#memory.arena.words[node >>> PAGE_BITS]!;
      const base = (node & OFFSET_MASK) << 1;
      for (let i = 0; i < words[base]!; i++) this.#freeInner(words[base + CHILDREN + i]!, level - 1);
    }
    this.#freeNode(node);
  }

  /**
   * Defragmentation of one leaf, the one with the element of this rank, of the inner nodes that begin with it, and of
   * its elements' records: `move` may give each node another slot, `moveRecord` each record. Returns the number of
   * its elements from `rank` on.
   */
  defragmentLeaf(rank: number, move: (node: number) => number, moveRecord: (ref: number) => number): number {
    const { arena } = this.#memory;
    this.seekRank(rank);
    const behind = this.slot;
    const leaf = this.#moveLeaf(this.leaf, move);
    for (let level = 1; level <= this.#height && this.#slots[level] === 0; level++) {
      const node = this.#nodes[level]!;
      const moved = move(node);
      if (moved === node) continue;
      this.#nodes[level] = moved;
      this.#setChild(level + 1, moved);
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
        this.#renameFirst(1, arena.doubles[leaf >>> PAGE_BITS]![(leaf & OFFSET_MASK) + SCORES]!, moved);
      }
    }
    return count - behind;
  }

  #moveLeaf(leaf: number, move: (node: number) => number): number {
    const moved = move(leaf);
    if (moved === leaf) return leaf;
    const { words } = this.#memory.arena;
    const own = words[moved >>> PAGE_BITS]!;
    const at = (moved & OFFSET_MASK) << 1;
    const next = own[at + NEXT]!;
    const prev = own[at + PREV]!;
    if (next === 0) this.#last = moved;
    else words[next >>> PAGE_BITS]![((next & OFFSET_MASK) << 1) + PREV] = moved;
    if (prev === 0) this.#first = moved;
    else words[prev >>> PAGE_BITS]![((prev & OFFSET_MASK) << 1) + NEXT] = moved;
    this.#setChild(1, moved);
    return moved;
  }

  #setChild(level: number, child: number): void {
    if (level > this.#height) {
      this.#root = child;
      return;
    }
    const node = this.#nodes[level]!;
    this.#memory.arena.words[node >>> PAGE_BITS]![
      ((node & OFFSET_MASK) << 1) + CHILDREN + this.#slots[level]!
    ] = child;
  }

  /** Checks every invariant; for tests. Returns the number of nodes seen. */
  verify(): number {
    let leaf = this.#first;
    let seen = 0;
    const walk = (node: number, level: number): { count: number; first: number; score: number } => {
      seen++;
      const { arena } = this.#memory;
      const words = arena.words[node >>> PAGE_BITS]!;
      const at = node & OFFSET_MASK;
      const base = at << 1;
      const count = words[base]!;
      const doubles = arena.doubles[node >>> PAGE_BITS]!;
      if (count === 0 && this.#height > 0) throw new Error('an empty node');
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
    const { count } = walk(this.#root, this.#height);
    if (count !== this.count) throw new Error('a wrong total');
    if (leaf !== 0) throw new Error('leaves behind the end');
    if (seen !== this.#nodeCount) throw new Error('a node is lost');
    return seen;
  }
}

/** Gaps of up to this length are moved by a loop, which costs less than a call. */
const MOVE_BY_HAND = 24;

/** Moves [from, end) one place up. Doubles and words have functions of their own: V8 compiles each for one kind. */
function openDoubles(array: Float64Array, from: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from + 1, from, end);
  else for (let i = end; i > from; i--) array[i] = array[i - 1]!;
}

function openWords(array: Int32Array, from: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from + 1, from, end);
  else for (let i = end; i > from; i--) array[i] = array[i - 1]!;
}

/** Moves [from + width, end) down to `from`. */
function closeDoubles(array: Float64Array, from: number, width: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from, from + width, end);
  else for (let i = from + width; i < end; i++) array[i - width] = array[i]!;
}

function closeWords(array: Int32Array, from: number, width: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from, from + width, end);
  else for (let i = from + width; i < end; i++) array[i - width] = array[i]!;
}

function copyDoubles(from: Float64Array, at: number, to: Float64Array, toAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[at + i]!;
}

function copyWords(from: Int32Array, at: number, to: Int32Array, toAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[at + i]!;
}
