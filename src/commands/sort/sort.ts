/**
 * SORT and SORT_RO.
 *
 * Elements are copied into a row (byte-list.ts), weighed, sorted by typed keys (order.ts), and the part that LIMIT asks
 * for is replied or stored, each element as itself or as what the GET patterns find for it (pattern.ts).
 */
import type { Client } from '../../engine/client.ts';
import type { KeyRef } from '../../engine/command-spec.ts';
import { KEY_ACCESS, KEY_OW, KEY_RO, KEY_UPDATE } from '../../engine/command-spec.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_LIST, TYPE_SET, TYPE_ZSET } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import type { LpElement } from '../../structures/listpack.ts';
import { latin1Of } from '../../util/latin1.ts';
import { parseDouble, parseSafeInt } from '../../util/number-text.ts';
import { listEach, listLength, listReply } from '../../values/list.ts';
import { SetValue } from '../../values/set.ts';
import { ZsetCursor, zsetGrow, zsetIsPacked, zsetLength } from '../../values/zset.ts';
import { int64Arg } from '../keys/arguments.ts';
import { ByteList } from './byte-list.ts';
import { sortedIntegers, writeIntegers } from './integers.ts';
import { orderOfKeys, type Tie } from './order.ts';
import { SortPattern } from './pattern.ts';
import { storeList } from './store.ts';

/** Longer texts are no numbers that anybody writes; Redis would read them to the end. */
const NUMBER_TEXT_MAX = 4096;
/** Bytes of a text that go into its key: what a double holds exactly. */
const KEY_BYTES = 6;

const elements = new ByteList();
const weights = new ByteList();
const outputs = new ByteList();
const set = new SetValue();
const cursor = new ZsetCursor();

interface Options {
  descending: boolean;
  alpha: boolean;
  /** BY a pattern without `*`: in the order of the collection. */
  unsorted: boolean;
  by: SortPattern | null;
  get: SortPattern[];
  start: number;
  /** Negative: all. */
  count: number;
  /** Argument of STORE's key; 0 for none. */
  store: number;
}

function readOptions(client: Client, args: Args, mayStore: boolean): Options {
  const options: Options = {
    descending: false,
    alpha: false,
    unsorted: false,
    by: null,
    get: [],
    start: 0,
    count: -1,
    store: 0,
  };
  for (let i = 2; i < args.count; i++) {
    const left = args.count - i - 1;
    if (args.is(i, 'asc')) options.descending = false;
    else if (args.is(i, 'desc')) options.descending = true;
    else if (args.is(i, 'alpha')) options.alpha = true;
    else if (left >= 2 && args.is(i, 'limit')) {
      options.start = Math.max(0, Number(int64Arg(args, i + 1)));
      options.count = Number(int64Arg(args, i + 2));
      i += 2;
    } else if (left >= 1 && mayStore && args.is(i, 'store')) options.store = ++i;
    else if (left >= 1 && args.is(i, 'by')) {
      options.by = new SortPattern(args, ++i);
      if (options.by.star < 0) options.unsorted = true;
      else if (!mayReadAnyKey(client, args)) throw errors.SORT_BY_DENIED;
    } else if (left >= 1 && args.is(i, 'get')) {
      if (!mayReadAnyKey(client, args)) throw errors.SORT_GET_DENIED;
      options.get.push(new SortPattern(args, ++i));
    } else throw errors.SYNTAX;
  }
  return options;
}

/** The keys that patterns lead to cannot be checked one by one. */
function mayReadAnyKey(client: Client, args: Args): boolean {
  const { commands, acl } = client.engine;
  return acl.mayReadAnyKey(client, commands.lookup(args)!, args);
}

export function sort(client: Client, args: Args): void {
  run(client, args, readOptions(client, args, true));
}

export function sortRo(client: Client, args: Args): void {
  run(client, args, readOptions(client, args, false));
}

function run(client: Client, args: Args, options: Options): void {
  const { db } = client;
  const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[1]!, args.len[1]!);
  const type = ref === 0 ? TYPE_LIST : db.type(ref);
  if (type !== TYPE_LIST && type !== TYPE_SET && type !== TYPE_ZSET) throw errors.WRONG_TYPE;
  if (options.unsorted && type === TYPE_SET && options.store !== 0) {
    // What is stored must not depend on the order of a table.
    options.unsorted = false;
    options.alpha = true;
    options.by = null;
  }
  // A packed sorted set becomes a grown one by being sorted: that is how OBJECT ENCODING shows it in Redis.
  const grows = type === TYPE_ZSET && zsetIsPacked(db, ref);
  if (grows) client.engine.keyspace.willChange(db, ref);
  const from = grows ? zsetGrow(db, args.buf, args.off[1]!, args.len[1]!, ref, db.access(ref)) : ref;
  const size = sizeOf(client, from, type);
  const start = Math.min(options.start, size);
  const end = options.count < 0 ? size : Math.min(size, start + options.count);
  const isPlain = !options.unsorted && !options.alpha && options.by === null && options.get.length === 0;
  const integers = isPlain ? sortedIntegers(db, from, type, size, set, end, options.descending) : null;
  if (integers !== null) finishIntegers(client, args, options, integers, start, end);
  else if (options.unsorted) {
    if (type === TYPE_LIST && !options.descending && options.get.length === 0 && options.store === 0) {
      client.out.array(end - start);
      if (end > start) listReply(db, from, start, end - start, client.out);
      return;
    }
    load(client, from, type, start, end, options.descending);
    finish(client, args, options, null, 0, end - start);
  } else {
    load(client, from, type, 0, size, false);
    finish(client, args, options, order(client, options, end), start, end);
  }
  elements.clear();
}

function sizeOf(client: Client, ref: number, type: number): number {
  if (ref === 0) return 0;
  if (type === TYPE_LIST) return listLength(client.db, ref);
  return type === TYPE_SET ? set.open(client.db, ref).size : zsetLength(client.db, ref);
}

/** Copies the elements from `start` up to `end` of a collection, or counted from its end, into `elements`. */
function load(
  client: Client,
  ref: number,
  type: number,
  start: number,
  end: number,
  descending: boolean,
): void {
  const { db } = client;
  elements.clear();
  if (start >= end) return;
  if (type === TYPE_LIST) {
    let i = 0;
    const visit = (element: LpElement): boolean => {
      if (i >= start) elements.push(element.bytes, element.off, element.len);
      return ++i < end;
    };
    listEach(db, ref, visit, descending);
  } else if (type === TYPE_SET) {
    const { member } = set;
    set.rewind();
    for (let i = 0; i < end && set.next(); i++) {
      if (i >= start) elements.push(member.bytes, member.off, member.len);
    }
  } else {
    cursor.open(db, ref);
    cursor.seek(descending ? zsetLength(db, ref) - 1 - start : start);
    for (let i = start; ; ) {
      elements.push(cursor.bytes, cursor.off, cursor.len);
      if (++i >= end) return;
      if (descending) cursor.backward();
      else cursor.forward();
    }
  }
}

// -------------------------------------------------------------------------------------------------- sorting

/** The indexes of the elements in their order, as far as `wanted` of them. */
function order(client: Client, options: Options, wanted: number): Int32Array {
  const { count } = elements;
  const keys = new Float64Array(count);
  if (!options.alpha) {
    weigh(client, options.by, keys);
    return orderOfKeys(keys, count, byElement, options.descending, wanted);
  }
  // Without STORE texts are compared as strcoll does it in the C locale: up to a NUL byte.
  const upToNul = options.store === 0;
  if (options.by === null) {
    textKeys(elements, keys, upToNul);
    return orderOfKeys(keys, count, upToNul ? tieUpToNul(elements) : byElement, options.descending, wanted);
  }
  weights.clear();
  const missing = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const { value } = options.by;
    if (options.by.find(client, elements.bytes, elements.start(i), elements.length(i))) {
      weights.push(value.bytes, value.off, value.len);
    } else {
      missing[i] = 1;
      weights.push(value.bytes, 0, 0);
    }
  }
  textKeys(weights, keys, upToNul);
  // Elements without a weight come first.
  for (let i = 0; i < count; i++) if (missing[i] === 1) keys[i] = -1;
  const tie: Tie = upToNul ? tieUpToNul(weights) : (a, b) => weights.compare(a, b);
  const sorted = orderOfKeys(keys, count, tie, options.descending, wanted);
  weights.clear();
  return sorted;
}

const byElement: Tie = (a, b) => elements.compare(a, b);

/** Fills in the numbers to sort by: of the elements, or of what `by` finds for them (nothing: 0). */
function weigh(client: Client, by: SortPattern | null, keys: Float64Array): void {
  const { count } = elements;
  for (let i = 0; i < count; i++) {
    const start = elements.start(i);
    const length = elements.length(i);
    if (by === null) keys[i] = numberOf(elements.bytes, start, length);
    else if (by.find(client, elements.bytes, start, length)) {
      const { value } = by;
      keys[i] = numberOf(value.bytes, value.off, value.len);
    }
  }
}

/** The number that C's strtod reads from the whole of a text. */
function numberOf(bytes: Uint8Array, off: number, len: number): number {
  const n = parseSafeInt(bytes, off, len);
  if (!Number.isNaN(n)) return n;
  let start = off;
  let end = off;
  while (end < off + len && bytes[end] !== 0) end++;
  if (end === off) return 0;
  while (start < end && isSpace(bytes[start]!)) start++;
  const value = end - start > NUMBER_TEXT_MAX ? Number.NaN : parseDouble(latin1Of(bytes, start, end - start));
  if (Number.isNaN(value)) {
    elements.clear();
    throw errors.SORT_NOT_DOUBLE;
  }
  return value;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 9 && byte <= 13);
}

/** The first bytes of each text as a number; with `upToNul` only those before a NUL. */
function textKeys(texts: ByteList, keys: Float64Array, upToNul: boolean): void {
  const { bytes } = texts;
  for (let i = 0; i < texts.count; i++) {
    const start = texts.start(i);
    const length = texts.length(i);
    let key = 0;
    let ended = false;
    for (let k = 0; k < KEY_BYTES; k++) {
      const byte = k < length && !ended ? bytes[start + k]! : 0;
      if (upToNul && byte === 0) ended = true;
      key = key * 256 + byte;
    }
    keys[i] = key;
  }
}

/** Compares as strcmp: a NUL byte ends a text. */
function tieUpToNul(texts: ByteList): Tie {
  return (a, b) => {
    const { bytes } = texts;
    const startA = texts.start(a);
    const startB = texts.start(b);
    const lengthA = texts.length(a);
    const lengthB = texts.length(b);
    for (let i = 0; ; i++) {
      const byteA = i < lengthA ? bytes[startA + i]! : 0;
      const byteB = i < lengthB ? bytes[startB + i]! : 0;
      if (byteA !== byteB) return byteA - byteB;
      if (byteA === 0) return 0;
    }
  };
}

// --------------------------------------------------------------------------------------------------- output

/** Replies with, or stores, the elements from `start` up to `end` of `sorted` (null: as they were loaded). */
function finish(
  client: Client,
  args: Args,
  options: Options,
  sorted: Int32Array | null,
  start: number,
  end: number,
): void {
  const { get, store } = options;
  const { out } = client;
  const count = Math.max(0, end - start) * Math.max(1, get.length);
  if (store === 0) out.array(count);
  for (let i = start; i < end; i++) {
    const index = sorted === null ? i : sorted[i]!;
    const off = elements.start(index);
    const len = elements.length(index);
    if (get.length === 0) {
      if (store === 0) out.bulk(elements.bytes, off, len);
      else outputs.push(elements.bytes, off, len);
      continue;
    }
    for (const pattern of get) {
      const { value } = pattern;
      const isThere = pattern.find(client, elements.bytes, off, len);
      if (store !== 0) outputs.push(value.bytes, value.off, isThere ? value.len : 0);
      else if (isThere) out.bulk(value.bytes, value.off, value.len);
      else out.null();
    }
  }
  if (store === 0) return;
  storeList(client, args, store, outputs);
  outputs.clear();
  out.int(count);
}

function finishIntegers(
  client: Client,
  args: Args,
  options: Options,
  integers: Float64Array,
  start: number,
  end: number,
): void {
  const { out } = client;
  const count = Math.max(0, end - start);
  if (options.store === 0) {
    out.array(count);
    writeIntegers(integers, start, end, options.descending, out);
    return;
  }
  writeIntegers(integers, start, end, options.descending, outputs);
  storeList(client, args, options.store, outputs);
  outputs.clear();
  out.int(count);
}

/** The keys of SORT: what is sorted, and the last STORE's. */
export function sortKeys(args: Args): KeyRef[] {
  const keys: KeyRef[] = [{ index: 1, flags: KEY_RO | KEY_ACCESS }];
  let store = 0;
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'limit')) i += 2;
    else if (args.is(i, 'get') || args.is(i, 'by')) i++;
    else if (args.is(i, 'store') && i + 1 < args.count) store = i + 1;
  }
  if (store !== 0) keys.push({ index: store, flags: KEY_OW | KEY_UPDATE });
  return keys;
}

export function sortRoKeys(): KeyRef[] {
  return [{ index: 1, flags: KEY_RO | KEY_ACCESS }];
}
