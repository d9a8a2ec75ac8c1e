/**
 * DEBUG DIGEST: 20 bytes that are the same for the same data, whatever the order in which it is kept, and the same as
 * a real server gives, so that tests may compare the two.
 *
 * Two ways to combine digests, both over SHA-1: `xor` for what has no order (keys of a database), `mix` for what has
 * (a key and its value).
 */
import { idText } from '../../datatypes/stream/id.ts';
import { type Database, ValueView } from '../../keyspace/database.ts';
import {
  TYPE_HASH,
  TYPE_LIST,
  TYPE_MASK,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_STRING,
  TYPE_ZSET,
} from '../../keyspace/entry.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { formatDouble17 } from '../../util/number-text.ts';
import { Sha1 } from '../../util/sha1.ts';
import { hashEach } from '../../values/hash.ts';
import { listEach } from '../../values/list.ts';
import { SetValue } from '../../values/set.ts';
import { streamEach } from '../../values/stream.ts';
import { zsetEach } from '../../values/zset.ts';

const BYTES = 20;
export const NO_DIGEST: Uint8Array = new Uint8Array(BYTES);
const EXPIRES = Buffer.from('!!expire!!');

class Digest {
  readonly bytes = new Uint8Array(BYTES);
  readonly #sha1: Sha1;
  readonly #other = new Uint8Array(BYTES);

  constructor(sha1: Sha1) {
    this.#sha1 = sha1;
  }

  xor(bytes: Uint8Array): void {
    this.#sha1.digest(bytes, this.#other);
    for (let i = 0; i < BYTES; i++) this.bytes[i]! ^= this.#other[i]!;
  }

  mix(bytes: Uint8Array): void {
    this.xor(bytes);
    this.#sha1.digest(this.bytes, this.bytes);
  }

  xorRange(range: Range): void {
    this.xor(range.bytes.subarray(range.off, range.off + range.len));
  }

  mixRange(range: Range): void {
    this.mix(range.bytes.subarray(range.off, range.off + range.len));
  }

  /** An empty digest beside this one, for an element that is made of several parts. */
  another(): Digest {
    return new Digest(this.#sha1);
  }
}

interface Range {
  readonly bytes: Uint8Array;
  readonly off: number;
  readonly len: number;
}

function bigEndian(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

function mixValue(digest: Digest, db: Database, ref: number, type: number, view: ValueView): void {
  switch (type) {
    case TYPE_STRING:
      db.locateValue(ref, view);
      digest.mixRange(view);
      return;
    case TYPE_LIST:
      listEach(db, ref, (element) => {
        digest.mixRange(element);
        return true;
      });
      return;
    case TYPE_SET: {
      const set = new SetValue().open(db, ref);
      for (set.rewind(); set.next(); ) digest.xorRange(set.member);
      return;
    }
    case TYPE_ZSET: {
      const pair = digest.another();
      zsetEach(db, ref, (bytes, off, len, score) => {
        pair.bytes.fill(0);
        pair.mixRange({ bytes, off, len });
        pair.mix(Buffer.from(formatDouble17(score)));
        digest.xor(pair.bytes);
      });
      return;
    }
    case TYPE_STREAM:
      streamEach(
        db,
        ref,
        (id) => digest.mix(Buffer.from(idText(id).replace('-', '.'))),
        (field, value) => {
          digest.mixRange(field);
          digest.mixRange(value);
        },
      );
      return;
    case TYPE_HASH: {
      const pair = digest.another();
      hashEach(db, ref, (field, value) => {
        pair.bytes.fill(0);
        pair.mixRange(field);
        pair.mixRange(value);
        digest.xor(pair.bytes);
        return true;
      });
    }
  }
}

/** Mixes type, value and whether it expires into a digest. */
function mixEntry(digest: Digest, db: Database, ref: number, view: ValueView): void {
  const type = db.meta(ref) & TYPE_MASK;
  digest.mix(bigEndian(type));
  mixValue(digest, db, ref, type, view);
  if (db.expireAt(ref) !== -1) digest.xor(EXPIRES);
}

/** The digest of one value. */
export function valueDigest(db: Database, ref: number): Uint8Array {
  const digest = new Digest(new Sha1());
  mixEntry(digest, db, ref, new ValueView());
  return digest.bytes;
}

/** The digest of everything. */
export function datasetDigest(keyspace: Keyspace): Uint8Array {
  const sha1 = new Sha1();
  const total = new Digest(sha1);
  const digest = new Digest(sha1);
  const view = new ValueView();
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    total.mix(bigEndian(db.id));
    let cursor = 0;
    do {
      cursor = db.dict.scan(cursor, (ref) => {
        digest.bytes.fill(0);
        digest.mix(db.keyBytes(ref));
        mixEntry(digest, db, ref, view);
        total.xor(digest.bytes);
        return true;
      });
    } while (cursor !== 0);
  }
  return total.bytes;
}
