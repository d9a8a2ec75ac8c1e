/**
 * GET, SET, INCR, MSET and their kin: the commands that benchmarks and caches live on. They allocate nothing;
 * src/commands/strings/handlers.ts has the rest of the family and the rare forms of these.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import { ValueView } from '../../keyspace/database.ts';
import {
  ENCODING_MASK,
  EXPIRE_BYTES,
  EXTERNAL,
  HAS_EXPIRE,
  HEADER_BYTES,
  INLINE_VALUE_MAX,
  STRING_AUTO,
  TYPE_MASK,
  TYPE_STRING,
} from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { digitsOf, parseInt64Big, parseSafeInt, writeInt, writeInt64 } from '../../util/number-text.ts';

/** Replies with the value of an entry, which must be a string. */
export function replyString(client: Client, ref: number): void {
  const { arena, externals } = client.db.memory;
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  const meta = words[at]!;
  if ((meta & TYPE_MASK) !== TYPE_STRING) throw errors.WRONG_TYPE;
  if ((meta & EXTERNAL) !== 0) {
    const value = externals.get(words[at + 2]!);
    client.out.bulk(value.bytes, 0, value.length);
    return;
  }
  const head = HEADER_BYTES + ((meta & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) + words[at + 1]!;
  client.out.bulk(arena.pages[ref >>> PAGE_BITS]!, at * 4 + head, words[at + 2]!);
}

export function get(client: Client, args: Args): void {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0) client.out.null();
  else replyString(client, ref);
}

/** Stores argument `v` under the key in argument `k`, as SET does without options. */
export function storePlain(client: Client, args: Args, k: number, v: number): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[k]!;
  const keyLen = args.len[k]!;
  const ref = keyspace.lookupReplace(db, buf, keyOff, keyLen);
  const access = keyspace.replacedAccess(db, ref);
  if (args.owned) storeOwned(client, args, ref, k, v, false, access);
  else {
    db.storeValue(
      ref,
      buf,
      keyOff,
      keyLen,
      buf,
      args.off[v]!,
      args.len[v]!,
      TYPE_STRING | STRING_AUTO,
      access,
      false,
    );
  }
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(db, buf, keyOff, keyLen);
  if (keyspace.eventMask !== 0) {
    if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, keyOff, keyLen);
    keyspace.event(EVENT_STRING, 'set', db, buf, keyOff, keyLen);
  }
}

/** A long value that came in a buffer of its own: the buffer becomes the value. Returns the entry's ref. */
export function storeOwned(
  client: Client,
  args: Args,
  ref: number,
  k: number,
  v: number,
  keepExpire: boolean,
  access: number,
): number {
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[k]!;
  const keyLen = args.len[k]!;
  const off = args.off[v]!;
  const len = args.len[v]!;
  const meta = TYPE_STRING | STRING_AUTO;
  if (len <= INLINE_VALUE_MAX || len * 8 < buf.length * 7) {
    return db.storeValue(ref, buf, keyOff, keyLen, buf, off, len, meta, access, keepExpire);
  }
  return db.storeExternal(ref, buf, keyOff, keyLen, buf.subarray(off, off + len), meta, access, keepExpire);
}

export function set(client: Client, args: Args): void {
  storePlain(client, args, 1, 2);
  client.out.ok();
}

export function mset(client: Client, args: Args): void {
  if ((args.count & 1) === 0) throw errors.wrongArity('mset');
  for (let i = 1; i < args.count; i += 2) storePlain(client, args, i, i + 1);
  client.out.ok();
}

const view = new ValueView();
const digits = new Uint8Array(24);
/** A string that was changed in place, expires or is kept elsewhere: not the simplest case. */
const NOT_PLAIN = TYPE_MASK | ENCODING_MASK | HAS_EXPIRE | EXTERNAL;

export function incr(client: Client, args: Args): void {
  addInteger(client, args, 1);
}

/** INCR, DECR, INCRBY and DECRBY by a safe integer. */
export function addInteger(client: Client, args: Args, by: number): void {
  const { db } = client;
  const ref = client.engine.keyspace.lookupWrite(db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0) {
    storeSum(client, args, 0, by);
    return;
  }
  const { arena } = db.memory;
  const words = arena.words[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  if ((words[at]! & NOT_PLAIN) === 0) {
    // The usual counter. With as many digits as before nothing but the digits changes.
    const bytes = arena.pages[ref >>> PAGE_BITS]!;
    const start = at * 4 + HEADER_BYTES + words[at + 1]!;
    const length = words[at + 2]!;
    const sum = parseSafeInt(bytes, start, length) + by;
    if (sum <= Number.MAX_SAFE_INTEGER && sum >= Number.MIN_SAFE_INTEGER && digitsOf(sum) === length) {
      writeInt(bytes, start, sum);
      signalIncrement(client, args, false);
      client.out.int(sum);
      return;
    }
  }
  if ((words[at]! & TYPE_MASK) !== TYPE_STRING) throw errors.WRONG_TYPE;
  db.locateValue(ref, view);
  const sum = parseSafeInt(view.bytes, view.off, view.len) + by;
  if (Number.isSafeInteger(sum)) storeSum(client, args, ref, sum);
  else addBigInteger(client, args, ref, BigInt(by));
}

function storeSum(client: Client, args: Args, ref: number, sum: number): void {
  const { keyspace } = client.engine;
  storeDigits(client.db, ref, args, writeInt(digits, 0, sum), keyspace.replacedAccess(client.db, ref));
  signalIncrement(client, args, ref === 0);
  client.out.int(sum);
}

/** The same at the edge of 64 bits. The key has just been looked up. */
export function addBigInteger(client: Client, args: Args, ref: number, by: bigint): void {
  const { db } = client;
  let old: bigint | null = 0n;
  if (ref !== 0) {
    db.locateValue(ref, view);
    old = parseInt64Big(view.bytes, view.off, view.len);
    if (old === null) throw errors.NOT_INTEGER;
  }
  const sum = old + by;
  if (BigInt.asIntN(64, sum) !== sum) throw errors.OVERFLOW;
  storeDigits(db, ref, args, writeInt64(digits, 0, sum), client.engine.keyspace.replacedAccess(db, ref));
  signalIncrement(client, args, ref === 0);
  client.out.bigInt(sum);
}

function storeDigits(db: Database, ref: number, args: Args, length: number, access: number): void {
  db.storeValue(
    ref,
    args.buf,
    args.off[1]!,
    args.len[1]!,
    digits,
    0,
    length,
    TYPE_STRING | STRING_AUTO,
    access,
    true,
  );
}

function signalIncrement(client: Client, args: Args, isNew: boolean): void {
  const { keyspace } = client.engine;
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (keyspace.eventMask !== 0) {
    if (isNew) keyspace.event(EVENT_NEW, 'new', client.db, args.buf, args.off[1]!, args.len[1]!);
    keyspace.event(EVENT_STRING, 'incrby', client.db, args.buf, args.off[1]!, args.len[1]!);
  }
}
