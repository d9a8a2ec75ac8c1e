/**
 * The two connections to each instance: one for commands, one for Pub/Sub (not to sentinels: these publish their hellos
 * to each other by command). A link counts as connected once both were begun; what is sent before they are open waits
 * in the shell.
 *
 * At most one attempt each second. A command connection that has not answered a PING for half of down-after, and a
 * Pub/Sub connection on which not even our own hellos come back, are given up and made anew: the peer may have gone
 * without our TCP having heard of it.
 */

import type { Turn } from '../context.ts';
import { type Instance, type Link, NEVER } from '../instance.ts';
import type { Channel, Event, Tag } from '../protocol.ts';
import { sendPing } from './ask.ts';
import { isPassive } from './tilt.ts';

export const HELLO_CHANNEL = '__sentinel__:hello';
/** Hello periods that a Pub/Sub connection may be silent for. */
const SILENT_HELLOS = 3;

/** Closes connections that are stale, and begins those that are missing. */
export function ensureLinks(turn: Turn, instance: Instance): void {
  if (!isPassive(turn)) closeStale(turn, instance);
  const { link } = instance;
  const { now, state } = turn;
  if (!link.disconnected || instance.address.port === 0) return;
  if (link.lastReconnect !== NEVER && now - link.lastReconnect < state.intervals.pingPeriod) return;
  link.lastReconnect = now;
  if (link.command === 0) {
    link.command = connect(turn, instance, 'command');
    link.commandSince = now;
    link.pendingCommands = 0;
    greet(turn, instance, 'command');
    sendPing(turn, instance);
  }
  if (instance.kind !== 'sentinel' && link.pubsub === 0) {
    link.pubsub = connect(turn, instance, 'pubsub');
    link.pubsubSince = now;
    greet(turn, instance, 'pubsub');
    put(turn, instance, 'pubsub', ['SUBSCRIBE', HELLO_CHANNEL], 'subscribe');
  }
  link.disconnected = false;
}

/** A command connection is open: we know which address of ours it has. */
export function onLinkUp(turn: Turn, event: Extract<Event, { type: 'linkUp' }>): void {
  const link = turn.state.links.get(event.link);
  if (link !== undefined && link.command === event.generation) link.localIp = event.localIp;
}

/** A connection is gone; the next tick that may try again does. */
export function onLinkDown(turn: Turn, event: Extract<Event, { type: 'linkDown' }>): void {
  const link = turn.state.links.get(event.link);
  if (link === undefined) return;
  if (link.command === event.generation) {
    const [instance] = link.users;
    if (link.localIp === '' && instance !== undefined) {
      turn.event('debug', '-cmd-link-reconnection', instance, `#${event.reason}`);
    }
    lost(link, 'command');
  } else if (link.pubsub === event.generation) {
    lost(link, 'pubsub');
  }
}

/** No hellos will come on a Pub/Sub connection that was not let in (NOAUTH): it counts as missing, and is tried again. */
export function onSubscribeRefused(turn: Turn, link: Link): void {
  closeChannel(turn, link, 'pubsub');
}

/** Closes both connections; they are made anew unless nobody uses the link any more. */
export function closeLink(turn: Turn, link: Link): void {
  closeChannel(turn, link, 'command');
  closeChannel(turn, link, 'pubsub');
}

/** Closes the connections of some instances, which are made anew with what the state says now (credentials). */
export function dropAllLinks(turn: Turn, which: (instance: Instance) => boolean): void {
  for (const instance of turn.state.instances.values()) {
    if (which(instance)) closeLink(turn, instance.link);
  }
}

function closeChannel(turn: Turn, link: Link, channel: Channel): void {
  const generation = link[channel];
  if (generation === 0) return;
  turn.actions.push({ type: 'disconnect', link: link.id, generation });
  lost(link, channel);
}

function lost(link: Link, channel: Channel): void {
  link[channel] = 0;
  link.disconnected = true;
  if (channel === 'pubsub') return;
  link.pendingCommands = 0;
  link.localIp = '';
}

function closeStale(turn: Turn, instance: Instance): void {
  const { link, downAfterMs } = instance;
  const { now } = turn;
  const { minLinkReconnectPeriod, publishPeriod } = turn.state.intervals;
  const patience = downAfterMs / 2;
  if (
    link.command !== 0 &&
    now - link.commandSince > minLinkReconnectPeriod &&
    link.oldestPing !== 0 &&
    now - link.oldestPing > patience &&
    now - link.lastPong > patience
  ) {
    closeChannel(turn, link, 'command');
  }
  if (
    link.pubsub !== 0 &&
    now - link.pubsubSince > minLinkReconnectPeriod &&
    now - link.pubsubActivity > publishPeriod * SILENT_HELLOS
  ) {
    closeChannel(turn, link, 'pubsub');
  }
}

function connect(turn: Turn, instance: Instance, channel: Channel): number {
  const generation = turn.state.nextId++;
  const { host, port } = instance.address;
  turn.actions.push({ type: 'connect', link: instance.link.id, generation, channel, host, port });
  return generation;
}

/** What each connection begins with: AUTH if there is a password, and our name. */
function greet(turn: Turn, instance: Instance, channel: Channel): void {
  const { user, pass } = credentials(turn, instance);
  if (pass !== '') put(turn, instance, channel, user === '' ? ['AUTH', pass] : ['AUTH', user, pass]);
  const name = `sentinel-${turn.state.myId.slice(0, 8)}-${channel === 'command' ? 'cmd' : 'pubsub'}`;
  put(turn, instance, channel, ['CLIENT', 'SETNAME', name]);
}

function credentials(turn: Turn, instance: Instance): { user: string; pass: string } {
  if (instance.kind === 'sentinel') {
    const { authUser, authPass, requirePass } = turn.state;
    return authPass === '' ? { user: '', pass: requirePass } : { user: authUser, pass: authPass };
  }
  const { authUser, authPass } = instance.master ?? instance;
  return { user: authUser, pass: authPass };
}

/** Sends on either connection. Replies on Pub/Sub connections are not waited for, so they don't count as pending. */
function put(
  turn: Turn,
  instance: Instance,
  channel: Channel,
  words: readonly string[],
  purpose: Tag['purpose'] = 'discard',
): void {
  if (channel === 'command') {
    turn.send(instance, words, purpose);
    return;
  }
  const [name = '', ...rest] = words;
  const called = (instance.master ?? instance).renamedCommands.get(name.toLowerCase()) ?? name;
  turn.actions.push({
    type: 'send',
    link: instance.link.id,
    generation: instance.link.pubsub,
    words: [called, ...rest],
    tag: { instance: instance.id, purpose },
  });
}
