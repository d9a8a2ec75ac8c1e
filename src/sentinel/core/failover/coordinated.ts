/**
 * SENTINEL FAILOVER <master> COORDINATED, as Valkey 9 has it: the master itself hands over. It pauses writes, waits
 * until the chosen replica has everything, makes it the master and follows it, so nothing is lost. The sentinels elect
 * a leader as for any failover; instead of REPLICAOF NO ONE to the replica it sends
 *
 *     MULTI; FAILOVER TO <replica> <port> TIMEOUT <ms>; EXEC
 *
 * to the master. Should the master die meanwhile, the leader goes on as if it had been dead all along. Should it refuse
 * or need too long, the failover is aborted, and the master goes on as it was.
 */
import { announced } from '../address.ts';
import type { Turn } from '../context.ts';
import { COORDINATED, has, type Instance, SDOWN } from '../instance.ts';
import { sendReplicaOf } from './reconfigure.ts';

/** Whether the master knows FAILOVER (Redis 6.2 and later say in INFO how far one is). */
function supportsFailover(master: Instance): boolean {
  return /^master_failover_state:/m.test(master.info);
}

/** Why it cannot be done now: a reason for the caller; null: it can. */
export function coordinationRefusal(master: Instance): 'masterdown' | 'unsupported' | null {
  if (has(master, SDOWN) || master.link.disconnected || master.roleReported !== 'master') return 'masterdown';
  return supportsFailover(master) ? null : 'unsupported';
}

/** Asks the master to hand over to the promoted replica. False: there is no connection to it. */
export function sendFailover(turn: Turn, master: Instance, promoted: Instance): boolean {
  if (master.link.command === 0) return false;
  const host = announced(promoted.address, turn.state.announceHostnames);
  // It gives up before we do, so that a failover that we abort does not happen after all.
  const timeout = Math.max(1, Math.floor(master.failoverTimeoutMs / 2));
  turn.send(master, ['MULTI'], 'discard', { durable: true });
  turn.send(
    master,
    ['FAILOVER', 'TO', host, String(promoted.address.port), 'TIMEOUT', String(timeout)],
    'failover',
    { durable: true },
  );
  turn.send(master, ['EXEC'], 'failover', { durable: true });
  return true;
}

/** An aborted failover: the master need not go on with it. (If it does not, it says so, and nobody minds.) */
export function withdrawFailover(turn: Turn, master: Instance): void {
  if (has(master, COORDINATED)) turn.send(master, ['FAILOVER', 'ABORT'], 'discard');
}

/**
 * Both have changed their roles by themselves. FAILOVER does not write configuration files, and leaves clients where
 * they are; the usual transaction does both, and REPLICAOF itself changes nothing more.
 */
export function settleRoles(turn: Turn, master: Instance, promoted: Instance): void {
  sendReplicaOf(turn, promoted, null);
  sendReplicaOf(turn, master, promoted.address);
}
