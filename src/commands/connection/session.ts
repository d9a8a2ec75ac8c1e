/**
 * Who the client is and how it speaks: AUTH, HELLO, RESET, SELECT, and the simplest commands there are.
 */

import { DEFAULT_USER } from '../../engine/acl/acl.ts';
import {
  type Client,
  GATE_NO_TOUCH,
  GATE_REPLY_OFF,
  GATE_REPLY_SKIP,
  GATE_REPLY_SKIP_NEXT,
} from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { parseSafeInt } from '../../util/number-text.ts';
import { parseClientName } from './names.ts';

export function auth(client: Client, args: Args): void {
  if (args.count > 3) throw errors.SYNTAX;
  const { engine } = client;
  if (args.count === 2 && engine.acl.defaultUser.nopass) throw errors.AUTH_WITHOUT_PASSWORD;
  const name = args.count === 2 ? DEFAULT_USER : args.text(1);
  logIn(client, name, args.bytes(args.count - 1), args.text(0));
  client.out.ok();
}

/** Throws WRONGPASS when that is not who the client is. */
function logIn(client: Client, name: string, password: Uint8Array, by: string): void {
  const { acl, clients } = client.engine;
  const user = acl.authenticate(client, name, password, by);
  if (user === null) throw errors.WRONGPASS;
  clients.authenticated(client, user);
}

/** As in 7.2 all options are checked before the first takes effect. */
export function hello(client: Client, args: Args): void {
  const { engine, out } = client;
  let protocol = client.resp;
  let credentials = 0;
  let name: string | null = null;
  if (args.count > 1) {
    protocol = parseSafeInt(args.buf, args.off[1]!, args.len[1]!);
    if (Number.isNaN(protocol)) throw errors.err('Protocol version is not an integer or out of range');
    if (protocol !== 2 && protocol !== 3) throw errors.NOPROTO;
    for (let i = 2; i < args.count; i++) {
      if (args.is(i, 'auth') && i + 2 < args.count) {
        credentials = i + 1;
        i += 2;
      } else if (args.is(i, 'setname') && i + 1 < args.count) name = parseClientName(args, ++i);
      else throw errors.err(`Syntax error in HELLO option '${errors.shown(args.text(i), Infinity)}'`);
    }
  }
  if (credentials !== 0) {
    logIn(client, args.text(credentials), args.bytes(credentials + 1), args.text(0));
  }
  if (!client.authenticated) throw errors.NOAUTH_HELLO;
  if (name !== null) client.name = name;
  client.setProtocol(protocol);
  const isSentinel = engine.mode === 'sentinel';
  out.map(isSentinel ? 6 : 7);
  out.bulkText('server');
  out.bulkText('redis');
  out.bulkText('version');
  out.bulkText(engine.config.version);
  out.bulkText('proto');
  out.int(protocol);
  out.bulkText('id');
  out.int(client.id);
  out.bulkText('mode');
  out.bulkText(engine.config.values['cluster-enabled'] ? 'cluster' : engine.mode);
  if (!isSentinel) {
    out.bulkText('role');
    out.bulkText(engine.replication?.role ?? 'master');
  }
  out.bulkText('modules');
  out.emptyArray();
}

/** Makes the connection as good as new. What is known of the client's library stays: it has not changed. */
export function reset(client: Client): void {
  const { engine } = client;
  engine.monitors.remove(client);
  engine.transactions.discard(client);
  engine.pubsub.forget(client);
  engine.tracking.disable(client);
  client.setProtocol(2);
  engine.clients.resetAuthentication(client);
  client.name = '';
  client.noEvict = false;
  client.gates &= ~(GATE_NO_TOUCH | GATE_REPLY_OFF | GATE_REPLY_SKIP | GATE_REPLY_SKIP_NEXT);
  client.db = engine.keyspace.databases[0]!;
  client.out.simple('RESET');
}

export function quit(client: Client): void {
  client.out.ok();
  client.closeAfterReply();
}

export function select(client: Client, args: Args): void {
  const index = parseSafeInt(args.buf, args.off[1]!, args.len[1]!);
  if (Number.isNaN(index)) throw errors.NOT_INTEGER;
  if (index < -2147483648 || index > 2147483647) throw errors.NOT_INT32;
  const db = client.engine.keyspace.databases[index];
  if (db === undefined) throw errors.DB_OUT_OF_RANGE;
  client.db = db;
  client.out.ok();
}

export function ping(client: Client, args: Args): void {
  if (client.subscriptions !== null && client.resp === 2) pingSubscribed(client, args);
  else if (args.count === 1) client.out.pong();
  else if (args.count === 2) client.out.bulk(args.buf, args.off[1]!, args.len[1]!);
  else throw errors.wrongArity('ping');
}

/** Under RESP2 it looks like a message. */
function pingSubscribed({ out }: Client, args: Args): void {
  if (args.count > 2) throw errors.wrongArity('ping');
  out.array(2);
  out.bulkText('pong');
  if (args.count === 1) out.bulkText('');
  else out.bulk(args.buf, args.off[1]!, args.len[1]!);
}

export function echo(client: Client, args: Args): void {
  client.out.bulk(args.buf, args.off[1]!, args.len[1]!);
}
