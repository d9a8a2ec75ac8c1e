/**
 * Which replica becomes the master: of those that are fit, the one with the lowest priority, then with the most data,
 * then with the smallest run id.
 */
import type { Turn } from '../context.ts';
import { has, type Instance, ODOWN, SDOWN } from '../instance.ts';
import { sharesLineage } from './lineage.ts';

/** An answer to PING, and INFO while the master is down, must not be older than so many PING periods. */
const PING_PERIODS = 5;
/** The same of INFO while the master is well, in INFO periods. */
const INFO_PERIODS = 3;
/** For so many down-after times a replica may have been without its master before that was seen to be down. */
const LINK_DOWN_FACTOR = 10;

/** The replica to promote; null: none is fit. */
export function selectReplica(turn: Turn, master: Instance): Instance | null {
  let best: Instance | null = null;
  for (const replica of master.replicas.values()) {
    if (exclusionReason(turn, replica) !== null) continue;
    if (best === null || compareReplicas(replica, best) < 0) best = replica;
  }
  return best;
}

/** Why this replica could not be promoted now, in words; null: it could be. */
export function exclusionReason(turn: Turn, replica: Instance): string | null {
  return unreachable(turn, replica) ?? unfit(turn, replica);
}

/** Whether INFO of this replica is worth waiting for: all else speaks for it so far. */
export function mayAnswerInfo(turn: Turn, replica: Instance): boolean {
  return unreachable(turn, replica) === null;
}

function unreachable(turn: Turn, replica: Instance): string | null {
  const { now, state } = turn;
  if (has(replica, SDOWN | ODOWN)) return 'it is down';
  if (replica.link.disconnected) return 'there is no connection to it';
  const silence = now - replica.link.lastAvailable;
  if (silence > PING_PERIODS * state.intervals.pingPeriod) {
    return `it has not answered PING for ${Math.round(silence)} ms`;
  }
  return replica.priority === 0 ? 'its replica-priority is 0' : null;
}

function unfit(turn: Turn, replica: Instance): string | null {
  const { now, state } = turn;
  const master = replica.master;
  if (master === null) return 'it has no master';
  const masterDown = has(master, SDOWN);
  const age = now - replica.infoAt;
  const valid = masterDown
    ? PING_PERIODS * state.intervals.pingPeriod
    : INFO_PERIODS * state.intervals.infoPeriod;
  if (replica.infoAt === 0 || age > valid) {
    return replica.infoAt === 0
      ? 'it has not answered INFO yet'
      : `its last INFO is ${Math.round(age)} ms old`;
  }
  const linkDownMax = LINK_DOWN_FACTOR * master.downAfterMs + (masterDown ? now - master.sDownSince : 0);
  if (replica.masterLinkDownMs > linkDownMax) {
    return `it was without its master for ${replica.masterLinkDownMs} ms, more than ${Math.round(linkDownMax)}`;
  }
  if (master.requireSameLineage && sharesLineage(master, replica) === false) {
    return `its replication id (${replica.replId}) shares no history with the master's (${master.replId})`;
  }
  return null;
}

/** Less than 0: `a` is the better one. */
export function compareReplicas(a: Instance, b: Instance): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.replOffset !== b.replOffset) return b.replOffset - a.replOffset;
  // An unknown run id is that of a version that does not tell it: the last choice.
  if (a.runId === '' || b.runId === '') return Number(a.runId === '') - Number(b.runId === '');
  const idA = a.runId.toLowerCase();
  const idB = b.runId.toLowerCase();
  return idA < idB ? -1 : idA > idB ? 1 : 0;
}
