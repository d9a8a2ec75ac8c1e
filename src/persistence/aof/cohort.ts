/**
 * Group commit: how long to wait for more before the next fdatasync.
 *
 * Clients that wait for their replies send their next requests when a sync has let them go. If the next sync started
 * with the first of them, the others would have to wait for the one after it: two groups that take turns, and half
 * the throughput. So after a sync, writing waits until as many have come back as were let go; but no longer than a
 * part of what a sync takes, and not when nobody has come for a while.
 *
 * Clients that do not come back (they had one thing to say) would make every sync wait for nothing: each disappointment
 * halves the patience, each success doubles it again.
 */

/** Part of a sync's duration that is waited at most, and that may pass without anybody. */
const WAIT_PART = 0.5;
const GAP_PART = 0.125;
/** On a slow disk, clients of this machine are back long before these. */
const WAIT_MAX_US = 2000;
const GAP_MAX_US = 250;
const PATIENCE_MIN = 1 / 64;

export class Cohort {
  /** Who was let go, and when. */
  #expected = 0;
  #sinceUs = 0;
  #waitUs = 0;
  #gapUs = 0;
  /** How many had come when somebody last came, and when that was. */
  #seen = 0;
  #seenUs = 0;
  #patience = 1;

  /** A sync of `durationUs` has let `count` replies go. */
  letGo(count: number, durationUs: number, nowUs: number): void {
    this.#expected = count;
    this.#sinceUs = nowUs;
    this.#seen = 0;
    this.#seenUs = nowUs;
    this.#waitUs = Math.min(durationUs * WAIT_PART, WAIT_MAX_US) * this.#patience;
    this.#gapUs = Math.min(durationUs * GAP_PART, GAP_MAX_US) * this.#patience;
  }

  /** Whether to wait on, when `count` replies wait for the next sync. */
  waits(count: number, nowUs: number): boolean {
    const expected = this.#expected;
    if (expected <= 1) return false;
    if (count >= expected) {
      this.#end(true);
      return false;
    }
    if (count > this.#seen) {
      this.#seen = count;
      this.#seenUs = nowUs;
    }
    if (nowUs - this.#sinceUs <= this.#waitUs && nowUs - this.#seenUs <= this.#gapUs) return true;
    this.#end(count * 2 >= expected);
    return false;
  }

  #end(cameBack: boolean): void {
    this.#expected = 0;
    this.#patience = cameBack ? Math.min(1, this.#patience * 2) : Math.max(PATIENCE_MIN, this.#patience / 2);
  }
}
