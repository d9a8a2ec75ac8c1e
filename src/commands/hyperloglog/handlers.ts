/**
 * PFADD, PFCOUNT and PFMERGE. A dense HyperLogLog is updated where it lies; a sparse one, which grows and shrinks, in
 * a buffer that is put back at the end.
 */
import {
  addDense,
  CHANGED,
  CORRUPT,
  countRegisters,
  countString,
  DENSE,
  encodingOf,
  HllBuffer,
  invalidate,
  isCountValid,
  isHyperLogLog,
  mergeInto,
  REGISTERS,
  SPARSE_BYTES_MAX,
  sparseHolds,
  storeCount,
  storedCount,
} from '../../datatypes/hyperloglog/hyperloglog.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import { ENCODING_MASK, STRING_RAW, TYPE_MASK, TYPE_STRING } from '../../keyspace/entry.ts';
import { EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';

export const view = new ValueView();
export const buffer = new HllBuffer();
const registers = new Uint8Array(REGISTERS);
const META = TYPE_STRING | STRING_RAW;

/** Refuses an entry that is no HyperLogLog, and tells in `view` where it lies. */
export function locate(client: Client, ref: number): void {
  const { db } = client;
  if (db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  db.locateValue(ref, view);
  if (!isHyperLogLog(view.bytes, view.off, view.len)) throw errors.NOT_HLL;
  // Nobody walks, copies or prints hundreds of megabytes that were made to look like one.
  if (view.len > SPARSE_BYTES_MAX) throw errors.CORRUPT_HLL;
}

/** The same for one that may be changed: a raw string from now on. Returns the ref. */
export function locateToChange(client: Client, ref: number): number {
  locate(client, ref);
  if ((client.db.meta(ref) & (TYPE_MASK | ENCODING_MASK)) === META) return ref;
  const at = client.db.resizeValue(ref, view.len, META);
  client.db.locateValue(at, view);
  return at;
}

/** Stores `buffer` under the key in argument `k`, which was looked up last. */
export function storeBuffer(client: Client, args: Args, k: number, ref: number): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const access = ref === 0 ? keyspace.newAccess() : db.access(ref);
  db.storeValue(ref, args.buf, args.off[k]!, args.len[k]!, buffer.bytes, 0, buffer.len, META, access, true);
}

function signal(client: Client, args: Args, changes: number, isNew: boolean): void {
  const { keyspace } = client.engine;
  const off = args.off[1]!;
  const len = args.len[1]!;
  keyspace.dirty += changes;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, off, len);
  if (keyspace.eventMask !== 0) {
    if (isNew) keyspace.event(EVENT_NEW, 'new', client.db, args.buf, off, len);
    keyspace.event(EVENT_STRING, 'pfadd', client.db, args.buf, off, len);
  }
}

export function pfadd(client: Client, args: Args): void {
  const { buf } = args;
  const found = client.engine.keyspace.lookupWrite(client.db, buf, args.off[1]!, args.len[1]!);
  let changes: number;
  if (found === 0) {
    buffer.reset();
    changes = 1 + addToBuffer(client, args, 0, 2);
  } else {
    const ref = locateToChange(client, found);
    if (encodingOf(view.bytes, view.off) === DENSE) changes = addInPlace(args);
    else changes = addToSparse(client, args, ref);
  }
  if (changes > 0) signal(client, args, changes, found === 0);
  client.out.int(changes > 0 ? 1 : 0);
}

function addInPlace(args: Args): number {
  const { bytes, off } = view;
  let changes = 0;
  for (let i = 2; i < args.count; i++) {
    if (addDense(bytes, off, args.buf, args.off[i]!, args.len[i]!) === CHANGED) changes++;
  }
  if (changes > 0) invalidate(bytes, off);
  return changes;
}

/** The string is copied only when there is something to be changed. */
function addToSparse(client: Client, args: Args, ref: number): number {
  const { bytes, off, len } = view;
  let i = 2;
  while (i < args.count && sparseHolds(bytes, off, len, args.buf, args.off[i]!, args.len[i]!)) i++;
  if (i >= args.count) return 0;
  buffer.load(bytes, off, len);
  return addToBuffer(client, args, ref, i);
}

/** Adds the elements from argument `first` on to `buffer` and stores it. Runs that end too soon are found only when they are walked. */
function addToBuffer(client: Client, args: Args, ref: number, first: number): number {
  const sparseMax = client.engine.config.values['hll-sparse-max-bytes'];
  let changes = 0;
  for (let i = first; i < args.count; i++) {
    const outcome = buffer.add(args.buf, args.off[i]!, args.len[i]!, sparseMax);
    if (outcome === CORRUPT) {
      // As in Redis, what was added before stays, though nobody is told.
      if (changes > 0) storeBuffer(client, args, 1, ref);
      throw errors.CORRUPT_HLL;
    }
    if (outcome === CHANGED) changes++;
  }
  if (changes > 0 || ref === 0) {
    invalidate(buffer.bytes, 0);
    storeBuffer(client, args, 1, ref);
  }
  return changes;
}

export function pfcount(client: Client, args: Args): void {
  if (args.count > 2) countUnion(client, args);
  else countOne(client, args);
}

/** The count is kept in the string, so that counting changes it. */
function countOne(client: Client, args: Args): void {
  const { out } = client;
  const { keyspace } = client.engine;
  const found = keyspace.lookupRead(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (found === 0) {
    out.int(0);
    return;
  }
  keyspace.willChange(client.db, found);
  locateToChange(client, found);
  const { bytes, off, len } = view;
  if (isCountValid(bytes, off)) {
    const stored = storedCount(bytes, off);
    if (typeof stored === 'number') out.int(stored);
    else out.bigInt(stored);
    return;
  }
  const count = countString(bytes, off, len);
  if (count < 0) throw errors.CORRUPT_HLL;
  storeCount(bytes, off, count);
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, args.off[1]!, args.len[1]!);
  replyCount(client, count);
}

/** Forged registers may stand for more than fits. */
function replyCount(client: Client, count: number): void {
  if (Number.isSafeInteger(count)) client.out.int(count);
  else client.out.bigInt(BigInt.asIntN(64, BigInt(count)));
}

function countUnion(client: Client, args: Args): void {
  registers.fill(0);
  for (let i = 1; i < args.count; i++) mergeKey(client, args, i);
  replyCount(client, countRegisters(registers));
}

/** Merges the HyperLogLog under the key in argument `i`, if there is one. Returns whether it is dense. */
function mergeKey(client: Client, args: Args, i: number): boolean {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[i]!, args.len[i]!);
  if (ref === 0) return false;
  locate(client, ref);
  if (!mergeInto(registers, view.bytes, view.off, view.len)) throw errors.CORRUPT_HLL;
  return encodingOf(view.bytes, view.off) === DENSE;
}

export function pfmerge(client: Client, args: Args): void {
  registers.fill(0);
  let dense = false;
  // The destination counts as a source.
  for (let i = 1; i < args.count; i++) if (mergeKey(client, args, i)) dense = true;
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0) buffer.reset();
  else {
    locate(client, ref);
    buffer.load(view.bytes, view.off, view.len);
  }
  if (dense && !buffer.toDense()) throw errors.CORRUPT_HLL;
  const sparseMax = client.engine.config.values['hll-sparse-max-bytes'];
  buffer.setAll(registers, sparseMax);
  invalidate(buffer.bytes, 0);
  storeBuffer(client, args, 1, ref);
  signal(client, args, 1, ref === 0);
  client.out.ok();
}
