/**
 * When a snapshot works: in slices on the event loop, back to back while no commands come. When some came since the
 * last slice or in the gap before it, slices are shorter, and BUSY_GAP_MS pass between them: clients keep the larger
 * part of the time, and none waits for more than a slice.
 */
import type { Engine } from '../../engine/engine.ts';
import type { TimerHandle } from '../../util/clock.ts';

const IDLE_SLICE_US = 3000;
const BUSY_SLICE_US = 2000;
const BUSY_GAP_MS = 3;

export class Pace {
  readonly #engine: Engine;
  readonly #slice: (budgetUs: number) => void;
  readonly #schedule: (run: () => void) => void;
  readonly #turn: () => void;
  readonly #gapEnds: () => void;
  #scheduled = false;
  #wanted = false;
  #timer: TimerHandle | null = null;
  /** Commands served when the last slice ended, and whether some had come in the gap before it. */
  #commandsAtEnd = 0;
  #wasBusy = false;

  /** `slice` works for about so long and calls `next` if there is more. `schedule`: setImmediate. */
  constructor(engine: Engine, slice: (budgetUs: number) => void, schedule: (run: () => void) => void) {
    this.#engine = engine;
    this.#slice = slice;
    this.#schedule = schedule;
    this.#turn = () => this.#nextTurn();
    this.#gapEnds = () => {
      this.#timer = null;
      this.#run(true);
    };
  }

  /** Goes on as soon as it may. */
  next(): void {
    this.#wanted = true;
    if (this.#wasBusy) this.#gap();
    else if (!this.#scheduled && this.#timer === null) {
      this.#scheduled = true;
      this.#schedule(this.#turn);
    }
  }

  /** Goes on after `ms`. */
  after(ms: number): void {
    this.stop();
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

  #isBusy(): boolean {
    return this.#engine.stats.commandsProcessed !== this.#commandsAtEnd;
  }

  #gap(): void {
    if (this.#timer === null) this.#timer = this.#engine.timers.setTimeout(this.#gapEnds, BUSY_GAP_MS);
  }

  #nextTurn(): void {
    this.#scheduled = false;
    if (!this.#wanted || this.#timer !== null) return;
    if (this.#isBusy()) this.#gap();
    else this.#run(false);
  }

  #run(afterGap: boolean): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    const busy = this.#isBusy();
    this.#wasBusy = busy;
    this.#slice(afterGap && busy ? BUSY_SLICE_US : IDLE_SLICE_US);
    this.#commandsAtEnd = this.#engine.stats.commandsProcessed;
  }
}
