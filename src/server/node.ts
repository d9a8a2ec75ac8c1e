/**
 * What a data node (server.ts) and a sentinel (sentinel-node.ts) share: configuration, log, engine, listeners, cron,
 * and the way from the start to the end. It is made in three steps: the constructor builds everything and touches
 * nothing outside; `start` opens the sockets and has the node get ready; `shutdown` closes all and settles `stopped`.
 *
 * Nothing here is global, so a process may hold several nodes. What belongs to a process that is a node (signals, pid
 * file, title, working directory, crash reports) is in process.ts.
 *
 *     built ──start()──> getting ready ──> running ──shutdown()──> stopping ──> stopped
 *                              │              ^                       │  a step failed without FORCE, or SHUTDOWN ABORT
 *                              │              └───────────────────────┘
 *                              └──shutdown()──> stopped
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { bytesToText, type ServerConfig } from '../config/config.ts';
import type { CommandSpec } from '../engine/command-spec.ts';
import { CommandTable } from '../engine/command-table.ts';
import { Engine } from '../engine/engine.ts';
import type { Host, ListenerInfo, NodeMode, ShutdownOptions } from '../engine/host.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { createLogger, type Logger, type LogRole, type LogSink } from '../logging/logger.ts';
import { Listener } from '../net/listener.ts';
import { Outgoing } from '../net/outgoing.ts';
import { type Clock, systemClock, systemTimers, type Timers } from '../util/clock.ts';
import { type Random, randomHex, systemRandom } from '../util/random.ts';
import { REDIS_VERSION } from '../util/version.ts';
import { Cron } from './cron.ts';
import { maxClientsProblem, openFilesLimit } from './open-files.ts';
import { refuseMissing, startRefusal } from './unavailable.ts';
import { loadUsers } from './users.ts';

export interface NodeOptions {
  /** Loaded already. */
  readonly config: ServerConfig;
  /** By default the machine's. */
  readonly clock?: Clock;
  /** By default the machine's. */
  readonly timers?: Timers;
  /** By default the system's. */
  readonly random?: Random;
  /** Takes the log's lines instead of `logfile`. */
  readonly logSink?: LogSink;
  /** Absolute path of the program. */
  readonly executable?: string;
}

/** What kind of node it is. */
export interface NodeKind {
  readonly mode: NodeMode;
  readonly commands: readonly CommandSpec[];
  readonly databases: number;
  /** What its log shows from the start on, and when it is set up. */
  readonly roles: readonly [first: LogRole, usual: LogRole];
  /** How it calls itself when it ends. */
  readonly name: 'Redis' | 'Sentinel';
}

/** Work to be done before the node may end, such as a save. Gives a reason if it failed. */
export type ShutdownStep = (options: ShutdownOptions) => Promise<string | null> | string | null;

/** The reply to a SHUTDOWN that did not come about. */
const SHUTDOWN_FAILED = 'Errors trying to SHUTDOWN. Check logs.';

/** The node cannot start. Its log has said why; the message says it again. */
export class StartError extends Error {}

export abstract class Node implements Host {
  readonly config: ServerConfig;
  readonly engine: Engine;
  readonly log: Logger;
  readonly executable: string;
  readonly pid = process.pid;
  readonly runId: string;
  readonly startedMs: number;
  readonly mode: NodeMode;
  supervised: Host['supervised'] = 'no';
  /** What log lines show. */
  role: LogRole;
  readonly shutdownSteps: ShutdownStep[] = [];
  crash: Host['crash'] = null;
  /** Ends the process at once; null where others live in it. */
  exit: ((status: number) => never) | null = null;
  /** Called when the sockets are open, before anything is logged about it. */
  onBound: (() => void) | null = null;
  /** Called when the sockets are open and loading begins. */
  onListening: (() => void) | null = null;
  /** Called when nothing can stop the shutdown any more. */
  onEnd: (() => void) | null = null;
  /** Settled when the node has ended. */
  readonly stopped: Promise<void>;
  readonly #kind: NodeKind;
  readonly #settleStopped: () => void;
  readonly #listener: Listener;
  readonly #cron: Cron;
  #shutdown: Promise<string | null> | null = null;
  #aborted = false;
  #servedBefore = 0;
  /** A shutdown that a signal has asked for and that has not begun. */
  #asked: ShutdownOptions | null = null;

  constructor(options: NodeOptions, kind: NodeKind) {
    const { config } = options;
    const { values } = config;
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom();
    this.config = config;
    this.#kind = kind;
    this.mode = kind.mode;
    this.role = kind.roles[0];
    this.executable = options.executable ?? process.argv[1] ?? process.execPath;
    this.log = createLogger({
      level: values.loglevel,
      file: values.logfile === '' ? '' : this.inDir(values.logfile),
      format: values['log-format'],
      clock,
      role: () => this.logRole(),
      busy: () => this.#isBusy(),
      ...(options.timers && { timers: options.timers }),
      ...(options.logSink && { sink: options.logSink }),
    });
    const commands = new CommandTable(kind.commands);
    for (const [from, to] of config.renames) commands.rename(from, to);
    this.engine = new Engine({
      config,
      keyspace: new Keyspace(kind.databases, random),
      commands,
      clock,
      timers: options.timers ?? systemTimers,
      random,
      log: this.log,
      mode: kind.mode,
    });
    this.engine.host = this;
    this.engine.outgoing = new Outgoing(this.engine.timers, () => config.values['bind-source-addr']);
    this.runId = randomHex(random, 40);
    this.startedMs = clock.wallMs();
    this.#listener = new Listener(this.engine);
    this.#cron = new Cron(this.engine);
    this.engine.cron.push({ name: 'shutdown', run: () => this.#beginAsked() });
    let settle = (): void => {};
    this.stopped = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settleStopped = settle;
  }

  /** The role that a line of the log shows. */
  protected logRole(): LogRole {
    return this.role;
  }

  /** The sockets are open: makes the node ready. False: a shutdown has come between. */
  protected abstract getReady(): Promise<boolean>;

  /** Ends what the node does by itself; called before the sockets close. */
  protected abstract release(): void;

  /** A shutdown has failed or was called off: whoever was held for it may go on. */
  protected abstract resumeService(): void;

  /** Whether what there is so far must not be saved. */
  abstract readonly isLoading: boolean;

  abstract readonly shutdownInMs: number;

  /** Whether requests have come since this was asked last. */
  #isBusy(): boolean {
    const served = this.engine.stats.commandsProcessed;
    const busy = served !== this.#servedBefore;
    this.#servedBefore = served;
    return busy;
  }

  get configFile(): string {
    return this.config.file ?? '';
  }

  get listeners(): readonly ListenerInfo[] {
    return this.#listener.open;
  }

  get isShuttingDown(): boolean {
    return this.#shutdown !== null || this.#asked !== null;
  }

  /** A path of the configuration, taken relative to `dir`; as text, not as bytes. */
  inDir(path: string): string {
    const dir = bytesToText(this.config.values.dir);
    const text = bytesToText(path);
    return isAbsolute(text) || dir === process.cwd() ? text : join(dir, text);
  }

  /** Logs who starts here. */
  logStart(hasConfig: boolean): void {
    const { log } = this;
    log.notice('oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo');
    log.notice(
      `Redis version=${REDIS_VERSION}, bits=64, commit=00000000, modified=0, pid=${this.pid}, just started`,
    );
    if (hasConfig) log.notice('Configuration loaded');
    else {
      log.warning(
        `Warning: no config file specified, using the default config. In order to specify a config file use ${this.executable} /path/to/redis.conf`,
      );
    }
  }

  /** What the process needs is there; from here on the log shows the usual role. */
  isSetUp(): void {
    this.role = this.#kind.roles[1];
  }

  /**
   * Opens the sockets and begins to serve; resolves when that is so, or when a shutdown has come between. Rejects with
   * a StartError, and then nothing is left open.
   */
  async start(): Promise<void> {
    this.isSetUp();
    const refusal = startRefusal(this.config) ?? loadUsers(this.engine);
    if (refusal !== null) throw this.startError(refusal);
    try {
      await this.#listen();
    } catch (error) {
      this.#listener.close();
      throw error;
    }
    this.onBound?.();
    this.#checkBacklog();
    this.#followConfig();
    refuseMissing(this.config);
    this.#cron.start();
    try {
      await this.getReady();
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  async #listen(): Promise<void> {
    const { values } = this.config;
    try {
      await this.#listener.apply();
    } catch {
      throw this.startError(`Failed listening on port ${values.port} (tcp), aborting.`);
    }
    if (values.unixsocket !== '') {
      try {
        await this.#listener.openUnix(this.inDir(values.unixsocket));
      } catch (error) {
        throw new StartError((error as Error).message);
      }
    }
    if (this.listeners.length === 0) throw this.startError('Configured to not listen anywhere, exiting.');
  }

  /** An error that ends the start; the log hears of it. */
  protected startError(reason: string): StartError {
    this.log.warning(reason);
    return new StartError(reason);
  }

  /** Changes of the configuration that are about sockets. */
  #followConfig(): void {
    const { config } = this;
    const listen = (problem: string) => () =>
      this.#listener.apply().then(
        () => null,
        () => problem,
      );
    config.onApply('port', listen('Unable to listen on this port. Check server logs.'));
    config.onApply('bind', listen('Failed to bind to specified addresses.'));
    config.onApply('maxclients', () => maxClientsProblem(config, openFilesLimit()));
  }

  #checkBacklog(): void {
    const wanted = this.config.values['tcp-backlog'];
    let limit: number;
    try {
      limit = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
    } catch {
      return; // Not Linux: nobody to ask.
    }
    if (limit > 0 && limit < wanted) {
      this.log.warning(
        `WARNING: The TCP backlog setting of ${wanted} cannot be enforced because /proc/sys/net/core/somaxconn is set to the lower value of ${limit}.`,
      );
    }
  }

  /** A signal asks for a shutdown: it begins as soon as the cron may run. */
  askShutdown(options: ShutdownOptions): void {
    this.#asked = options;
    this.engine.timers.setTimeout(() => {
      if (!this.engine.debug.cronPaused) this.#beginAsked();
    }, 0);
  }

  #beginAsked(): void {
    const asked = this.#asked;
    this.#asked = null;
    if (asked !== null) void this.shutdown(asked);
  }

  shutdown(options: ShutdownOptions): Promise<string | null> {
    if (this.#shutdown === null) {
      this.#aborted = false;
      this.log.notice('User requested shutdown...');
      // Half the data must not be saved over all of it.
      const wanted: ShutdownOptions = this.isLoading ? { ...options, save: 'nosave' } : options;
      this.#shutdown = this.#end(wanted).finally(() => {
        this.#shutdown = null;
        // Whoever was held may go on, if the server does.
        this.resumeService();
      });
    }
    return this.#shutdown;
  }

  async #end(options: ShutdownOptions): Promise<string | null> {
    // The command that asks for it ends first.
    await null;
    for (const step of this.shutdownSteps) {
      // Nobody may be served between the last save and the end, not even who waited for a snapshot that was stopped.
      const result = step(options);
      const problem = result instanceof Promise ? await result : result;
      if (this.#aborted) return SHUTDOWN_FAILED;
      if (problem !== null && !options.force) {
        this.log.warning('Errors trying to shut down the server. Check the logs for more information.');
        return SHUTDOWN_FAILED;
      }
    }
    this.onEnd?.();
    if (this.config.values.unixsocket !== '') this.log.notice('Removing the unix socket file.');
    this.#close();
    this.log.warning(`${this.#kind.name} is now ready to exit, bye bye...`);
    this.log.close();
    this.#settleStopped();
    return null;
  }

  /** The node cannot go on, and must not say goodbye: nothing more is saved, nobody is answered. */
  protected fatal(status = 1): void {
    this.log.flush();
    if (this.exit !== null) this.exit(status);
    this.#close();
    this.log.close();
    this.#settleStopped();
  }

  /** Ends everything that runs by itself. */
  #close(): void {
    this.#cron.stop();
    this.#listener.close();
    this.engine.links.close();
    this.release();
    for (const client of [...this.engine.clients.all()]) client.link.destroy();
  }

  abortShutdown(): boolean {
    if (!this.isShuttingDown || this.#aborted) return false;
    this.#aborted = this.#shutdown !== null;
    this.#asked = null;
    this.resumeService();
    this.log.notice('Shutdown manually aborted.');
    return true;
  }
}
