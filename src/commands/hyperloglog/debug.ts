/**
 * PFDEBUG and PFSELFTEST.
 */
import {
  countString,
  DENSE,
  denseRegister,
  describeRuns,
  encodingOf,
  HLL_HEADER_BYTES,
  HllBuffer,
  mergeInto,
  REGISTERS,
  SPARSE,
} from '../../datatypes/hyperloglog/hyperloglog.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { buffer, locateToChange, storeBuffer, view } from './handlers.ts';

export function pfdebug(client: Client, args: Args): void {
  const { out } = client;
  const { keyspace } = client.engine;
  const found = keyspace.lookupWrite(client.db, args.buf, args.off[2]!, args.len[2]!);
  if (found === 0) throw errors.NO_SPECIFIED_KEY;
  const ref = locateToChange(client, found);
  const isSparse = encodingOf(view.bytes, view.off) === SPARSE;
  if (args.is(1, 'getreg')) {
    if (isSparse) makeDense(client, args, ref);
    const { bytes, off } = view;
    out.array(REGISTERS);
    for (let i = 0; i < REGISTERS; i++) out.int(denseRegister(bytes, off + HLL_HEADER_BYTES, i));
  } else if (args.is(1, 'decode')) {
    if (!isSparse) throw errors.HLL_NOT_SPARSE;
    out.bulkText(describeRuns(view.bytes, view.off, view.len));
  } else if (args.is(1, 'encoding')) {
    out.simple(isSparse ? 'sparse' : 'dense');
  } else if (args.is(1, 'todense')) {
    if (isSparse) makeDense(client, args, ref);
    out.int(isSparse ? 1 : 0);
  } else {
    throw errors.err(`Unknown PFDEBUG subcommand '${errors.shown(args.text(1))}'`);
  }
}

/** Converts the entry found last, which lies in `view`, and so does the result. */
function makeDense(client: Client, args: Args, ref: number): void {
  const { db } = client;
  buffer.load(view.bytes, view.off, view.len);
  if (!buffer.toDense()) throw errors.CORRUPT_HLL;
  storeBuffer(client, args, 2, ref);
  client.engine.keyspace.dirty++;
  db.locateValue(db.find(args.buf, args.off[2]!, args.len[2]!), view);
}

/** Elements added by the self-test: enough to go through both forms, few enough not to hold others up. */
const TESTED_ELEMENTS = 20000;
/** Estimates are checked every so many elements. */
const TESTED_EVERY = 500;
/** Six times the standard error of 1.04 / sqrt(16384). */
const TOLERANCE = 0.05;

/** Whether registers and estimates of a sparse and a dense HyperLogLog with the same elements are right. */
export function pfselftest(client: Client): void {
  const sparseMax = client.engine.config.values['hll-sparse-max-bytes'];
  const grown = new HllBuffer();
  const dense = new HllBuffer();
  grown.reset();
  dense.reset();
  dense.toDense();
  const element = new Uint8Array(8);
  const words = new DataView(element.buffer);
  words.setUint32(4, client.engine.random.uint32());
  for (let n = 1; n <= TESTED_ELEMENTS; n++) {
    words.setUint32(0, n);
    grown.add(element, 0, 8, sparseMax);
    dense.add(element, 0, 8, sparseMax);
    if (n % TESTED_EVERY !== 0) continue;
    const count = countString(dense.bytes, 0, dense.len);
    if (Math.abs(count - n) > Math.max(10, n * TOLERANCE)) {
      throw new ReplyError(`TESTFAILED Too big error. card:${n} counted:${count}`);
    }
    if (countString(grown.bytes, 0, grown.len) !== count)
      throw new ReplyError('TESTFAILED dense/sparse disagree');
  }
  if (!sameRegisters(grown, dense))
    throw new ReplyError('TESTFAILED Registers differ between dense and sparse');
  client.out.ok();
}

function sameRegisters(a: HllBuffer, b: HllBuffer): boolean {
  const merged = new Uint8Array(REGISTERS);
  mergeInto(merged, a.bytes, 0, a.len);
  for (let i = 0; i < REGISTERS; i++) {
    if (b.encoding !== DENSE || denseRegister(b.bytes, HLL_HEADER_BYTES, i) !== merged[i]) return false;
  }
  return true;
}
