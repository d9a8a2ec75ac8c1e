/** Tables for people (text and Markdown) and JSON for programs, all from the same results. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Bar, Row, Scenario, ScenarioResult } from './scenario.ts';
import { geometricMean, median, ratios } from './stats.ts';

export interface Finished {
  readonly scenario: Scenario;
  readonly result: ScenarioResult;
}

/** Where and how it was measured; without it a figure means little. */
export interface Setting {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly redis: string;
  readonly ours: string;
  readonly pinning: string;
  readonly rounds: number;
  readonly scale: number;
  readonly date: string;
}

interface Line {
  readonly test: string;
  readonly ours: string;
  readonly redis: string;
  readonly ratio: string;
  /** CPU time for a request, ours and redis's, and how many of ours go into one of redis's. */
  readonly cpu: string;
  /** The bar and whether it was met, or nothing. */
  readonly bar: string;
}

export function textReport(setting: Setting, finished: readonly Finished[]): string {
  const parts = [settingText(setting)];
  for (const { scenario, result } of finished) {
    const lines = [
      { test: 'test', ours: 'ours', redis: 'redis', ratio: 'ratio', cpu: 'CPU', bar: 'bar' },
      ...linesOf(result),
    ];
    const hasCpu = result.rows.some((row) => row.cpu);
    const width = (column: keyof Line): number => Math.max(...lines.map((line) => line[column].length));
    const table = lines.map((line) =>
      [
        line.test.padEnd(width('test')),
        line.ours.padStart(width('ours')),
        line.redis.padStart(width('redis')),
        line.ratio.padStart(width('ratio')),
        ...(hasCpu ? [line.cpu.padStart(width('cpu'))] : []),
        line.bar,
      ]
        .join('  ')
        .trimEnd(),
    );
    const notes = (result.notes ?? []).map((note) => `(${note})`);
    parts.push([scenario.title, ...(result.rows.length > 0 ? table : []), ...notes].join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}

export function markdownReport(setting: Setting, finished: readonly Finished[]): string {
  const parts: string[] = [];
  for (const { scenario, result } of finished) {
    const hasCpu = result.rows.some((row) => row.cpu);
    const lines = linesOf(result).map(({ test, ours, redis, ratio, cpu }) => {
      const name = test === MEAN ? `**${test}**` : test;
      const shown = `| ${name} | ${ours} | ${redis} | ${test === MEAN ? `**${ratio}**` : ratio} |`;
      return hasCpu ? `${shown} ${cpu} |` : shown;
    });
    const head = [
      `| ${scenario.title} | ts-redis | redis-server | ratio |${hasCpu ? ' CPU a request |' : ''}`,
      `| --- | ---: | ---: | ---: |${hasCpu ? ' ---: |' : ''}`,
    ];
    if (lines.length > 0) parts.push([...head, ...lines].join('\n'));
  }
  parts.push(`${settingText(setting).replaceAll('\n', ' ')}`);
  return parts.join('\n\n');
}

export function jsonReport(setting: Setting, finished: readonly Finished[]): string {
  const scenarios = finished.map(({ scenario, result }) => ({
    name: scenario.name,
    title: scenario.title,
    geometricMean: meanOf(result),
    meanMin: result.meanMin ?? null,
    rows: result.rows.map((row) => ({
      ...row,
      oursMedian: median(row.ours),
      redisMedian: median(row.redis),
      ratioMedian: ratioOf(row),
      cpuRatioMedian: row.cpu ? cpuRatioOf(row) : null,
      met: row.bar ? isMet(row, row.bar) : null,
    })),
    notes: result.notes ?? [],
  }));
  return `${JSON.stringify({ setting, scenarios }, null, 2)}\n`;
}

const START = '<!-- bench:start -->';
const END = '<!-- bench:end -->';

/** Replaces what stands between the markers of that file. */
export function rewriteReadme(path: string, markdown: string): void {
  const text = readFileSync(path, 'utf8');
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${path} has no ${START} … ${END}`);
  writeFileSync(path, `${text.slice(0, start + START.length)}\n${markdown}\n${text.slice(end)}`);
}

const MEAN = 'geometric mean';

function linesOf(result: ScenarioResult): Line[] {
  const lines = result.rows.map((row) => ({
    test: row.test,
    ours: figure(median(row.ours), row.unit),
    redis: figure(median(row.redis), row.unit),
    ratio: ratioText(ratioOf(row)),
    cpu: cpuText(row),
    bar: row.bar ? `${barText(row.bar)} ${isMet(row, row.bar) ? 'ok' : 'MISSED'}` : '',
  }));
  const mean = meanOf(result);
  if (mean !== null) {
    const { meanMin } = result;
    const bar = meanMin === undefined ? '' : `≥ ${ratioText(meanMin)} ${mean >= meanMin ? 'ok' : 'MISSED'}`;
    const cpuMean = cpuMeanOf(result);
    const cpu = cpuMean === null ? '' : ratioText(cpuMean);
    lines.push({ test: MEAN, ours: '', redis: '', ratio: ratioText(mean), cpu, bar });
  }
  return lines;
}

function ratioOf(row: Row): number {
  return median(ratios(row.ours, row.redis));
}

/** How many of our requests take as much CPU time as one of redis's. */
function cpuRatioOf({ cpu }: Row): number {
  return cpu === undefined ? Number.NaN : median(ratios(cpu.redis, cpu.ours));
}

function cpuMeanOf(result: ScenarioResult): number | null {
  const found = result.rows.filter((row) => !row.notInMean).map(cpuRatioOf);
  return found.every((ratio) => ratio > 0 && Number.isFinite(ratio)) ? geometricMean(found) : null;
}

function cpuText(row: Row): string {
  if (row.cpu === undefined) return '';
  const us = (values: readonly number[]): string => {
    const value = median(values);
    return value >= 100 ? value.toFixed(0) : value.toFixed(1);
  };
  return `${us(row.cpu.ours)} : ${us(row.cpu.redis)} µs, ${ratioText(cpuRatioOf(row))}`;
}

function meanOf(result: ScenarioResult): number | null {
  const counted = result.rows.filter((row) => !row.notInMean);
  return counted.length < 2 ? null : geometricMean(counted.map(ratioOf));
}

function isMet(row: Row, bar: Bar): boolean {
  const ratio = ratioOf(row);
  const ours = median(row.ours);
  return (
    ratio >= (bar.ratioMin ?? Number.NEGATIVE_INFINITY) &&
    ratio <= (bar.ratioMax ?? Number.POSITIVE_INFINITY) &&
    ours >= (bar.oursMin ?? Number.NEGATIVE_INFINITY) &&
    ours <= (bar.oursMax ?? Number.POSITIVE_INFINITY)
  );
}

function barText(bar: Bar): string {
  const parts: string[] = [];
  if (bar.ratioMin !== undefined) parts.push(`≥ ${ratioText(bar.ratioMin)}`);
  if (bar.ratioMax !== undefined) parts.push(`≤ ${ratioText(bar.ratioMax)}`);
  if (bar.oursMin !== undefined) parts.push(`ours ≥ ${bar.oursMin}`);
  if (bar.oursMax !== undefined) parts.push(`ours ≤ ${bar.oursMax}`);
  return parts.join(', ');
}

function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}

function figure(value: number, unit: Row['unit']): string {
  if (unit === 'share') return `${(value * 100).toFixed(0)}%`;
  if (unit === 'x') return ratioText(value);
  const digits = value >= 100 ? 0 : 1;
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === 'req/s' ? text : `${text} ${unit}`;
}

function settingText(setting: Setting): string {
  const size = setting.scale === 1 ? '' : `, request counts x ${setting.scale}`;
  return [
    `${setting.date}: ${setting.ours} on Node ${setting.node} against redis-server ${setting.redis}, in turn;`,
    `${setting.cpu}, ${setting.cores} cores; ${setting.pinning};`,
    `redis-benchmark, 50 clients, -r 100000, save "", no AOF; medians of ${setting.rounds} rounds${size};`,
    'requests a second where no unit is given; ratio = ours / redis, median over the rounds;',
    "CPU: user and system time of the server for a request, ours : redis, and redis's in ours.",
  ].join('\n');
}
