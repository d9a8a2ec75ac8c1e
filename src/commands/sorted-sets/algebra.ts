/**
 * Unions, intersections and differences of sorted sets and sets: ZUNION, ZINTER, ZDIFF, their STORE forms, ZINTERCARD.
 *
 * A result is gathered in a table without an order, sorted once and built as a whole: half the work of inserting each
 * element in its place. Unions and intersections begin with the smallest source, as Redis does, so that sums of scores
 * come out the same to the last bit.
 */
import { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import { TYPE_SET, TYPE_ZSET } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import { SetValue } from '../../values/set.ts';
import { ZsetCursor, zsetLength, zsetScore } from '../../values/zset.ts';
import { int64Arg } from '../keys/arguments.ts';
import { replyElements } from './ranges.ts';
import { scoreArg } from './shared.ts';
import { discard, storeResult } from './store.ts';

const SUM = 0;
const MIN = 1;
const MAX = 2;

/** A key among the sources; a set's members have the score 1. */
class Source {
  readonly ref: number;
  readonly isSet: boolean;
  readonly length: number;
  weight = 1;
  /** Where its walk is: member and score. */
  readonly cursor = new ZsetCursor();
  readonly #set = new SetValue();
  readonly #db: Database;
  #left = 0;
  #started = false;

  constructor(db: Database, ref: number) {
    this.#db = db;
    this.ref = ref;
    this.isSet = ref !== 0 && db.type(ref) === TYPE_SET;
    if (this.isSet) this.#set.open(db, ref);
    this.length = ref === 0 ? 0 : this.isSet ? this.#set.size : zsetLength(db, ref);
  }

  /** Goes before the first member. */
  start(): void {
    this.#left = this.length;
    this.#started = false;
    if (this.isSet) this.#set.rewind();
    else if (this.ref !== 0) this.cursor.open(this.#db, this.ref);
  }

  /** Comes to the next member; false at the end. */
  next(): boolean {
    if (this.#left-- <= 0) return false;
    const { cursor } = this;
    if (this.isSet) {
      if (!this.#set.next()) return false;
      const { member } = this.#set;
      cursor.bytes = member.bytes;
      cursor.off = member.off;
      cursor.len = member.len;
      cursor.score = 1;
    } else if (this.#started) cursor.forward();
    else cursor.seek(0);
    this.#started = true;
    return true;
  }

  /** Score of a member; NaN if it is not there. */
  scoreOf(buf: Uint8Array, off: number, len: number): number {
    if (this.ref === 0) return Number.NaN;
    if (this.isSet) return this.#set.has(buf, off, len) ? 1 : Number.NaN;
    return zsetScore(this.#db, this.ref, buf, off, len);
  }
}

interface Operation {
  sources: Source[];
  aggregate: number;
  withScores: boolean;
  /** ZINTERCARD's LIMIT; 0: none. */
  limit: number;
}

type Combine = (db: Database, operation: Operation) => SortedSet;

export function zunion(client: Client, args: Args): void {
  reply(client, args, 'zunion', union);
}
export function zinter(client: Client, args: Args): void {
  reply(client, args, 'zinter', intersection);
}
export function zdiff(client: Client, args: Args): void {
  reply(client, args, 'zdiff', difference);
}
export function zunionstore(client: Client, args: Args): void {
  store(client, args, 'zunionstore', union);
}
export function zinterstore(client: Client, args: Args): void {
  store(client, args, 'zinterstore', intersection);
}
export function zdiffstore(client: Client, args: Args): void {
  store(client, args, 'zdiffstore', difference);
}

function reply(client: Client, args: Args, name: string, combine: Combine): void {
  const { db } = client;
  const operation = parse(client, args, 1, name, combine !== difference, true, false);
  const result = combine(db, operation);
  const cursor = new ZsetCursor().openSet(result);
  replyElements(client, cursor, 0, result.size, false, operation.withScores);
  discard(result);
}

function store(client: Client, args: Args, name: string, combine: Combine): void {
  const operation = parse(client, args, 2, name, combine !== difference, false, false);
  storeResult(client, args, 1, combine(client.db, operation), name);
}

/** The sources and options from the number of keys in argument `at` on. */
function parse(
  client: Client,
  args: Args,
  at: number,
  name: string,
  weighted: boolean,
  replies: boolean,
  counts: boolean,
): Operation {
  const { db } = client;
  const keys = Number(int64Arg(args, at));
  if (keys < 1) throw errors.err(`at least 1 input key is needed for '${name}' command`);
  if (keys > args.count - at - 1) throw errors.SYNTAX;
  const operation: Operation = { sources: [], aggregate: SUM, withScores: false, limit: 0 };
  let i = at + 1;
  for (; i <= at + keys; i++) {
    const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[i]!, args.len[i]!);
    if (ref !== 0 && db.type(ref) !== TYPE_ZSET && db.type(ref) !== TYPE_SET) throw errors.WRONG_TYPE;
    operation.sources.push(new Source(db, ref));
  }
  for (; i < args.count; i++) {
    const rest = args.count - i;
    if (weighted && !counts && rest > keys && args.is(i, 'weights')) {
      for (const source of operation.sources) source.weight = weightArg(args, ++i);
    } else if (weighted && !counts && rest >= 2 && args.is(i, 'aggregate')) {
      operation.aggregate = aggregateArg(args, ++i);
    } else if (replies && args.is(i, 'withscores')) operation.withScores = true;
    else if (counts && rest >= 2 && args.is(i, 'limit')) operation.limit = limitArg(args, ++i);
    else throw errors.SYNTAX;
  }
  return operation;
}

function weightArg(args: Args, i: number): number {
  try {
    return scoreArg(args, i);
  } catch {
    throw errors.WEIGHT_NOT_FLOAT;
  }
}

function aggregateArg(args: Args, i: number): number {
  if (args.is(i, 'sum')) return SUM;
  if (args.is(i, 'min')) return MIN;
  if (args.is(i, 'max')) return MAX;
  throw errors.SYNTAX;
}

function limitArg(args: Args, i: number): number {
  const value = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (!Number.isNaN(value)) {
    if (value < 0) throw errors.ZINTERCARD_LIMIT;
    return value;
  }
  const big = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (big === null || big < 0n) throw errors.ZINTERCARD_LIMIT;
  return Number(big);
}

/** Infinities of both signs, and an infinity times 0, make 0. */
function combined(aggregate: number, a: number, b: number): number {
  if (aggregate === SUM) return a + b || 0;
  return aggregate === MIN ? (b < a ? b : a) : b > a ? b : a;
}

function bySize(sources: readonly Source[]): Source[] {
  return sources.toSorted((a, b) => a.length - b.length);
}

function union(db: Database, { sources, aggregate }: Operation): SortedSet {
  const result = new SortedSet(db.memory);
  for (const source of bySize(sources)) {
    const { cursor, weight } = source;
    for (source.start(); source.next(); ) {
      const score = notNaN(weight * cursor.score);
      const found = result.find(cursor.bytes, cursor.off, cursor.len);
      if (found === 0) result.addUnordered(score, cursor.bytes, cursor.off, cursor.len);
      else result.setScoreUnordered(found, combined(aggregate, result.scoreOf(found), score));
    }
  }
  result.order();
  return result;
}

function notNaN(score: number): number {
  return Number.isNaN(score) ? 0 : score;
}

function intersection(db: Database, { sources, aggregate }: Operation): SortedSet {
  const result = new SortedSet(db.memory);
  const [first, ...others] = bySize(sources) as [Source, ...Source[]];
  const { cursor } = first;
  for (first.start(); first.next(); ) {
    const { bytes, off, len } = cursor;
    let score = notNaN(first.weight * cursor.score);
    let everywhere = true;
    for (const other of others) {
      const found = other.scoreOf(bytes, off, len);
      if (Number.isNaN(found)) {
        everywhere = false;
        break;
      }
      score = combined(aggregate, score, found * other.weight);
    }
    if (everywhere && result.find(bytes, off, len) === 0) result.addUnordered(score, bytes, off, len);
  }
  result.order();
  return result;
}

function difference(db: Database, { sources }: Operation): SortedSet {
  const result = new SortedSet(db.memory);
  const [first, ...others] = sources as [Source, ...Source[]];
  const { cursor } = first;
  for (first.start(); first.next(); ) {
    const { bytes, off, len } = cursor;
    if (others.some((other) => !Number.isNaN(other.scoreOf(bytes, off, len)))) continue;
    result.find(bytes, off, len);
    result.addUnordered(cursor.score, bytes, off, len);
  }
  result.order();
  return result;
}

export function zintercard(client: Client, args: Args): void {
  const { sources, limit } = parse(client, args, 1, 'zintercard', true, false, true);
  const [first, ...others] = bySize(sources) as [Source, ...Source[]];
  const { cursor } = first;
  let count = 0;
  for (first.start(); first.next(); ) {
    const { bytes, off, len } = cursor;
    if (others.some((other) => Number.isNaN(other.scoreOf(bytes, off, len)))) continue;
    if (++count === limit) break;
  }
  client.out.int(count);
}
