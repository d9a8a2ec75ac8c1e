/**
 * Figures over time for INFO: rates as means of the last 16 samples taken 100 ms apart, as in Redis.
 * A cron job samples; nothing here runs for a command.
 */
import { eventLoop } from '../../util/process-stats.ts';
import type { CronJob } from '../cron-job.ts';
import type { Engine } from '../engine.ts';

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

export class Metrics implements CronJob {
  readonly name = 'metrics';
  readonly commands = new Rate();
  readonly inputBytes = new Rate();
  readonly outputBytes = new Rate();
  /** Of these, from the master and to replicas. */
  readonly replInputBytes = new Rate();
  readonly replOutputBytes = new Rate();
  /** Turns of the event loop, and the microseconds they took. */
  readonly loopCycles = new Rate();
  readonly loopUs = new Rate();
  /** Monotonic clock at the start, ms. */
  readonly startedMonoMs: number;
  readonly #engine: Engine;
  #sampledMs = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.startedMonoMs = engine.clock.monoMs();
  }

  /** Takes a sample when it is time for one; timers may come a little early. */
  run(): void {
    const { clock, stats } = this.#engine;
    const monoMs = clock.monoMs();
    if (monoMs - this.#sampledMs < PERIOD_MS - 5) return;
    this.#sampledMs = monoMs;
    this.commands.sample(stats.commandsProcessed, monoMs);
    this.inputBytes.sample(stats.netInputBytes, monoMs);
    this.outputBytes.sample(stats.netOutputBytes, monoMs);
    this.replInputBytes.sample(stats.netReplInputBytes, monoMs);
    this.replOutputBytes.sample(stats.netReplOutputBytes, monoMs);
    const loop = eventLoop();
    this.loopCycles.sample(loop.cycles, monoMs);
    this.loopUs.sample(loop.activeUs, monoMs);
  }

  reset(): void {
    this.commands.reset();
    this.inputBytes.reset();
    this.outputBytes.reset();
    this.replInputBytes.reset();
    this.replOutputBytes.reset();
  }
}
