/**
 * Sets from RDBs: strings one after another, an intset, or (from 7.2 on) a listpack.
 */
import { releaseWhole } from '../../datatypes/memory.ts';
import { PACKED_MEMBER_BYTES_MAX, PACKED_MEMBERS_MAX } from '../../datatypes/set/limits.ts';
import { SetTable } from '../../datatypes/set/set-table.ts';
import { SET_INTSET, SET_LISTPACK, SET_PACKED_TABLE, SET_TABLE, TYPE_SET } from '../../keyspace/entry.ts';
import {
  Int64,
  intsetGet,
  intsetLength,
  intsetValidate,
  parseInt64Words,
  writeInt64Words,
} from '../../structures/intset.ts';
import { LpElement, lpGet, lpLength, lpNext, lpSeek, lpValidate } from '../../structures/listpack.ts';
import { SetValue } from '../../values/set.ts';
import { TYPE_SET as RDB_SET, TYPE_SET_INTSET } from '../format.ts';
import { corrupt, type LoadContext, type LoadedValue, SeenMembers, type ValuePart } from './loaded-value.ts';
import type { RdbReader } from './reader.ts';
import { SmallSet } from './small-set.ts';

/** Most members that a table is made for before they have come. */
const RESERVED_MAX = 1 << 20;
const DUPLICATE = 'Duplicate set members detected';

export class SetLoader implements ValuePart {
  readonly #context: LoadContext;
  #type = RDB_SET;
  /** Members still to come; -1: their number has not been read. */
  #left = -1;
  /** Small sets: most of them are a listpack from the first member on, others begin as an intset. */
  readonly #packed = new SmallSet();
  #isPacked = false;
  readonly #small = new SetValue();
  #isSmall = false;
  #table: SetTable | null = null;
  readonly #element = new LpElement();
  readonly #int = new Int64();
  readonly #seen = new SeenMembers();

  constructor(context: LoadContext) {
    this.#context = context;
  }

  begin(type: number): void {
    this.#type = type;
    this.#left = -1;
    this.#isSmall = false;
    this.#isPacked = false;
    this.#table = null;
  }

  step(reader: RdbReader, budget: number, out: LoadedValue): boolean {
    if (this.#type === TYPE_SET_INTSET) {
      reader.string();
      this.#intset(reader, out);
      reader.commit();
      return true;
    }
    if (this.#type !== RDB_SET) {
      reader.string();
      this.#listpack(reader, out);
      reader.commit();
      return true;
    }
    if (this.#left < 0 && !this.#start(reader)) {
      out.empty = true;
      return true;
    }
    if (this.#isPacked) return this.#stepPacked(reader, budget, out);
    const to = this.#table ?? this.#small;
    for (let read = Math.min(budget, this.#left); read > 0; read--) {
      reader.string();
      if (!to.add(reader.bytes, reader.off, reader.len)) throw corrupt(DUPLICATE);
      this.#left--;
      reader.commit();
    }
    if (this.#left > 0) return false;
    if (this.#table !== null) {
      out.grown(TYPE_SET | SET_TABLE, this.#table);
      this.#table = null;
    } else {
      out.set = this.#small;
      this.#isSmall = false;
    }
    return true;
  }

  /** Reads the number of members; false if there are none. */
  #start(reader: RdbReader): boolean {
    const count = reader.count();
    reader.commit();
    this.#left = count;
    if (count === 0) return false;
    const { memory, db } = this.#context;
    const { intsetEntries, listpackEntries } = memory.setLimits;
    if (count > PACKED_MEMBERS_MAX && count > intsetEntries && count > listpackEntries) {
      this.#table = new SetTable(memory);
      this.#table.reserve(Math.min(count, RESERVED_MAX));
    } else {
      this.#small.begin(db);
      this.#isSmall = true;
      if (count <= PACKED_MEMBERS_MAX && listpackEntries === 0) {
        this.#packed.start();
        this.#isPacked = true;
      }
    }
    return true;
  }

  /** As long as all is as it is most of the time: a set of texts, none long. */
  #stepPacked(reader: RdbReader, budget: number, out: LoadedValue): boolean {
    const { packed } = this.#packed;
    for (let read = Math.min(budget, this.#left); read > 0; read--) {
      const next = this.#packed.take(reader.buf, reader.pos, reader.end, read);
      if (next < 0) throw corrupt(DUPLICATE);
      if (next !== reader.pos) {
        const { taken } = this.#packed;
        reader.pos = next;
        reader.commit();
        this.#left -= taken;
        read -= taken;
        if (read === 0) break;
      }
      reader.string();
      const { bytes, off, len } = reader;
      if (
        len > PACKED_MEMBER_BYTES_MAX ||
        (packed.count === 0 && parseInt64Words(bytes, off, len, this.#int))
      ) {
        this.#unpack();
        if (!this.#small.add(bytes, off, len)) throw corrupt(DUPLICATE);
        this.#left--;
        reader.commit();
        return this.step(reader, budget, out);
      }
      if (!this.#packed.add(bytes, off, len)) throw corrupt(DUPLICATE);
      this.#left--;
      reader.commit();
    }
    if (this.#left > 0) return false;
    out.packed(TYPE_SET | SET_PACKED_TABLE, packed.bytes, 0, packed.close());
    this.#small.drop();
    this.#isSmall = false;
    return true;
  }

  /** What has come so far goes to a set that may take any form. */
  #unpack(): void {
    const { packed } = this.#packed;
    this.#isPacked = false;
    const length = packed.close();
    for (let p = packed.count === 0 ? -1 : lpSeek(packed.bytes, 0, 0); p >= 0 && p < length; ) {
      const { bytes, off, len } = lpGet(packed.bytes, p, this.#element);
      this.#small.add(bytes, off, len);
      p = lpNext(packed.bytes, p);
    }
  }

  #intset(reader: RdbReader, out: LoadedValue): void {
    const { bytes, off, len } = reader;
    if (!intsetValidate(bytes, off, len)) throw corrupt('Intset integrity check failed.');
    const { memory } = this.#context;
    const count = intsetLength(bytes, off);
    if (count <= memory.setLimits.intsetEntries) {
      out.packed(TYPE_SET | SET_INTSET, bytes, off, len);
      return;
    }
    const table = this.#newTable(count);
    const { digits } = this.#element;
    for (let i = 0; i < count; i++) {
      intsetGet(bytes, off, i, this.#int);
      table.add(digits, 0, writeInt64Words(digits, 0, this.#int.hi, this.#int.lo));
    }
    this.#table = null;
    out.grown(TYPE_SET | SET_TABLE, table);
  }

  #newTable(count: number): SetTable {
    const table = new SetTable(this.#context.memory);
    this.#table = table;
    table.reserve(Math.min(count, RESERVED_MAX));
    return table;
  }

  #listpack(reader: RdbReader, out: LoadedValue): void {
    const { bytes, off, len } = reader;
    if (!lpValidate(bytes, off, len)) throw corrupt('Set listpack integrity check failed.');
    const count = lpLength(bytes, off);
    if (count === 0) {
      out.empty = true;
      return;
    }
    const element = this.#element;
    let longest = 0;
    this.#seen.clear();
    for (let p = lpSeek(bytes, off, 0); p >= 0; p = lpNext(bytes, p)) {
      lpGet(bytes, p, element);
      longest = Math.max(longest, element.len);
      // Always: it is written as a set of strings, which no server would load with a member twice.
      if (!this.#seen.add(element.bytes, element.off, element.len)) {
        throw corrupt('Set listpack integrity check failed.');
      }
    }
    this.#seen.clear();
    const { listpackEntries, listpackValue } = this.#context.memory.setLimits;
    if (count <= listpackEntries && longest <= listpackValue) {
      out.packed(TYPE_SET | SET_LISTPACK, bytes, off, len);
    } else if (count <= PACKED_MEMBERS_MAX && longest <= PACKED_MEMBER_BYTES_MAX) {
      out.packed(TYPE_SET | SET_PACKED_TABLE, bytes, off, len);
    } else {
      const table = this.#newTable(count);
      for (let p = lpSeek(bytes, off, 0); p >= 0; p = lpNext(bytes, p)) {
        lpGet(bytes, p, element);
        if (!table.add(element.bytes, element.off, element.len)) throw corrupt(DUPLICATE);
      }
      this.#table = null;
      out.grown(TYPE_SET | SET_TABLE, table);
    }
  }

  drop(): void {
    if (this.#table !== null) releaseWhole(this.#table);
    this.#table = null;
    if (this.#isSmall) this.#small.drop();
    this.#isSmall = false;
  }
}
