/**
 * OBJECT: what is known of a value besides its contents. It leaves no trace on the clock that it shows.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import { encodingName, isSharedInteger, SHARED_REFCOUNT } from '../../keyspace/encoding.ts';
import type { Args } from '../../resp/args.ts';

const HELP = [
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
];

/** Finds the key in argument 2; replies null and returns 0 if it isn't there. */
function lookup(client: Client, args: Args): number {
  const ref = client.engine.keyspace.lookupUntouched(client.db, args.buf, args.off[2]!, args.len[2]!, false);
  if (ref === 0) client.out.null();
  return ref;
}

export function objectEncoding(client: Client, args: Args): void {
  const ref = lookup(client, args);
  if (ref !== 0) client.out.bulkText(encodingName(client.db, ref));
}

export function objectRefcount(client: Client, args: Args): void {
  const ref = lookup(client, args);
  if (ref === 0) return;
  const { values } = client.engine.config;
  // Shared values cannot have clocks of their own, so policies that need the clock rule them out.
  const shares = values.maxmemory === 0 || !/l[rf]u$/.test(values['maxmemory-policy']);
  client.out.int(shares && isSharedInteger(client.db, ref) ? SHARED_REFCOUNT : 1);
}

export function objectIdletime(client: Client, args: Args): void {
  const ref = lookup(client, args);
  if (ref === 0) return;
  const { keyspace } = client.engine;
  if (keyspace.lfu) throw errors.IDLETIME_UNDER_LFU;
  client.out.int(keyspace.idleSeconds(client.db.access(ref)));
}

export function objectFreq(client: Client, args: Args): void {
  const ref = lookup(client, args);
  if (ref === 0) return;
  const { keyspace } = client.engine;
  if (!keyspace.lfu) throw errors.FREQ_WITHOUT_LFU;
  client.out.int(keyspace.lfuCounter(client.db.access(ref)));
}

export function objectHelp(client: Client): void {
  replyHelp(client, 'OBJECT', HELP);
}
