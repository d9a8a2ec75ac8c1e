/**
 * A list that has outgrown its packed form: a deque of nodes (node.ts), each of up to list-max-listpack-size.
 *
 *   table of nodes (a ring of ref and count)
 *     [0] raw, with room at its front   [1] raw   [2] sealed   ...   [n-2] raw   [n-1] raw, with room at its end
 *
 * Pushes write into the room of the end nodes, pops take from them; neither moves a byte. A full end node gets a new
 * one beside it. The second node from an end stays raw, so that a list that goes to and fro across a boundary doesn't
 * pay for it; what comes to stand further inside is settled: sealed (sealed.ts) where its elements allow, else
 * compressed if list-compress-depth says so, else cut to its size. A node inside that is changed becomes raw again.
 *
 * Finding an index walks over the counts of the nodes from the nearer end, as Redis walks over its nodes; here they
 * lie side by side.
 *
 * Elements come as bytes from outside of the arena (a request): they must not lie in the list itself.
 */
import { replyEntries } from '../../resp/listpack-replies.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import {
  LpElement,
  lpEncodedSize,
  lpEntrySize,
  lpFirst,
  lpGet,
  lpLength,
  lpPrev,
  lpWriteSized,
} from '../../structures/listpack.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import type { Collection, Memory } from '../memory.ts';
import { LARGE_MIN, ListNodes } from './list-nodes.ts';
import { KIND_LARGE, KIND_RAW, LISTPACK_HEADER, type NodeView } from './node.ts';
import {
  isSoughtSealed,
  KIND_MASK,
  KIND_SEALED,
  NODE_HEADER,
  readSealed,
  replySealed,
  sealedLength,
  seekInSealed,
} from './sealed.ts';

const element = new LpElement();
let sealedText = new Uint8Array(256);
/** Where an element was found in a node. */
let places = new Int32Array(1024);

/** Takes elements: a reply, or whoever collects them. */
export interface BulkSink {
  bulk(src: Uint8Array, off: number, len: number): void;
}

/** Looks at an element; false stops the walk. */
export type Visit = (view: NodeView, p: number, index: number) => boolean;

export class GrownList extends ListNodes implements Collection {
  /** The grown form of a packed list. */
  static fromListpack(memory: Memory, b: Uint8Array, at: number): GrownList {
    const list = new GrownList(memory);
    if (lpFirst(b, at) >= 0) list.appendListpack(b, at);
    return list;
  }

  /** Adds the elements of a well-formed listpack, of which there are some, as one node at the end. */
  appendListpack(b: Uint8Array, at: number): void {
    const count = lpLength(b, at);
    const start = lpFirst(b, at);
    const bytes = at + (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16)) - 1 - start;
    const ref = this.memory.arena.alloc(NODE_HEADER + bytes);
    const to = this.rawHeader(ref, NODE_HEADER, NODE_HEADER + bytes);
    copyBytes(b, start, bytes, this.memory.arena.pages[ref >>> PAGE_BITS]!, to + NODE_HEADER);
    this.insertNode(this.nodeCount, ref, count);
    this.length += count;
    this.settleBehind(false);
  }

  pushFront(src: Uint8Array, off: number, len: number): void {
    const size = lpEncodedSize(src, off, len);
    if (this.nodeCount > 0) {
      const { arena, listLimits } = this.memory;
      const slot = this.head << 1;
      const ref = this.table[slot]!;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const start = words[w + 1]! - size;
      if (
        (words[w]! & KIND_MASK) === KIND_RAW &&
        start >= NODE_HEADER &&
        this.table[slot + 1]! < listLimits.nodeEntries
      ) {
        lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, (w << 2) + start, src, off);
        words[w + 1] = start;
        this.table[slot + 1]!++;
        this.length++;
        return;
      }
      if (this.makeRoom(0, size, true)) {
        this.write(0, true, size, src, off);
        return;
      }
    }
    this.addNode(0, size, src, off, len, true);
    this.settleBehind(true);
  }

  pushBack(src: Uint8Array, off: number, len: number): void {
    const size = lpEncodedSize(src, off, len);
    if (this.nodeCount > 0) {
      const { arena, listLimits } = this.memory;
      const slot = ((this.head + this.nodeCount - 1) & this.mask) << 1;
      const ref = this.table[slot]!;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const end = words[w + 2]!;
      if (
        (words[w]! & KIND_MASK) === KIND_RAW &&
        end + size <= arena.capacity(ref) &&
        this.table[slot + 1]! < listLimits.nodeEntries
      ) {
        lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, (w << 2) + end, src, off);
        words[w + 2] = end + size;
        this.table[slot + 1]!++;
        this.length++;
        return;
      }
      if (this.makeRoom(this.nodeCount - 1, size, false)) {
        this.write(this.nodeCount - 1, false, size, src, off);
        return;
      }
    }
    this.addNode(this.nodeCount, size, src, off, len, false);
    this.settleBehind(false);
  }

  popFront(out: BulkSink): void {
    const { arena } = this.memory;
    const slot = this.head << 1;
    const ref = this.table[slot]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) === KIND_RAW) {
      const page = arena.pages[ref >>> PAGE_BITS]!;
      const p = (w << 2) + words[w + 1]!;
      const head = page[p]!;
      if (head >= 0x80 && head < 0xc0) {
        out.bulk(page, p + 1, head & 63);
        words[w + 1]! += 2 + (head & 63);
      } else {
        lpGet(page, p, element);
        out.bulk(element.bytes, element.off, element.len);
        words[w + 1]! += lpEntrySize(page, p);
      }
      this.length--;
      if (--this.table[slot + 1]! === 0) this.dropNode(0);
      return;
    }
    this.#replyElement(0, 0, out);
    this.dropFromNode(0, 1, true);
  }

  popBack(out: BulkSink): void {
    const { arena } = this.memory;
    const last = this.nodeCount - 1;
    const slot = ((this.head + last) & this.mask) << 1;
    const ref = this.table[slot]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) === KIND_RAW) {
      const page = arena.pages[ref >>> PAGE_BITS]!;
      const at = w << 2;
      const p = lpPrev(page, at + words[w + 1]! - LISTPACK_HEADER, at + words[w + 2]!);
      lpGet(page, p, element);
      out.bulk(element.bytes, element.off, element.len);
      words[w + 2] = p - at;
      this.length--;
      if (--this.table[slot + 1]! === 0) this.dropNode(last);
      return;
    }
    this.#replyElement(last, this.table[slot + 1]! - 1, out);
    this.dropFromNode(last, 1, false);
  }

  /** Removes `count` elements from the front. */
  dropFront(count: number): void {
    while (count > 0 && this.nodeCount > 0) {
      const here = Math.min(count, this.count(0));
      this.dropFromNode(0, here, true);
      count -= here;
    }
  }

  dropBack(count: number): void {
    while (count > 0 && this.nodeCount > 0) {
      const last = this.nodeCount - 1;
      const here = Math.min(count, this.count(last));
      this.dropFromNode(last, here, false);
      count -= here;
    }
  }

  #foundNode = 0;

  #foundOffset = 0;

  /** Finds the node of an index within the list, and the index within the node. */
  #locate(index: number): void {
    const { length: size } = this;
    if (index * 2 < size) {
      let i = 0;
      let before = 0;
      for (let count = this.count(0); index - before >= count; count = this.count(i)) {
        before += count;
        i++;
      }
      this.#foundNode = i;
      this.#foundOffset = index - before;
      return;
    }
    let i = this.nodeCount - 1;
    let first = size - this.count(i);
    while (index < first) first -= this.count(--i);
    this.#foundNode = i;
    this.#foundOffset = index - first;
  }

  #replyElement(i: number, offset: number, out: BulkSink): void {
    const ref = this.ref(i);
    const { arena } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 3;
    if ((words[at >> 2]! & KIND_MASK) === KIND_SEALED) {
      const length = sealedLength(words, at);
      if (sealedText.length < length) sealedText = new Uint8Array(length * 2);
      readSealed(arena.pages[ref >>> PAGE_BITS]!, words, at, offset, sealedText, 0);
      out.bulk(sealedText, 0, length);
      return;
    }
    const nodeView = this.view(i);
    nodeView.get(nodeView.seek(offset, this.count(i)), element);
    out.bulk(element.bytes, element.off, element.len);
  }

  /** Hands over the element with an index within the list. */
  at(index: number, out: BulkSink): void {
    this.#locate(index);
    this.#replyElement(this.#foundNode, this.#foundOffset, out);
  }

  /** Replies with `count` elements from `index` on, which must be there. */
  reply(index: number, count: number, out: ReplyWriter): void {
    if (count <= 0) return;
    const { arena } = this.memory;
    this.#locate(index);
    let offset = this.#foundOffset;
    for (let i = this.#foundNode; count > 0; i++, offset = 0) {
      const ref = this.ref(i);
      const here = Math.min(count, this.count(i) - offset);
      const words = arena.words[ref >>> PAGE_BITS]!;
      const at = (ref & OFFSET_MASK) << 3;
      if ((words[at >> 2]! & KIND_MASK) === KIND_SEALED) {
        replySealed(out, arena.pages[ref >>> PAGE_BITS]!, words, at, offset, here);
      } else {
        const nodeView = this.view(i);
        const { bytes, start, end, large } = nodeView;
        if (large) out.bulk(bytes, start, end - start);
        else replyEntries(out, bytes, offset === 0 ? start : nodeView.seek(offset, this.count(i)), here);
      }
      count -= here;
    }
  }

  /** Visits elements from the front, or from the end, until `visit` returns false. */
  each(fromEnd: boolean, visit: Visit): void {
    if (!fromEnd) {
      let index = 0;
      for (let i = 0; i < this.nodeCount; i++) {
        const nodeView = this.view(i);
        for (let p = nodeView.start; p < nodeView.end; p = nodeView.next(p)) {
          if (!visit(nodeView, p, index++)) return;
        }
      }
      return;
    }
    let index = this.length - 1;
    for (let i = this.nodeCount - 1; i >= 0; i--) {
      const nodeView = this.view(i);
      for (let p = nodeView.previous(nodeView.end); p >= nodeView.start; p = nodeView.previous(p)) {
        if (!visit(nodeView, p, index--)) return;
      }
    }
  }

  /**
   * Visits the indexes of the elements that are these bytes, from the front or from the end, until `visit` returns
   * false or `limit` elements have been looked at (0: all).
   */
  matches(
    src: Uint8Array,
    off: number,
    len: number,
    fromEnd: boolean,
    limit: number,
    visit: (index: number) => boolean,
  ): void {
    let left = limit === 0 ? this.length : Math.min(limit, this.length);
    let first = fromEnd ? this.length : 0;
    for (let step = 0; left > 0; step++) {
      const i = fromEnd ? this.nodeCount - 1 - step : step;
      const count = this.count(i);
      if (fromEnd) first -= count;
      const looked = Math.min(left, count);
      const found = this.#find(i, src, off, len, fromEnd ? count - looked : 0, looked);
      for (let k = 0; k < found; k++) {
        if (!visit(first + places[fromEnd ? found - 1 - k : k]!)) return;
      }
      if (!fromEnd) first += count;
      left -= looked;
    }
  }

  /** Fills `places` with the offsets of an element among `count` of a node, from `from` on. Returns how many. */
  #find(i: number, src: Uint8Array, off: number, len: number, from: number, count: number): number {
    const ref = this.ref(i);
    const all = this.count(i);
    if (places.length < all) places = new Int32Array(all * 2);
    let found = 0;
    if (this.kind(ref) === KIND_SEALED) {
      const page = this.memory.arena.pages[ref >>> PAGE_BITS]!;
      const words = this.memory.arena.words[ref >>> PAGE_BITS]!;
      if (!seekInSealed(page, words, (ref & OFFSET_MASK) << 3, src, off, len)) return 0;
      for (let k = from; k < from + count; k++) if (isSoughtSealed(page, k)) places[found++] = k;
      return found;
    }
    const nodeView = this.view(i);
    nodeView.seekFor(src, off, len);
    let p = nodeView.seek(from, all);
    for (let k = from; k < from + count; k++) {
      if (nodeView.isSought(p, src, off, len)) places[found++] = k;
      p = nodeView.next(p);
    }
    return found;
  }

  /** Puts another element in the place of one. */
  set(index: number, src: Uint8Array, off: number, len: number): void {
    this.#locate(index);
    const i = this.#foundNode;
    const offset = this.#foundOffset;
    const size = lpEncodedSize(src, off, len);
    const kind = this.kind(this.ref(i));
    if (kind !== KIND_LARGE && len <= LARGE_MIN) {
      const ref = this.raw(i, size);
      const { arena } = this.memory;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const page = arena.pages[ref >>> PAGE_BITS]!;
      const at = w << 2;
      const p = this.view(i).seek(offset, this.count(i));
      const difference = lpEncodedSize(src, off, len) - lpEntrySize(page, p);
      const end = at + words[w + 2]!;
      if (end + difference <= at + arena.capacity(ref)) {
        if (difference !== 0) {
          const behind = p + lpEntrySize(page, p);
          page.copyWithin(behind + difference, behind, end);
          words[w + 2]! += difference;
        }
        lpWriteSized(page, p, src, off);
        // Sealing it anew would take longer than all the rest: what is changed by index is changed again.
        if (this.memory.listLimits.compressDepth > 0) this.settleIfInside(i);
        return;
      }
    }
    // It doesn't fit where it was: out with the old one, in with the new.
    this.insert(index, src, off, len);
    this.#removeAt(index + 1);
  }

  #removeAt(index: number): void {
    this.#locate(index);
    const i = this.#foundNode;
    const offset = this.#foundOffset;
    const count = this.count(i);
    if (offset === 0 || offset === count - 1) {
      this.dropFromNode(i, 1, offset === 0);
      return;
    }
    const ref = this.raw(i, 0);
    const { arena } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const p = this.view(i).seek(offset, count);
    const size = lpEntrySize(page, p);
    page.copyWithin(p, p + size, (w << 2) + words[w + 2]!);
    words[w + 2]! -= size;
    this.setNode(i, ref, count - 1);
    this.length--;
    this.settleIfInside(i);
  }

  /** Inserts an element before the one with this index (`length`: at the end). */
  insert(index: number, src: Uint8Array, off: number, len: number): void {
    if (index === 0) {
      this.pushFront(src, off, len);
      return;
    }
    if (index === this.length) {
      this.pushBack(src, off, len);
      return;
    }
    this.#locate(index);
    let i = this.#foundNode;
    let offset = this.#foundOffset;
    if (offset === 0) offset = this.count(--i);
    const size = lpEncodedSize(src, off, len);
    if (len <= LARGE_MIN && this.insertWithin(i, offset, size, src, off, len)) {
      this.settleIfInside(i);
      return;
    }
    if (offset < this.count(i)) this.split(i, offset);
    // Now it belongs between two nodes.
    lpEncodedSize(src, off, len);
    if (len <= LARGE_MIN && this.isRaw(i) && this.makeRoom(i, size, false)) {
      this.write(i, false, size, src, off);
    } else if (len <= LARGE_MIN && this.isRaw(i + 1) && this.makeRoom(i + 1, size, true)) {
      this.write(i + 1, true, size, src, off);
    } else {
      this.addNode(i + 1, size, src, off, len, false);
      this.settleIfInside(i + 2);
    }
    this.settleIfInside(i + 1);
    this.settleIfInside(i);
  }

  /**
   * Removes up to `limit` elements that are these bytes (0: all), from the front or from the end. Returns how many.
   */
  remove(src: Uint8Array, off: number, len: number, limit: number, fromEnd: boolean): number {
    let removed = 0;
    for (let step = 0, nodes = this.nodeCount; step < nodes && (limit === 0 || removed < limit); step++) {
      const i = fromEnd ? nodes - 1 - step : this.nodeCount - nodes + step;
      const found = this.#find(i, src, off, len, 0, this.count(i));
      const taken = limit === 0 ? found : Math.min(found, limit - removed);
      if (taken === 0) continue;
      removed += taken;
      this.removeFromNode(i, places, fromEnd ? found - taken : 0, taken);
    }
    return removed;
  }

  clone(): GrownList {
    const { arena, externals } = this.memory;
    const copy = new GrownList(this.memory);
    for (let i = 0; i < this.nodeCount; i++) {
      const ref = this.ref(i);
      const bytes = arena.capacity(ref);
      const to = arena.alloc(bytes);
      const from = (ref & OFFSET_MASK) << 3;
      const at = (to & OFFSET_MASK) << 3;
      arena.pages[to >>> PAGE_BITS]!.set(arena.pages[ref >>> PAGE_BITS]!.subarray(from, from + bytes), at);
      if (this.kind(ref) === KIND_LARGE) {
        const words = arena.words[to >>> PAGE_BITS]!;
        words[(at >> 2) + 1] = externals.clone(words[(at >> 2) + 1]!);
      }
      copy.insertNode(i, to, this.count(i));
    }
    copy.length = this.length;
    return copy;
  }
}
