/**
 * `daemonize yes`. Node cannot fork, so the launching command starts itself again, in a session of its own and with
 * nothing to read from or write to, and waits. The child tells over a channel of its own how the start went; only
 * then does the launcher end: with 0 when connections are accepted, else with 1 and the reason on standard error.
 * Redis's launcher ends at once; scripts that start a server and use it are better off with ours.
 */
import { spawn } from 'node:child_process';

/** Set for the child; it takes it out of its environment. */
const MARK = 'TS_REDIS_DAEMON';

/** What the child says: '' when it is ready, else why it is not. */
interface Outcome {
  readonly problem: string;
}

/** Whether this process is a child started by `launchDaemon`. True only for the first call. */
export function isDaemon(): boolean {
  const marked = process.env[MARK] !== undefined && process.send !== undefined;
  delete process.env[MARK];
  return marked;
}

/** The child: tells the launcher how the start went, and lets go of it. */
export function reportStart(problem: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve(); // The launcher did not wait for us.
      return;
    }
    process.send({ problem } satisfies Outcome, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

/** The launcher: starts the program again in the background. Resolves to the exit status. */
export function launchDaemon(stdin: string | undefined): Promise<number> {
  const [script, ...args] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, script!, ...args], {
    detached: true,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  if (stdin !== undefined) child.stdin!.end(Buffer.from(stdin, 'latin1'));
  return new Promise((resolve) => {
    const fail = (reason: string) => {
      process.stderr.write(`${reason}\n`);
      resolve(1);
    };
    child.once('error', (error) => fail(`Can't start the server in the background: ${error.message}`));
    child.once('exit', (code, signal) => fail(`The server ended while it started (${signal ?? code}).`));
    child.once('message', (message) => {
      const { problem } = message as Outcome;
      child.removeAllListeners('exit');
      if (problem !== '') {
        fail(problem);
        return;
      }
      child.disconnect();
      child.unref();
      resolve(0);
    });
  });
}
