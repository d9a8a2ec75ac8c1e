/**
 * Who is down. Subjectively: an instance has not given a good answer to PING for down-after-milliseconds, as far as
 * this sentinel sees. Objectively: so many sentinels say so of a master that its quorum is reached.
 */

import { randomBelow } from '../../../util/random.ts';
import type { Turn } from '../context.ts';
import {
  has,
  type Instance,
  MASTER_DOWN,
  MASTER_REBOOT,
  NEVER,
  ODOWN,
  SCRIPT_KILL_SENT,
  SDOWN,
} from '../instance.ts';
import { ANSWER_PERIODS, ELECTION_SPREAD_MS } from '../intervals.ts';
import { askInfoNow } from './ask.ts';

/** For how long the oldest PING waits for its reply, or nobody could be asked; in ms. */
function silentFor(now: number, instance: Instance): number {
  const { link } = instance;
  if (link.oldestPing !== NEVER) return now - link.oldestPing;
  return link.disconnected ? now - link.lastAvailable : 0;
}

/** Sets or takes back SDOWN, with its event. */
export function checkSubjectivelyDown(turn: Turn, instance: Instance): void {
  if (looksDown(turn, instance)) {
    if (has(instance, SDOWN)) return;
    turn.event('warning', '+sdown', instance);
    instance.sDownSince = turn.now;
    instance.flags |= SDOWN;
    // Should there be a failover, it wants to know now how far the replicas have come.
    if (instance.kind === 'master')
      for (const replica of instance.replicas.values()) askInfoNow(turn, replica);
  } else if (has(instance, SDOWN)) {
    turn.event('warning', '-sdown', instance);
    instance.flags &= ~(SDOWN | SCRIPT_KILL_SENT);
  }
}

function looksDown(turn: Turn, instance: Instance): boolean {
  const { now } = turn;
  if (silentFor(now, instance) > instance.downAfterMs) return true;
  if (instance.kind !== 'master') return false;
  // It answers, but calls itself a replica, and nobody has made it a master again within two INFOs' time.
  if (
    instance.roleReported === 'replica' &&
    now - instance.roleReportedAt > instance.downAfterMs + 2 * turn.state.intervals.infoPeriod
  ) {
    return true;
  }
  return has(instance, MASTER_REBOOT) && now - instance.masterRebootSince > instance.masterRebootDownAfterMs;
}

/** Sets or takes back ODOWN of a master, with its event. */
export function checkObjectivelyDown(turn: Turn, master: Instance): void {
  let agreed = 0;
  if (has(master, SDOWN)) {
    agreed = 1;
    // After TILT or a stall the flags are of long ago: who has said so since then counts.
    const valid = ANSWER_PERIODS * turn.state.intervals.askPeriod;
    for (const sentinel of master.sentinels.values()) {
      if (has(sentinel, MASTER_DOWN) && turn.now - sentinel.lastMasterDownReply <= valid) agreed++;
    }
  }
  if (agreed > 0 && agreed >= master.quorum) {
    if (has(master, ODOWN)) return;
    turn.event('warning', '+odown', master, `#quorum ${agreed}/${master.quorum}`);
    master.flags |= ODOWN;
    master.oDownSince = turn.now;
    master.electionAt = electionTime(turn, master);
  } else if (has(master, ODOWN)) {
    turn.event('warning', '-odown', master);
    master.flags &= ~ODOWN;
  }
}

/** Masters that fail together are stood for together: whoever is the first is so for all, and gets its votes. */
function electionTime(turn: Turn, master: Instance): number {
  for (const other of turn.state.masters.values()) {
    if (other !== master && has(other, ODOWN) && other.electionAt > turn.now) return other.electionAt;
  }
  const rivals = master.sentinels.size;
  const spread = rivals === 0 ? 1 : (rivals + 1) * ELECTION_SPREAD_MS;
  return turn.now + randomBelow(turn.random, spread);
}
