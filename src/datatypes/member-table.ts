/**
 * A table of members: arena records found by their bytes. Grown hashes, sets and sorted sets stand on it.
 *
 * A record is `headWords` words, then the member's bytes (a hash puts the value behind them); word `lengthWord` is
 * the member's length, the other words are the owner's. The hash is the keyspace's (keyed, see util/siphash.ts), and
 * comparing works as in `Database.find`: the length, then the words that hashing left behind, then the odd bytes.
 *
 * The table owns its slots, not the records: who inserts has allocated, who removes frees. `find` leaves the hash and
 * the slot behind, so that finding and then inserting, removing or replacing searches once. Slots are accounted in
 * `Memory.tableBytes`.
 */

import { OFFSET_MASK, PAGE_BITS } from '../structures/arena.ts';
import { Dictionary } from '../structures/dictionary.ts';
import type { Random } from '../util/random.ts';
import { KEPT_WORDS } from '../util/siphash.ts';
import type { Memory } from './memory.ts';

export class MemberTable {
  readonly memory: Memory;
  /** Words before the member. */
  readonly headWords: number;
  /** Which of them is the member's length. */
  readonly lengthWord: number;
  dict: Dictionary;
  /** Hash of the member looked up last. */
  hash = 0;
  #releaseCursor = 0;

  constructor(memory: Memory, headWords: number, lengthWord: number) {
    this.memory = memory;
    this.headWords = headWords;
    this.lengthWord = lengthWord;
    this.dict = new Dictionary(memory.tables);
    memory.tableBytes += this.dict.bytes;
  }

  get count(): number {
    return this.dict.count;
  }

  /** Bytes of the slots, without the records. */
  get bytes(): number {
    return this.dict.bytes;
  }

  /** Finds the record of a member; 0 if there is none. */
  find(buf: Uint8Array, off: number, len: number): number {
    const { arena, keyHash } = this.memory;
    const hash = keyHash.hash(buf, off, len);
    this.hash = hash;
    const { dict, headWords, lengthWord } = this;
    let ref = dict.first(hash);
    if (ref === 0) return 0;
    const memberWords = keyHash.words;
    const whole = len >> 2;
    const compared = Math.min(whole, KEPT_WORDS);
    do {
      const words = arena.words[ref >>> PAGE_BITS]!;
      let at = (ref & OFFSET_MASK) << 1;
      if (words[at + lengthWord] === len) {
        at += headWords;
        let i = 0;
        while (i < compared && words[at + i] === memberWords[i]) i++;
        if (i === compared) {
          const bytes = arena.pages[ref >>> PAGE_BITS]!;
          const start = at << 2;
          i <<= 2;
          while (i < len && bytes[start + i] === buf[off + i]) i++;
          if (i === len) return ref;
        }
      }
      ref = dict.next(hash);
    } while (ref !== 0);
    return 0;
  }

  /** Adds the record of the member that `find` has just not found; it becomes the one found last. */
  insert(ref: number): void {
    const { dict } = this;
    const before = dict.bytes;
    dict.insert(this.hash, ref);
    if (dict.bytes !== before) this.memory.tableBytes += dict.bytes - before;
  }

  /** Takes the slot found last away; its record is left to the caller. */
  remove(): void {
    const { dict } = this;
    const before = dict.bytes;
    dict.remove();
    if (dict.bytes !== before) this.memory.tableBytes += dict.bytes - before;
  }

  /** The record found last has moved to `ref`. */
  replaceRef(ref: number): void {
    this.dict.setRef(ref);
  }

  /** Makes a record that was not reached by `find` the one found last; its member is hashed anew. */
  select(ref: number): boolean {
    const hash = this.memory.keyHash.hash(this.page(ref), this.memberOffset(ref), this.memberLength(ref));
    this.hash = hash;
    return this.dict.locate(hash, ref);
  }

  /** Page with the record's bytes. */
  page(ref: number): Uint8Array {
    return this.memory.arena.pages[ref >>> PAGE_BITS]!;
  }

  memberOffset(ref: number): number {
    return ((ref & OFFSET_MASK) << 3) + (this.headWords << 2);
  }

  memberLength(ref: number): number {
    return this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + this.lengthWord]!;
  }

  /** As Dictionary.scan: from `cursor` until `visit` returns false; returns the cursor to go on with, 0 at the end. */
  scan(cursor: number, visit: (ref: number, hash: number) => boolean): number {
    return this.dict.scan(cursor, visit);
  }

  /** A record, each as likely as any other; it becomes the one found last (`hash` included). 0 when empty. */
  randomRef(random: Random): number {
    const ref = this.dict.uniform(random);
    if (ref !== 0) this.hash = this.dict.hash;
    return ref;
  }

  // ------------------------------------------------------------------ for the owner's duties as a Collection

  /** Bytes of the slots and the records: of all of them, or judged by `samples`. `extra`: bytes kept elsewhere. */
  measure(samples: number, extra: ((ref: number) => number) | null = null): number {
    const { count } = this;
    if (count === 0) return this.bytes;
    const { arena } = this.memory;
    const wanted = samples === 0 ? count : Math.min(samples, count);
    let seen = 0;
    let bytes = 0;
    this.dict.scan(0, (ref) => {
      bytes += arena.capacity(ref);
      if (extra !== null) bytes += extra(ref);
      return ++seen < wanted;
    });
    return this.bytes + Math.round((bytes / seen) * count);
  }

  /** Frees about `limit` records, each by `free`; false when that was all. The table is not used after the first step. */
  release(limit: number, free: (ref: number) => void): boolean {
    let freed = 0;
    this.#releaseCursor = this.dict.scan(this.#releaseCursor, (ref) => {
      free(ref);
      return ++freed < limit;
    });
    if (this.#releaseCursor !== 0) return true;
    this.memory.tableBytes -= this.bytes;
    this.dict.clear();
    return false;
  }

  /** A table of copies of all records, each made by `copy`. */
  clone(copy: (ref: number) => number): MemberTable {
    const made = new MemberTable(this.memory, this.headWords, this.lengthWord);
    const before = made.bytes;
    made.dict = this.dict.clone(copy);
    this.memory.tableBytes += made.bytes - before;
    return made;
  }

  /** Collection.defragment over the records: `move` tells where each is from now on. */
  defragment(cursor: number, limit: number, move: (ref: number) => number): number {
    let seen = 0;
    return this.dict.scan(cursor, (ref, hash) => {
      const moved = move(ref);
      if (moved !== ref && this.dict.locate(hash, ref)) this.dict.setRef(moved);
      return ++seen < limit;
    });
  }
}
