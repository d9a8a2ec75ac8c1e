/**
 * A server as a child process: ours or the real redis-server, started alike, so that every test, benchmark and
 * soak scenario can be pointed at either.
 *
 * The directives become a redis.conf in a temporary folder, which is also the server's `dir`. The server counts
 * as started when it says "Ready to accept connections" or answers PING (an error is an answer too: NOAUTH must
 * not hang a test), whichever comes first. Processes are ended by their pid, and the folder goes with them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RawClient } from './raw-client.ts';
import { sleep, withTimeout } from './wait-for.ts';

/** One directive: its text as in redis.conf; an array gives one line each; an empty string becomes `""`. */
export type DirectiveValue = string | number | boolean | readonly (string | number)[];
export type Directives = Readonly<Record<string, DirectiveValue>>;

export interface ServerOptions {
  /** The program and its first arguments; ours by default. */
  readonly command?: readonly string[];
  readonly directives?: Directives;
  /** Arguments after the configuration file, such as `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Without one a free port is taken; 0 means none is listened on (give `unixsocket` then). */
  readonly port?: number;
  /** An existing folder to run in, for restarts over the same files; it is not removed by stop(). */
  readonly dir?: string;
  readonly readyTimeoutMs?: number;
  /** How often the port is tried during start-up. */
  readonly pollMs?: number;
}

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Our server's command: `TS_REDIS_SERVER` if set (split at blanks), else bin/ts-redis-server under this Node. */
export function oursCommand(): readonly string[] {
  const override = process.env.TS_REDIS_SERVER;
  if (override) return splitCommand(override);
  return [process.execPath, join(REPOSITORY, 'bin', 'ts-redis-server')];
}

/** The words of a command line; paths become absolute, because servers run in their own folder. */
export function splitCommand(text: string): string[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.map((word) => (word.includes('/') && existsSync(word) ? resolvePath(word) : word));
}

/** The full path of a program on PATH, or null. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return null;
}

/** A port that is free now. Between 20000 and 32000: below the range that outgoing connections take from. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20000 + Math.floor(Math.random() * 12000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('no free port found between 20000 and 32000');
}

/** Starts a server and waits until it is ready. A port lost to another process between look and use is retried. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt++) {
    const server = new ServerProcess(options, options.port ?? (await freePort()));
    try {
      await server.waitReady();
      return server;
    } catch (error) {
      await server.stop();
      const portTaken = /address already in use|EADDRINUSE/i.test(server.output);
      if (!portTaken || options.port !== undefined || attempt === 3) throw error;
    }
  }
}

export class ServerProcess {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly dir: string;
  readonly configFile: string;
  readonly child: ChildProcess;
  /** Resolves to the exit code, or to the signal's name. */
  readonly exited: Promise<number | string>;
  /** performance.now() of the spawn. */
  readonly spawnedAt: number;
  #output = '';
  #running = true;
  readonly #ownsDir: boolean;
  readonly #name: string;
  readonly #readyTimeoutMs: number;
  readonly #pollMs: number;

  /** Use startServer(), unless the start itself is what is being watched. */
  constructor(options: ServerOptions, port: number) {
    const command = options.command ?? oursCommand();
    this.port = port;
    this.#name = command.join(' ');
    this.#readyTimeoutMs = options.readyTimeoutMs ?? 20_000;
    this.#pollMs = options.pollMs ?? 10;
    this.#ownsDir = options.dir === undefined;
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'ts-redis-'));
    this.configFile = join(this.dir, 'test.conf');
    writeFileSync(
      this.configFile,
      configText({
        bind: this.host,
        save: '',
        appendonly: 'no',
        ...options.directives,
        port,
        dir: this.dir,
      }),
    );
    this.spawnedAt = performance.now();
    this.child = spawn(command[0]!, [...command.slice(1), this.configFile, ...(options.args ?? [])], {
      cwd: this.dir,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    killAtExit(this.child, this.#ownsDir ? this.dir : null);
    const collect = (chunk: Buffer): void => {
      // The head tells why a start failed, the tail what happened last; a chatty server must not fill memory.
      this.#output = (this.#output + chunk.toString('latin1')).slice(-1_000_000);
    };
    this.child.stdout!.on('data', collect);
    this.child.stderr!.on('data', collect);
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.#running = false;
        this.#output += String(error);
        resolve(-1);
      });
      this.child.once('close', (code, signal) => {
        this.#running = false;
        resolve(code ?? signal ?? -1);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.#running;
  }

  /** What it wrote to stdout and stderr (the last megabyte). */
  get output(): string {
    return this.#output;
  }

  async waitReady(): Promise<void> {
    const deadline = performance.now() + this.#readyTimeoutMs;
    while (this.#running) {
      if (this.#output.includes('Ready to accept connections')) return;
      if (this.port !== 0 && (await answersPing(this.host, this.port))) return;
      if (performance.now() > deadline) {
        throw new Error(`${this.#name} not ready after ${this.#readyTimeoutMs} ms:\n${this.#output}`);
      }
      await sleep(this.#pollMs);
    }
    throw new Error(`${this.#name} ended (${String(await this.exited)}) while starting:\n${this.#output}`);
  }

  /** Opens a raw client; `resp: 3` sends HELLO 3 first. */
  async connect(options: { readonly resp?: 2 | 3 } = {}): Promise<RawClient> {
    const client = await RawClient.connect({ host: this.host, port: this.port });
    if (options.resp === 3) await client.send('HELLO', '3');
    return client;
  }

  /** Resident memory in bytes, or null where there is no /proc. */
  rssBytes(): number | null {
    try {
      const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'));
      return match ? Number(match[1]) * 1024 : null;
    } catch {
      return null;
    }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#running) this.child.kill(signal);
  }

  /** Ends the process (politely first), waits for its end and removes its folder. Safe to call twice. */
  async stop(): Promise<number | string> {
    this.kill('SIGTERM');
    let code: number | string;
    try {
      code = await withTimeout(this.exited, 5000, 'the server to end');
    } catch {
      this.kill('SIGKILL');
      code = await this.exited;
    }
    if (this.#ownsDir) rmSync(this.dir, { recursive: true, force: true });
    return code;
  }
}

/** Running children and the folders to remove with them. */
const alive = new Map<ChildProcess, string | null>();

/** A test file that dies, or that the runner ends for taking too long, must not leave its servers behind. */
function killAtExit(child: ChildProcess, dir: string | null): void {
  if (alive.size === 0 && !process.listeners('exit').includes(killAlive)) {
    process.on('exit', killAlive);
    process.once('SIGTERM', () => process.exit(143));
  }
  alive.set(child, dir);
  child.once('close', () => alive.delete(child));
}

function killAlive(): void {
  for (const [child, dir] of alive) {
    child.kill('SIGKILL');
    if (dir !== null) rmSync(dir, { recursive: true, force: true });
  }
}

export function configText(directives: Directives): string {
  let text = '';
  for (const [name, value] of Object.entries(directives)) {
    const values: readonly (string | number)[] =
      typeof value === 'boolean' ? [value ? 'yes' : 'no'] : Array.isArray(value) ? value : [value as string];
    for (const one of values) text += `${name} ${one === '' ? '""' : one}\n`;
  }
  return text;
}

/** Whether something on that port speaks RESP and is not loading. */
function answersPing(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => done(false));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data: Buffer) => done(!data.toString('latin1').startsWith('-LOADING')));
  });
}
