/**
 * Group commit: how long to wait for more before the next fdatasync.
 *
 * Clients that wait for their replies send their next requests when a sync has let them go. If the next sync started
 * with the first of them, the others would have to wait for the one after it: two groups that take turns, and half
 * the throughput. So after a sync, writing waits until as many have come back as were let go: as long as they keep
 * coming, but no longer than two syncs take. It ends when nobody has come for a third of a sync.
 *
 * Clients that do not come back (they had one thing to say) would make every sync wait for nothing: after each
 * disappointment more syncs go without waiting, up to SKIPPED_MAX, before it is tried again.
 */

/** How long is waited in all, and without anybody: parts of a sync's duration, up to a bound. */
const WAIT_PART = 2;
const WAIT_MAX_US = 5000;
const GAP_PART = 0.33;
const GAP_MAX_US = 2000;
const SKIPPED_MAX = 16;
/** Fewer than one in so many of those who wait are not waited for. */
const FEW = 4;

export class Cohort {
  /** How many replies were let go, how many waited for the next sync then, and when that was. */
  #gone = 0;
  #waiting = 0;
  #sinceUs = 0;
  #waitUs = 0;
  #gapUs = 0;
  /** How many waited when somebody last came, and when that was. */
  #seen = 0;
  #seenUs = 0;
  /** Syncs that will not wait, and how many that were after the last disappointment. */
  #skips = 0;
  #skipped = 0;

  /** A sync of `durationUs` has let `gone` replies go, the last of them now; `waiting` others have come meanwhile. */
  letGo(gone: number, waiting: number, durationUs: number, nowUs: number): void {
    this.#waiting = waiting;
    this.#gone = 0;
    // Many do not wait for a few; and one alone has nobody to share with.
    if (gone * FEW >= waiting && gone + waiting > 1) {
      if (this.#skips > 0) this.#skips--;
      else this.#gone = gone;
    }
    this.#sinceUs = nowUs;
    this.#seen = waiting;
    this.#seenUs = nowUs;
    this.#waitUs = Math.min(durationUs * WAIT_PART, WAIT_MAX_US);
    this.#gapUs = Math.min(durationUs * GAP_PART, GAP_MAX_US);
  }

  /** For how many µs to wait on if nobody comes, when `count` replies wait for the next sync; 0: no longer. */
  waitsUs(count: number, nowUs: number): number {
    const gone = this.#gone;
    if (gone === 0) return 0;
    const back = count - this.#waiting;
    if (back >= gone) {
      this.#end(true);
      return 0;
    }
    if (count > this.#seen) {
      this.#seen = count;
      this.#seenUs = nowUs;
    }
    const left = Math.min(this.#sinceUs + this.#waitUs, this.#seenUs + this.#gapUs) - nowUs;
    if (left > 0) return left;
    this.#end(back * 2 >= gone);
    return 0;
  }

  #end(cameBack: boolean): void {
    this.#gone = 0;
    this.#skipped = cameBack ? 0 : Math.min(SKIPPED_MAX, this.#skipped * 2 + 1);
    this.#skips = this.#skipped;
  }
}
