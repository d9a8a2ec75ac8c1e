/**
 * ZRANDMEMBER and ZSCAN.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { formatDouble17 } from '../../util/number-text.ts';
import { randomBelow } from '../../util/random.ts';
import { ZsetCursor, zsetEach, zsetGrown, zsetIsPacked, zsetLength } from '../../values/zset.ts';
import { cursorArg, int64Arg } from '../keys/arguments.ts';
import { scanOptions } from '../keys/scan.ts';
import { replyRepeatedly } from '../repeated-replies.ts';
import { readZset, replyScore } from './shared.ts';

const LONG_MIN = -(2n ** 63n);
/** With the scores there are twice as many. */
const PAIRS_MAX = 2n ** 62n - 1n;

export function zrandmember(client: Client, args: Args): void {
  if (args.count > 2) {
    randomMembers(client, args);
    return;
  }
  const { db, out } = client;
  const ref = readZset(client, args, 1);
  if (ref === 0) {
    out.null();
    return;
  }
  const cursor = new ZsetCursor().open(db, ref);
  cursor.seek(randomBelow(client.engine.random, zsetLength(db, ref)));
  out.bulk(cursor.bytes, cursor.off, cursor.len);
}

/** A negative count allows for repetitions. */
function randomMembers(client: Client, args: Args): void {
  const exact = int64Arg(args, 2);
  if (exact === LONG_MIN) throw errors.NOT_SYMMETRIC_INT64;
  const wanted = Number(exact);
  if (args.count > 4 || (args.count === 4 && !args.is(3, 'withscores'))) throw errors.SYNTAX;
  const withScores = args.count === 4;
  if (withScores && (exact > PAIRS_MAX || exact < -PAIRS_MAX)) throw errors.OUT_OF_RANGE;
  const { db, out, engine } = client;
  const ref = readZset(client, args, 1);
  if (ref === 0 || wanted === 0) {
    out.emptyArray();
    return;
  }
  const size = zsetLength(db, ref);
  const cursor = new ZsetCursor().open(db, ref);
  const count = wanted < 0 ? -wanted : Math.min(wanted, size);
  const nested = withScores && out.resp === 3;
  out.array(withScores && !nested ? count * 2 : count);
  const give = (): void => {
    if (nested) out.array(2);
    out.bulk(cursor.bytes, cursor.off, cursor.len);
    if (withScores) replyScore(out, cursor.score);
  };
  if (wanted < 0) {
    replyRepeatedly(client, count, () => {
      cursor.seek(randomBelow(engine.random, size));
      give();
    });
    return;
  }
  if (count * 3 > size) {
    // Most of them: one walk, each taken with the chance that is left for it (Knuth's selection sampling).
    cursor.seek(0);
    for (let seen = 0, taken = 0; ; cursor.forward()) {
      if (randomBelow(engine.random, size - seen) < count - taken) {
        give();
        if (++taken === count) return;
      }
      seen++;
    }
  }
  const drawn = new Set<number>();
  while (drawn.size < count) {
    const rank = randomBelow(engine.random, size);
    if (drawn.has(rank)) continue;
    drawn.add(rank);
    cursor.seek(rank);
    give();
  }
}

/** A packed set comes whole; scores of a grown one are written with 17 digits, as Redis does here and only here. */
export function zscan(client: Client, args: Args): void {
  const cursor = cursorArg(args, 2);
  const { db, out } = client;
  const ref = readZset(client, args, 1);
  if (ref === 0) {
    out.array(2);
    out.bulkText('0');
    out.emptyArray();
    return;
  }
  const { count, match } = scanOptions(args, 3, false);
  const matches = (member: Uint8Array, off: number, len: number): boolean =>
    match === 0 || globMatchBytes(args.buf, args.off[match]!, args.len[match]!, member, off, len, false);
  if (zsetIsPacked(db, ref)) {
    let found = 0;
    zsetEach(db, ref, (member, off, len) => {
      if (matches(member, off, len)) found++;
    });
    out.array(2);
    out.bulkText('0');
    out.array(found * 2);
    const resp = out.resp;
    // Scores are texts here, under RESP3, too.
    out.resp = 2;
    zsetEach(db, ref, (member, off, len, score) => {
      if (!matches(member, off, len)) return;
      out.bulk(member, off, len);
      replyScore(out, score);
    });
    out.resp = resp;
    return;
  }
  const set = zsetGrown(db, ref);
  const refs: number[] = [];
  let seen = 0;
  const next = set.table.scan(cursor, (element) => {
    if (matches(set.page(element), set.memberOffset(element), set.memberLength(element))) refs.push(element);
    return ++seen < count;
  });
  out.array(2);
  out.bulkText(String(next));
  out.array(refs.length * 2);
  for (const element of refs) {
    out.bulk(set.page(element), set.memberOffset(element), set.memberLength(element));
    out.bulkText(formatDouble17(set.scoreOf(element)));
  }
}
