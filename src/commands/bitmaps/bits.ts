/**
 * Single bits and counts: SETBIT, GETBIT, BITCOUNT, BITPOS.
 */
import { countBitRange, countBits, findBit } from '../../datatypes/bits/bits.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';
import { parseSafeInt } from '../../util/number-text.ts';
import { longArg } from '../keys/arguments.ts';
import { bitOffsetAt, lookupBits, makeRoomForBit, room, signalBits } from './arguments.ts';

const view = new ValueView();

export function setbit(client: Client, args: Args): void {
  const offset = bitOffsetAt(client, args, 2, 0);
  const bit = parseSafeInt(args.buf, args.off[3]!, args.len[3]!);
  if (bit !== 0 && bit !== 1) throw errors.BIT_VALUE;
  makeRoomForBit(client, args, offset);
  client.db.locateValue(room.ref, view);
  const at = view.off + Math.floor(offset / 8);
  const shift = 7 - (offset % 8);
  const byte = view.bytes[at]!;
  const old = (byte >> shift) & 1;
  if (room.grew || old !== bit) {
    view.bytes[at] = (byte & ~(1 << shift)) | (bit << shift);
    signalBits(client, args, 1);
  }
  client.out.int(old);
}

export function getbit(client: Client, args: Args): void {
  const offset = bitOffsetAt(client, args, 2, 0);
  const ref = lookupBits(client, args);
  if (ref === 0) {
    client.out.int(0);
    return;
  }
  client.db.locateValue(ref, view);
  const byte = Math.floor(offset / 8);
  client.out.int(byte < view.len ? (view.bytes[view.off + byte]! >> (7 - (offset % 8))) & 1 : 0);
}

/** A range as it was asked for, in bytes or bits; filled by the parsers below. */
const range = { start: 0, end: 0, bits: false };

/** Turns indexes from the end into ones from the start, and clamps them to `total` bytes or bits. */
function clampRange(total: number): void {
  if (range.start < 0) range.start = Math.max(0, total + range.start);
  if (range.end < 0) range.end = Math.max(0, total + range.end);
  if (range.end >= total) range.end = total - 1;
}

/** BYTE or BIT. */
function isBitUnit(args: Args, i: number): boolean {
  if (args.is(i, 'bit')) return true;
  if (args.is(i, 'byte')) return false;
  throw errors.SYNTAX;
}

/** The arguments behind the key are looked at only when the key is there, as Redis 7.0 does. */
export function bitcount(client: Client, args: Args): void {
  const { out } = client;
  const ref = lookupBits(client, args);
  if (ref === 0) {
    out.int(0);
    return;
  }
  client.db.locateValue(ref, view);
  if (args.count === 2) {
    out.int(countBits(view.bytes, view.off, view.len));
    return;
  }
  if (args.count !== 4 && args.count !== 5) throw errors.SYNTAX;
  range.start = longArg(args, 2);
  range.end = longArg(args, 3);
  // Two negative indexes in the wrong order are no range, even where both would be clamped to the first byte.
  if (range.start < 0 && range.end < 0 && range.start > range.end) {
    out.int(0);
    return;
  }
  range.bits = args.count === 5 && isBitUnit(args, 4);
  clampRange(range.bits ? view.len * 8 : view.len);
  const { start, end } = range;
  if (start > end) out.int(0);
  else if (range.bits) out.int(countBitRange(view.bytes, view.off, start, end));
  else out.int(countBits(view.bytes, view.off + start, end - start + 1));
}

export function bitpos(client: Client, args: Args): void {
  const { out } = client;
  const bit = longArg(args, 2);
  if (bit !== 0 && bit !== 1) throw errors.BIT_ARGUMENT;
  const ref = lookupBits(client, args);
  if (ref === 0) {
    out.int(bit === 1 ? -1 : 0);
    return;
  }
  client.db.locateValue(ref, view);
  const { count } = args;
  if (count > 6) throw errors.SYNTAX;
  range.start = count > 3 ? longArg(args, 3) : 0;
  range.bits = count === 6 && isBitUnit(args, 5);
  const total = range.bits ? view.len * 8 : view.len;
  range.end = count > 4 ? longArg(args, 4) : total - 1;
  clampRange(total);
  if (range.start > range.end) {
    out.int(-1);
    return;
  }
  const first = range.bits ? range.start : range.start * 8;
  const last = range.bits ? range.end : range.end * 8 + 7;
  const position = findBit(view.bytes, view.off, bit, first, last);
  // Without an end the string is as if zeros followed.
  out.int(position < 0 && bit === 0 && count <= 4 ? view.len * 8 : position);
}
