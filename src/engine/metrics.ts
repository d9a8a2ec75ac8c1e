/**
 * Figures over time for INFO: rates as means of the last 16 samples taken 100 ms apart, as in Redis.
 * A cron job samples; nothing here runs for a command.
 */
import { eventLoop } from '../util/process-stats.ts';
import type { Stats } from './stats.ts';

const SAMPLES = 16;
const PERIOD_MS = 100;

/** The rate of a counter that only grows. */
class Rate {
  readonly #samples = new Float64Array(SAMPLES);
  #next = 0;
  #lastCount = 0;
  #lastMs = 0;

  /** Takes a sample: `count` is what the counter says at `ms` of the monotonic clock. */
  sample(count: number, ms: number): void {
    const elapsed = ms - this.#lastMs;
    // A counter that was reset (CONFIG RESETSTAT) has not run backwards.
    const grown = Math.max(0, count - this.#lastCount);
    this.#samples[this.#next] = this.#lastMs === 0 || elapsed <= 0 ? 0 : (grown * 1000) / elapsed;
    this.#next = (this.#next + 1) % SAMPLES;
    this.#lastCount = count;
    this.#lastMs = ms;
  }

  get perSecond(): number {
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    return sum / SAMPLES;
  }

  reset(): void {
    this.#samples.fill(0);
  }
}

export class Metrics {
  readonly commands = new Rate();
  readonly inputBytes = new Rate();
  readonly outputBytes = new Rate();
  /** Turns of the event loop, and the microseconds they took. */
  readonly loopCycles = new Rate();
  readonly loopUs = new Rate();
  /** Monotonic clock at the start, ms. */
  readonly startedMonoMs: number;
  #sampledMs = 0;

  constructor(monoMs: number) {
    this.startedMonoMs = monoMs;
  }

  /** Whether it is time for the next sample; timers may come a little early. */
  isDue(monoMs: number): boolean {
    return monoMs - this.#sampledMs >= PERIOD_MS - 5;
  }

  sample(monoMs: number, stats: Stats): void {
    this.#sampledMs = monoMs;
    this.commands.sample(stats.commandsProcessed, monoMs);
    this.inputBytes.sample(stats.netInputBytes, monoMs);
    this.outputBytes.sample(stats.netOutputBytes, monoMs);
    const loop = eventLoop();
    this.loopCycles.sample(loop.cycles, monoMs);
    this.loopUs.sample(loop.activeUs, monoMs);
  }

  reset(): void {
    this.commands.reset();
    this.inputBytes.reset();
    this.outputBytes.reset();
  }
}
