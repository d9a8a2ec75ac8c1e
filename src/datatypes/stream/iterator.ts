/**
 * Reading a stream: walking over a range of ids, and counting what it holds.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { compareIds, compareToWords, StreamId } from './id.ts';
import { DELETED, NodeCursor } from './node.ts';
import { W_COUNT, W_LAST, W_MASTER } from './node-head.ts';
import { REF, type Stream } from './stream.ts';

const cursor = new NodeCursor();

/**
 * Walks over the living entries of a range of ids, forward or backward. The stream must not change meanwhile.
 */
export class StreamIterator {
  /** The entry: its id, and through `entry` its fields. */
  readonly id = new StreamId();
  readonly entry: NodeCursor;
  #stream: Stream | null = null;
  readonly #from = new StreamId();
  readonly #to = new StreamId();
  #reverse = false;
  #more = false;
  #open = false;
  /** Backward: the bounds of what is left of the node in `#marks`. */
  #left = 0;
  #marks = new Int32Array(8 * 128);

  /** `alone`: other streams may be read between two entries. */
  constructor(alone = false) {
    this.entry = new NodeCursor(alone);
  }

  start(stream: Stream, from: StreamId, to: StreamId, reverse: boolean): void {
    this.#stream = stream;
    this.#from.copy(from);
    this.#to.copy(to);
    this.#reverse = reverse;
    this.#open = false;
    this.#left = 0;
    const { nodes } = stream;
    if (compareIds(from, to) > 0) this.#more = false;
    else if (reverse) this.#more = nodes.seekBack(to);
    else this.#more = nodes.seekBack(from) || nodes.first();
  }

  next(): boolean {
    return this.#reverse ? this.#previous() : this.#following();
  }

  #following(): boolean {
    const { entry, id } = this;
    const stream = this.#stream!;
    const { nodes } = stream;
    for (;;) {
      if (!this.#open) {
        if (!this.#more) return false;
        entry.open(stream.memory.arena, nodes.words[nodes.at + REF]!);
        this.#open = true;
      }
      while (entry.step()) {
        if ((entry.flags & DELETED) !== 0 || entry.compare(this.#from) < 0) continue;
        if (entry.compare(this.#to) > 0) {
          this.#open = false;
          this.#more = false;
          return false;
        }
        entry.id(id);
        return true;
      }
      this.#open = false;
      this.#more = nodes.next();
    }
  }

  /** A node is read forward once, noting where its entries are; then they are visited from the last one. */
  #previous(): boolean {
    const stream = this.#stream!;
    const { nodes } = stream;
    while (this.#left === 0) {
      if (!this.#more) return false;
      this.entry.open(stream.memory.arena, nodes.words[nodes.at + REF]!);
      const begins = compareToWords(this.#from, this.entry.words, this.entry.at + W_MASTER) <= 0;
      this.#mark();
      this.#more = begins && nodes.prev();
    }
    const at = --this.#left * 8;
    const { entry, id } = this;
    const marks = this.#marks;
    id.load(marks, at);
    entry.flags = marks[at + 4]!;
    entry.body = marks[at + 5]!;
    entry.fields = marks[at + 6]!;
    return true;
  }

  #mark(): void {
    const { entry } = this;
    let count = 0;
    while (entry.step()) {
      if (!entry.live || entry.compare(this.#from) < 0) continue;
      if (entry.compare(this.#to) > 0) break;
      if (count * 8 === this.#marks.length) {
        const grown = new Int32Array(this.#marks.length * 2);
        grown.set(this.#marks);
        this.#marks = grown;
      }
      const at = count++ * 8;
      const marks = this.#marks;
      marks[at] = entry.mh;
      marks[at + 1] = entry.ml;
      marks[at + 2] = entry.sh;
      marks[at + 3] = entry.sl;
      marks[at + 4] = entry.flags;
      marks[at + 5] = entry.body;
      marks[at + 6] = entry.fields;
    }
    this.#left = count;
  }
}

/** How many entries live between two ids, both included; it stops counting at `limit`. */
export function countRange(stream: Stream, from: StreamId, to: StreamId, limit: number): number {
  const { nodes } = stream;
  const { arena } = stream.memory;
  if (compareIds(from, to) > 0) return 0;
  let count = 0;
  let more = nodes.seekBack(from) || nodes.first();
  for (; more && count < limit; more = nodes.next()) {
    if (compareToWords(to, nodes.words, nodes.at) < 0) break;
    const ref = nodes.words[nodes.at + REF]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    if (compareToWords(from, words, at + W_MASTER) <= 0 && compareToWords(to, words, at + W_LAST) >= 0) {
      count += words[at + W_COUNT]!;
      continue;
    }
    if (compareToWords(from, words, at + W_LAST) > 0) continue;
    cursor.open(arena, ref);
    while (cursor.step()) {
      if (!cursor.live || cursor.compare(from) < 0) continue;
      if (cursor.compare(to) > 0) break;
      count++;
    }
  }
  return Math.min(count, limit);
}
