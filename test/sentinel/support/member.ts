/**
 * A process of a group under sentinels: a data server or a sentinel, ours or the real one. Unlike the servers of other
 * tests it keeps its configuration file: what a sentinel, or a sentinel's CONFIG REWRITE, has written there is what
 * it starts with again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOracle } from '../../support/oracle.ts';
import { type Arg, RawClient } from '../../support/raw-client.ts';
import { ErrorReply, type Reply } from '../../support/reply-framer.ts';
import {
  configText,
  type Directives,
  findProgram,
  freePort,
  oursCommand,
  REPOSITORY,
  splitCommand,
} from '../../support/server-process.ts';
import { sleep, waitFor } from '../../support/wait-for.ts';

export type Kind = 'ours' | 'real';
export type Role = 'server' | 'sentinel';

/** The real redis-sentinel, or null. */
export function findRealSentinel(): string | null {
  return process.env.REDIS_SENTINEL || findProgram('redis-sentinel');
}

/** Both real programs are there. */
export function hasReal(): boolean {
  return findOracle() !== null && findRealSentinel() !== null;
}

export const NO_REAL =
  'skipped: no redis-server and redis-sentinel on PATH (Debian: apt-get install redis-sentinel)';

function commandOf(kind: Kind, role: Role): readonly string[] {
  if (kind === 'real') return [role === 'server' ? findOracle()! : findRealSentinel()!];
  if (role === 'server') return oursCommand();
  const override = process.env.TS_REDIS_SENTINEL;
  if (override) return splitCommand(override);
  return [process.execPath, join(REPOSITORY, 'bin', 'ts-redis-sentinel')];
}

export class Member {
  readonly kind: Kind;
  readonly role: Role;
  readonly port: number;
  readonly dir: string;
  readonly configFile: string;
  /** Words before the program's own: taskset, ip netns exec. */
  readonly #before: readonly string[];
  #child: ChildProcess | null = null;
  #exited: Promise<number | string> = Promise.resolve(0);
  #client: RawClient | null = null;
  #output = '';
  #running = false;
  #paused = false;

  constructor(kind: Kind, role: Role, port: number, before: readonly string[] = []) {
    this.kind = kind;
    this.role = role;
    this.port = port;
    this.#before = before;
    this.dir = mkdtempSync(join(tmpdir(), `ts-redis-${role}-`));
    this.configFile = join(this.dir, `${role}.conf`);
  }

  /** A data server that nobody follows yet. */
  static async server(
    kind: Kind,
    directives: Directives = {},
    before: readonly string[] = [],
  ): Promise<Member> {
    const member = new Member(kind, 'server', await freePort(), before);
    member.configure({
      bind: '127.0.0.1',
      port: member.port,
      dir: member.dir,
      save: '',
      appendonly: 'no',
      'repl-diskless-sync-delay': 0,
      'enable-debug-command': 'yes',
      ...directives,
    });
    await member.start();
    return member;
  }

  configure(directives: Directives): void {
    writeFileSync(this.configFile, configText(directives));
  }

  /** What its configuration file says now. */
  get config(): string {
    return existsSync(this.configFile) ? readFileSync(this.configFile, 'utf8') : '';
  }

  get name(): string {
    return `${this.kind} ${this.role} ${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get running(): boolean {
    return this.#running;
  }

  /** It has been told to stand still. */
  get paused(): boolean {
    return this.#paused;
  }

  /** What it has written to stdout and stderr since the first start. */
  get output(): string {
    return this.#output;
  }

  /** Resolves with the code, or the signal's name. */
  get exited(): Promise<number | string> {
    return this.#exited;
  }

  /** Starts, or starts again with the file as it is, and waits for an answer to PING. */
  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  launch(): void {
    const words = [...this.#before, ...commandOf(this.kind, this.role), this.configFile];
    const child = spawn(words[0]!, words.slice(1), { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#running = true;
    this.#paused = false;
    track(child, this.dir);
    const collect = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('latin1')).slice(-2_000_000);
    };
    child.stdout!.on('data', collect);
    child.stderr!.on('data', collect);
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#running = false;
        this.#output += String(error);
        resolve(-1);
      });
      child.once('close', (code, signal) => {
        if (this.#child === child) this.#running = false;
        resolve(code ?? signal ?? -1);
      });
    });
  }

  async ready(timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (!this.#running) throw new Error(`${this.name} ended while starting:\n${this.#output.slice(-3000)}`);
      try {
        const client = await this.connect();
        const reply = await client.call('PING');
        if (!(reply instanceof ErrorReply) || !/^LOADING/.test(reply.message)) {
          this.#client?.socket.destroy();
          this.#client = client;
          return;
        }
        client.socket.destroy();
      } catch {
        // Not listening yet.
      }
      if (performance.now() > deadline)
        throw new Error(`${this.name} not ready:\n${this.#output.slice(-3000)}`);
      await sleep(10);
    }
  }

  async connect(): Promise<RawClient> {
    return RawClient.connect({ port: this.port });
  }

  /** Sends a command over a connection that is opened again when a sentinel, or a restart, has closed it. */
  async call(...args: readonly Arg[]): Promise<Reply> {
    if (this.#client === null || this.#client.isClosed) this.#client = await this.connect();
    return this.#client.call(...args);
  }

  /** Sends a command that must work. */
  async ok(...args: readonly Arg[]): Promise<Reply> {
    const reply = await this.call(...args);
    if (reply instanceof ErrorReply) throw new Error(`${this.name}: ${args.join(' ')}: ${reply.message}`);
    return reply;
  }

  /** The fields of a section of INFO. */
  async info(section = 'replication'): Promise<Map<string, string>> {
    const fields = new Map<string, string>();
    for (const line of String(await this.ok('INFO', section)).split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0 && line[0] !== '#') fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
    return fields;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#child!.kill(signal);
  }

  /** SIGSTOP. */
  pause(): void {
    this.#paused = true;
    this.signal('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#paused = false;
    this.signal('SIGCONT');
  }

  /** kill -9, and it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
    this.#forget();
  }

  /** SHUTDOWN, and it is gone; a server that is still busy is asked again. */
  async shutdown(): Promise<number | string> {
    await waitFor(
      async () => {
        if (!this.#running) return true;
        const client = await this.connect().catch(() => null);
        client?.sendNoReply('SHUTDOWN', ...(this.role === 'server' ? ['NOSAVE'] : []));
        await Promise.race([this.#exited, sleep(1000)]);
        client?.socket.destroy();
        return !this.#running;
      },
      { timeoutMs: 15_000, what: `${this.name} to end` },
    );
    this.#forget();
    return this.#exited;
  }

  #forget(): void {
    this.#client?.socket.destroy();
    this.#client = null;
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#forget();
    this.signal('SIGKILL');
    await this.#exited;
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Running children and the folders to remove with them, should the test file die. */
const alive = new Map<ChildProcess, string>();

function track(child: ChildProcess, dir: string): void {
  if (alive.size === 0 && !process.listeners('exit').includes(killAlive)) {
    process.on('exit', killAlive);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(143));
  }
  alive.set(child, dir);
  child.once('close', () => alive.delete(child));
}

function killAlive(): void {
  for (const [child, dir] of alive) {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}
