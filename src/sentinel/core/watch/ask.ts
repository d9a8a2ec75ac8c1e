/** What may be asked of an instance at any time: PING, and INFO out of turn. */
import type { Turn } from '../context.ts';
import type { Instance } from '../instance.ts';

/** Commands that may wait for their reply on a link, for each instance that uses it. */
const PENDING_MAX = 100;

/** Sends INFO without waiting for its time. */
export function askInfoNow(turn: Turn, instance: Instance): void {
  if (isFull(instance)) return;
  if (turn.send(instance, ['INFO'], 'info')) instance.infoWaits = instance.link.command;
}

export function sendPing(turn: Turn, instance: Instance): void {
  if (!turn.send(instance, ['PING'], 'ping')) return;
  const { link } = instance;
  link.lastPing = turn.now;
  // If a PING waits already, we wait since that one.
  if (link.oldestPing === 0) link.oldestPing = turn.now;
}

/** Too much waits for its reply already. */
export function isFull(instance: Instance): boolean {
  return instance.link.pendingCommands >= PENDING_MAX * instance.link.users.size;
}
