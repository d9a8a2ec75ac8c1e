/**
 * XREAD and XREADGROUP.
 *
 * Waiting: the handler runs again when a key has changed. What `$` means must be settled when the command comes, so
 * what waits is the command with ids in place of `$`. A client that waits for a group is also told when the stream,
 * its type or the group is gone.
 */
import type { Consumer, Group } from '../../datatypes/stream/group.ts';
import { compareIds, idText, StreamId } from '../../datatypes/stream/id.ts';
import { countRange, StreamIterator } from '../../datatypes/stream/iterator.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import { parseTimeoutMs, type Wait } from '../../engine/blocking.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_STREAM } from '../../keyspace/entry.ts';
import { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import {
  awaitedStream,
  consumerOf,
  idArg,
  isChar,
  longArg,
  passOnClaim,
  passOnGroupId,
  readStream,
  replyEntry,
  replyId,
} from './arguments.ts';
import { replyOne, replyRange } from './ranges.ts';

const DOLLAR = 36;
const GREATER = 62;
/** A client that has waited gets no more entries than this, unless it said how many. */
const LATE_COUNT = 1000;
const NO_TIMEOUT = -1;

interface Options {
  /** Entries for each stream; 0: all. */
  count: number;
  /** NO_TIMEOUT: don't wait; 0: for ever; else until then (monotonic clock, ms). */
  untilMs: number;
  /** Index of the first key. */
  firstKey: number;
  streams: number;
  group: string | null;
  /** Index of its name. */
  groupAt: number;
  consumer: string;
  noAck: boolean;
}

/** One of the streams that are read. */
interface Source {
  readonly key: number;
  readonly stream: Stream | null;
  readonly group: Group | null;
  /** What lies behind this is wanted; with a group it is that of the consumer's own history. */
  readonly after: StreamId;
  /** `>`: what nobody in the group has been given yet. */
  readonly fresh: boolean;
  readonly dollar: boolean;
}

export function xread(client: Client, args: Args): void {
  read(client, args, false);
}

export function xreadgroup(client: Client, args: Args): void {
  read(client, args, true);
}

function read(client: Client, args: Args, grouped: boolean): void {
  const options = parse(client, args, grouped);
  // It has waited, and runs again.
  const late = client.blocked !== null;
  const sources: Source[] = [];
  for (let i = 0; i < options.streams; i++) {
    if (late && client.engine.blocking.passesOver(args, options.firstKey + i)) continue;
    sources.push(resolve(client, args, options, i, late));
    // Who has waited is served from the one key that has changed.
    if (late) break;
  }
  const limit = options.count > 0 ? options.count : late ? LATE_COUNT : Number.POSITIVE_INFINITY;
  const ready: Source[] = [];
  for (const source of sources) {
    // Upstream looks each key up once to resolve its id and once to serve it, and counts both.
    if (!late) readStream(client, args, source.key);
    if (hasNews(source) && leftFor(source, ready, limit)) ready.push(source);
  }
  const { out } = client;
  if (ready.length > 0) {
    if (out.resp === 2) out.array(ready.length);
    else out.map(ready.length);
    for (const source of ready) {
      if (out.resp === 2) out.array(2);
      out.bulk(args.buf, args.off[source.key]!, args.len[source.key]!);
      serve(client, args, options, source, limit);
    }
    return;
  }
  if (options.untilMs === NO_TIMEOUT) out.nullArray();
  else block(client, args, options, sources);
}

function parse(client: Client, args: Args, grouped: boolean): Options {
  const options: Options = {
    count: 0,
    untilMs: NO_TIMEOUT,
    firstKey: 0,
    streams: 0,
    group: null,
    groupAt: 0,
    consumer: '',
    noAck: false,
  };
  for (let i = 1; i < args.count; i++) {
    const more = args.count - i - 1;
    if (more > 0 && args.is(i, 'block')) options.untilMs = parseTimeoutMs(client, args, ++i);
    else if (more > 0 && args.is(i, 'count')) options.count = Math.max(0, longArg(args, ++i));
    else if (more > 0 && args.is(i, 'streams')) {
      options.firstKey = i + 1;
      if (more % 2 !== 0) throw errors.UNBALANCED_STREAMS;
      options.streams = more / 2;
      break;
    } else if (more >= 2 && args.is(i, 'group')) {
      if (!grouped) throw errors.GROUP_WITH_XREAD;
      options.group = args.text(i + 1);
      options.groupAt = i + 1;
      options.consumer = args.text(i + 2);
      i += 2;
    } else if (args.is(i, 'noack')) {
      if (!grouped) throw errors.NOACK_WITH_XREAD;
      options.noAck = true;
    } else throw errors.SYNTAX;
  }
  if (options.firstKey === 0) throw errors.SYNTAX;
  if (grouped && options.group === null) throw errors.MISSING_GROUP;
  return options;
}

/** Finds stream and group of the i-th key, and what its id means. */
function resolve(client: Client, args: Args, options: Options, i: number, late: boolean): Source {
  const key = options.firstKey + i;
  const idAt = key + options.streams;
  const grouped = options.group !== null;
  const stream = late ? awaitedStream(client, args, key, grouped) : readStream(client, args, key, grouped);
  let group: Group | null = null;
  if (options.group !== null) {
    if (stream === null && late) throw errors.STREAM_GONE;
    group = stream?.group(options.group) ?? null;
    if (group === null) {
      throw late ? errors.GROUP_GONE : errors.noGroupToRead(args.text(key), options.group);
    }
  }
  const after = new StreamId();
  const dollar = isChar(args, idAt, DOLLAR);
  let fresh = false;
  if (dollar) {
    if (group !== null) throw errors.DOLLAR_WITH_GROUP;
    if (stream !== null) after.copy(stream.lastId);
  } else if (isChar(args, idAt, GREATER)) {
    if (group === null) throw errors.GREATER_WITHOUT_GROUP;
    fresh = true;
  } else {
    idArg(args, idAt, after);
    fresh = group !== null && after.isMax();
  }
  if (fresh) after.copy(group!.lastId);
  return { key, stream, group, after, fresh, dollar };
}

const topId = new StreamId();

function hasNews({ stream, group, after, fresh }: Source): boolean {
  if (stream === null) return false;
  if (group !== null && !fresh) return true;
  return stream.length > 0 && stream.edge(topId, true) && compareIds(topId, after) > 0;
}

/** When a group is read several times in one command, each time goes on where the one before it ended. */
function leftFor(source: Source, before: readonly Source[], limit: number): boolean {
  if (!source.fresh) return true;
  const taken = before.filter(({ fresh, group }) => fresh && group === source.group).length * limit;
  if (!(taken > 0)) return true;
  from.copy(source.after).increment();
  return taken < source.stream!.length && countRange(source.stream!, from, TO, taken + 1) > taken;
}

const from = new StreamId();
const TO = new StreamId().setMax();

function serve(client: Client, args: Args, options: Options, source: Source, limit: number): void {
  const stream = source.stream!;
  const { group, key } = source;
  from.copy(source.fresh ? group!.lastId : source.after).increment();
  if (group === null) {
    replyRange(client.out, stream, from, TO, limit, false);
    return;
  }
  const { propagation } = client.engine;
  if (propagation.active) {
    propagation.nothing(client);
    // Those who are given entries to acknowledge come to be by the claim.
    if (options.noAck && !group.consumers.has(options.consumer))
      passOnConsumer(client, args, key, options.groupAt);
  }
  const consumer = consumerOf(client, args, key, group, options.consumer);
  if (source.fresh) deliver(client, args, options, source, consumer, limit);
  else replyHistory(client, stream, group, consumer, limit);
  client.engine.keyspace.dirty++;
}

const iterator = new StreamIterator();

function passOnConsumer(client: Client, args: Args, key: number, groupAt: number): void {
  const effect = client.engine.propagation.before(client.db, 5);
  effect.text('XGROUP');
  effect.text('CREATECONSUMER');
  effect.argOf(args, key);
  effect.argOf(args, groupAt);
  effect.argOf(args, groupAt + 1);
}

/** Gives the consumer what lies behind the group's last id. */
function deliver(
  client: Client,
  args: Args,
  options: Options,
  source: Source,
  consumer: Consumer,
  limit: number,
): void {
  const { out } = client;
  const { nowMs } = client.engine;
  const stream = source.stream!;
  const group = source.group!;
  const { key } = source;
  const { groupAt, noAck } = options;
  const count = countRange(stream, from, TO, limit);
  out.array(count);
  iterator.start(stream, from, TO, false);
  for (let i = 0; i < count && iterator.next(); i++) {
    const { id } = iterator;
    group.advance(stream, id);
    replyEntry(out, id, iterator.entry);
    if (noAck) continue;
    group.deliver(id, consumer, nowMs);
    passOnClaim(client, args, key, groupAt, group, id, 0);
  }
  if (noAck && count > 0) passOnGroupId(client, args, key, groupAt, group);
}

const historyId = new StreamId();

/** Gives the consumer what is pending for it already, from `from` on. */
function replyHistory(client: Client, stream: Stream, group: Group, consumer: Consumer, limit: number): void {
  const { out } = client;
  const { pending } = consumer;
  let count = 0;
  for (let more = pending.seek(from); more && count < limit; more = pending.next()) count++;
  out.array(count);
  let more = pending.seek(from);
  for (let i = 0; i < count && more; i++, more = pending.next()) {
    pending.id(historyId);
    if (replyOne(out, stream, historyId)) {
      if (group.pending.find(historyId)) group.redeliver(client.engine.nowMs);
    } else {
      out.array(2);
      replyId(out, historyId);
      out.nullArray();
    }
  }
}

const replyTimeout = (out: ReplyWriter): void => out.nullArray();

function block(client: Client, args: Args, options: Options, sources: readonly Source[]): void {
  const { firstKey, streams, untilMs } = options;
  const wait: Wait = {
    kind: 'stream',
    firstKey,
    lastKey: firstKey + streams - 1,
    type: TYPE_STREAM,
    untilMs,
    onTimeout: replyTimeout,
    wakeOnGone: options.group !== null,
  };
  client.engine.blocking.block(client, withoutDollars(args, sources, streams), wait);
}

/** The arguments with ids in place of `$`. */
function withoutDollars(args: Args, sources: readonly Source[], streams: number): Args {
  if (!sources.some(({ dollar }) => dollar)) return args;
  const words: (string | Uint8Array)[] = [];
  for (let i = 0; i < args.count; i++) words.push(args.bytes(i));
  for (const { key, after, dollar } of sources) if (dollar) words[key + streams] = idText(after);
  return Args.from(words);
}
