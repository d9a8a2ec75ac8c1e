/**
 * What bitmap commands have in common: bit offsets, and a string that is about to have bits changed.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { STRING_RAW, TYPE_STRING } from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import { longestString } from '../strings/ranges.ts';

const HASH = 0x23;

/** A bit offset. With `bits` not 0 it may be `#n`, which counts fields of so many bits. */
export function bitOffsetAt(client: Client, args: Args, i: number, bits: number): number {
  const { buf } = args;
  let off = args.off[i]!;
  let len = args.len[i]!;
  let scale = 1;
  if (bits > 0 && len > 0 && buf[off] === HASH) {
    off++;
    len--;
    scale = bits;
  }
  let offset = parseSafeInt(buf, off, len) * scale;
  if (Number.isNaN(offset)) {
    const exact = parseInt64Big(buf, off, len);
    if (exact === null) throw errors.BIT_OFFSET;
    // A product beyond 64 bits comes around, as it does in Redis.
    offset = Number(BigInt.asIntN(64, exact * BigInt(scale)));
  }
  const bytes = Math.floor(offset / 8);
  if (offset < 0 || bytes >= longestString(client)) throw errors.BIT_OFFSET;
  return offset;
}

/** The string under the key in argument 1, which must be one; 0: none. */
export function lookupBits(client: Client, args: Args): number {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  return ref;
}

/** What `makeRoomForBit` found: the entry, and whether it was made or grew. */
export const room = { ref: 0, grew: false };

/** The string under the key in argument 1, made or grown so that it has bit `offset`; filled into `room`. */
export function makeRoomForBit(client: Client, args: Args, offset: number): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[1]!;
  const keyLen = args.len[1]!;
  const length = Math.floor(offset / 8) + 1;
  const meta = TYPE_STRING | STRING_RAW;
  let ref = keyspace.lookupWrite(db, buf, keyOff, keyLen);
  if (ref === 0) {
    ref = db.storeValue(0, buf, keyOff, keyLen, buf, 0, 0, meta, keyspace.newAccess(), false);
    room.ref = db.resizeValue(ref, length, meta);
    room.grew = true;
    if (keyspace.eventMask !== 0) keyspace.event(EVENT_NEW, 'new', db, buf, keyOff, keyLen);
    return;
  }
  if (db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  const old = db.valueLength(ref);
  room.grew = old < length;
  // Even where it does not grow: the string is raw from now on.
  room.ref = db.resizeValue(ref, Math.max(old, length), meta);
}

/** `changes` bits or fields have been changed. */
export function signalBits(client: Client, args: Args, changes: number): void {
  const { keyspace } = client.engine;
  const off = args.off[1]!;
  const len = args.len[1]!;
  keyspace.dirty += changes;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, off, len);
  if (keyspace.eventMask !== 0) keyspace.event(EVENT_STRING, 'setbit', client.db, args.buf, off, len);
}
