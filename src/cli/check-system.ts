/** `--check-system`: looks for settings of the machine that a server suffers from. */
import { readFileSync } from 'node:fs';
import { openFilesLimit } from '../server/open-files.ts';

const OLDEST_NODE = 20;
/** What the default maxclients needs. */
const FILES_WANTED = 10032;
const BACKLOG_WANTED = 511;

/** null: fine; undefined: cannot be told here; a text: what is wrong. */
type Finding = string | null | undefined;

export function checkSystem(): { status: number; stdout: string } {
  const checks: readonly (readonly [name: string, finding: Finding])[] = [
    ['node-version', checkNode()],
    ['open-files', checkOpenFiles()],
    ['tcp-backlog', checkBacklog()],
  ];
  let stdout = '';
  for (const [name, finding] of checks) {
    stdout += `[${name}]...${finding === undefined ? 'skipped' : finding === null ? 'OK' : `WARNING:\n${finding}`}\n`;
  }
  return { status: checks.some(([, finding]) => typeof finding === 'string') ? 1 : 0, stdout };
}

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= OLDEST_NODE
    ? null
    : `Node.js ${process.version} is too old: at least ${OLDEST_NODE} is needed.`;
}

function checkOpenFiles(): Finding {
  const limit = openFilesLimit();
  if (limit === null) return undefined;
  if (limit >= FILES_WANTED) return null;
  return `At most ${limit} files can be open, so that the default maxclients of 10000 is out of reach. Raise 'ulimit -n' to at least ${FILES_WANTED}.`;
}

function checkBacklog(): Finding {
  try {
    const limit = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
    if (limit >= BACKLOG_WANTED) return null;
    return `The TCP backlog of ${BACKLOG_WANTED} cannot be enforced because /proc/sys/net/core/somaxconn is ${limit}. Run 'sysctl net.core.somaxconn=1024'.`;
  } catch {
    return undefined;
  }
}
