/**
 * The smallest client that can see everything: it sends arrays of strings and buffers, and hands back each
 * reply's raw bytes, so tests can compare servers byte for byte. Replies answer commands in order; RESP3 push
 * messages are kept apart; replies that nothing waits for (MONITOR lines, RESP2 pub/sub messages) queue up for
 * nextReply().
 */
import { connect, type Socket } from 'node:net';
import { parseReply, type Reply, replyEnd } from './reply-framer.ts';
import { withTimeout } from './wait-for.ts';

export type Arg = string | Buffer | number | bigint;

export interface ConnectOptions {
  readonly host?: string;
  readonly port?: number;
  /** A unix socket instead of host and port. */
  readonly path?: string;
  readonly localAddress?: string;
}

interface Waiting {
  resolve(raw: Buffer): void;
  reject(error: Error): void;
}

const PUSH = 0x3e; // '>'

/** The request as a client library would send it. */
export function encodeCommand(args: readonly Arg[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

const CRLF = Buffer.from('\r\n');

export class RawClient {
  readonly socket: Socket;
  /** Push messages that no nextPush() has taken, oldest first, raw. */
  readonly pushes: Buffer[] = [];
  /** Replies that no command was waiting for, oldest first, raw. */
  readonly unsolicited: Buffer[] = [];
  /** How long send() and the like wait before they fail; a hanging server must name the command it hangs in. */
  timeoutMs = 15_000;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #needed = 1;
  readonly #waiting: Waiting[] = [];
  readonly #waitingPush: Waiting[] = [];
  #closed: Error | null = null;
  readonly #closedPromise: Promise<void>;

  static async connect(options: ConnectOptions): Promise<RawClient> {
    const { host = '127.0.0.1', port, path, localAddress } = options;
    const socket =
      path !== undefined
        ? connect({ path })
        : connect({ host, port: port!, ...(localAddress === undefined ? {} : { localAddress }) });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    let failure: Error | null = null;
    socket.on('error', (error) => {
      failure = error;
    });
    this.#closedPromise = new Promise((resolve) => {
      socket.once('close', () => {
        this.#fail(failure ?? new Error('connection closed by the server'));
        resolve();
      });
    });
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      if (this.#buffered < this.#needed) return;
      try {
        this.#takeReplies();
      } catch (error) {
        this.#fail(error as Error);
        socket.destroy();
      }
    });
  }

  get isClosed(): boolean {
    return this.#closed !== null;
  }

  /** Sends one command; resolves to the reply's raw bytes. */
  send(...args: readonly Arg[]): Promise<Buffer> {
    this.socket.write(encodeCommand(args));
    return this.#expectReply(() => args.map(String).join(' ').slice(0, 100));
  }

  /** Sends one command; resolves to the reply's value (an error reply is an ErrorReply value, not thrown). */
  async call(...args: readonly Arg[]): Promise<Reply> {
    return parseReply(await this.send(...args));
  }

  /** Sends all commands in one write; resolves to their raw replies. */
  pipeline(commands: readonly (readonly Arg[])[]): Promise<Buffer[]> {
    this.socket.write(Buffer.concat(commands.map(encodeCommand)));
    return Promise.all(
      commands.map((args, i) =>
        this.#expectReply(() => `#${i} of a pipeline: ${args.map(String).join(' ')}`),
      ),
    );
  }

  /** Sends a line as an inline command (CR LF is added). */
  inline(text: string): Promise<Buffer> {
    this.socket.write(`${text}\r\n`);
    return this.#expectReply(() => `inline ${text}`);
  }

  /** Sends bytes as they are, expecting nothing; nextReply() fetches what comes. */
  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends a command that gets no reply of its own (SUBSCRIBE under RESP3, CLIENT REPLY OFF). */
  sendNoReply(...args: readonly Arg[]): void {
    this.socket.write(encodeCommand(args));
  }

  /** The next reply that belongs to no send(): after write(), in MONITOR or in RESP2 pub/sub. */
  nextReply(): Promise<Buffer> {
    const ready = this.unsolicited.shift();
    return ready ? Promise.resolve(ready) : this.#expectReply(() => 'nextReply()');
  }

  /** The next push message, waiting for it if need be. */
  nextPush(timeoutMs = this.timeoutMs): Promise<Buffer> {
    const ready = this.pushes.shift();
    if (ready) return Promise.resolve(ready);
    return this.#expect(this.#waitingPush, timeoutMs, () => 'a push message');
  }

  /** Resolves when the server has closed the connection. */
  waitClosed(timeoutMs = this.timeoutMs): Promise<void> {
    return withTimeout(this.#closedPromise, timeoutMs, 'the server to close the connection');
  }

  /** Closes from our side and waits until it is done. */
  async close(): Promise<void> {
    this.socket.end();
    this.socket.destroy();
    await this.#closedPromise;
  }

  #expectReply(what: () => string): Promise<Buffer> {
    return this.#expect(this.#waiting, this.timeoutMs, () => `the reply to ${what()}`);
  }

  #expect(queue: Waiting[], timeoutMs: number, what: () => string): Promise<Buffer> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // The entry stays queued: a late reply must not be taken for the next command's.
        reject(new Error(`waited ${timeoutMs} ms for ${what()}`));
      }, timeoutMs);
      queue.push({
        resolve(raw) {
          clearTimeout(timer);
          resolve(raw);
        },
        reject(error) {
          clearTimeout(timer);
          reject(new Error(`${error.message}, waiting for ${what()}`, { cause: error }));
        },
      });
    });
  }

  #takeReplies(): void {
    const buffer = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    let position = 0;
    this.#needed = 1;
    while (position < buffer.length) {
      const end = replyEnd(buffer, position);
      if (end < 0) {
        this.#needed = -end - position;
        break;
      }
      this.#deliver(Buffer.from(buffer.subarray(position, end)));
      position = end;
    }
    const rest = buffer.subarray(position);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
  }

  #deliver(raw: Buffer): void {
    if (raw[0] === PUSH) {
      const waiting = this.#waitingPush.shift();
      if (waiting) waiting.resolve(raw);
      else this.pushes.push(raw);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(raw);
    else this.unsolicited.push(raw);
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    for (const waiting of this.#waitingPush.splice(0)) waiting.reject(error);
  }
}
