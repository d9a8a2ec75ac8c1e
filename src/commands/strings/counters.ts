/**
 * DECR, INCRBY, DECRBY and INCRBYFLOAT. INCR itself, and the addition, are in hot.ts.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import { STRING_EMBSTR, TYPE_STRING } from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { bytesOf, latin1Of } from '../../util/latin1.ts';
import { MAX_LONG_DOUBLE_LENGTH, sumOfFloatTexts } from '../../util/long-double.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import { addShortDecimals, SHORT_DECIMAL_BYTES } from '../../util/short-decimals.ts';
import { addBigInteger, addInteger } from './hot.ts';

const INT64_MIN = -(2n ** 63n);
const NOTHING = bytesOf('0');

const view = new ValueView();
const digits = new Uint8Array(SHORT_DECIMAL_BYTES);

export function decr(client: Client, args: Args): void {
  addInteger(client, args, -1);
}

export function incrby(client: Client, args: Args): void {
  const by = parseSafeInt(args.buf, args.off[2]!, args.len[2]!);
  if (Number.isNaN(by)) addLarge(client, args, largeIncrement(args));
  else addInteger(client, args, by);
}

export function decrby(client: Client, args: Args): void {
  const by = parseSafeInt(args.buf, args.off[2]!, args.len[2]!);
  if (Number.isNaN(by)) {
    const large = largeIncrement(args);
    if (large === INT64_MIN) throw errors.DECREMENT_OVERFLOW;
    addLarge(client, args, -large);
  } else addInteger(client, args, -by);
}

function largeIncrement(args: Args): bigint {
  const by = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
  if (by === null) throw errors.NOT_INTEGER;
  return by;
}

function addLarge(client: Client, args: Args, by: bigint): void {
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  addBigInteger(client, args, ref, by);
}

/** What is stored is the text of the sum, and never counts as an int, even where it looks like one. */
export function incrbyfloat(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  const ref = keyspace.lookupWrite(db, buf, off, len);
  let old: Uint8Array = NOTHING;
  let oldOff = 0;
  let oldLen = 1;
  if (ref !== 0) {
    if (db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
    db.locateValue(ref, view);
    if (view.len > MAX_LONG_DOUBLE_LENGTH) throw errors.NOT_FLOAT;
    old = view.bytes;
    oldOff = view.off;
    oldLen = view.len;
  }
  let text: Uint8Array = digits;
  let length = addShortDecimals(old, oldOff, oldLen, buf, args.off[2]!, args.len[2]!, digits);
  if (length === 0) {
    text = sumInFull(args, latin1Of(old, oldOff, oldLen));
    length = text.length;
  }
  const access = keyspace.replacedAccess(db, ref);
  db.storeValue(ref, buf, off, len, text, 0, length, TYPE_STRING | STRING_EMBSTR, access, true);
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(db, buf, off, len);
  if (keyspace.eventMask !== 0) {
    if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, off, len);
    keyspace.event(EVENT_STRING, 'incrbyfloat', db, buf, off, len);
  }
  const { propagation } = client.engine;
  if (propagation.active) {
    // The sum as it is: another machine may add otherwise.
    const effect = propagation.replace(client, 4);
    effect.text('SET');
    effect.argOf(args, 1);
    effect.arg(text, 0, length);
    effect.text('KEEPTTL');
  }
  client.out.bulk(text, 0, length);
}

function sumInFull(args: Args, old: string): Uint8Array {
  if (args.len[2]! > MAX_LONG_DOUBLE_LENGTH) throw errors.NOT_FLOAT;
  const added = sumOfFloatTexts(old, args.text(2));
  if ('failed' in added) throw added.failed === 'not-finite' ? errors.NAN_OR_INFINITY : errors.NOT_FLOAT;
  return bytesOf(added.sum);
}
