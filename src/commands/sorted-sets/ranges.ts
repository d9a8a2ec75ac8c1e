/**
 * Ranges of sorted sets, by rank, score and member: returned (ZRANGE and its older forms), stored (ZRANGESTORE),
 * counted (ZCOUNT, ZLEXCOUNT), removed (ZREMRANGEBY...).
 */
import { LENGTH_WORD, MEMBER_WORD } from '../../datatypes/zset/score-index.ts';
import { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { bulkFromWords } from '../../resp/word-replies.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { ZsetCursor, zsetEach, zsetLength, zsetRemoveRange } from '../../values/zset.ts';
import { int64Arg } from '../keys/arguments.ts';
import { BY_LEX, BY_RANK, BY_SCORE, bounds, parseBounds, resolveBounds } from './bounds.ts';
import { readZset, replyScore, signalZset, writeZset } from './shared.ts';
import { storeResult } from './store.ts';

const cursor = new ZsetCursor();

// What a command's name has settled; AUTO leaves it to the options.
const AUTO = -1;
const FORWARD = 0;
const REVERSE = 1;

class RangeOptions {
  kind = BY_RANK;
  reverse = false;
  withScores = false;
  offset = 0;
  limit = -1;
}

const options = new RangeOptions();

export function zrange(client: Client, args: Args): void {
  replyRange(client, args, AUTO, AUTO);
}
export function zrevrange(client: Client, args: Args): void {
  replyRange(client, args, BY_RANK, REVERSE);
}
export function zrangebyscore(client: Client, args: Args): void {
  replyRange(client, args, BY_SCORE, FORWARD);
}
export function zrevrangebyscore(client: Client, args: Args): void {
  replyRange(client, args, BY_SCORE, REVERSE);
}
export function zrangebylex(client: Client, args: Args): void {
  replyRange(client, args, BY_LEX, FORWARD);
}
export function zrevrangebylex(client: Client, args: Args): void {
  replyRange(client, args, BY_LEX, REVERSE);
}

function replyRange(client: Client, args: Args, kind: number, direction: number): void {
  parseRange(args, 1, kind, direction, false);
  const ref = readZset(client, args, 1);
  const { out, db } = client;
  if (ref === 0) {
    out.emptyArray();
    return;
  }
  const { reverse, withScores } = options;
  resolveBounds(client, args, ref);
  limitRange(zsetLength(db, ref));
  const count = bounds.end - bounds.start;
  replyElements(
    client,
    cursor.open(db, ref),
    reverse ? bounds.end - 1 : bounds.start,
    count,
    reverse,
    withScores,
  );
}

/** `count` elements from a rank on. */
export function replyElements(
  client: Client,
  from: ZsetCursor,
  rank: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
): void {
  const { out } = client;
  const nested = withScores && out.resp === 3;
  out.array(withScores && !nested ? count * 2 : count);
  if (count === 0) return;
  if (from.set !== null) {
    replyGrown(out, from.set, rank, count, reverse, withScores);
    return;
  }
  from.seek(rank);
  for (let left = count; ; ) {
    if (nested) out.array(2);
    out.bulk(from.bytes, from.off, from.len);
    if (withScores) replyScore(out, from.score);
    if (--left === 0) return;
    if (reverse) from.backward();
    else from.forward();
  }
}

/** Elements that are looked at together. */
const BATCH = 64;
const refs = new Int32Array(BATCH);
const lengths = new Int32Array(BATCH);
const scores = new Float64Array(BATCH);

function replyGrown(
  out: ReplyWriter,
  set: SortedSet,
  rank: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
): void {
  const { words, pages } = set.memory.arena;
  const nested = withScores && out.resp === 3;
  set.index.seekRank(rank);
  for (let left = count; left > 0; ) {
    const taken = set.index.gather(refs, scores, Math.min(left, BATCH), reverse);
    // Records are all over the memory. None of these reads waits for another, so the processor does many at a time.
    for (let i = 0; i < taken; i++) {
      const ref = refs[i]!;
      lengths[i] = words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + LENGTH_WORD]!;
    }
    for (let i = 0; i < taken; i++) {
      const ref = refs[i]!;
      if (nested) out.array(2);
      const page = ref >>> PAGE_BITS;
      bulkFromWords(out, words[page]!, pages[page]!, ((ref & OFFSET_MASK) << 1) + MEMBER_WORD, lengths[i]!);
      if (withScores) replyScore(out, scores[i]!);
    }
    left -= taken;
  }
}

/** Parses what stands behind the command's name, or behind its destination: key, bounds, options. */
function parseRange(args: Args, key: number, kind: number, direction: number, store: boolean): void {
  let hasLimit = false;
  options.withScores = false;
  options.offset = 0;
  options.limit = -1;
  for (let i = key + 3; i < args.count; i++) {
    if (!store && args.is(i, 'withscores')) options.withScores = true;
    else if (args.is(i, 'limit') && i + 2 < args.count) {
      options.offset = Number(int64Arg(args, i + 1));
      options.limit = Number(int64Arg(args, i + 2));
      hasLimit = options.limit !== -1;
      i += 2;
    } else if (direction === AUTO && args.is(i, 'rev')) direction = REVERSE;
    else if (kind === AUTO && args.is(i, 'bylex')) kind = BY_LEX;
    else if (kind === AUTO && args.is(i, 'byscore')) kind = BY_SCORE;
    else throw errors.SYNTAX;
  }
  options.kind = kind === AUTO ? BY_RANK : kind;
  options.reverse = direction === REVERSE;
  if (hasLimit && options.kind === BY_RANK) throw errors.LIMIT_BY_RANK;
  if (options.withScores && options.kind === BY_LEX) throw errors.WITHSCORES_BY_LEX;
  const swapped = options.reverse && options.kind !== BY_RANK;
  parseBounds(args, options.kind, swapped ? key + 2 : key + 1, swapped ? key + 1 : key + 2);
}

/** Applies direction and LIMIT to the resolved bounds. `size`: of the set, since ranks count from its end in reverse. */
function limitRange(size: number): void {
  const { kind, reverse, offset, limit } = options;
  const length = bounds.end - bounds.start;
  if (kind === BY_RANK) {
    if (!reverse || length === 0) return;
    bounds.start = size - bounds.end;
    bounds.end = bounds.start + length;
    return;
  }
  const skipped = offset < 0 ? length : Math.min(offset, length);
  const taken = limit < 0 ? length - skipped : Math.min(limit, length - skipped);
  if (reverse) {
    bounds.end -= skipped;
    bounds.start = bounds.end - taken;
  } else {
    bounds.start += skipped;
    bounds.end = bounds.start + taken;
  }
}

export function zrangestore(client: Client, args: Args): void {
  parseRange(args, 2, AUTO, AUTO, true);
  const { db } = client;
  const ref = readZset(client, args, 2);
  const result = new SortedSet(db.memory);
  if (ref !== 0) {
    resolveBounds(client, args, ref);
    limitRange(zsetLength(db, ref));
    zsetEach(
      db,
      ref,
      (member, off, len, score) => {
        result.find(member, off, len);
        result.addUnordered(score, member, off, len);
      },
      bounds.start,
      bounds.end,
    );
    result.order();
  }
  storeResult(client, args, 1, result, 'zrangestore');
}

export function zcount(client: Client, args: Args): void {
  count(client, args, BY_SCORE);
}
export function zlexcount(client: Client, args: Args): void {
  count(client, args, BY_LEX);
}

function count(client: Client, args: Args, kind: number): void {
  parseBounds(args, kind, 2, 3);
  const ref = readZset(client, args, 1);
  if (ref === 0) {
    client.out.int(0);
    return;
  }
  resolveBounds(client, args, ref);
  client.out.int(bounds.end - bounds.start);
}

export function zremrangebyrank(client: Client, args: Args): void {
  remove(client, args, BY_RANK, 'zremrangebyrank');
}
export function zremrangebyscore(client: Client, args: Args): void {
  remove(client, args, BY_SCORE, 'zremrangebyscore');
}
export function zremrangebylex(client: Client, args: Args): void {
  remove(client, args, BY_LEX, 'zremrangebylex');
}

function remove(client: Client, args: Args, kind: number, event: string): void {
  const { db } = client;
  parseBounds(args, kind, 2, 3);
  const ref = writeZset(client, args, 1);
  if (ref === 0) {
    client.out.int(0);
    return;
  }
  resolveBounds(client, args, ref);
  const removed = bounds.end - bounds.start;
  if (removed > 0) {
    const all = removed === zsetLength(db, ref);
    // A whole set goes with its key, which may be freed in slices.
    const left = all ? ref : zsetRemoveRange(db, ref, bounds.start, removed);
    signalZset(client, args, 1, event, removed, all ? left : 0);
  }
  client.out.int(removed);
}
