/**
 * DEL, UNLINK, EXISTS, TOUCH and TYPE.
 *
 * UNLINK differs from DEL for big collections only: they are freed by and by (keyspace/lazy-free.ts). A string is
 * freed in constant time whatever its size: its bytes are a slot, or a buffer that the collector takes.
 */
import type { Client } from '../../engine/client.ts';
import { TYPE_NAMES } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EXPIRE_DELETES } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';

export function del(client: Client, args: Args): void {
  remove(client, args, client.engine.keyspace.lazyFree.userDel);
}

export function unlink(client: Client, args: Args): void {
  remove(client, args, true);
}

function remove(client: Client, args: Args, lazily: boolean): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  let deleted = 0;
  for (let i = 1; i < args.count; i++) {
    const off = args.off[i]!;
    const len = args.len[i]!;
    const ref = db.find(buf, off, len);
    if (ref === 0) continue;
    // Where expired keys are only hidden (a replica), the master's DEL is what removes them.
    if (keyspace.expireMode === EXPIRE_DELETES && keyspace.expireIfDue(db, ref)) continue;
    keyspace.removeLazily(db, ref, lazily);
    deleted++;
    keyspace.dirty++;
    keyspace.touched(db, buf, off, len);
    keyspace.event(EVENT_GENERIC, 'del', db, buf, off, len);
  }
  client.out.int(deleted);
}

export function exists(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  let found = 0;
  for (let i = 1; i < args.count; i++) {
    if (keyspace.lookupUntouched(client.db, args.buf, args.off[i]!, args.len[i]!) !== 0) found++;
  }
  client.out.int(found);
}

/** TOUCH refreshes the clock even for clients with NO-TOUCH. */
export function touch(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { noTouch } = keyspace;
  keyspace.noTouch = false;
  let found = 0;
  for (let i = 1; i < args.count; i++) {
    if (keyspace.lookupRead(client.db, args.buf, args.off[i]!, args.len[i]!) !== 0) found++;
  }
  keyspace.noTouch = noTouch;
  client.out.int(found);
}

export function type(client: Client, args: Args): void {
  const ref = client.engine.keyspace.lookupUntouched(client.db, args.buf, args.off[1]!, args.len[1]!);
  client.out.simple(ref === 0 ? 'none' : TYPE_NAMES[client.db.type(ref)]!);
}
