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
import { Arena, OFFSET_MASK, PAGE_BITS, SLOT_MAX } from '../../structures/arena.ts';
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
import { lzfCompress } from '../../structures/lzf.ts';
import type { Collection, Memory } from '../memory.ts';
import { KIND_LARGE, KIND_LZF, KIND_RAW, NodeView, viewNode } from './node.ts';
import {
  KIND_MASK,
  KIND_SEALED,
  NODE_HEADER,
  planSeal,
  readSealed,
  replySealed,
  sealedLength,
  writeSealed,
} from './sealed.ts';

/** Longer elements are kept outside of the arena. */
const LARGE_MIN = 32768;
/** Nodes at each end that stay raw. */
const RAW_ENDS = 2;
/** Room of a new node that is limited by its elements. */
const FIRST_BYTES = 512;
const LISTPACK_HEADER = 6;
const TABLE_START = 16;
/** About what an empty list takes on the heap. */
const OBJECT_BYTES = 256;

const view = new NodeView();
const element = new LpElement();
let sealedText = new Uint8Array(256);
let packed = new Uint8Array(65536);

/** Takes elements: a reply, or whoever collects them. */
export interface BulkSink {
  bulk(src: Uint8Array, off: number, len: number): void;
}

/** Looks at an element; false stops the walk. */
export type Visit = (view: NodeView, p: number, index: number) => boolean;

export class GrownList implements Collection {
  readonly memory: Memory;
  /** Elements. */
  size = 0;
  /** Ring of nodes: ref and count, in turn. */
  #table = new Int32Array(TABLE_START * 2);
  #mask = TABLE_START - 1;
  #head = 0;
  #nodes = 0;

  constructor(memory: Memory) {
    this.memory = memory;
    memory.tableBytes += OBJECT_BYTES + this.#table.byteLength;
  }

  /** The grown form of a packed list. */
  static fromListpack(memory: Memory, b: Uint8Array, at: number): GrownList {
    const list = new GrownList(memory);
    const count = lpLength(b, at);
    if (count === 0) return list;
    const start = lpFirst(b, at);
    const bytes = at + (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16)) - 1 - start;
    const ref = memory.arena.alloc(NODE_HEADER + bytes);
    const to = list.#rawHeader(ref, NODE_HEADER, NODE_HEADER + bytes);
    memory.arena.pages[ref >>> PAGE_BITS]!.set(b.subarray(start, start + bytes), to + NODE_HEADER);
    list.#insertNode(0, ref, count);
    list.size = count;
    return list;
  }

  get nodes(): number {
    return this.#nodes;
  }

  // ------------------------------------------------------------------------------------------ table of nodes

  #slot(i: number): number {
    return ((this.#head + i) & this.#mask) << 1;
  }

  #ref(i: number): number {
    return this.#table[((this.#head + i) & this.#mask) << 1]!;
  }

  #count(i: number): number {
    return this.#table[(((this.#head + i) & this.#mask) << 1) + 1]!;
  }

  #setNode(i: number, ref: number, count: number): void {
    const slot = this.#slot(i);
    this.#table[slot] = ref;
    this.#table[slot + 1] = count;
  }

  /** Makes room for node `i`; those from it on move to the end, or those before it to the front. */
  #insertNode(i: number, ref: number, count: number): void {
    if (this.#nodes > this.#mask) this.#growTable();
    const n = this.#nodes++;
    if (i * 2 < n) {
      this.#head = (this.#head - 1) & this.#mask;
      for (let k = 0; k < i; k++) this.#setNode(k, this.#ref(k + 1), this.#count(k + 1));
    } else {
      for (let k = n; k > i; k--) this.#setNode(k, this.#ref(k - 1), this.#count(k - 1));
    }
    this.#setNode(i, ref, count);
  }

  #growTable(): void {
    const grown = new Int32Array(this.#table.length * 2);
    for (let i = 0; i < this.#nodes; i++) {
      grown[i * 2] = this.#ref(i);
      grown[i * 2 + 1] = this.#count(i);
    }
    this.memory.tableBytes += grown.byteLength - this.#table.byteLength;
    this.#table = grown;
    this.#mask = grown.length / 2 - 1;
    this.#head = 0;
  }

  /** Takes node `i` out of the table, without freeing it. */
  #removeNode(i: number): void {
    const n = --this.#nodes;
    if (i * 2 < n) {
      for (let k = i; k > 0; k--) this.#setNode(k, this.#ref(k - 1), this.#count(k - 1));
      this.#head = (this.#head + 1) & this.#mask;
    } else {
      for (let k = i; k < n; k++) this.#setNode(k, this.#ref(k + 1), this.#count(k + 1));
    }
  }

  #freeRecord(ref: number): void {
    const { arena, externals } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) === KIND_LARGE) externals.remove(words[w + 1]!);
    arena.free(ref);
  }

  #dropNode(i: number): void {
    this.#freeRecord(this.#ref(i));
    this.#removeNode(i);
  }

  #kind(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![(ref & OFFSET_MASK) << 1]! & KIND_MASK;
  }

  /** Writes the header of a raw node; returns the place of the record in its page. */
  #rawHeader(ref: number, start: number, end: number): number {
    const words = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    words[w] = KIND_RAW;
    words[w + 1] = start;
    words[w + 2] = end;
    return w << 2;
  }

  #view(i: number): NodeView {
    viewNode(this.memory, this.#ref(i), this.#count(i), view);
    return view;
  }

  // --------------------------------------------------------------------------------------------- pushes, pops

  pushFront(src: Uint8Array, off: number, len: number): void {
    const size = lpEncodedSize(src, off, len);
    if (this.#nodes > 0) {
      const { arena, listLimits } = this.memory;
      const slot = this.#head << 1;
      const ref = this.#table[slot]!;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const start = words[w + 1]! - size;
      if (
        (words[w]! & KIND_MASK) === KIND_RAW &&
        start >= NODE_HEADER &&
        this.#table[slot + 1]! < listLimits.nodeEntries
      ) {
        lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, (w << 2) + start, src, off);
        words[w + 1] = start;
        this.#table[slot + 1]!++;
        this.size++;
        return;
      }
      if (this.#makeRoom(0, size, true)) {
        this.#write(0, true, size, src, off);
        return;
      }
    }
    this.#addNode(0, size, src, off, len, true);
    this.#settleBehind(true);
  }

  pushBack(src: Uint8Array, off: number, len: number): void {
    const size = lpEncodedSize(src, off, len);
    if (this.#nodes > 0) {
      const { arena, listLimits } = this.memory;
      const slot = ((this.#head + this.#nodes - 1) & this.#mask) << 1;
      const ref = this.#table[slot]!;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const end = words[w + 2]!;
      if (
        (words[w]! & KIND_MASK) === KIND_RAW &&
        end + size <= arena.capacity(ref) &&
        this.#table[slot + 1]! < listLimits.nodeEntries
      ) {
        lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, (w << 2) + end, src, off);
        words[w + 2] = end + size;
        this.#table[slot + 1]!++;
        this.size++;
        return;
      }
      if (this.#makeRoom(this.#nodes - 1, size, false)) {
        this.#write(this.#nodes - 1, false, size, src, off);
        return;
      }
    }
    this.#addNode(this.#nodes, size, src, off, len, false);
    this.#settleBehind(false);
  }

  /** Writes the element measured last at an end of a raw node that has room there. */
  #write(i: number, front: boolean, size: number, src: Uint8Array, off: number): void {
    const { arena } = this.memory;
    const slot = this.#slot(i);
    const ref = this.#table[slot]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const at = front ? words[w + 1]! - size : words[w + 2]!;
    lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, (w << 2) + at, src, off);
    if (front) words[w + 1] = at;
    else words[w + 2] = at + size;
    this.#table[slot + 1]!++;
    this.size++;
  }

  /**
   * Adds a node with the element measured last. Its free room is on the side from which it was pushed (`front`), as
   * far as more elements may follow it.
   */
  #addNode(i: number, size: number, src: Uint8Array, off: number, len: number, front: boolean): void {
    const { arena, externals, listLimits } = this.memory;
    if (len > LARGE_MIN) {
      const ref = arena.alloc(NODE_HEADER);
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      words[w] = KIND_LARGE;
      words[w + 1] = externals.add(src.slice(off, off + len), len);
      words[w + 2] = 0;
      this.#insertNode(i, ref, 1);
    } else {
      const { nodeBytes, nodeEntries } = listLimits;
      const wanted = nodeEntries < nodeBytes ? Math.min(nodeBytes, FIRST_BYTES) : nodeBytes;
      const ref = arena.alloc(Math.max(NODE_HEADER + size, wanted));
      const start = front ? arena.capacity(ref) - size : NODE_HEADER;
      const to = this.#rawHeader(ref, start, start + size);
      lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, to + start, src, off);
      this.#insertNode(i, ref, 1);
    }
    this.size++;
  }

  /** Makes room for `size` bytes at one end of a node. False if it is full, or not raw. */
  #makeRoom(i: number, size: number, front: boolean): boolean {
    const { arena, listLimits } = this.memory;
    const ref = this.#ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) !== KIND_RAW || this.#count(i) >= listLimits.nodeEntries) return false;
    const start = words[w + 1]!;
    const end = words[w + 2]!;
    const capacity = arena.capacity(ref);
    if (front ? start - size >= NODE_HEADER : end + size <= capacity) return true;
    const used = end - start;
    const needed = NODE_HEADER + used + size;
    if (needed * 2 <= capacity) {
      // Both sides get room, so that one who pushes to both in turn doesn't move the entries each time.
      const to = NODE_HEADER + ((capacity - NODE_HEADER - used) >> 1);
      const at = w << 2;
      arena.pages[ref >>> PAGE_BITS]!.copyWithin(at + to, at + start, at + end);
      words[w + 1] = to;
      words[w + 2] = to + used;
      return true;
    }
    if (needed > listLimits.nodeBytes || capacity >= listLimits.nodeBytes) return false;
    this.#reslot(i, Math.min(listLimits.nodeBytes, Math.max(capacity * 2, needed)), front);
    return true;
  }

  /** Moves a raw node to a record of `bytes`, with its free room at the front or at the end. */
  #reslot(i: number, bytes: number, roomInFront: boolean): void {
    const { arena } = this.memory;
    const ref = this.#ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const start = words[w + 1]!;
    const used = words[w + 2]! - start;
    const moved = arena.alloc(bytes);
    const to = roomInFront ? arena.capacity(moved) - used : NODE_HEADER;
    const at = this.#rawHeader(moved, to, to + used);
    const from = arena.pages[ref >>> PAGE_BITS]!;
    arena.pages[moved >>> PAGE_BITS]!.set(from.subarray((w << 2) + start, (w << 2) + start + used), at + to);
    arena.free(ref);
    this.#setNode(i, moved, this.#count(i));
  }

  popFront(out: BulkSink): void {
    const { arena } = this.memory;
    const slot = this.#head << 1;
    const ref = this.#table[slot]!;
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
      this.size--;
      if (--this.#table[slot + 1]! === 0) this.#dropNode(0);
      return;
    }
    this.#replyElement(0, 0, out);
    this.#dropFromNode(0, 1, true);
  }

  popBack(out: BulkSink): void {
    const { arena } = this.memory;
    const last = this.#nodes - 1;
    const slot = ((this.#head + last) & this.#mask) << 1;
    const ref = this.#table[slot]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) === KIND_RAW) {
      const page = arena.pages[ref >>> PAGE_BITS]!;
      const at = w << 2;
      const p = lpPrev(page, at + words[w + 1]! - LISTPACK_HEADER, at + words[w + 2]!);
      lpGet(page, p, element);
      out.bulk(element.bytes, element.off, element.len);
      words[w + 2] = p - at;
      this.size--;
      if (--this.#table[slot + 1]! === 0) this.#dropNode(last);
      return;
    }
    this.#replyElement(last, this.#table[slot + 1]! - 1, out);
    this.#dropFromNode(last, 1, false);
  }

  /** Removes `count` elements from the front. */
  dropFront(count: number): void {
    while (count > 0 && this.#nodes > 0) {
      const here = Math.min(count, this.#count(0));
      this.#dropFromNode(0, here, true);
      count -= here;
    }
  }

  dropBack(count: number): void {
    while (count > 0 && this.#nodes > 0) {
      const last = this.#nodes - 1;
      const here = Math.min(count, this.#count(last));
      this.#dropFromNode(last, here, false);
      count -= here;
    }
  }

  /** Removes elements at one end of a node, and the node with its last. */
  #dropFromNode(i: number, count: number, front: boolean): void {
    this.size -= count;
    const left = this.#count(i) - count;
    if (left === 0) {
      this.#dropNode(i);
      return;
    }
    const { arena } = this.memory;
    if (this.#kind(this.#ref(i)) === KIND_SEALED) {
      const ref = this.#ref(i);
      if (front) arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]! += count;
    } else {
      const ref = this.#raw(i, 0);
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const page = arena.pages[ref >>> PAGE_BITS]!;
      const at = w << 2;
      if (front) {
        let p = at + words[w + 1]!;
        for (let k = 0; k < count; k++) p += lpEntrySize(page, p);
        words[w + 1] = p - at;
      } else if (count <= left) {
        let p = at + words[w + 2]!;
        for (let k = 0; k < count; k++) p = lpPrev(page, at + words[w + 1]! - LISTPACK_HEADER, p);
        words[w + 2] = p - at;
      } else {
        let p = at + words[w + 1]!;
        for (let k = 0; k < left; k++) p += lpEntrySize(page, p);
        words[w + 2] = p - at;
      }
    }
    this.#setNode(i, this.#ref(i), left);
  }

  // ------------------------------------------------------------------------------------- forms of the nodes

  /** Makes node `i` raw, with room for `extra` bytes behind its entries. Returns its ref. A large one it leaves. */
  #raw(i: number, extra: number): number {
    const ref = this.#ref(i);
    const kind = this.#kind(ref);
    if (kind === KIND_RAW || kind === KIND_LARGE) return ref;
    const { arena, listLimits } = this.memory;
    const { bytes, start, end } = this.#view(i);
    const used = end - start;
    const moved = arena.alloc(
      Math.max(NODE_HEADER + used, Math.min(NODE_HEADER + used + extra, listLimits.nodeBytes)),
    );
    const at = this.#rawHeader(moved, NODE_HEADER, NODE_HEADER + used);
    arena.pages[moved >>> PAGE_BITS]!.set(bytes.subarray(start, end), at + NODE_HEADER);
    arena.free(ref);
    this.#setNode(i, moved, this.#count(i));
    return moved;
  }

  /** After a node was added at an end: what has come to stand inside gets its lasting form. */
  #settleBehind(front: boolean): void {
    const ends = Math.max(RAW_ENDS, this.memory.listLimits.compressDepth);
    if (this.#nodes <= ends * 2) return;
    this.#settle(front ? ends : this.#nodes - 1 - ends);
  }

  /** Settles a node that was changed, if it stands inside. */
  #settleIfInside(i: number): void {
    const ends = Math.max(RAW_ENDS, this.memory.listLimits.compressDepth);
    if (i >= ends && i < this.#nodes - ends) this.#settle(i);
  }

  /** Gives a raw node its densest form. */
  #settle(i: number): void {
    const { arena, listLimits } = this.memory;
    const ref = this.#ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) !== KIND_RAW) return;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const start = (w << 2) + words[w + 1]!;
    const end = (w << 2) + words[w + 2]!;
    const used = end - start;
    const plain = NODE_HEADER + used;
    let best = planSeal(page, start, end, this.#count(i));
    if (best === 0 || best * 8 > plain * 7 || best > SLOT_MAX) best = 0;
    if (listLimits.compressDepth > 0) {
      if (packed.length < used) packed = new Uint8Array(used);
      const room = (best === 0 ? Math.floor((plain * 7) / 8) : best) - NODE_HEADER;
      const size = lzfCompress(page, start, used, packed, 0, room);
      if (size > 0) {
        const moved = arena.alloc(NODE_HEADER + size);
        const to = arena.words[moved >>> PAGE_BITS]!;
        const v = (moved & OFFSET_MASK) << 1;
        to[v] = KIND_LZF;
        to[v + 1] = used;
        to[v + 2] = size;
        arena.pages[moved >>> PAGE_BITS]!.set(packed.subarray(0, size), (v << 2) + NODE_HEADER);
        arena.free(ref);
        this.#setNode(i, moved, this.#count(i));
        return;
      }
    }
    if (best > 0) {
      const moved = arena.alloc(best);
      const at = (moved & OFFSET_MASK) << 3;
      const from = moved >>> PAGE_BITS;
      writeSealed(arena.pages[from]!, arena.words[from]!, at, page, start, end);
      arena.free(ref);
      this.#setNode(i, moved, this.#count(i));
    } else if (Arena.slotBytes(plain) * 8 <= arena.capacity(ref) * 7) {
      this.#reslot(i, plain, false);
    }
  }

  // ---------------------------------------------------------------------------------------- by index, reading

  #foundNode = 0;
  #foundOffset = 0;

  /** Finds the node of an index within the list, and the index within the node. */
  #locate(index: number): void {
    const { size } = this;
    if (index * 2 < size) {
      let i = 0;
      let before = 0;
      for (let count = this.#count(0); index - before >= count; count = this.#count(i)) {
        before += count;
        i++;
      }
      this.#foundNode = i;
      this.#foundOffset = index - before;
      return;
    }
    let i = this.#nodes - 1;
    let first = size - this.#count(i);
    while (index < first) first -= this.#count(--i);
    this.#foundNode = i;
    this.#foundOffset = index - first;
  }

  #replyElement(i: number, offset: number, out: BulkSink): void {
    const ref = this.#ref(i);
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
    const nodeView = this.#view(i);
    nodeView.get(this.#seek(nodeView, offset, this.#count(i)), element);
    out.bulk(element.bytes, element.off, element.len);
  }

  #seek(nodeView: NodeView, offset: number, count: number): number {
    if (offset * 2 < count) return nodeView.seek(offset);
    let p = nodeView.end;
    for (let k = count; k > offset; k--) p = nodeView.previous(p);
    return p;
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
      const ref = this.#ref(i);
      const here = Math.min(count, this.#count(i) - offset);
      const words = arena.words[ref >>> PAGE_BITS]!;
      const at = (ref & OFFSET_MASK) << 3;
      if ((words[at >> 2]! & KIND_MASK) === KIND_SEALED) {
        replySealed(out, arena.pages[ref >>> PAGE_BITS]!, words, at, offset, here);
      } else {
        const { bytes, start, large } = this.#view(i);
        if (large) out.bulk(bytes, start, view.end - start);
        else replyEntries(out, bytes, offset === 0 ? start : this.#seek(view, offset, this.#count(i)), here);
      }
      count -= here;
    }
  }

  /** Visits elements from the front, or from the end, until `visit` returns false. */
  each(fromEnd: boolean, visit: Visit): void {
    if (!fromEnd) {
      let index = 0;
      for (let i = 0; i < this.#nodes; i++) {
        const nodeView = this.#view(i);
        for (let p = nodeView.start; p < nodeView.end; p = nodeView.next(p)) {
          if (!visit(nodeView, p, index++)) return;
        }
      }
      return;
    }
    let index = this.size - 1;
    for (let i = this.#nodes - 1; i >= 0; i--) {
      const nodeView = this.#view(i);
      for (let p = nodeView.previous(nodeView.end); p >= nodeView.start; p = nodeView.previous(p)) {
        if (!visit(nodeView, p, index--)) return;
      }
    }
  }

  // --------------------------------------------------------------------------------------- by index, changing

  /** Puts another element in the place of one. */
  set(index: number, src: Uint8Array, off: number, len: number): void {
    this.#locate(index);
    const i = this.#foundNode;
    const offset = this.#foundOffset;
    const size = lpEncodedSize(src, off, len);
    const kind = this.#kind(this.#ref(i));
    if (kind !== KIND_LARGE && len <= LARGE_MIN) {
      const ref = this.#raw(i, size);
      const { arena } = this.memory;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      const page = arena.pages[ref >>> PAGE_BITS]!;
      const at = w << 2;
      const p = this.#seek(this.#view(i), offset, this.#count(i));
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
        if (this.memory.listLimits.compressDepth > 0) this.#settleIfInside(i);
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
    const count = this.#count(i);
    if (offset === 0 || offset === count - 1) {
      this.#dropFromNode(i, 1, offset === 0);
      return;
    }
    const ref = this.#raw(i, 0);
    const { arena } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const p = this.#seek(this.#view(i), offset, count);
    const size = lpEntrySize(page, p);
    page.copyWithin(p, p + size, (w << 2) + words[w + 2]!);
    words[w + 2]! -= size;
    this.#setNode(i, ref, count - 1);
    this.size--;
    this.#settleIfInside(i);
  }

  /** Inserts an element before the one with this index (`size`: at the end). */
  insert(index: number, src: Uint8Array, off: number, len: number): void {
    if (index === 0) {
      this.pushFront(src, off, len);
      return;
    }
    if (index === this.size) {
      this.pushBack(src, off, len);
      return;
    }
    this.#locate(index);
    let i = this.#foundNode;
    let offset = this.#foundOffset;
    if (offset === 0) offset = this.#count(--i);
    const size = lpEncodedSize(src, off, len);
    if (len <= LARGE_MIN && this.#insertWithin(i, offset, size, src, off, len)) {
      this.#settleIfInside(i);
      return;
    }
    if (offset < this.#count(i)) this.#split(i, offset);
    // Now it belongs between two nodes.
    lpEncodedSize(src, off, len);
    if (len <= LARGE_MIN && this.#isRaw(i) && this.#makeRoom(i, size, false)) {
      this.#write(i, false, size, src, off);
    } else if (len <= LARGE_MIN && this.#isRaw(i + 1) && this.#makeRoom(i + 1, size, true)) {
      this.#write(i + 1, true, size, src, off);
    } else {
      this.#addNode(i + 1, size, src, off, len, false);
      this.#settleIfInside(i + 2);
    }
    this.#settleIfInside(i + 1);
    this.#settleIfInside(i);
  }

  #isRaw(i: number): boolean {
    return i < this.#nodes && this.#kind(this.#ref(i)) === KIND_RAW;
  }

  /** Inserts into node `i` before its element `offset`. False if it is full. */
  #insertWithin(i: number, offset: number, size: number, src: Uint8Array, off: number, len: number): boolean {
    const { arena, listLimits } = this.memory;
    const count = this.#count(i);
    if (this.#kind(this.#ref(i)) === KIND_LARGE || count >= listLimits.nodeEntries) return false;
    this.#raw(i, size);
    if (!this.#makeRoom(i, size, false)) {
      // There may be room in front all the same.
      if (!this.#makeRoom(i, size, true)) return false;
    }
    const ref = this.#ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const at = w << 2;
    const start = words[w + 1]!;
    const end = words[w + 2]!;
    const p = this.#seek(this.#view(i), offset, count);
    lpEncodedSize(src, off, len);
    if (end + size <= arena.capacity(ref)) {
      page.copyWithin(p + size, p, at + end);
      words[w + 2] = end + size;
      lpWriteSized(page, p, src, off);
    } else {
      page.copyWithin(at + start - size, at + start, p);
      words[w + 1] = start - size;
      lpWriteSized(page, p - size, src, off);
    }
    this.#setNode(i, ref, count + 1);
    this.size++;
    return true;
  }

  /** Cuts node `i` in two before its element `offset`. */
  #split(i: number, offset: number): void {
    const { arena } = this.memory;
    const ref = this.#raw(i, 0);
    const count = this.#count(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const at = w << 2;
    const p = this.#seek(this.#view(i), offset, count);
    const bytes = at + words[w + 2]! - p;
    const right = arena.alloc(Math.max(NODE_HEADER + bytes, arena.capacity(ref)));
    const start = arena.capacity(right) - bytes;
    const to = this.#rawHeader(right, start, start + bytes);
    arena.pages[right >>> PAGE_BITS]!.set(arena.pages[ref >>> PAGE_BITS]!.subarray(p, p + bytes), to + start);
    words[w + 2] = p - at;
    this.#setNode(i, ref, offset);
    this.#insertNode(i + 1, right, count - offset);
  }

  /**
   * Removes up to `limit` elements that are these bytes (0: all), from the front or from the end. Returns how many.
   */
  remove(src: Uint8Array, off: number, len: number, limit: number, fromEnd: boolean): number {
    let removed = 0;
    const places: number[] = [];
    for (let step = 0, nodes = this.#nodes; step < nodes && (limit === 0 || removed < limit); step++) {
      const i = fromEnd ? nodes - 1 - step : this.#nodes - nodes + step;
      const nodeView = this.#view(i);
      places.length = 0;
      let offset = 0;
      for (let p = nodeView.start; p < nodeView.end; p = nodeView.next(p), offset++) {
        if (nodeView.equals(p, src, off, len)) places.push(offset);
      }
      const left = limit === 0 ? places.length : limit - removed;
      const taken = places.length <= left ? places : fromEnd ? places.slice(-left) : places.slice(0, left);
      if (taken.length === 0) continue;
      removed += taken.length;
      this.#removeFromNode(i, taken);
    }
    return removed;
  }

  /** Removes the elements at these places of a node, in ascending order. */
  #removeFromNode(i: number, places: readonly number[]): void {
    this.size -= places.length;
    const count = this.#count(i);
    if (places.length === count) {
      this.#dropNode(i);
      return;
    }
    const { arena } = this.memory;
    const ref = this.#raw(i, 0);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const at = w << 2;
    const end = at + words[w + 2]!;
    let from = at + words[w + 1]!;
    let to = from;
    let next = 0;
    for (let offset = 0; from < end; offset++) {
      const size = lpEntrySize(page, from);
      if (places[next] === offset) next++;
      else {
        if (to !== from) page.copyWithin(to, from, from + size);
        to += size;
      }
      from += size;
    }
    words[w + 2] = to - at;
    this.#setNode(i, ref, count - places.length);
    this.#settleIfInside(i);
  }

  // --------------------------------------------------------------------------------------------- Collection

  measure(samples: number): number {
    const { arena, externals } = this.memory;
    const looked = samples === 0 ? this.#nodes : Math.min(samples, this.#nodes);
    let bytes = 0;
    for (let i = 0; i < looked; i++) {
      const ref = this.#ref(i);
      bytes += arena.capacity(ref);
      if (this.#kind(ref) === KIND_LARGE) {
        const id = arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]!;
        bytes += externals.get(id).bytes.length;
      }
    }
    if (looked > 0) bytes = Math.round((bytes / looked) * this.#nodes);
    return OBJECT_BYTES + this.#table.byteLength + bytes;
  }

  release(limit: number): boolean {
    for (let k = 0; k < limit && this.#nodes > 0; k++) this.#dropNode(this.#nodes - 1);
    if (this.#nodes > 0) return true;
    this.size = 0;
    this.memory.tableBytes -= OBJECT_BYTES + this.#table.byteLength;
    this.#table = new Int32Array(0);
    return false;
  }

  clone(): GrownList {
    const { arena, externals } = this.memory;
    const copy = new GrownList(this.memory);
    for (let i = 0; i < this.#nodes; i++) {
      const ref = this.#ref(i);
      const bytes = arena.capacity(ref);
      const to = arena.alloc(bytes);
      const from = (ref & OFFSET_MASK) << 3;
      const at = (to & OFFSET_MASK) << 3;
      arena.pages[to >>> PAGE_BITS]!.set(arena.pages[ref >>> PAGE_BITS]!.subarray(from, from + bytes), at);
      if (this.#kind(ref) === KIND_LARGE) {
        const words = arena.words[to >>> PAGE_BITS]!;
        words[(at >> 2) + 1] = externals.clone(words[(at >> 2) + 1]!);
      }
      copy.#insertNode(i, to, this.#count(i));
    }
    copy.size = this.size;
    return copy;
  }

  defragment(cursor: number, limit: number, move: (ref: number) => number): number {
    let i = cursor;
    for (const end = Math.min(this.#nodes, cursor + limit); i < end; i++) {
      this.#table[this.#slot(i)] = move(this.#ref(i));
    }
    return i < this.#nodes ? i : 0;
  }
}
