/**
 * A sorted index: ids of stream entries, each with a few words of the owner's. A stream finds its nodes through it,
 * and a consumer group its pending entries.
 *
 * Two levels. The entries lie side by side, sorted, in chunks: records in the arena, of up to CHUNK_MAX entries. The
 * directory is the list of chunks in order, refs and sizes in typed arrays. What is looked for is found by binary
 * search, first by the chunks' first ids, then in the chunk. An entry that comes behind all others (nearly all do)
 * goes to the last chunk, which is filled to the brim before there is a new one; one that goes elsewhere may split its
 * chunk. Neighbours that have become small are put together, so the worst is about a third full.
 *
 * An entry is four words of the id, then `stride - 4` words of payload. There is one position at a time: `chunk` and
 * `slot`, with `words` and `at` telling where the entry lies. It is good until the next change; `insert` leaves it on
 * the new entry, `remove` on the one behind that which went.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Memory } from '../memory.ts';
import { compareToWords, type StreamId } from './id.ts';

const CHUNK_MAX = 64;
const FIRST_ENTRIES = 4;
/** Two neighbours with no more than this together become one. */
const MERGE_MAX = CHUNK_MAX / 2;

const NO_WORDS = new Int32Array(0);
const NO_SIZES = new Uint8Array(0);

export class IdIndex {
  readonly memory: Memory;
  /** Words of an entry. */
  readonly stride: number;
  count = 0;
  /** Where the entry at the position lies. */
  words: Int32Array = NO_WORDS;
  at = 0;
  #chunk = 0;
  #slot = 0;
  #refs: Int32Array = NO_WORDS;
  #sizes: Uint8Array = NO_SIZES;
  #chunks = 0;

  constructor(memory: Memory, payloadWords: number) {
    this.memory = memory;
    this.stride = 4 + payloadWords;
  }

  /** Chunks: the records that this index has in the arena. */
  get chunks(): number {
    return this.#chunks;
  }

  /** Bytes of the chunks and of the directory. */
  get bytes(): number {
    const { arena } = this.memory;
    let bytes = this.#refs.length * 5;
    for (let i = 0; i < this.#chunks; i++) bytes += arena.capacity(this.#refs[i]!);
    return bytes;
  }

  // -------------------------------------------------------------------------------------------- positions

  #load(): void {
    const ref = this.#refs[this.#chunk]!;
    this.words = this.memory.arena.words[ref >>> PAGE_BITS]!;
    this.at = ((ref & OFFSET_MASK) << 1) + this.#slot * this.stride;
  }

  first(): boolean {
    if (this.count === 0) return false;
    this.#chunk = 0;
    this.#slot = 0;
    this.#load();
    return true;
  }

  last(): boolean {
    if (this.count === 0) return false;
    this.#chunk = this.#chunks - 1;
    this.#slot = this.#sizes[this.#chunk]! - 1;
    this.#load();
    return true;
  }

  next(): boolean {
    if (this.#slot + 1 < this.#sizes[this.#chunk]!) {
      this.#slot++;
      this.at += this.stride;
      return true;
    }
    if (this.#chunk + 1 >= this.#chunks) return false;
    this.#chunk++;
    this.#slot = 0;
    this.#load();
    return true;
  }

  prev(): boolean {
    if (this.#slot > 0) {
      this.#slot--;
      this.at -= this.stride;
      return true;
    }
    if (this.#chunk === 0) return false;
    this.#chunk--;
    this.#slot = this.#sizes[this.#chunk]! - 1;
    this.#load();
    return true;
  }

  /** Goes to the entry with this id. If there is none, false; then `insert` may follow. */
  find(id: StreamId): boolean {
    if (this.count === 0) {
      this.#chunk = 0;
      this.#slot = 0;
      return false;
    }
    const { arena } = this.memory;
    const refs = this.#refs;
    // The last chunk that begins with this id or before it; that is nearly always the last one of all.
    let chunk = this.#chunks - 1;
    if (chunk > 0 && this.#compareToChunk(id, chunk) < 0) {
      let low = 0;
      chunk--;
      while (low < chunk) {
        const middle = (low + chunk + 1) >> 1;
        if (this.#compareToChunk(id, middle) >= 0) low = middle;
        else chunk = middle - 1;
      }
    }
    const ref = refs[chunk]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const base = (ref & OFFSET_MASK) << 1;
    const { stride } = this;
    let from = 0;
    let to = this.#sizes[chunk]!;
    this.#chunk = chunk;
    this.words = words;
    while (from < to) {
      const middle = (from + to) >> 1;
      const order = compareToWords(id, words, base + middle * stride);
      if (order === 0) {
        this.#slot = middle;
        this.at = base + middle * stride;
        return true;
      }
      if (order < 0) to = middle;
      else from = middle + 1;
    }
    this.#slot = from;
    this.at = base + from * stride;
    return false;
  }

  #compareToChunk(id: StreamId, chunk: number): number {
    const ref = this.#refs[chunk]!;
    return compareToWords(id, this.memory.arena.words[ref >>> PAGE_BITS]!, (ref & OFFSET_MASK) << 1);
  }

  /** Goes to the first entry whose id is this or comes after it; false if there is none. */
  seek(id: StreamId): boolean {
    if (this.find(id)) return true;
    if (this.count === 0) return false;
    if (this.#slot < this.#sizes[this.#chunk]!) return true;
    this.#slot--;
    this.at -= this.stride;
    return this.next();
  }

  /** Goes to the last entry whose id is this or comes before it; false if there is none. */
  seekBack(id: StreamId): boolean {
    if (this.find(id)) return true;
    if (this.count === 0) return false;
    return this.prev();
  }

  /** The id at the position. */
  id(into: StreamId): StreamId {
    return into.load(this.words, this.at);
  }

  // --------------------------------------------------------------------------------------------- changes

  /** Inserts the id that `find` has just not found; the payload is zero. */
  insert(id: StreamId): void {
    if (this.#chunks === 0) this.#addChunk(0, FIRST_ENTRIES);
    else if (this.#sizes[this.#chunk] === CHUNK_MAX) this.#makeRoom();
    else this.#growChunk();
    const size = this.#sizes[this.#chunk]!;
    const { stride } = this;
    this.#load();
    const { words, at } = this;
    const behind = size - this.#slot;
    if (behind > 0) words.copyWithin(at + stride, at, at + behind * stride);
    id.store(words, at);
    for (let i = 4; i < stride; i++) words[at + i] = 0;
    this.#sizes[this.#chunk] = size + 1;
    this.count++;
  }

  /** The chunk of the position is full: the entry goes to a new one behind it, or the chunk is split. */
  #makeRoom(): void {
    const chunk = this.#chunk;
    if (this.#slot === CHUNK_MAX) {
      if (chunk + 1 < this.#chunks && this.#sizes[chunk + 1]! < CHUNK_MAX) {
        this.#chunk++;
        this.#slot = 0;
        this.#growChunk();
        return;
      }
      this.#addChunk(chunk + 1, CHUNK_MAX);
      this.#chunk++;
      this.#slot = 0;
      return;
    }
    const half = CHUNK_MAX / 2;
    this.#addChunk(chunk + 1, CHUNK_MAX);
    this.#copyEntries(chunk, half, chunk + 1, 0, half);
    this.#sizes[chunk] = half;
    this.#sizes[chunk + 1] = half;
    if (this.#slot <= half) return;
    this.#chunk++;
    this.#slot -= half;
  }

  #copyEntries(from: number, fromSlot: number, to: number, toSlot: number, entries: number): void {
    const { arena } = this.memory;
    const { stride } = this;
    const a = this.#refs[from]!;
    const b = this.#refs[to]!;
    const source = ((a & OFFSET_MASK) << 1) + fromSlot * stride;
    arena.words[b >>> PAGE_BITS]!.set(
      arena.words[a >>> PAGE_BITS]!.subarray(source, source + entries * stride),
      ((b & OFFSET_MASK) << 1) + toSlot * stride,
    );
  }

  /** Makes sure that the chunk of the position has room for one more. */
  #growChunk(): void {
    const { arena } = this.memory;
    const { stride } = this;
    const ref = this.#refs[this.#chunk]!;
    const size = this.#sizes[this.#chunk]!;
    if ((size + 1) * stride * 4 <= arena.capacity(ref)) return;
    const grown = arena.alloc(Math.min(CHUNK_MAX, size * 4) * stride * 4);
    const from = (ref & OFFSET_MASK) << 1;
    arena.words[grown >>> PAGE_BITS]!.set(
      arena.words[ref >>> PAGE_BITS]!.subarray(from, from + size * stride),
      (grown & OFFSET_MASK) << 1,
    );
    this.#refs[this.#chunk] = grown;
    arena.free(ref);
  }

  #addChunk(place: number, entries: number): void {
    const ref = this.memory.arena.alloc(entries * this.stride * 4);
    if (this.#chunks === this.#refs.length) {
      const length = Math.max(1, this.#chunks + (this.#chunks >> 1) + 1);
      this.memory.tableBytes += (length - this.#refs.length) * 5;
      const refs = new Int32Array(length);
      refs.set(this.#refs);
      this.#refs = refs;
      const sizes = new Uint8Array(length);
      sizes.set(this.#sizes);
      this.#sizes = sizes;
    }
    if (place < this.#chunks) {
      this.#refs.copyWithin(place + 1, place, this.#chunks);
      this.#sizes.copyWithin(place + 1, place, this.#chunks);
    }
    this.#refs[place] = ref;
    this.#sizes[place] = 0;
    this.#chunks++;
  }

  #dropChunk(chunk: number): void {
    this.memory.arena.free(this.#refs[chunk]!);
    this.#refs.copyWithin(chunk, chunk + 1, this.#chunks);
    this.#sizes.copyWithin(chunk, chunk + 1, this.#chunks);
    this.#chunks--;
  }

  /** Removes the entry at the position. Goes to the one behind it; false if there is none. */
  remove(): boolean {
    const chunk = this.#chunk;
    const { words, at, stride } = this;
    const size = this.#sizes[chunk]! - 1;
    const behind = size - this.#slot;
    if (behind > 0) words.copyWithin(at, at + stride, at + stride + behind * stride);
    this.#sizes[chunk] = size;
    this.count--;
    if (size === 0) {
      this.#dropChunk(chunk);
      this.#slot = 0;
    } else if (size <= MERGE_MAX / 2) this.#merge(chunk);
    if (this.count === 0) {
      this.#forgetDirectory();
      return false;
    }
    if (this.#chunk < this.#chunks && this.#slot < this.#sizes[this.#chunk]!) {
      this.#load();
      return true;
    }
    if (this.#chunk + 1 >= this.#chunks) return false;
    this.#chunk++;
    this.#slot = 0;
    this.#load();
    return true;
  }

  /** Puts a small chunk together with a neighbour, where both fit easily. */
  #merge(chunk: number): void {
    const size = this.#sizes[chunk]!;
    if (chunk > 0 && this.#sizes[chunk - 1]! + size <= MERGE_MAX) {
      const into = chunk - 1;
      const before = this.#sizes[into]!;
      this.#join(into, chunk);
      this.#chunk = into;
      this.#slot += before;
    } else if (chunk + 1 < this.#chunks && this.#sizes[chunk + 1]! + size <= MERGE_MAX) {
      this.#join(chunk, chunk + 1);
    }
  }

  #join(into: number, from: number): void {
    const { arena } = this.memory;
    const before = this.#sizes[into]!;
    const added = this.#sizes[from]!;
    const bytes = (before + added) * this.stride * 4;
    if (arena.capacity(this.#refs[into]!) < bytes) {
      const old = this.#refs[into]!;
      const start = (old & OFFSET_MASK) << 1;
      const grown = arena.alloc(CHUNK_MAX * this.stride * 4);
      arena.words[grown >>> PAGE_BITS]!.set(
        arena.words[old >>> PAGE_BITS]!.subarray(start, start + before * this.stride),
        (grown & OFFSET_MASK) << 1,
      );
      this.#refs[into] = grown;
      arena.free(old);
    }
    this.#copyEntries(from, 0, into, before, added);
    this.#sizes[into] = before + added;
    this.#dropChunk(from);
  }

  #forgetDirectory(): void {
    this.memory.tableBytes -= this.#refs.length * 5;
    this.#refs = NO_WORDS;
    this.#sizes = NO_SIZES;
    this.#chunks = 0;
    this.#chunk = 0;
    this.#slot = 0;
  }

  // ----------------------------------------------------------------------- duties of the owner as a Collection

  /** Gives back the last chunk; false if there was none. What its entries name is the owner's. */
  releaseChunk(): boolean {
    if (this.#chunks === 0) return false;
    this.#chunks--;
    this.memory.arena.free(this.#refs[this.#chunks]!);
    this.count -= this.#sizes[this.#chunks]!;
    if (this.#chunks === 0) this.#forgetDirectory();
    return true;
  }

  /** A copy with chunks of its own. */
  clone(): IdIndex {
    const copy = new IdIndex(this.memory, this.stride - 4);
    for (let chunk = 0; chunk < this.#chunks; chunk++) {
      const size = this.#sizes[chunk]!;
      copy.#addChunk(chunk, chunk === 0 && this.#chunks === 1 ? size : CHUNK_MAX);
      const from = this.#refs[chunk]!;
      const to = copy.#refs[chunk]!;
      const start = (from & OFFSET_MASK) << 1;
      const { arena } = this.memory;
      arena.words[to >>> PAGE_BITS]!.set(
        arena.words[from >>> PAGE_BITS]!.subarray(start, start + size * this.stride),
        (to & OFFSET_MASK) << 1,
      );
      copy.#sizes[chunk] = size;
    }
    copy.count = this.count;
    return copy;
  }

  /** Offers the chunks from number `from` on to `move`, at most `limit` of them; returns how many that were. */
  moveChunks(from: number, limit: number, move: (ref: number) => number): number {
    const end = Math.min(this.#chunks, from + limit);
    for (let chunk = from; chunk < end; chunk++) this.#refs[chunk] = move(this.#refs[chunk]!);
    return Math.max(0, end - from);
  }

  /** Goes to the entry of that number, counted from 0. */
  nth(index: number): boolean {
    if (index >= this.count) return false;
    let chunk = 0;
    while (index >= this.#sizes[chunk]!) index -= this.#sizes[chunk++]!;
    this.#chunk = chunk;
    this.#slot = index;
    this.#load();
    return true;
  }
}
