/**
 * Members of a geospatial index, which is a sorted set: GEOADD, GEOPOS, GEODIST, GEOHASH.
 */
import { decodeScore, distance, encodePosition, geohashText, position } from '../../datatypes/geohash.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_ZSET } from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_ZSET } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import {
  ZSET_ADDED,
  ZSET_NX,
  ZSET_UPDATED,
  ZSET_XX,
  zsetAdd,
  zsetAdded,
  zsetScore,
} from '../../values/zset.ts';
import { lookupGeo, positionAt, replyDistance, replyPosition, unitAt } from './arguments.ts';

const CHANGED = 32;

/** Scratch for the scores of one GEOADD of common size. */
const fewScores = new Float64Array(32);

export function geoadd(client: Client, args: Args): void {
  let first = 2;
  let flags = 0;
  for (; first < args.count; first++) {
    if (args.is(first, 'nx')) flags |= ZSET_NX;
    else if (args.is(first, 'xx')) flags |= ZSET_XX;
    else if (args.is(first, 'ch')) flags |= CHANGED;
    else break;
  }
  const words = args.count - first;
  const isBoth = (flags & ZSET_NX) !== 0 && (flags & ZSET_XX) !== 0;
  if (words === 0 || words % 3 !== 0 || isBoth) throw errors.SYNTAX;
  const count = words / 3;
  const scores = count <= fewScores.length ? fewScores : new Float64Array(count);
  for (let i = 0; i < count; i++) {
    positionAt(args, first + i * 3);
    scores[i] = encodePosition(position.longitude, position.latitude);
  }
  if (!addScores(client, args, first + 2, scores, count, flags)) return;
  const { propagation } = client.engine;
  if (!propagation.active) return;
  // Cells of the earth are a matter of rounding: nobody else has to find them.
  const effect = propagation.replace(client, first + count * 2);
  effect.text('zadd');
  effect.argsOf(args, 1, first);
  for (let i = 0; i < count; i++) {
    effect.int(scores[i]!);
    effect.argOf(args, first + i * 3 + 2);
  }
}

/** ZADD: `count` scores, one for every third argument from `first` on. Returns whether anything has changed. */
function addScores(
  client: Client,
  args: Args,
  first: number,
  scores: Float64Array,
  count: number,
  flags: number,
): boolean {
  const { keyspace, config } = client.engine;
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[1]!;
  const keyLen = args.len[1]!;
  const found = keyspace.lookupWrite(db, buf, keyOff, keyLen);
  if (found !== 0 && db.type(found) !== TYPE_ZSET) throw errors.WRONG_TYPE;
  const access = found === 0 ? keyspace.newAccess() : db.access(found);
  const conditions = flags & (ZSET_NX | ZSET_XX);
  let ref = found;
  let added = 0;
  let updated = 0;
  for (let i = 0; i < count; i++) {
    const m = first + i * 3;
    const outcome = zsetAdd(
      db,
      buf,
      keyOff,
      keyLen,
      ref,
      conditions,
      scores[i]!,
      buf,
      args.off[m]!,
      args.len[m]!,
      config.values,
      access,
    );
    ref = zsetAdded.ref;
    if (outcome === ZSET_ADDED) added++;
    else if (outcome === ZSET_UPDATED) updated++;
  }
  if (added + updated > 0) {
    keyspace.dirty += added + updated;
    if (keyspace.watched) keyspace.touched(db, buf, keyOff, keyLen);
    if (keyspace.eventMask !== 0) {
      if (found === 0) keyspace.event(EVENT_NEW, 'new', db, buf, keyOff, keyLen);
      keyspace.event(EVENT_ZSET, 'zadd', db, buf, keyOff, keyLen);
    }
  }
  client.out.int((flags & CHANGED) !== 0 ? added + updated : added);
  return added + updated > 0;
}

/** Score of the member in argument `i`; NaN: it is not there. */
function scoreAt(client: Client, args: Args, ref: number, i: number): number {
  return ref === 0 ? Number.NaN : zsetScore(client.db, ref, args.buf, args.off[i]!, args.len[i]!);
}

export function geopos(client: Client, args: Args): void {
  const { out } = client;
  const ref = lookupGeo(client, args, 1);
  out.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const score = scoreAt(client, args, ref, i);
    if (Number.isNaN(score)) out.nullArray();
    else replyPosition(client, score);
  }
}

export function geohash(client: Client, args: Args): void {
  const { out } = client;
  const ref = lookupGeo(client, args, 1);
  out.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const score = scoreAt(client, args, ref, i);
    if (Number.isNaN(score)) {
      out.null();
      continue;
    }
    decodeScore(score);
    out.bulkText(geohashText());
  }
}

export function geodist(client: Client, args: Args): void {
  const { out } = client;
  if (args.count > 5) throw errors.SYNTAX;
  const metres = args.count === 5 ? unitAt(args, 4) : 1;
  const ref = lookupGeo(client, args, 1);
  const a = scoreAt(client, args, ref, 2);
  const b = scoreAt(client, args, ref, 3);
  if (Number.isNaN(a) || Number.isNaN(b)) {
    out.null();
    return;
  }
  decodeScore(a);
  const { longitude, latitude } = position;
  decodeScore(b);
  replyDistance(client, distance(longitude, latitude, position.longitude, position.latitude) / metres);
}
