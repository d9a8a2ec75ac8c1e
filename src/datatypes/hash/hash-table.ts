/**
 * A hash that has outgrown its listpack: a table of records, each with a field and its value.
 *
 *   word 0   length of the field
 *   word 1   length of the value; with bit 31 the number of an external value
 *   field
 *   value    (nothing where it is external)
 *
 * A new value of the same size class is written over the old one; otherwise the record moves. Long values are
 * external, as those of strings are: they would take a page of the arena each.
 */
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { LpElement, lpFirst, lpGet, lpNext } from '../../structures/listpack.ts';
import { copyBytes, copyOf } from '../../util/copy-bytes.ts';
import { MemberTable } from '../member-table.ts';
import type { Collection, Memory } from '../memory.ts';

/** Words before the field. */
export const HASH_HEAD_WORDS = 2;
const HEAD_BYTES = 8;
const LENGTH_WORD = 0;
const EXTERNAL_VALUE = 1 << 31;
/** Longer values are external. */
const INLINE_VALUE_MAX = 32768;

/** Where bytes are; good until the next change of the keyspace. */
export interface ByteRange {
  bytes: Uint8Array;
  off: number;
  len: number;
}

export class HashTable implements Collection {
  readonly memory: Memory;
  readonly table: MemberTable;

  constructor(memory: Memory, table = new MemberTable(memory, HASH_HEAD_WORDS, LENGTH_WORD)) {
    this.memory = memory;
    this.table = table;
  }

  /** A table with the contents of a listpack of field, value, field, value. */
  static fromListpack(memory: Memory, bytes: Uint8Array, at: number): HashTable {
    const hash = new HashTable(memory);
    const field = new LpElement();
    const value = new LpElement();
    for (let p = lpFirst(bytes, at); p >= 0; ) {
      const v = lpNext(bytes, p);
      lpGet(bytes, p, field);
      lpGet(bytes, v, value);
      hash.set(field.bytes, field.off, field.len, value.bytes, value.off, value.len);
      p = lpNext(bytes, v);
    }
    return hash;
  }

  /** Makes room for so many fields in a hash that has none yet. */
  reserve(fields: number): void {
    const { dict } = this.table;
    const before = dict.bytes;
    dict.reserve(fields);
    this.memory.tableBytes += dict.bytes - before;
  }

  /** Number of fields. */
  get size(): number {
    return this.table.count;
  }

  /** The record of a field, or 0. */
  find(buf: Uint8Array, off: number, len: number): number {
    return this.table.find(buf, off, len);
  }

  /** Tells where the field of a record is. */
  locateField(ref: number, into: ByteRange): void {
    into.bytes = this.memory.arena.pages[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    into.off = (at + HASH_HEAD_WORDS) << 2;
    into.len = this.memory.arena.words[ref >>> PAGE_BITS]![at + LENGTH_WORD]!;
  }

  /** Tells where the value of a record is. */
  locateValue(ref: number, into: ByteRange): void {
    const { arena, externals } = this.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const len = words[at + 1]!;
    if (len < 0) {
      const value = externals.get(len & ~EXTERNAL_VALUE);
      into.bytes = value.bytes;
      into.off = 0;
      into.len = value.length;
      return;
    }
    into.bytes = arena.pages[ref >>> PAGE_BITS]!;
    into.off = (at << 2) + HEAD_BYTES + words[at]!;
    into.len = len;
  }

  valueLength(ref: number): number {
    const len = this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]!;
    return len < 0 ? this.memory.externals.get(len & ~EXTERNAL_VALUE).length : len;
  }

  /** Gives a field its value. Returns true if the field is new. */
  set(
    field: Uint8Array,
    fieldOff: number,
    fieldLen: number,
    value: Uint8Array,
    valueOff: number,
    valueLen: number,
  ): boolean {
    const { arena, externals } = this.memory;
    const { table } = this;
    const ref = table.find(field, fieldOff, fieldLen);
    const inlineLen = valueLen > INLINE_VALUE_MAX ? 0 : valueLen;
    const bytes = HEAD_BYTES + fieldLen + inlineLen;
    let at = ref;
    if (ref === 0) {
      at = arena.alloc(bytes);
      copyBytes(
        field,
        fieldOff,
        fieldLen,
        arena.pages[at >>> PAGE_BITS]!,
        ((at & OFFSET_MASK) << 3) + HEAD_BYTES,
      );
      arena.words[at >>> PAGE_BITS]![(at & OFFSET_MASK) << 1] = fieldLen;
      table.insert(at);
    } else {
      if (!arena.fits(ref, bytes)) {
        at = arena.alloc(bytes);
        const from = arena.pages[ref >>> PAGE_BITS]!;
        const to = arena.pages[at >>> PAGE_BITS]!;
        copyBytes(from, (ref & OFFSET_MASK) << 3, HEAD_BYTES + fieldLen, to, (at & OFFSET_MASK) << 3);
        table.replaceRef(at);
        arena.free(ref);
      }
      const old = arena.words[at >>> PAGE_BITS]![((at & OFFSET_MASK) << 1) + 1]!;
      if (old < 0) externals.remove(old & ~EXTERNAL_VALUE);
    }
    const page = at >>> PAGE_BITS;
    const word = (at & OFFSET_MASK) << 1;
    if (valueLen > INLINE_VALUE_MAX) {
      const id = externals.add(copyOf(value, valueOff, valueLen), valueLen);
      arena.words[page]![word + 1] = id | EXTERNAL_VALUE;
    } else {
      arena.words[page]![word + 1] = valueLen;
      copyBytes(value, valueOff, valueLen, arena.pages[page]!, (word << 2) + HEAD_BYTES + fieldLen);
    }
    return ref === 0;
  }

  /** Removes a field; false if it isn't there. */
  delete(buf: Uint8Array, off: number, len: number): boolean {
    const ref = this.table.find(buf, off, len);
    if (ref === 0) return false;
    this.table.remove();
    this.#free(ref);
    return true;
  }

  #free(ref: number): void {
    const value = this.memory.arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]!;
    if (value < 0) this.memory.externals.remove(value & ~EXTERNAL_VALUE);
    this.memory.arena.free(ref);
  }

  // -------------------------------------------------------------------------------------- Collection

  measure(samples: number): number {
    return this.table.measure(samples, (ref) => {
      const length = this.valueLength(ref);
      return length > INLINE_VALUE_MAX ? length : 0;
    });
  }

  release(limit: number): boolean {
    return this.table.release(limit, (ref) => this.#free(ref));
  }

  clone(): HashTable {
    return new HashTable(
      this.memory,
      this.table.clone((ref) => this.#copy(ref)),
    );
  }

  #copy(ref: number): number {
    const { arena, externals } = this.memory;
    const fieldLen = arena.words[ref >>> PAGE_BITS]![(ref & OFFSET_MASK) << 1]!;
    const value = arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 1]!;
    const bytes = HEAD_BYTES + fieldLen + (value < 0 ? 0 : value);
    const made = arena.alloc(bytes);
    const to = arena.pages[made >>> PAGE_BITS]!;
    copyBytes(
      arena.pages[ref >>> PAGE_BITS]!,
      (ref & OFFSET_MASK) << 3,
      bytes,
      to,
      (made & OFFSET_MASK) << 3,
    );
    if (value < 0) {
      const id = externals.clone(value & ~EXTERNAL_VALUE);
      arena.words[made >>> PAGE_BITS]![((made & OFFSET_MASK) << 1) + 1] = id | EXTERNAL_VALUE;
    }
    return made;
  }

  defragment(cursor: number, limit: number, move: (ref: number) => number): number {
    return this.table.defragment(cursor, limit, move);
  }
}
