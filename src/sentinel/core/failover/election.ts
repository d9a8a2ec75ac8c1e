/**
 * Agreement among the sentinels of a master: asking them whether it is down and for whom they vote, answering them,
 * counting votes.
 *
 *     SENTINEL IS-MASTER-DOWN-BY-ADDR <ip> <port> <epoch> <run id or *>  ->  down?, leader or *, epoch of that vote
 *
 * A sentinel votes once in an epoch, for the first who asks, and that is on disk before anybody hears of it. Leader is
 * who has the votes of the majority of all sentinels known, and not less than the quorum.
 */
import { randomBelow } from '../../../util/random.ts';
import { announced, sameAddress } from '../address.ts';
import type { Turn } from '../context.ts';
import { COORDINATED, has, type Instance, MASTER_DOWN, SDOWN } from '../instance.ts';
import { ANSWER_PERIODS, DESYNC_MAX_MS } from '../intervals.ts';
import type { Reply } from '../protocol.ts';
import { addressOf, isUsable } from '../registry.ts';
import { greatestEpoch } from '../state.ts';
import { isPassive } from '../watch/tilt.ts';

/** Run ids have 40 digits. Longer ones, that would be kept, are nobody's. */
const RUN_ID_MAX = 256;

/**
 * Asks the other sentinels whether the master is down, once in each period; while a failover of ours waits for its
 * election, for their vote, too. `force`: now, whenever the last answer came.
 */
export function askOthers(turn: Turn, master: Instance, { force }: { force: boolean }): void {
  const { now, state } = turn;
  const period = state.intervals.askPeriod;
  const candidate = master.failoverState !== 'none';
  // In an epoch that is not that of our failover their vote would be lost: for us, who do not count it, and for others.
  const votes = candidate && master.failoverEpoch === state.currentEpoch;
  const wanted = has(master, SDOWN) || (candidate && has(master, COORDINATED));
  for (const sentinel of master.sentinels.values()) {
    const answered = now - sentinel.lastMasterDownReply;
    if (answered > ANSWER_PERIODS * period) {
      sentinel.flags &= ~MASTER_DOWN;
      sentinel.leader = '';
    }
    if (!wanted || sentinel.link.disconnected) continue;
    if (!force && answered < period) continue;
    turn.send(
      sentinel,
      [
        'SENTINEL',
        'is-master-down-by-addr',
        announced(master.address, state.announceHostnames),
        String(master.address.port),
        String(state.currentEpoch),
        votes ? state.myId : '*',
      ],
      'vote',
      // Who asks for votes has voted for itself, and must not forget that.
      votes ? { durable: true } : {},
    );
  }
}

/** Takes the answer of a sentinel. What it may have brought about (ODOWN, an election won) is seen by `goOn`. */
export function onVoteReply(turn: Turn, sentinel: Instance, reply: Reply): void {
  const { master } = sentinel;
  if (master === null || !Array.isArray(reply) || reply.length !== 3) return;
  const [down, vote, epoch] = reply;
  if (typeof down !== 'number' || typeof epoch !== 'number') return;
  if (!Buffer.isBuffer(vote) && typeof vote !== 'string') return;
  const leader = typeof vote === 'string' ? vote : vote.toString('latin1');
  if (leader.length > RUN_ID_MAX) return;

  sentinel.lastMasterDownReply = turn.now;
  if (down === 1) sentinel.flags |= MASTER_DOWN;
  else sentinel.flags &= ~MASTER_DOWN;
  if (leader !== '*') {
    if (sentinel.leaderEpoch !== epoch) {
      turn.log('warning', `${sentinel.name} voted for ${leader} ${epoch}`);
    }
    sentinel.leader = leader;
    sentinel.leaderEpoch = epoch;
  }
}

/**
 * Answers IS-MASTER-DOWN-BY-ADDR. With a run id it asks for our vote: `leader` is for whom we have voted, in
 * `leaderEpoch`; '*' and 0 if nobody asked or the master is unknown. The vote is saved by the actions of this turn,
 * before the caller may reply.
 */
export function answerIsMasterDown(
  turn: Turn,
  asked: { host: string; port: number; epoch: number; runId: string },
): { down: boolean; leader: string; leaderEpoch: number } {
  const master = masterAt(turn, asked.host, asked.port);
  if (master === null) return { down: false, leader: '*', leaderEpoch: 0 };
  const down = has(master, SDOWN) && !isPassive(turn);
  if (asked.runId === '*' || asked.epoch > greatestEpoch(turn.state))
    return { down, leader: '*', leaderEpoch: 0 };
  const leader = vote(turn, master, asked.epoch, asked.runId);
  return { down, leader: leader === '' ? '*' : leader, leaderEpoch: master.leaderEpoch };
}

/** The master at this address. Others may call it by its name where we have its address, and the other way round. */
function masterAt(turn: Turn, host: string, port: number): Instance | null {
  if (!isUsable(turn.state, host, port)) return null;
  const asked = addressOf(turn, host, port);
  for (const master of turn.state.masters.values()) {
    if (sameAddress(master.address, asked)) return master;
  }
  return null;
}

/** Votes for `runId` if there is no vote yet in this epoch or a later one. Gives the vote that stands, '' none. */
export function vote(turn: Turn, master: Instance, epoch: number, runId: string): string {
  const { state } = turn;
  const newEpoch = epoch > state.currentEpoch;
  if (newEpoch) state.currentEpoch = epoch;
  const voted = master.leaderEpoch < epoch && state.currentEpoch <= epoch;
  if (voted) {
    master.leader = runId;
    master.leaderEpoch = state.currentEpoch;
  }
  if (newEpoch || voted) turn.save();
  if (newEpoch) turn.say('warning', '+new-epoch', String(state.currentEpoch), master);
  if (voted) {
    turn.say('warning', '+vote-for-leader', `${master.leader} ${master.leaderEpoch}`, master);
    // Another one tries: we leave it the time that we would want.
    if (!sameId(master.leader, state.myId)) {
      master.failoverStartAt = turn.now + randomBelow(turn.random, DESYNC_MAX_MS);
    }
  }
  return master.leader;
}

/** Who is elected in `epoch`; null: nobody so far. Our own vote is given if it still can be, to who is ahead. */
export function leaderOf(turn: Turn, master: Instance, epoch: number): string | null {
  const counters = new Map<string, number>();
  let winner = '';
  let most = 0;
  const count = (id: string): void => {
    const votes = (counters.get(id) ?? 0) + 1;
    counters.set(id, votes);
    if (votes > most) {
      most = votes;
      winner = id;
    }
  };
  for (const sentinel of master.sentinels.values()) {
    if (sentinel.leader !== '' && sentinel.leaderEpoch === epoch) count(sentinel.leader);
  }
  const own = vote(turn, master, epoch, winner === '' ? turn.state.myId : winner);
  if (own !== '' && master.leaderEpoch === epoch) count(own);

  const majority = Math.floor((master.sentinels.size + 1) / 2) + 1;
  return most >= majority && most >= master.quorum ? winner : null;
}

/**
 * Stands for the present epoch in place of an older one, in which nobody votes any more: epochs count for all masters
 * together, so where several fail at once each failover makes the epochs of the others old. (Redis counts votes of the
 * present epoch for a failover of an older one.) True: all have to be asked again.
 */
export function standAgain(turn: Turn, master: Instance): boolean {
  const { currentEpoch, myId, intervals } = turn.state;
  if (master.failoverEpoch >= currentEpoch || master.leaderEpoch >= currentEpoch) return false;
  // Votes of the old epoch may be under way.
  if (turn.now - master.failoverStateChangedAt < intervals.askPeriod / 4) return false;
  master.failoverEpoch = currentEpoch;
  master.failoverStateChangedAt = turn.now;
  vote(turn, master, currentEpoch, myId);
  return true;
}

/** Run ids are compared without regard to case. */
export function sameId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
