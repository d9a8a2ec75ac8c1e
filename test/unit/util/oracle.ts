import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * A real redis-server to ask when a helper must agree with it to the byte. It listens on a unix socket in a folder of
 * its own, so tests that run side by side cannot meet.
 */

/** Why tests that need redis-server are skipped, or false when they can run. */
export const oracleMissing: string | false =
  spawnSync('redis-server', ['--version']).status === 0 ? false : 'no redis-server on PATH';

export type OracleReply = string | number | null | OracleError | OracleReply[];

export class OracleError {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export class Oracle {
  readonly #folder: string;
  readonly #server: ChildProcess;
  readonly #socket: Socket;

  private constructor(folder: string, server: ChildProcess, socket: Socket) {
    this.#folder = folder;
    this.#server = server;
    this.#socket = socket;
  }

  static async start(...options: string[]): Promise<Oracle> {
    const folder = mkdtempSync(join(tmpdir(), 'ts-redis-oracle-'));
    const path = join(folder, 'socket');
    const server = spawn(
      'redis-server',
      ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder, ...options],
      { stdio: 'ignore' },
    );
    for (let attempt = 0; ; attempt++) {
      const socket = connect(path);
      const connected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (connected) return new Oracle(folder, server, socket);
      if (attempt > 200) throw new Error('redis-server does not start');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Sends the commands (latin1 words) in one pipeline; resolves to their replies in order. */
  pipeline(commands: readonly (readonly string[])[]): Promise<OracleReply[]> {
    let request = '';
    for (const words of commands) {
      request += `*${words.length}\r\n`;
      for (const word of words) request += `$${word.length}\r\n${word}\r\n`;
    }
    return new Promise((resolve, reject) => {
      const replies: OracleReply[] = [];
      let text = '';
      let consumed = 0;
      const onData = (chunk: Buffer): void => {
        text = text.slice(consumed) + chunk.toString('latin1');
        consumed = 0;
        while (replies.length < commands.length) {
          const found = readReply(text, consumed);
          if (found === null) return;
          replies.push(found.value);
          consumed = found.end;
        }
        this.#socket.off('data', onData);
        this.#socket.off('close', onClose);
        resolve(replies);
      };
      const onClose = (): void => reject(new Error('redis-server closed the connection'));
      this.#socket.on('data', onData);
      this.#socket.on('close', onClose);
      this.#socket.write(request, 'latin1');
    });
  }

  async command(...words: string[]): Promise<OracleReply> {
    return (await this.pipeline([words]))[0]!;
  }

  stop(): void {
    this.#socket.destroy();
    this.#server.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function readReply(text: string, at: number): { value: OracleReply; end: number } | null {
  const eol = text.indexOf('\r\n', at);
  if (eol < 0) return null;
  const line = text.slice(at + 1, eol);
  const end = eol + 2;
  switch (text[at]) {
    case '+':
      return { value: line, end };
    case '-':
      return { value: new OracleError(line), end };
    case ':':
      return { value: Number(line), end };
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, end };
      if (text.length < end + length + 2) return null;
      return { value: text.slice(end, end + length), end: end + length + 2 };
    }
    case '*': {
      const items: OracleReply[] = [];
      let next = end;
      for (let i = 0; i < Number(line); i++) {
        const item = readReply(text, next);
        if (item === null) return null;
        items.push(item.value);
        next = item.end;
      }
      return { value: items, end: next };
    }
    default:
      throw new Error(`unexpected reply ${JSON.stringify(text.slice(at, at + 20))}`);
  }
}
