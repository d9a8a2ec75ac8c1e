/**
 * `maxclients` against the limit of open files. Node raises its soft limit to the hard one when it starts, so there is
 * nothing to raise: what /proc says is what we have.
 */
import { readFileSync } from 'node:fs';
import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../logging/logger.ts';

/** Files that are not clients: standard streams, listening sockets, log, persistence, Node's own. */
const RESERVED = 32;

/** How many files this process may have open; null where the system does not tell. */
export function openFilesLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return limit === null ? null : Number(limit[1]);
  } catch {
    return null;
  }
}

/** Lowers `maxclients` to what the limit allows, with Redis's warnings. False: not even one client is possible. */
export function fitMaxClients(config: ServerConfig, log: Logger, limit: number | null): boolean {
  const { maxclients } = config.values;
  const wanted = maxclients + RESERVED;
  if (limit === null || limit >= wanted) return true;
  if (limit <= RESERVED) {
    log.warning(
      `Your current 'ulimit -n' of ${limit} is not enough for the server to start. Please increase your open file limit to at least ${wanted}. Exiting.`,
    );
    return false;
  }
  const possible = limit - RESERVED;
  config.assign('maxclients', possible);
  log.warning(`You requested maxclients of ${maxclients} requiring at least ${wanted} max file descriptors.`);
  log.warning(
    `Server can't set maximum open files to ${wanted} because of OS error: Operation not permitted.`,
  );
  log.warning(
    `Current maximum open files is ${limit}. maxclients has been reduced to ${possible} to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.`,
  );
  return true;
}

/** Says why CONFIG SET maxclients cannot be, or null. */
export function maxClientsProblem(config: ServerConfig, limit: number | null): string | null {
  if (limit === null || limit >= config.values.maxclients + RESERVED) return null;
  const possible = Math.max(1, limit - RESERVED);
  return `The operating system is not able to handle the specified number of clients, try with ${possible}`;
}
