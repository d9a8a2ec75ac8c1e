/**
 * When our own sense of time cannot be trusted.
 *
 * TILT, as in Redis: the wall clock has jumped against the monotonic one. For thirty seconds we watch and answer, and
 * decide nothing. A stall is something else: a tick comes late by both clocks, so our process stood still (stopped, or
 * its event loop was blocked). Then only what has come meanwhile must be read before anybody is judged, which takes
 * seconds; it is logged, for it should not happen.
 */
import type { Turn } from '../context.ts';
import { STALL_GRACE_MS } from '../intervals.ts';

/** Called at each tick. `wallMs`: what the wall clock shows, in ms. */
export function checkClock(turn: Turn, wallMs: number): void {
  const { state, now } = turn;
  const { tiltTrigger, tiltPeriod } = state.intervals;
  if (state.tilt && now - state.tiltSince >= tiltPeriod) {
    state.tilt = false;
    turn.say('warning', '-tilt', '#tilt mode exited');
  }
  if (state.lastTickMono !== 0) {
    const passed = now - state.lastTickMono;
    const jump = wallMs - state.lastTickWall - passed;
    if (Math.abs(jump) > tiltTrigger) {
      state.tilt = true;
      state.tiltSince = now;
      turn.say('warning', '+tilt', '#tilt mode entered');
    } else if (passed > tiltTrigger) {
      state.stallUntil = now + STALL_GRACE_MS;
      turn.log(
        'warning',
        `This sentinel stood still for ${Math.round(passed)} milliseconds (stopped, or the machine is overloaded). ` +
          `Nothing is decided for ${STALL_GRACE_MS / 1000} seconds, until what has come meanwhile is read.`,
      );
    }
  }
  state.lastTickMono = now;
  state.lastTickWall = wallMs;
}

/**
 * Whether nothing may be decided now: in TILT, just after a stall, or if the last tick is so long ago that the next
 * will find one or the other (replies that lay in the sockets are often read before it).
 */
export function isPassive(turn: Turn): boolean {
  const { tilt, stallUntil, lastTickMono, intervals } = turn.state;
  return (
    tilt || turn.now < stallUntil || (lastTickMono !== 0 && turn.now - lastTickMono > intervals.tiltTrigger)
  );
}
