/**
 * What the stream commands share: ids and counts among the arguments, streams and groups found by name, and the
 * replies of ids and entries.
 */
import { type Count, countOf } from '../../datatypes/stream/count.ts';
import { replyElement } from '../../datatypes/stream/element.ts';
import type { Consumer, Group } from '../../datatypes/stream/group.ts';
import {
  ID_NO_SEQ,
  ID_TEXT_MAX,
  ID_WHOLE,
  parseId,
  type StreamId,
  writeId,
  writeMs,
  writeSeq,
} from '../../datatypes/stream/id.ts';
import { type NodeCursor, SAME_FIELDS } from '../../datatypes/stream/node.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { Client } from '../../engine/client.ts';
import type { EffectBuffer } from '../../engine/effects/effect-buffer.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import { STREAM_NODES, TYPE_MASK, TYPE_STREAM } from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_STREAM } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';

// ---------------------------------------------------------------------------------------------- arguments

/** A 64-bit integer; beyond the safe ones it is rounded (counts, times and limits don't mind). */
export function longArg(args: Args, i: number, refusal: ReplyError = errors.NOT_INTEGER): number {
  const n = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  return Number.isNaN(n) ? Number(exactArg(args, i, refusal)) : n;
}

/** A 64-bit integer, exactly. */
export function countArg(args: Args, i: number, refusal: ReplyError = errors.NOT_INTEGER): Count {
  const n = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  return Number.isNaN(n) ? countOf(exactArg(args, i, refusal)) : n;
}

function exactArg(args: Args, i: number, refusal: ReplyError): bigint {
  const n = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (n === null) throw refusal;
  return n;
}

/** An id, its sequence number 0 when it isn't given; `-` and `+` are none. */
export function idArg(args: Args, i: number, into: StreamId): void {
  if (!readId(args, i, into)) throw errors.BAD_STREAM_ID;
}

/** The same where `-` and `+` are the smallest and the largest id. */
export function looseIdArg(args: Args, i: number, into: StreamId): void {
  const kind = parseId(args.buf, args.off[i]!, args.len[i]!, into, 0, false);
  if (kind !== ID_WHOLE && kind !== ID_NO_SEQ) throw errors.BAD_STREAM_ID;
}

/** As `idArg`, but tells whether it is one. */
export function readId(args: Args, i: number, into: StreamId): boolean {
  const kind = parseId(args.buf, args.off[i]!, args.len[i]!, into, 0, true);
  return kind === ID_WHOLE || kind === ID_NO_SEQ;
}

/** Where a range begins: an id, `-`, `+`, or with `(` in front what lies behind an id. */
export function startArg(args: Args, i: number, into: StreamId): void {
  if (bound(args, i, into, 0) && !into.increment()) throw errors.BAD_START_ID;
}

/** Where a range ends. */
export function endArg(args: Args, i: number, into: StreamId): void {
  if (bound(args, i, into, -1) && !into.decrement()) throw errors.BAD_END_ID;
}

/** Returns whether the bound itself is not meant. */
function bound(args: Args, i: number, into: StreamId, missing: 0 | -1): boolean {
  const off = args.off[i]!;
  const len = args.len[i]!;
  const exclusive = len > 1 && args.buf[off] === 40;
  const skip = exclusive ? 1 : 0;
  const kind = parseId(args.buf, off + skip, len - skip, into, missing, exclusive);
  if (kind !== ID_WHOLE && kind !== ID_NO_SEQ) throw errors.BAD_STREAM_ID;
  return exclusive;
}

/** True if argument i is this one character. */
export function isChar(args: Args, i: number, char: number): boolean {
  return args.len[i] === 1 && args.buf[args.off[i]!] === char;
}

// ------------------------------------------------------------------------------------------------ lookups

function streamAt(db: Database, ref: number): Stream | null {
  if (ref === 0) return null;
  if ((db.meta(ref) & TYPE_MASK) !== TYPE_STREAM) throw errors.WRONG_TYPE;
  return db.collection(ref) as Stream;
}

/**
 * The stream under a key that a client has waited for: a key of another type is as good as gone. `changes`: a group
 * of it is about to be changed.
 */
export function awaitedStream(client: Client, args: Args, i: number, changes: boolean): Stream | null {
  const { db } = client;
  const { keyspace } = client.engine;
  const ref = keyspace.lookupRead(db, args.buf, args.off[i]!, args.len[i]!);
  if (ref !== 0 && changes) keyspace.willChange(db, ref);
  return ref === 0 || (db.meta(ref) & TYPE_MASK) !== TYPE_STREAM ? null : (db.collection(ref) as Stream);
}

/**
 * The stream under the key in argument i, for reading; null if there is none. `changes`: a group of it is about to be
 * changed.
 */
export function readStream(client: Client, args: Args, i: number, changes = false): Stream | null {
  const { db } = client;
  const { keyspace } = client.engine;
  const ref = keyspace.lookupRead(db, args.buf, args.off[i]!, args.len[i]!);
  if (ref !== 0 && changes) keyspace.willChange(db, ref);
  return streamAt(db, ref);
}

/** The same for writing. */
export function writeStream(client: Client, args: Args, i: number): Stream | null {
  const { db } = client;
  return streamAt(db, client.engine.keyspace.lookupWrite(db, args.buf, args.off[i]!, args.len[i]!));
}

/** Puts a new stream under the key just looked up, which isn't there, and tells of it. */
export function createStream(client: Client, args: Args, i: number, stream: Stream): void {
  const { db } = client;
  const { keyspace } = client.engine;
  const off = args.off[i]!;
  const len = args.len[i]!;
  const meta = TYPE_STREAM | STREAM_NODES;
  db.storeCollection(0, args.buf, off, len, stream, meta, keyspace.newAccess(), false);
  if (keyspace.eventMask !== 0) keyspace.event(EVENT_NEW, 'new', db, args.buf, off, len);
}

/** Tells that the stream under the key in argument i was changed. */
export function signalStream(client: Client, args: Args, i: number, event: string): void {
  touch(client, args, i);
  raise(client, args, i, event);
}

/** The same without a keyspace event. */
export function touch(client: Client, args: Args, i: number): void {
  const { keyspace } = client.engine;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, args.off[i]!, args.len[i]!);
}

/** The keyspace event alone: what only concerns a group doesn't change the stream for those who watch it. */
export function raise(client: Client, args: Args, i: number, event: string): void {
  const { keyspace } = client.engine;
  if (keyspace.eventMask === 0) return;
  keyspace.event(EVENT_STREAM, event, client.db, args.buf, args.off[i]!, args.len[i]!);
}

/** The consumer of that name, who has just been heard of; it is made if there is none. */
export function consumerOf(client: Client, args: Args, k: number, group: Group, name: string): Consumer {
  const nowMs = client.engine.nowMs;
  const known = group.consumers.get(name);
  if (known !== undefined) {
    known.seenMs = nowMs;
    return known;
  }
  return createConsumer(client, args, k, group, name);
}

/** Makes a consumer; argument k is the stream's key. */
export function createConsumer(client: Client, args: Args, k: number, group: Group, name: string): Consumer {
  const { engine } = client;
  const consumer = group.addConsumer(name, engine.nowMs);
  engine.keyspace.dirty++;
  raise(client, args, k, 'xgroup-createconsumer');
  return consumer;
}

// ------------------------------------------------------------------------------------------------ effects

const effectScratch = new Uint8Array(ID_TEXT_MAX);

/** An id as a word of an effect. */
export function effectId(effect: EffectBuffer, id: StreamId): void {
  effect.arg(effectScratch, 0, writeId(effectScratch, 0, id));
}

/**
 * Tells that an entry is pending for a consumer (the entry found last in the group's pending ones): as a claim by
 * force. The words for the key, the group and the entry are what the client wrote; `idAt` 0: the id itself.
 */
export function passOnClaim(
  client: Client,
  args: Args,
  keyAt: number,
  groupAt: number,
  group: Group,
  id: StreamId,
  idAt: number,
): void {
  const { propagation } = client.engine;
  if (!propagation.active) return;
  const effect = propagation.before(client.db, 14);
  effect.text('XCLAIM');
  effect.argOf(args, keyAt);
  effect.argOf(args, groupAt);
  effect.text(group.consumer.name);
  effect.int(0);
  if (idAt === 0) effectId(effect, id);
  else effect.argOf(args, idAt);
  effect.text('TIME');
  effect.int(group.deliveryMs);
  effect.text('RETRYCOUNT');
  effect.word(group.deliveries);
  effect.text('FORCE');
  effect.text('JUSTID');
  effect.text('LASTID');
  effectId(effect, group.lastId);
}

/** Tells where the group has come to. */
export function passOnGroupId(
  client: Client,
  args: Args,
  keyAt: number,
  groupAt: number,
  group: Group,
): void {
  const { propagation } = client.engine;
  if (!propagation.active) return;
  const effect = propagation.before(client.db, 7);
  effect.text('XGROUP');
  effect.text('SETID');
  effect.argOf(args, keyAt);
  effect.argOf(args, groupAt);
  effectId(effect, group.lastId);
  effect.text('ENTRIESREAD');
  effect.word(group.entriesRead);
}

// ------------------------------------------------------------------------------------------------ replies

/** The id replied last. Many in a row are of the same millisecond, whose thirteen digits are the dear ones. */
const idScratch = new Uint8Array(ID_TEXT_MAX);
let scratchMh = 0;
let scratchMl = 0;
let seqAt = 0;

export function replyId(out: ReplyWriter, id: StreamId): void {
  if (id.mh !== scratchMh || id.ml !== scratchMl || seqAt === 0) {
    scratchMh = id.mh;
    scratchMl = id.ml;
    seqAt = writeMs(idScratch, 0, id);
  }
  out.bulk(idScratch, 0, writeSeq(idScratch, seqAt, id));
}

export function replyCount(out: ReplyWriter, count: Count): void {
  if (typeof count === 'number') out.int(count);
  else out.bigInt(count);
}

/** An entry: its id, and an array of fields and values. */
export function replyEntry(out: ReplyWriter, id: StreamId, entry: NodeCursor): void {
  out.array(2);
  replyId(out, id);
  const { bytes, fields } = entry;
  out.array(fields * 2);
  let p = entry.body;
  if ((entry.flags & SAME_FIELDS) === 0) {
    for (let i = 0; i < fields; i++) p = replyElement(out, bytes, replyElement(out, bytes, p));
    return;
  }
  let field = entry.masterFields;
  for (let i = 0; i < fields; i++) {
    field = replyElement(out, bytes, field);
    p = replyElement(out, bytes, p);
  }
}
