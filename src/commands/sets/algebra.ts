/**
 * SINTER, SUNION, SDIFF and their kin: several sets at once.
 *
 * All tables of a server have one key hash, and each is kept in the order of hashes. So the members of one, taken in its
 * order, are looked up in another from its beginning to its end: memory is read in sequence, as in a merge of two
 * sorted lists, and no member is hashed again (SetTable.findCopy). Only members that share a hash are compared.
 *
 * The result of a -STORE is built apart from the keyspace and stored when it is whole: its key may be a source's.
 */

import { PACKED_MEMBERS_MAX } from '../../datatypes/set/limits.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { SET_INTSET, TYPE_SET } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_NEW, EVENT_SET } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { SetValue } from '../../values/set.ts';
import { int64Arg } from '../keys/arguments.ts';
import { HandleList } from './handle-list.ts';
import { replyAll } from './members.ts';

/** Handles kept from command to command. */
const KEPT_SOURCES = 8;
/** A union of more sets is built, of fewer it is listed by looking each member up in the sets before. */
const LISTED_UNION_MAX = 4;

const pool: SetValue[] = [];
const found = new HandleList();
const result = new SetValue();

/** Opens the sets under the arguments `from` ... `to`; null for keys that don't exist. */
function openSources(client: Client, args: Args, from: number, to: number): (SetValue | null)[] {
  const { keyspace } = client.engine;
  const { db } = client;
  const sources: (SetValue | null)[] = [];
  pool.length = Math.min(pool.length, KEPT_SOURCES);
  for (let i = from; i <= to; i++) {
    const ref = keyspace.lookupRead(db, args.buf, args.off[i]!, args.len[i]!);
    if (ref === 0) {
      sources.push(null);
      continue;
    }
    if (db.type(ref) !== TYPE_SET) throw errors.WRONG_TYPE;
    const at = sources.length;
    pool[at] ??= new SetValue();
    sources.push(pool[at]!.open(db, ref));
  }
  return sources;
}

function isThere(source: SetValue | null): source is SetValue {
  return source !== null;
}

// ----------------------------------------------------------------------------------------- intersection

export function sinter(client: Client, args: Args): void {
  const sources = intersected(client, args, 1, args.count - 1);
  if (sources === null) client.out.set(0);
  else if (sources.length === 1) replySet(client, sources[0]!);
  else {
    intersect(sources, 0);
    replyFound(client, sources[0]!);
  }
}

export function sintercard(client: Client, args: Args): void {
  const keys = Number(int64Arg(args, 1, errors.NUMKEYS_NOT_POSITIVE));
  if (keys < 1) throw errors.NUMKEYS_NOT_POSITIVE;
  if (keys > args.count - 2) throw errors.MORE_KEYS_THAN_ARGS;
  let limit = 0;
  for (let i = 2 + keys; i < args.count; i += 2) {
    if (i + 1 >= args.count || !args.is(i, 'limit')) throw errors.SYNTAX;
    limit = Number(int64Arg(args, i + 1, errors.NEGATIVE_LIMIT));
    if (limit < 0) throw errors.NEGATIVE_LIMIT;
  }
  const sources = intersected(client, args, 2, 1 + keys);
  if (sources === null) {
    client.out.int(0);
    return;
  }
  intersect(sources, limit);
  client.out.int(found.count);
  found.clear();
}

export function sinterstore(client: Client, args: Args): void {
  const sources = intersected(client, args, 2, args.count - 1);
  result.begin(client.db);
  if (sources !== null) {
    intersect(sources, 0);
    storeFound(client, sources[0]!);
  }
  storeResult(client, args, 'sinterstore');
}

/** The sets to be intersected, from the smallest on; null when one is empty. */
function intersected(client: Client, args: Args, from: number, to: number): SetValue[] | null {
  const all = openSources(client, args, from, to);
  const sources = all.filter(isThere);
  if (sources.length < all.length) return null;
  return sources.length === 1 ? sources : sources.sort((a, b) => a.size - b.size);
}

/** Puts the members of the first set that all others have into `found`; at most `limit`, if that is not 0. */
function intersect(sources: readonly SetValue[], limit: number): void {
  const first = sources[0]!;
  const others = sources.length;
  found.clear();
  first.rewind();
  while (first.next()) {
    let j = 1;
    while (j < others && sources[j]!.hasMemberOf(first)) j++;
    if (j < others) continue;
    found.push(first.handle, first.hash);
    if (found.count === limit) return;
  }
}

// ------------------------------------------------------------------------------------------------- union

export function sunion(client: Client, args: Args): void {
  const sources = openSources(client, args, 1, args.count - 1).filter(isThere);
  if (sources.length === 0) client.out.set(0);
  else if (sources.length === 1) replySet(client, sources[0]!);
  else if (sources.length <= LISTED_UNION_MAX && sources.some(({ form }) => form !== SET_INTSET)) {
    listUnion(client, sources);
  } else {
    unite(client, sources);
    replySet(client, result);
    result.drop();
  }
}

/** Replies with the largest set, and then with what is new in each of the others. */
function listUnion(client: Client, sources: SetValue[]): void {
  sources.sort((a, b) => b.size - a.size);
  const ends: number[] = [];
  found.clear();
  for (let i = 1; i < sources.length; i++) {
    const source = sources[i]!;
    source.rewind();
    while (source.next()) {
      let j = 0;
      while (j < i && !sources[j]!.hasMemberOf(source)) j++;
      if (j === i) found.push(source.handle);
    }
    ends.push(found.count);
  }
  client.out.set(sources[0]!.size + found.count);
  replyAll(client, sources[0]!);
  for (let i = 1, k = 0; i < sources.length; i++) {
    const { member } = sources[i]!;
    for (; k < ends[i - 1]!; k++) {
      sources[i]!.at(found.list[k]!);
      client.out.bulk(member.bytes, member.off, member.len);
    }
  }
  found.clear();
}

export function sunionstore(client: Client, args: Args): void {
  unite(client, openSources(client, args, 2, args.count - 1).filter(isThere));
  storeResult(client, args, 'sunionstore');
}

/** Builds the union in `result`. */
function unite(client: Client, sources: readonly SetValue[]): void {
  let largest = 0;
  let sum = 0;
  for (const { size } of sources) {
    largest = Math.max(largest, size);
    sum += size;
  }
  result.begin(client.db);
  if (isTable(client, largest)) result.reserve(sum);
  for (const source of sources) {
    source.rewind();
    while (source.next()) result.addMemberOf(source);
  }
}

/** Whether a set of so many members is a table, whatever they are. */
function isTable(client: Client, members: number): boolean {
  const { intsetEntries, listpackEntries } = client.db.memory.setLimits;
  return members > Math.max(intsetEntries, listpackEntries, PACKED_MEMBERS_MAX);
}

// -------------------------------------------------------------------------------------------- difference

export function sdiff(client: Client, args: Args): void {
  const sources = openSources(client, args, 1, args.count - 1);
  const first = sources[0]!;
  if (first === null) client.out.set(0);
  else if (subtract(client, first, sources.slice(1).filter(isThere))) replyFound(client, first);
  else {
    replySet(client, result);
    result.drop();
  }
}

export function sdiffstore(client: Client, args: Args): void {
  const sources = openSources(client, args, 2, args.count - 1);
  const first = sources[0]!;
  if (first === null) result.begin(client.db);
  else if (subtract(client, first, sources.slice(1).filter(isThere))) {
    result.begin(client.db);
    storeFound(client, first);
  }
  storeResult(client, args, 'sdiffstore');
}

/**
 * Takes the members of `others` away from those of `first`: either by looking each member of the first up in the
 * others (true: what is left is in `found`), or, where that would be more work, by removing all that the others have
 * from a copy (false: it is `result`).
 */
function subtract(client: Client, first: SetValue, others: SetValue[]): boolean {
  if (others.some(({ ref }) => ref === first.ref)) {
    // From itself: nothing is left.
    found.clear();
    return true;
  }
  let sum = first.size;
  for (const { size } of others) sum += size;
  if ((first.size * (others.length + 1)) / 2 <= sum) {
    // The largest is the most likely to have a member.
    others.sort((a, b) => b.size - a.size);
    found.clear();
    first.rewind();
    while (first.next()) {
      let j = 0;
      while (j < others.length && !others[j]!.hasMemberOf(first)) j++;
      if (j === others.length) found.push(first.handle, first.hash);
    }
    return true;
  }
  unite(client, [first]);
  for (const other of others) {
    const { member } = other;
    other.rewind();
    while (result.size > 0 && other.next()) result.remove(member.bytes, member.off, member.len);
  }
  return false;
}

// ------------------------------------------------------------------------------------- replies and results

function replySet(client: Client, set: SetValue): void {
  client.out.set(set.size);
  replyAll(client, set);
}

function replyFound(client: Client, from: SetValue): void {
  const { out } = client;
  const { member } = from;
  out.set(found.count);
  for (let i = 0; i < found.count; i++) {
    from.at(found.list[i]!);
    out.bulk(member.bytes, member.off, member.len);
  }
  found.clear();
}

/** Adds the members that were found to `result`. */
function storeFound(client: Client, from: SetValue): void {
  if (isTable(client, found.count)) result.reserve(found.count);
  for (let i = 0; i < found.count; i++) result.addFrom(from, found.list[i]!, found.hashes[i]!);
  found.clear();
}

/** Stores `result` under argument 1 and replies with its size. */
function storeResult(client: Client, args: Args, event: string): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  const { size } = result;
  if (size === 0) {
    result.drop();
    const ref = keyspace.lookupWrite(db, buf, off, len);
    if (ref !== 0) {
      db.remove(ref);
      keyspace.dirty++;
      if (keyspace.watched) keyspace.touched(db, buf, off, len);
      if (keyspace.eventMask !== 0) keyspace.event(EVENT_GENERIC, 'del', db, buf, off, len);
    }
    client.out.int(0);
    return;
  }
  const ref = keyspace.lookupReplace(db, buf, off, len);
  result.store(ref, buf, off, len, keyspace.replacedAccess(db, ref));
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(db, buf, off, len);
  if (keyspace.eventMask !== 0) {
    if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, off, len);
    keyspace.event(EVENT_SET, event, db, buf, off, len);
  }
  client.out.int(size);
}
