/** LMOVE, RPOPLPUSH and LMPOP; their blocking forms use them. */
import type { BulkSink } from '../../datatypes/list/grown-list.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { copyBytes } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';
import { listLength, listPop, listPush } from '../../values/list.ts';
import { longArg } from '../keys/arguments.ts';
import { listForWriting, removedFrom, sideAt, signal } from './common.ts';
import { popSeveral } from './ends.ts';

/** An element on its way from one list to another. */
class Carrier implements BulkSink {
  bytes = new Uint8Array(256);
  len = 0;

  bulk(src: Uint8Array, off: number, len: number): void {
    if (this.bytes.length < len) this.bytes = new Uint8Array(len * 2);
    copyBytes(src, off, len, this.bytes, 0);
    this.len = len;
  }

  /** A long element leaves no scratch of its size behind. */
  done(): void {
    if (this.bytes.length > 65536) this.bytes = new Uint8Array(256);
  }
}

const carrier = new Carrier();

export function lmove(client: Client, args: Args): void {
  const from = sideAt(args, 3);
  const to = sideAt(args, 4);
  const ref = listForWriting(client, args, 1);
  if (ref === 0) client.out.null();
  else moveElement(client, args, ref, from, to);
}

export function rpoplpush(client: Client, args: Args): void {
  const ref = listForWriting(client, args, 1);
  if (ref === 0) client.out.null();
  else moveElement(client, args, ref, false, true);
}

/** Moves an element from the list in argument 1 (found last: `ref`) to the one in argument 2, and replies with it. */
export function moveElement(client: Client, args: Args, ref: number, from: boolean, to: boolean): void {
  const { keyspace } = client.engine;
  const { db, out } = client;
  const { buf, off, len } = args;
  if (args.same(1, 2)) {
    const rest = listPop(db, ref, from, carrier);
    listPush(db, rest, buf, off[1]!, len[1]!, carrier.bytes, 0, carrier.len, to, 0);
    signal(client, args, 2, to ? 'lpush' : 'rpush', false);
    signal(client, args, 1, from ? 'lpop' : 'rpop', false);
  } else {
    listForWriting(client, args, 2);
    const source = db.find(buf, off[1]!, len[1]!);
    listPop(db, source, from, carrier);
    const target = db.find(buf, off[2]!, len[2]!);
    const access = target === 0 ? keyspace.newAccess() : 0;
    listPush(db, target, buf, off[2]!, len[2]!, carrier.bytes, 0, carrier.len, to, access);
    signal(client, args, 2, to ? 'lpush' : 'rpush', target === 0);
    const left = db.find(buf, off[1]!, len[1]!);
    removedFrom(client, args, 1, from ? 'lpop' : 'rpop', left, listLength(db, left) === 0);
  }
  keyspace.dirty++;
  out.bulk(carrier.bytes, 0, carrier.len);
  carrier.done();
}

/** What LMPOP and BLMPOP are asked for. */
export class PopRequest {
  firstKey = 0;
  lastKey = 0;
  front = true;
  count = 1;
}

/** Parses from the number of keys on. */
export function parsePopRequest(args: Args, at: number, into: PopRequest): PopRequest {
  const keys = longArg(args, at, errors.NUMKEYS_NOT_POSITIVE);
  if (keys < 1) throw errors.NUMKEYS_NOT_POSITIVE;
  const where = at + keys + 1;
  if (where >= args.count) throw errors.SYNTAX;
  into.firstKey = at + 1;
  into.lastKey = at + keys;
  into.front = sideAt(args, where);
  into.count = 0;
  for (let i = where + 1; i < args.count; i += 2) {
    if (into.count !== 0 || !args.is(i, 'count') || i + 1 >= args.count) throw errors.SYNTAX;
    into.count = longArg(args, i + 1, errors.POP_COUNT_NOT_POSITIVE);
    if (into.count < 1) throw errors.POP_COUNT_NOT_POSITIVE;
  }
  if (into.count === 0) into.count = 1;
  return into;
}

const request = new PopRequest();

export function lmpop(client: Client, args: Args): void {
  if (!popFirst(client, args, parsePopRequest(args, 1, request))) client.out.nullArray();
}

/** Pops from the first of the keys that has a list. False if none has. */
export function popFirst(
  client: Client,
  args: Args,
  { firstKey, lastKey, front, count }: PopRequest,
): boolean {
  const { blocking } = client.engine;
  for (let k = firstKey; k <= lastKey; k++) {
    if (blocking.passesOver(args, k)) continue;
    const ref = listForWriting(client, args, k);
    if (ref === 0) continue;
    client.out.array(2);
    client.out.bulk(args.buf, args.off[k]!, args.len[k]!);
    const taken = popSeveral(client, args, k, front, ref, count);
    const { propagation } = client.engine;
    if (propagation.active) {
      const effect = propagation.replace(client, 3);
      effect.text(front ? 'LPOP' : 'RPOP');
      effect.argOf(args, k);
      effect.int(taken);
    }
    return true;
  }
  return false;
}
