import { createRequire } from 'node:module';
import type { LoggerOptions as PinoOptions, pino } from 'pino';
import { type Clock, systemTimers, type TimerHandle, type Timers, unrefTimer } from '../util/clock.ts';
import { LogFile, type LogSink } from './log-file.ts';
import { type LogLevel, type LogRole, renderLine, SEVERITIES, type Severity } from './redis-line.ts';

export { checkLogFile, type LogSink } from './log-file.ts';
export type { LogLevel, LogRole } from './redis-line.ts';

/*
 * The log: pino with Redis's levels, writing to a destination that prints Redis's line (or pino's JSON).
 *
 * pino swaps the methods of disabled levels for no-ops, and hands the destination the level, time and message beside
 * its JSON, so the line is made from those.
 *
 * Loading pino takes about 35 ms, a sixth of the time that a start may take until the first PONG. So it is loaded
 * PINO_DELAY_MS after the start (or at once for JSON, which is its own). Until then the lines of the start are made by
 * the same function, here, and nothing waits or is lost.
 */

export type LogFormat = 'redis' | 'json';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** '' is standard output. Relative paths are against the process's folder. */
  readonly file: string;
  readonly format: LogFormat;
  readonly clock: Clock;
  /** What the process is at the moment of a line. */
  readonly role: () => LogRole;
  /** By default this process's. */
  readonly pid?: number;
  /** By default the machine's. */
  readonly timers?: Timers;
  /** Takes the lines instead of `file`: for tests and embedded servers. */
  readonly sink?: LogSink;
  /** Whether somebody waits for the process now: pino is loaded (some 30 ms in one piece) when nobody does. */
  readonly busy?: () => boolean;
}

export interface Logger {
  debug(message: string): void;
  verbose(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
  /** Text of the notice level as it is, without a line's head or end (the start-up banner). */
  raw(text: string): void;
  /** Whether messages of the level are logged, for those that are dear to make. */
  enabled(level: keyof typeof SEVERITIES): boolean;
  setLevel(level: LogLevel): void;
  setFormat(format: LogFormat): void;
  flush(): void;
  close(): void;
}

type PinoLogger = pino.Logger<keyof typeof SEVERITIES, true>;

const PINO_DELAY_MS = 300;
const METADATA = Symbol.for('pino.metadata');

/** Opens the log; throws an Error with Redis's text when the file cannot be opened. */
export function createLogger(options: LoggerOptions): Logger {
  return new RedisLogger(options);
}

class RedisLogger implements Logger {
  readonly #pid: number;
  #format: LogFormat;
  readonly #clock: Clock;
  readonly #role: () => LogRole;
  readonly #sink: LogSink;
  readonly #timers: Timers;
  #level: LogLevel;
  /** The lowest severity that is logged. */
  #threshold: number;
  #pino: PinoLogger | null = null;
  #loading: TimerHandle | null = null;

  constructor(options: LoggerOptions) {
    this.#pid = options.pid ?? process.pid;
    this.#format = options.format;
    this.#clock = options.clock;
    this.#role = options.role;
    this.#sink = options.sink ?? new LogFile(options.file);
    this.#timers = options.timers ?? systemTimers;
    this.#level = options.level;
    this.#threshold = thresholdOf(options.level);
    if (options.format === 'json') {
      this.#loadPino();
    } else {
      this.#loadLater(options.busy);
    }
  }

  debug(message: string): void {
    if (this.#pino !== null) this.#pino.debug(message);
    else this.#early(SEVERITIES.debug, message);
  }

  verbose(message: string): void {
    if (this.#pino !== null) this.#pino.verbose(message);
    else this.#early(SEVERITIES.verbose, message);
  }

  notice(message: string): void {
    if (this.#pino !== null) this.#pino.notice(message);
    else this.#early(SEVERITIES.notice, message);
  }

  warning(message: string): void {
    if (this.#pino !== null) this.#pino.warning(message);
    else this.#early(SEVERITIES.warning, message);
  }

  raw(text: string): void {
    if (!this.enabled('notice')) return;
    if (this.#format === 'redis') this.#sink.write(text, true);
    else if (text.trim() !== '') this.notice(text.trim());
  }

  enabled(level: keyof typeof SEVERITIES): boolean {
    return SEVERITIES[level] >= this.#threshold;
  }

  setLevel(level: LogLevel): void {
    this.#level = level;
    this.#threshold = thresholdOf(level);
    if (this.#pino !== null) this.#pino.level = pinoLevelOf(level);
  }

  setFormat(format: LogFormat): void {
    if (format === this.#format) return;
    this.#format = format;
    this.#loadPino();
  }

  flush(): void {
    this.#sink.flush();
  }

  close(): void {
    this.#stopLoading();
    this.#sink.close();
  }

  #early(severity: Severity, message: string): void {
    if (severity >= this.#threshold) this.#write(severity, this.#clock.wallMs(), message);
  }

  #write(severity: number, wallMs: number, message: string): void {
    this.#sink.write(
      renderLine(this.#pid, this.#role(), severity, wallMs, message),
      severity >= SEVERITIES.notice,
    );
  }

  #stopLoading(): void {
    if (this.#loading !== null) this.#timers.clearTimeout(this.#loading);
    this.#loading = null;
  }

  #loadLater(busy: (() => boolean) | undefined): void {
    const timer = this.#timers.setTimeout(() => {
      if (busy?.() === true) this.#loadLater(busy);
      else this.#loadPino();
    }, PINO_DELAY_MS);
    unrefTimer(timer);
    this.#loading = timer;
  }

  #loadPino(): void {
    this.#stopLoading();
    // Not import(): in JSON the first line must find it loaded.
    const makePino = createRequire(import.meta.url)('pino') as typeof pino;
    const json = this.#format === 'json';
    const options: PinoOptions<keyof typeof SEVERITIES, true> = {
      customLevels: SEVERITIES,
      useOnlyCustomLevels: true,
      level: pinoLevelOf(this.#level),
      base: { pid: this.#pid },
      timestamp: () => `,"time":${this.#clock.wallMs()}`,
    };
    if (json) options.mixin = () => ({ role: this.#role() });
    // pino sets the `last…` fields before each write, because of METADATA.
    const destination = {
      [METADATA]: true,
      lastLevel: 0,
      lastTime: '',
      lastMsg: '',
      write: (line: string): void => {
        if (json) this.#sink.write(line, destination.lastLevel >= SEVERITIES.notice);
        else this.#write(destination.lastLevel, Number(destination.lastTime), destination.lastMsg);
      },
    };
    this.#pino = makePino(options, destination);
  }
}

function thresholdOf(level: LogLevel): number {
  return level === 'nothing' ? Number.POSITIVE_INFINITY : SEVERITIES[level];
}

function pinoLevelOf(level: LogLevel): keyof typeof SEVERITIES | 'silent' {
  return level === 'nothing' ? 'silent' : level;
}
