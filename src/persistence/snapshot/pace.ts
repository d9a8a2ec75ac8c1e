/**
 * When a snapshot works: in slices on the event loop, back to back while no commands come. When some came since the
 * last slice or in the gap before it, slices are shorter, and BUSY_GAP_US pass between them: clients keep the larger
 * part of the time, and none waits for more than a slice.
 */
import type { Engine } from '../../engine/engine.ts';
import type { TimerHandle } from '../../util/clock.ts';

const IDLE_SLICE_US = 3000;
const BUSY_SLICE_US = 2000;
const BUSY_GAP_US = 3000;

export class Pace {
  readonly #engine: Engine;
  readonly #slice: (budgetUs: number) => void;
  readonly #schedule: (run: () => void) => void;
  readonly #turn: () => void;
  #scheduled = false;
  #wanted = false;
  #timer: TimerHandle | null = null;
  /** Commands served when the last slice ended, and whether some had come in the gap before it. */
  #commandsAtEnd = 0;
  #wasBusy = true;
  #endedUs = 0;

  /** `slice` works for about so long and calls `next` if there is more. `schedule`: setImmediate. */
  constructor(engine: Engine, slice: (budgetUs: number) => void, schedule: (run: () => void) => void) {
    this.#engine = engine;
    this.#slice = slice;
    this.#schedule = schedule;
    this.#turn = () => this.#run();
  }

  /** Goes on as soon as it may. */
  next(): void {
    this.#wanted = true;
    if (this.#timer !== null) {
      this.#engine.timers.clearTimeout(this.#timer);
      this.#timer = null;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(this.#turn);
  }

  /** Goes on after `ms`. */
  after(ms: number): void {
    this.#wanted = false;
    if (this.#timer !== null) this.#engine.timers.clearTimeout(this.#timer);
    this.#timer = this.#engine.timers.setTimeout(() => {
      this.#timer = null;
      this.next();
    }, ms);
  }

  /** Does not go on until `next`. */
  stop(): void {
    this.#wanted = false;
    if (this.#timer !== null) this.#engine.timers.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #run(): void {
    this.#scheduled = false;
    if (!this.#wanted) return;
    const { clock, stats } = this.#engine;
    const busy = stats.commandsProcessed !== this.#commandsAtEnd;
    const idle = !busy && !this.#wasBusy;
    if (!idle && clock.monoUs() - this.#endedUs < BUSY_GAP_US) {
      this.next();
      return;
    }
    this.#wanted = false;
    this.#slice(idle ? IDLE_SLICE_US : BUSY_SLICE_US);
    this.#endedUs = clock.monoUs();
    this.#wasBusy = busy;
    this.#commandsAtEnd = stats.commandsProcessed;
  }
}
