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
import { ManualClock } from '../../src/util/clock.ts';
import { seededRandom } from '../../src/util/random.ts';
import { type Arg, encodeCommand } from './raw-client.ts';
import { parseReply, type Reply, replyEnd } from './reply-framer.ts';

/** A connection made of memory. */
class MemoryLink implements Link {
  readonly kind = 'memory';
  readonly peer = '127.0.0.1:1';
  readonly local = '127.0.0.1:2';
  readonly fd = -1;
  pendingBytes = 0;
  argumentBytes = 0;
  inputBytes = 0;
  inputRoom = 0;
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

  resume(): void {}
  end(): void {}
  destroy(): void {}
}

export class InProcess {
  readonly clock = new ManualClock();
  readonly engine: Engine;
  readonly config: ServerConfig;
  readonly #link = new MemoryLink();
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
    this.client = this.engine.connect(this.#link);
    clock.setInterval(() => {
      this.engine.syncClock();
      this.engine.readTime();
      for (const job of this.engine.cron) job.run(this.engine.nowMs);
    }, 100);
  }

  /** Runs a command; its reply, raw. */
  raw(...args: readonly Arg[]): Buffer {
    const request = encodeCommand(args);
    this.engine.serve(this.client, request, 0, request.length);
    return this.#link.take();
  }

  call(...args: readonly Arg[]): Reply {
    const raw = this.raw(...args);
    if (replyEnd(raw, 0) !== raw.length) throw new Error(`not one reply: ${raw.toString('latin1')}`);
    return parseReply(raw);
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
