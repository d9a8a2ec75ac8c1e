/**
 * What ZRANGESTORE, ZUNIONSTORE and their kin do with their result.
 */
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import type { Client } from '../../engine/client.ts';
import { EVENT_GENERIC, EVENT_NEW } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { zsetStore } from '../../values/zset.ts';
import { signalZset } from './shared.ts';

/** Stores a set in order under argument `i`, and replies with its size; an empty one removes the key. */
export function storeResult(client: Client, args: Args, i: number, result: SortedSet, event: string): void {
  const { keyspace, config } = client.engine;
  const { db, out } = client;
  const { buf } = args;
  const off = args.off[i]!;
  const len = args.len[i]!;
  const ref = keyspace.lookupReplace(db, buf, off, len);
  const { size } = result;
  if (size === 0) {
    discard(result);
    if (ref !== 0) {
      db.remove(ref);
      keyspace.dirty++;
      if (keyspace.watched) keyspace.touched(db, buf, off, len);
      if (keyspace.eventMask !== 0) keyspace.event(EVENT_GENERIC, 'del', db, buf, off, len);
    }
    out.int(0);
    return;
  }
  zsetStore(db, buf, off, len, ref, result, config.values, keyspace.replacedAccess(db, ref));
  if (ref === 0 && keyspace.eventMask !== 0) keyspace.event(EVENT_NEW, 'new', db, buf, off, len);
  signalZset(client, args, i, event, 1, 0);
  out.int(size);
}

/** Gives back what a set holds that no key has. */
export function discard(set: SortedSet): void {
  while (set.release(65536));
}
