/**
 * Members and their scores: ZADD, ZINCRBY, ZREM, ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK. Nothing is allocated here.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { EVENT_NEW } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import {
  ZSET_ADDED,
  ZSET_GT,
  ZSET_INCR,
  ZSET_LT,
  ZSET_NAN,
  ZSET_NOTHING,
  ZSET_NX,
  ZSET_UPDATED,
  ZSET_XX,
  zsetAdd,
  zsetAdded,
  zsetLength,
  zsetRank,
  zsetRemove,
  zsetScore,
} from '../../values/zset.ts';
import { readZset, replyScore, scoreArg, signalZset, writeZset } from './shared.ts';

/** Scores of the ZADD being served: all are parsed before the first is used. */
let scores = new Float64Array(64);

export function zadd(client: Client, args: Args): void {
  let flags = 0;
  let countChanged = false;
  let i = 2;
  for (; i < args.count; i++) {
    // Scores begin with other characters than options do, but for `inf` and `nan`.
    const first = args.len[i] === 0 ? 0 : args.buf[args.off[i]!]! | 32;
    if (first < 97) break;
    if (args.is(i, 'nx')) flags |= ZSET_NX;
    else if (args.is(i, 'xx')) flags |= ZSET_XX;
    else if (args.is(i, 'gt')) flags |= ZSET_GT;
    else if (args.is(i, 'lt')) flags |= ZSET_LT;
    else if (args.is(i, 'ch')) countChanged = true;
    else if (args.is(i, 'incr')) flags |= ZSET_INCR;
    else break;
  }
  const rest = args.count - i;
  if (rest === 0 || (rest & 1) !== 0) throw errors.SYNTAX;
  if ((flags & ZSET_NX) !== 0 && (flags & ZSET_XX) !== 0) throw errors.ZADD_NX_AND_XX;
  const exclusive = flags & (ZSET_NX | ZSET_GT | ZSET_LT);
  if ((exclusive & (exclusive - 1)) !== 0) throw errors.ZADD_GT_LT_NX;
  if ((flags & ZSET_INCR) !== 0 && rest > 2) throw errors.ZADD_INCR_PAIRS;
  add(client, args, i, rest >> 1, flags, countChanged);
}

export function zincrby(client: Client, args: Args): void {
  add(client, args, 2, 1, ZSET_INCR, false);
}

/** Adds `pairs` of score and member from argument `from` on. */
function add(
  client: Client,
  args: Args,
  from: number,
  pairs: number,
  flags: number,
  countChanged: boolean,
): void {
  const { keyspace, config } = client.engine;
  const { db } = client;
  const { buf, off, len } = args;
  if (scores.length < pairs) scores = new Float64Array(pairs * 2);
  for (let n = 0; n < pairs; n++) scores[n] = scoreArg(args, from + n * 2);
  let ref = writeZset(client, args, 1);
  const isNew = ref === 0;
  let added = 0;
  let updated = 0;
  let outcome = ZSET_NOTHING;
  for (let n = 0; n < pairs; n++) {
    const member = from + n * 2 + 1;
    outcome = zsetAdd(
      db,
      buf,
      off[1]!,
      len[1]!,
      ref,
      flags,
      scores[n]!,
      buf,
      off[member]!,
      len[member]!,
      config.values,
      ref === 0 ? keyspace.newAccess() : db.access(ref),
    );
    ref = zsetAdded.ref;
    if (outcome === ZSET_ADDED) added++;
    else if (outcome === ZSET_UPDATED) updated++;
    else if (outcome === ZSET_NAN) throw errors.SCORE_NOT_NUMBER;
  }
  const increments = (flags & ZSET_INCR) !== 0;
  if (added + updated !== 0) {
    if (isNew && keyspace.eventMask !== 0) keyspace.event(EVENT_NEW, 'new', db, buf, off[1]!, len[1]!);
    signalZset(client, args, 1, increments ? 'zincr' : 'zadd', added + updated, 0);
  }
  if (!increments) client.out.int(countChanged ? added + updated : added);
  else if (outcome === ZSET_NOTHING) client.out.null();
  else replyScore(client.out, zsetAdded.score);
}

export function zrem(client: Client, args: Args): void {
  const { db } = client;
  let ref = writeZset(client, args, 1);
  if (ref === 0) {
    client.out.int(0);
    return;
  }
  let removed = 0;
  let left = zsetLength(db, ref);
  for (let i = 2; i < args.count && left > 0; i++) {
    const now = zsetRemove(db, ref, args.buf, args.off[i]!, args.len[i]!);
    if (now === 0) continue;
    ref = now;
    removed++;
    left--;
  }
  if (removed > 0) signalZset(client, args, 1, 'zrem', removed, left === 0 ? ref : 0);
  client.out.int(removed);
}

export function zcard(client: Client, args: Args): void {
  const ref = readZset(client, args, 1);
  client.out.int(ref === 0 ? 0 : zsetLength(client.db, ref));
}

export function zscore(client: Client, args: Args): void {
  const ref = readZset(client, args, 1);
  if (ref === 0) client.out.null();
  else replyScoreOf(client, args, ref, 2);
}

export function zmscore(client: Client, args: Args): void {
  const ref = readZset(client, args, 1);
  client.out.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    if (ref === 0) client.out.null();
    else replyScoreOf(client, args, ref, i);
  }
}

function replyScoreOf(client: Client, args: Args, ref: number, i: number): void {
  const score = zsetScore(client.db, ref, args.buf, args.off[i]!, args.len[i]!);
  if (Number.isNaN(score)) client.out.null();
  else replyScore(client.out, score);
}

export function zrank(client: Client, args: Args): void {
  replyRank(client, args, 'zrank', false);
}

export function zrevrank(client: Client, args: Args): void {
  replyRank(client, args, 'zrevrank', true);
}

function replyRank(client: Client, args: Args, name: string, reverse: boolean): void {
  const { db, out } = client;
  if (args.count > 4) throw errors.wrongArity(name);
  const withScore = args.count === 4;
  if (withScore && !args.is(3, 'withscore')) throw errors.SYNTAX;
  const ref = readZset(client, args, 1);
  const { buf } = args;
  const off = args.off[2]!;
  const len = args.len[2]!;
  const rank = ref === 0 ? -1 : zsetRank(db, ref, buf, off, len);
  if (rank < 0) {
    if (withScore) out.nullArray();
    else out.null();
    return;
  }
  if (withScore) out.array(2);
  out.int(reverse ? zsetLength(db, ref) - 1 - rank : rank);
  if (withScore) replyScore(out, zsetScore(db, ref, buf, off, len));
}
