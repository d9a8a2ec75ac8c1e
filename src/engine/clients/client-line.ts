/**
 * A client as CLIENT LIST, CLIENT INFO and the log show it, and the class it belongs to.
 *
 * Fields that Redis has for buffers that do not exist here are 0: replies are collected in one buffer for all
 * clients (rbs, rbp, obl), so `omem` is all that waits to be sent. `qbuf` are the bytes of an incomplete request,
 * or those of the one being served. Fields of features to come show what a client without them has.
 */
import type { Client } from '../client.ts';
import {
  GATE_MONITOR,
  GATE_MULTI,
  GATE_NO_TOUCH,
  GATE_SUBSCRIBED,
  STOP_BLOCKED,
  STOP_CLOSING,
} from '../gates.ts';

export type ClientType = 'normal' | 'replica' | 'pubsub' | 'master';

const TYPE_NAMES: Readonly<Record<string, ClientType>> = {
  normal: 'normal',
  slave: 'replica',
  replica: 'replica',
  pubsub: 'pubsub',
  master: 'master',
};

/** The class that a user names; null: there is none of that name. */
export function clientTypeNamed(name: string): ClientType | null {
  const lower = name.toLowerCase();
  return Object.hasOwn(TYPE_NAMES, lower) ? TYPE_NAMES[lower]! : null;
}

/** The class of a client. A monitor is a normal client. */
export function clientType(client: Client): ClientType {
  if (client.isMaster) return 'master';
  if (client.replica !== null) return 'replica';
  return (client.gates & GATE_SUBSCRIBED) !== 0 ? 'pubsub' : 'normal';
}

const NO_TOPICS = [{ size: 0 }, { size: 0 }, { size: 0 }] as const;

/** One line of CLIENT LIST, without its end. */
export function clientLine(client: Client): string {
  const { engine, link } = client;
  const nowMs = engine.clock.monoMs();
  const isServed = engine.current === client;
  const pending = link.pendingBytes + (client.replica === null ? 0 : client.replica.pendingBytes);
  const query = isServed ? servedBytes(client) : link.inputBytes;
  const argumentBytes = isServed ? servedArgumentBytes(client) : link.argumentBytes;
  return (
    `id=${client.id} addr=${link.peer} laddr=${link.local} fd=${link.fd} name=${client.name}` +
    ` age=${seconds(nowMs - client.createdMs)} idle=${seconds(nowMs - client.lastInteractionMs)}` +
    ` flags=${flagsOf(client)} db=${client.db.id} ${subscriptionsOf(client)} multi=${client.transaction?.commands.length ?? -1}` +
    ` qbuf=${query} qbuf-free=${Math.max(0, link.inputRoom - link.inputBytes - link.argumentBytes)}` +
    ` argv-mem=${argumentBytes} multi-mem=${engine.transactions.bytesOf(client)} rbs=0 rbp=0 obl=0 oll=${pending === 0 ? 0 : 1} omem=${pending}` +
    ` tot-mem=${engine.clients.limits.bytesOf(client)} events=${pending === 0 ? 'r' : 'rw'}` +
    ` cmd=${client.lastCommand?.fullName ?? 'NULL'} user=${client.isMaster ? '(superuser)' : client.user.name} redir=${client.tracking === null ? -1 : client.tracking.redirect} resp=${client.resp}` +
    ` lib-name=${client.libName} lib-ver=${client.libVersion}`
  );
}

function seconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}

function subscriptionsOf({ subscriptions }: Client): string {
  const [channels, patterns, shards] = subscriptions?.topics ?? NO_TOPICS;
  return `sub=${channels.size} psub=${patterns.size} ssub=${shards.size}`;
}

function flagsOf(client: Client): string {
  const { gates, stopped } = client;
  let flags = '';
  if ((gates & GATE_MONITOR) !== 0) flags += 'O';
  else if (client.replica !== null) flags += 'S';
  if (client.isMaster) flags += 'M';
  if ((gates & GATE_SUBSCRIBED) !== 0) flags += 'P';
  if ((gates & GATE_MULTI) !== 0) flags += 'x';
  if ((stopped & STOP_BLOCKED) !== 0) flags += 'b';
  if (client.tracking !== null) flags += 't';
  if (client.tracking?.broken) flags += 'R';
  if (client.tracking?.bcast) flags += 'B';
  if (client.watchBroken) flags += 'd';
  if ((stopped & STOP_CLOSING) !== 0) flags += 'A';
  if (client.link.kind === 'unix') flags += 'U';
  if (client.noEvict) flags += 'e';
  if ((gates & GATE_NO_TOUCH) !== 0) flags += 'T';
  return flags === '' ? 'N' : flags;
}

/** Bytes of the request being served, as they came: `*2\r\n$6\r\nclient\r\n$4\r\nlist\r\n` is 26. */
function servedBytes(client: Client): number {
  const { args } = client.engine.parser;
  let bytes = digits(args.count) + 3;
  for (let i = 0; i < args.count; i++) bytes += args.len[i]! + digits(args.len[i]!) + 5;
  return bytes;
}

function servedArgumentBytes(client: Client): number {
  const { args } = client.engine.parser;
  let bytes = 0;
  for (let i = 0; i < args.count; i++) bytes += args.len[i]!;
  return bytes;
}

function digits(n: number): number {
  return String(n).length;
}
