/**
 * Single fields and lists of them: HSET, HGET, HDEL and their kin. None of them allocates for a short hash.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_HASH } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_HASH, EVENT_NEW } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { LpElement } from '../../structures/listpack.ts';
import {
  hashConvert,
  hashCreate,
  hashDelete,
  hashGet,
  hashIsPacked,
  hashLength,
  hashOverwrite,
  hashSet,
  hashTable,
  PackedHashBuilder,
} from '../../values/hash.ts';

const element = new LpElement();
const builder = new PackedHashBuilder();

/** Looks a hash up for reading; 0 if there is none. */
export function lookupHash(client: Client, args: Args): number {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_HASH) throw errors.WRONG_TYPE;
  return ref;
}

/** Looks a hash up for writing; 0 if there is none. */
export function lookupHashWrite(client: Client, args: Args): number {
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_HASH) throw errors.WRONG_TYPE;
  return ref;
}

/** Tells of a change of the hash in argument 1. */
export function signalHash(client: Client, args: Args, event: string, isNew: boolean, changes: number): void {
  const { keyspace } = client.engine;
  keyspace.dirty += changes;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (keyspace.eventMask !== 0) {
    if (isNew) keyspace.event(EVENT_NEW, 'new', client.db, args.buf, args.off[1]!, args.len[1]!);
    keyspace.event(EVENT_HASH, event, client.db, args.buf, args.off[1]!, args.len[1]!);
  }
}

/** Sets the field in argument `f` to bytes from anywhere, in the hash just looked up (0: a new one). */
export function setField(
  client: Client,
  args: Args,
  ref: number,
  f: number,
  value: Uint8Array,
  valueOff: number,
  valueLen: number,
): void {
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[1]!;
  const keyLen = args.len[1]!;
  const at = ref !== 0 ? ref : hashCreate(db, buf, keyOff, keyLen, client.engine.keyspace.newAccess());
  hashSet(db, at, buf, keyOff, keyLen, buf, args.off[f]!, args.len[f]!, value, valueOff, valueLen);
}

/** Sets all pairs of the arguments. Returns how many fields are new. */
function setPairs(client: Client, args: Args, name: string): number {
  if ((args.count & 1) === 1) throw errors.wrongArity(name);
  const ref = lookupHashWrite(client, args);
  return setPairsIn(client, args, ref);
}

/** The same for the hash just looked up (0: a new one). */
function setPairsIn(client: Client, args: Args, found: number): number {
  const { db } = client;
  const { buf, off, len, count } = args;
  const maxEntries = db.memory.hashLimits.entries;
  const maxLength = db.memory.hashLimits.value;
  let ref = found;
  const isNew = ref === 0;
  const before = isNew ? 0 : hashLength(db, ref);
  let tooLong = false;
  for (let i = 2; i < count; i++) if (len[i]! > maxLength) tooLong = true;
  let i = 2;
  if (isNew && !tooLong) {
    builder.start();
    do {
      builder.add(buf, off[i]!, len[i]!, buf, off[i + 1]!, len[i + 1]!);
      i += 2;
    } while (i < count && builder.length <= maxEntries);
    ref = builder.store(db, buf, off[1]!, len[1]!, client.engine.keyspace.newAccess());
    if (builder.length > maxEntries) ref = hashConvert(db, ref, buf, off[1]!, len[1]!);
  } else {
    if (isNew) ref = hashCreate(db, buf, off[1]!, len[1]!, client.engine.keyspace.newAccess());
    // A field or value too long turns the listpack into a table before anything is set.
    if (tooLong && hashIsPacked(db, ref)) ref = hashConvert(db, ref, buf, off[1]!, len[1]!);
  }
  if (!hashIsPacked(db, ref)) {
    const hash = hashTable(db, ref);
    for (; i < count; i += 2) hash.set(buf, off[i]!, len[i]!, buf, off[i + 1]!, len[i + 1]!);
  }
  for (; i < count; i += 2) {
    if (hashOverwrite(db, ref, buf, off[i]!, len[i]!, buf, off[i + 1]!, len[i + 1]!)) continue;
    ref = hashSet(db, ref, buf, off[1]!, len[1]!, buf, off[i]!, len[i]!, buf, off[i + 1]!, len[i + 1]!);
  }
  const created = hashLength(db, ref) - before;
  signalHash(client, args, 'hset', isNew, (count - 2) >> 1);
  return created;
}

export function hset(client: Client, args: Args): void {
  if (args.count !== 4) {
    client.out.int(setPairs(client, args, 'hset'));
    return;
  }
  const ref = lookupHashWrite(client, args);
  const { buf, off, len } = args;
  if (ref !== 0 && hashOverwrite(client.db, ref, buf, off[2]!, len[2]!, buf, off[3]!, len[3]!)) {
    signalHash(client, args, 'hset', false, 1);
    client.out.int(0);
  } else client.out.int(setPairsIn(client, args, ref));
}

export function hmset(client: Client, args: Args): void {
  setPairs(client, args, 'hmset');
  client.out.ok();
}

export function hsetnx(client: Client, args: Args): void {
  const ref = lookupHashWrite(client, args);
  if (ref !== 0 && hashGet(client.db, ref, args.buf, args.off[2]!, args.len[2]!, element)) {
    client.out.int(0);
    return;
  }
  setField(client, args, ref, 2, args.buf, args.off[3]!, args.len[3]!);
  signalHash(client, args, 'hset', ref === 0, 1);
  client.out.int(1);
}

export function hget(client: Client, args: Args): void {
  const ref = lookupHash(client, args);
  replyField(client, args, ref, 2);
}

/** Replies with the value of the field in argument `f`, or null. */
function replyField(client: Client, args: Args, ref: number, f: number): void {
  if (ref !== 0 && hashGet(client.db, ref, args.buf, args.off[f]!, args.len[f]!, element)) {
    client.out.bulk(element.bytes, element.off, element.len);
  } else client.out.null();
}

export function hmget(client: Client, args: Args): void {
  const ref = lookupHash(client, args);
  client.out.array(args.count - 2);
  for (let f = 2; f < args.count; f++) replyField(client, args, ref, f);
}

export function hlen(client: Client, args: Args): void {
  const ref = lookupHash(client, args);
  client.out.int(ref === 0 ? 0 : hashLength(client.db, ref));
}

export function hstrlen(client: Client, args: Args): void {
  const ref = lookupHash(client, args);
  const found = ref !== 0 && hashGet(client.db, ref, args.buf, args.off[2]!, args.len[2]!, element);
  client.out.int(found ? element.len : 0);
}

export function hexists(client: Client, args: Args): void {
  const ref = lookupHash(client, args);
  const found = ref !== 0 && hashGet(client.db, ref, args.buf, args.off[2]!, args.len[2]!, element);
  client.out.int(found ? 1 : 0);
}

export function hdel(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  let ref = lookupHashWrite(client, args);
  let deleted = 0;
  let empty = false;
  for (let f = 2; ref !== 0 && !empty && f < args.count; f++) {
    const at = hashDelete(db, ref, buf, args.off[f]!, args.len[f]!);
    if (at === 0) continue;
    ref = at;
    deleted++;
    empty = hashLength(db, ref) === 0;
  }
  if (deleted > 0) {
    if (empty) db.remove(ref);
    signalHash(client, args, 'hdel', false, deleted);
    if (empty && keyspace.eventMask !== 0) {
      keyspace.event(EVENT_GENERIC, 'del', db, buf, args.off[1]!, args.len[1]!);
    }
  }
  client.out.int(deleted);
}
