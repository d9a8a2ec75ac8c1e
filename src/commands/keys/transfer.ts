/**
 * COPY, MOVE, RENAME and RENAMENX: keyspace/transfer.ts moves the records, the rules are here.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import { EVENT_GENERIC, EVENT_NEW } from '../../keyspace/keyspace.ts';
import { copyEntry, moveEntry, renameEntry } from '../../keyspace/transfer.ts';
import type { Args } from '../../resp/args.ts';
import { databaseArg } from './arguments.ts';

export function rename(client: Client, args: Args): void {
  if (renameGeneric(client, args, false)) client.out.ok();
}

export function renamenx(client: Client, args: Args): void {
  client.out.int(renameGeneric(client, args, true) ? 1 : 0);
}

/** Returns false when `onlyIfNew` and there is a key of the new name. */
function renameGeneric(client: Client, args: Args, onlyIfNew: boolean): boolean {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const from = args.off[1]!;
  const fromLen = args.len[1]!;
  const to = args.off[2]!;
  const toLen = args.len[2]!;
  if (keyspace.lookupWrite(db, buf, from, fromLen) === 0) throw errors.NO_SUCH_KEY;
  if (args.same(1, 2)) return !onlyIfNew;
  const target = keyspace.lookupWrite(db, buf, to, toLen);
  if (target !== 0) {
    if (onlyIfNew) return false;
    db.remove(target);
  }
  renameEntry(db, db.find(buf, from, fromLen), buf, to, toLen);
  keyspace.dirty++;
  keyspace.event(EVENT_NEW, 'new', db, buf, to, toLen);
  keyspace.touched(db, buf, from, fromLen);
  keyspace.touched(db, buf, to, toLen);
  keyspace.event(EVENT_GENERIC, 'rename_from', db, buf, from, fromLen);
  keyspace.event(EVENT_GENERIC, 'rename_to', db, buf, to, toLen);
  return true;
}

export function move(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const source = client.db;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  const target = databaseArg(client, args, 2);
  if (target === source) throw errors.SAME_OBJECT;
  const ref = keyspace.lookupWrite(source, buf, off, len);
  if (ref === 0 || keyspace.lookupWrite(target, buf, off, len) !== 0) {
    client.out.int(0);
    return;
  }
  moveEntry(source, ref, target);
  keyspace.dirty++;
  keyspace.event(EVENT_NEW, 'new', target, buf, off, len);
  keyspace.touched(source, buf, off, len);
  keyspace.touched(target, buf, off, len);
  keyspace.event(EVENT_GENERIC, 'move_from', source, buf, off, len);
  keyspace.event(EVENT_GENERIC, 'move_to', target, buf, off, len);
  client.out.int(1);
}

export function copy(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const source = client.db;
  const { buf } = args;
  const { target, replace } = copyOptions(client, args);
  if (target === source && args.same(1, 2)) throw errors.SAME_OBJECT;
  const to = args.off[2]!;
  const toLen = args.len[2]!;
  if (keyspace.lookupRead(source, buf, args.off[1]!, args.len[1]!) === 0) {
    client.out.int(0);
    return;
  }
  const old = keyspace.lookupWrite(target, buf, to, toLen);
  if (old !== 0) {
    if (!replace) {
      client.out.int(0);
      return;
    }
    target.remove(old);
  }
  const ref = source.find(buf, args.off[1]!, args.len[1]!);
  copyEntry(source, ref, target, buf, to, toLen, keyspace.newAccess());
  keyspace.dirty++;
  keyspace.event(EVENT_NEW, 'new', target, buf, to, toLen);
  keyspace.touched(target, buf, to, toLen);
  keyspace.event(EVENT_GENERIC, 'copy_to', target, buf, to, toLen);
  client.out.int(1);
}

function copyOptions(client: Client, args: Args): { target: Database; replace: boolean } {
  let target = client.db;
  let replace = false;
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'replace')) replace = true;
    else if (args.is(i, 'db') && i + 1 < args.count) target = databaseArg(client, args, ++i);
    else throw errors.SYNTAX;
  }
  return { target, replace };
}
