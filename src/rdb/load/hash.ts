/**
 * Hashes from RDBs: field, value, field, value ...; a zipmap, a ziplist or a listpack of them.
 */
import { HashTable } from '../../datatypes/hash/hash-table.ts';
import { releaseWhole } from '../../datatypes/memory.ts';
import { HASH_LISTPACK, HASH_TABLE, TYPE_HASH } from '../../keyspace/entry.ts';
import { LpElement, lpFirst, lpGet, lpLength, lpNext, lpValidate } from '../../structures/listpack.ts';
import { TYPE_HASH as RDB_HASH, TYPE_HASH_LISTPACK, TYPE_HASH_ZIPMAP } from '../format.ts';
import {
  corrupt,
  type LoadContext,
  type LoadedValue,
  PackedBuilder,
  SeenMembers,
  type ValuePart,
} from './loaded-value.ts';
import { readZiplist, readZipmap } from './old-forms.ts';
import type { RdbReader } from './reader.ts';

const PACKED = TYPE_HASH | HASH_LISTPACK;
const TABLE = TYPE_HASH | HASH_TABLE;
const BAD_LISTPACK = 'Hash listpack integrity check failed.';
const BAD_ZIPLIST = 'Hash ziplist integrity check failed.';
const DUPLICATE = 'Duplicate hash fields detected';
/** Most fields that a table is made for before they have come. */
const RESERVED_MAX = 1 << 20;

export class HashLoader implements ValuePart {
  readonly #context: LoadContext;
  #type = RDB_HASH;
  #deep = false;
  /** Fields still to come; -1: their number has not been read. */
  #left = -1;
  readonly #small = new PackedBuilder();
  #table: HashTable | null = null;
  readonly #element = new LpElement();
  readonly #seen = new SeenMembers();
  /** A field whose value has not come yet. */
  #field = new Uint8Array(256);

  constructor(context: LoadContext) {
    this.#context = context;
  }

  begin(type: number, deep: boolean): void {
    this.#type = type;
    this.#deep = deep;
    this.#left = -1;
    this.#table = null;
    this.#small.start();
    if (this.#field.length > 65536) this.#field = new Uint8Array(256);
  }

  step(reader: RdbReader, budget: number, out: LoadedValue): boolean {
    if (this.#type === TYPE_HASH_LISTPACK) {
      reader.string();
      this.#listpack(reader.bytes, reader.off, reader.len, out);
      reader.commit();
      return true;
    }
    if (this.#type !== RDB_HASH) {
      reader.string();
      this.#old(reader, out);
      reader.commit();
      return true;
    }
    if (this.#left < 0) {
      this.#left = reader.count(2);
      reader.commit();
      this.#seen.clear();
      if (this.#left === 0) {
        out.empty = true;
        return true;
      }
      const { hashLimits } = this.#context.memory;
      if (this.#left > hashLimits.entries) this.#newTable(this.#left);
    }
    for (let read = Math.min(budget, this.#left); read > 0; read--) {
      this.#pair(reader);
      this.#left--;
      reader.commit();
    }
    if (this.#left > 0) return false;
    this.#seen.clear();
    if (this.#table !== null) {
      out.grown(TABLE, this.#table);
      this.#table = null;
    } else out.packed(PACKED, this.#small.bytes, 0, this.#small.close());
    return true;
  }

  #newTable(fields: number): HashTable {
    const hash = new HashTable(this.#context.memory);
    this.#table = hash;
    hash.reserve(Math.min(fields, RESERVED_MAX));
    return hash;
  }

  #pair(reader: RdbReader): void {
    reader.string();
    const { len } = reader;
    let field = reader.bytes;
    let { off } = reader;
    if (field !== reader.buf) {
      // It lies where the value may come to lie.
      if (this.#field.length < len) this.#field = new Uint8Array(len * 2);
      this.#field.set(field.subarray(off, off + len));
      field = this.#field;
      off = 0;
    }
    reader.string();
    if (this.#table === null) {
      const { hashLimits } = this.#context.memory;
      if (this.#deep && !this.#seen.add(field, off, len)) throw corrupt(DUPLICATE);
      if (len <= hashLimits.value && reader.len <= hashLimits.value) {
        this.#small.add(field, off, len);
        this.#small.add(reader.bytes, reader.off, reader.len);
        return;
      }
      this.#small.close();
      this.#table = HashTable.fromListpack(this.#context.memory, this.#small.bytes, 0);
    }
    if (!this.#table.set(field, off, len, reader.bytes, reader.off, reader.len)) throw corrupt(DUPLICATE);
  }

  #listpack(bytes: Uint8Array, off: number, len: number, out: LoadedValue): void {
    if (!lpValidate(bytes, off, len)) throw corrupt(BAD_LISTPACK);
    const count = lpLength(bytes, off);
    if ((count & 1) !== 0) throw corrupt(BAD_LISTPACK);
    if (count === 0) {
      out.empty = true;
      return;
    }
    if (this.#deep) this.#lookForDuplicates(bytes, off, BAD_LISTPACK);
    if (count >> 1 <= this.#context.memory.hashLimits.entries) out.packed(PACKED, bytes, off, len);
    else out.grown(TABLE, HashTable.fromListpack(this.#context.memory, bytes, off));
  }

  #lookForDuplicates(bytes: Uint8Array, off: number, message: string): void {
    this.#seen.clear();
    for (let p = lpFirst(bytes, off); p >= 0; p = lpNext(bytes, lpNext(bytes, p))) {
      const { bytes: from, off: at, len } = lpGet(bytes, p, this.#element);
      if (!this.#seen.add(from, at, len)) throw corrupt(message);
    }
    this.#seen.clear();
  }

  /** A zipmap or a ziplist: they are checked wholly, as Redis does. */
  #old(reader: RdbReader, out: LoadedValue): void {
    const small = this.#small;
    const isZipmap = this.#type === TYPE_HASH_ZIPMAP;
    let longest = 0;
    this.#seen.clear();
    const visit = (bytes: Uint8Array, off: number, len: number): void => {
      if ((small.count & 1) === 0 && !this.#seen.add(bytes, off, len)) {
        throw corrupt(isZipmap ? `Hash zipmap with dup elements, or big length (${len})` : BAD_ZIPLIST);
      }
      longest = Math.max(longest, len);
      small.add(bytes, off, len);
    };
    if (isZipmap) readZipmap(reader.bytes, reader.off, reader.len, visit);
    else readZiplist(reader.bytes, reader.off, reader.len, visit, BAD_ZIPLIST);
    this.#seen.clear();
    if ((small.count & 1) !== 0) throw corrupt(BAD_ZIPLIST);
    if (small.count === 0) {
      out.empty = true;
      return;
    }
    const { entries, value } = this.#context.memory.hashLimits;
    const length = small.close();
    if (small.count >> 1 > entries || (isZipmap && longest > value)) {
      out.grown(TABLE, HashTable.fromListpack(this.#context.memory, small.bytes, 0));
    } else out.packed(PACKED, small.bytes, 0, length);
  }

  drop(): void {
    if (this.#table !== null) releaseWhole(this.#table);
    this.#table = null;
    this.#seen.clear();
  }
}
