/** What the commands of lists share: arguments, lookups, signals. */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { TYPE_LIST, TYPE_MASK } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_LIST, EVENT_NEW } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';

/** LEFT is true. */
export function sideAt(args: Args, i: number): boolean {
  if (args.is(i, 'left')) return true;
  if (args.is(i, 'right')) return false;
  throw errors.SYNTAX;
}

/** The list in argument `k`, for reading; 0 if there is none. */
export function listForReading(client: Client, args: Args, k: number): number {
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[k]!, args.len[k]!);
  if (ref !== 0 && (client.db.meta(ref) & TYPE_MASK) !== TYPE_LIST) throw errors.WRONG_TYPE;
  return ref;
}

/** The same for writing. */
export function listForWriting(client: Client, args: Args, k: number): number {
  const ref = client.engine.keyspace.lookupWrite(client.db, args.buf, args.off[k]!, args.len[k]!);
  if (ref !== 0 && (client.db.meta(ref) & TYPE_MASK) !== TYPE_LIST) throw errors.WRONG_TYPE;
  return ref;
}

/** The list in argument `k` has changed. */
export function signal(client: Client, args: Args, k: number, event: string, isNew: boolean): void {
  const { keyspace } = client.engine;
  const off = args.off[k]!;
  const len = args.len[k]!;
  if (keyspace.watched) keyspace.touched(client.db, args.buf, off, len);
  if (keyspace.eventMask !== 0) {
    if (isNew) keyspace.event(EVENT_NEW, 'new', client.db, args.buf, off, len);
    keyspace.event(EVENT_LIST, event, client.db, args.buf, off, len);
  }
}

/** Elements were removed: the key goes with the last. `ref` is the entry found last. */
export function removedFrom(
  client: Client,
  args: Args,
  k: number,
  event: string,
  ref: number,
  empty: boolean,
): void {
  const { keyspace } = client.engine;
  if (empty) client.db.remove(ref);
  signal(client, args, k, event, false);
  if (empty && keyspace.eventMask !== 0) {
    keyspace.event(EVENT_GENERIC, 'del', client.db, args.buf, args.off[k]!, args.len[k]!);
  }
}
