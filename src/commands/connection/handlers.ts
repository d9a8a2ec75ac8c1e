/**
 * Handlers of the connection commands, re-exported from the files of this folder under the names that specs use.
 */
import type { Client } from '../../engine/client.ts';
import { wrongArity } from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';

/** PING [message] */
export function ping(client: Client, args: Args): void {
  if (args.count > 2) throw wrongArity('ping');
  if (args.count === 1) client.out.pong();
  else client.out.bulk(args.buf, args.off[1]!, args.len[1]!);
}
