/**
 * Nodes of a grown list, as records in the arena. Word 0 tells the kind:
 *
 *   RAW     the entries of a listpack, without its header, between two offsets: there may be room before and behind,
 *           so that both ends of a list take pushes and pops without moving anything.
 *             word 1  where they begin, word 2  where they end (bytes from the beginning of the record)
 *   SEALED  elements of one length, see sealed.ts
 *   LZF     the same entries compressed (list-compress-depth)
 *             word 1  bytes unpacked, word 2  bytes packed, which follow
 *   LARGE   one long element in memory of its own; word 1  its number among the externals
 *
 * How many elements a node has stands in the list's own table of nodes.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import {
  type LpElement,
  lpEncodedSize,
  lpEntrySize,
  lpGet,
  lpIsSought,
  lpPrev,
  lpSeekFor,
  lpWriteSized,
} from '../../structures/listpack.ts';
import { lzfDecompress } from '../../structures/lzf.ts';
import type { Memory } from '../memory.ts';
import { KIND_MASK, KIND_SEALED, NODE_HEADER, readSealed, sealedLength } from './sealed.ts';

export const KIND_RAW = 0;
export const KIND_LZF = 2;
export const KIND_LARGE = 3;

/** Header of a listpack: lpPrev is told where one would begin. */
export const LISTPACK_HEADER = 6;

let unpacked = new Uint8Array(65536);
let text = new Uint8Array(256);

function room(scratch: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  return scratch.length >= bytes ? scratch : new Uint8Array(bytes * 2);
}

/** The entries of a node as one may walk through them, whatever its kind. */
export class NodeView {
  bytes: Uint8Array = unpacked;
  start = 0;
  end = 0;
  /** The node is one long element: `start` and `end` are its ends. */
  large = false;

  /** The entry behind `p`; `end` when there is none. */
  next(p: number): number {
    return this.large ? this.end : p + lpEntrySize(this.bytes, p);
  }

  /** The entry before `p`; less than `start` when there is none. */
  previous(p: number): number {
    if (p <= this.start) return -1;
    return this.large ? this.start : lpPrev(this.bytes, this.start - LISTPACK_HEADER, p);
  }

  /** The entry with an index within the node, which has `count`. */
  seek(index: number, count: number): number {
    if (index * 2 < count) {
      let p = this.start;
      while (index-- > 0) p = this.next(p);
      return p;
    }
    let p = this.end;
    for (let k = count; k > index; k--) p = this.previous(p);
    return p;
  }

  get(p: number, into: LpElement): LpElement {
    if (!this.large) return lpGet(this.bytes, p, into);
    into.isInt = false;
    into.bytes = this.bytes;
    into.off = this.start;
    into.len = this.end - this.start;
    return into;
  }

  /** Prepares for isSought. */
  seekFor(src: Uint8Array, off: number, len: number): void {
    if (!this.large) lpSeekFor(src, off, len);
  }

  /** Whether the entry at `p` is the element that seekFor was told. */
  isSought(p: number, src: Uint8Array, off: number, len: number): boolean {
    if (!this.large) return lpIsSought(this.bytes, p, src, off);
    if (this.end - this.start !== len) return false;
    for (let i = 0; i < len; i++) if (this.bytes[this.start + i] !== src[off + i]) return false;
    return true;
  }
}

/**
 * Shows the entries of a node of `count` elements. Those of a compressed or sealed node are unpacked to a scratch that
 * all lists share: the view is good until the next node is viewed.
 */
export function viewNode(memory: Memory, ref: number, count: number, view: NodeView): void {
  const page = memory.arena.pages[ref >>> PAGE_BITS]!;
  const words = memory.arena.words[ref >>> PAGE_BITS]!;
  const w = (ref & OFFSET_MASK) << 1;
  const at = w << 2;
  view.large = false;
  switch (words[w]! & KIND_MASK) {
    case KIND_RAW:
      view.bytes = page;
      view.start = at + words[w + 1]!;
      view.end = at + words[w + 2]!;
      return;
    case KIND_SEALED: {
      const length = sealedLength(words, at);
      text = room(text, length);
      unpacked = room(unpacked, LISTPACK_HEADER + count * (length + 10));
      view.bytes = unpacked;
      view.start = LISTPACK_HEADER;
      let to = LISTPACK_HEADER;
      for (let i = 0; i < count; i++) {
        readSealed(page, words, at, i, text, 0);
        lpEncodedSize(text, 0, length);
        to = lpWriteSized(unpacked, to, text, 0);
      }
      view.end = to;
      return;
    }
    case KIND_LZF: {
      const size = words[w + 1]!;
      unpacked = room(unpacked, LISTPACK_HEADER + size);
      if (!lzfDecompress(page, at + NODE_HEADER, words[w + 2]!, unpacked, LISTPACK_HEADER, size)) {
        throw new Error('a compressed node of a list is damaged');
      }
      view.bytes = unpacked;
      view.start = LISTPACK_HEADER;
      view.end = LISTPACK_HEADER + size;
      return;
    }
    default: {
      const value = memory.externals.get(words[w + 1]!);
      view.bytes = value.bytes;
      view.start = 0;
      view.end = value.length;
      view.large = true;
    }
  }
}
