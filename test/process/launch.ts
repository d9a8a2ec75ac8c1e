/** Starts our programs with bare arguments, as a user's shell does; support/server-process.ts adds a configuration. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import {
  oursCommand,
  REPOSITORY,
  type ServerOptions,
  type ServerProcess,
  startServer as startAny,
} from '../support/server-process.ts';
import { waitFor, withTimeout } from '../support/wait-for.ts';

export interface LaunchOptions {
  readonly cwd?: string;
  /** Standard input; by default there is none. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program and its first arguments; ours by default. */
  readonly command?: readonly string[];
}

export interface Ended {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
const folders: string[] = [];

const servers: ServerProcess[] = [];

after(async () => {
  for (const child of running) child.kill('SIGKILL');
  for (const server of servers) await server.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A server with a configuration of its own, which ends with the test file even if its test fails. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const server = await startAny(options);
  servers.push(server);
  return server;
}

/** A folder that goes when the test file has run. */
export function scratchFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ts-redis-process-')));
  folders.push(folder);
  return folder;
}

export const SENTINEL_COMMAND = [process.execPath, join(REPOSITORY, 'bin', 'ts-redis-sentinel')];

export class Launched {
  readonly child: ChildProcess;
  readonly exited: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: LaunchOptions) {
    const [program, ...first] = options.command ?? oursCommand();
    this.child = spawn(program!, [...first, ...args], {
      cwd: options.cwd ?? scratchFolder(),
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    running.add(this.child);
    this.child.stdin?.end(options.input);
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString('utf8');
    });
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('utf8');
    });
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code: code ?? signal ?? -1, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits until standard output has this. */
  async sees(text: string | RegExp): Promise<void> {
    const found = () => (typeof text === 'string' ? this.stdout.includes(text) : text.test(this.stdout));
    try {
      await waitFor(found, { timeoutMs: 15_000, what: String(text) });
    } catch (error) {
      throw new Error(`${String(error)}\n${this.stdout}${this.stderr}`);
    }
  }

  async ready(): Promise<this> {
    await this.sees('Ready to accept connections');
    return this;
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return withTimeout(this.exited, 15_000, 'the end of the server');
  }
}

export function launch(args: readonly string[], options: LaunchOptions = {}): Launched {
  return new Launched(args, options);
}

/** Runs a program to its end. */
export function runToEnd(args: readonly string[], options: LaunchOptions = {}): Promise<Ended> {
  return withTimeout(launch(args, options).exited, 20_000, `the end of ${args.join(' ')}`);
}

/** The log's messages, without pid, time and level. */
export function messages(output: string): string[] {
  return output
    .split('\n')
    .map((line) => /^\d+:[CMSX] .{24} [.\-*#] (.*)$/.exec(line)?.[1] ?? '')
    .filter((message) => message !== '');
}
