/**
 * Redis's log levels and its line:
 *
 *     4242:M 22 Nov 2026 07:21:09.128 * Ready to accept connections
 *     pid:role, local time, level, message
 *
 * People and tools grep for these lines, so nothing about them is ours to improve; who wants structure sets
 * `log-format json`.
 */

/** What is logged: a level and all after it; `nothing` is no message's level. */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning' | 'nothing';

/** M master, S replica, C child or not yet started, X sentinel. */
export type LogRole = 'M' | 'S' | 'C' | 'X';

/** The levels of messages, with pino's numbers (its own info is 30, warn is 40). */
export const SEVERITIES = { debug: 20, verbose: 25, notice: 30, warning: 40 } as const;

export type Severity = (typeof SEVERITIES)[keyof typeof SEVERITIES];

const MARKS: Readonly<Record<number, string>> = { 20: '.', 25: '-', 30: '*', 40: '#' };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function renderLine(
  pid: number,
  role: LogRole,
  severity: number,
  wallMs: number,
  message: string,
): string {
  return `${pid}:${role} ${localTime(wallMs)} ${MARKS[severity] ?? '*'} ${message}\n`;
}

function localTime(wallMs: number): string {
  const date = new Date(wallMs);
  const day = `${two(date.getDate())} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
