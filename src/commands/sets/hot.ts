/**
 * SADD, SREM, SISMEMBER, SCARD, SMOVE and the SPOP of one member: short commands that allocate nothing.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { SET_TABLE, TYPE_SET } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_NEW, EVENT_SET } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { SetValue } from '../../values/set.ts';

/** Handles for the commands of this file; they hold nothing between two commands. */
const set = new SetValue();
const fresh = new SetValue();
/** A member that must outlive its removal. */
let kept = new Uint8Array(64);

/** Ref of the set under argument k for reading; 0 if there is none. */
export function readSet(client: Client, args: Args, k: number): number {
  const { db } = client;
  const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[k]!, args.len[k]!);
  if (ref !== 0 && db.type(ref) !== TYPE_SET) throw errors.WRONG_TYPE;
  return ref;
}

/** The same for writing. */
export function writtenSet(client: Client, args: Args, k: number): number {
  const { db } = client;
  const ref = client.engine.keyspace.lookupWrite(db, args.buf, args.off[k]!, args.len[k]!);
  if (ref !== 0 && db.type(ref) !== TYPE_SET) throw errors.WRONG_TYPE;
  return ref;
}

/** Tells that the set under argument k has changed. */
export function signal(client: Client, args: Args, k: number, event: string): void {
  const { keyspace } = client.engine;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, args.off[k]!, args.len[k]!);
  if (keyspace.eventMask !== 0) {
    keyspace.event(EVENT_SET, event, client.db, args.buf, args.off[k]!, args.len[k]!);
  }
}

export function signalGone(client: Client, args: Args, k: number): void {
  const { keyspace } = client.engine;
  if (keyspace.eventMask !== 0) {
    keyspace.event(EVENT_GENERIC, 'del', client.db, args.buf, args.off[k]!, args.len[k]!);
  }
}

export function signalNew(client: Client, args: Args, k: number): void {
  const { keyspace } = client.engine;
  if (keyspace.eventMask !== 0) {
    keyspace.event(EVENT_NEW, 'new', client.db, args.buf, args.off[k]!, args.len[k]!);
  }
}

export function sadd(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf, count } = args;
  const ref = writtenSet(client, args, 1);
  const target = ref === 0 ? fresh.begin(db) : set.open(db, ref);
  target.expect(count - 2, buf, args.off[2]!, args.len[2]!);
  let added = 0;
  for (let i = 2; i < count; i++) if (target.add(buf, args.off[i]!, args.len[i]!)) added++;
  if (ref === 0) {
    target.store(0, buf, args.off[1]!, args.len[1]!, keyspace.newAccess());
    signalNew(client, args, 1);
  }
  if (added > 0) {
    keyspace.dirty += added;
    signal(client, args, 1, 'sadd');
  }
  client.out.int(added);
}

export function srem(client: Client, args: Args): void {
  const ref = writtenSet(client, args, 1);
  if (ref === 0) {
    client.out.int(0);
    return;
  }
  const { buf, count } = args;
  set.open(client.db, ref);
  let removed = 0;
  let gone = false;
  for (let i = 2; i < count && !gone; i++) {
    if (!set.remove(buf, args.off[i]!, args.len[i]!)) continue;
    removed++;
    gone = set.size === 0;
  }
  if (gone) client.db.remove(set.ref);
  if (removed > 0) {
    client.engine.keyspace.dirty += removed;
    signal(client, args, 1, 'srem');
    if (gone) signalGone(client, args, 1);
  }
  client.out.int(removed);
}

export function sismember(client: Client, args: Args): void {
  const ref = readSet(client, args, 1);
  const found = ref !== 0 && set.open(client.db, ref).has(args.buf, args.off[2]!, args.len[2]!);
  client.out.int(found ? 1 : 0);
}

export function smismember(client: Client, args: Args): void {
  const ref = readSet(client, args, 1);
  if (ref !== 0) set.open(client.db, ref);
  client.out.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    client.out.int(ref !== 0 && set.has(args.buf, args.off[i]!, args.len[i]!) ? 1 : 0);
  }
}

export function scard(client: Client, args: Args): void {
  const ref = readSet(client, args, 1);
  client.out.int(ref === 0 ? 0 : set.open(client.db, ref).size);
}

export function smove(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[3]!;
  const len = args.len[3]!;
  let source = keyspace.lookupWrite(db, buf, args.off[1]!, args.len[1]!);
  const target = keyspace.lookupWrite(db, buf, args.off[2]!, args.len[2]!);
  if (source === 0) {
    client.out.int(0);
    return;
  }
  if (db.type(source) !== TYPE_SET) throw errors.WRONG_TYPE;
  if (target !== 0 && db.type(target) !== TYPE_SET) throw errors.WRONG_TYPE;
  if (source === target || !set.open(db, source).has(buf, off, len)) {
    client.out.int(source === target && set.open(db, source).has(buf, off, len) ? 1 : 0);
    return;
  }
  // What needs room comes first: should there be none, nothing has changed.
  const added = addTo(client, args, target);
  source = db.find(buf, args.off[1]!, args.len[1]!);
  set.open(db, source).remove(buf, off, len);
  const gone = set.size === 0;
  if (gone) db.remove(set.ref);
  keyspace.dirty += added ? 2 : 1;
  if (keyspace.eventMask !== 0) {
    keyspace.event(EVENT_SET, 'srem', db, buf, args.off[1]!, args.len[1]!);
    if (gone) signalGone(client, args, 1);
    if (target === 0) signalNew(client, args, 2);
  }
  if (keyspace.watched) keyspace.touched(db, buf, args.off[1]!, args.len[1]!);
  if (added) signal(client, args, 2, 'sadd');
  client.out.int(1);
}

/** Adds SMOVE's member to its target, which is the entry found last. */
function addTo(client: Client, args: Args, target: number): boolean {
  const { db } = client;
  const { buf } = args;
  const to = target === 0 ? fresh.begin(db) : set.open(db, target);
  to.expect(1, buf, args.off[3]!, args.len[3]!);
  const added = to.add(buf, args.off[3]!, args.len[3]!);
  if (target === 0) to.store(0, buf, args.off[2]!, args.len[2]!, client.engine.keyspace.newAccess());
  return added;
}

/** SPOP without a count. */
export function popOne(client: Client, args: Args): void {
  const { keyspace, random } = client.engine;
  const { db, out } = client;
  const ref = writtenSet(client, args, 1);
  if (ref === 0) {
    out.null();
    return;
  }
  set.open(db, ref);
  const gone = set.size === 1;
  set.pick(random);
  const { propagation } = client.engine;
  if (propagation.active) passOnRemoval(client, args, set.member.bytes, set.member.off, set.member.len);
  if (gone || set.form === SET_TABLE) {
    // Taking it away asks for no room, so nothing can go wrong behind the reply.
    out.bulk(set.member.bytes, set.member.off, set.member.len);
    if (gone) db.remove(ref);
    else set.removePicked();
  } else popPacked(client);
  keyspace.dirty++;
  signal(client, args, 1, 'spop');
  if (gone) signalGone(client, args, 1);
}

/** Which members have gone is told, not how many. */
export function passOnRemoval(client: Client, args: Args, buf: Uint8Array, off: number, len: number): void {
  const effect = client.engine.propagation.replace(client, 3);
  effect.text('SREM');
  effect.argOf(args, 1);
  effect.arg(buf, off, len);
}

/** A packed set may move to a smaller slot, and there may be none: the reply comes after that. */
function popPacked(client: Client): void {
  const { bytes, off, len } = set.member;
  if (len > kept.length) kept = new Uint8Array(len);
  for (let i = 0; i < len; i++) kept[i] = bytes[off + i]!;
  set.removePicked();
  client.out.bulk(kept, 0, len);
}
