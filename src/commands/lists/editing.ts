/** LSET, LINSERT, LREM, LTRIM: changes inside a list. */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { listDrop, listInsert, listLength, listMatches, listRemove, listSet } from '../../values/list.ts';
import { longArg } from '../keys/arguments.ts';
import { listForWriting, removedFrom, signal } from './common.ts';

export function lset(client: Client, args: Args): void {
  const { db } = client;
  const { buf, off, len } = args;
  const ref = listForWriting(client, args, 1);
  if (ref === 0) throw errors.NO_SUCH_KEY;
  let index = longArg(args, 2);
  const length = listLength(db, ref);
  if (index < 0) index += length;
  if (index < 0 || index >= length) throw errors.INDEX_OUT_OF_RANGE;
  listSet(db, ref, buf, off[1]!, len[1]!, index, buf, off[3]!, len[3]!);
  client.engine.keyspace.dirty++;
  signal(client, args, 1, 'lset', false);
  client.out.ok();
}

export function linsert(client: Client, args: Args): void {
  const behind = args.is(2, 'after');
  if (!behind && !args.is(2, 'before')) throw errors.SYNTAX;
  const { db, out } = client;
  const { buf, off, len } = args;
  const ref = listForWriting(client, args, 1);
  if (ref === 0) {
    out.int(0);
    return;
  }
  let found = -1;
  listMatches(db, ref, buf, off[3]!, len[3]!, false, 0, (index) => {
    found = index;
    return false;
  });
  if (found < 0) {
    out.int(-1);
    return;
  }
  const index = behind ? found + 1 : found;
  const at = listInsert(db, ref, buf, off[1]!, len[1]!, index, buf, off[4]!, len[4]!);
  client.engine.keyspace.dirty++;
  signal(client, args, 1, 'linsert', false);
  out.int(listLength(db, at));
}

export function lrem(client: Client, args: Args): void {
  const count = longArg(args, 2);
  const { db, out } = client;
  const ref = listForWriting(client, args, 1);
  if (ref === 0) {
    out.int(0);
    return;
  }
  const length = listLength(db, ref);
  const removed = listRemove(db, ref, args.buf, args.off[3]!, args.len[3]!, Math.abs(count), count < 0);
  if (removed > 0) {
    client.engine.keyspace.dirty += removed;
    removedFrom(client, args, 1, 'lrem', ref, removed === length);
  }
  out.int(removed);
}

export function ltrim(client: Client, args: Args): void {
  let start = longArg(args, 2);
  let end = longArg(args, 3);
  const { db, out } = client;
  const ref = listForWriting(client, args, 1);
  if (ref === 0) {
    out.ok();
    return;
  }
  const length = listLength(db, ref);
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = length + end;
  if (end >= length) end = length - 1;
  if (start > end) {
    client.engine.keyspace.dirty += length;
    removedFrom(client, args, 1, 'ltrim', ref, true);
  } else {
    let at = listDrop(db, ref, false, length - 1 - end);
    at = listDrop(db, at, true, start);
    client.engine.keyspace.dirty += start + length - 1 - end;
    removedFrom(client, args, 1, 'ltrim', at, false);
  }
  out.ok();
}
