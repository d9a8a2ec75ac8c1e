/**
 * SMEMBERS, SRANDMEMBER, SPOP and SSCAN: members of one set, all of them, some by chance, or bit by bit.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { SET_TABLE } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { type Random, randomBelow } from '../../util/random.ts';
import { SetValue } from '../../values/set.ts';
import { cursorArg, int64Arg } from '../keys/arguments.ts';
import { scanOptions } from '../keys/scan.ts';
import { replyRepeatedly } from '../repeated-replies.ts';
import { HandleList } from './handle-list.ts';
import { passOnRemoval, popOne, readSet, signal, signalGone, writtenSet } from './hot.ts';

const LONG_MAX = 9223372036854775807n;
const OUT_OF_LONG = errors.err(`value is out of range, value must between -${LONG_MAX} and ${LONG_MAX}`);
const STAR = 0x2a;

/** With less than a fifth as many members left as are popped, those that are left are moved instead of the others. */
const KEEP_BELOW = 5;

const set = new SetValue();
const rest = new SetValue();
const handles = new HandleList();

export function smembers(client: Client, args: Args): void {
  const ref = readSet(client, args, 1);
  if (ref === 0) client.out.set(0);
  else {
    set.open(client.db, ref);
    client.out.set(set.size);
    replyAll(client, set);
  }
}

/** All members of a set, without a header. */
export function replyAll(client: Client, from: SetValue): void {
  const { out } = client;
  const { member } = from;
  from.rewind();
  while (from.next()) out.bulk(member.bytes, member.off, member.len);
}

export function spop(client: Client, args: Args): void {
  if (args.count === 2) popOne(client, args);
  else if (args.count === 3) popMany(client, args);
  else throw errors.SYNTAX;
}

function popMany(client: Client, args: Args): void {
  const { keyspace, propagation, random } = client.engine;
  const { db, out } = client;
  const count = positiveArg(args, 2);
  const ref = writtenSet(client, args, 1);
  if (ref === 0 || count === 0) {
    out.set(0);
    return;
  }
  set.open(db, ref);
  const { size } = set;
  if (count >= size) {
    out.set(size);
    replyAll(client, set);
    db.remove(ref);
    keyspace.dirty += size;
    signal(client, args, 1, 'spop');
    signalGone(client, args, 1);
    propagation.insteadRemoval(client, args, false);
    return;
  }
  const { member } = set;
  if ((size - count) * KEEP_BELOW <= count) keepFew(client, args, size - count);
  else if (set.form === SET_TABLE) {
    out.set(count);
    for (let i = 0; i < count; i++) {
      set.pick(random);
      out.bulk(member.bytes, member.off, member.len);
      if (propagation.active) passOnRemoval(client, args, member.bytes, member.off, member.len);
      set.removePicked();
    }
  } else {
    // Taking members away may ask for another slot, so the reply has to wait.
    const popped: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      set.pick(random);
      const { bytes, off, len } = member;
      popped.push(bytes.slice(off, off + len));
      set.removePicked();
    }
    out.set(count);
    for (const bytes of popped) {
      out.bulkBytes(bytes);
      if (propagation.active) passOnRemoval(client, args, bytes, 0, bytes.length);
    }
  }
  keyspace.dirty += count;
  signal(client, args, 1, 'spop');
}

/**
 * Pops all but a few: those are put into a new set, in the form that it has by itself, and the old one is given up as a
 * whole. (The reply comes first. Should there be no room for the new set, the client is closed anyway.)
 */
function keepFew(client: Client, args: Args, few: number): void {
  const { db, out } = client;
  const { member, ref } = set;
  draw(client.engine.random, set.size, few);
  const kept = new Set<number>();
  rest.begin(db);
  for (let i = 0; i < few; i++) {
    set.at(handles.list[i]!);
    if (i === 0) rest.expect(few, member.bytes, member.off, member.len);
    rest.add(member.bytes, member.off, member.len);
    kept.add(handles.list[i]!);
  }
  handles.clear();
  out.set(set.size - few);
  set.rewind();
  const { active } = client.engine.propagation;
  while (set.next()) {
    if (kept.has(set.handle)) continue;
    out.bulk(member.bytes, member.off, member.len);
    if (active) passOnRemoval(client, args, member.bytes, member.off, member.len);
  }
  rest.store(ref, args.buf, args.off[1]!, args.len[1]!, db.access(ref), true);
}

/** A count from 0 to the largest long; what is beyond 2^53 is rounded. */
function positiveArg(args: Args, i: number): number {
  const value = int64Arg(args, i, errors.NOT_POSITIVE);
  if (value < 0) throw errors.NOT_POSITIVE;
  return Number(value);
}

export function srandmember(client: Client, args: Args): void {
  if (args.count > 3) throw errors.SYNTAX;
  const { out } = client;
  const { random } = client.engine;
  if (args.count === 2) {
    const ref = readSet(client, args, 1);
    if (ref === 0) {
      out.null();
      return;
    }
    set.open(client.db, ref).pick(random);
    out.bulk(set.member.bytes, set.member.off, set.member.len);
    return;
  }
  const wanted = int64Arg(args, 2);
  if (wanted < -LONG_MAX) throw OUT_OF_LONG;
  const count = Number(wanted);
  const ref = readSet(client, args, 1);
  if (ref === 0 || count === 0) out.emptyArray();
  else if (count < 0) replyWithRepeats(client, ref, -count);
  else replyDistinct(client, ref, count);
}

function replyWithRepeats(client: Client, ref: number, count: number): void {
  const { out } = client;
  const { random } = client.engine;
  const { member } = set.open(client.db, ref);
  out.array(count);
  replyRepeatedly(client, count, () => {
    set.pick(random);
    out.bulk(member.bytes, member.off, member.len);
  });
}

function replyDistinct(client: Client, ref: number, count: number): void {
  const { out } = client;
  const { random } = client.engine;
  const { member } = set.open(client.db, ref);
  const { size } = set;
  if (count >= size) {
    out.array(size);
    replyAll(client, set);
    return;
  }
  draw(random, size, count);
  out.array(count);
  for (let i = 0; i < count; i++) {
    set.at(handles.list[i]!);
    out.bulk(member.bytes, member.off, member.len);
  }
  handles.clear();
}

/** Puts `count` different members, in an order by chance, at the start of `handles`. */
function draw(random: Random, size: number, count: number): void {
  handles.clear();
  if (count * 3 > size) {
    set.rewind();
    while (set.next()) handles.push(set.handle);
    const { list } = handles;
    for (let i = 0; i < count; i++) {
      const k = i + randomBelow(random, size - i);
      const drawn = list[k]!;
      list[k] = list[i]!;
      list[i] = drawn;
    }
    return;
  }
  const seen = new Set<number>();
  while (handles.count < count) {
    set.pick(random);
    if (seen.has(set.handle)) continue;
    seen.add(set.handle);
    handles.push(set.handle);
  }
}

export function sscan(client: Client, args: Args): void {
  const cursor = cursorArg(args, 2);
  const ref = readSet(client, args, 1);
  const { out } = client;
  if (ref === 0) {
    out.array(2);
    out.bulkText('0');
    out.emptyArray();
    return;
  }
  const { count, match } = scanOptions(args, 3, false);
  const { buf } = args;
  const off = args.off[match]!;
  const len = args.len[match]!;
  const { member } = set.open(client.db, ref);
  const all = match === 0 || (len === 1 && buf[off] === STAR);
  const passes = (): boolean =>
    all || globMatchBytes(buf, off, len, member.bytes, member.off, member.len, false);
  handles.clear();
  let next = 0;
  if (set.form === SET_TABLE) {
    let seen = 0;
    next = set.table!.table.scan(cursor, (found) => {
      set.at(found);
      if (passes()) handles.push(found);
      return ++seen < count;
    });
  } else {
    // What is packed is small: it comes at once.
    set.rewind();
    while (set.next()) if (passes()) handles.push(set.handle);
  }
  out.array(2);
  out.bulkText(String(next));
  out.array(handles.count);
  for (let i = 0; i < handles.count; i++) {
    set.at(handles.list[i]!);
    out.bulk(member.bytes, member.off, member.len);
  }
  handles.clear();
}
