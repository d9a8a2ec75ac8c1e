import perfHooks from 'node:perf_hooks';

/*
 * The one source of time. Nothing else calls Date.now(), performance.now() or setTimeout(), so that a whole server
 * (expiry, cron, timeouts, Sentinel) can be driven through years in milliseconds, and replayed exactly.
 *
 * Two clocks, as everywhere: the wall clock says which moment it is and may jump; the monotonic one measures how long
 * something took, from an arbitrary start.
 */

export interface Clock {
  /** Whole milliseconds since 1970 (UTC). */
  wallMs(): number;
  /** Milliseconds that only ever grow, with a fraction. */
  monoMs(): number;
  /** The same in microseconds. */
  monoUs(): number;
}

/** What setTimeout and setInterval return; only Timers looks into it. */
export type TimerHandle = object;

export interface Timers {
  setTimeout(run: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
  setInterval(run: () => void, periodMs: number): TimerHandle;
  clearInterval(handle: TimerHandle): void;
}

// Not the global: that is a getter, asked at each reading.
const { performance } = perfHooks;

/** The machine's clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
  monoUs: () => performance.now() * 1000,
};

/** Node's timers. */
export const systemTimers: Timers = {
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
  setInterval: (run, periodMs) => setInterval(run, periodMs),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout),
};

/** Lets the process end before the timer has run; nothing to do for timers of a virtual clock. */
export function unrefTimer(handle: TimerHandle): void {
  (handle as { unref?: () => void }).unref?.();
}

const ANCHOR_TOLERANCE_US = 1500;

/**
 * The wall clock in whole microseconds, for TIME and for stream and replication ids. The system's has milliseconds;
 * the digits below come from the monotonic clock, anchored to it, and anchored anew when they have drifted apart.
 */
export class MicrosecondWallClock {
  readonly #clock: Clock;
  /** Wall minus monotonic time, in microseconds. */
  #offset: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.wallMs() * 1000 - clock.monoUs();
  }

  wallUs(): number {
    // The wall was read between two moments, however long the scheduler made that take.
    const before = this.#clock.monoUs();
    const wall = this.#clock.wallMs() * 1000;
    const mono = this.#clock.monoUs();
    // The anchor was a whole millisecond, so it may lag by one, and so may `wall`.
    const ahead = before + this.#offset - wall > ANCHOR_TOLERANCE_US;
    const behind = wall - mono - this.#offset > ANCHOR_TOLERANCE_US;
    if (ahead || behind) this.#offset = wall - mono;
    return Math.floor(mono + this.#offset);
  }
}

/** A clock that stands still until it is told to move, with timers that run while it does. */
export class ManualClock implements Clock, Timers {
  #wallUs: number;
  #monoUs = 0;
  #timers: ManualTimer[] = [];
  #created = 0;

  /** Starts at `wallMs`; by default at a moment after any that tests may take for past. */
  constructor(wallMs = 1_800_000_000_000) {
    this.#wallUs = wallMs * 1000;
  }

  wallMs(): number {
    return Math.floor(this.#wallUs / 1000);
  }

  monoMs(): number {
    return this.#monoUs / 1000;
  }

  monoUs(): number {
    return this.#monoUs;
  }

  /** Moves both clocks by `ms`, running every timer that falls due at its own moment, in order. */
  advance(ms: number): void {
    const target = this.#monoUs + Math.round(ms * 1000);
    for (;;) {
      const due = this.#nextDue(target);
      if (due === null) break;
      this.#moveTo(Math.max(due.atUs, this.#monoUs));
      if (due.periodUs > 0) due.atUs += due.periodUs;
      else this.clearTimeout(due);
      due.run();
    }
    this.#moveTo(target);
  }

  /** Sets the wall clock alone, as an operator (or NTP) does; timers do not notice. */
  jumpWallTo(ms: number): void {
    this.#wallUs = ms * 1000;
  }

  setTimeout(run: () => void, delayMs: number): TimerHandle {
    return this.#add(run, delayMs, 0);
  }

  setInterval(run: () => void, periodMs: number): TimerHandle {
    return this.#add(run, periodMs, Math.max(1000, Math.round(periodMs * 1000)));
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers = this.#timers.filter((timer) => timer !== handle);
  }

  clearInterval(handle: TimerHandle): void {
    this.clearTimeout(handle);
  }

  #add(run: () => void, delayMs: number, periodUs: number): TimerHandle {
    // As in Node, never at once: a timer that sets itself again would keep the clock standing for ever.
    const atUs = this.#monoUs + Math.max(1000, Math.round(delayMs * 1000));
    const timer: ManualTimer = { run, atUs, periodUs, order: this.#created++ };
    this.#timers.push(timer);
    return timer;
  }

  #nextDue(targetUs: number): ManualTimer | null {
    let next: ManualTimer | null = null;
    for (const timer of this.#timers) {
      if (timer.atUs > targetUs) continue;
      if (next === null || timer.atUs < next.atUs || (timer.atUs === next.atUs && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }

  #moveTo(monoUs: number): void {
    this.#wallUs += monoUs - this.#monoUs;
    this.#monoUs = monoUs;
  }
}

interface ManualTimer {
  readonly run: () => void;
  /** When it falls due, in microseconds of the monotonic clock. */
  atUs: number;
  /** 0 for a timeout. */
  readonly periodUs: number;
  readonly order: number;
}
