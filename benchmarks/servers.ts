/**
 * The two servers under measurement, started alike: `save ""`, no AOF, loopback, a temporary folder. Where taskset
 * and two cores are there, servers run on the first core and every client on the second, so that neither
 * server borrows time from the client or from its own helper threads on another core.
 */
import { execFileSync } from 'node:child_process';
import {
  findProgram,
  oursCommand,
  type ServerProcess,
  splitCommand,
  startServer,
} from '../test/support/server-process.ts';
import type { Side, StartOptions } from './scenario.ts';

/** Which cores serve and which ask, or null when nothing is pinned. */
export interface Pinning {
  readonly taskset: string;
  readonly serverCore: string;
  readonly clientCore: string;
  readonly allCores: string;
}

/** Moves this process, and with it every client it will start, to the clients' core. */
export function pinClients(): Pinning | null {
  const taskset = findProgram('taskset');
  if (taskset === null) return null;
  try {
    const shown = execFileSync(taskset, ['-cp', String(process.pid)], { encoding: 'utf8' });
    const allCores = shown.slice(shown.lastIndexOf(':') + 1).trim();
    const [serverCore, clientCore] = expandCores(allCores);
    if (serverCore === undefined || clientCore === undefined) return null;
    execFileSync(taskset, ['-a', '-cp', clientCore, String(process.pid)], { stdio: 'ignore' });
    return { taskset, serverCore, clientCore, allCores };
  } catch {
    return null;
  }
}

/** "0-2,5" is 0, 1, 2, 5. */
function expandCores(list: string): string[] {
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, i) => String(from! + i));
  });
}

export class Servers {
  readonly #commands: Readonly<Record<Side, readonly string[]>>;
  readonly #pinning: Pinning | null;

  constructor(ours: string | undefined, redis: string, pinning: Pinning | null) {
    this.#commands = { ours: ours === undefined ? oursCommand() : splitCommand(ours), redis: [redis] };
    this.#pinning = pinning;
  }

  /** The command line as the report shows it. */
  describe(side: Side): string {
    return this.#commands[side].map((word) => word.slice(word.lastIndexOf('/') + 1)).join(' ');
  }

  start(side: Side, options: StartOptions = {}): Promise<ServerProcess> {
    const pinning = this.#pinning;
    const core = options.clientsCore ? pinning?.clientCore : pinning?.serverCore;
    const cores = options.anyCore ? pinning?.allCores : core;
    return startServer({
      command: [...(pinning ? [pinning.taskset, '-c', cores!] : []), ...this.#commands[side]],
      directives: { loglevel: 'warning', ...options.directives },
      pollMs: 1,
      readyTimeoutMs: 120_000,
      ...(options.dir === undefined ? {} : { dir: options.dir }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
  }
}
