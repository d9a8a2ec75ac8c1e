/**
 * What is asked of every instance all the time, and what becomes of the replies.
 *
 *     INFO   masters and replicas, every 10 s; every second from replicas of a master that is down or fails over, and
 *            from replicas whose link to the master is broken
 *     PING   everybody, each second, or more often if down-after is less
 *     hello  everybody, every 2 s (hello.ts)
 */

import type { Turn } from '../context.ts';
import { onVoteReply } from '../failover/election.ts';
import { onFailoverReply } from '../failover/failover.ts';
import {
  FAILOVER_IN_PROGRESS,
  has,
  type Instance,
  MASTER_REBOOT,
  ODOWN,
  SCRIPT_KILL_SENT,
  SDOWN,
} from '../instance.ts';
import type { Event, Reply } from '../protocol.ts';
import { askInfoNow, isFull, sendPing } from './ask.ts';
import { onHello, publishHello } from './hello.ts';
import { onInfo } from './info-reply.ts';
import { HELLO_CHANNEL, onSubscribeRefused } from './links.ts';

const EAGER_INFO_PERIOD = 1000;

/** Sends what is due. */
export function sendPeriodic(turn: Turn, instance: Instance): void {
  const { link } = instance;
  const { now, state } = turn;
  const { intervals } = state;
  if (link.disconnected || isFull(instance)) return;
  if (instance.kind !== 'sentinel') {
    // One INFO at a time: an instance that doesn't answer gets no heap of them.
    const due = instance.infoAt === 0 || now - instance.infoAt > infoPeriod(turn, instance);
    if (due && instance.infoWaits !== link.command) askInfoNow(turn, instance);
  }
  const pingPeriod = Math.min(instance.downAfterMs, intervals.pingPeriod);
  if (now - link.lastPong > pingPeriod && now - link.lastPing > pingPeriod / 2) sendPing(turn, instance);
  if (now - instance.lastPublished > intervals.publishPeriod && instance.helloWaits !== link.command) {
    publishHello(turn, instance);
  }
}

/**
 * A reply on a command connection, for whatever it was sent, or an error on a Pub/Sub connection. Those of old
 * connections are dropped.
 */
export function onReply(turn: Turn, event: Extract<Event, { type: 'reply' }>): void {
  const link = turn.state.links.get(event.link);
  if (link === undefined) return;
  if (link.pubsub === event.generation && event.tag.purpose === 'subscribe') {
    // Other refusals (a user who may not use the channel) change nothing in that it can be watched, and promoted.
    if (event.reply instanceof Error && event.reply.message.startsWith('NOAUTH'))
      onSubscribeRefused(turn, link);
  }
  if (link.command !== event.generation) return;
  link.pendingCommands = Math.max(0, link.pendingCommands - 1);
  const { purpose } = event.tag;
  const instance = turn.state.instances.get(event.tag.instance);
  if (instance === undefined || instance.link !== link) return;
  const { reply } = event;
  switch (purpose) {
    case 'ping':
      onPong(turn, instance, reply);
      break;
    case 'info': {
      instance.infoWaits = 0;
      const text = reply instanceof Error ? null : textOf(reply);
      if (text !== null) onInfo(turn, instance, text);
      break;
    }
    case 'publish':
      instance.helloWaits = 0;
      // One that was not taken is sent again at the next tick.
      if (!(reply instanceof Error)) instance.lastPublished = turn.now;
      break;
    case 'vote':
      onVoteReply(turn, instance, reply);
      break;
    case 'failover':
      onFailoverReply(turn, instance, reply);
      break;
    case 'discard':
    case 'subscribe':
      break;
  }
}

/** Something came on a Pub/Sub connection. */
export function onMessage(turn: Turn, event: Extract<Event, { type: 'message' }>): void {
  const link = turn.state.links.get(event.link);
  if (link === undefined || link.pubsub !== event.generation) return;
  link.pubsubActivity = turn.now;
  if (event.channel === HELLO_CHANNEL && event.payload !== null) onHello(turn, event.payload);
}

/** A reply as text (Latin-1); null if it is none. */
export function textOf(reply: Reply): string | null {
  if (typeof reply === 'string') return reply;
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : null;
}

function infoPeriod(turn: Turn, instance: Instance): number {
  const { infoPeriod: usual } = turn.state.intervals;
  const { master } = instance;
  if (instance.kind !== 'replica' || master === null) return usual;
  const matters = has(master, ODOWN | FAILOVER_IN_PROGRESS) || instance.masterLinkDownMs !== 0;
  return matters ? Math.min(EAGER_INFO_PERIOD, usual) : usual;
}

/** PONG says that it works, and so do errors that say why it does not serve just now. */
function onPong(turn: Turn, instance: Instance, reply: Reply): void {
  const { link } = instance;
  const text = reply instanceof Error ? reply.message : textOf(reply);
  if (text === null) return;
  if (text.startsWith('PONG') || text.startsWith('LOADING') || text.startsWith('MASTERDOWN')) {
    link.lastAvailable = turn.now;
    link.oldestPing = 0;
    if (text.startsWith('PONG')) instance.flags &= ~MASTER_REBOOT;
  } else if (text.startsWith('BUSY') && has(instance, SDOWN) && !has(instance, SCRIPT_KILL_SENT)) {
    if (turn.send(instance, ['SCRIPT', 'KILL'], 'discard')) instance.flags |= SCRIPT_KILL_SENT;
  }
  link.lastPong = turn.now;
}
