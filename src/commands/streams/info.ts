/**
 * XINFO: what is told of a stream, its groups and their consumers.
 */
import type { Consumer, Group } from '../../datatypes/stream/group.ts';
import { UNKNOWN } from '../../datatypes/stream/group.ts';
import { StreamId } from '../../datatypes/stream/id.ts';
import { radixTreeNodes } from '../../datatypes/stream/radix-nodes.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { longArg, readStream, replyCount, replyId } from './arguments.ts';
import { replyOne, replyRange } from './ranges.ts';

const FULL_COUNT = 10;
const FIRST = new StreamId();
const LAST = new StreamId().setMax();
const id = new StreamId();

function needStream(client: Client, args: Args): Stream {
  const stream = readStream(client, args, 2);
  if (stream === null) throw errors.NO_SUCH_KEY;
  return stream;
}

export function xinfoStream(client: Client, args: Args): void {
  const stream = needStream(client, args);
  const { out } = client;
  if (args.count === 3) {
    out.map(10);
    replyCommon(out, stream);
    out.bulkText('groups');
    out.int(stream.groups?.size ?? 0);
    replyEdge(out, 'first-entry', stream, false);
    replyEdge(out, 'last-entry', stream, true);
    return;
  }
  const { count } = args;
  const isFull = (count === 4 || count === 6) && args.is(3, 'full');
  if (!isFull || (count === 6 && !args.is(4, 'count'))) throw errors.subcommandSyntax(args.text(1), 'xinfo');
  let limit = FULL_COUNT;
  if (count === 6) {
    limit = longArg(args, 5);
    if (limit < 0) limit = FULL_COUNT;
  }
  if (limit === 0) limit = Number.POSITIVE_INFINITY;
  out.map(9);
  replyCommon(out, stream);
  out.bulkText('entries');
  replyRange(out, stream, FIRST, LAST, limit, false);
  out.bulkText('groups');
  const groups = stream.sortedGroups();
  out.array(groups.length);
  for (const group of groups) replyGroupInFull(out, stream, group, limit);
}

/** The seven fields that both forms begin with. */
function replyCommon(out: ReplyWriter, stream: Stream): void {
  out.bulkText('length');
  out.int(stream.length);
  out.bulkText('radix-tree-keys');
  out.int(stream.nodes.count);
  out.bulkText('radix-tree-nodes');
  out.int(radixTreeNodes(stream.nodes));
  out.bulkText('last-generated-id');
  replyId(out, stream.lastId);
  out.bulkText('max-deleted-entry-id');
  replyId(out, stream.maxDeletedId);
  out.bulkText('entries-added');
  replyCount(out, stream.entriesAdded);
  out.bulkText('recorded-first-entry-id');
  replyId(out, stream.firstId);
}

function replyEdge(out: ReplyWriter, field: string, stream: Stream, last: boolean): void {
  out.bulkText(field);
  if (!stream.edge(id, last) || !replyOne(out, stream, id)) out.null();
}

/** The group's fields that XINFO GROUPS has, too. */
function replyProgress(out: ReplyWriter, stream: Stream, group: Group): void {
  out.bulkText('last-delivered-id');
  replyId(out, group.lastId);
  out.bulkText('entries-read');
  if (group.entriesRead === UNKNOWN) out.null();
  else replyCount(out, group.entriesRead);
  out.bulkText('lag');
  const lag = group.lag(stream);
  if (lag === null) out.null();
  else replyCount(out, lag);
}

function replyGroupInFull(out: ReplyWriter, stream: Stream, group: Group, limit: number): void {
  const { pending } = group;
  out.map(7);
  out.bulkText('name');
  out.bulkText(group.name);
  replyProgress(out, stream, group);
  out.bulkText('pel-count');
  out.int(pending.count);
  out.bulkText('pending');
  const shown = Math.min(pending.count, limit);
  out.array(shown);
  let more = pending.first();
  for (let i = 0; i < shown && more; i++, more = pending.next()) {
    out.array(4);
    replyId(out, pending.id(id));
    out.bulkText(group.consumer.name);
    out.int(group.deliveryMs);
    replyCount(out, group.deliveries);
  }
  out.bulkText('consumers');
  const consumers = group.sortedConsumers();
  out.array(consumers.length);
  for (const consumer of consumers) replyConsumerInFull(out, group, consumer, limit);
}

function replyConsumerInFull(out: ReplyWriter, group: Group, consumer: Consumer, limit: number): void {
  const { pending } = consumer;
  out.map(4);
  out.bulkText('name');
  out.bulkText(consumer.name);
  out.bulkText('seen-time');
  out.int(consumer.seenMs);
  out.bulkText('pel-count');
  out.int(pending.count);
  out.bulkText('pending');
  const shown = Math.min(pending.count, limit);
  out.array(shown);
  let more = pending.first();
  for (let i = 0; i < shown && more; i++, more = pending.next()) {
    group.pending.find(pending.id(id));
    out.array(3);
    replyId(out, id);
    out.int(group.deliveryMs);
    replyCount(out, group.deliveries);
  }
}

export function xinfoGroups(client: Client, args: Args): void {
  const stream = needStream(client, args);
  const { out } = client;
  const groups = stream.sortedGroups();
  out.array(groups.length);
  for (const group of groups) {
    out.map(6);
    out.bulkText('name');
    out.bulkText(group.name);
    out.bulkText('consumers');
    out.int(group.consumers.size);
    out.bulkText('pending');
    out.int(group.pending.count);
    replyProgress(out, stream, group);
  }
}

export function xinfoConsumers(client: Client, args: Args): void {
  const stream = needStream(client, args);
  const group = stream.group(args.text(3));
  if (group === null) throw errors.noSuchGroup(args.text(3), args.text(2));
  const { out } = client;
  const { nowMs } = client.engine;
  const consumers = group.sortedConsumers();
  out.array(consumers.length);
  for (const { name, pending, seenMs } of consumers) {
    out.map(3);
    out.bulkText('name');
    out.bulkText(name);
    out.bulkText('pending');
    out.int(pending.count);
    out.bulkText('idle');
    out.int(Math.max(0, nowMs - seenMs));
  }
}

export function xinfoHelp(client: Client): void {
  replyHelp(client, 'XINFO', [
    'CONSUMERS <key> <groupname>',
    '    Show consumers of <groupname>.',
    'GROUPS <key>',
    '    Show the stream consumer groups.',
    'STREAM <key> [FULL [COUNT <count>]',
    '    Show information about the stream.',
  ]);
}
