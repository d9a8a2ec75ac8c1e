/**
 * Watches that a data set is only ever seen whole. The master's keys `whole:0` to `whole:49` always hold the same
 * value, and the number of its keys never changes; so whoever asks for all of that in one transaction gets all of one
 * time, nothing at all (a replica that was emptied and failed), or an error (LOADING, MASTERDOWN).
 */
import type { RawClient } from '../../support/raw-client.ts';
import { ErrorReply, parseReply, type Reply } from '../../support/reply-framer.ts';
import { sleep } from '../../support/wait-for.ts';
import type { Node } from './node.ts';

const KEYS = Array.from({ length: 50 }, (_, i) => `whole:${i}`);

export interface WholeData {
  /** Keys beside those that are watched. */
  readonly fillers: number;
  readonly fillerBytes: number;
}

/** Fills the master and goes on changing all watched keys at once. */
export class WholeWriter {
  readonly keys: number;
  readonly #master: Node;
  #generation = 0;
  #running: Promise<void> | null = null;
  #stopping = false;

  static async start(master: Node, { fillers, fillerBytes }: WholeData): Promise<WholeWriter> {
    await master.ok('FLUSHALL');
    for (let from = 0; from < fillers; from += 1000) {
      const words: string[] = ['MSET'];
      for (let i = from; i < Math.min(from + 1000, fillers); i++) {
        // Each its own, so that it does not all become one LZF run.
        words.push(`filler:${i}`, `${i}:${Math.imul(i, 2654435761) >>> 0}`.repeat(1 + fillerBytes / 16));
      }
      await master.ok(...words);
    }
    const writer = new WholeWriter(master, fillers + KEYS.length);
    await writer.#write();
    writer.#running = writer.#run();
    // It is told by stop(), if it still comes to that.
    writer.#running.catch(() => {});
    return writer;
  }

  constructor(master: Node, keys: number) {
    this.#master = master;
    this.keys = keys;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await this.#write();
      await sleep(10);
    }
  }

  async #write(): Promise<void> {
    const value = `generation ${String(++this.#generation).padStart(10, '0')}`;
    await this.#master.ok('MSET', ...KEYS.flatMap((key) => [key, value]));
  }
}

/** Reads until it is stopped, or finds something wrong. */
export class WholeReader {
  /** What was seen how often. */
  readonly seen = { whole: 0, empty: 0, error: 0, older: 0 };
  wrong: string | null = null;
  readonly #node: Node;
  readonly #keys: number;
  readonly #keeps: boolean;
  #last = '';
  #stopping = false;
  readonly #running: Promise<void>;

  /** `keeps`: what has been seen once never goes, because a sync that fails leaves the data of before. */
  constructor(node: Node, keys: number, keeps: boolean) {
    this.#node = node;
    this.#keys = keys;
    this.#keeps = keeps;
    this.#running = this.#run();
  }

  /** Throws if something was not whole. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    if (this.wrong !== null) throw new Error(this.wrong);
  }

  async #run(): Promise<void> {
    let client: RawClient | null = null;
    while (!this.#stopping && this.wrong === null) {
      try {
        if (client === null || client.isClosed) client = await this.#node.connect();
        const replies = await client.pipeline([['MULTI'], ['MGET', ...KEYS], ['DBSIZE'], ['EXEC']]);
        this.#judge(parseReply(replies[3]!));
      } catch {
        // It is gone just now.
        await sleep(20);
      }
      await sleep(1);
    }
    client?.socket.destroy();
  }

  #judge(reply: Reply): void {
    if (reply instanceof ErrorReply) {
      if (!/^(EXECABORT|LOADING|MASTERDOWN)/.test(reply.message)) this.wrong = reply.message;
      this.seen.error++;
      return;
    }
    const [values, size] = reply as [(string | null)[], number];
    const first = values[0] ?? null;
    if (values.some((value) => value !== first)) {
      this.wrong = `watched keys of ${this.#node.kind} differ: ${[...new Set(values)].join(', ')}`;
    } else if (size !== (first === null ? 0 : this.#keys)) {
      this.wrong = `${this.#node.kind} shows ${size} of ${this.#keys} keys with ${first}`;
    } else if (first === null) {
      this.seen.empty++;
      if (this.#keeps && this.#last !== '') this.wrong = `${this.#node.kind} is empty after ${this.#last}`;
    } else {
      this.seen.whole++;
      if (first < this.#last) this.seen.older++;
      this.#last = first;
    }
  }
}
