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
 * A search leaves its path behind (`nodes`, `slots`), which inserting and removing follow upwards. `leaf` and `slot`
 * are the position found last; walking goes on from there along the leaves.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import {
  CHILDREN,
  COUNTS,
  closeDoubles,
  closeWords,
  INNER_LOW,
  INNER_MAX,
  INNER_MERGED_MAX,
  INNER_REFS,
  LEAF_LOW,
  LEAF_MAX,
  LEAF_MERGED_MAX,
  LEAF_REFS,
  NEXT,
  openDoubles,
  openWords,
  PREV,
  SCORES,
} from './index-nodes.ts';
import { IndexWhole } from './index-whole.ts';

export { LENGTH_WORD, MEMBER_WORD } from './index-nodes.ts';

export class ScoreIndex extends IndexWhole {
  /** Adds an element that is not there. */
  insert(score: number, ref: number): void {
    this.descendTo(score, ref);
    const { arena } = this.memory;
    if (arena.words[this.leaf >>> PAGE_BITS]![(this.leaf & OFFSET_MASK) << 1] === LEAF_MAX) {
      this.splitLeaf();
      this.descendTo(score, ref);
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
    this.addToCounts(1);
    if (slot === 0) this.renameFirst(1, score, ref);
  }

  protected addToCounts(difference: number): void {
    const { words } = this.memory.arena;
    for (let level = this.height; level > 0; level--) {
      const node = this.nodes[level]!;
      words[node >>> PAGE_BITS]![((node & OFFSET_MASK) << 1) + COUNTS + this.slots[level]!]! += difference;
    }
  }

  /**
   * Splits the full leaf at the position in two: in the middle, or, where the set grows at an end, so that the one left
   * behind is full. The path is no good afterwards.
   */
  protected splitLeaf(): void {
    const { arena } = this.memory;
    // Slots first: should the arena be full, nothing has changed yet.
    const right = this.reserve(1);
    const { leaf } = this;
    const words = arena.words[leaf >>> PAGE_BITS]!;
    const at = leaf & OFFSET_MASK;
    let keep = LEAF_MAX >> 1;
    if (this.slot === LEAF_MAX && leaf === this.last) keep = LEAF_MAX - 1;
    else if (this.slot === 0 && leaf === this.first) keep = 1;
    const moved = LEAF_MAX - keep;
    const rightWords = arena.words[right >>> PAGE_BITS]!;
    const rightAt = right & OFFSET_MASK;
    this.copyEntries(leaf, keep, right, 0, moved);
    words[at << 1] = keep;
    rightWords[rightAt << 1] = moved;
    const next = words[(at << 1) + NEXT]!;
    rightWords[(rightAt << 1) + NEXT] = next;
    rightWords[(rightAt << 1) + PREV] = leaf;
    words[(at << 1) + NEXT] = right;
    if (next === 0) this.last = right;
    else arena.words[next >>> PAGE_BITS]![((next & OFFSET_MASK) << 1) + PREV] = right;
    const score = arena.doubles[right >>> PAGE_BITS]![rightAt + SCORES]!;
    this.insertChild(1, right, score, rightWords[(rightAt << 1) + LEAF_REFS]!, moved);
  }

  /** Takes the nodes that a split from `level` up may need: returns a leaf, keeps inner nodes in `spare`. */
  protected reserve(level: number): number {
    const { arena } = this.memory;
    let needed = 0;
    for (; level <= this.height; level++) {
      const node = this.nodes[level]!;
      if (arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1]! < INNER_MAX) break;
      needed++;
    }
    if (level > this.height) needed++;
    const leaf = this.newLeaf();
    try {
      while (this.spare.length < needed) this.spare.push(this.newInner());
    } catch (full) {
      for (const node of this.spare) this.freeNode(node);
      this.spare.length = 0;
      this.freeNode(leaf);
      throw full;
    }
    return leaf;
  }

  protected readonly spare: number[] = [];

  /** Puts a node that was split off behind the path's child at `level`; `below` elements went with it. */
  protected insertChild(level: number, child: number, score: number, ref: number, below: number): void {
    const { arena } = this.memory;
    if (level > this.height) {
      this.growRoot(child, score, ref, below);
      return;
    }
    let node = this.nodes[level]!;
    let slot = this.slots[level]! + 1;
    arena.words[node >>> PAGE_BITS]![((node & OFFSET_MASK) << 1) + COUNTS + slot - 1]! -= below;
    if (arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1] === INNER_MAX) {
      const keep = slot === INNER_MAX && this.isRightEdge(level + 1) ? INNER_MAX - 1 : INNER_MAX >> 1;
      const right = this.spare.pop()!;
      this.copyChildren(node, keep, right, 0, INNER_MAX - keep);
      const rightWords = arena.words[right >>> PAGE_BITS]!;
      const rightAt = right & OFFSET_MASK;
      arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1] = keep;
      rightWords[rightAt << 1] = INNER_MAX - keep;
      let total = 0;
      for (let i = 0; i < INNER_MAX - keep; i++) total += rightWords[(rightAt << 1) + COUNTS + i]!;
      // The new child's elements are counted above, too: they go along if it does.
      const goesRight = slot > keep;
      this.insertChild(
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

  protected isRightEdge(level: number): boolean {
    const { words } = this.memory.arena;
    for (; level <= this.height; level++) {
      const node = this.nodes[level]!;
      if (this.slots[level]! + 1 < words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1]!) return false;
    }
    return true;
  }

  /** A root above the old one and the node that was split off it. */
  protected growRoot(child: number, score: number, ref: number, below: number): void {
    const { arena } = this.memory;
    const root = this.spare.pop()!;
    const words = arena.words[root >>> PAGE_BITS]!;
    const doubles = arena.doubles[root >>> PAGE_BITS]!;
    const at = root & OFFSET_MASK;
    const base = at << 1;
    const old = this.root;
    const oldRefs = this.height > 0 ? INNER_REFS : LEAF_REFS;
    words[base] = 2;
    doubles[at + SCORES] = arena.doubles[old >>> PAGE_BITS]![(old & OFFSET_MASK) + SCORES]!;
    words[base + INNER_REFS] = arena.words[old >>> PAGE_BITS]![((old & OFFSET_MASK) << 1) + oldRefs]!;
    words[base + CHILDREN] = old;
    words[base + COUNTS] = this.count - below;
    doubles[at + SCORES + 1] = score;
    words[base + INNER_REFS + 1] = ref;
    words[base + CHILDREN + 1] = child;
    words[base + COUNTS + 1] = below;
    this.root = root;
    this.height++;
  }

  // -------------------------------------------------------------------------------------------- removing

  /** Removes an element that is there. Its record must still be whole. */
  remove(score: number, ref: number): void {
    this.descendTo(score, ref);
    this.removeHere(1);
  }

  /** The element changes its score; the record's is the owner's to change. */
  update(score: number, ref: number, to: number): void {
    this.descendTo(score, ref);
    const { arena } = this.memory;
    const { leaf, slot } = this;
    const doubles = arena.doubles[leaf >>> PAGE_BITS]!;
    const at = leaf & OFFSET_MASK;
    const words = arena.words[leaf >>> PAGE_BITS]!;
    // It often stays between its neighbours. Where those are equal the members would have to be looked at.
    const scores = at + SCORES;
    if (
      slot > 0 &&
      doubles[scores + slot - 1]! < to &&
      (slot + 1 < words[at << 1]! ? to < doubles[scores + slot + 1]! : leaf === this.last)
    ) {
      doubles[scores + slot] = to;
      return;
    }
    this.removeHere(1);
    this.insert(to, ref);
  }

  /** Removes up to `limit` elements from `rank` on, all of one leaf; `visit` sees each. Returns how many. */
  removeSome(rank: number, limit: number, visit: (ref: number) => void): number {
    this.seekRank(rank);
    const { leaf, slot } = this;
    const words = this.memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    const count = Math.min(limit, words[at]! - slot);
    for (let i = 0; i < count; i++) visit(words[at + LEAF_REFS + slot + i]!);
    this.removeHere(count);
    return count;
  }

  /** Removes `removed` elements at the position, which are all in its leaf. */
  protected removeHere(removed: number): void {
    const { arena } = this.memory;
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
    this.addToCounts(-removed);
    if (this.height === 0) return;
    if (left === 0) {
      this.unlinkLeaf(leaf);
      this.removeChild(1, this.slots[1]!);
      return;
    }
    if (slot === 0) this.renameFirst(1, doubles[at + SCORES]!, words[base + LEAF_REFS]!);
    if (left < LEAF_LOW) this.mergeLeaf(left);
  }

  protected unlinkLeaf(leaf: number): void {
    const { words } = this.memory.arena;
    const own = words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    const next = own[at + NEXT]!;
    const prev = own[at + PREV]!;
    if (next === 0) this.last = prev;
    else words[next >>> PAGE_BITS]![((next & OFFSET_MASK) << 1) + PREV] = prev;
    if (prev === 0) this.first = next;
    else words[prev >>> PAGE_BITS]![((prev & OFFSET_MASK) << 1) + NEXT] = next;
    this.freeNode(leaf);
  }

  /** The path's leaf has become thin: its elements and a sister's may fit into one. */
  protected mergeLeaf(left: number): void {
    const { words } = this.memory.arena;
    const parent = this.nodes[1]!;
    const parentWords = words[parent >>> PAGE_BITS]!;
    const base = (parent & OFFSET_MASK) << 1;
    const slot = this.slots[1]!;
    let into = slot;
    if (slot + 1 < parentWords[base]! && parentWords[base + COUNTS + slot + 1]! + left <= LEAF_MERGED_MAX) {
      into = slot;
    } else if (slot > 0 && parentWords[base + COUNTS + slot - 1]! + left <= LEAF_MERGED_MAX) into = slot - 1;
    else return;
    const to = parentWords[base + CHILDREN + into]!;
    const from = parentWords[base + CHILDREN + into + 1]!;
    const toCount = parentWords[base + COUNTS + into]!;
    const fromCount = parentWords[base + COUNTS + into + 1]!;
    this.copyEntries(from, 0, to, toCount, fromCount);
    words[to >>> PAGE_BITS]![(to & OFFSET_MASK) << 1] = toCount + fromCount;
    parentWords[base + COUNTS + into] = toCount + fromCount;
    this.unlinkLeaf(from);
    this.removeChild(1, into + 1);
  }

  /** Takes child `slot` out of the path's node at `level`; the sums above are right already. */
  protected removeChild(level: number, slot: number): void {
    const { arena } = this.memory;
    const node = this.nodes[level]!;
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
    if (level === this.height) {
      this.lowerRoot();
      return;
    }
    if (count === 1) {
      this.freeNode(node);
      this.removeChild(level + 1, this.slots[level + 1]!);
      return;
    }
    if (slot === 0) this.renameFirst(level + 1, doubles[at + SCORES]!, words[base + INNER_REFS]!);
    if (count - 1 < INNER_LOW) this.mergeInner(level, count - 1);
  }

  protected mergeInner(level: number, count: number): void {
    const { words } = this.memory.arena;
    const parent = this.nodes[level + 1]!;
    const parentWords = words[parent >>> PAGE_BITS]!;
    const base = (parent & OFFSET_MASK) << 1;
    const slot = this.slots[level + 1]!;
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
    this.copyChildren(from, 0, to, toCount, fromCount);
    words[to >>> PAGE_BITS]![(to & OFFSET_MASK) << 1] = toCount + fromCount;
    parentWords[base + COUNTS + into]! += parentWords[base + COUNTS + into + 1]!;
    this.freeNode(from);
    this.removeChild(level + 1, into + 1);
  }

  /** A root with one child, or none, gives way. */
  protected lowerRoot(): void {
    const { words } = this.memory.arena;
    while (this.height > 0) {
      const root = this.root;
      const rootWords = words[root >>> PAGE_BITS]!;
      const base = (root & OFFSET_MASK) << 1;
      if (rootWords[base]! > 1) return;
      if (rootWords[base] === 0) {
        this.freeNode(root);
        this.root = this.newLeaf();
        this.first = this.root;
        this.last = this.root;
        this.height = 0;
        return;
      }
      this.root = rootWords[base + CHILDREN]!;
      this.height--;
      this.freeNode(root);
    }
  }
}
