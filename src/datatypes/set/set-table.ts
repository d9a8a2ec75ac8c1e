/**
 * A grown set: a table of members. A record is one word, the member's length, and the member.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { MemberTable } from '../member-table.ts';
import type { Collection, Memory } from '../memory.ts';

const HEAD_WORDS = 1;
const HEAD_BYTES = HEAD_WORDS * 4;
const COPY_BY_HAND = 48;

export class SetTable implements Collection {
  readonly table: MemberTable;

  constructor(memory: Memory, table = new MemberTable(memory, HEAD_WORDS, 0)) {
    this.table = table;
  }

  get size(): number {
    return this.table.count;
  }

  /** Makes room for so many members in a set that has none yet. */
  reserve(members: number): void {
    const { table } = this;
    const before = table.dict.bytes;
    table.dict.reserve(members);
    table.memory.tableBytes += table.dict.bytes - before;
  }

  has(buf: Uint8Array, off: number, len: number): boolean {
    return this.table.find(buf, off, len) !== 0;
  }

  /** Adds a member; false if it is there already. */
  add(buf: Uint8Array, off: number, len: number): boolean {
    const { table } = this;
    if (table.find(buf, off, len) !== 0) return false;
    this.#insert(buf, off, len);
    return true;
  }

  /** Adds the member of a record of another set, with its hash; false if it is there already. */
  addCopy(hash: number, ref: number): boolean {
    if (this.findCopy(hash, ref) !== 0) return false;
    const { table } = this;
    this.#insert(table.page(ref), table.memberOffset(ref), table.memberLength(ref));
    return true;
  }

  #insert(buf: Uint8Array, off: number, len: number): void {
    const { table } = this;
    const { arena } = table.memory;
    const ref = arena.alloc(HEAD_BYTES + len);
    const at = (ref & OFFSET_MASK) << 1;
    arena.words[ref >>> PAGE_BITS]![at] = len;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const to = at * 4 + HEAD_BYTES;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) page[to + i] = buf[off + i]!;
    else page.set(buf.subarray(off, off + len), to);
    table.insert(ref);
  }

  /** The record with the same member as one of another set, whose hash is told; 0 if there is none. */
  findCopy(hash: number, ref: number): number {
    const { table } = this;
    const { arena } = table.memory;
    const { dict } = table;
    table.hash = hash;
    let found = dict.first(hash);
    if (found === 0) return 0;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const len = words[at]!;
    const whole = HEAD_WORDS + (len >> 2);
    do {
      const others = arena.words[found >>> PAGE_BITS]!;
      const other = (found & OFFSET_MASK) << 1;
      let i = 0;
      while (i < whole && words[at + i] === others[other + i]) i++;
      if (i === whole) {
        const rest = (len & 3) * 8;
        // The odd bytes are the low ones of the last word.
        if (rest === 0 || ((words[at + i]! ^ others[other + i]!) & ((1 << rest) - 1)) === 0) return found;
      }
      found = dict.next(hash);
    } while (found !== 0);
    return 0;
  }

  delete(buf: Uint8Array, off: number, len: number): boolean {
    const ref = this.table.find(buf, off, len);
    if (ref === 0) return false;
    this.deleteFound(ref);
    return true;
  }

  /** Removes the record that was found or drawn last. */
  deleteFound(ref: number): void {
    this.table.remove();
    this.table.memory.arena.free(ref);
  }

  measure(samples: number): number {
    return this.table.measure(samples);
  }

  release(limit: number): boolean {
    const { arena } = this.table.memory;
    return this.table.release(limit, (ref) => arena.free(ref));
  }

  clone(): Collection {
    const { memory } = this.table;
    const table = this.table.clone((ref) => {
      const { arena } = memory;
      const bytes = HEAD_BYTES + this.table.memberLength(ref);
      const made = arena.alloc(bytes);
      const from = (ref & OFFSET_MASK) << 3;
      const to = (made & OFFSET_MASK) << 3;
      arena.pages[made >>> PAGE_BITS]!.set(arena.pages[ref >>> PAGE_BITS]!.subarray(from, from + bytes), to);
      return made;
    });
    return new SetTable(memory, table);
  }

  defragment(cursor: number, limit: number, move: (ref: number) => number): number {
    return this.table.defragment(cursor, limit, move);
  }
}
