/**
 * When a snapshot works: in slices on the event loop, back to back while few commands come. Under load slices are
 * shorter, and BUSY_GAP_MS pass between them: clients keep the larger part of the time, and none waits for more than a
 * slice. Where they need little of it (fewer than FULL commands in a gap), the gaps are short and the slices are not, so
 * that some thousand writes a second don't make a full sync take twice as long.
 *
 * What load is: a client that waits for each reply sends one command in each turn, whoever asks now and then does so
 * in some turns, too. A gap tells them apart: the one sends several in it, the other does not. So
 *
 *     idle ──a turn with MANY commands, or a gap that saw SEVERAL──> busy: a gap after each slice
 *       │                                                              │
 *       └──a turn with a command, PROBE_PERIOD_MS after the last──> gap └──a gap that saw fewer than SEVERAL──> idle
 */
import type { Engine } from '../../engine/engine.ts';
import type { TimerHandle } from '../../util/clock.ts';

const IDLE_SLICE_US = 3000;
const BUSY_SLICE_US = 2000;
const BUSY_GAP_MS = 3;
const LIGHT_GAP_MS = 1;
/** Commands in one turn that come from several clients, or from one that has more to say. */
const MANY = 4;
/** Commands in a gap that are more than somebody's asking how far it is. */
const SEVERAL = 3;
/** Commands in a gap, those that came during the slice before it included, that show clients at full speed. */
const FULL = 20;
/** Clients of which each turn sees one command are looked at so often. */
const PROBE_PERIOD_MS = 100;

export class Pace {
  readonly #engine: Engine;
  readonly #slice: (budgetUs: number) => void;
  readonly #schedule: (run: () => void) => void;
  readonly #turn: () => void;
  readonly #gapEnds: () => void;
  #scheduled = false;
  #wanted = false;
  #timer: TimerHandle | null = null;
  /** Commands served when the last slice ended, and whether several had come in the gap before it. */
  #commandsAtEnd = 0;
  #wasBusy = false;
  /** They were fewer than FULL. */
  #wasLight = false;
  #probedMs = Number.NEGATIVE_INFINITY;

  /** `slice` works for about so long and calls `next` if there is more. `schedule`: setImmediate. */
  constructor(engine: Engine, slice: (budgetUs: number) => void, schedule: (run: () => void) => void) {
    this.#engine = engine;
    this.#slice = slice;
    this.#schedule = schedule;
    this.#turn = () => this.#nextTurn();
    this.#gapEnds = () => {
      this.#timer = null;
      const commands = this.#commands();
      this.#wasBusy = commands >= SEVERAL;
      this.#wasLight = commands < FULL;
      this.#run(this.#wasLight ? IDLE_SLICE_US : BUSY_SLICE_US);
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

  /** Served since the last slice. */
  #commands(): number {
    return this.#engine.stats.commandsProcessed - this.#commandsAtEnd;
  }

  #gap(): void {
    if (this.#timer !== null) return;
    const ms = this.#wasLight ? LIGHT_GAP_MS : BUSY_GAP_MS;
    this.#timer = this.#engine.timers.setTimeout(this.#gapEnds, ms);
  }

  #nextTurn(): void {
    this.#scheduled = false;
    if (!this.#wanted || this.#timer !== null) return;
    if (this.#probes()) this.#gap();
    else this.#run(IDLE_SLICE_US);
  }

  /** Whether it is to be seen how many commands come in a gap. */
  #probes(): boolean {
    const commands = this.#commands();
    if (commands === 0) return false;
    if (commands >= MANY) return true;
    const nowMs = this.#engine.clock.monoMs();
    if (nowMs - this.#probedMs < PROBE_PERIOD_MS) return false;
    this.#probedMs = nowMs;
    return true;
  }

  #run(budgetUs: number): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#slice(budgetUs);
    this.#commandsAtEnd = this.#engine.stats.commandsProcessed;
  }
}
