/** Work that goes on beside the commands: expiry cycle, client timeouts, samples of statistics. */
export interface CronJob {
  /** For logs and tests. */
  readonly name: string;
  /** Called `hz` times a second with the wall clock; must be done within a millisecond or so. */
  run(nowMs: number): void;
}
