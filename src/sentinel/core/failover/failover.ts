/**
 * A failover, from the moment that a master is objectively down (or SENTINEL FAILOVER is asked for) until its name
 * stands for another address:
 *
 *     wait_start          elected by the others? (not within the election's time: aborted)
 *     select_slave        INFO of the replicas, fresh; the best of them (none: aborted)
 *     send_slaveof_noone  as soon as there is a connection to it
 *     wait_promotion      until its INFO says master (not within failover-timeout: aborted)
 *     reconf_slaves       the others follow it, parallel-syncs at once, for failover-timeout at most
 *     update_config       the address of the master changes; all is as after a start
 *
 * Redis goes from state to state with its timer. Here it goes on as soon as what it waited for is there: a vote, an
 * INFO; and INFO is asked for right behind each change of role.
 */
import { randomBelow } from '../../../util/random.ts';
import { announced } from '../address.ts';
import type { Turn } from '../context.ts';
import {
  COORDINATED,
  FAILOVER_IN_PROGRESS,
  type FailoverState,
  FORCE_FAILOVER,
  has,
  type Instance,
  NEVER,
  ODOWN,
  PROMOTED,
  SDOWN,
} from '../instance.ts';
import { DESYNC_MAX_MS } from '../intervals.ts';
import type { Reply } from '../protocol.ts';
import { changeMasterAddress } from '../registry.ts';
import { askInfoNow } from '../watch/ask.ts';
import { checkObjectivelyDown, checkSubjectivelyDown } from '../watch/down.ts';
import { forceHellos, publishHello } from '../watch/hello.ts';
import { coordinationRefusal, sendFailover, settleRoles, withdrawFailover } from './coordinated.ts';
import { askOthers, leaderOf, sameId, standAgain, vote } from './election.ts';
import { sharesLineage } from './lineage.ts';
import {
  callReconfigScript,
  pollInfo,
  reconfigureReplicas,
  reconfigureTheRest,
  replicasToReconfigure,
  sendReplicaOf,
} from './reconfigure.ts';
import { mayAnswerInfo, selectReplica } from './selection.ts';

/** For so long the choice waits for INFO of replicas that seem to be there. */
const FRESH_INFO_WAIT_MS = 1000;

/** Starts a failover of a master that is objectively down, if none is under way and the last try is long enough ago. */
export function startFailoverIfNeeded(turn: Turn, master: Instance): boolean {
  if (!has(master, ODOWN) || has(master, FAILOVER_IN_PROGRESS)) return false;
  const pause = 2 * master.failoverTimeoutMs;
  if (master.failoverStartAt !== NEVER && turn.now - master.failoverStartAt < pause) {
    if (master.failoverDelayLogged !== master.failoverStartAt) {
      master.failoverDelayLogged = master.failoverStartAt;
      const until = dateText(wallTime(turn, master.failoverStartAt + pause));
      turn.log('warning', `Next failover delay: I will not start a failover before ${until}`);
    }
    return false;
  }
  if (turn.now < master.electionAt) return false;
  startFailover(turn, master);
  return true;
}

/** A new epoch, with our own vote in it. */
export function startFailover(turn: Turn, master: Instance): void {
  const { state } = turn;
  master.flags |= FAILOVER_IN_PROGRESS;
  master.failoverEpoch = ++state.currentEpoch;
  turn.say('warning', '+new-epoch', String(state.currentEpoch), master);
  turn.event('warning', '+try-failover', master);
  master.failoverStartAt = turn.now + randomBelow(turn.random, DESYNC_MAX_MS);
  enter(turn, master, 'wait_start');
  // Saves both epoch and vote, before anybody is asked for theirs.
  vote(turn, master, master.failoverEpoch, state.myId);
}

/**
 * A reply has come: what it may have brought about is done now, not at the next tick. Not to be called while something
 * still holds on to replicas of this master.
 */
export function goOn(turn: Turn, master: Instance): void {
  // This very reply may be the PONG of the master, or a sentinel that does not hold it for down any more.
  if (has(master, SDOWN)) {
    checkSubjectivelyDown(turn, master);
    checkObjectivelyDown(turn, master);
  }
  if (has(master, ODOWN) && startFailoverIfNeeded(turn, master)) askOthers(turn, master, { force: true });
  runFailover(turn, master);
}

/** Goes on with a failover as far as it can go now. */
export function runFailover(turn: Turn, master: Instance): void {
  while (has(master, FAILOVER_IN_PROGRESS)) {
    const before = master.failoverState;
    step(turn, master);
    if (master.failoverState === before) return;
  }
}

function step(turn: Turn, master: Instance): void {
  switch (master.failoverState) {
    case 'wait_start':
      waitStart(turn, master);
      break;
    case 'select_slave':
      select(turn, master);
      break;
    case 'send_slaveof_noone':
      promote(turn, master);
      break;
    case 'wait_promotion':
      waitPromotion(turn, master);
      break;
    case 'reconf_slaves':
      reconfigureReplicas(turn, master);
      detectEnd(turn, master);
      break;
    default:
      break;
  }
}

function waitStart(turn: Turn, master: Instance): void {
  const leader = leaderOf(turn, master, master.failoverEpoch);
  const elected = leader !== null && sameId(leader, turn.state.myId);
  if (!elected && !has(master, FORCE_FAILOVER)) {
    const patience = Math.min(turn.state.intervals.electionTimeout, master.failoverTimeoutMs);
    if (turn.now - master.failoverStartAt > patience) {
      turn.event('warning', '-failover-abort-not-elected', master);
      abortFailover(turn, master);
    } else if (standAgain(turn, master)) askOthers(turn, master, { force: true });
    return;
  }
  turn.event('warning', '+elected-leader', master);
  if (turn.state.crashAfterElection) turn.actions.push({ type: 'crash' });
  enter(turn, master, 'select_slave');
  turn.event('warning', '+failover-state-select-slave', master);
  // Which replica has the most is told by what they say from here on: the master has been silent for long.
  askAllInfo(turn, master);
}

function select(turn: Turn, master: Instance): void {
  const since = master.failoverStateChangedAt;
  if (turn.now - since < FRESH_INFO_WAIT_MS) {
    for (const replica of master.replicas.values()) {
      if (replica.infoAt < since && mayAnswerInfo(turn, replica)) return;
    }
  }
  const replica = selectReplica(turn, master);
  if (replica === null) {
    turn.event('warning', '-failover-abort-no-good-slave', master);
    abortFailover(turn, master);
    return;
  }
  turn.event('warning', '+selected-slave', replica);
  if (sharesLineage(master, replica) === false) {
    turn.log(
      'warning',
      `Replica ${replica.name} of ${master.name} shares no history with its master (replication ids ` +
        `${replica.replId} and ${master.replId}). It is promoted all the same: "sentinel require-same-lineage ` +
        `${master.name} yes" would refuse it.`,
    );
  }
  replica.flags |= PROMOTED;
  master.promoted = replica;
  enter(turn, master, 'send_slaveof_noone');
  turn.event('notice', '+failover-state-send-slaveof-noone', replica);
}

function promote(turn: Turn, master: Instance): void {
  const { promoted } = master;
  if (promoted === null) return;
  // Without its master a coordinated failover is one like any other.
  if (has(master, COORDINATED) && has(master, ODOWN)) master.flags &= ~COORDINATED;
  const coordinated = has(master, COORDINATED);
  const told = (coordinated ? master : promoted).link.disconnected
    ? false
    : coordinated
      ? sendFailover(turn, master, promoted)
      : sendReplicaOf(turn, promoted, null);
  if (!told) {
    abortIfLate(turn, master);
    return;
  }
  turn.event('notice', '+failover-state-wait-promotion', promoted);
  enter(turn, master, 'wait_promotion');
  askInfoNow(turn, promoted);
}

function waitPromotion(turn: Turn, master: Instance): void {
  if (abortIfLate(turn, master) || master.promoted === null) return;
  if (has(master, COORDINATED) && has(master, ODOWN)) {
    master.flags &= ~COORDINATED;
    enter(turn, master, 'send_slaveof_noone');
    return;
  }
  if (has(master, COORDINATED) && has(master.promoted, SDOWN)) {
    // The master holds its writers back for nobody.
    turn.event('warning', '-failover-abort-slave-timeout', master);
    abortFailover(turn, master);
    return;
  }
  pollInfo(turn, master.promoted);
}

function abortIfLate(turn: Turn, master: Instance): boolean {
  if (turn.now - master.failoverStateChangedAt <= master.failoverTimeoutMs) return false;
  turn.event('warning', '-failover-abort-slave-timeout', master);
  abortFailover(turn, master);
  return true;
}

/** INFO of the promoted replica says master: it is the master, from now on, for all that hear of it. */
export function onPromotedIsMaster(turn: Turn, replica: Instance): void {
  const { master } = replica;
  if (master === null || !has(replica, PROMOTED)) return;
  if (!has(master, FAILOVER_IN_PROGRESS) || master.failoverState !== 'wait_promotion') return;
  // What it sends out with its hellos is worth more than what all others say.
  master.configEpoch = master.failoverEpoch;
  enter(turn, master, 'reconf_slaves');
  turn.save();
  turn.event('warning', '+promoted-slave', replica);
  if (turn.state.crashAfterPromotion) turn.actions.push({ type: 'crash' });
  turn.event('warning', '+failover-state-reconf-slaves', master);
  callReconfigScript(turn, master, 'leader', master.address, replica.address);
  if (has(master, COORDINATED)) settleRoles(turn, master, replica);
  forceHellos(turn, master);
  for (const known of [...master.replicas.values(), ...master.sentinels.values()]) publishHello(turn, known);
  runFailover(turn, master);
}

function detectEnd(turn: Turn, master: Instance): void {
  if (master.promoted === null) return;
  const late = turn.now - master.failoverStateChangedAt > master.failoverTimeoutMs;
  // Redis waits for ever for a promoted replica that is down. Here it is the master all the same when the time is over,
  // as the others know since long: they need our word to replace it.
  if (has(master.promoted, SDOWN) && !late) return;
  if (late) turn.event('warning', '+failover-end-for-timeout', master);
  else if (replicasToReconfigure(master) > 0) return;
  turn.event('warning', '+failover-end', master);
  enter(turn, master, 'update_config');
  if (late) reconfigureTheRest(turn, master);
}

/** State update_config: the master's name stands for the promoted replica from now on. */
export function finishFailover(turn: Turn, master: Instance): void {
  const { address } = master.promoted ?? master;
  const hostnames = turn.state.announceHostnames;
  turn.say(
    'warning',
    '+switch-master',
    `${master.name} ${announced(master.address, hostnames)} ${master.address.port} ` +
      `${announced(address, hostnames)} ${address.port}`,
    master,
  );
  changeMasterAddress(turn, master, address.host, address.port);
}

/** Back to where it was. Nobody has been promoted, as far as we know. */
function abortFailover(turn: Turn, master: Instance): void {
  if (master.failoverState === 'wait_promotion') withdrawFailover(turn, master);
  master.flags &= ~(FAILOVER_IN_PROGRESS | FORCE_FAILOVER | COORDINATED);
  enter(turn, master, 'none');
  if (master.promoted !== null) {
    master.promoted.flags &= ~PROMOTED;
    master.promoted = null;
  }
}

/** The master's answer to FAILOVER: an error, also inside EXEC's reply, ends a coordinated failover. */
export function onFailoverReply(turn: Turn, instance: Instance, reply: Reply): void {
  if (instance.kind !== 'master' || !has(instance, COORDINATED)) return;
  if (instance.failoverState !== 'wait_promotion') return;
  const error = Array.isArray(reply) ? reply.find((one) => one instanceof Error) : reply;
  if (!(error instanceof Error)) return;
  turn.event('warning', '-failover-abort-coordinated', instance, error.message);
  abortFailover(turn, instance);
}

/** What SENTINEL FAILOVER comes to: anything but 'ok' is a reason why not. */
export type FailoverRequest = 'ok' | 'inprog' | 'noslave' | 'masterdown' | 'unsupported';

/**
 * SENTINEL FAILOVER. Without `coordinated` no agreement of others is needed, nor that the master is down; with it, they
 * elect a leader, and the master (which must be well and know FAILOVER: else 'masterdown', 'unsupported') hands over.
 */
export function requestFailover(
  turn: Turn,
  master: Instance,
  { coordinated }: { coordinated: boolean },
): FailoverRequest {
  if (has(master, FAILOVER_IN_PROGRESS)) return 'inprog';
  if (selectReplica(turn, master) === null) return 'noslave';
  if (coordinated) {
    const refusal = coordinationRefusal(master);
    if (refusal !== null) return refusal;
  }
  turn.log('warning', `Executing user requested FAILOVER of '${master.name}'`);
  startFailover(turn, master);
  master.flags |= coordinated ? COORDINATED : FORCE_FAILOVER;
  if (coordinated) askOthers(turn, master, { force: true });
  return 'ok';
}

function enter(turn: Turn, master: Instance, state: FailoverState): void {
  master.failoverState = state;
  master.failoverStateChangedAt = turn.now;
}

function askAllInfo(turn: Turn, master: Instance): void {
  for (const replica of master.replicas.values()) askInfoNow(turn, replica);
}

/** The wall clock at a time of ours, as far as the last tick has told. */
function wallTime(turn: Turn, mono: number): Date {
  return new Date(turn.state.lastTickWall + (mono - turn.state.lastTickMono));
}

/** "Mon Feb  1 10:07:49 2022", local time. */
function dateText(date: Date): string {
  const [weekday = '', month = ''] = date.toDateString().split(' ');
  const clock = date.toTimeString().slice(0, 8);
  return `${weekday} ${month} ${String(date.getDate()).padStart(2)} ${clock} ${date.getFullYear()}`;
}
