/**
 * Sorted sets from RDBs: member and score one after another (scores as text up to 3.2, then binary), or a ziplist or
 * listpack of them.
 *
 * What is to be packed all the same is put in order in the end. Of those that are not, small ones are ordered as a
 * whole, which is cheaper; big ones element by element, as that can be interrupted.
 */
import { releaseWhole } from '../../datatypes/memory.ts';
import { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import { TYPE_ZSET, ZSET_INDEX, ZSET_LISTPACK } from '../../keyspace/entry.ts';
import {
  LpElement,
  lpEntrySize,
  lpFirst,
  lpGet,
  lpInt,
  lpLength,
  lpNext,
  lpValidate,
} from '../../structures/listpack.ts';
import { parseDoubleBytes } from '../../util/number-text.ts';
import { TYPE_ZSET as RDB_ZSET, TYPE_ZSET_2, TYPE_ZSET_LISTPACK } from '../format.ts';
import {
  corrupt,
  type LoadContext,
  type LoadedValue,
  PackedBuilder,
  SeenMembers,
  type ValuePart,
} from './loaded-value.ts';
import { readZiplist } from './old-forms.ts';
import type { RdbReader } from './reader.ts';

const PACKED = TYPE_ZSET | ZSET_LISTPACK;
const GROWN = TYPE_ZSET | ZSET_INDEX;
const BAD_LISTPACK = 'Zset listpack integrity check failed.';
const BAD_ZIPLIST = 'Zset ziplist integrity check failed.';
const NAN = 'Zset with NAN score detected';
const DUPLICATE = 'Duplicate zset fields detected';
/** Up to so many members are ordered at once. */
const ORDERED_AT_ONCE = 4096;

export class ZsetLoader implements ValuePart {
  readonly #context: LoadContext;
  #type = RDB_ZSET;
  #deep = false;
  /** Members still to come; -1: their number has not been read. */
  #left = -1;
  #ordered = false;
  #set: SortedSet | null = null;
  readonly #small = new PackedBuilder();
  readonly #element = new LpElement();
  readonly #seen = new SeenMembers();
  #member = new Uint8Array(256);

  constructor(context: LoadContext) {
    this.#context = context;
  }

  begin(type: number, deep: boolean): void {
    this.#type = type;
    this.#deep = deep;
    this.#left = -1;
    this.#set = null;
    this.#small.start();
    if (this.#member.length > 65536) this.#member = new Uint8Array(256);
  }

  step(reader: RdbReader, budget: number, out: LoadedValue): boolean {
    if (this.#type !== RDB_ZSET && this.#type !== TYPE_ZSET_2) {
      reader.string();
      if (this.#type === TYPE_ZSET_LISTPACK) {
        this.#listpack(reader.bytes, reader.off, reader.len, out, BAD_LISTPACK, this.#deep);
      } else this.#ziplist(reader, out);
      reader.commit();
      return true;
    }
    if (this.#left < 0) {
      this.#left = reader.count(2);
      reader.commit();
      if (this.#left === 0) {
        out.empty = true;
        return true;
      }
      this.#ordered = this.#left > ORDERED_AT_ONCE;
      this.#set = new SortedSet(this.#context.memory);
    }
    const set = this.#set!;
    for (let read = Math.min(budget, this.#left); read > 0; read--) {
      this.#pair(reader, set);
      this.#left--;
      reader.commit();
    }
    if (this.#left > 0) return false;
    if (!this.#ordered) set.order();
    this.#set = null;
    out.sorted = set;
    return true;
  }

  #pair(reader: RdbReader, set: SortedSet): void {
    reader.string();
    const { len } = reader;
    let member = reader.bytes;
    let { off } = reader;
    if (member !== reader.buf && this.#type === RDB_ZSET) {
      if (this.#member.length < len) this.#member = new Uint8Array(len * 2);
      this.#member.set(member.subarray(off, off + len));
      member = this.#member;
      off = 0;
    }
    const score = this.#type === TYPE_ZSET_2 ? reader.double() : reader.textDouble();
    if (Number.isNaN(score)) throw corrupt(NAN);
    if (set.find(member, off, len) !== 0) throw corrupt(DUPLICATE);
    if (this.#ordered) set.add(score, member, off, len);
    else set.addUnordered(score, member, off, len);
  }

  #listpack(
    bytes: Uint8Array,
    off: number,
    len: number,
    out: LoadedValue,
    message: string,
    deep: boolean,
  ): void {
    if (!lpValidate(bytes, off, len)) throw corrupt(message);
    const count = lpLength(bytes, off);
    if ((count & 1) !== 0) throw corrupt(message);
    if (count === 0) {
      out.empty = true;
      return;
    }
    const element = this.#element;
    if (deep) this.#seen.clear();
    for (let p = lpFirst(bytes, off); p >= 0; ) {
      const scoreAt = p + lpEntrySize(bytes, p);
      if (deep) {
        lpGet(bytes, p, element);
        if (!this.#seen.add(element.bytes, element.off, element.len)) throw corrupt(message);
      }
      if (Number.isNaN(lpInt(bytes, scoreAt))) {
        lpGet(bytes, scoreAt, element);
        const score = parseDoubleBytes(element.bytes, element.off, element.len);
        if (Number.isNaN(score)) throw corrupt(message);
      }
      p = lpNext(bytes, scoreAt);
    }
    this.#seen.clear();
    if (count >> 1 <= this.#context.zsetLimits['zset-max-listpack-entries']) {
      out.packed(PACKED, bytes, off, len);
    } else out.grown(GROWN, this.#grow(bytes, off));
  }

  #grow(bytes: Uint8Array, off: number): SortedSet {
    const set = new SortedSet(this.#context.memory);
    this.#set = set;
    const element = this.#element;
    for (let p = lpFirst(bytes, off); p >= 0; ) {
      const scoreAt = p + lpEntrySize(bytes, p);
      lpGet(bytes, scoreAt, element);
      const score = element.isInt ? element.int : parseDoubleBytes(element.bytes, element.off, element.len);
      lpGet(bytes, p, element);
      if (set.find(element.bytes, element.off, element.len) !== 0) throw corrupt(DUPLICATE);
      set.addUnordered(score, element.bytes, element.off, element.len);
      p = lpNext(bytes, scoreAt);
    }
    set.order();
    this.#set = null;
    return set;
  }

  #ziplist(reader: RdbReader, out: LoadedValue): void {
    const small = this.#small;
    readZiplist(reader.bytes, reader.off, reader.len, (b, off, len) => small.add(b, off, len), BAD_ZIPLIST);
    this.#listpack(small.bytes, 0, small.close(), out, BAD_ZIPLIST, true);
  }

  drop(): void {
    if (this.#set !== null) releaseWhole(this.#set);
    this.#set = null;
    this.#seen.clear();
  }
}
