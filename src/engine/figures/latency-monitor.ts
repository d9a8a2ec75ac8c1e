/**
 * The latency monitor: series of moments when something held the server up for latency-monitor-threshold
 * milliseconds or more (LATENCY LATEST, HISTORY, GRAPH, DOCTOR). An event has at most one sample a second, the worst
 * of it, and 160 samples; names come from the code (`command`, `fast-command`, `expire-cycle`, `eviction-cycle`,
 * `aof-write`, ...), so there are few.
 */

/** Samples kept of each event. */
export const SERIES_LENGTH = 160;

export interface LatencySample {
  /** Seconds since the epoch. */
  readonly atSeconds: number;
  ms: number;
}

export class LatencySeries {
  /** Oldest first. */
  readonly samples: LatencySample[] = [];
  /** The worst ever, in ms. */
  max = 0;

  get last(): LatencySample {
    return this.samples[this.samples.length - 1]!;
  }

  add(atSeconds: number, ms: number): void {
    this.max = Math.max(this.max, ms);
    const last = this.samples.at(-1);
    if (last !== undefined && last.atSeconds === atSeconds) {
      last.ms = Math.max(last.ms, ms);
      return;
    }
    this.samples.push({ atSeconds, ms });
    if (this.samples.length > SERIES_LENGTH) this.samples.shift();
  }
}

export class LatencyMonitor {
  /** latency-monitor-threshold in ms; 0: nothing is kept. */
  thresholdMs = 0;
  readonly events = new Map<string, LatencySeries>();

  /** Keeps a duration in ms if it is long enough to matter. */
  add(event: string, ms: number, nowMs: number): void {
    if (this.thresholdMs === 0 || ms < this.thresholdMs) return;
    let series = this.events.get(event);
    if (series === undefined) {
      series = new LatencySeries();
      this.events.set(event, series);
    }
    series.add(Math.floor(nowMs / 1000), Math.floor(ms));
  }
}
