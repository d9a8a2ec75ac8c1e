/**
 * Notification and reconfiguration scripts: a queue that runs up to RUNNING_MAX at once, in order.
 *
 * A script that ends with status 1 or by a signal is tried again later, RETRIES_MAX times in all, after a delay that
 * doubles; any other status but 0 is an error, and is told. One that runs longer than the limit is killed. When the
 * queue is full the oldest that does not run makes room.
 *
 *     waiting ──> running ──0──> gone
 *        ^           │  1, signal (killed)     2 and more, or too many tries ──> -script-error, gone
 *        └───────────┘
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Intervals } from '../core/intervals.ts';
import type { LogLevel } from '../core/protocol.ts';
import type { PendingScript } from '../parts.ts';

export const QUEUE_MAX = 256;
export const RUNNING_MAX = 16;
export const RETRIES_MAX = 10;
/** Statuses: try again; could not be run at all; no process could be made. */
const STATUS_RETRY = 1;
const STATUS_NOT_RUN = 2;
const STATUS_NO_PROCESS = 99;

/** A process that runs a script. */
export interface ScriptProcess {
  readonly pid: number;
  kill(): void;
}

/**
 * Starts a script; throws if no process can be made. `onEnd` gets the status and the number of the signal (0: none),
 * never before this has returned.
 */
export type RunScript = (
  words: readonly string[],
  onEnd: (status: number, signal: number) => void,
) => ScriptProcess;

export interface ScriptsOptions {
  readonly intervals: Intervals;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly event: (level: LogLevel, name: string, text: string) => void;
  readonly run?: RunScript;
}

interface Job {
  readonly words: readonly string[];
  process: ScriptProcess | null;
  tries: number;
  /** When it was started, or may be. */
  at: number;
}

export class Scripts {
  readonly #options: ScriptsOptions;
  readonly #run: RunScript;
  #queue: Job[] = [];
  #running = 0;

  constructor(options: ScriptsOptions) {
    this.#options = options;
    this.#run = options.run ?? runScript;
  }

  get running(): number {
    return this.#running;
  }

  get pending(): readonly PendingScript[] {
    const now = this.#options.now();
    return this.#queue.map(({ words, process, tries, at }) => ({
      words,
      running: process !== null,
      pid: process?.pid ?? 0,
      runTimeMs: process === null ? 0 : now - at,
      delayMs: process === null && at > now ? at - now : 0,
      retries: tries,
    }));
  }

  /** It runs from the next tick on. */
  schedule(words: readonly string[]): void {
    this.#queue.push({ words, process: null, tries: 0, at: 0 });
    if (this.#queue.length <= QUEUE_MAX) return;
    const oldest = this.#queue.findIndex(({ process }) => process === null);
    if (oldest >= 0) this.#queue.splice(oldest, 1);
  }

  /** Starts what may be started, kills what runs for too long. */
  tick(): void {
    if (this.#queue.length === 0) return;
    const now = this.#options.now();
    for (const job of [...this.#queue]) {
      if (this.#running >= RUNNING_MAX) break;
      if (job.process === null && job.at <= now) this.#start(job, now);
    }
    const { scriptMaxRuntime } = this.#options.intervals;
    for (const { process, at, words } of this.#queue) {
      if (process === null || now - at <= scriptMaxRuntime) continue;
      this.#options.event('warning', '-script-timeout', `${words[0]} ${process.pid}`);
      process.kill();
    }
  }

  #start(job: Job, now: number): void {
    job.at = now;
    job.tries++;
    try {
      job.process = this.#run(job.words, (status, signal) => this.#ended(job, status, signal));
    } catch {
      this.#options.event('warning', '-script-error', `${job.words[0]} ${STATUS_NO_PROCESS} 0`);
      return;
    }
    this.#running++;
    this.#options.event('debug', '+script-child', `${job.process.pid}`);
  }

  #ended(job: Job, status: number, signal: number): void {
    const { event, intervals, now } = this.#options;
    const pid = job.process?.pid ?? 0;
    this.#running--;
    job.process = null;
    event('debug', '-script-child', `${pid} ${status} ${signal}`);
    if ((signal !== 0 || status === STATUS_RETRY) && job.tries !== RETRIES_MAX) {
      job.at = now() + intervals.scriptRetryDelay * 2 ** (job.tries - 1);
      return;
    }
    if (signal !== 0 || status !== 0) {
      event('warning', '-script-error', `${job.words[0]} ${signal} ${status}`);
    }
    this.#queue = this.#queue.filter((other) => other !== job);
  }

  /** Nothing is started any more, and nobody hears how those that run end. They run on, as in Redis. */
  close(): void {
    this.#queue = [];
  }
}

function runScript(words: readonly string[], onEnd: (status: number, signal: number) => void): ScriptProcess {
  const [path = '', ...args] = words.map((word) => Buffer.from(word, 'latin1').toString('utf8'));
  // Not by PATH: a script is a file.
  const file = path.includes('/') ? path : `./${path}`;
  let child: ChildProcess;
  try {
    child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  } catch (error) {
    if (!isNotRun(error)) throw error;
    return notRun(onEnd);
  }
  const { pid } = child;
  if (pid === undefined) {
    child.once('error', () => onEnd(STATUS_NOT_RUN, 0));
    return { pid: 0, kill: () => {} };
  }
  child.on('error', () => {});
  child.once('exit', (status, signal) => onEnd(status ?? 0, signal === null ? 0 : constants.signals[signal]));
  child.unref();
  return { pid, kill: () => child.kill('SIGKILL') };
}

/** The file is not there, or may not be run, or is too much for execve: no try will change that. */
function isNotRun(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== 'EAGAIN' && code !== 'ENOMEM' && code !== 'EMFILE' && code !== 'ENFILE';
}

function notRun(onEnd: (status: number, signal: number) => void): ScriptProcess {
  setImmediate(() => onEnd(STATUS_NOT_RUN, 0));
  return { pid: 0, kill: () => {} };
}
