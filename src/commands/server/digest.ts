/**
 * DEBUG DIGEST: 20 bytes that are the same for the same data, whatever the order in which it is kept, and the same as
 * a real server gives, so that tests may compare the two.
 *
 * Two ways to combine digests, both over SHA-1: `xor` for what has no order (keys of a database), `mix` for what has
 * (a key and its value).
 */
import { createHash } from 'node:crypto';
import { type Database, ValueView } from '../../keyspace/database.ts';
import { TYPE_MASK, TYPE_STRING } from '../../keyspace/entry.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';

const BYTES = 20;
export const NO_DIGEST: Uint8Array = new Uint8Array(BYTES);
const EXPIRES = Buffer.from('!!expire!!');

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}

function xor(digest: Uint8Array, bytes: Uint8Array): void {
  const other = sha1(bytes);
  for (let i = 0; i < BYTES; i++) digest[i]! ^= other[i]!;
}

function mix(digest: Uint8Array, bytes: Uint8Array): void {
  xor(digest, bytes);
  digest.set(sha1(digest));
}

function bigEndian(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

/** Mixes type, value and whether it expires into `digest`. */
function mixEntry(digest: Uint8Array, db: Database, ref: number): void {
  const type = db.meta(ref) & TYPE_MASK;
  mix(digest, bigEndian(type));
  if (type === TYPE_STRING) {
    const view = new ValueView();
    db.locateValue(ref, view);
    mix(digest, view.bytes.subarray(view.off, view.off + view.len));
  }
  if (db.expireAt(ref) !== -1) xor(digest, EXPIRES);
}

/** The digest of one value. */
export function valueDigest(db: Database, ref: number): Uint8Array {
  const digest = new Uint8Array(BYTES);
  mixEntry(digest, db, ref);
  return digest;
}

/** The digest of everything. */
export function datasetDigest(keyspace: Keyspace): Uint8Array {
  const total = new Uint8Array(BYTES);
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    mix(total, bigEndian(db.id));
    let cursor = 0;
    do {
      cursor = db.dict.scan(cursor, (ref) => {
        const digest = new Uint8Array(BYTES);
        mix(digest, db.keyBytes(ref));
        mixEntry(digest, db, ref);
        xor(total, digest);
        return true;
      });
    } while (cursor !== 0);
  }
  return total;
}
