/**
 * Expiry times: EXPIRE and its kin, TTL and its kin, PERSIST.
 *
 * Every form becomes one moment in ms since the epoch before the key is looked up; what does not fit 64 bits on
 * the way is "invalid expire time". A moment that has passed deletes the key at once, as DEL would (event `del`).
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { type Deadline, deadlineOf, setDeadline, toDeadline } from '../../keyspace/deadline.ts';
import { EVENT_GENERIC, EXPIRE_DELETES } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { int64Arg } from './arguments.ts';

// Conditions, as bits.
const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

export function expire(client: Client, args: Args): void {
  expireGeneric(client, args, 'expire', 1000, client.engine.nowMs);
}

export function expireat(client: Client, args: Args): void {
  expireGeneric(client, args, 'expireat', 1000, 0);
}

export function pexpire(client: Client, args: Args): void {
  expireGeneric(client, args, 'pexpire', 1, client.engine.nowMs);
}

export function pexpireat(client: Client, args: Args): void {
  expireGeneric(client, args, 'pexpireat', 1, 0);
}

/** `unit` is the argument's in ms, `base` what it counts from. */
function expireGeneric(client: Client, args: Args, name: string, unit: number, base: number): void {
  const { keyspace, propagation } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  const condition = args.count > 3 ? conditionArgs(args) : 0;
  const when = moment(int64Arg(args, 2), name, unit, base);
  const ref = keyspace.lookupWrite(db, buf, off, len);
  if (ref === 0 || (condition !== 0 && !applies(condition, when, deadlineOf(db, ref)))) {
    client.out.int(0);
    return;
  }
  keyspace.dirty++;
  if (when <= keyspace.now && keyspace.expireMode === EXPIRE_DELETES) {
    db.remove(ref);
    keyspace.touched(db, buf, off, len);
    keyspace.event(EVENT_GENERIC, 'del', db, buf, off, len);
    propagation.insteadRemoval(client, args, keyspace.lazyFree.expire);
  } else {
    // On a replica a moment of the past waits for the master's DEL; none of them is before 1970.
    if (when < 0) setDeadline(db, ref, 0);
    else setDeadline(db, ref, when);
    keyspace.touched(db, buf, off, len);
    keyspace.event(EVENT_GENERIC, 'expire', db, buf, off, len);
    if (propagation.active && (unit !== 1 || base !== 0)) {
      const effect = propagation.replace(client, args.count);
      effect.text('PEXPIREAT');
      effect.argOf(args, 1);
      effect.word(when);
      effect.argsOf(args, 3, args.count);
    }
  }
  client.out.int(1);
}

function conditionArgs(args: Args): number {
  let condition = 0;
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'nx')) condition |= NX;
    else if (args.is(i, 'xx')) condition |= XX;
    else if (args.is(i, 'gt')) condition |= GT;
    else if (args.is(i, 'lt')) condition |= LT;
    else throw errors.err(`Unsupported option ${args.text(i)}`);
  }
  if ((condition & NX) !== 0 && (condition & (XX | GT | LT)) !== 0) throw errors.NX_WITH_OTHERS;
  if ((condition & GT) !== 0 && (condition & LT) !== 0) throw errors.GT_WITH_LT;
  return condition;
}

function moment(amount: number | bigint, name: string, unit: number, base: number): Deadline {
  if (typeof amount === 'number') {
    const ms = amount * unit + base;
    if (Number.isSafeInteger(ms)) return ms;
  }
  const inUnit = BigInt(amount) * BigInt(unit);
  const when = toDeadline(inUnit) === null ? null : toDeadline(inUnit + BigInt(base));
  if (when === null) throw errors.invalidExpire(name);
  return when;
}

/** `current` is -1 for a key that never expires: later than any moment. */
function applies(condition: number, when: Deadline, current: Deadline): boolean {
  const expires = current !== -1;
  if ((condition & NX) !== 0 && expires) return false;
  if ((condition & XX) !== 0 && !expires) return false;
  if ((condition & GT) !== 0 && (!expires || when <= current)) return false;
  return (condition & LT) === 0 || !expires || when < current;
}

export function ttl(client: Client, args: Args): void {
  replyTime(client, args, 1000, true);
}

export function pttl(client: Client, args: Args): void {
  replyTime(client, args, 1, true);
}

export function expiretime(client: Client, args: Args): void {
  replyTime(client, args, 1000, false);
}

export function pexpiretime(client: Client, args: Args): void {
  replyTime(client, args, 1, false);
}

/** Replies with the expiry in units of `unit` ms, rounded; -2: no such key, -1: no expiry. */
function replyTime(client: Client, args: Args, unit: number, remaining: boolean): void {
  const { keyspace } = client.engine;
  const ref = keyspace.lookupUntouched(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0) {
    client.out.int(-2);
    return;
  }
  const when = deadlineOf(client.db, ref);
  if (when === -1) {
    client.out.int(-1);
    return;
  }
  if (typeof when === 'number') {
    const ms = remaining ? Math.max(0, when - keyspace.now) : when;
    client.out.int(unit === 1 ? ms : Math.floor((ms + 500) / 1000));
    return;
  }
  const ms = remaining ? when - BigInt(keyspace.now) : when;
  client.out.bigInt(unit === 1 ? ms : (ms + 500n) / 1000n);
}

export function persist(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  const ref = keyspace.lookupWrite(db, buf, off, len);
  if (ref === 0 || db.expireAt(ref) < 0) {
    client.out.int(0);
    return;
  }
  db.setExpire(ref, -1);
  keyspace.dirty++;
  keyspace.touched(db, buf, off, len);
  keyspace.event(EVENT_GENERIC, 'persist', db, buf, off, len);
  client.out.int(1);
}
