/**
 * Making instances follow whom they should: the one transaction that changes a role, the replicas one after the other
 * once their new master is there, and the script that tells clients.
 */
import { type Address, announced } from '../address.ts';
import type { Turn } from '../context.ts';
import { has, type Instance, PROMOTED, RECONF_DONE, RECONF_INPROG, RECONF_SENT, SDOWN } from '../instance.ts';
import { askInfoNow } from '../watch/ask.ts';
import { mayFollow } from './lineage.ts';

/** Who is asked for INFO out of turn is asked so often at most. */
const INFO_POLL_MS = 50;

/**
 * Makes an instance follow `address`, or (null) nobody. All or nothing: its new role goes into its configuration file,
 * and its clients are thrown out, so that they look for the master again. False: there is no connection.
 */
export function sendReplicaOf(turn: Turn, instance: Instance, address: Address | null): boolean {
  if (instance.link.command === 0) return false;
  const host = address === null ? 'NO' : announced(address, turn.state.announceHostnames);
  const port = address === null ? 'ONE' : String(address.port);
  turn.send(instance, ['MULTI'], 'discard', { durable: true });
  turn.send(instance, ['SLAVEOF', host, port], 'discard', { durable: true });
  turn.send(instance, ['CONFIG', 'REWRITE'], 'discard', { durable: true });
  turn.send(instance, ['CLIENT', 'KILL', 'TYPE', 'normal'], 'discard', { durable: true });
  turn.send(instance, ['CLIENT', 'KILL', 'TYPE', 'pubsub'], 'discard', { durable: true });
  turn.send(instance, ['EXEC'], 'discard', { durable: true });
  return true;
}

/** INFO out of turn, from somebody whose role changes: one at a time, and not more often than need be. */
export function pollInfo(turn: Turn, instance: Instance): void {
  const { link } = instance;
  if (link.command !== 0 && instance.infoWaits === link.command) return;
  if (turn.now - instance.infoAt >= INFO_POLL_MS) askInfoNow(turn, instance);
}

/**
 * State reconf_slaves: tells as many replicas as parallel-syncs allows at once to follow the new master, and asks
 * those that were told how far they are. What they say comes to `noteReconfiguration`.
 */
export function reconfigureReplicas(turn: Turn, master: Instance): void {
  const { promoted } = master;
  if (promoted === null) return;
  // One that never does what it was told does not hold up the others.
  for (const replica of master.replicas.values()) {
    if (!has(replica, RECONF_SENT)) continue;
    if (turn.now - replica.reconfSentAt <= turn.state.intervals.replicaReconfTimeout) continue;
    turn.event('notice', '-slave-reconf-sent-timeout', replica);
    replica.flags = (replica.flags & ~RECONF_SENT) | RECONF_DONE;
  }
  let underWay = 0;
  for (const replica of master.replicas.values()) {
    if (!has(replica, RECONF_SENT | RECONF_INPROG)) continue;
    underWay++;
    pollInfo(turn, replica);
  }
  for (const replica of master.replicas.values()) {
    if (underWay >= master.parallelSyncs) break;
    if (has(replica, PROMOTED | RECONF_DONE | RECONF_SENT | RECONF_INPROG)) continue;
    if (replica.link.disconnected) continue;
    if (!mayFollow(turn, replica, master)) {
      replica.flags |= RECONF_DONE;
      continue;
    }
    if (!sendReplicaOf(turn, replica, promoted.address)) continue;
    replica.flags |= RECONF_SENT;
    replica.reconfSentAt = turn.now;
    turn.event('notice', '+slave-reconf-sent', replica);
    askInfoNow(turn, replica);
    underWay++;
  }
}

/** INFO of a replica that says it is one has come: is it where it was sent? */
export function noteReconfiguration(turn: Turn, replica: Instance): void {
  const promoted = replica.master?.promoted ?? null;
  if (promoted === null) return;
  if (has(replica, RECONF_SENT) && follows(turn, replica, promoted.address)) {
    replica.flags = (replica.flags & ~RECONF_SENT) | RECONF_INPROG;
    turn.event('notice', '+slave-reconf-inprog', replica);
  }
  if (has(replica, RECONF_INPROG) && replica.masterLinkUp) {
    replica.flags = (replica.flags & ~RECONF_INPROG) | RECONF_DONE;
    turn.event('notice', '+slave-reconf-done', replica);
  }
}

function follows(turn: Turn, replica: Instance, { host, ip, port }: Address): boolean {
  if (replica.masterPort !== port) return false;
  const told = replica.masterHost;
  return told === host || (ip !== '' && (turn.state.names.get(told) ?? told) === ip);
}

/** Replicas that still have to be told, or have not come to an end. Those that are down are not waited for. */
export function replicasToReconfigure(master: Instance): number {
  let left = 0;
  for (const replica of master.replicas.values()) {
    if (!has(replica, PROMOTED | RECONF_DONE | SDOWN)) left++;
  }
  return left;
}

/** The time is over: all that were not told yet are told now, whatever parallel-syncs says. */
export function reconfigureTheRest(turn: Turn, master: Instance): void {
  const { promoted } = master;
  if (promoted === null) return;
  for (const replica of master.replicas.values()) {
    if (has(replica, PROMOTED | RECONF_DONE | RECONF_SENT) || replica.link.disconnected) continue;
    if (!mayFollow(turn, replica, master)) continue;
    if (!sendReplicaOf(turn, replica, promoted.address)) continue;
    turn.event('notice', '+slave-reconf-sent-be', replica);
    replica.flags |= RECONF_SENT;
  }
}

/** Runs the client-reconfig-script of a master, if it has one: `<name> <role> start <from ip> <port> <to ip> <port>`. */
export function callReconfigScript(
  turn: Turn,
  master: Instance,
  role: 'leader' | 'observer',
  from: Address,
  to: Address,
): void {
  const script = master.clientReconfigScript;
  if (script === '') return;
  const { announceHostnames } = turn.state;
  turn.actions.push({
    type: 'runScript',
    words: [
      script,
      master.name,
      role,
      'start',
      announced(from, announceHostnames),
      String(from.port),
      announced(to, announceHostnames),
      String(to.port),
    ],
  });
}
