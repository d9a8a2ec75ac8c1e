/**
 * A client that sends random steps, several in flight, and remembers what it sent and what was answered, with
 * times. What it may have done is its log; its two databases are its own, so the log is the whole truth of them.
 */
import { connect, type Socket } from 'node:net';
import { ErrorReply, parseReply, type Reply, replyEnd } from '../support/reply-framer.ts';
import type { Args } from './model.ts';

/** One step of the log. Times are ms since the epoch. */
export interface Logged {
  readonly db: number;
  readonly commands: readonly Args[];
  readonly sentAt: number;
  /** 0 while unanswered. */
  answeredAt: number;
  /** A reply per command; kept only where the model needs it. */
  replies: readonly Reply[] | null;
}

/** Errors that random commands rightly meet. */
const EXPECTED =
  /no such key|index out of range|BUSYGROUP|NOGROUP|requires the key to exist|source and destination objects are the same/;

export function encode(args: Args): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return text;
}

/** A connection that hands each reply to whoever is next in line. */
export class Line {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #onReply: (raw: Buffer) => void;

  constructor(port: number, onReply: (raw: Buffer) => void, onOpen: () => void) {
    this.#onReply = onReply;
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {});
    this.socket.once('connect', onOpen);
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  send(commands: readonly Args[]): void {
    this.socket.write(commands.map(encode).join(''), 'latin1');
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    let position = 0;
    for (;;) {
      if (position === this.#bytes.length) break;
      const end = replyEnd(this.#bytes, position);
      if (end < 0) break;
      this.#onReply(this.#bytes.subarray(position, end));
      position = end;
    }
    this.#bytes = this.#bytes.subarray(position);
  }
}

export class Writer {
  readonly log: Logged[] = [];
  readonly closed: Promise<void>;
  /** Steps answered so far: they are the first of the log. */
  answered = 0;
  /** A reply that should never have come. */
  wrong: string | null = null;
  #stopped = false;
  readonly #line: Line;
  readonly #next: (sequence: number) => { db: number; commands: readonly Args[] };
  readonly #dbs: readonly [number, number];
  readonly #depth: number;
  #selected = -1;
  /** Replies still to come for each step in flight, oldest first. */
  readonly #expected: number[] = [];
  #got: Reply[] = [];

  /** `next` makes the step with a number; `dbs` are the server's numbers of the two databases. */
  constructor(
    port: number,
    dbs: readonly [number, number],
    depth: number,
    next: (sequence: number) => { db: number; commands: readonly Args[] },
  ) {
    this.#next = next;
    this.#dbs = dbs;
    this.#depth = depth;
    this.#line = new Line(
      port,
      (raw) => this.#reply(raw),
      () => this.#fill(),
    );
    this.closed = this.#line.closed;
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true;
  }

  end(): void {
    this.stop();
    this.#line.socket.destroy();
  }

  #fill(): void {
    while (!this.#stopped && this.log.length - this.answered < this.#depth) {
      const { db, commands } = this.#next(this.log.length);
      const sent: Args[] = [];
      if (this.#selected !== db) sent.push(['SELECT', String(this.#dbs[db])]);
      this.#selected = db;
      if (commands.length > 1) sent.push(['MULTI'], ...commands, ['EXEC']);
      else sent.push(commands[0]!);
      this.log.push({ db, commands, sentAt: Date.now(), answeredAt: 0, replies: null });
      this.#expected.push(sent.length);
      this.#line.send(sent);
    }
  }

  #reply(raw: Buffer): void {
    const reply = parseReply(raw, 'latin1');
    this.#check(reply);
    this.#got.push(reply);
    if (this.#got.length < this.#expected[0]!) return;
    this.#expected.shift();
    const got = this.#got;
    this.#got = [];
    const step = this.log[this.answered]!;
    step.answeredAt = Date.now();
    if (step.commands.some(([name]) => name === 'SPOP')) {
      step.replies = step.commands.length > 1 ? (got.at(-1) as Reply[]) : [got.at(-1)!];
    }
    if (step.commands.length > 1 && !Array.isArray(got.at(-1)))
      this.wrong ??= `EXEC gave ${String(got.at(-1))}`;
    this.answered++;
    this.#fill();
  }

  #check(reply: Reply): void {
    if (Array.isArray(reply)) for (const each of reply) this.#check(each);
    if (reply instanceof ErrorReply && !EXPECTED.test(reply.message)) this.wrong ??= reply.message;
  }
}
