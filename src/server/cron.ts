/**
 * The server's clockwork: `hz` times a second it anchors the engine's clock and runs the cron jobs that features have
 * registered (Engine.cron). The period follows `hz`; with `dynamic-hz` it gets shorter when there are many clients,
 * so that each slice stays short: at most CLIENTS_PER_RUN of them for one run.
 */
import type { Engine } from '../engine/engine.ts';
import type { TimerHandle } from '../util/clock.ts';

const CLIENTS_PER_RUN = 200;
const HZ_MAX = 500;

export class Cron {
  readonly #engine: Engine;
  #timer: TimerHandle | null = null;
  /** The frequency that the timer runs at. */
  #hz = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  start(): void {
    this.#hz = this.#wantedHz();
    this.#timer = this.#engine.timers.setInterval(() => this.#run(), 1000 / this.#hz);
  }

  stop(): void {
    if (this.#timer !== null) this.#engine.timers.clearInterval(this.#timer);
    this.#timer = null;
  }

  #run(): void {
    const engine = this.#engine;
    engine.syncClock();
    engine.readTime();
    if (engine.debug.cronPaused) return;
    for (let i = 0; i < engine.cron.length; i++) engine.cron[i]!.run(engine.nowMs);
    if (this.#timer !== null && this.#wantedHz() !== this.#hz) {
      this.stop();
      this.start();
    }
  }

  #wantedHz(): number {
    const { clients, config } = this.#engine;
    let { hz } = config.values;
    if (config.values['dynamic-hz']) while (clients.count / hz > CLIENTS_PER_RUN && hz < HZ_MAX) hz *= 2;
    return Math.min(hz, HZ_MAX);
  }
}
