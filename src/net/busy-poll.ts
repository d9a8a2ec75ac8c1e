/**
 * Busy polling: while requests come thick and fast, the event loop asks the kernel once more before it sleeps.
 *
 * A server that is faster than its clients would sleep after almost every request and be woken for the next one.
 * Waking a sleeping processor takes both sides several microseconds, more than a request costs here. So as long as
 * reads come less than BUSY_GAP_US apart on average, an immediate is kept pending, with which libuv polls without
 * waiting, for up to SPIN_US behind the last read. (A plain spin of this length, tried on two
 * cores with redis-benchmark -P 1, gave about 8% more requests; this adaptive one was not timed apart from noise.)
 *
 * It gives up where it does not pay: when spins keep ending without a read (the client needs the processor that we
 * hold), it stays off for the next PAUSE_READS reads. A server with little to do never spins: below some thirty
 * thousand reads a second the gaps are too long. `busy-poll no` turns it off.
 */
import type { Engine } from '../engine/engine.ts';

const BUSY_GAP_US = 30;
const SPIN_US = 60;
/** A pause in the traffic counts as at most so much, so that the average finds back quickly. */
const GAP_MAX_US = 500;
const PAUSE_READS = 5000;
/** So many more useless spins than useful ones end it for a while. */
const PATIENCE = 16;

export class BusyPoll {
  readonly #engine: Engine;
  readonly #step = () => this.#spin();
  /** When the last read was served, on the monotonic clock. */
  #lastUs = 0;
  /** Average time between reads. */
  #gapUs = GAP_MAX_US;
  #spinning = false;
  /** The last read that a spin has seen, and whether it has been waiting since. */
  #seenUs = 0;
  #waiting = false;
  #score = 0;
  #pause = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A read has been served; the time is that of the engine's last look at the clock. */
  served(nowUs: number): void {
    const gap = nowUs - this.#lastUs;
    this.#lastUs = nowUs;
    this.#gapUs += (Math.min(gap, GAP_MAX_US) - this.#gapUs) / 16;
    if (this.#spinning) return;
    if (this.#pause > 0) this.#pause--;
    else if (this.#gapUs < BUSY_GAP_US && this.#engine.config.values['busy-poll']) {
      this.#spinning = true;
      this.#waiting = false;
      this.#seenUs = nowUs;
      setImmediate(this.#step);
    }
  }

  #spin(): void {
    if (this.#lastUs !== this.#seenUs) {
      this.#seenUs = this.#lastUs;
      if (this.#waiting && this.#score < PATIENCE) this.#score++;
      this.#waiting = false;
    } else {
      this.#waiting = true;
      if (this.#engine.clock.monoUs() - this.#lastUs > SPIN_US) {
        this.#spinning = false;
        if (--this.#score > -PATIENCE) return;
        this.#score = 0;
        this.#pause = PAUSE_READS;
        return;
      }
    }
    setImmediate(this.#step);
  }
}
