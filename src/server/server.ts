/**
 * A data node, put together: configuration, log, keyspace, commands, engine, listeners, cron. Nothing here is
 * global, so a process may hold several.
 */
import { CONNECTION_COMMANDS } from '../commands/connection/specs.ts';
import { GENERIC_COMMANDS } from '../commands/keys/specs.ts';
import { SERVER_COMMANDS } from '../commands/server/specs.ts';
import { STRING_COMMANDS } from '../commands/strings/specs.ts';
import type { ServerConfig } from '../config/config.ts';
import { CommandTable } from '../engine/command-table.ts';
import { Engine } from '../engine/engine.ts';
import type { Host, ListenerInfo, ShutdownOptions } from '../engine/host.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { createLogger, type Logger } from '../logging/logger.ts';
import { Listener } from '../net/listener.ts';
import { type Clock, systemClock, systemTimers, type Timers } from '../util/clock.ts';
import { type Random, randomHex, systemRandom } from '../util/random.ts';
import { Cron } from './cron.ts';

export const SERVER_SPECS = [
  ...STRING_COMMANDS,
  ...GENERIC_COMMANDS,
  ...CONNECTION_COMMANDS,
  ...SERVER_COMMANDS,
];

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: Random;
  readonly log?: Logger;
}

export class Server implements Host {
  readonly config: ServerConfig;
  readonly engine: Engine;
  readonly log: Logger;
  readonly executable = process.argv[1] ?? process.execPath;
  readonly pid = process.pid;
  readonly runId: string;
  readonly startedMs: number;
  readonly supervised = 'no';
  isShuttingDown = false;
  readonly listeners: ListenerInfo[] = [];
  readonly #listener: Listener;
  readonly #cron: Cron;

  constructor(options: ServerOptions) {
    const { config } = options;
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom();
    this.config = config;
    this.log =
      options.log ??
      createLogger({
        level: config.values.loglevel,
        file: config.values.logfile,
        format: config.values['log-format'],
        clock,
        role: () => 'M',
      });
    const commands = new CommandTable(SERVER_SPECS);
    for (const [from, to] of config.renames) commands.rename(from, to);
    this.engine = new Engine({
      config,
      keyspace: new Keyspace(config.values.databases, random),
      commands,
      clock,
      timers: options.timers ?? systemTimers,
      random,
      log: this.log,
    });
    this.engine.host = this;
    this.runId = randomHex(random, 40);
    this.startedMs = clock.wallMs();
    this.#listener = new Listener(this.engine);
    this.#cron = new Cron(this.engine);
  }

  get configFile(): string {
    return this.config.file ?? '';
  }

  async start(): Promise<void> {
    const { values } = this.config;
    await this.#listener.listen(values.port, '127.0.0.1', values['tcp-backlog']);
    this.#cron.start();
    this.log.notice('Ready to accept connections tcp');
  }

  async shutdown(_options: ShutdownOptions): Promise<string | null> {
    process.exit(0);
  }

  abortShutdown(): boolean {
    return false;
  }
}
