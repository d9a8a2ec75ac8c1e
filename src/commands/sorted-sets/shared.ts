/**
 * What the sorted set commands share: lookups with type check, scores in replies, signals.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_ZSET } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_ZSET } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { MAX_DOUBLE_LENGTH, parseDoubleBytes, writeDouble } from '../../util/number-text.ts';

const text = new Uint8Array(MAX_DOUBLE_LENGTH);

/** A score: a double in RESP3, a bulk string in RESP2. */
export function replyScore(out: ReplyWriter, score: number): void {
  out.doubleBytes(text, 0, writeDouble(text, 0, score));
}

/** Argument i as a score. */
export function scoreArg(args: Args, i: number): number {
  const score = parseDoubleBytes(args.buf, args.off[i]!, args.len[i]!);
  if (Number.isNaN(score)) throw errors.NOT_FLOAT;
  return score;
}

/** The sorted set in argument i, for reading; 0 for none. */
export function readZset(client: Client, args: Args, i: number): number {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[i]!, args.len[i]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_ZSET) throw errors.WRONG_TYPE;
  return ref;
}

/** The same for writing. */
export function writeZset(client: Client, args: Args, i: number): number {
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[i]!, args.len[i]!);
  if (ref !== 0 && client.db.type(ref) !== TYPE_ZSET) throw errors.WRONG_TYPE;
  return ref;
}

/**
 * The set under argument i was changed. `emptied`: its entry, found last, where the last member is gone and the key goes
 * with it; or 0.
 */
export function signalZset(
  client: Client,
  args: Args,
  i: number,
  event: string,
  changes: number,
  emptied: number,
): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const off = args.off[i]!;
  const len = args.len[i]!;
  if (emptied !== 0) db.remove(emptied);
  keyspace.dirty += changes;
  if (keyspace.watched) keyspace.touched(db, args.buf, off, len);
  if (keyspace.eventMask === 0) return;
  keyspace.event(EVENT_ZSET, event, db, args.buf, off, len);
  if (emptied !== 0) keyspace.event(EVENT_GENERIC, 'del', db, args.buf, off, len);
}
