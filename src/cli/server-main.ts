/**
 * bin/ts-redis-server: from arguments to a running server, or to a reason why not.
 *
 * The time from here to the first PONG counts (starts happen in tests and failovers), so what is rarely needed is
 * loaded when it is: commander for our own options, child_process for daemons.
 */

import { readFileSync } from 'node:fs';
import { ALL_COMMANDS } from '../commands/all.ts';
import { parseCommandLine } from '../config/command-line.ts';
import { bytesToText, ConfigFileError, ServerConfig } from '../config/config.ts';
import { contentError } from '../config/file-reader.ts';
import { checkLogFile } from '../logging/logger.ts';
import { renderLine, SEVERITIES } from '../logging/redis-line.ts';
import { runAsProcess } from '../server/process.ts';
import { Server, StartError } from '../server/server.ts';
import { systemClock, systemTimers, unrefTimer } from '../util/clock.ts';
import { REDIS_VERSION } from '../util/version.ts';
import type { Address } from './daemon.ts';

const PROGRAM = 'ts-redis-server';
const STDIN = 0;
/** A daemon that is still loading after this time counts as started. */
const LOADING_PATIENCE_MS = 10_000;

const argv = process.argv.slice(2);
if (/^(?:-v|-h|--(?:version|help|test-memory|check-system))$/.test(argv[0] ?? '')) await ownOption();
else await main();

type Report = (problem: string, address: Address) => Promise<void>;

async function ownOption(): Promise<void> {
  const { runOwnOption } = await import('./usage.ts');
  const { status, stdout = '', stderr = '' } = runOwnOption(PROGRAM, argv);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
}

async function main(): Promise<void> {
  const line = parseCommandLine(argv);
  if (line.sentinel) {
    const { refuseSentinel } = await import('./sentinel-absent.ts');
    refuseSentinel();
    return;
  }
  const stdin = line.stdin ? readFileSync(STDIN, 'latin1') : undefined;
  const config = loadConfig(line.file, line.options, stdin);
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
  await run(config, report);
}

/** Reads all the configuration and enters `dir`. What is wrong with it is printed as Redis does. */
function loadConfig(file: string | null, options: string, stdin: string | undefined): ServerConfig | null {
  const commands = new Set(ALL_COMMANDS.map(({ name }) => name));
  const config = new ServerConfig({ isCommand: (name) => commands.has(name) });
  try {
    config.load({ file, options, ...(stdin !== undefined && { stdin }) });
    process.chdir(bytesToText(config.values.dir));
    const problem = checkLogFile(bytesToText(config.values.logfile));
    if (problem !== null) throw contentError(REDIS_VERSION, problem);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    if (error.kind === 'content') process.stderr.write(error.report);
    else {
      process.stdout.write(
        renderLine(process.pid, 'C', SEVERITIES.warning, systemClock.wallMs(), error.message),
      );
    }
    return null;
  }
}

/** A supervisor keeps the process it started; going to the background would look like an end. */
function isSupervised(config: ServerConfig): boolean {
  const { supervised } = config.values;
  const { UPSTART_JOB, NOTIFY_SOCKET } = process.env;
  return supervised !== 'no' && (UPSTART_JOB !== undefined || NOTIFY_SOCKET !== undefined);
}

async function run(config: ServerConfig, report: Report | null): Promise<void> {
  const server = new Server({ config });
  // Who starts daemons waits for the command to end, but not as long as much data may take to load.
  if (report !== null) {
    server.onListening = () => {
      const patience = systemTimers.setTimeout(
        () => void report('', whereToAsk(server)),
        LOADING_PATIENCE_MS,
      );
      unrefTimer(patience);
    };
  }
  try {
    await runAsProcess(server, { hasConfig: argv.length > 0, daemon: report !== null });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    await report?.(error.message, null);
    server.log.close();
    process.exit(1);
  }
  await report?.('', whereToAsk(server));
  await server.stopped;
  process.exit(0);
}

/** An address at which this machine reaches the server. */
function whereToAsk(server: Server): Address {
  const listener = server.listeners[0];
  const address = listener?.addresses[0];
  if (listener === undefined || address === undefined) return null;
  if (listener.name === 'unix') return { path: address };
  const host = /^(?:\*|0\.0\.0\.0)$/.test(address) ? '127.0.0.1' : /^::\*?$/.test(address) ? '::1' : address;
  return { host, port: listener.port };
}
