/**
 * What geo commands have in common: positions, units and lengths in their arguments, positions and distances in
 * their replies.
 */
import { decodeScore, LATITUDE_MAX, LONGITUDE_MAX, position } from '../../datatypes/geohash.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_ZSET } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { latin1Of } from '../../util/latin1.ts';
import { parseDoubleBytes } from '../../util/number-text.ts';
import { digits, writeCoordinate, writeDistance } from './number-digits.ts';

/** Longer texts are no numbers. */
const NUMBER_MAX = 256;

export function doubleAt(args: Args, i: number, refusal: ReplyError = errors.NOT_FLOAT): number {
  const n = args.len[i]! > NUMBER_MAX ? Number.NaN : parseDoubleBytes(args.buf, args.off[i]!, args.len[i]!);
  if (Number.isNaN(n)) throw refusal;
  return n;
}

/** Reads a longitude and a latitude, which must be within what can be stored, into `position`. */
export function positionAt(args: Args, i: number): void {
  const longitude = doubleAt(args, i);
  const latitude = doubleAt(args, i + 1);
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) {
    throw errors.err(`invalid longitude,latitude pair ${fixed(longitude, 6)},${fixed(latitude, 6)}`);
  }
  position.longitude = longitude;
  position.latitude = latitude;
}

/** C's `%.nf`. */
function fixed(n: number, digits: number): string {
  if (!Number.isFinite(n)) return n < 0 ? '-inf' : 'inf';
  if (Math.abs(n) < 1e21) return n.toFixed(digits);
  return `${BigInt(n)}.${'0'.repeat(digits)}`;
}

/** How many metres a unit has. */
export function unitAt(args: Args, i: number): number {
  if (args.is(i, 'm')) return 1;
  if (args.is(i, 'km')) return 1000;
  if (args.is(i, 'ft')) return 0.3048;
  if (args.is(i, 'mi')) return 1609.34;
  throw errors.GEO_UNIT;
}

/** The sorted set under the key in argument `i`, which must be one; 0: none. */
export function lookupGeo(client: Client, args: Args, i: number): number {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[i]!, args.len[i]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_ZSET) throw errors.WRONG_TYPE;
  return ref;
}

export function replyDistance(client: Client, n: number): void {
  client.out.bulk(digits, 0, writeDistance(n));
}

export function replyCoordinates(client: Client, longitude: number, latitude: number): void {
  client.out.array(2);
  replyCoordinate(client, longitude);
  replyCoordinate(client, latitude);
}

function replyCoordinate(client: Client, n: number): void {
  const length = writeCoordinate(n);
  if (client.resp === 2) client.out.bulk(digits, 0, length);
  else client.out.double(latin1Of(digits, 0, length));
}

/** The position that a score stands for. */
export function replyPosition(client: Client, score: number): void {
  decodeScore(score);
  replyCoordinates(client, position.longitude, position.latitude);
}
