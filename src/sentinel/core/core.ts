/**
 * The decisions of a sentinel, without any connection, timer or file: it is told what happens (protocol.ts) and says
 * what is to be done. The same seed, state and events give the same actions.
 *
 *     tick ─> clock sane? ─> for every master, its replicas and its sentinels:
 *               links ─> INFO, PING, hello ─> subjectively down? ─> masters: objectively down? failover? ask others
 *     reply, message, hello ─> what it changes ─> a failover that waits for it goes on at once
 *
 * While TILT or a stall lasts, everybody is watched and nothing is decided.
 */
import { type Random, randomBelow, randomHex } from '../../util/random.ts';
import { Turn } from './context.ts';
import { askOthers } from './failover/election.ts';
import { finishFailover, goOn, runFailover, startFailoverIfNeeded } from './failover/failover.ts';
import { FAILOVER_IN_PROGRESS, has, type Instance, RUN_ID_LENGTH, SDOWN } from './instance.ts';
import { HZ_MIN, HZ_SPREAD } from './intervals.ts';
import type { Action, Event, Outcome } from './protocol.ts';
import { onResolved } from './registry.ts';
import type { SentinelState } from './state.ts';
import { checkObjectivelyDown, checkSubjectivelyDown } from './watch/down.ts';
import { forgetOurselves, onHello } from './watch/hello.ts';
import { ensureLinks, onLinkDown, onLinkUp } from './watch/links.ts';
import { onMessage, onReply, sendPeriodic } from './watch/monitor.ts';
import { checkClock, isPassive } from './watch/tilt.ts';

export class SentinelCore {
  readonly state: SentinelState;
  readonly #random: Random;

  constructor(state: SentinelState, random: Random) {
    this.state = state;
    this.#random = random;
  }

  /** What has to be done when the sentinel starts: it gets its id, all is saved, and the log hears of the masters. */
  start(now: number): readonly Action[] {
    return this.act(now, (turn) => {
      const { state } = this;
      if (state.myId === '') state.myId = randomHex(this.#random, RUN_ID_LENGTH);
      turn.save();
      turn.log('notice', `Sentinel ID is ${state.myId}`);
      for (const master of state.masters.values()) {
        turn.event('warning', '+monitor', master, `quorum ${master.quorum}`);
      }
      this.#askForTick(turn);
    }).actions;
  }

  /** Takes one event. `now`: monotonic ms, greater than 0, never less than before. */
  handle(event: Event, now: number): readonly Action[] {
    return this.act(now, (turn) => this.#handle(turn, event)).actions;
  }

  /** A turn for a request: SENTINEL commands that change something. */
  act<T>(now: number, run: (turn: Turn) => T): Outcome<T> {
    const turn = new Turn(this.state, this.#random, now);
    const value = run(turn);
    return { actions: turn.actions, value };
  }

  #handle(turn: Turn, event: Event): void {
    switch (event.type) {
      case 'tick':
        checkClock(turn, event.wallMs);
        for (const master of [...turn.state.masters.values()]) this.#watchMaster(turn, master);
        this.#askForTick(turn);
        break;
      case 'linkUp':
        onLinkUp(turn, event);
        forgetOurselves(turn, event.localIp);
        break;
      case 'linkDown':
        onLinkDown(turn, event);
        break;
      case 'reply':
        onReply(turn, event);
        for (const master of turn.state.masters.values()) this.#goOn(turn, master);
        break;
      case 'message':
        onMessage(turn, event);
        break;
      case 'resolved':
        if (event.ip !== null) onResolved(turn, event.host, event.ip);
        break;
      case 'hello':
        onHello(turn, event.payload);
        break;
    }
  }

  #watchMaster(turn: Turn, master: Instance): void {
    this.#watch(turn, master);
    for (const replica of [...master.replicas.values()]) this.#watch(turn, replica);
    for (const sentinel of [...master.sentinels.values()]) this.#watch(turn, sentinel);
    // The address of a master changes only here and by hellos: nobody holds on to its replicas meanwhile.
    if (master.failoverState === 'update_config') finishFailover(turn, master);
  }

  /** What a reply may have brought about need not wait for the next tick. */
  #goOn(turn: Turn, master: Instance): void {
    if (!has(master, SDOWN | FAILOVER_IN_PROGRESS) || isPassive(turn)) return;
    goOn(turn, master);
    if (master.failoverState === 'update_config') finishFailover(turn, master);
  }

  #watch(turn: Turn, instance: Instance): void {
    ensureLinks(turn, instance);
    sendPeriodic(turn, instance);
    if (isPassive(turn)) return;
    checkSubjectivelyDown(turn, instance);
    if (instance.kind !== 'master') return;
    checkObjectivelyDown(turn, instance);
    if (startFailoverIfNeeded(turn, instance)) askOthers(turn, instance, { force: true });
    runFailover(turn, instance);
    askOthers(turn, instance, { force: false });
  }

  #askForTick(turn: Turn): void {
    const hz = HZ_MIN + randomBelow(this.#random, HZ_SPREAD);
    turn.actions.push({ type: 'tick', afterMs: 1000 / hz });
  }
}
