/**
 * `supervised`: telling systemd or upstart how far we are.
 *
 * systemd wants datagrams on a unix socket, which Node cannot send; systemd-notify sends them for us, in our name
 * (--pid). A unit whose NotifyAccess is `main` does not listen to it: `NotifyAccess=all` is needed.
 */
import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../logging/logger.ts';

export type Supervisor = 'no' | 'systemd' | 'upstart';

export class Supervision {
  readonly supervisor: Supervisor;
  readonly #log: Logger;

  /** Finds out who supervises us, and says that we are loading. */
  constructor(config: ServerConfig, log: Logger, env: NodeJS.ProcessEnv = process.env) {
    this.#log = log;
    this.supervisor = find(config.values.supervised, log, env);
    if (this.supervisor === 'systemd') {
      log.notice(
        'Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in your service unit.',
      );
      this.#notifySystemd('--status=Redis is loading...');
    } else if (this.supervisor === 'upstart') {
      log.notice('Supervised by upstart, will stop to signal readiness.');
    }
  }

  /** The server accepts connections. */
  ready(): void {
    if (this.supervisor === 'systemd') this.#notifySystemd('--ready', '--status=Ready to accept connections');
    // upstart's `expect stop`: it sees us stopped, and lets us go on.
    if (this.supervisor === 'upstart') process.kill(process.pid, 'SIGSTOP');
  }

  #notifySystemd(...words: string[]): void {
    // Loaded only here: a start that nobody supervises does not pay for it.
    void import('node:child_process').then(({ spawn }) => {
      const child = spawn('systemd-notify', [`--pid=${process.pid}`, ...words], { stdio: 'ignore' });
      child.on('error', (error) => this.#log.warning(`systemd supervision error: ${error.message}`));
      child.on('close', (code) => {
        if (code !== 0) this.#log.warning(`systemd supervision error: systemd-notify ended with ${code}`);
      });
    });
  }
}

function find(wanted: 'no' | 'auto' | Supervisor, log: Logger, env: NodeJS.ProcessEnv): Supervisor {
  const upstart = env.UPSTART_JOB !== undefined;
  const systemd = env.NOTIFY_SOCKET !== undefined;
  if (wanted === 'auto') return upstart ? 'upstart' : systemd ? 'systemd' : 'no';
  if (wanted === 'upstart' && !upstart) {
    log.warning('upstart supervision requested, but UPSTART_JOB not found');
    return 'no';
  }
  if (wanted === 'systemd' && !systemd) {
    log.warning('systemd supervision error: NOTIFY_SOCKET not found!');
    return 'no';
  }
  return wanted;
}
