/** A redis-server of the machine, asked for the truth; tests skip where there is none. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import RedisParser from 'redis-parser';

type Reply = string | number | null | Error | Reply[];

/** Why differential tests cannot run here, or false. */
export const NO_ORACLE: string | false =
  spawnSync('redis-server', ['--version']).status === 0 ? false : 'no redis-server on PATH';

export class Oracle {
  readonly folder = mkdtempSync(join(tmpdir(), 'ts-redis-config-'));
  #server: ChildProcess | null = null;
  #socket: Socket | null = null;
  #waiting: ((reply: Reply) => void)[] = [];

  /** Starts it with these arguments and waits until it answers. */
  async start(args: readonly string[] = []): Promise<void> {
    const port = await freePort();
    this.#server = spawn('redis-server', [...args, '--port', String(port)], { cwd: this.folder });
    const parser = new RedisParser({
      returnReply: (reply: Reply) => this.#waiting.shift()?.(reply),
      returnError: (error: Error) => this.#waiting.shift()?.(error),
    });
    this.#socket = await connect(port);
    this.#socket.on('data', (chunk) => parser.execute(chunk));
  }

  /** Calls a command; errors come back as their text. */
  call(...args: string[]): Promise<Reply> {
    const bulks = args.map((arg) => `$${Buffer.byteLength(arg, 'latin1')}\r\n${arg}\r\n`).join('');
    this.#socket!.write(Buffer.from(`*${args.length}\r\n${bulks}`, 'latin1'));
    return new Promise((resolve) => {
      this.#waiting.push((reply) => resolve(reply instanceof Error ? reply.message : reply));
    });
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    const server = this.#server;
    if (server !== null && server.exitCode === null) {
      const exited = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs it to its end (it must refuse its configuration) and gives what it printed to stderr. */
export function refusal(args: readonly string[], cwd: string): string {
  const { stderr, status } = spawnSync('redis-server', args, { cwd, timeout: 5000 });
  return status === 1 ? stderr.toString('utf8') : `status ${status}`;
}

async function connect(port: number): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const socket = createConnection({ host: '127.0.0.1', port });
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (connected) return socket;
    if (tries === 100) throw new Error('redis-server does not listen');
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
