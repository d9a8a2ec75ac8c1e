/**
 * CLIENT LIST, INFO, KILL and UNBLOCK: seeing and ending other connections.
 */

import type { Acl } from '../../engine/acl/acl.ts';
import type { User } from '../../engine/acl/user.ts';
import type { Client } from '../../engine/client.ts';
import {
  type ClientType,
  clientLine,
  clientType,
  clientTypeNamed,
} from '../../engine/clients/client-line.ts';
import type { ClientRegistry } from '../../engine/clients/client-registry.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big } from '../../util/number-text.ts';

export function clientInfo(client: Client): void {
  client.out.verbatim(`${clientLine(client)}\n`);
}

export function clientList(client: Client, args: Args): void {
  const { clients } = client.engine;
  let listed: Iterable<Client>;
  if (args.count === 2) listed = clients.all();
  else if (args.count === 4 && args.is(2, 'type')) {
    const type = parseType(args, 3);
    listed = [...clients.all()].filter((other) => clientType(other) === type);
  } else if (args.count > 3 && args.is(2, 'id')) listed = clientsById(clients, args, 3);
  else throw errors.SYNTAX;
  let text = '';
  for (const other of listed) text += `${clientLine(other)}\n`;
  client.out.verbatim(text);
}

/** In the order in which they were asked for. */
function clientsById(clients: ClientRegistry, args: Args, from: number): Client[] {
  const found: Client[] = [];
  for (let i = from; i < args.count; i++) {
    const id = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
    if (id === null) throw errors.err('Invalid client ID');
    const other = clients.get(Number(id));
    if (other !== undefined) found.push(other);
  }
  return found;
}

function parseType(args: Args, i: number): ClientType {
  const type = clientTypeNamed(args.text(i));
  if (type === null) throw errors.err(`Unknown client type '${errors.shown(args.text(i), Infinity)}'`);
  return type;
}

interface KillFilter {
  id: number | null;
  address: string | null;
  localAddress: string | null;
  type: ClientType | null;
  user: User | null;
  skipMe: boolean;
}

export function clientKill(client: Client, args: Args): void {
  // CLIENT KILL addr: the form of old, which also kills its sender.
  const isOldForm = args.count === 3;
  const filter: KillFilter = {
    id: null,
    address: null,
    localAddress: null,
    type: null,
    user: null,
    skipMe: !isOldForm,
  };
  if (isOldForm) filter.address = args.text(2);
  else parseKillOptions(client.engine.acl, args, filter);
  const { clients } = client.engine;
  let killed = 0;
  for (const other of clients.all()) {
    if (!matches(other, filter) || (other === client && filter.skipMe)) continue;
    clients.kill(other);
    killed++;
  }
  if (!isOldForm) client.out.int(killed);
  else if (killed === 0) throw errors.NO_SUCH_CLIENT;
  else client.out.ok();
}

function parseKillOptions(acl: Acl, args: Args, filter: KillFilter): void {
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 === args.count) throw errors.SYNTAX;
    if (args.is(i, 'id')) filter.id = parseClientId(args, i + 1);
    else if (args.is(i, 'type')) filter.type = parseType(args, i + 1);
    else if (args.is(i, 'addr')) filter.address = args.text(i + 1);
    else if (args.is(i, 'laddr')) filter.localAddress = args.text(i + 1);
    else if (args.is(i, 'user')) filter.user = parseUser(acl, args, i + 1);
    else if (args.is(i, 'skipme')) filter.skipMe = parseYesNo(args, i + 1);
    else throw errors.SYNTAX;
  }
}

function parseClientId(args: Args, i: number): number {
  const id = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (id === null || id < 1n) throw errors.err('client-id should be greater than 0');
  return Number(id);
}

function parseUser(acl: Acl, args: Args, i: number): User {
  const name = args.text(i);
  const user = acl.get(name);
  if (user === null) throw errors.err(`No such user '${errors.shown(name, Infinity)}'`);
  return user;
}

function parseYesNo(args: Args, i: number): boolean {
  if (args.is(i, 'yes')) return true;
  if (args.is(i, 'no')) return false;
  throw errors.SYNTAX;
}

function matches(client: Client, filter: KillFilter): boolean {
  return (
    (filter.id === null || client.id === filter.id) &&
    (filter.address === null || client.link.peer === filter.address) &&
    (filter.localAddress === null || client.link.local === filter.localAddress) &&
    (filter.type === null || clientType(client) === filter.type) &&
    (filter.user === null || (client.user === filter.user && !client.mustObey))
  );
}

export function clientUnblock(client: Client, args: Args): void {
  let reason: 'timeout' | 'error' = 'timeout';
  if (args.count > 4) throw errors.subcommandSyntax(args.text(1), 'client');
  if (args.count === 4) {
    if (args.is(3, 'error')) reason = 'error';
    else if (!args.is(3, 'timeout')) {
      throw errors.err('CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
    }
  }
  const id = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
  if (id === null) throw errors.NOT_INTEGER;
  const { blocked } = client.engine.clients.get(Number(id)) ?? { blocked: null };
  if (blocked === null || !blocked.unblockable) {
    client.out.int(0);
    return;
  }
  blocked.cancel(reason);
  client.out.int(1);
}
