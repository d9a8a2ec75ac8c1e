/**
 * SET with its options and the older commands that SET replaced: SETEX, PSETEX, SETNX, MSETNX, GETSET; and GETDEL and
 * GETEX, which read a string and then change whether it lives on.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { type Deadline, setDeadline } from '../../keyspace/deadline.ts';
import { STRING_AUTO, TYPE_STRING } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import {
  ABSOLUTE,
  EX,
  GETEX_OPTIONS,
  IF_EXISTS,
  IF_MISSING,
  KEEP_TTL,
  PERSIST,
  PX,
  RETURN_OLD,
  readExpireTime,
  readOptions,
  SET_OPTIONS,
} from './expire-option.ts';
import { replyString, set as setPlain, storeOwned, storePlain } from './hot.ts';

export function set(client: Client, args: Args): void {
  if (args.count === 3) setPlain(client, args);
  else setWithOptions(client, args);
}

function setWithOptions(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db, out } = client;
  const { flags, timeAt } = readOptions(args, 3, SET_OPTIONS);
  const when = timeAt === 0 ? null : readExpireTime(client, args, timeAt, flags, 'set');
  const returnOld = (flags & RETURN_OLD) !== 0;
  // The old value goes out first: storing destroys it. Nothing is refused any more after this.
  if (returnOld) replyOld(client, args);
  const ref = keyspace.lookupWrite(db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0 ? (flags & IF_EXISTS) !== 0 : (flags & IF_MISSING) !== 0) {
    if (!returnOld) out.null();
    return;
  }
  store(client, args, ref, 2, (flags & KEEP_TTL) !== 0, when);
  if (returnOld && when === null && client.engine.propagation.active) passOnWithoutGet(client, args);
  if (!returnOld) out.ok();
}

/** Nobody reads the reply of what is told. */
function passOnWithoutGet(client: Client, args: Args): void {
  let kept = args.count;
  for (let i = 3; i < args.count; i++) if (args.is(i, 'get')) kept--;
  const effect = client.engine.propagation.replace(client, kept);
  for (let i = 0; i < args.count; i++) if (i < 3 || !args.is(i, 'get')) effect.argOf(args, i);
}

export function setex(client: Client, args: Args): void {
  setTimed(client, args, EX, 'setex');
}

export function psetex(client: Client, args: Args): void {
  setTimed(client, args, PX, 'psetex');
}

function setTimed(client: Client, args: Args, option: number, command: string): void {
  const when = readExpireTime(client, args, 2, option, command);
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[1]!, args.len[1]!);
  store(client, args, ref, 3, false, when);
  client.out.ok();
}

export function setnx(client: Client, args: Args): void {
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0) {
    client.out.int(0);
    return;
  }
  store(client, args, 0, 2, false, null);
  client.out.int(1);
}

/** A key that is named twice gets its last value: only the keys that were there before count. */
export function msetnx(client: Client, args: Args): void {
  if ((args.count & 1) === 0) throw errors.wrongArity('msetnx');
  const { keyspace } = client.engine;
  for (let i = 1; i < args.count; i += 2) {
    if (keyspace.lookupWrite(client.db, args.buf, args.off[i]!, args.len[i]!) !== 0) {
      client.out.int(0);
      return;
    }
  }
  for (let i = 1; i < args.count; i += 2) storePlain(client, args, i, i + 1);
  client.out.int(1);
}

export function getset(client: Client, args: Args): void {
  const { propagation } = client.engine;
  replyOld(client, args);
  storePlain(client, args, 1, 2);
  if (!propagation.active) return;
  const effect = propagation.replace(client, 3);
  effect.text('SET');
  effect.argsOf(args, 1, 3);
}

export function getdel(client: Client, args: Args): void {
  const ref = lookupString(client, args);
  if (ref === 0) {
    client.out.null();
    return;
  }
  replyString(client, ref);
  removeKey(client, args, ref, client.engine.keyspace.lazyFree.userDel);
}

/** The time is checked only where there is a key to give it to, as Redis does. */
export function getex(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { flags, timeAt } = readOptions(args, 2, GETEX_OPTIONS);
  const ref = lookupString(client, args);
  if (ref === 0) {
    client.out.null();
    return;
  }
  const when = timeAt === 0 ? null : readExpireTime(client, args, timeAt, flags, 'getex');
  replyString(client, ref);
  if (when !== null) {
    if ((flags & ABSOLUTE) !== 0 && when <= keyspace.now) {
      removeKey(client, args, ref, keyspace.lazyFree.expire);
      return;
    }
    keyspace.willChange(db, ref);
    setDeadline(db, ref, when);
  } else {
    if ((flags & PERSIST) === 0 || db.expireAt(ref) < 0) return;
    keyspace.willChange(db, ref);
    db.setExpire(ref, -1);
  }
  const off = args.off[1]!;
  const len = args.len[1]!;
  keyspace.dirty++;
  keyspace.touched(db, args.buf, off, len);
  keyspace.event(EVENT_GENERIC, when === null ? 'persist' : 'expire', db, args.buf, off, len);
  const { propagation } = client.engine;
  if (!propagation.active) return;
  const effect = propagation.replace(client, when === null ? 2 : 3);
  effect.text(when === null ? 'PERSIST' : 'PEXPIREAT');
  effect.argOf(args, 1);
  if (when !== null) effect.word(when);
}

/** Finds the key in argument 1 for reading; it must hold a string. 0 if there is none. */
function lookupString(client: Client, args: Args): number {
  const { db } = client;
  const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[1]!, args.len[1]!);
  if (ref !== 0 && db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
  return ref;
}

function replyOld(client: Client, args: Args): void {
  const ref = lookupString(client, args);
  if (ref === 0) client.out.null();
  else replyString(client, ref);
}

/** Stores argument `v` under the key in argument 1, which has just been looked up, and signals it. */
function store(
  client: Client,
  args: Args,
  ref: number,
  v: number,
  keepExpire: boolean,
  when: Deadline | null,
): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  // With a new time to come the old one's room is kept for it.
  const keepRoom = keepExpire || when !== null;
  const access = keyspace.replacedAccess(db, ref);
  const meta = TYPE_STRING | STRING_AUTO;
  const at = args.owned
    ? storeOwned(client, args, ref, 1, v, keepRoom, access)
    : db.storeValue(ref, buf, off, len, buf, args.off[v]!, args.len[v]!, meta, access, keepRoom);
  if (when !== null) setDeadline(db, at, when);
  keyspace.dirty++;
  keyspace.touched(db, buf, off, len);
  if (when !== null && client.engine.propagation.active) passOnTimed(client, args, v, when);
  if (keyspace.eventMask === 0) return;
  if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, off, len);
  keyspace.event(EVENT_STRING, 'set', db, buf, off, len);
  if (when !== null) keyspace.event(EVENT_GENERIC, 'expire', db, buf, off, len);
}

/** Whoever is told stores the same moment, whenever that is. */
function passOnTimed(client: Client, args: Args, v: number, when: Deadline): void {
  const effect = client.engine.propagation.replace(client, 5);
  effect.text('SET');
  effect.argOf(args, 1);
  effect.argOf(args, v);
  effect.text('PXAT');
  effect.word(when);
}

/** Removes the key in argument 1, which has just been looked up, and signals it. */
function removeKey(client: Client, args: Args, ref: number, lazily: boolean): void {
  const { keyspace } = client.engine;
  const { db } = client;
  keyspace.willChange(db, ref);
  db.remove(ref);
  keyspace.dirty++;
  keyspace.touched(db, args.buf, args.off[1]!, args.len[1]!);
  keyspace.event(EVENT_GENERIC, 'del', db, args.buf, args.off[1]!, args.len[1]!);
  client.engine.propagation.insteadRemoval(client, args, lazily);
}
