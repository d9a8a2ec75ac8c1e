/**
 * LATENCY GRAPH: a series as columns of characters, a column for each sample (the last 80), four rows high:
 *
 *     command - high 150 ms, low 50 ms (all time high 150 ms)
 *     --------------------------------------------------------------------------------
 *       #
 *     _ |
 *     | |
 *     |_|
 *
 *     210
 *     sss
 *
 * A column is filled from the bottom; its top has one of three characters, so that four rows show twelve levels. The
 * lowest sample is at the bottom, the highest at the top. Below, downwards, stands how long ago it was.
 */
import type { LatencySeries } from '../../engine/figures/latency-monitor.ts';

const COLUMNS = 80;
const ROWS = 4;
const TOPS = '_o#';
const LEVELS = ROWS * TOPS.length;

export function graphOf(event: string, series: LatencySeries, nowSeconds: number): string {
  const samples = series.samples.slice(-COLUMNS);
  const durations = samples.map(({ ms }) => ms);
  const high = Math.max(...durations);
  const low = Math.min(...durations);
  const levels = durations.map((ms) =>
    Math.min(LEVELS - 1, Math.floor(((ms - low) / Math.max(1, high - low)) * LEVELS)),
  );
  const ages = samples.map(({ atSeconds }) => ageOf(nowSeconds - atSeconds));
  let text = `${event} - high ${high} ms, low ${low} ms (all time high ${series.max} ms)\n`;
  text += `${'-'.repeat(COLUMNS)}\n`;
  for (let row = ROWS - 1; row >= 0; row--) {
    text += `${levels.map((level) => cell(level, row)).join('')}\n`;
  }
  text += `${' '.repeat(samples.length)}\n`;
  const height = Math.max(...ages.map((age) => age.length));
  for (let i = 0; i < height; i++) text += `${ages.map((age) => age[i] ?? ' ').join('')}\n`;
  return text;
}

function cell(level: number, row: number): string {
  const above = level - row * TOPS.length;
  if (above < 0) return ' ';
  return TOPS[above] ?? '|';
}

function ageOf(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
