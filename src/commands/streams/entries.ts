/**
 * XADD, XLEN, XDEL, XTRIM and XSETID: what changes the entries of a stream. XADD allocates nothing.
 */
import type { Count } from '../../datatypes/stream/count.ts';
import { compareIds, ID_AUTO_SEQ, ID_BAD, parseId, StreamId } from '../../datatypes/stream/id.ts';
import { NODE_BYTES_MAX, Stream } from '../../datatypes/stream/stream.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import {
  countArg,
  createStream,
  effectId,
  idArg,
  isChar,
  longArg,
  raise,
  readStream,
  replyId,
  signalStream,
  writeStream,
} from './arguments.ts';

const ASTERISK = 42;
const EQUALS = 61;
const TILDE = 126;

const TRIM_NONE = 0;
const TRIM_MAXLEN = 1;
const TRIM_MINID = 2;
/** Entries that a `~` trim without LIMIT removes at most: so many nodes full, within these bounds. */
const LIMIT_NODES = 100;
const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 1_000_000;

/** How an id is given. */
const ID_GIVEN = 0;
const ID_SEQ_AUTO = 1;
const ID_AUTO = 2;

/** The options of the XADD or XTRIM being carried out; only good until the next one parses its own. */
const options = {
  strategy: TRIM_NONE,
  approximate: false,
  maxLength: 0,
  minId: new StreamId(),
  /** Where the threshold stands among the arguments, behind its `~` if there is one. */
  thresholdAt: 0,
  limit: 0,
  noMake: false,
  idForm: ID_AUTO,
  id: new StreamId(),
};

const newId = new StreamId();

/** Reads options from argument `i` on, for XADD up to and with the id. Returns the index of the id. */
function parseOptions(client: Client, args: Args, i: number, xadd: boolean): number {
  options.strategy = TRIM_NONE;
  options.approximate = false;
  options.limit = 0;
  options.noMake = false;
  options.idForm = ID_AUTO;
  let limitGiven = false;
  for (; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (xadd && isChar(args, i, ASTERISK)) break;
    const strategy = more === 0 ? TRIM_NONE : strategyOf(args, i);
    if (strategy !== TRIM_NONE) {
      if (options.strategy !== TRIM_NONE) throw errors.TWO_TRIM_STRATEGIES;
      options.approximate = more >= 2 && isChar(args, i + 1, TILDE);
      if (options.approximate || (more >= 2 && isChar(args, i + 1, EQUALS))) i++;
      i++;
      if (strategy === TRIM_MAXLEN) {
        options.maxLength = longArg(args, i);
        if (options.maxLength < 0) throw errors.NEGATIVE_MAXLEN;
      } else idArg(args, i, options.minId);
      options.strategy = strategy;
      options.thresholdAt = i;
    } else if (more > 0 && args.is(i, 'limit')) {
      options.limit = longArg(args, ++i);
      if (options.limit < 0) throw errors.NEGATIVE_TRIM_LIMIT;
      limitGiven = true;
    } else if (!xadd) throw errors.SYNTAX;
    else if (args.is(i, 'nomkstream')) options.noMake = true;
    else {
      const kind = parseId(args.buf, args.off[i]!, args.len[i]!, options.id, 0, true);
      if (kind === ID_BAD) throw errors.BAD_STREAM_ID;
      options.idForm = kind === ID_AUTO_SEQ ? ID_SEQ_AUTO : ID_GIVEN;
      break;
    }
  }
  if (options.strategy === TRIM_NONE) {
    if (options.limit !== 0) throw errors.LIMIT_WITHOUT_TRIM;
    if (!xadd) throw errors.NO_TRIM_STRATEGY;
  }
  // What is told to others trims exactly, and still has its LIMIT.
  if (client.mustObey) options.limit = 0;
  else if (limitGiven) {
    if (!options.approximate) throw errors.LIMIT_WITHOUT_TILDE;
  } else if (options.approximate) {
    const nodes = client.db.memory.streamLimits.nodeEntries * LIMIT_NODES;
    options.limit = nodes <= 0 ? LIMIT_DEFAULT : Math.min(nodes, LIMIT_MAX);
  }
  return i;
}

function strategyOf(args: Args, i: number): number {
  if (args.is(i, 'maxlen')) return TRIM_MAXLEN;
  return args.is(i, 'minid') ? TRIM_MINID : TRIM_NONE;
}

function trimByOptions(stream: Stream): number {
  const { strategy, maxLength, minId, approximate, limit } = options;
  return stream.trim(strategy === TRIM_MAXLEN ? maxLength : -1, minId, approximate, limit);
}

/** Passes on the command with what its id and its `~` have come to mean; `idAt` is 0 for XTRIM. */
function passOnExactly(client: Client, args: Args, stream: Stream, idAt: number): void {
  const { count } = args;
  const { thresholdAt } = options;
  const trimsExactly = options.strategy === TRIM_NONE || !options.approximate;
  if (trimsExactly && (idAt === 0 || options.idForm === ID_GIVEN)) return;
  const effect = client.engine.propagation.replace(client, count);
  for (let i = 0; i < count; i++) {
    if (i === idAt && i !== 0 && options.idForm !== ID_GIVEN) effectId(effect, newId);
    else if (trimsExactly || i < thresholdAt - 1 || i > thresholdAt) effect.argOf(args, i);
    else if (i < thresholdAt) effect.text('=');
    else if (options.strategy === TRIM_MAXLEN) effect.int(stream.length);
    else effectId(effect, stream.firstKept(firstKept) ? firstKept : LAST_ID);
  }
}

const LAST_ID = new StreamId().setMax();
const firstKept = new StreamId();

export function xadd(client: Client, args: Args): void {
  let idAt = 2;
  if (isChar(args, 2, ASTERISK)) {
    options.strategy = TRIM_NONE;
    options.approximate = false;
    options.idForm = ID_AUTO;
    options.noMake = false;
  } else idAt = parseOptions(client, args, 2, true);
  const first = idAt + 1;
  if (args.count - first < 2 || ((args.count - first) & 1) === 1) throw errors.wrongArity('xadd');
  if (options.idForm === ID_GIVEN && options.id.isZero()) throw errors.ZERO_STREAM_ID;
  const found = writeStream(client, args, 1);
  if (found === null && options.noMake) {
    client.out.null();
    return;
  }
  const { memory } = client.db;
  const stream = found ?? new Stream(memory);
  try {
    chooseId(client, stream);
    refuseHuge(args, first);
  } catch (refusal) {
    if (found === null) stream.release(1);
    throw refusal;
  }
  if (found === null) createStream(client, args, 1, stream);
  const { nodeBytes, nodeEntries } = memory.streamLimits;
  stream.append(args, first, newId, nodeBytes, nodeEntries);
  replyId(client.out, newId);
  client.engine.keyspace.dirty++;
  signalStream(client, args, 1, 'xadd');
  if (options.strategy !== TRIM_NONE && trimByOptions(stream) > 0) signalStream(client, args, 1, 'xtrim');
  if (client.engine.propagation.active) passOnExactly(client, args, stream, idAt);
}

/** Puts the id of the entry to come into `newId`. */
function chooseId(client: Client, stream: Stream): void {
  const { lastId } = stream;
  if (lastId.isMax()) throw errors.STREAM_EXHAUSTED;
  if (options.idForm === ID_AUTO) {
    newId.setMs(client.engine.nowMs);
    if (compareIds(newId, lastId) > 0) return;
    newId.copy(lastId).increment();
    return;
  }
  newId.copy(options.id);
  if (options.idForm === ID_SEQ_AUTO && newId.mh === lastId.mh && newId.ml === lastId.ml) {
    newId.copy(lastId);
    if ((newId.sh & newId.sl) === -1) throw errors.STREAM_ID_TOO_SMALL;
    newId.increment();
  }
  if (compareIds(newId, lastId) <= 0) throw errors.STREAM_ID_TOO_SMALL;
}

function refuseHuge(args: Args, first: number): void {
  let total = 0;
  for (let i = first; i < args.count; i++) total += args.len[i]!;
  if (total > NODE_BYTES_MAX) throw errors.STREAM_ELEMENTS_TOO_LARGE;
}

export function xlen(client: Client, args: Args): void {
  client.out.int(readStream(client, args, 1)?.length ?? 0);
}

export function xtrim(client: Client, args: Args): void {
  parseOptions(client, args, 2, false);
  const stream = writeStream(client, args, 1);
  const removed = stream === null ? 0 : trimByOptions(stream);
  if (removed > 0) {
    signalStream(client, args, 1, 'xtrim');
    client.engine.keyspace.dirty += removed;
    if (client.engine.propagation.active) passOnExactly(client, args, stream!, 0);
  }
  client.out.int(removed);
}

const deletedId = new StreamId();

export function xdel(client: Client, args: Args): void {
  const stream = writeStream(client, args, 1);
  if (stream === null) {
    client.out.int(0);
    return;
  }
  for (let i = 2; i < args.count; i++) idArg(args, i, deletedId);
  let deleted = 0;
  let firstGone = false;
  for (let i = 2; i < args.count; i++) {
    idArg(args, i, deletedId);
    if (!stream.delete(deletedId)) continue;
    deleted++;
    if (compareIds(deletedId, stream.firstId) === 0) firstGone = true;
    if (compareIds(deletedId, stream.maxDeletedId) > 0) stream.maxDeletedId.copy(deletedId);
  }
  if (deleted > 0) {
    if (firstGone || stream.length === 0) stream.settleFirst();
    signalStream(client, args, 1, 'xdel');
    client.engine.keyspace.dirty += deleted;
  }
  client.out.int(deleted);
}

const topId = new StreamId();
const tombstone = new StreamId();

export function xsetid(client: Client, args: Args): void {
  const id = newId;
  idArg(args, 2, id);
  let added: Count | null = null;
  tombstone.clear();
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 === args.count) throw errors.SYNTAX;
    if (args.is(i, 'entriesadded')) {
      added = countArg(args, i + 1);
      if (added < 0) throw errors.NEGATIVE_ENTRIES_ADDED;
    } else if (args.is(i, 'maxdeletedid')) {
      idArg(args, i + 1, tombstone);
      if (compareIds(id, tombstone) < 0) throw errors.SETID_BELOW_GIVEN_TOMBSTONE;
    } else throw errors.SYNTAX;
  }
  const stream = writeStream(client, args, 1);
  if (stream === null) throw errors.NO_SUCH_KEY;
  if (stream.length > 0) {
    stream.edge(topId, true);
    if (compareIds(id, topId) < 0) throw errors.SETID_BELOW_TOP;
    if (added !== null && added < stream.length) throw errors.ENTRIES_ADDED_BELOW_LENGTH;
  }
  stream.lastId.copy(id);
  if (added !== null) stream.entriesAdded = added;
  if (!tombstone.isZero()) stream.maxDeletedId.copy(tombstone);
  client.engine.keyspace.dirty++;
  raise(client, args, 1, 'xsetid');
  client.out.ok();
}
