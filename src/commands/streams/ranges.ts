/**
 * XRANGE and XREVRANGE.
 */
import { StreamId } from '../../datatypes/stream/id.ts';
import { countRange, StreamIterator } from '../../datatypes/stream/iterator.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { endArg, longArg, readStream, replyEntry, startArg } from './arguments.ts';

const from = new StreamId();
const to = new StreamId();
const iterator = new StreamIterator();

/** Replies with up to `limit` entries of a range. Returns how many there were. */
export function replyRange(
  out: ReplyWriter,
  stream: Stream,
  first: StreamId,
  last: StreamId,
  limit: number,
  reverse: boolean,
): number {
  const count = countRange(stream, first, last, limit);
  out.array(count);
  if (count === 0) return 0;
  iterator.start(stream, first, last, reverse);
  for (let i = 0; i < count && iterator.next(); i++) replyEntry(out, iterator.id, iterator.entry);
  return count;
}

/** Replies with the entry of that id; false, and nothing is replied, if there is none. */
export function replyOne(out: ReplyWriter, stream: Stream, id: StreamId): boolean {
  iterator.start(stream, id, id, false);
  if (!iterator.next()) return false;
  replyEntry(out, iterator.id, iterator.entry);
  return true;
}

export function xrange(client: Client, args: Args): void {
  range(client, args, false);
}

export function xrevrange(client: Client, args: Args): void {
  range(client, args, true);
}

function range(client: Client, args: Args, reverse: boolean): void {
  startArg(args, reverse ? 3 : 2, from);
  endArg(args, reverse ? 2 : 3, to);
  let limit = Number.POSITIVE_INFINITY;
  for (let i = 4; i < args.count; i += 2) {
    if (i + 1 === args.count || !args.is(i, 'count')) throw errors.SYNTAX;
    limit = Math.max(0, longArg(args, i + 1));
  }
  const stream = readStream(client, args, 1);
  if (stream === null) client.out.emptyArray();
  else if (limit === 0) client.out.nullArray();
  else replyRange(client.out, stream, from, to, limit, reverse);
}
