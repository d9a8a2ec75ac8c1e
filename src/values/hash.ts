/**
 * Hashes in both forms: a listpack of field, value, field, value in the entry, and a table of records.
 *
 * Reading needs the entry's ref only. Writing needs the entry to be the one found last, and gives back its ref, which
 * may have changed; the key's bytes are needed where the listpack becomes a table. It does when it would have more
 * fields than hash-max-listpack-entries, or a field or value longer than hash-max-listpack-value
 * (Memory.hashLimits), and never the other way, as in Redis.
 */
import { type ByteRange, HashTable } from '../datatypes/hash/hash-table.ts';
import { type Database, ValueView } from '../keyspace/database.ts';
import { ENCODING_MASK, HASH_LISTPACK, HASH_TABLE, TYPE_HASH } from '../keyspace/entry.ts';
import {
  LP_EMPTY_BYTES,
  LpElement,
  lpDelete,
  lpEncodedSize,
  lpEnd,
  lpEntrySize,
  lpFind,
  lpFirst,
  lpGet,
  lpInit,
  lpInsert,
  lpLength,
  lpNext,
  lpReplace,
} from '../structures/listpack.ts';

const PACKED = TYPE_HASH | HASH_LISTPACK;
const TABLE = TYPE_HASH | HASH_TABLE;

const view = new ValueView();

export function hashIsPacked(db: Database, ref: number): boolean {
  return (db.meta(ref) & ENCODING_MASK) === HASH_LISTPACK;
}

export function hashTable(db: Database, ref: number): HashTable {
  return db.collection(ref) as HashTable;
}

/** Number of fields. */
export function hashLength(db: Database, ref: number): number {
  if (!hashIsPacked(db, ref)) return hashTable(db, ref).size;
  db.locateValue(ref, view);
  return lpLength(view.bytes, view.off) >> 1;
}

/** Finds the value of a field; false if it isn't there. It is told where it is until the next change. */
export function hashGet(
  db: Database,
  ref: number,
  buf: Uint8Array,
  off: number,
  len: number,
  into: LpElement,
): boolean {
  if (!hashIsPacked(db, ref)) {
    const hash = hashTable(db, ref);
    const record = hash.find(buf, off, len);
    if (record === 0) return false;
    into.isInt = false;
    hash.locateValue(record, into);
    return true;
  }
  db.locateValue(ref, view);
  const { bytes } = view;
  const p = lpFind(bytes, view.off, lpFirst(bytes, view.off), buf, off, len, 1);
  if (p < 0) return false;
  lpGet(bytes, lpNext(bytes, p), into);
  return true;
}

/** Calls `visit` with each field and its value, until it returns false. `visit` must not change the keyspace. */
export function hashEach(
  db: Database,
  ref: number,
  visit: (field: ByteRange, value: ByteRange) => boolean,
): void {
  const field = new LpElement();
  const value = new LpElement();
  if (hashIsPacked(db, ref)) {
    const packed = new ValueView();
    db.locateValue(ref, packed);
    const { bytes } = packed;
    for (let p = lpFirst(bytes, packed.off); p >= 0; ) {
      const v = lpNext(bytes, p);
      if (!visit(lpGet(bytes, p, field), lpGet(bytes, v, value))) return;
      p = lpNext(bytes, v);
    }
    return;
  }
  const hash = hashTable(db, ref);
  let more = true;
  hash.table.scan(0, (record) => {
    if (!more) return false;
    hash.locateField(record, field);
    hash.locateValue(record, value);
    more = visit(field, value);
    return more;
  });
}

/** Makes a new, empty hash of the key that was just looked up in vain. Fields must follow. */
export function hashCreate(
  db: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  access: number,
): number {
  lpInit(empty, 0);
  return db.storeValue(0, key, keyOff, keyLen, empty, 0, LP_EMPTY_BYTES, PACKED, access, false);
}

const empty = new Uint8Array(LP_EMPTY_BYTES);

/** Turns a packed hash into a table. */
export function hashConvert(
  db: Database,
  ref: number,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
): number {
  db.locateValue(ref, view);
  const hash = HashTable.fromListpack(db.memory, view.bytes, view.off);
  return db.storeCollection(ref, key, keyOff, keyLen, hash, TABLE, db.access(ref), true);
}

/** Gives a field its value. */
export function hashSet(
  db: Database,
  ref: number,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  field: Uint8Array,
  fieldOff: number,
  fieldLen: number,
  value: Uint8Array,
  valueOff: number,
  valueLen: number,
): number {
  const { hashLimits } = db.memory;
  let at = ref;
  if (hashIsPacked(db, ref)) {
    if (fieldLen <= hashLimits.value && valueLen <= hashLimits.value) {
      at = setPacked(db, ref, field, fieldOff, fieldLen, value, valueOff, valueLen);
      db.locateValue(at, view);
      if (lpLength(view.bytes, view.off) >> 1 > hashLimits.entries)
        at = hashConvert(db, at, key, keyOff, keyLen);
      return at;
    }
    at = hashConvert(db, ref, key, keyOff, keyLen);
  }
  hashTable(db, at).set(field, fieldOff, fieldLen, value, valueOff, valueLen);
  return at;
}

function setPacked(
  db: Database,
  ref: number,
  field: Uint8Array,
  fieldOff: number,
  fieldLen: number,
  value: Uint8Array,
  valueOff: number,
  valueLen: number,
): number {
  db.locateValue(ref, view);
  const { bytes, off, len } = view;
  const p = lpFind(bytes, off, lpFirst(bytes, off), field, fieldOff, fieldLen, 1);
  const size = lpEncodedSize(value, valueOff, valueLen);
  if (p >= 0) {
    const v = lpNext(bytes, p);
    const growth = size - lpEntrySize(bytes, v);
    if (growth <= 0) {
      lpReplace(bytes, off, v, value, valueOff, valueLen);
      return growth === 0 ? ref : db.resizeValue(ref, len + growth, PACKED);
    }
    const at = db.resizeValue(ref, len + growth, PACKED);
    db.locateValue(at, view);
    lpReplace(view.bytes, view.off, view.off + v - off, value, valueOff, valueLen);
    return at;
  }
  const at = db.resizeValue(ref, len + size + lpEncodedSize(field, fieldOff, fieldLen), PACKED);
  db.locateValue(at, view);
  lpInsert(view.bytes, view.off, lpEnd(view.bytes, view.off), field, fieldOff, fieldLen);
  lpInsert(view.bytes, view.off, lpEnd(view.bytes, view.off), value, valueOff, valueLen);
  return at;
}

/**
 * The commonest update: writes a value over one that takes as many bytes of a listpack. False if it is no such case;
 * nothing has been done then.
 */
export function hashOverwrite(
  db: Database,
  ref: number,
  field: Uint8Array,
  fieldOff: number,
  fieldLen: number,
  value: Uint8Array,
  valueOff: number,
  valueLen: number,
): boolean {
  const { hashLimits } = db.memory;
  if (!hashIsPacked(db, ref) || fieldLen > hashLimits.value || valueLen > hashLimits.value) return false;
  db.locateValue(ref, view);
  const { bytes, off } = view;
  const p = lpFind(bytes, off, lpFirst(bytes, off), field, fieldOff, fieldLen, 1);
  if (p < 0 || lpLength(bytes, off) >> 1 > hashLimits.entries) return false;
  const v = p + lpEntrySize(bytes, p);
  if (valueLen > 0 && valueLen < 64 && bytes[v] === (SHORT_TEXT | valueLen) && value[valueOff]! > NINE) {
    // A text of the same length, and no integer's: its encoding and the rest of the entry stay.
    for (let i = 0; i < valueLen; i++) bytes[v + 1 + i] = value[valueOff + i]!;
    return true;
  }
  if (lpEncodedSize(value, valueOff, valueLen) !== lpEntrySize(bytes, v)) return false;
  lpReplace(bytes, off, v, value, valueOff, valueLen);
  return true;
}

/** Encoding of a text of up to 63 bytes in a listpack, its length added. */
const SHORT_TEXT = 0x80;
const NINE = 0x39;

/** Removes a field. Returns 0 if it isn't there, else the entry's ref; a hash without fields is the caller's to remove. */
export function hashDelete(db: Database, ref: number, buf: Uint8Array, off: number, len: number): number {
  if (!hashIsPacked(db, ref)) return hashTable(db, ref).delete(buf, off, len) ? ref : 0;
  db.locateValue(ref, view);
  const { bytes } = view;
  const p = lpFind(bytes, view.off, lpFirst(bytes, view.off), buf, off, len, 1);
  if (p < 0) return 0;
  const v = lpNext(bytes, p);
  const removed = lpEntrySize(bytes, p) + lpEntrySize(bytes, v);
  lpDelete(bytes, view.off, p, 2);
  return db.resizeValue(ref, view.len - removed, PACKED);
}

/**
 * A new hash, built as a whole and stored once. Pairs are added while they fit a listpack; what it holds then becomes
 * the entry. The listpack's header and end are written only when somebody else looks at it.
 */
export class PackedHashBuilder {
  bytes = new Uint8Array(4096);
  /** Number of fields. */
  length = 0;
  /** Behind the last entry. */
  #end = LP_EMPTY_BYTES - 1;

  start(): void {
    lpInit(this.bytes, 0);
    this.length = 0;
    this.#end = LP_EMPTY_BYTES - 1;
  }

  add(
    field: Uint8Array,
    fieldOff: number,
    fieldLen: number,
    value: Uint8Array,
    valueOff: number,
    valueLen: number,
  ): void {
    const room = this.#end + fieldLen + valueLen + 30;
    if (room > this.bytes.length) {
      const grown = new Uint8Array(room * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    const { bytes } = this;
    bytes[this.#end] = LP_END;
    const p = this.length === 0 ? -1 : lpFind(bytes, 0, LP_EMPTY_BYTES - 1, field, fieldOff, fieldLen, 1);
    if (p >= 0) {
      this.#settle();
      lpReplace(bytes, 0, lpNext(bytes, p), value, valueOff, valueLen);
      this.#end = lpEnd(bytes, 0);
      return;
    }
    this.#append(field, fieldOff, fieldLen);
    this.#append(value, valueOff, valueLen);
    this.length++;
  }

  #append(src: Uint8Array, off: number, len: number): void {
    const { bytes } = this;
    let p = this.#end;
    if (len > 0 && len < 64 && src[off]! > NINE) {
      bytes[p++] = SHORT_TEXT | len;
      for (let i = 0; i < len; i++) bytes[p++] = src[off + i]!;
      bytes[p] = len + 1;
      this.#end = p + 1;
      return;
    }
    this.#settle();
    lpInsert(bytes, 0, p, src, off, len);
    this.#end = lpEnd(bytes, 0);
  }

  /** Makes a whole listpack of what is there, as far as others look: its length in bytes and its end. */
  #settle(): void {
    const { bytes } = this;
    const total = this.#end + 1;
    bytes[this.#end] = LP_END;
    bytes[0] = total & 255;
    bytes[1] = (total >>> 8) & 255;
    bytes[2] = (total >>> 16) & 255;
    bytes[3] = total >>> 24;
  }

  /** Stores it under the key that was just looked up in vain. */
  store(db: Database, key: Uint8Array, keyOff: number, keyLen: number, access: number): number {
    this.#settle();
    const { bytes } = this;
    const elements = Math.min(this.length * 2, LP_UNKNOWN_LENGTH);
    bytes[4] = elements & 255;
    bytes[5] = elements >> 8;
    const ref = db.storeValue(0, key, keyOff, keyLen, bytes, 0, this.#end + 1, PACKED, access, false);
    if (bytes.length > 65536) this.bytes = new Uint8Array(4096);
    return ref;
  }
}

const LP_END = 0xff;
/** The number of elements in a listpack's header where there are too many for it. */
const LP_UNKNOWN_LENGTH = 65535;
