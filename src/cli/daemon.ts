/**
 * `daemonize yes`. Node cannot fork, so the launching command starts itself again, in a session of its own and with
 * nothing to read from or write to, and waits. The child tells over a channel of its own how the start went; only
 * then, and when the server has answered a PING, the launcher ends: with 0, else with 1 and the reason on standard
 * error. Redis's launcher ends at once; scripts that start a server and use it are better off with ours.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { ReplyReader } from '../resp/reply-reader.ts';

/** Set for the child; it takes it out of its environment. */
const MARK = 'TS_REDIS_DAEMON';

/** Where a server accepts connections; null where it listens nowhere. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string } | null;

/** What the child says: '' when it is ready, else why it is not; and where it listens. */
interface Outcome {
  readonly problem: string;
  readonly address: Address;
}

/** How long a server that says it is ready may take to answer its first PING. */
const ANSWER_TIMEOUT_MS = 5000;

/** Whether this process is a child started by `launchDaemon`. True only for the first call. */
export function isDaemon(): boolean {
  const marked = process.env[MARK] !== undefined && process.send !== undefined;
  delete process.env[MARK];
  return marked;
}

/** The child: tells the launcher how the start went, and lets go of it. */
export function reportStart(problem: string, address: Address): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve(); // The launcher did not wait for us.
      return;
    }
    process.send({ problem, address } satisfies Outcome, () => {
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
      const { problem, address } = message as Outcome;
      child.removeAllListeners('exit');
      if (problem !== '') {
        fail(problem);
        return;
      }
      child.disconnect();
      child.unref();
      answers(address).then(
        () => resolve(0),
        (error: Error) => fail(`The server is running, but does not answer: ${error.message}`),
      );
    });
  });
}

/**
 * Asks the server for a PONG. Any reply will do: one that wants a password, or has no connection left, serves.
 */
function answers(address: Address): Promise<void> {
  if (address === null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, timeout: ANSWER_TIMEOUT_MS });
    const end = (settle: () => void) => {
      socket.destroy();
      settle();
    };
    const reader = new ReplyReader(
      () => end(resolve),
      (reason) => end(() => reject(new Error(reason))),
    );
    socket.on('data', (chunk) => reader.feed(chunk));
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('close', () => reject(new Error('it closed the connection')));
    socket.on('timeout', () => end(() => reject(new Error('it took too long'))));
    socket.write('*1\r\n$4\r\nPING\r\n');
  });
}
