/**
 * Rewrites that the server begins by itself are given a rest when they keep failing: after LIMIT_FAILURES in a row for
 * a minute, and twice as long each time, up to an hour. Without that, each try would leave one more incremental file.
 */
const LIMIT_FAILURES = 3;
const DELAY_MAX_MINUTES = 60;

export class RewriteLimit {
  /** Rewrites that have failed since the last good one (aof_rewrites_consecutive_failures). */
  failures = 0;
  #delayMinutes = 0;
  /** When the next one may begin, ms; 0: no rest has been ordered. */
  #restUntilMs = 0;

  /** Whether a rewrite must not begin now. `onRest` is told when a rest begins, and for how many minutes. */
  isResting(nowMs: number, onRest: (minutes: number) => void): boolean {
    if (this.failures < LIMIT_FAILURES) {
      this.#delayMinutes = 0;
      this.#restUntilMs = 0;
      return false;
    }
    if (this.#restUntilMs !== 0) {
      if (nowMs < this.#restUntilMs) return true;
      this.#restUntilMs = 0;
      return false;
    }
    this.#delayMinutes = Math.min(DELAY_MAX_MINUTES, this.#delayMinutes === 0 ? 1 : this.#delayMinutes * 2);
    this.#restUntilMs = nowMs + this.#delayMinutes * 60_000;
    onRest(this.#delayMinutes);
    return true;
  }
}
