/**
 * From arguments to a running node, or to a reason why not: what ts-redis-server and ts-redis-sentinel share.
 *
 * The time from here to the first PONG counts (starts happen in tests and failovers), so what is rarely needed is
 * loaded when it is: commander for our own options, child_process for daemons.
 */
import { readFileSync } from 'node:fs';
import type { CommandLine } from '../config/command-line.ts';
import { bytesToText, ConfigFileError, type ServerConfig } from '../config/config.ts';
import { contentError } from '../config/file-reader.ts';
import { checkLogFile, createLogger } from '../logging/logger.ts';
import { renderLine, SEVERITIES } from '../logging/redis-line.ts';
import { type Node, StartError } from '../server/node.ts';
import { runAsProcess } from '../server/process.ts';
import { systemClock, systemTimers, unrefTimer } from '../util/clock.ts';
import { REDIS_VERSION } from '../util/version.ts';
import type { Address } from './daemon.ts';

const STDIN = 0;
/** A daemon that is still loading after this time counts as started. */
const LOADING_PATIENCE_MS = 10_000;

type Report = (problem: string, address: Address) => Promise<void>;

/** What a program runs. */
export interface Kind {
  /** An empty configuration. */
  readonly newConfig: () => ServerConfig;
  /**
   * Looks at the configuration that was loaded: throws a ConfigFileError, or gives the log's last line, or null if it
   * may start with it.
   */
  readonly check?: (config: ServerConfig, log: (text: string) => void) => string | null;
  readonly create: (config: ServerConfig) => Node;
  /** What its log shows before it runs. */
  readonly role: 'C' | 'X';
}

/** Whether the arguments are about the program itself (usage.ts). */
export function isOwnOption(argv: readonly string[]): boolean {
  return /^(?:-v|-h|--(?:version|help|test-memory|check-system))$/.test(argv[0] ?? '');
}

export async function runOwn(program: string, argv: readonly string[]): Promise<void> {
  const { runOwnOption } = await import('./usage.ts');
  const { status, stdout = '', stderr = '' } = runOwnOption(program, argv);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
}

/** Runs a node as this process; ends it with the node. */
export async function launch(line: CommandLine, kind: Kind, hasArguments: boolean): Promise<void> {
  const stdin = line.stdin ? readFileSync(STDIN, 'latin1') : undefined;
  const config = loadConfig(line, stdin, kind);
  if (config === null) {
    process.exitCode = 1;
    return;
  }
  let report: Report | null = null;
  if (config.values.daemonize) {
    const daemon = await import('./daemon.ts');
    if (daemon.isDaemon()) report = daemon.reportStart;
    else if (!isSupervised(config)) {
      process.exitCode = await daemon.launchDaemon(stdin);
      return;
    }
  }
  await run(kind.create(config), report, hasArguments);
}

/** Reads all the configuration and enters `dir`. What is wrong with it is printed as Redis does. */
function loadConfig(line: CommandLine, stdin: string | undefined, kind: Kind): ServerConfig | null {
  const { file, options } = line;
  const config = kind.newConfig();
  try {
    config.load({ file, options, ...(stdin !== undefined && { stdin }) });
    process.chdir(bytesToText(config.values.dir));
    const problem = checkLogFile(bytesToText(config.values.logfile));
    if (problem !== null) throw contentError(REDIS_VERSION, problem);
    const refusal = kind.check?.(config, (text) => logBefore(config, text, kind.role)) ?? null;
    if (refusal === null) return config;
    logBefore(config, refusal, kind.role);
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    if (error.kind === 'content') process.stderr.write(error.report);
    else {
      process.stdout.write(
        renderLine(process.pid, kind.role, SEVERITIES.warning, systemClock.wallMs(), error.message),
      );
    }
  }
  return null;
}

/** A line in the log, wherever that is, of a node that is not there yet. */
function logBefore(config: ServerConfig, text: string, role: Kind['role']): void {
  const { loglevel, logfile, 'log-format': format } = config.values;
  const file = bytesToText(logfile);
  const log = createLogger({ level: loglevel, file, format, clock: systemClock, role: () => role });
  log.warning(text);
  log.close();
}

/** A supervisor keeps the process it started; going to the background would look like an end. */
function isSupervised(config: ServerConfig): boolean {
  const { supervised } = config.values;
  const { UPSTART_JOB, NOTIFY_SOCKET } = process.env;
  return supervised !== 'no' && (UPSTART_JOB !== undefined || NOTIFY_SOCKET !== undefined);
}

async function run(node: Node, report: Report | null, hasConfig: boolean): Promise<void> {
  // Who starts daemons waits for the command to end, but not as long as much data may take to load.
  if (report !== null) {
    node.onListening = () => {
      const patience = systemTimers.setTimeout(() => void report('', whereToAsk(node)), LOADING_PATIENCE_MS);
      unrefTimer(patience);
    };
  }
  try {
    await runAsProcess(node, { hasConfig, daemon: report !== null });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    await report?.(error.message, null);
    node.log.close();
    process.exit(1);
  }
  await report?.('', whereToAsk(node));
  await node.stopped;
  process.exit(0);
}

/** An address at which this machine reaches the node. */
function whereToAsk(node: Node): Address {
  const listener = node.listeners[0];
  const address = listener?.addresses[0];
  if (listener === undefined || address === undefined) return null;
  if (listener.name === 'unix') return { path: address };
  const host = /^(?:\*|0\.0\.0\.0)$/.test(address) ? '127.0.0.1' : /^::\*?$/.test(address) ? '::1' : address;
  return { host, port: listener.port };
}
