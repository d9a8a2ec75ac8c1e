/**
 * The nodes of the index of a sorted set (score-index.ts tells of the whole): their layout, taking and freeing them,
 * moving what is in them.
 *
 *   leaf    count, next, prev; LEAF_MAX scores (doubles), LEAF_MAX refs of member records
 *   inner   count; INNER_MAX times: score and ref of the child's first element, the child, elements below it
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Memory } from '../memory.ts';

export const NODE_BYTES = 1024;
/** Members of a leaf, children of an inner node: what fills NODE_BYTES. */
export const LEAF_MAX = 84;
export const INNER_MAX = 50;
export const LEAF_LOW = 28;
export const INNER_LOW = 16;
export const LEAF_MERGED_MAX = 63;
export const INNER_MERGED_MAX = 37;
/** What a bulk build puts into a node: some room for what comes later. */
export const LEAF_BUILT = 76;
export const INNER_BUILT = 45;

// Offsets within a node: in doubles and in words.
export const SCORES = 2;
export const LEAF_REFS = 4 + LEAF_MAX * 2;
export const INNER_REFS = 4 + INNER_MAX * 2;
export const CHILDREN = INNER_REFS + INNER_MAX;
export const COUNTS = CHILDREN + INNER_MAX;
export const NEXT = 1;
export const PREV = 2;

export const MAX_HEIGHT = 12;
/** Words of a member record before the member; the length is the last of them. */
export const MEMBER_WORD = 3;
export const LENGTH_WORD = 2;
export const MEMBER_BYTES = MEMBER_WORD * 4;

export class IndexNodes {
  protected readonly memory: Memory;
  protected nodeCount = 0;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Bytes of the nodes. */
  get bytes(): number {
    return this.nodeCount * NODE_BYTES;
  }

  protected newLeaf(): number {
    const leaf = this.memory.arena.alloc(NODE_BYTES);
    const words = this.memory.arena.words[leaf >>> PAGE_BITS]!;
    const at = (leaf & OFFSET_MASK) << 1;
    words[at] = 0;
    words[at + NEXT] = 0;
    words[at + PREV] = 0;
    this.nodeCount++;
    return leaf;
  }

  protected newInner(): number {
    const node = this.memory.arena.alloc(NODE_BYTES);
    this.memory.arena.words[node >>> PAGE_BITS]![(node & OFFSET_MASK) << 1] = 0;
    this.nodeCount++;
    return node;
  }

  protected freeNode(node: number): void {
    this.memory.arena.free(node);
    this.nodeCount--;
  }

  protected copyEntries(from: number, fromSlot: number, to: number, toSlot: number, count: number): void {
    const { arena } = this.memory;
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

  protected copyChildren(from: number, fromSlot: number, to: number, toSlot: number, count: number): void {
    const { arena } = this.memory;
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
}

/** Gaps of up to this length are moved by a loop, which costs less than a call. */
const MOVE_BY_HAND = 24;

/** Moves [from, end) one place up. Doubles and words have functions of their own: V8 compiles each for one kind. */
export function openDoubles(array: Float64Array, from: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from + 1, from, end);
  else for (let i = end; i > from; i--) array[i] = array[i - 1]!;
}

export function openWords(array: Int32Array, from: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from + 1, from, end);
  else for (let i = end; i > from; i--) array[i] = array[i - 1]!;
}

/** Moves [from + width, end) down to `from`. */
export function closeDoubles(array: Float64Array, from: number, width: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from, from + width, end);
  else for (let i = from + width; i < end; i++) array[i - width] = array[i]!;
}

export function closeWords(array: Int32Array, from: number, width: number, end: number): void {
  if (end - from > MOVE_BY_HAND) array.copyWithin(from, from + width, end);
  else for (let i = from + width; i < end; i++) array[i - width] = array[i]!;
}

export function copyDoubles(
  from: Float64Array,
  at: number,
  to: Float64Array,
  toAt: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[at + i]!;
}

export function copyWords(from: Int32Array, at: number, to: Int32Array, toAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[at + i]!;
}
