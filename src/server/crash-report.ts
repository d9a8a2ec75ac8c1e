/** The report that goes to the log when we have a bug: what happened, where, and what the server was doing. */

import { REDIS_VERSION, TS_REDIS_VERSION } from '../util/version.ts';
import type { Node } from './node.ts';

/** Signal numbers that people know from Redis's reports. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGSEGV: 11,
  SIGILL: 4,
};

/** Logs a report about an error nobody caught, or a signal that means a crash. */
export function logCrash(server: Node, cause: unknown): void {
  const { config, log } = server;
  if (!config.values['crash-log-enabled']) {
    log.warning(`Crashed: ${String(cause)}`);
    log.flush();
    return;
  }
  log.raw('\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n');
  const isSignal = typeof cause === 'string' && cause in SIGNAL_NUMBERS;
  log.warning(
    isSignal
      ? `Redis ${REDIS_VERSION} crashed by signal: ${SIGNAL_NUMBERS[cause]}, si_code: 0`
      : `Redis ${REDIS_VERSION} crashed by an error that nobody caught: ${String(cause)}`,
  );
  const stack = (cause instanceof Error ? cause : new Error(String(cause))).stack ?? String(cause);
  log.raw(`\n------ STACK TRACE ------\n${stack}\n`);
  log.raw(`\n------ PROCESS ------\n${describeProcess(server)}`);
  log.raw(
    '\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n' +
      '       Please report the crash by opening an issue of ts-redis, with the text between START and END.\n\n',
  );
  log.flush();
}

function describeProcess(server: Node): string {
  const { engine } = server;
  const { heapUsed, external, rss } = process.memoryUsage();
  const command = engine.current?.lastCommand;
  return [
    `ts-redis ${TS_REDIS_VERSION}, node ${process.version}, ${process.platform} ${process.arch}, pid ${process.pid}`,
    `memory: rss ${rss}, heap ${heapUsed}, external ${external}`,
    `clients: ${engine.clients.count}, commands processed: ${engine.stats.commandsProcessed}`,
    `being served: ${command == null ? 'nobody' : `${command.fullName} of client ${engine.current!.id}`}`,
    '',
  ].join('\n');
}
