/**
 * Taking the first or last elements: ZPOPMIN, ZPOPMAX, ZMPOP, and the forms that wait for some.
 */

import { parseTimeout } from '../../engine/blocking.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_ZSET } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import { ZsetCursor, zsetLength, zsetRemoveRange } from '../../values/zset.ts';
import { replyScore, signalZset, writeZset } from './shared.ts';

const cursor = new ZsetCursor();

// Forms of the reply.
const FLAT = 0;
const NESTED = 1;
const WITH_KEY = 2;
const KEY_AND_NESTED = 3;

export function zpopmin(client: Client, args: Args): void {
  popOne(client, args, false);
}

export function zpopmax(client: Client, args: Args): void {
  popOne(client, args, true);
}

function popOne(client: Client, args: Args, max: boolean): void {
  if (args.count > 3) throw errors.SYNTAX;
  const hasCount = args.count === 3;
  const count = hasCount ? atLeast(args, 2, 0, errors.NOT_POSITIVE) : 1;
  const ref = writeZset(client, args, 1);
  if (ref === 0 || count === 0) client.out.emptyArray();
  else pop(client, args, 1, ref, max, count, hasCount && client.out.resp === 3 ? NESTED : FLAT);
}

/** An integer of 64 bits from `min` up; `refusal` says what else is wrong. */
function atLeast(args: Args, i: number, min: number, refusal: ReplyError): number {
  const value = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (!Number.isNaN(value)) {
    if (value < min) throw refusal;
    return value;
  }
  const big = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (big === null || big < 0n) throw refusal;
  return Number(big);
}

/** Takes up to `count` elements from the set under argument `key`. */
function pop(
  client: Client,
  args: Args,
  key: number,
  ref: number,
  max: boolean,
  count: number,
  form: number,
): void {
  const { db, out } = client;
  const length = zsetLength(db, ref);
  const taken = Math.min(count, length);
  const nested = form === NESTED || form === KEY_AND_NESTED;
  if (form === KEY_AND_NESTED) out.array(2);
  if (form === WITH_KEY) out.array(taken * 2 + 1);
  if (form === WITH_KEY || form === KEY_AND_NESTED) out.bulk(args.buf, args.off[key]!, args.len[key]!);
  if (form !== WITH_KEY) out.array(nested ? taken : taken * 2);
  cursor.open(db, ref);
  cursor.seek(max ? length - 1 : 0);
  for (let left = taken; ; ) {
    if (nested) out.array(2);
    out.bulk(cursor.bytes, cursor.off, cursor.len);
    replyScore(out, cursor.score);
    if (--left === 0) break;
    if (max) cursor.backward();
    else cursor.forward();
  }
  const all = taken === length;
  const rest = all ? ref : zsetRemoveRange(db, ref, max ? length - taken : 0, taken);
  signalZset(client, args, key, max ? 'zpopmax' : 'zpopmin', taken, all ? rest : 0);
  const { propagation } = client.engine;
  if (!propagation.active || form === FLAT || form === NESTED) return;
  const effect = propagation.replace(client, form === WITH_KEY ? 2 : 3);
  effect.text(max ? 'ZPOPMAX' : 'ZPOPMIN');
  effect.argOf(args, key);
  if (form === KEY_AND_NESTED) effect.int(taken);
}

export function zmpop(client: Client, args: Args): void {
  const where = parsePop(args, 1);
  if (!popFirst(client, args, 2, where)) client.out.nullArray();
}

export function bzmpop(client: Client, args: Args): void {
  const where = parsePop(args, 2);
  const untilMs = parseTimeout(client, args, 1);
  if (popFirst(client, args, 3, where)) return;
  client.engine.blocking.block(client, args, {
    kind: 'zset',
    firstKey: 3,
    lastKey: where - 1,
    type: TYPE_ZSET,
    untilMs,
    onTimeout: replyNullArray,
  });
}

/** COUNT of the ZMPOP that was parsed last. */
let popCount = 1;

/** ZMPOP's arguments from the number of keys on. Returns the place of MIN or MAX, behind the keys. */
function parsePop(args: Args, numKeysAt: number): number {
  const keys = atLeast(args, numKeysAt, 1, errors.NUMKEYS_NOT_POSITIVE);
  const where = numKeysAt + 1 + keys;
  if (where >= args.count || !(args.is(where, 'min') || args.is(where, 'max'))) throw errors.SYNTAX;
  let count = -1;
  for (let i = where + 1; i < args.count; i += 2) {
    if (count !== -1 || !args.is(i, 'count') || i + 1 >= args.count) throw errors.SYNTAX;
    count = atLeast(args, i + 1, 1, errors.ZMPOP_COUNT);
  }
  popCount = count === -1 ? 1 : count;
  return where;
}

/** Pops from the first set among the keys from `first` up to `where`. Returns false when none has anything. */
function popFirst(client: Client, args: Args, first: number, where: number): boolean {
  for (let key = first; key < where; key++) {
    if (client.engine.blocking.passesOver(args, key)) continue;
    const ref = writeZset(client, args, key);
    if (ref === 0) continue;
    pop(client, args, key, ref, args.is(where, 'max'), popCount, KEY_AND_NESTED);
    return true;
  }
  return false;
}

export function bzpopmin(client: Client, args: Args): void {
  blockingPop(client, args, false);
}

export function bzpopmax(client: Client, args: Args): void {
  blockingPop(client, args, true);
}

function blockingPop(client: Client, args: Args, max: boolean): void {
  const last = args.count - 1;
  const untilMs = parseTimeout(client, args, last);
  for (let key = 1; key < last; key++) {
    if (client.engine.blocking.passesOver(args, key)) continue;
    const ref = writeZset(client, args, key);
    if (ref === 0) continue;
    pop(client, args, key, ref, max, 1, WITH_KEY);
    return;
  }
  client.engine.blocking.block(client, args, {
    kind: 'zset',
    firstKey: 1,
    lastKey: last - 1,
    type: TYPE_ZSET,
    untilMs,
    onTimeout: replyNullArray,
  });
}

function replyNullArray(out: ReplyWriter): void {
  out.nullArray();
}
