/**
 * A whole engine without a process: no socket, no disk, time that moves only when told, chance from a seed.
 * Commands run at once and their replies come back as values:
 *
 *     const redis = inProcess({ maxmemory: '1mb' });
 *     redis.call('SET', 'k', 'v', 'PX', 100);
 *     redis.clock.advance(101);          // runs the cron, too
 *     assert.equal(redis.call('DBSIZE'), 0);
 */
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { ServerConfig } from '../../src/config/config.ts';
import type { Client, Link } from '../../src/engine/client.ts';
import { CommandTable } from '../../src/engine/command-table.ts';
import { Engine } from '../../src/engine/engine.ts';
import { Keyspace } from '../../src/keyspace/keyspace.ts';
import { createLogger } from '../../src/logging/logger.ts';
import { ManualClock, type TimerHandle } from '../../src/util/clock.ts';
import { seededRandom } from '../../src/util/random.ts';
import { type Arg, encodeCommand } from './raw-client.ts';
import { parseReply, type Reply, replyEnd } from './reply-framer.ts';

/** A connection made of memory. What a client sends while it is stopped waits here. */
class MemoryLink implements Link {
  readonly kind = 'memory';
  readonly peer = '127.0.0.1:1';
  readonly local = '127.0.0.1:2';
  readonly fd = -1;
  pendingBytes = 0;
  argumentBytes = 0;
  inputBytes = 0;
  inputRoom = 0;
  client: Client | null = null;
  #waiting: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];

  send(buf: Buffer, length: number): boolean {
    this.#chunks.push(Buffer.from(buf.subarray(0, length)));
    return true;
  }

  take(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return all;
  }

  /** Serves what has been sent, as far as the client may go on. */
  serve(request: Buffer): void {
    const { client } = this;
    if (client === null) return;
    this.#waiting = Buffer.concat([this.#waiting, request]);
    if (client.stopped !== 0) return;
    const all = this.#waiting;
    const served = client.engine.serve(client, all, 0, all.length);
    this.#waiting = Buffer.from(all.subarray(served));
  }

  resume(): void {
    if (this.#waiting.length === 0) return;
    if (this.client?.engine.current === null) this.serve(Buffer.alloc(0));
    else queueMicrotask(() => this.resume());
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    const { client } = this;
    this.client = null;
    if (client !== null) client.engine.clients.remove(client);
  }
}

/** One of several clients of a server in memory. */
export class InProcessClient {
  readonly #link = new MemoryLink();
  readonly client: Client;

  constructor(engine: Engine) {
    this.client = engine.connect(this.#link);
    this.#link.client = this.client;
  }

  /** Sends a command, and whatever bytes have come back until then: none while it is blocked. */
  raw(...args: readonly Arg[]): Buffer {
    this.#link.serve(encodeCommand(args));
    return this.#link.take();
  }

  call(...args: readonly Arg[]): Reply {
    const raw = this.raw(...args);
    if (replyEnd(raw, 0) !== raw.length) throw new Error(`not one reply: ${raw.toString('latin1')}`);
    return parseReply(raw);
  }

  /** Replies and messages that have come since it was last asked. */
  received(): Reply[] {
    const raw = this.#link.take();
    const replies: Reply[] = [];
    for (let at = 0; at < raw.length; ) {
      const end = replyEnd(raw, at);
      if (end < 0) throw new Error(`half a reply: ${raw.toString('latin1', at)}`);
      replies.push(parseReply(raw.subarray(at, end)));
      at = end;
    }
    return replies;
  }

  /** The connection is gone. */
  close(): void {
    this.#link.destroy();
  }
}

export class InProcess {
  readonly clock = new ManualClock();
  readonly engine: Engine;
  readonly config: ServerConfig;
  readonly #first: InProcessClient;
  readonly #cron: TimerHandle;
  readonly client: Client;

  constructor(directives: Readonly<Record<string, string>>, seed: number) {
    this.config = new ServerConfig();
    const options = Object.entries(directives).map(([name, value]) => `${name} ${value}\n`);
    this.config.load({ options: options.join('') });
    const random = seededRandom(seed);
    const { clock } = this;
    this.engine = new Engine({
      config: this.config,
      keyspace: new Keyspace(this.config.values.databases, random),
      commands: new CommandTable(ALL_COMMANDS),
      clock,
      timers: clock,
      random,
      log: createLogger({ level: 'nothing', file: '', format: 'redis', clock, role: () => 'M' }),
    });
    // The heap is the test runner's.
    this.engine.upkeep.memory.readHeap = null;
    this.#first = this.connect();
    this.client = this.#first.client;
    this.#cron = clock.setInterval(() => {
      this.engine.syncClock();
      this.engine.readTime();
      for (const job of this.engine.cron) job.run(this.engine.nowMs);
    }, 100);
  }

  /** Nothing runs by itself any more, so that years pass at once. */
  stopCron(): void {
    this.clock.clearInterval(this.#cron);
  }

  /** One more client. */
  connect(): InProcessClient {
    return new InProcessClient(this.engine);
  }

  /** Runs a command; its reply, raw. */
  raw(...args: readonly Arg[]): Buffer {
    return this.#first.raw(...args);
  }

  call(...args: readonly Arg[]): Reply {
    return this.#first.call(...args);
  }

  /** CONFIG SET by the inside door. */
  set(name: string, value: string): void {
    const result = this.config.set([[name, value]]);
    if (result !== null) throw new Error(String(result));
  }
}

export function inProcess(directives: Readonly<Record<string, string>> = {}, seed = 1): InProcess {
  return new InProcess(directives, seed);
}
