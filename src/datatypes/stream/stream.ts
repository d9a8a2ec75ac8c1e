/**
 * A stream: nodes of entries (node.ts), found through a sorted index by their master ids, and its consumer groups.
 *
 * Entries only come at the end. Deleting marks them; a node goes when none of its entries lives. The last node has
 * room to grow in its slot; when the next one begins, it is sealed (sealed-node.ts), or where that saves nothing moves
 * to a slot that it fills. Any node may be found sealed (the last one, too, when those behind it have gone): what
 * changes a node makes it raw first.
 */
import type { Args } from '../../resp/args.ts';
import { Arena, OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Collection, Memory } from '../memory.ts';
import { type Count, minus, plus } from './count.ts';
import { ELEMENT_HEAD_MAX, listpackIntSize, listpackSize, skipEqual, writeElement } from './element.ts';
import { byName, type Group, UNKNOWN } from './group.ts';
import { compareIds, compareToWords, StreamId } from './id.ts';
import { IdIndex } from './id-index.ts';
import { ENTRY_HEAD_MAX, NodeCursor, SAME_FIELDS, varintSize, writeEntryHead, writeVarint } from './node.ts';
import {
  NODE_HEAD_BYTES,
  W_COUNT,
  W_DELETED,
  W_ENTRIES,
  W_FIELDS,
  W_LAST,
  W_LISTPACK,
  W_MASTER,
  W_USED,
} from './node-head.ts';
import { nodeFromListpack, nodeListpackBytes, writeNodeListpack } from './node-listpack.ts';
import { isSealed, rawBytes, sealNode, storedBytes, unsealNode } from './sealed-node.ts';

/** What a stream takes beside its nodes and indexes, roughly. */
const STREAM_BYTES = 500;
/** No node, and so no entry, is larger, whatever stream-node-max-bytes says. */
export const NODE_BYTES_MAX = 2 ** 30;
/** A listpack without elements: header and end. */
const LISTPACK_FRAME = 7;
/** Payload of the index of nodes. */
export const REF = 4;

const cursor = new NodeCursor();

export class Stream implements Collection {
  readonly memory: Memory;
  readonly nodes: IdIndex;
  /** Entries that live. */
  length = 0;
  readonly lastId = new StreamId();
  /** Id of the first entry that lives; 0-0 when there is none. */
  readonly firstId = new StreamId();
  /** The largest id that XDEL has removed. */
  readonly maxDeletedId = new StreamId();
  /** Entries ever added. */
  entriesAdded: Count = 0;
  /** Null until there was one. */
  groups: Map<string, Group> | null = null;

  constructor(memory: Memory, nodes: IdIndex = new IdIndex(memory, 1)) {
    this.memory = memory;
    this.nodes = nodes;
    memory.tableBytes += STREAM_BYTES;
  }

  // -------------------------------------------------------------------------------------------- appending

  /**
   * Adds an entry: fields and values from argument `first` on, under an id larger than `lastId`. `maxBytes` and
   * `maxEntries` are the limits of a node (0: none).
   */
  append(args: Args, first: number, id: StreamId, maxBytes: number, maxEntries: number): void {
    const { arena } = this.memory;
    const { buf, off, len, count } = args;
    let total = 0;
    for (let i = first; i < count; i++) total += len[i]!;
    const fields = (count - first) >> 1;
    const most = total + (count - first) * ELEMENT_HEAD_MAX + ENTRY_HEAD_MAX + 10;
    let ref = this.#lastNode();
    if (ref === 0) ref = this.#newNode(args, first, fields, id, most + total);
    else if (this.#isFull(ref, total, maxBytes, maxEntries)) {
      // The next node will probably become as large as this one.
      const used = this.#settle(ref);
      ref = this.#newNode(args, first, fields, id, Math.max(most + total, used));
    } else ref = this.#makeRoom(ref, most, maxBytes);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const b = arena.pages[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const base = at * 4;
    const start = base + words[at + W_USED]!;
    const isFirst = words[at + W_USED] === words[at + W_ENTRIES];
    let same = words[at + W_FIELDS] === fields;
    if (same && !isFirst) {
      let p = base + NODE_HEAD_BYTES;
      for (let i = first; i < count; i += 2) {
        p = skipEqual(b, p, buf, off[i]!, len[i]!);
        if (p < 0) break;
      }
      same = p >= 0;
    }
    let p = writeEntryHead(b, start + 1, id, words, at + W_LAST, isFirst, same ? SAME_FIELDS : 0);
    let listpack = this.#headSize(id, words, at + W_MASTER);
    if (same) {
      listpack += listpackIntSize(0, fields + 3);
      for (let i = first + 1; i < count; i += 2) {
        const from = p;
        p = writeElement(b, p, buf, off[i]!, len[i]!);
        listpack += listpackSize(p - from);
      }
    } else {
      listpack += listpackIntSize(0, fields) + listpackIntSize(0, fields * 2 + 4);
      p = writeVarint(b, p, fields);
      for (let i = first; i < count; i++) {
        const from = p;
        p = writeElement(b, p, buf, off[i]!, len[i]!);
        listpack += listpackSize(p - from);
      }
    }
    const size = p - start - 1;
    if (size > 127) {
      // The length needs more than the byte that was left for it.
      const shift = varintSize(size) - 1;
      b.copyWithin(start + 1 + shift, start + 1, p);
      p += shift;
    }
    writeVarint(b, start, size);
    words[at + W_USED] = p - base;
    words[at + W_COUNT]!++;
    words[at + W_LISTPACK]! += listpack;
    id.store(words, at + W_LAST);
    this.lastId.copy(id);
    if (this.length++ === 0) this.firstId.copy(id);
    this.entriesAdded = plus(this.entriesAdded, 1);
  }

  /** What flags and the id's differences to the master id take in a listpack. */
  #headSize(id: StreamId, words: Int32Array, master: number): number {
    const masterMl = words[master + 1]!;
    const msBorrow = id.ml >>> 0 < masterMl >>> 0 ? 1 : 0;
    const masterSl = words[master + 3]!;
    const seqBorrow = id.sl >>> 0 < masterSl >>> 0 ? 1 : 0;
    return (
      2 +
      listpackIntSize((id.mh - words[master]! - msBorrow) | 0, (id.ml - masterMl) | 0) +
      listpackIntSize((id.sh - words[master + 2]! - seqBorrow) | 0, (id.sl - masterSl) | 0)
    );
  }

  /** The last node, 0 if there is none. */
  #lastNode(): number {
    return this.nodes.last() ? this.nodes.words[this.nodes.at + REF]! : 0;
  }

  /** Whether Redis would begin a new node for an entry of so many bytes. */
  #isFull(ref: number, total: number, maxBytes: number, maxEntries: number): boolean {
    const words = this.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const live = words[at + W_COUNT]!;
    const deleted = words[at + W_DELETED]!;
    if (maxEntries > 0 && live + deleted >= maxEntries) return true;
    const listpack = words[at + W_LISTPACK]! + listpackIntSize(0, live) + listpackIntSize(0, deleted);
    const limit = maxBytes === 0 || maxBytes > NODE_BYTES_MAX ? NODE_BYTES_MAX : maxBytes;
    return listpack + total >= limit;
  }

  /** Begins a node with the fields of this entry, and room for so many bytes. */
  #newNode(args: Args, first: number, fields: number, id: StreamId, room: number): number {
    const { arena } = this.memory;
    const ref = arena.alloc(NODE_HEAD_BYTES + room + fields * ELEMENT_HEAD_MAX);
    const words = arena.words[ref >>> PAGE_BITS]!;
    const b = arena.pages[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    let p = at * 4 + NODE_HEAD_BYTES;
    let listpack = LISTPACK_FRAME + listpackIntSize(0, fields) + 2;
    for (let i = first; i < args.count; i += 2) {
      const from = p;
      p = writeElement(b, p, args.buf, args.off[i]!, args.len[i]!);
      listpack += listpackSize(p - from);
    }
    words[at + W_USED] = p - at * 4;
    words[at + W_COUNT] = 0;
    words[at + W_DELETED] = 0;
    words[at + W_LISTPACK] = listpack;
    words[at + W_FIELDS] = fields;
    words[at + W_ENTRIES] = p - at * 4;
    id.store(words, at + W_LAST);
    id.store(words, at + W_MASTER);
    this.nodes.find(id);
    this.nodes.insert(id);
    this.nodes.words[this.nodes.at + REF] = ref;
    return ref;
  }

  /** Makes sure that the last node has room for `most` bytes more. Returns its ref. */
  #makeRoom(ref: number, most: number, maxBytes: number): number {
    const { arena } = this.memory;
    const used = arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + W_USED]!;
    if (used < 0) return this.#unseal(ref, most);
    const needed = used + most;
    if (needed <= arena.capacity(ref)) return ref;
    const generous = Math.max(needed, maxBytes === 0 ? used * 2 : Math.min(used * 2, maxBytes));
    return this.#moveNode(ref, used, generous);
  }

  /**
   * Brings the node at the index's position, to which nothing will come any more, to the smallest slot. Returns the
   * bytes that it has as a raw one.
   */
  #settle(ref: number): number {
    const { arena } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const used = rawBytes(words, at);
    if (isSealed(words, at)) return used;
    const sealed = sealNode(arena, ref);
    if (sealed !== 0) this.#replaceNode(ref, sealed);
    else if (Arena.slotBytes(used) < arena.capacity(ref)) this.#moveNode(ref, used, used);
    return used;
  }

  /** Makes the sealed node at the index's position a raw one with room for `room` bytes more. Returns its ref. */
  #unseal(ref: number, room: number): number {
    return this.#replaceNode(ref, unsealNode(this.memory.arena, ref, room));
  }

  /** The node at the index's position is another record now. */
  #replaceNode(ref: number, by: number): number {
    this.nodes.words[this.nodes.at + REF] = by;
    this.memory.arena.free(ref);
    return by;
  }

  /** Moves the node at the index's position. */
  #moveNode(ref: number, used: number, bytes: number): number {
    const { arena } = this.memory;
    const moved = arena.alloc(bytes);
    const from = (ref & OFFSET_MASK) << 3;
    arena.pages[moved >>> PAGE_BITS]!.set(
      arena.pages[ref >>> PAGE_BITS]!.subarray(from, from + used),
      (moved & OFFSET_MASK) << 3,
    );
    return this.#replaceNode(ref, moved);
  }

  /**
   * Adds a node that is a listpack in a file, behind those that are there. False: it is none. What else a file says of
   * the stream (ids, counters) is the caller's to set.
   */
  addListpack(master: StreamId, listpack: Uint8Array): boolean {
    if (this.nodes.find(master)) return false;
    const ref = nodeFromListpack(this.memory.arena, master, listpack);
    if (ref === 0) return false;
    const last = this.#lastNode();
    if (last !== 0) this.#settle(last);
    this.nodes.find(master);
    this.nodes.insert(master);
    this.nodes.words[this.nodes.at + REF] = ref;
    this.length += this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + W_COUNT]!;
    return true;
  }

  /** The id of the last entry that the last node has, deleted or not; there must be a node. */
  lastInNodes(into: StreamId): void {
    const ref = this.#lastNode();
    into.load(this.memory.arena.words[ref >>> PAGE_BITS]!, ((ref & OFFSET_MASK) << 1) + W_LAST);
  }

  /** The node at the position of `nodes`, as files have it. */
  listpack(): Uint8Array {
    const { arena } = this.memory;
    const ref = this.nodes.words[this.nodes.at + REF]!;
    const bytes = new Uint8Array(nodeListpackBytes(arena, ref));
    writeNodeListpack(arena, ref, bytes, 0);
    return bytes;
  }

  // --------------------------------------------------------------------------------------------- deleting

  /** Removes an entry. Returns whether there was one. What follows for `firstId` is `settleFirst`'s. */
  delete(id: StreamId): boolean {
    if (!this.#locate(id)) return false;
    this.#markDeleted();
    this.length--;
    if (cursor.words[cursor.at + W_COUNT] === 0) this.#dropNode();
    return true;
  }

  /** Whether an entry with this id lives. */
  has(id: StreamId): boolean {
    return this.#locate(id);
  }

  /** Takes `cursor` to the living entry with this id. */
  #locate(id: StreamId): boolean {
    const { nodes } = this;
    if (compareIds(id, this.lastId) > 0 || !nodes.seekBack(id)) return false;
    const ref = nodes.words[nodes.at + REF]!;
    cursor.open(this.memory.arena, ref);
    if (compareToWords(id, cursor.words, cursor.at + W_LAST) > 0) return false;
    while (cursor.step()) {
      const order = cursor.compare(id);
      if (order >= 0) return order === 0 && cursor.live;
    }
    return false;
  }

  /** Marks the entry at `cursor`, which is in the node at the index's position. */
  #markDeleted(): void {
    const { arena } = this.memory;
    const ref = this.nodes.words[this.nodes.at + REF]!;
    if (isSealed(arena.words[ref >>> PAGE_BITS]!, (ref & OFFSET_MASK) << 1)) {
      cursor.follow(arena, this.#unseal(ref, 0));
    }
    cursor.markDeleted();
  }

  /** Frees the node at the index's position; false: there is none behind it. */
  #dropNode(): boolean {
    this.memory.arena.free(this.nodes.words[this.nodes.at + REF]!);
    return this.nodes.remove();
  }

  /** Finds out anew which entry is the first one. */
  settleFirst(): void {
    if (!this.edge(this.firstId, false)) this.firstId.clear();
  }

  /** The id of the first entry, deleted or not, that still takes room; false if there is none. */
  firstKept(into: StreamId): boolean {
    if (!this.nodes.first()) return false;
    this.nodes.id(into);
    return true;
  }

  /** The id of the first or the last entry that lives; false if there is none. */
  edge(into: StreamId, last: boolean): boolean {
    const { nodes } = this;
    const { arena } = this.memory;
    let more = last ? nodes.last() : nodes.first();
    for (; more; more = last ? nodes.prev() : nodes.next()) {
      const ref = nodes.words[nodes.at + REF]!;
      // A trim by ids leaves a node that ends with deleted entries, even when none of the others lives any more.
      if (arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + W_COUNT] === 0) continue;
      cursor.open(arena, ref);
      while (cursor.step()) {
        if (!cursor.live) continue;
        cursor.id(into);
        if (!last) break;
      }
      return true;
    }
    return false;
  }

  /**
   * Removes entries from the front: while there are more than `maxLength` or, when that is negative, those before
   * `minId`. With `approximate` only whole nodes go. `limit` (0: none) is the most that a node may bring the number of
   * removed entries to. Returns how many were removed.
   */
  trim(maxLength: number, minId: StreamId, approximate: boolean, limit: number): number {
    const { arena } = this.memory;
    const { nodes } = this;
    let removed = 0;
    for (let more = nodes.first(); more; ) {
      if (maxLength >= 0 && this.length <= maxLength) break;
      const ref = nodes.words[nodes.at + REF]!;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const at = (ref & OFFSET_MASK) << 1;
      const live = words[at + W_COUNT]!;
      if (limit > 0 && removed + live > limit) break;
      const whole =
        maxLength >= 0 ? this.length - live >= maxLength : compareToWords(minId, words, at + W_LAST) > 0;
      if (whole) {
        this.length -= live;
        removed += live;
        more = this.#dropNode();
        continue;
      }
      if (!approximate) removed += this.#trimNode(ref, maxLength, minId);
      break;
    }
    if (removed > 0) this.settleFirst();
    return removed;
  }

  #trimNode(ref: number, maxLength: number, minId: StreamId): number {
    let removed = 0;
    cursor.open(this.memory.arena, ref);
    while (cursor.step()) {
      if (maxLength >= 0 ? this.length <= maxLength : cursor.compare(minId) >= 0) break;
      if (!cursor.live) continue;
      this.#markDeleted();
      this.length--;
      removed++;
    }
    return removed;
  }

  // ---------------------------------------------------------------------------------------------- groups

  group(name: string): Group | null {
    return this.groups?.get(name) ?? null;
  }

  addGroup(group: Group): void {
    this.groups ??= new Map();
    this.groups.set(group.name, group);
  }

  /** Removes a group with all its pending entries. */
  removeGroup(group: Group): void {
    this.groups!.delete(group.name);
    while (group.release(1 << 20) === 0);
  }

  sortedGroups(): Group[] {
    return this.groups === null ? [] : [...this.groups.values()].sort(byName);
  }

  /** Whether XDEL has (or may have) left a hole at `from` or behind it. */
  hasTombstonesFrom(from: StreamId): boolean {
    if (this.length === 0 || compareIds(this.firstId, this.maxDeletedId) > 0) return false;
    return compareIds(from, this.maxDeletedId) <= 0;
  }

  /** How many entries were ever added up to this id, if that can be told without counting; else UNKNOWN. */
  logicalNumber(id: StreamId): Count {
    if (this.entriesAdded === 0) return 0;
    const toLast = compareIds(id, this.lastId);
    if (this.length === 0 && toLast < 1) return this.entriesAdded;
    if (toLast === 0) return this.entriesAdded;
    if (toLast > 0) return UNKNOWN;
    if (this.maxDeletedId.isZero() || compareIds(this.maxDeletedId, this.firstId) < 0) {
      const toFirst = compareIds(id, this.firstId);
      if (toFirst < 0) return minus(this.entriesAdded, this.length);
      if (toFirst === 0) return plus(minus(this.entriesAdded, this.length), 1);
    }
    return UNKNOWN;
  }

  // ---------------------------------------------------------------------------------------- as a Collection

  get size(): number {
    let size = this.nodes.count * 2;
    if (this.groups !== null) for (const group of this.groups.values()) size += 1 + group.pending.count;
    return size;
  }

  measure(samples: number): number {
    const { arena } = this.memory;
    const { nodes } = this;
    let bytes = STREAM_BYTES + nodes.bytes;
    const limit = samples === 0 ? nodes.count : Math.min(samples, nodes.count);
    let sampled = 0;
    let looked = 0;
    for (let more = nodes.first(); more && looked < limit; more = nodes.next(), looked++) {
      sampled += arena.capacity(nodes.words[nodes.at + REF]!);
    }
    if (looked > 0) bytes += Math.round((sampled / looked) * nodes.count);
    if (this.groups !== null) for (const group of this.groups.values()) bytes += group.bytes;
    return bytes;
  }

  release(limit: number): boolean {
    const { nodes, memory } = this;
    while (nodes.count > 0 && limit > 0) {
      nodes.last();
      memory.arena.free(nodes.words[nodes.at + REF]!);
      nodes.remove();
      limit--;
    }
    if (this.groups !== null) {
      for (const group of this.groups.values()) {
        if (limit <= 0) break;
        limit = group.release(limit);
        if (limit > 0) this.groups.delete(group.name);
      }
    }
    if (limit <= 0) return true;
    this.length = 0;
    memory.tableBytes -= STREAM_BYTES;
    return false;
  }

  clone(): Stream {
    const { arena } = this.memory;
    const copy = new Stream(this.memory, this.nodes.clone());
    for (let more = copy.nodes.first(); more; more = copy.nodes.next()) {
      const ref = copy.nodes.words[copy.nodes.at + REF]!;
      const used = storedBytes(arena.words[ref >>> PAGE_BITS]!, (ref & OFFSET_MASK) << 1);
      const twin = arena.alloc(used);
      const from = (ref & OFFSET_MASK) << 3;
      arena.pages[twin >>> PAGE_BITS]!.set(
        arena.pages[ref >>> PAGE_BITS]!.subarray(from, from + used),
        (twin & OFFSET_MASK) << 3,
      );
      copy.nodes.words[copy.nodes.at + REF] = twin;
    }
    copy.length = this.length;
    copy.lastId.copy(this.lastId);
    copy.firstId.copy(this.firstId);
    copy.maxDeletedId.copy(this.maxDeletedId);
    copy.entriesAdded = this.entriesAdded;
    if (this.groups !== null) for (const group of this.groups.values()) copy.addGroup(group.clone());
    return copy;
  }

  /** The cursor counts nodes, then the chunks of all indexes. */
  defragment(from: number, limit: number, move: (ref: number) => number): number {
    const { nodes } = this;
    let done = 0;
    for (let more = nodes.nth(from); more && done < limit; more = nodes.next(), done++) {
      const at = nodes.at + REF;
      nodes.words[at] = move(nodes.words[at]!);
    }
    if (from + done < nodes.count) return from + done;
    let before = nodes.count;
    const indexes = [nodes];
    if (this.groups !== null) for (const group of this.groups.values()) indexes.push(...group.indexes());
    for (const index of indexes) {
      if (done >= limit) return from + done;
      if (from + done < before + index.chunks) {
        done += index.moveChunks(from + done - before, limit - done, move);
      }
      before += index.chunks;
    }
    return from + done >= before ? 0 : from + done;
  }
}
