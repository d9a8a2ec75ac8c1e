/** The file that tells other programs our process id. */
import { rmSync, writeFileSync } from 'node:fs';
import type { Logger } from '../logging/logger.ts';
import { errnoText } from '../util/errno-text.ts';

/** Where it is when the server runs in the background and `pidfile` says nothing. */
export const DEFAULT_PID_FILE = '/var/run/redis.pid';

/** A file that cannot be written is no reason not to start. */
export function writePidFile(path: string, pid: number, log: Logger): void {
  try {
    writeFileSync(path, `${pid}\n`);
  } catch (error) {
    log.notice(`Failed to write PID file: ${errnoText(error)}`);
  }
}

export function removePidFile(path: string, log: Logger): void {
  log.notice('Removing the pid file.');
  try {
    rmSync(path, { force: true });
  } catch {
    // Whoever made it impossible to remove knows.
  }
}
