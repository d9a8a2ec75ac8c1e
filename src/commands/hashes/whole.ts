/**
 * Whole hashes and samples of them: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD.
 */

import { HASH_HEAD_WORDS, type HashTable } from '../../datatypes/hash/hash-table.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { DictionaryWalk } from '../../structures/dictionary.ts';
import { LpElement, lpFirst, lpGet, lpLength, lpNext, lpReply } from '../../structures/listpack.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { parseSafeInt } from '../../util/number-text.ts';
import { randomBelow } from '../../util/random.ts';
import { hashIsPacked, hashLength, hashTable } from '../../values/hash.ts';
import { cursorArg, int64Arg } from '../keys/arguments.ts';
import { scanOptions } from '../keys/scan.ts';
import { replyRepeatedly } from '../repeated-replies.ts';
import { lookupHash } from './fields.ts';

const FIELDS = 1;
const VALUES = 2;

const view = new ValueView();
const element = new LpElement();
const walk = new DictionaryWalk();

export function hgetall(client: Client, args: Args): void {
  replyAll(client, args, FIELDS | VALUES);
}

export function hkeys(client: Client, args: Args): void {
  replyAll(client, args, FIELDS);
}

export function hvals(client: Client, args: Args): void {
  replyAll(client, args, VALUES);
}

function replyAll(client: Client, args: Args, what: number): void {
  const { db, out } = client;
  const ref = lookupHash(client, args);
  const length = ref === 0 ? 0 : hashLength(db, ref);
  if (what === (FIELDS | VALUES)) out.map(length);
  else out.array(length);
  if (ref === 0) return;
  if (!hashIsPacked(db, ref)) {
    replyTable(out, hashTable(db, ref), what);
    return;
  }
  db.locateValue(ref, view);
  const { bytes } = view;
  for (let p = lpFirst(bytes, view.off); p >= 0; p = lpNext(bytes, p)) {
    if ((what & FIELDS) !== 0) lpReply(bytes, p, out);
    p = lpNext(bytes, p);
    if ((what & VALUES) !== 0) lpReply(bytes, p, out);
  }
}

/** Written out, since a thousand fields are common: no closure, no range is filled for each. */
function replyTable(out: ReplyWriter, hash: HashTable, what: number): void {
  const { arena } = hash.memory;
  const { pages, words } = arena;
  walk.start(hash.table.dict);
  for (let record = walk.next(); record !== 0; record = walk.next()) {
    const page = record >>> PAGE_BITS;
    const at = (record & OFFSET_MASK) << 1;
    const head = words[page]!;
    const fieldLen = head[at]!;
    const valueLen = head[at + 1]!;
    const bytes = pages[page]!;
    const off = (at + HASH_HEAD_WORDS) << 2;
    if ((what & FIELDS) !== 0) out.bulk(bytes, off, fieldLen);
    if ((what & VALUES) === 0) continue;
    if (valueLen >= 0) out.bulk(bytes, off + fieldLen, valueLen);
    else replyRecord(out, hash, record, VALUES);
  }
}

function replyRecord(out: ReplyWriter, hash: HashTable, record: number, what: number): void {
  if ((what & FIELDS) !== 0) {
    hash.locateField(record, element);
    out.bulk(element.bytes, element.off, element.len);
  }
  if ((what & VALUES) !== 0) {
    hash.locateValue(record, element);
    out.bulk(element.bytes, element.off, element.len);
  }
}

/** A packed hash is returned as a whole. In a table the cursor is a hash, as that of SCAN. */
export function hscan(client: Client, args: Args): void {
  const { db, out } = client;
  const cursor = cursorArg(args, 2);
  const ref = lookupHash(client, args);
  if (ref === 0) {
    out.array(2);
    out.bulkText('0');
    out.emptyArray();
    return;
  }
  const { count, match } = scanOptions(args, 3, false);
  const matches = (field: LpElement): boolean =>
    match === 0 ||
    globMatchBytes(args.buf, args.off[match]!, args.len[match]!, field.bytes, field.off, field.len, false);
  const found: number[] = [];
  let next = 0;
  if (!hashIsPacked(db, ref)) {
    const hash = hashTable(db, ref);
    let seen = 0;
    next = hash.table.scan(cursor, (record) => {
      hash.locateField(record, element);
      if (matches(element)) found.push(record);
      return ++seen < count;
    });
    out.array(2);
    out.bulkText(String(next));
    out.array(found.length * 2);
    for (const record of found) replyRecord(out, hash, record, FIELDS | VALUES);
    return;
  }
  db.locateValue(ref, view);
  const { bytes } = view;
  for (let p = lpFirst(bytes, view.off); p >= 0; p = lpNext(bytes, p)) {
    const value = lpNext(bytes, p);
    if (matches(lpGet(bytes, p, element))) found.push(p);
    p = value;
  }
  out.array(2);
  out.bulkText('0');
  out.array(found.length * 2);
  for (const p of found) {
    lpReply(bytes, p, out);
    lpReply(bytes, lpNext(bytes, p), out);
  }
}

// --------------------------------------------------------------------------------------------- HRANDFIELD

/** With fewer fields than this many times the count, all are passed over once instead of drawing lots. */
const SPARSE = 3;

export function hrandfield(client: Client, args: Args): void {
  if (args.count > 2) {
    const count = countArg(args);
    if (args.count > 4 || (args.count === 4 && !args.is(3, 'withvalues'))) throw errors.SYNTAX;
    const withValues = args.count === 4;
    if (withValues && Math.abs(count) >= 2 ** 62) throw errors.OUT_OF_RANGE;
    randomFields(client, args, count, withValues);
    return;
  }
  const { db, out } = client;
  const { random } = client.engine;
  const ref = lookupHash(client, args);
  if (ref === 0) out.null();
  else if (hashIsPacked(db, ref)) {
    const positions = packedPositions(client, ref);
    lpReply(view.bytes, positions[randomBelow(random, positions.length)]!, out);
  } else {
    const hash = hashTable(db, ref);
    replyRecord(out, hash, hash.table.randomRef(random), FIELDS);
  }
}

/** The count: a 64-bit integer, though not the least one. */
function countArg(args: Args): number {
  const safe = parseSafeInt(args.buf, args.off[2]!, args.len[2]!);
  if (!Number.isNaN(safe)) return safe;
  const count = int64Arg(args, 2);
  if (count === -(2n ** 63n)) throw errors.NOT_SYMMETRIC_INT64;
  // Rounding must not lift what is below 2^62 to it: beyond 2^53 nothing else depends on the last digits.
  const big = BigInt(count);
  const limit = 2n ** 62n;
  return big < limit && big > -limit
    ? Math.sign(Number(big)) * Math.min(Math.abs(Number(big)), 2 ** 61)
    : Number(big);
}

function randomFields(client: Client, args: Args, count: number, withValues: boolean): void {
  const { db, out } = client;
  const ref = lookupHash(client, args);
  if (ref === 0 || count === 0) {
    out.emptyArray();
    return;
  }
  const length = hashLength(db, ref);
  const what = withValues ? FIELDS | VALUES : FIELDS;
  const replies = count < 0 ? -count : Math.min(count, length);
  const nested = withValues && client.resp === 3;
  out.array(withValues && !nested ? replies * 2 : replies);
  if (hashIsPacked(db, ref)) {
    const positions = packedPositions(client, ref);
    const { bytes } = view;
    choose(client, count, length, (i) => {
      const p = positions[i]!;
      if (nested) out.array(2);
      lpReply(bytes, p, out);
      if (withValues) lpReply(bytes, lpNext(bytes, p), out);
    });
    return;
  }
  const hash = hashTable(db, ref);
  const { table } = hash;
  const { random } = client.engine;
  const reply = (record: number): void => {
    if (nested) out.array(2);
    replyRecord(out, hash, record, what);
  };
  if (count < 0) {
    replyRepeatedly(client, -count, () => reply(table.randomRef(random)));
  } else if (count * SPARSE > length) {
    let seen = 0;
    let wanted = replies;
    table.scan(0, (record) => {
      // Each of the rest is as likely as the others to be among the wanted ones.
      if (randomBelow(random, length - seen++) < wanted) {
        reply(record);
        wanted--;
      }
      return wanted > 0;
    });
  } else {
    const drawn = new Set<number>();
    while (drawn.size < replies) {
      const record = table.randomRef(random);
      if (drawn.has(record)) continue;
      drawn.add(record);
      reply(record);
    }
  }
}

/** Where the fields are in the listpack that `view` shows from then on. */
function packedPositions(client: Client, ref: number): Int32Array {
  client.db.locateValue(ref, view);
  const { bytes, off } = view;
  const positions = new Int32Array(lpLength(bytes, off) >> 1);
  for (let p = lpFirst(bytes, off), i = 0; p >= 0; p = lpNext(bytes, lpNext(bytes, p))) positions[i++] = p;
  return positions;
}

/** Numbers below `length`: `count` different ones (in order), or -count independent ones. */
function choose(client: Client, count: number, length: number, chosen: (i: number) => void): void {
  const { random } = client.engine;
  if (count < 0) {
    replyRepeatedly(client, -count, () => chosen(randomBelow(random, length)));
    return;
  }
  let wanted = Math.min(count, length);
  for (let i = 0; wanted > 0; i++) {
    if (randomBelow(random, length - i) >= wanted) continue;
    chosen(i);
    wanted--;
  }
}
