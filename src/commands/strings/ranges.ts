/**
 * Strings as ranges of bytes: APPEND, SETRANGE, GETRANGE (once SUBSTR), STRLEN; and MGET.
 */
import { constants } from 'node:buffer';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { copyBytes, ValueView } from '../../keyspace/database.ts';
import { STRING_AUTO, STRING_RAW, TYPE_STRING } from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { longArg } from '../keys/arguments.ts';
import { replyString } from './hot.ts';

/** A growing string takes up to this much more than its length. */
const ROOM_TO_GROW = 1024 * 1024;

export function append(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const valueOff = args.off[2]!;
  const valueLen = args.len[2]!;
  const ref = lookupForChange(client, args);
  let total = valueLen;
  if (ref === 0) {
    const meta = TYPE_STRING | STRING_AUTO;
    const access = keyspace.newAccess();
    db.storeValue(0, buf, args.off[1]!, args.len[1]!, buf, valueOff, valueLen, meta, access, false);
  } else {
    const old = db.valueLength(ref);
    total = old + valueLen;
    checkLength(client, total);
    writeAt(client, db.resizeValue(ref, total, TYPE_STRING | STRING_RAW), old, args, 2);
  }
  signal(client, args, 'append', ref === 0);
  client.out.int(total);
}

export function setrange(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const offset = longArg(args, 2);
  if (offset < 0) throw errors.OFFSET_OUT_OF_RANGE;
  const valueLen = args.len[3]!;
  const ref = lookupForChange(client, args);
  const old = ref === 0 ? 0 : db.valueLength(ref);
  if (valueLen === 0) {
    client.out.int(old);
    return;
  }
  checkLength(client, offset + valueLen);
  const total = Math.max(old, offset + valueLen);
  const raw = TYPE_STRING | STRING_RAW;
  let at = ref;
  if (ref === 0) {
    const { buf } = args;
    at = db.storeValue(0, buf, args.off[1]!, args.len[1]!, buf, 0, 0, raw, keyspace.newAccess(), false);
  }
  writeAt(client, db.resizeValue(at, total, raw), offset, args, 3);
  signal(client, args, 'setrange', ref === 0);
  client.out.int(total);
}

export function getrange(client: Client, args: Args): void {
  let start = longArg(args, 2);
  let end = longArg(args, 3);
  const { db, out } = client;
  const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0) {
    out.bulk(args.buf, 0, 0);
    return;
  }
  if (db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  const view = new ValueView();
  db.locateValue(ref, view);
  // Two negative indexes in the wrong order are no range, even where both would be clamped to the first byte.
  const reversed = start < 0 && end < 0 && start > end;
  if (start < 0) start = Math.max(0, view.len + start);
  if (end < 0) end = Math.max(0, view.len + end);
  if (end >= view.len) end = view.len - 1;
  const length = reversed || start > end ? 0 : end - start + 1;
  out.bulk(view.bytes, length === 0 ? 0 : view.off + start, length);
}

export const substr = getrange;

export function strlen(client: Client, args: Args): void {
  const { db } = client;
  const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  client.out.int(ref === 0 ? 0 : db.valueLength(ref));
}

/** A key of another type counts as missing. */
export function mget(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db, out } = client;
  const { buf, off, len } = args;
  out.array(args.count - 1);
  for (let i = 1; i < args.count; i++) {
    const ref = keyspace.lookupRead(db, buf, off[i]!, len[i]!);
    if (ref === 0 || db.type(ref) !== TYPE_STRING) out.null();
    else replyString(client, ref);
  }
}

function lookupForChange(client: Client, args: Args): number {
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  return ref;
}

/** No string grows beyond proto-max-bulk-len (of whoever was asked first), nor beyond what one buffer can hold. */
export function longestString(client: Client): number {
  const limit = client.mustObey
    ? Number.POSITIVE_INFINITY
    : client.engine.config.values['proto-max-bulk-len'];
  return Math.min(limit, constants.MAX_LENGTH - ROOM_TO_GROW);
}

function checkLength(client: Client, length: number): void {
  if (length > longestString(client)) throw errors.STRING_TOO_LONG;
}

/** Copies argument `v` into the value of the entry, which has room for it. */
function writeAt(client: Client, ref: number, offset: number, args: Args, v: number): void {
  const view = new ValueView();
  client.db.locateValue(ref, view);
  copyBytes(args.buf, args.off[v]!, args.len[v]!, view.bytes, view.off + offset);
}

function signal(client: Client, args: Args, event: string, isNew: boolean): void {
  const { keyspace } = client.engine;
  const off = args.off[1]!;
  const len = args.len[1]!;
  keyspace.dirty++;
  keyspace.touched(client.db, args.buf, off, len);
  if (isNew) keyspace.event(EVENT_NEW, 'new', client.db, args.buf, off, len);
  keyspace.event(EVENT_STRING, event, client.db, args.buf, off, len);
}
