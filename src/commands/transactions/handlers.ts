/**
 * MULTI, EXEC, DISCARD, WATCH and UNWATCH; what they do is in engine/transactions.ts.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';

export function multi(client: Client): void {
  client.engine.transactions.begin(client);
  client.out.ok();
}

export function exec(client: Client): void {
  client.engine.transactions.exec(client);
}

export function discard(client: Client): void {
  if (client.transaction === null) throw errors.DISCARD_WITHOUT_MULTI;
  client.engine.transactions.discard(client);
  client.out.ok();
}

export function watch(client: Client, args: Args): void {
  client.engine.transactions.watch(client, args);
  client.out.ok();
}

export function unwatch(client: Client): void {
  client.engine.transactions.unwatch(client);
  client.out.ok();
}
