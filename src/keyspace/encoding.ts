/**
 * What OBJECT ENCODING, OBJECT REFCOUNT and DEBUG OBJECT tell of an entry.
 */
import { isCanonicalInt64 } from '../util/number-text.ts';
import { type Database, ValueView } from './database.ts';
import { EMBSTR_MAX, ENCODING_MASK, STRING_AUTO, STRING_RAW, TYPE_MASK, TYPE_STRING } from './entry.ts';

/** Redis shares the integers below this between keys, and shows a reference count that says so. */
const SHARED_INTEGERS = 10000;
export const SHARED_REFCOUNT = 2147483647;

/** Name of the encoding that Redis would use for the value of an entry. */
export function encodingName(db: Database, ref: number): string {
  const meta = db.meta(ref);
  if ((meta & TYPE_MASK) !== TYPE_STRING) return 'unknown';
  const encoding = meta & ENCODING_MASK;
  if (encoding === STRING_RAW) return 'raw';
  const view = new ValueView();
  db.locateValue(ref, view);
  if (encoding === STRING_AUTO && isCanonicalInt64(view.bytes, view.off, view.len)) return 'int';
  return view.len <= EMBSTR_MAX ? 'embstr' : 'raw';
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
