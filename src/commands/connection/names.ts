/**
 * CLIENT SETNAME, GETNAME, SETINFO, ID: what a connection is called.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';

export function clientId(client: Client): void {
  client.out.int(client.id);
}

export function clientGetname(client: Client): void {
  if (client.name === '') client.out.null();
  else client.out.bulkText(client.name);
}

export function clientSetname(client: Client, args: Args): void {
  client.name = parseClientName(args, 2);
  client.out.ok();
}

export function clientSetinfo(client: Client, args: Args): void {
  const option = errors.shown(args.text(2), Infinity);
  const isName = args.is(2, 'lib-name');
  if (!isName && !args.is(2, 'lib-ver')) throw errors.err(`Unrecognized option '${option}'`);
  if (!isVisible(args, 3)) {
    throw errors.err(`${option} cannot contain spaces, newlines or special characters.`);
  }
  if (isName) client.libName = args.text(3);
  else client.libVersion = args.text(3);
  client.out.ok();
}

/** Argument i as a client's name; the empty one takes the name away. */
export function parseClientName(args: Args, i: number): string {
  if (!isVisible(args, i)) throw errors.BAD_CLIENT_NAME;
  return args.text(i);
}

/** Names stand in the lines of CLIENT LIST, so they are made of visible ASCII characters. */
function isVisible(args: Args, i: number): boolean {
  const end = args.off[i]! + args.len[i]!;
  for (let at = args.off[i]!; at < end; at++) {
    if (args.buf[at]! < 0x21 || args.buf[at]! > 0x7e) return false;
  }
  return true;
}
