/** Programs that speak to a server (redis-cli, redis-benchmark): run to their end, or until they said what we wait for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { findProgram } from '../support/server-process.ts';
import { waitFor, withTimeout } from '../support/wait-for.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** The `skip` of a test that needs programs: false when all are on PATH, else the line that says which is not. */
export function needs(...names: string[]): string | false {
  const missing = names.filter((name) => findProgram(name) === null);
  return missing.length === 0 ? false : `skipped: no ${missing.join(', ')} on PATH`;
}

export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd = process.cwd(),
  ) {
    this.child = spawn(name, args, { env: { ...process.env, ...env }, cwd, stdio: 'pipe' });
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString('latin1');
    });
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('latin1');
    });
    // A program that ended before it read everything is judged by what it said.
    this.child.stdin!.on('error', () => {});
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Waits until its output matches. */
  async sees(pattern: RegExp): Promise<void> {
    try {
      await waitFor(() => pattern.test(this.stdout), { timeoutMs: 15_000, what: String(pattern) });
    } catch (error) {
      throw new Error(`${(error as Error).message} in ${JSON.stringify(this.stdout)} ${this.stderr}`);
    }
  }

  /** Ends it. What `script` runs goes with its terminal; asked politely, `script` takes two seconds. */
  async stop(): Promise<Ended> {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
    return await this.ended;
  }
}

/** Runs a program to its end. */
export async function run(name: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const program = new Program(name, args, options.env, options.cwd);
  program.child.stdin!.end(options.input ?? '');
  try {
    return await withTimeout(program.ended, options.timeoutMs ?? 30_000, `${name} ${args.join(' ')} to end`);
  } finally {
    await program.stop();
  }
}
