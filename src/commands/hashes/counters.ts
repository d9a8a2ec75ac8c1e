/**
 * HINCRBY and HINCRBYFLOAT.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { LpElement } from '../../structures/listpack.ts';
import { bytesOf, latin1Of } from '../../util/latin1.ts';
import {
  isFiniteLongDouble,
  MAX_LONG_DOUBLE_LENGTH,
  parseLongDouble,
  sumOfFloatTexts,
} from '../../util/long-double.ts';
import { parseInt64Big, parseSafeInt, writeInt, writeInt64 } from '../../util/number-text.ts';
import { addShortDecimals, isShortDecimal, SHORT_DECIMAL_BYTES } from '../../util/short-decimals.ts';
import { hashGet } from '../../values/hash.ts';
import { lookupHashWrite, setField, signalHash } from './fields.ts';

const element = new LpElement();
const digits = new Uint8Array(SHORT_DECIMAL_BYTES);
const NOTHING = bytesOf('0');

export function hincrby(client: Client, args: Args): void {
  const by = parseSafeInt(args.buf, args.off[3]!, args.len[3]!);
  if (Number.isNaN(by)) {
    const large = parseInt64Big(args.buf, args.off[3]!, args.len[3]!);
    if (large === null) throw errors.NOT_INTEGER;
    addBig(client, args, lookupHashWrite(client, args), large);
    return;
  }
  const ref = lookupHashWrite(client, args);
  let old = 0;
  if (ref !== 0 && hashGet(client.db, ref, args.buf, args.off[2]!, args.len[2]!, element)) {
    old = parseSafeInt(element.bytes, element.off, element.len);
  }
  const sum = old + by;
  if (!Number.isSafeInteger(sum)) {
    addBig(client, args, ref, BigInt(by));
    return;
  }
  setField(client, args, ref, 2, digits, 0, writeInt(digits, 0, sum));
  signalHash(client, args, 'hincrby', ref === 0, 1);
  client.out.int(sum);
}

/** The same at the edge of 64 bits. The key has just been looked up. */
function addBig(client: Client, args: Args, ref: number, by: bigint): void {
  let old: bigint | null = 0n;
  if (ref !== 0 && hashGet(client.db, ref, args.buf, args.off[2]!, args.len[2]!, element)) {
    old = parseInt64Big(element.bytes, element.off, element.len);
    if (old === null) throw errors.HASH_VALUE_NOT_INTEGER;
  }
  const sum = old + by;
  if (BigInt.asIntN(64, sum) !== sum) throw errors.OVERFLOW;
  setField(client, args, ref, 2, digits, 0, writeInt64(digits, 0, sum));
  signalHash(client, args, 'hincrby', ref === 0, 1);
  client.out.bigInt(sum);
}

export function hincrbyfloat(client: Client, args: Args): void {
  const byOff = args.off[3]!;
  const byLen = args.len[3]!;
  // Whether the increment is a number comes before anything else.
  if (!isShortDecimal(args.buf, byOff, byLen)) checkIncrement(args);
  const ref = lookupHashWrite(client, args);
  let old: Uint8Array = NOTHING;
  let oldOff = 0;
  let oldLen = 1;
  if (ref !== 0 && hashGet(client.db, ref, args.buf, args.off[2]!, args.len[2]!, element)) {
    if (element.len > MAX_LONG_DOUBLE_LENGTH) throw errors.HASH_VALUE_NOT_FLOAT;
    old = element.bytes;
    oldOff = element.off;
    oldLen = element.len;
  }
  let text: Uint8Array = digits;
  let length = addShortDecimals(old, oldOff, oldLen, args.buf, byOff, byLen, digits);
  if (length === 0) {
    text = sumInFull(args, latin1Of(old, oldOff, oldLen));
    length = text.length;
  }
  setField(client, args, ref, 2, text, 0, length);
  signalHash(client, args, 'hincrbyfloat', ref === 0, 1);
  const { propagation } = client.engine;
  if (propagation.active) {
    const effect = propagation.replace(client, 4);
    effect.text('HSET');
    effect.argsOf(args, 1, 3);
    effect.arg(text, 0, length);
  }
  client.out.bulk(text, 0, length);
}

function checkIncrement(args: Args): void {
  if (args.len[3]! > MAX_LONG_DOUBLE_LENGTH) throw errors.NOT_FLOAT;
  const by = parseLongDouble(args.text(3));
  if (by === null) throw errors.NOT_FLOAT;
  if (!isFiniteLongDouble(by)) throw errors.VALUE_NOT_FINITE;
}

function sumInFull(args: Args, old: string): Uint8Array {
  const added = sumOfFloatTexts(old, args.text(3));
  if ('failed' in added) {
    throw added.failed === 'value' ? errors.HASH_VALUE_NOT_FLOAT : errors.NAN_OR_INFINITY;
  }
  return bytesOf(added.sum);
}
