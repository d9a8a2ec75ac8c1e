/**
 * Entries on the move: RENAME, MOVE and COPY, at the level of records.
 *
 * A record carries its key, its expiry and a short value; what is bigger stands in the table of externals and is
 * known by a number. So
 *   - to another database with the same key, the record stays where it is: only the dictionaries' slots change;
 *   - under another key, a new record is made, and the number of the external value goes along: a value of any
 *     size is renamed for the price of a short one;
 *   - a copy is a new record with a clone of the external value; collections know how to clone themselves.
 *
 * In each case the caller has made sure that the target does not exist, and tells watchers.
 */

import type { Memory } from '../datatypes/memory.ts';
import { OFFSET_MASK, PAGE_BITS } from '../structures/arena.ts';
import { copyBytes, type Database } from './database.ts';
import {
  ACCESS_SHIFT,
  EPOCH_BIT,
  EXPIRE_BYTES,
  EXTERNAL,
  HAS_EXPIRE,
  HEADER_BYTES,
  META_MASK,
} from './entry.ts';

/** Gives the entry found last in `from` to `to`, under the same key. */
export function moveEntry(from: Database, ref: number, to: Database): void {
  const { hash } = from;
  const { arena, epoch } = from.memory;
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  words[at] = (words[at]! & ~EPOCH_BIT) | epoch;
  unlink(from, ref, hash);
  link(to, ref, hash);
}

/** Puts the entry found last under another key. */
export function renameEntry(
  db: Database,
  ref: number,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
): void {
  const { arena, keyHash } = db.memory;
  const renamed = rebuild(db.memory, ref, key, keyOff, keyLen);
  unlink(db, ref, db.hash);
  arena.free(ref);
  link(db, renamed, keyHash.hash(key, keyOff, keyLen));
}

/** Puts a copy of an entry, expiry included, under a key of `to`. `access` is the copy's LRU or LFU word. */
export function copyEntry(
  from: Database,
  ref: number,
  to: Database,
  key: Uint8Array,
  keyOff: number,
  keyLen: number,
  access: number,
): void {
  const { memory } = from;
  const copy = rebuild(memory, ref, key, keyOff, keyLen);
  const words = memory.arena.words[copy >>> PAGE_BITS]!;
  const at = (copy & OFFSET_MASK) << 1;
  words[at] = (words[at]! & META_MASK) | (access << ACCESS_SHIFT);
  if ((words[at]! & EXTERNAL) !== 0) words[at + 2] = memory.externals.clone(words[at + 2]!);
  link(to, copy, memory.keyHash.hash(key, keyOff, keyLen));
}

/** Makes a record with the header, expiry and value of `ref` and another key. */
function rebuild(memory: Memory, ref: number, key: Uint8Array, keyOff: number, keyLen: number): number {
  const { arena } = memory;
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  const meta = words[at]!;
  const head = HEADER_BYTES + ((meta & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0);
  const valueLen = (meta & EXTERNAL) !== 0 ? 0 : words[at + 2]!;
  const made = arena.alloc(head + keyLen + valueLen);
  const to = arena.pages[made >>> PAGE_BITS]!;
  const toOff = (made & OFFSET_MASK) << 3;
  const from = arena.pages[ref >>> PAGE_BITS]!;
  const fromOff = at * 4;
  copyBytes(from, fromOff, head, to, toOff);
  const madeWords = arena.words[made >>> PAGE_BITS]!;
  const madeAt = (made & OFFSET_MASK) << 1;
  madeWords[madeAt] = (meta & ~EPOCH_BIT) | memory.epoch;
  madeWords[madeAt + 1] = keyLen;
  copyBytes(key, keyOff, keyLen, to, toOff + head);
  copyBytes(from, fromOff + head + words[at + 1]!, valueLen, to, toOff + head + keyLen);
  return made;
}

function link(db: Database, ref: number, hash: number): void {
  db.dict.insert(hash, ref);
  if ((db.meta(ref) & HAS_EXPIRE) === 0) return;
  db.expires.insert(hash, ref);
  db.ownExpiries?.note(db, ref);
}

/** Takes the slots of an entry away; the record stays. */
function unlink(db: Database, ref: number, hash: number): void {
  if ((db.meta(ref) & HAS_EXPIRE) !== 0 && db.expires.locate(hash, ref)) db.expires.remove();
  if (db.dict.locate(hash, ref)) db.dict.remove();
}
