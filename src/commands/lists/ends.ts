/**
 * LPUSH, RPUSH, LPOP, RPOP and LLEN: queues and stacks. Nothing is allocated; a grown list whose end has room takes
 * an element by a handful of writes.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import {
  listDrop,
  listIsPacked,
  listLength,
  listNodes,
  listPop,
  listPush,
  listReply,
} from '../../values/list.ts';
import { longArg } from '../keys/arguments.ts';
import { listForReading, listForWriting, removedFrom, signal } from './common.ts';

export function lpush(client: Client, args: Args): void {
  push(client, args, true, listForWriting(client, args, 1));
}

export function rpush(client: Client, args: Args): void {
  push(client, args, false, listForWriting(client, args, 1));
}

export function lpushx(client: Client, args: Args): void {
  const ref = listForWriting(client, args, 1);
  if (ref === 0) client.out.int(0);
  else push(client, args, true, ref);
}

export function rpushx(client: Client, args: Args): void {
  const ref = listForWriting(client, args, 1);
  if (ref === 0) client.out.int(0);
  else push(client, args, false, ref);
}

function push(client: Client, args: Args, front: boolean, ref: number): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf, off, len, count } = args;
  let length = 0;
  if (ref !== 0 && !listIsPacked(db, ref)) {
    const list = listNodes(db, ref);
    if (front) for (let i = 2; i < count; i++) list.pushFront(buf, off[i]!, len[i]!);
    else for (let i = 2; i < count; i++) list.pushBack(buf, off[i]!, len[i]!);
    length = list.length;
  } else {
    const access = ref === 0 ? keyspace.newAccess() : 0;
    let at = ref;
    for (let i = 2; i < count; i++) {
      at = listPush(db, at, buf, off[1]!, len[1]!, buf, off[i]!, len[i]!, front, access);
    }
    length = listLength(db, at);
  }
  keyspace.dirty += count - 2;
  signal(client, args, 1, front ? 'lpush' : 'rpush', ref === 0);
  client.out.int(length);
}

export function lpop(client: Client, args: Args): void {
  pop(client, args, true);
}

export function rpop(client: Client, args: Args): void {
  pop(client, args, false);
}

function pop(client: Client, args: Args, front: boolean): void {
  if (args.count > 2) {
    popMany(client, args, front);
    return;
  }
  const ref = listForWriting(client, args, 1);
  if (ref === 0) client.out.null();
  else popOne(client, args, 1, front, ref);
}

/** Replies with the first or last element of the list in argument `k`, and removes it. */
export function popOne(client: Client, args: Args, k: number, front: boolean, ref: number): void {
  const { db } = client;
  client.engine.keyspace.dirty++;
  if (listIsPacked(db, ref)) {
    const at = listPop(db, ref, front, client.out);
    removedFrom(client, args, k, front ? 'lpop' : 'rpop', at, listLength(db, at) === 0);
    return;
  }
  const list = listNodes(db, ref);
  if (front) list.popFront(client.out);
  else list.popBack(client.out);
  removedFrom(client, args, k, front ? 'lpop' : 'rpop', ref, list.length === 0);
}

function popMany(client: Client, args: Args, front: boolean): void {
  if (args.count > 3) throw errors.wrongArity(front ? 'lpop' : 'rpop');
  const count = longArg(args, 2, errors.NOT_POSITIVE);
  if (count < 0) throw errors.NOT_POSITIVE;
  const ref = listForWriting(client, args, 1);
  if (ref === 0) client.out.nullArray();
  else if (count === 0) client.out.emptyArray();
  else popSeveral(client, args, 1, front, ref, count);
}

/** Replies with an array of up to `count` elements, and removes them. Returns how many they are. */
export function popSeveral(
  client: Client,
  args: Args,
  k: number,
  front: boolean,
  ref: number,
  count: number,
): number {
  const { db, out } = client;
  const length = listLength(db, ref);
  const taken = Math.min(count, length);
  out.array(taken);
  let at = ref;
  if (front) {
    listReply(db, ref, 0, taken, out);
    at = listDrop(db, ref, true, taken);
  } else for (let i = 0; i < taken; i++) at = listPop(db, at, false, out);
  client.engine.keyspace.dirty += taken;
  removedFrom(client, args, k, front ? 'lpop' : 'rpop', at, taken === length);
  return taken;
}

export function llen(client: Client, args: Args): void {
  const ref = listForReading(client, args, 1);
  client.out.int(ref === 0 ? 0 : listLength(client.db, ref));
}
