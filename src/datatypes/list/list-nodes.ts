/**
 * The nodes of a grown list and their forms: making, cutting, sealing, freeing them. What a list does with them is in
 * grown-list.ts, what they look like in node.ts.
 */
import { Arena, OFFSET_MASK, PAGE_BITS, SLOT_MAX } from '../../structures/arena.ts';
import { lpEncodedSize, lpEntrySize, lpPrev, lpWriteSized } from '../../structures/listpack.ts';
import { lzfCompress } from '../../structures/lzf.ts';
import { copyOf } from '../../util/copy-bytes.ts';
import { KIND_LARGE, KIND_LZF, KIND_RAW, LISTPACK_HEADER, NodeView, viewNode } from './node.ts';
import { NodeTable, OBJECT_BYTES } from './node-table.ts';
import { KIND_MASK, KIND_SEALED, NODE_HEADER, planSeal, writeSealed } from './sealed.ts';

/** Longer elements are kept outside of the arena. */
export const LARGE_MIN = 32768;
/** Nodes at each end that stay raw. */
const RAW_ENDS = 2;
/** Room of a new node that is limited by its elements. */
const FIRST_BYTES = 512;

const view = new NodeView();
let packed = new Uint8Array(65536);

export class ListNodes extends NodeTable {
  /** Elements. */
  length = 0;

  protected freeRecord(ref: number): void {
    const { arena, externals } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) === KIND_LARGE) externals.remove(words[w + 1]!);
    arena.free(ref);
  }

  protected dropNode(i: number): void {
    this.freeRecord(this.ref(i));
    this.removeNode(i);
  }

  protected kind(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![(ref & OFFSET_MASK) << 1]! & KIND_MASK;
  }

  /** Writes the header of a raw node; returns the place of the record in its page. */
  protected rawHeader(ref: number, start: number, end: number): number {
    const words = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    words[w] = KIND_RAW;
    words[w + 1] = start;
    words[w + 2] = end;
    return w << 2;
  }

  protected view(i: number): NodeView {
    viewNode(this.memory, this.ref(i), this.count(i), view);
    return view;
  }

  /** Shows the entries of node `i` (see node.ts); returns how many it has. */
  viewNode(i: number, into: NodeView): number {
    const count = this.count(i);
    viewNode(this.memory, this.ref(i), count, into);
    return count;
  }

  /** Writes the element measured last at an end of a raw node that has room there. */
  protected write(i: number, front: boolean, size: number, src: Uint8Array, off: number): void {
    const { arena } = this.memory;
    const slot = this.slot(i);
    const ref = this.table[slot]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const at = front ? words[w + 1]! - size : words[w + 2]!;
    lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, (w << 2) + at, src, off);
    if (front) words[w + 1] = at;
    else words[w + 2] = at + size;
    this.table[slot + 1]!++;
    this.length++;
  }

  /**
   * Adds a node with the element measured last. Its free room is on the side from which it was pushed (`front`), as
   * far as more elements may follow it.
   */
  protected addNode(
    i: number,
    size: number,
    src: Uint8Array,
    off: number,
    len: number,
    front: boolean,
  ): void {
    const { arena, externals, listLimits } = this.memory;
    if (len > LARGE_MIN) {
      const ref = arena.alloc(NODE_HEADER);
      const words = arena.words[ref >>> PAGE_BITS]!;
      const w = (ref & OFFSET_MASK) << 1;
      words[w] = KIND_LARGE;
      words[w + 1] = externals.add(copyOf(src, off, len), len);
      words[w + 2] = 0;
      this.insertNode(i, ref, 1);
    } else {
      const { nodeBytes, nodeEntries } = listLimits;
      const wanted = nodeEntries < nodeBytes ? Math.min(nodeBytes, FIRST_BYTES) : nodeBytes;
      const ref = arena.alloc(Math.max(NODE_HEADER + size, wanted));
      const start = front ? arena.capacity(ref) - size : NODE_HEADER;
      const to = this.rawHeader(ref, start, start + size);
      lpWriteSized(arena.pages[ref >>> PAGE_BITS]!, to + start, src, off);
      this.insertNode(i, ref, 1);
    }
    this.length++;
  }

  /** Makes room for `size` bytes at one end of a node. False if it is full, or not raw. */
  protected makeRoom(i: number, size: number, front: boolean): boolean {
    const { arena, listLimits } = this.memory;
    const ref = this.ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) !== KIND_RAW || this.count(i) >= listLimits.nodeEntries) return false;
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
    this.reslot(i, Math.min(listLimits.nodeBytes, Math.max(capacity * 2, needed)), front);
    return true;
  }

  /** Moves a raw node to a record of `bytes`, with its free room at the front or at the end. */
  protected reslot(i: number, bytes: number, roomInFront: boolean): void {
    const { arena } = this.memory;
    const ref = this.ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const start = words[w + 1]!;
    const used = words[w + 2]! - start;
    const moved = arena.alloc(bytes);
    const to = roomInFront ? arena.capacity(moved) - used : NODE_HEADER;
    const at = this.rawHeader(moved, to, to + used);
    const from = arena.pages[ref >>> PAGE_BITS]!;
    arena.pages[moved >>> PAGE_BITS]!.set(from.subarray((w << 2) + start, (w << 2) + start + used), at + to);
    arena.free(ref);
    this.setNode(i, moved, this.count(i));
  }

  /** Cuts node `i` in two before its element `offset`. */
  protected split(i: number, offset: number): void {
    const { arena } = this.memory;
    const ref = this.raw(i, 0);
    const count = this.count(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const at = w << 2;
    const p = this.view(i).seek(offset, count);
    const bytes = at + words[w + 2]! - p;
    const right = arena.alloc(Math.max(NODE_HEADER + bytes, arena.capacity(ref)));
    const start = arena.capacity(right) - bytes;
    const to = this.rawHeader(right, start, start + bytes);
    arena.pages[right >>> PAGE_BITS]!.set(arena.pages[ref >>> PAGE_BITS]!.subarray(p, p + bytes), to + start);
    words[w + 2] = p - at;
    this.setNode(i, ref, offset);
    this.insertNode(i + 1, right, count - offset);
  }

  /** Inserts into node `i` before its element `offset`. False if it is full. */
  protected insertWithin(
    i: number,
    offset: number,
    size: number,
    src: Uint8Array,
    off: number,
    len: number,
  ): boolean {
    const { arena, listLimits } = this.memory;
    const count = this.count(i);
    if (this.kind(this.ref(i)) === KIND_LARGE || count >= listLimits.nodeEntries) return false;
    this.raw(i, size);
    if (!this.makeRoom(i, size, false)) {
      // There may be room in front all the same.
      if (!this.makeRoom(i, size, true)) return false;
    }
    const ref = this.ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const at = w << 2;
    const start = words[w + 1]!;
    const end = words[w + 2]!;
    const p = this.view(i).seek(offset, count);
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
    this.setNode(i, ref, count + 1);
    this.length++;
    return true;
  }

  /** Removes elements at one end of a node, and the node with its last. */
  protected dropFromNode(i: number, count: number, front: boolean): void {
    this.length -= count;
    const left = this.count(i) - count;
    if (left === 0) {
      this.dropNode(i);
      return;
    }
    const { arena } = this.memory;
    if (this.kind(this.ref(i)) === KIND_SEALED) {
      const ref = this.ref(i);
      if (front) arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]! += count;
    } else {
      const ref = this.raw(i, 0);
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
    this.setNode(i, this.ref(i), left);
  }

  /** Removes the elements at `taken` of these places in a node, which ascend, from the one numbered `from` on. */
  protected removeFromNode(i: number, places: Int32Array, from: number, taken: number): void {
    this.length -= taken;
    const count = this.count(i);
    if (taken === count) {
      this.dropNode(i);
      return;
    }
    const { arena } = this.memory;
    const ref = this.raw(i, 0);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const at = w << 2;
    const end = at + words[w + 2]!;
    let read = at + words[w + 1]!;
    let write = read;
    let next = from;
    for (let offset = 0; read < end; offset++) {
      const size = lpEntrySize(page, read);
      if (next < from + taken && places[next] === offset) next++;
      else {
        if (write !== read) page.copyWithin(write, read, read + size);
        write += size;
      }
      read += size;
    }
    words[w + 2] = write - at;
    this.setNode(i, ref, count - taken);
    this.settleIfInside(i);
  }

  /** Makes node `i` raw, with room for `extra` bytes behind its entries. Returns its ref. A large one it leaves. */
  protected raw(i: number, extra: number): number {
    const ref = this.ref(i);
    const kind = this.kind(ref);
    if (kind === KIND_RAW || kind === KIND_LARGE) return ref;
    const { arena, listLimits } = this.memory;
    const { bytes, start, end } = this.view(i);
    const used = end - start;
    const moved = arena.alloc(
      Math.max(NODE_HEADER + used, Math.min(NODE_HEADER + used + extra, listLimits.nodeBytes)),
    );
    const at = this.rawHeader(moved, NODE_HEADER, NODE_HEADER + used);
    arena.pages[moved >>> PAGE_BITS]!.set(bytes.subarray(start, end), at + NODE_HEADER);
    arena.free(ref);
    this.setNode(i, moved, this.count(i));
    return moved;
  }

  protected isRaw(i: number): boolean {
    return i < this.nodeCount && this.kind(this.ref(i)) === KIND_RAW;
  }

  /** After a node was added at an end: what has come to stand inside gets its lasting form. */
  protected settleBehind(front: boolean): void {
    const ends = Math.max(RAW_ENDS, this.memory.listLimits.compressDepth);
    if (this.nodeCount <= ends * 2) return;
    this.settle(front ? ends : this.nodeCount - 1 - ends);
  }

  /** Settles a node that was changed, if it stands inside. */
  protected settleIfInside(i: number): void {
    const ends = Math.max(RAW_ENDS, this.memory.listLimits.compressDepth);
    if (i >= ends && i < this.nodeCount - ends) this.settle(i);
  }

  /** Gives a raw node its densest form. */
  protected settle(i: number): void {
    const { arena, listLimits } = this.memory;
    const ref = this.ref(i);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const w = (ref & OFFSET_MASK) << 1;
    if ((words[w]! & KIND_MASK) !== KIND_RAW) return;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const start = (w << 2) + words[w + 1]!;
    const end = (w << 2) + words[w + 2]!;
    const used = end - start;
    const plain = NODE_HEADER + used;
    let best = planSeal(page, start, end, this.count(i));
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
        this.setNode(i, moved, this.count(i));
        return;
      }
    }
    if (best > 0) {
      const moved = arena.alloc(best);
      const at = (moved & OFFSET_MASK) << 3;
      const from = moved >>> PAGE_BITS;
      writeSealed(arena.pages[from]!, arena.words[from]!, at, page, start, end);
      arena.free(ref);
      this.setNode(i, moved, this.count(i));
    } else if (Arena.slotBytes(plain) * 8 <= arena.capacity(ref) * 7) {
      this.reslot(i, plain, false);
    }
  }

  /** The effort of freeing it: nodes, as Redis judges it. */
  get size(): number {
    return this.nodeCount;
  }

  measure(samples: number): number {
    const { arena, externals } = this.memory;
    const looked = samples === 0 ? this.nodeCount : Math.min(samples, this.nodeCount);
    let bytes = 0;
    for (let k = 0; k < looked; k++) {
      // From all over the list: the nodes at its ends are not like the others.
      const ref = this.ref(Math.floor((k * this.nodeCount) / looked));
      bytes += arena.capacity(ref);
      if (this.kind(ref) === KIND_LARGE) {
        const id = arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]!;
        bytes += externals.get(id).bytes.length;
      }
    }
    if (looked > 0) bytes = Math.round((bytes / looked) * this.nodeCount);
    return OBJECT_BYTES + this.table.byteLength + bytes;
  }

  release(limit: number): boolean {
    for (let k = 0; k < limit && this.nodeCount > 0; k++) this.dropNode(this.nodeCount - 1);
    if (this.nodeCount > 0) return true;
    this.length = 0;
    this.memory.tableBytes -= OBJECT_BYTES + this.table.byteLength;
    this.table = new Int32Array(0);
    return false;
  }

  defragment(cursor: number, limit: number, move: (ref: number) => number): number {
    let i = cursor;
    for (const end = Math.min(this.nodeCount, cursor + limit); i < end; i++) {
      this.table[this.slot(i)] = move(this.ref(i));
    }
    return i < this.nodeCount ? i : 0;
  }
}
