/**
 * A client as a careful application has it: it asks the sentinels where the master is, writes there, and asks again as
 * soon as anything goes wrong. It knows what was acknowledged, when, and by whom.
 */
import { RawClient } from '../../support/raw-client.ts';
import { ErrorReply, type Reply } from '../../support/reply-framer.ts';
import { sleep, waitFor } from '../../support/wait-for.ts';
import { MASTER_NAME } from './group.ts';

export interface Acknowledged {
  readonly key: string;
  /** performance.now() of the reply. */
  readonly atMs: number;
  readonly port: number;
}

export interface WriterOptions {
  readonly sentinelPorts: readonly number[];
  /** Between two writes. */
  readonly pauseMs?: number;
  /** Only what WAIT 1 has confirmed counts. */
  readonly wait?: boolean;
  readonly prefix?: string;
}

/** A master that does not answer in so long is left: shorter than any failover. */
const REPLY_TIMEOUT_MS = 500;
const RETRY_MS = 10;

export class Writer {
  readonly acknowledged: Acknowledged[] = [];
  /** Writes that failed or were refused, by text. */
  readonly failures = new Map<string, number>();
  readonly #options: WriterOptions;
  #client: RawClient | null = null;
  #port = 0;
  #turn = 0;
  #count = 0;
  #isRunning = true;
  readonly #done: Promise<void>;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  get last(): Acknowledged | undefined {
    return this.acknowledged.at(-1);
  }

  /** Resolves to the first write since then that the server on this port (if given) has acknowledged. */
  async nextSince(sinceMs: number, port?: number, timeoutMs = 30_000): Promise<Acknowledged> {
    const isIt = (one: Acknowledged): boolean =>
      one.atMs >= sinceMs && (port === undefined || one.port === port);
    return waitFor(() => this.acknowledged.findLast(isIt) && this.acknowledged.find(isIt), {
      timeoutMs,
      intervalMs: 5,
      what: 'an acknowledged write',
    }).catch((error: Error) => {
      throw new Error(`${error.message}; failures: ${JSON.stringify([...this.failures])}`);
    });
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#done;
    this.#client?.socket.destroy();
  }

  async #run(): Promise<void> {
    const { pauseMs = 5, wait = false, prefix = 'w' } = this.#options;
    while (this.#isRunning) {
      try {
        if (this.#client === null) await this.#findMaster();
        const client = this.#client!;
        const key = `${prefix}:${this.#count++}`;
        const [reply, waited] = await Promise.all([
          client.call('SET', key, key),
          wait ? client.call('WAIT', '1', '300') : 1,
        ]);
        check(reply);
        if (typeof waited !== 'number' || waited < 1) throw new Error(`WAIT: ${String(waited)}`);
        this.acknowledged.push({ key, atMs: performance.now(), port: this.#port });
        if (pauseMs > 0) await sleep(pauseMs);
      } catch (error) {
        const text = (error as Error).message.replace(/\d+/g, 'N');
        this.failures.set(text, (this.failures.get(text) ?? 0) + 1);
        this.#client?.socket.destroy();
        this.#client = null;
        await sleep(RETRY_MS);
      }
    }
  }

  /** As clients do: the sentinels one after the other, and the answer must call itself a master. */
  async #findMaster(): Promise<void> {
    const { sentinelPorts } = this.#options;
    const sentinel = await dial(sentinelPorts[this.#turn++ % sentinelPorts.length]!);
    let port: number;
    try {
      const reply = check(await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME));
      if (!Array.isArray(reply)) throw new Error('no such master');
      port = Number(reply[1]);
    } finally {
      sentinel.socket.destroy();
    }
    const client = await dial(port);
    try {
      const role = check(await client.call('ROLE'));
      if (!Array.isArray(role) || role[0] !== 'master') throw new Error('not a master');
    } catch (error) {
      client.socket.destroy();
      throw error;
    }
    this.#client = client;
    this.#port = port;
  }
}

async function dial(port: number): Promise<RawClient> {
  const client = await RawClient.connect({ port });
  client.timeoutMs = REPLY_TIMEOUT_MS;
  return client;
}

function check(reply: Reply): Reply {
  if (reply instanceof ErrorReply) throw new Error(reply.message);
  return reply;
}
