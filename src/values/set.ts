/**
 * A set in whatever form it has, for commands and for everybody else who reads sets (SORT, ZUNIONSTORE, digests,
 * snapshots).
 *
 *   SET_INTSET        an intset in the entry: integers only, up to set-max-intset-entries
 *   SET_PACKED_TABLE  a listpack in the entry, for small sets; OBJECT ENCODING calls it hashtable
 *   SET_LISTPACK      the same, called listpack: only while set-max-listpack-entries is set, as in Redis 7.2
 *   SET_TABLE         a table of members (datatypes/set/set-table.ts)
 *
 *        non-integer, small     too many or too long
 *   INTSET ────────> PACKED_TABLE ────────> TABLE         set-max-listpack-entries 0
 *   INTSET ────────> LISTPACK ──> PACKED_TABLE or TABLE   otherwise: LISTPACK ends at set-max-listpack-entries/-value
 *   INTSET ────────────────────────────────> TABLE        more than set-max-intset-entries
 *
 * No form goes back. A SetValue is a handle that is used again and again: `open` points it at an entry, `begin` at a
 * set in the making that belongs to no entry until `store`. It is good until something else is stored in the database.
 * Members are shown one at a time in `member`.
 */

import { releaseWhole } from '../datatypes/memory.ts';
import { PACKED_MEMBER_BYTES_MAX, PACKED_MEMBERS_MAX, type SetLimits } from '../datatypes/set/limits.ts';
import { SetTable } from '../datatypes/set/set-table.ts';
import { copyBytes, type Database, ValueView } from '../keyspace/database.ts';
import {
  ENCODING_MASK,
  SET_INTSET,
  SET_LISTPACK,
  SET_PACKED_TABLE,
  SET_TABLE,
  TYPE_SET,
} from '../keyspace/entry.ts';
import type { Arena } from '../structures/arena.ts';
import { DictionaryWalk } from '../structures/dictionary.ts';
import {
  INTSET_HEADER_BYTES,
  Int64,
  intsetBytesWith,
  intsetDelete,
  intsetFind,
  intsetGet,
  intsetInit,
  intsetInsert,
  intsetLength,
  intsetWidth,
  parseInt64Words,
  writeInt64Words,
} from '../structures/intset.ts';
import {
  LP_EMPTY_BYTES,
  LpElement,
  lpBytes,
  lpDelete,
  lpEncodedSize,
  lpEnd,
  lpFind,
  lpFirst,
  lpGet,
  lpInit,
  lpInsert,
  lpLength,
  lpNext,
  lpSeek,
} from '../structures/listpack.ts';
import { type Random, randomBelow } from '../util/random.ts';

const TWO_32 = 4294967296;
/** Most bytes of an integer in a listpack. */
const LP_INT_MAX_BYTES = 10;

/** Room that a handle keeps for its next set in the making. */
const OWN_MAX = 65536;

const parsed = new Int64();
/** Room for a set that changes its form. */
let scratch = new Uint8Array(4096);

export class SetValue {
  /** SET_INTSET, ... */
  form: number = SET_INTSET;
  /** Where the entry is now; 0 for a set in the making. */
  ref = 0;
  /** The member that `next`, `pick` or `at` came to: bytes, off, len. */
  readonly member = new LpElement();
  /** Names that member while the set does not change: for `at`. */
  handle = 0;
  /** The bytes of a packed set. */
  readonly view = new ValueView();
  table: SetTable | null = null;

  #db: Database | null = null;
  #limits: SetLimits | null = null;
  #detached = false;
  #arena: Arena | null = null;
  #own = new Uint8Array(256);
  readonly #walk = new DictionaryWalk();
  readonly #int = new Int64();

  /** Points to the set in an entry, whose type has been checked. */
  open(db: Database, ref: number): this {
    if (this.#detached) this.drop();
    this.#db = db;
    this.#limits = db.memory.setLimits;
    this.#detached = false;
    this.ref = ref;
    this.form = db.meta(ref) & ENCODING_MASK;
    this.handle = -1;
    if (this.form === SET_TABLE) this.table = db.collection(ref) as SetTable;
    else {
      this.table = null;
      db.locateValue(ref, this.view);
    }
    return this;
  }

  /** Begins an empty set that belongs to no entry yet. It has to be ended by `store` or `drop`. */
  begin(db: Database): this {
    if (this.#detached) this.drop();
    this.#arena = db.memory.arena;
    this.#db = db;
    this.#limits = db.memory.setLimits;
    this.#detached = true;
    this.ref = 0;
    this.form = SET_INTSET;
    this.table = null;
    if (this.#own.length > OWN_MAX) this.#own = new Uint8Array(256);
    this.view.bytes = this.#own;
    this.view.off = 0;
    this.view.len = INTSET_HEADER_BYTES;
    this.handle = -1;
    intsetInit(this.#own, 0);
    return this;
  }

  /** Hash of the member that `next` came to in a table. */
  get hash(): number {
    return this.#walk.hash;
  }

  get size(): number {
    if (this.form === SET_TABLE) return this.table!.size;
    const { bytes, off } = this.view;
    return this.form === SET_INTSET ? intsetLength(bytes, off) : lpLength(bytes, off);
  }

  has(buf: Uint8Array, off: number, len: number): boolean {
    if (this.form === SET_TABLE) return this.table!.has(buf, off, len);
    const { view } = this;
    if (this.form === SET_INTSET) {
      if (!parseInt64Words(buf, off, len, parsed)) return false;
      return intsetFind(view.bytes, view.off, parsed.hi, parsed.lo) >= 0;
    }
    return lpFind(view.bytes, view.off, lpFirst(view.bytes, view.off), buf, off, len, 0) >= 0;
  }

  /** Whether the member that `other` has come to (by `next`) is here, too. */
  hasMemberOf(other: SetValue): boolean {
    if (this.form === SET_TABLE && other.form === SET_TABLE) {
      return this.table!.findCopy(other.#walk.hash, other.handle) !== 0;
    }
    if (this.form === SET_INTSET && other.form === SET_INTSET) {
      return intsetFind(this.view.bytes, this.view.off, other.#int.hi, other.#int.lo) >= 0;
    }
    const { member } = other;
    return this.has(member.bytes, member.off, member.len);
  }

  // --------------------------------------------------------------------------------------- one after another

  /** Goes before the first member. */
  rewind(): void {
    this.handle = -1;
    if (this.form === SET_TABLE) this.#walk.start(this.table!.table.dict);
  }

  /** Comes to the next member; false at the end. The set must not change on the way. */
  next(): boolean {
    if (this.form === SET_TABLE) {
      const ref = this.#walk.next();
      if (ref === 0) return false;
      this.#show(ref);
      return true;
    }
    const { bytes, off } = this.view;
    if (this.form === SET_INTSET) {
      if (this.handle + 1 >= intsetLength(bytes, off)) return false;
      this.#show(this.handle + 1);
      return true;
    }
    const p = this.handle < 0 ? lpFirst(bytes, off) : lpNext(bytes, this.handle);
    if (p < 0) return false;
    this.#show(p);
    return true;
  }

  /** Comes to the member of that handle. */
  at(handle: number): void {
    this.#show(handle);
  }

  #show(handle: number): void {
    const { member } = this;
    this.handle = handle;
    if (this.form === SET_TABLE) {
      const { table } = this.table!;
      member.isInt = false;
      member.bytes = table.page(handle);
      member.off = table.memberOffset(handle);
      member.len = table.memberLength(handle);
    } else if (this.form === SET_INTSET) {
      const int = this.#int;
      intsetGet(this.view.bytes, this.view.off, handle, int);
      member.isInt = true;
      member.int = int.hi * TWO_32 + (int.lo >>> 0);
      member.bytes = member.digits;
      member.off = 0;
      member.len = writeInt64Words(member.digits, 0, int.hi, int.lo);
    } else lpGet(this.view.bytes, handle, member);
  }

  /** Comes to a member by chance, each as likely as any other. There must be one. */
  pick(random: Random): void {
    if (this.form === SET_TABLE) {
      this.#show(this.table!.table.randomRef(random));
      return;
    }
    const { bytes, off } = this.view;
    const index = randomBelow(random, this.size);
    this.#show(this.form === SET_INTSET ? index : lpSeek(bytes, off, index));
  }

  // ------------------------------------------------------------------------------------------------- changes

  /**
   * What Redis does before it adds so many members: up to 7.0 nothing, from 7.2 on a packed form that could not hold
   * them all is left at once. A set in the making takes its form by its first member.
   */
  expect(members: number, buf: Uint8Array, off: number, len: number): void {
    const { intsetEntries, listpackEntries } = this.#limits!;
    const isNew = this.#detached;
    const isInt = isNew && parseInt64Words(buf, off, len, parsed);
    if (listpackEntries === 0) {
      if (isNew && !isInt) this.#becomePacked(SET_PACKED_TABLE);
      return;
    }
    if (isNew) {
      if (isInt && members <= intsetEntries) return;
      this.#becomePacked(members <= listpackEntries ? SET_LISTPACK : SET_PACKED_TABLE);
      return;
    }
    const limit = this.form === SET_INTSET ? intsetEntries : listpackEntries;
    if ((this.form === SET_INTSET || this.form === SET_LISTPACK) && members > limit) this.#becomeHashtable();
  }

  /** Adds a member; false if it is there already. */
  add(buf: Uint8Array, off: number, len: number): boolean {
    if (this.form === SET_TABLE) return this.table!.add(buf, off, len);
    const { view } = this;
    if (this.form === SET_INTSET) {
      if (parseInt64Words(buf, off, len, parsed)) return this.#addInt(parsed.hi, parsed.lo);
      this.#leaveIntset(len);
      return this.add(buf, off, len);
    }
    if (lpFind(view.bytes, view.off, lpFirst(view.bytes, view.off), buf, off, len, 0) >= 0) return false;
    const count = lpLength(view.bytes, view.off);
    if (this.form === SET_LISTPACK) {
      const { listpackEntries, listpackValue } = this.#limits!;
      if (count >= listpackEntries || len > listpackValue) {
        this.#becomeHashtable();
        return this.add(buf, off, len);
      }
    } else if (count >= PACKED_MEMBERS_MAX || len > PACKED_MEMBER_BYTES_MAX) {
      this.#becomeTable();
      return this.table!.add(buf, off, len);
    }
    this.#resize(view.len + lpEncodedSize(buf, off, len), this.form);
    lpInsert(view.bytes, view.off, lpEnd(view.bytes, view.off), buf, off, len);
    return true;
  }

  /** Adds the member that `other` has come to by `next`. */
  addMemberOf(other: SetValue): boolean {
    if (this.form === SET_TABLE && other.form === SET_TABLE) {
      return this.table!.addCopy(other.#walk.hash, other.handle);
    }
    if (this.form === SET_INTSET && other.form === SET_INTSET) {
      return this.#addInt(other.#int.hi, other.#int.lo);
    }
    const { member } = other;
    return this.add(member.bytes, member.off, member.len);
  }

  /** Adds the member of `other` with that handle and hash. */
  addFrom(other: SetValue, handle: number, hash: number): boolean {
    if (this.form === SET_TABLE && other.form === SET_TABLE) return this.table!.addCopy(hash, handle);
    other.at(handle);
    return this.add(other.member.bytes, other.member.off, other.member.len);
  }

  /** Makes a table of a set in the making that is to have so many members, where it is clear that it will be one. */
  reserve(members: number): void {
    const table = new SetTable(this.#db!.memory);
    table.reserve(members);
    this.table = table;
    this.form = SET_TABLE;
  }

  #addInt(hi: number, lo: number): boolean {
    const { view } = this;
    const index = intsetFind(view.bytes, view.off, hi, lo);
    if (index >= 0) return false;
    if (intsetLength(view.bytes, view.off) >= this.#limits!.intsetEntries) {
      this.#becomeHashtable();
      const { digits } = this.member;
      return this.add(digits, 0, writeInt64Words(digits, 0, hi, lo));
    }
    this.#resize(intsetBytesWith(view.bytes, view.off, hi, lo), SET_INTSET);
    intsetInsert(view.bytes, view.off, -1 - index, hi, lo);
    return true;
  }

  remove(buf: Uint8Array, off: number, len: number): boolean {
    if (this.form === SET_TABLE) return this.table!.delete(buf, off, len);
    const { view } = this;
    if (this.form === SET_INTSET) {
      if (!parseInt64Words(buf, off, len, parsed)) return false;
      this.handle = intsetFind(view.bytes, view.off, parsed.hi, parsed.lo);
    } else {
      this.handle = lpFind(view.bytes, view.off, lpFirst(view.bytes, view.off), buf, off, len, 0);
    }
    if (this.handle < 0) return false;
    this.#removePacked(this.handle);
    return true;
  }

  /** Removes the member that `pick` came to. `member` stays good, unless the set is a listpack. */
  removePicked(): void {
    if (this.form === SET_TABLE) this.table!.deleteFound(this.handle);
    else this.#removePacked(this.handle);
  }

  #removePacked(handle: number): void {
    const { view } = this;
    if (this.form === SET_INTSET) {
      intsetDelete(view.bytes, view.off, handle);
      this.#resize(view.len - intsetWidth(view.bytes, view.off), SET_INTSET);
    } else {
      lpDelete(view.bytes, view.off, handle, 1);
      this.#resize(lpBytes(view.bytes, view.off), this.form);
    }
  }

  // --------------------------------------------------------------------------------------------------- forms

  /** Gives the packed bytes another length and form. */
  #resize(length: number, form: number): void {
    const { view } = this;
    this.form = form;
    if (this.#detached) {
      if (length > this.#own.length) {
        const grown = new Uint8Array(length * 2);
        grown.set(this.#own.subarray(0, view.len));
        this.#own = grown;
        view.bytes = grown;
      }
      view.len = length;
      return;
    }
    const db = this.#db!;
    this.ref = db.resizeValue(this.ref, length, TYPE_SET | form);
    db.locateValue(this.ref, view);
  }

  /** An intset is to take a member of `len` bytes that is no integer. */
  #leaveIntset(len: number): void {
    const { listpackEntries, listpackValue } = this.#limits!;
    const { bytes, off } = this.view;
    const count = intsetLength(bytes, off);
    if (count < listpackEntries && len <= listpackValue && this.#longestInt() <= listpackValue) {
      this.#becomePacked(SET_LISTPACK);
    } else if (count < PACKED_MEMBERS_MAX && len <= PACKED_MEMBER_BYTES_MAX) {
      this.#becomePacked(SET_PACKED_TABLE);
    } else this.#becomeTable();
  }

  /** Digits of the longest integer in an intset, which is one at its ends. */
  #longestInt(): number {
    const count = this.size;
    if (count === 0) return 0;
    this.#show(0);
    const { len } = this.member;
    this.#show(count - 1);
    return Math.max(len, this.member.len);
  }

  /** Leaves the form that has another name than hashtable. */
  #becomeHashtable(): void {
    if (this.size > PACKED_MEMBERS_MAX || this.#longestMember() > PACKED_MEMBER_BYTES_MAX) {
      this.#becomeTable();
    } else if (this.form === SET_INTSET) this.#becomePacked(SET_PACKED_TABLE);
    else this.#resize(this.view.len, SET_PACKED_TABLE);
  }

  #longestMember(): number {
    let longest = 0;
    this.rewind();
    while (this.next()) longest = Math.max(longest, this.member.len);
    return longest;
  }

  /** Makes a listpack of an intset. */
  #becomePacked(form: number): void {
    const room = LP_EMPTY_BYTES + this.size * LP_INT_MAX_BYTES;
    if (scratch.length < room) scratch = new Uint8Array(room);
    lpInit(scratch, 0);
    const { member, view } = this;
    this.rewind();
    while (this.next()) lpInsert(scratch, 0, lpEnd(scratch, 0), member.bytes, member.off, member.len);
    const length = lpBytes(scratch, 0);
    this.#resize(length, form);
    copyBytes(scratch, 0, length, view.bytes, view.off);
  }

  #becomeTable(): void {
    const db = this.#db!;
    const table = new SetTable(db.memory);
    const { member } = this;
    try {
      this.rewind();
      while (this.next()) table.add(member.bytes, member.off, member.len);
      if (!this.#detached) {
        const { ref } = this;
        const access = db.access(ref);
        const page = db.page(ref);
        const keyOff = db.keyOffset(ref);
        const keyLen = db.keyLength(ref);
        this.ref = db.storeCollection(ref, page, keyOff, keyLen, table, TYPE_SET | SET_TABLE, access, true);
      }
    } catch (error) {
      // No room: nothing has changed.
      releaseWhole(table);
      throw error;
    }
    this.table = table;
    this.form = SET_TABLE;
  }

  /** Puts a set in the making under the key just looked up (`ref`: what was found there, 0 for nothing). */
  store(ref: number, key: Uint8Array, off: number, len: number, access: number, keepExpire = false): void {
    this.storeIn(this.#db!, ref, key, off, len, access, keepExpire);
  }

  /** The same in any database of the keyspace; returns the entry's ref. */
  storeIn(
    db: Database,
    ref: number,
    key: Uint8Array,
    off: number,
    len: number,
    access: number,
    keepExpire: boolean,
  ): number {
    const meta = TYPE_SET | this.form;
    const { view, table } = this;
    const at =
      table === null
        ? db.storeValue(ref, key, off, len, view.bytes, view.off, view.len, meta, access, keepExpire)
        : db.storeCollection(ref, key, off, len, table, meta, access, keepExpire);
    this.table = null;
    this.#detached = false;
    return at;
  }

  /** Gives up a set in the making. One that was left behind by an error may have lost its arena since (FLUSHALL). */
  drop(): void {
    if (this.table !== null && this.#arena === this.#db!.memory.arena) releaseWhole(this.table);
    this.table = null;
    this.#arena = null;
    this.#detached = false;
  }
}
