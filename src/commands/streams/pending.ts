/**
 * XPENDING, XCLAIM and XAUTOCLAIM: what was delivered and not acknowledged.
 */
import type { Count } from '../../datatypes/stream/count.ts';
import { plus } from '../../datatypes/stream/count.ts';
import type { Consumer, Group } from '../../datatypes/stream/group.ts';
import { compareIds, compareToWords, StreamId } from '../../datatypes/stream/id.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import {
  consumerOf,
  countArg,
  endArg,
  idArg,
  longArg,
  passOnClaim,
  passOnGroupId,
  readId,
  readStream,
  replyCount,
  replyId,
  startArg,
} from './arguments.ts';
import { replyOne } from './ranges.ts';

const from = new StreamId();
const to = new StreamId();

function needGroup(stream: Stream | null, args: Args): Group {
  const group = stream?.group(args.text(2)) ?? null;
  if (group === null) throw errors.noKeyOrGroup(args.text(1), args.text(2));
  return group;
}

// ------------------------------------------------------------------------------------------------ XPENDING

export function xpending(client: Client, args: Args): void {
  const { count } = args;
  if (count === 3) {
    replySummary(client, needGroup(readStream(client, args, 1), args));
    return;
  }
  if (count < 6 || count > 9) throw errors.SYNTAX;
  let minIdleMs = 0;
  let i = 3;
  if (args.is(3, 'idle')) {
    minIdleMs = longArg(args, 4);
    if (count < 8) throw errors.SYNTAX;
    i = 5;
  }
  const limit = Math.max(0, longArg(args, i + 2));
  startArg(args, i, from);
  endArg(args, i + 1, to);
  const group = needGroup(readStream(client, args, 1), args);
  let consumer: Consumer | null = null;
  if (i + 3 < count) {
    consumer = group.consumers.get(args.text(i + 3)) ?? null;
    if (consumer === null) {
      client.out.emptyArray();
      return;
    }
  }
  replyPending(client, group, consumer, limit, minIdleMs);
}

function replySummary(client: Client, group: Group): void {
  const { out } = client;
  const { pending } = group;
  out.array(4);
  out.int(pending.count);
  if (!pending.first()) {
    out.null();
    out.null();
    out.nullArray();
    return;
  }
  replyId(out, pending.id(from));
  pending.last();
  replyId(out, pending.id(from));
  const busy = group.sortedConsumers().filter((consumer) => consumer.pending.count > 0);
  out.array(busy.length);
  for (const { name, pending: own } of busy) {
    out.array(2);
    out.bulkText(name);
    out.bulkInt(own.count);
  }
}

const listed = new StreamId();

/** Lists pending entries between `from` and `to`, all or one consumer's. Twice: first to count them. */
function replyPending(
  client: Client,
  group: Group,
  consumer: Consumer | null,
  limit: number,
  minIdleMs: number,
): void {
  const { out } = client;
  const { nowMs } = client.engine;
  const index = consumer === null ? group.pending : consumer.pending;
  let count = 0;
  for (const counting of [true, false]) {
    let left = counting ? limit : count;
    if (!counting) out.array(count);
    for (let more = left > 0 && index.seek(from); more && left > 0; more = index.next()) {
      if (compareToWords(to, index.words, index.at) < 0) break;
      index.id(listed);
      if (consumer !== null) group.pending.find(listed);
      const idleMs = nowMs - group.deliveryMs;
      if (minIdleMs !== 0 && idleMs < minIdleMs) continue;
      left--;
      if (counting) {
        count++;
        continue;
      }
      out.array(4);
      replyId(out, listed);
      out.bulkText(group.consumer.name);
      out.int(Math.max(0, idleMs));
      replyCount(out, group.deliveries);
    }
  }
}

// -------------------------------------------------------------------------------------------------- XCLAIM

interface ClaimOptions {
  deliveryMs: number;
  retryCount: Count;
  force: boolean;
  justId: boolean;
}

const lastId = new StreamId();

export function xclaim(client: Client, args: Args): void {
  const stream = readStream(client, args, 1, true);
  const group = needGroup(stream, args);
  const minIdleMs = Math.max(0, longArg(args, 4, errors.XCLAIM_BAD_IDLE_TIME));
  let end = 5;
  while (end < args.count && readId(args, end, from)) end++;
  const options = parseClaim(client, args, end);
  const { keyspace, propagation } = client.engine;
  propagation.nothing(client);
  let advanced = compareIds(lastId, group.lastId) > 0;
  if (advanced) group.lastId.copy(lastId);
  const claimed: StreamId[] = [];
  for (let i = 5; i < end; i++) {
    const id = new StreamId();
    idArg(args, i, id);
    const { dirty } = keyspace;
    if (claim(client, args, stream!, group, id, i, minIdleMs, options)) claimed.push(id);
    // What is told of an entry tells of the group's last id, too.
    if (keyspace.dirty > dirty) advanced = false;
  }
  if (advanced) {
    keyspace.dirty++;
    passOnGroupId(client, args, 1, 2, group);
  }
  replyClaimed(client, stream!, claimed, options.justId);
}

function parseClaim(client: Client, args: Args, i: number): ClaimOptions {
  const { nowMs } = client.engine;
  const options: ClaimOptions = { deliveryMs: -1, retryCount: -1, force: false, justId: false };
  lastId.clear();
  for (; i < args.count; i++) {
    const more = i + 1 < args.count;
    if (args.is(i, 'force')) options.force = true;
    else if (args.is(i, 'justid')) options.justId = true;
    else if (more && args.is(i, 'idle')) {
      options.deliveryMs = nowMs - longArg(args, ++i, errors.XCLAIM_BAD_IDLE);
    } else if (more && args.is(i, 'time')) {
      options.deliveryMs = longArg(args, ++i, errors.XCLAIM_BAD_TIME);
    } else if (more && args.is(i, 'retrycount')) {
      options.retryCount = countArg(args, ++i, errors.XCLAIM_BAD_RETRYCOUNT);
    } else if (more && args.is(i, 'lastid')) idArg(args, ++i, lastId);
    else throw errors.xclaimOption(args.text(i));
  }
  if (options.deliveryMs < 0 || options.deliveryMs > nowMs) options.deliveryMs = nowMs;
  return options;
}

/** Gives one entry to the consumer, if it may have it. A consumer who gets nothing isn't made, nor heard of. */
function claim(
  client: Client,
  args: Args,
  stream: Stream,
  group: Group,
  id: StreamId,
  idAt: number,
  minIdleMs: number,
  options: ClaimOptions,
): boolean {
  const { nowMs, keyspace } = client.engine;
  const exists = stream.has(id);
  const isPending = group.pending.find(id);
  if (!exists) {
    // What was deleted from the stream can't be claimed any more.
    if (isPending) {
      passOnClaim(client, args, 1, 2, group, id, idAt);
      group.forget(id);
      keyspace.dirty++;
    }
    return false;
  }
  if (isPending) {
    if (minIdleMs > 0 && nowMs - group.deliveryMs < minIdleMs) return false;
    group.assign(id, consumerOf(client, args, 1, group, args.text(3)));
  } else {
    if (!options.force) return false;
    group.claimNew(id, consumerOf(client, args, 1, group, args.text(3)), nowMs);
  }
  group.deliveryMs = options.deliveryMs;
  if (options.retryCount >= 0) group.deliveries = options.retryCount;
  else if (!options.justId) group.deliveries = plus(group.deliveries, 1);
  passOnClaim(client, args, 1, 2, group, id, idAt);
  keyspace.dirty++;
  return true;
}

function replyClaimed(client: Client, stream: Stream, ids: readonly StreamId[], justId: boolean): void {
  const { out } = client;
  out.array(ids.length);
  for (const id of ids) {
    if (justId) replyId(out, id);
    else replyOne(out, stream, id);
  }
}

// ---------------------------------------------------------------------------------------------- XAUTOCLAIM

const AUTOCLAIM_COUNT = 100;
/** Pending entries that are looked at, for each that may be returned. */
const ATTEMPTS = 10;
/** 2^63 - 1 by the 16 bytes that upstream takes for each. */
const AUTOCLAIM_COUNT_MAX = 2 ** 59;

export function xautoclaim(client: Client, args: Args): void {
  const minIdleMs = Math.max(0, longArg(args, 4, errors.XAUTOCLAIM_BAD_IDLE_TIME));
  startArg(args, 5, from);
  let limit = AUTOCLAIM_COUNT;
  let justId = false;
  for (let i = 6; i < args.count; i++) {
    if (i + 1 < args.count && args.is(i, 'count')) {
      limit = longArg(args, ++i, errors.COUNT_NOT_POSITIVE);
      if (limit < 1 || limit >= AUTOCLAIM_COUNT_MAX) throw errors.COUNT_NOT_POSITIVE;
    } else if (args.is(i, 'justid')) justId = true;
    else throw errors.SYNTAX;
  }
  const stream = readStream(client, args, 1, true);
  const group = needGroup(stream, args);
  const { nowMs, keyspace, propagation } = client.engine;
  const { pending } = group;
  propagation.nothing(client);
  const claimed: StreamId[] = [];
  const gone: StreamId[] = [];
  let more = pending.seek(from);
  for (let attempts = limit * ATTEMPTS; more && attempts > 0 && limit > 0; attempts--) {
    const id = pending.id(new StreamId());
    if (!stream!.has(id)) {
      passOnClaim(client, args, 1, 2, group, id, 0);
      more = group.forget(id);
      keyspace.dirty++;
      gone.push(id);
      limit--;
      continue;
    }
    if (minIdleMs === 0 || nowMs - group.deliveryMs >= minIdleMs) {
      group.assign(id, consumerOf(client, args, 1, group, args.text(3)));
      group.deliveryMs = nowMs;
      if (!justId) group.deliveries = plus(group.deliveries, 1);
      passOnClaim(client, args, 1, 2, group, id, 0);
      claimed.push(id);
      keyspace.dirty++;
      limit--;
    }
    more = pending.next();
  }
  const { out } = client;
  out.array(3);
  replyId(out, more ? pending.id(from) : from.clear());
  replyClaimed(client, stream!, claimed, justId);
  out.array(gone.length);
  for (const id of gone) replyId(out, id);
}
