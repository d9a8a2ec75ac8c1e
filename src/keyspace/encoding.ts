/**
 * What OBJECT ENCODING, OBJECT REFCOUNT and DEBUG OBJECT tell of an entry.
 */
import { isCanonicalInt64 } from '../util/number-text.ts';
import { type Database, ValueView } from './database.ts';
import {
  EMBSTR_MAX,
  ENCODING_MASK,
  HASH_LISTPACK,
  SET_INTSET,
  SET_LISTPACK,
  STRING_AUTO,
  STRING_RAW,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_MASK,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_STRING,
  TYPE_ZSET,
  ZSET_LISTPACK,
} from './entry.ts';

/** Redis shares the integers below this between keys, and shows a reference count that says so. */
const SHARED_INTEGERS = 10000;
export const SHARED_REFCOUNT = 2147483647;

/** Name of the encoding that Redis would use for the value of an entry. */
export function encodingName(db: Database, ref: number): string {
  const meta = db.meta(ref);
  const encoding = meta & ENCODING_MASK;
  switch (meta & TYPE_MASK) {
    case TYPE_STRING:
      return stringEncodingName(db, ref, encoding);
    case TYPE_LIST:
      return 'quicklist';
    case TYPE_SET:
      return setEncodingName(encoding);
    case TYPE_ZSET:
      return encoding === ZSET_LISTPACK ? 'listpack' : 'skiplist';
    case TYPE_HASH:
      return encoding === HASH_LISTPACK ? 'listpack' : 'hashtable';
    case TYPE_STREAM:
      return 'stream';
    default:
      return 'unknown';
  }
}

function stringEncodingName(db: Database, ref: number, encoding: number): string {
  if (encoding === STRING_RAW) return 'raw';
  const view = new ValueView();
  db.locateValue(ref, view);
  if (encoding === STRING_AUTO && isCanonicalInt64(view.bytes, view.off, view.len)) return 'int';
  return view.len <= EMBSTR_MAX ? 'embstr' : 'raw';
}

function setEncodingName(encoding: number): string {
  if (encoding === SET_INTSET) return 'intset';
  return encoding === SET_LISTPACK ? 'listpack' : 'hashtable';
}

/** True for a value that Redis would keep once for all keys that have it. */
export function isSharedInteger(db: Database, ref: number): boolean {
  if (encodingName(db, ref) !== 'int') return false;
  const view = new ValueView();
  db.locateValue(ref, view);
  if (view.len > 4) return false;
  let value = 0;
  for (let i = 0; i < view.len; i++) value = value * 10 + view.bytes[view.off + i]! - 48;
  return value >= 0 && value < SHARED_INTEGERS && view.bytes[view.off] !== 0x2d;
}
