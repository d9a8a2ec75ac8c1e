/**
 * CLIENT PAUSE: commands are put off instead of run, until a moment or until CLIENT UNPAUSE. Failover and shutdown
 * pause in the same way, each for its own purpose; the server is paused while one of them is.
 *
 *     holds(command) → postpone(client, args) → [client stopped] → the pause ends → Engine.serveKept
 *
 * Commands that are put off go through all gates again when the pause is over (postponed.ts). So a pause that begins
 * meanwhile holds them again, and one client's CLIENT PAUSE among the resumed commands holds those behind it.
 *
 * While paused, keys that are past their time are hidden but not removed, and nothing is evicted: the data set must
 * stand still for whoever wants it to (keyspace.expireMode).
 */

import { EXPIRE_HIDES } from '../keyspace/keyspace.ts';
import type { Args } from '../resp/args.ts';
import type { TimerHandle } from '../util/clock.ts';
import type { Client } from './client.ts';
import { MAY_REPLICATE, WRITE } from './command-spec.ts';
import type { Engine } from './engine.ts';
import { SERVER_PAUSED } from './gates.ts';
import { Postponed } from './postponed.ts';

export type PausePurpose = 'client' | 'failover' | 'shutdown';

/** Timers take no more; a longer pause sets its timer again. */
const TIMER_MAX_MS = 0x7fffffff;

interface Pausing {
  /** On the monotonic clock. */
  untilMs: number;
  /** All commands, or only those that may write. */
  all: boolean;
}

export class Pause {
  readonly #engine: Engine;
  readonly #pauses = new Map<PausePurpose, Pausing>();
  readonly #postponed: Postponed;
  #timer: TimerHandle | null = null;
  /** keyspace.expireMode as it was before. */
  #expireMode = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#postponed = new Postponed(engine);
  }

  /** Pauses for `ms`. A pause for the same purpose that lasts longer, or holds more, stays as long, or as strict. */
  pause(purpose: PausePurpose, ms: number, all: boolean): void {
    const untilMs = this.#engine.clock.monoMs() + ms;
    const already = this.#pauses.get(purpose);
    if (already === undefined) this.#pauses.set(purpose, { untilMs, all });
    else {
      already.untilMs = Math.max(already.untilMs, untilMs);
      already.all ||= all;
    }
    this.#update();
  }

  unpause(purpose: PausePurpose): void {
    if (this.#pauses.delete(purpose)) this.#update();
  }

  /** Whether a command with these flags must wait. Only asked while SERVER_PAUSED is set. */
  holds(flags: number): boolean {
    if ((flags & (WRITE | MAY_REPLICATE)) !== 0) return true;
    for (const { all } of this.#pauses.values()) if (all) return true;
    return false;
  }

  /** What becomes of keys past their time, while there is no pause. */
  setExpireMode(mode: number): void {
    this.#expireMode = mode;
    if ((this.#engine.gates & SERVER_PAUSED) === 0) this.#engine.keyspace.expireMode = mode;
  }

  /** Puts the client's command off. */
  postpone(client: Client, args: Args): void {
    this.#postponed.add(client, args);
  }

  /** Looks at what has run out, and sets gate, expiry and timer accordingly. */
  #update(): void {
    const engine = this.#engine;
    const { timers, keyspace } = engine;
    const now = engine.clock.monoMs();
    let next = Number.POSITIVE_INFINITY;
    for (const [purpose, { untilMs }] of this.#pauses) {
      if (untilMs <= now) this.#pauses.delete(purpose);
      else next = Math.min(next, untilMs);
    }
    if (this.#timer !== null) timers.clearTimeout(this.#timer);
    this.#timer = null;
    const wasPaused = (engine.gates & SERVER_PAUSED) !== 0;
    if (this.#pauses.size !== 0) {
      if (!wasPaused) {
        this.#expireMode = keyspace.expireMode;
        keyspace.expireMode = EXPIRE_HIDES;
        engine.gates |= SERVER_PAUSED;
      }
      this.#timer = timers.setTimeout(() => this.#update(), Math.min(next - now, TIMER_MAX_MS));
    } else if (wasPaused) {
      engine.gates &= ~SERVER_PAUSED;
      keyspace.expireMode = this.#expireMode;
      this.#postponed.resume();
    }
  }
}
