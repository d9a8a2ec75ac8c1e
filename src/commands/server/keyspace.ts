/**
 * DBSIZE, FLUSHALL, FLUSHDB and SWAPDB.
 *
 * ASYNC and SYNC do the same, but for what INFO counts as lazily freed: emptying takes constant time, and what must
 * be freed entry by entry is left to the lazy free (keyspace/lazy-free.ts).
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { int32Arg } from '../keys/arguments.ts';

const INVALID_FIRST = errors.err('invalid first DB index');
const INVALID_SECOND = errors.err('invalid second DB index');

export function dbsize(client: Client): void {
  client.out.int(client.db.size);
}

export function flushall(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const lazily = isLazy(args, keyspace.lazyFree.userFlush);
  keyspace.dirty += keyspace.flushAll(lazily);
  client.engine.persistence?.flushedAll();
  // Told even if there was nothing: who is told may have something.
  client.engine.propagation.force(client);
  client.out.ok();
}

export function flushdb(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const lazily = isLazy(args, keyspace.lazyFree.userFlush);
  keyspace.dirty += keyspace.flush(client.db, lazily);
  client.engine.propagation.force(client);
  client.out.ok();
}

/** ASYNC, SYNC, or without either what lazyfree-lazy-user-flush says. */
function isLazy(args: Args, byDefault: boolean): boolean {
  if (args.count === 1) return byDefault;
  if (args.count === 2 && args.is(1, 'async')) return true;
  if (args.count === 2 && args.is(1, 'sync')) return false;
  throw errors.SYNTAX;
}

export function swapdb(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const a = keyspace.databases[int32Arg(args, 1, INVALID_FIRST)];
  const b = keyspace.databases[int32Arg(args, 2, INVALID_SECOND)];
  if (a === undefined || b === undefined) throw errors.DB_OUT_OF_RANGE;
  keyspace.swap(a, b);
  keyspace.dirty++;
  client.out.ok();
}
