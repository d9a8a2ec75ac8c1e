/**
 * CLIENT PAUSE: commands are put off instead of run, until a moment or until CLIENT UNPAUSE. Failover and shutdown
 * pause in the same way, each for its own purpose; the server is paused while one of them is.
 *
 *     holds(command) → postpone(client, args) → [client stopped] → the pause ends → Engine.serveKept
 *
 * A postponed client is blocked: nothing more of what it sends is served. Its command waits here, copied out of the
 * read buffer, and goes through all gates again when the pause is over. So a pause that begins meanwhile holds it again,
 * and one client's CLIENT PAUSE among the resumed commands holds those behind it.
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
import { SERVER_PAUSED, STOP_BLOCKED } from './gates.ts';

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
  /** In the order in which they came. */
  #postponed = new Map<Client, Args>();
  #timer: TimerHandle | null = null;
  /** keyspace.expireMode as it was before. */
  #expireMode = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
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

  /** Puts the client's command off. */
  postpone(client: Client, args: Args): void {
    this.#postponed.set(client, args.copy());
    client.stopped |= STOP_BLOCKED;
    client.blocked = {
      kind: 'pause',
      unblockable: false,
      cancel: () => this.#postponed.delete(client),
    };
  }

  /** Bytes kept for a client's postponed command. */
  bytesOf(client: Client): number {
    return this.#postponed.get(client)?.buf.length ?? 0;
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
      // Not within the command that ends the pause: no handler runs inside another.
      if (this.#postponed.size !== 0) queueMicrotask(() => this.#resume());
    }
  }

  #resume(): void {
    const postponed = this.#postponed;
    this.#postponed = new Map();
    for (const [client, args] of postponed) {
      // Closed by one that was resumed before it.
      if (client.blocked?.kind !== 'pause') continue;
      client.blocked = null;
      client.stopped &= ~STOP_BLOCKED;
      this.#engine.serveKept(client, args);
    }
  }
}
