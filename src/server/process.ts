/**
 * A process that is a node: what a Node needs from it, and what it does to it. Signals end the server, its
 * pid stands in a file, `ps` shows its title, its working directory is `dir`, and a bug of ours leaves a report.
 */
import { rmSync } from 'node:fs';
import { isatty } from 'node:tty';
import { bytesToText, textToBytes } from '../config/config.ts';
import type { ShutdownOptions } from '../engine/host.ts';
import { arrayBufferBytes, collectGarbage } from '../util/collector.ts';
import { errnoText } from '../util/errno-text.ts';
import { banner, serverMode, showsBanner } from './banner.ts';
import { logCrash } from './crash-report.ts';
import { type Node, StartError } from './node.ts';
import { fitMaxClients, openFilesLimit } from './open-files.ts';
import { DEFAULT_PID_FILE, removePidFile, writePidFile } from './pid-file.ts';
import { processTitle } from './process-title.ts';
import { Supervision } from './supervision.ts';

const STDOUT = 1;

export interface ProcessOptions {
  /** Whether any configuration was given. */
  readonly hasConfig: boolean;
  /** Runs in the background. */
  readonly daemon: boolean;
}

/** Runs the server as this process. Resolves when it accepts connections; rejects with a StartError. */
export async function runAsProcess(server: Node, options: ProcessOptions): Promise<void> {
  const { config, log } = server;
  const { values } = config;
  const supervision = new Supervision(config, log);
  server.supervised = supervision.supervisor;
  server.logStart(options.hasConfig);
  server.isSetUp();
  handleSignals(server);
  server.crash = (signal) => crash(server, signal);
  server.exit = (status) => process.exit(status);
  server.engine.upkeep.memoryReturn.collector = { collect: collectGarbage, arrayBufferBytes };
  if (!fitMaxClients(config, log, openFilesLimit())) throw new StartError('too few open files');
  const pidFile = bytesToText(values.pidfile) || (options.daemon ? DEFAULT_PID_FILE : '');
  if (pidFile !== '') {
    config.assign('pidfile', textToBytes(pidFile));
    writePidFile(pidFile, server.pid, log);
  }
  if (values['set-proc-title']) keepTitle(server);
  // Whoever looks for the process id in the log connects at once.
  server.onBound = () => {
    if (showsBanner(config, isatty(STDOUT))) log.raw(banner(config, server.pid, server.mode));
    else
      log.notice(
        `Running mode=${serverMode(config, server.mode)}, port=${values.port || values['tls-port']}.`,
      );
  };
  config.onApply('dir', () => {
    try {
      process.chdir(bytesToText(values.dir));
      return null;
    } catch (error) {
      return errnoText(error);
    }
  });
  if (pidFile !== '') server.onEnd = () => removePidFile(pidFile, log);
  try {
    await server.start();
  } catch (error) {
    if (pidFile !== '') rmSync(pidFile, { force: true });
    throw error;
  }
  // A shutdown may have come while it was loading.
  if (!server.isLoading) supervision.ready();
}

function keepTitle(server: Node): void {
  const { config, executable } = server;
  const apply = () => {
    process.title = processTitle(config, executable, server.mode);
  };
  apply();
  for (const name of ['proc-title-template', 'port', 'bind'] as const) config.onChange(name, apply);
}

/** How a signal shuts down, by the parameter for it. */
function shutdownOptions(words: readonly string[]): ShutdownOptions {
  return {
    save: words.includes('save') ? 'save' : words.includes('nosave') ? 'nosave' : 'default',
    now: words.includes('now'),
    force: words.includes('force'),
  };
}

function handleSignals(server: Node): void {
  const { config, log } = server;
  const end = (signal: 'SIGINT' | 'SIGTERM', name: 'shutdown-on-sigint' | 'shutdown-on-sigterm') => {
    if (signal === 'SIGINT' && server.isShuttingDown) {
      fromHandler(server, 'You insist... exiting now.');
      log.flush();
      process.exit(1);
    }
    fromHandler(
      server,
      server.isLoading
        ? 'Received shutdown signal during loading, scheduling shutdown.'
        : `Received ${signal} scheduling shutdown...`,
    );
    server.askShutdown(shutdownOptions(config.values[name]));
  };
  process.on('SIGTERM', () => end('SIGTERM', 'shutdown-on-sigterm'));
  process.on('SIGINT', () => end('SIGINT', 'shutdown-on-sigint'));
  process.on('SIGHUP', () => {});
  // Whoever sends it wants to know what we are doing.
  process.on('SIGABRT', () => crash(server, 'SIGABRT'));
  process.on('uncaughtException', (error) => crash(server, error));
  process.on('unhandledRejection', (error) => crash(server, error));
}

/** Redis's line for what it logs while it handles a signal. */
function fromHandler(server: Node, text: string): void {
  const seconds = Math.floor(server.engine.clock.wallMs() / 1000);
  if (server.log.enabled('notice')) server.log.raw(`${server.pid}:signal-handler (${seconds}) ${text}\n`);
  else server.log.warning(text);
}

function crash(server: Node, cause: unknown): void {
  logCrash(server, cause);
  const { daemonize, pidfile } = server.config.values;
  if (daemonize && pidfile !== '') rmSync(bytesToText(pidfile), { force: true });
  process.exit(1);
}
