/**
 * A server that takes part in replication, ours or the real one, which keeps its port and folder when it is killed and
 * started again; what INFO says of it; and when two of them hold the same.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertSameData, fingerprint } from '../../support/fingerprint.ts';
import { findOracle } from '../../support/oracle.ts';
import type { Arg, RawClient } from '../../support/raw-client.ts';
import { ErrorReply, type Reply } from '../../support/reply-framer.ts';
import { type Directives, freePort, type ServerProcess, startServer } from '../../support/server-process.ts';
import { sleep, waitFor } from '../../support/wait-for.ts';

export type Kind = 'ours' | 'real';

export interface Pairing {
  readonly master: Kind;
  readonly replica: Kind;
}

/** All four, or only ours with itself where there is no redis-server. */
export function pairings(): readonly Pairing[] {
  if (findOracle() === null) return [{ master: 'ours', replica: 'ours' }];
  const kinds: readonly Kind[] = ['ours', 'real'];
  // `REPLICATION_KINDS=real,real` (master, replica) checks the tests themselves.
  const only = process.env.REPLICATION_KINDS?.split(',') as Kind[] | undefined;
  if (only) return [{ master: only[0]!, replica: only[1]! }];
  return kinds.flatMap((master) => kinds.map((replica) => ({ master, replica })));
}

export function namePairing({ master, replica }: Pairing): string {
  return `${master} master, ${replica} replica`;
}

/** What is fast in tests: nobody waits for more replicas before a diskless sync. */
const DEFAULTS: Directives = {
  'enable-debug-command': 'yes',
  'repl-diskless-sync-delay': 0,
  'repl-backlog-size': '4mb',
};

export class Node {
  readonly kind: Kind;
  readonly port: number;
  readonly dir: string;
  #directives: Directives;
  #server: ServerProcess | null = null;
  #client: RawClient | null = null;

  static async start(kind: Kind, directives: Directives = {}): Promise<Node> {
    for (let attempt = 1; ; attempt++) {
      const node = new Node(kind, await freePort(), { ...DEFAULTS, ...directives });
      try {
        await node.start();
        return node;
      } catch (error) {
        await node.stop();
        // Somebody else took the port between look and use.
        if (attempt === 3) throw error;
      }
    }
  }

  constructor(kind: Kind, port: number, directives: Directives) {
    this.kind = kind;
    this.port = port;
    this.dir = mkdtempSync(join(tmpdir(), 'ts-redis-repl-'));
    this.#directives = directives;
  }

  get server(): ServerProcess {
    return this.#server!;
  }

  get client(): RawClient {
    return this.#client!;
  }

  /** Starts, or starts again over the same files; `directives` are added to those of before. */
  async start(directives: Directives = {}): Promise<void> {
    this.#directives = { ...this.#directives, ...directives };
    this.#server = await startServer({
      dir: this.dir,
      port: this.port,
      directives: this.#directives,
      ...(this.kind === 'ours' ? {} : { command: [findOracle()!] }),
    });
    this.#client = await this.connect();
  }

  async connect(): Promise<RawClient> {
    const client = await this.server.connect();
    client.timeoutMs = 30_000;
    return client;
  }

  call(...args: readonly Arg[]): Promise<Reply> {
    return this.client.call(...args);
  }

  /** Sends a command that must work. */
  async ok(...args: readonly Arg[]): Promise<Reply> {
    const reply = await this.call(...args);
    if (reply instanceof ErrorReply) throw new Error(`${args.join(' ')}: ${reply.message}`);
    return reply;
  }

  /** The fields of a section of INFO. */
  async info(section = 'replication'): Promise<Map<string, string>> {
    return parseInfo(String(await this.ok('INFO', section)));
  }

  /** A field of INFO, as a number. */
  async figure(section: string, name: string): Promise<number> {
    return Number((await this.info(section)).get(name) ?? Number.NaN);
  }

  async offset(): Promise<number> {
    return this.figure('replication', 'master_repl_offset');
  }

  /** `port`: of a node, or of a proxy before it. */
  async follow(port: number): Promise<void> {
    await this.#replicaOf('127.0.0.1', port);
  }

  async promote(): Promise<void> {
    await this.#replicaOf('NO', 'ONE');
  }

  /** It is refused while data is loaded. */
  async #replicaOf(...words: readonly Arg[]): Promise<void> {
    await waitFor(async () => (await this.ok('REPLICAOF', ...words)) !== null, {
      timeoutMs: 30_000,
      intervalMs: 50,
      what: `REPLICAOF ${words.join(' ')}`,
    });
  }

  /** kill -9, and it is gone. */
  async kill(): Promise<void> {
    this.#client?.socket.destroy();
    this.server.kill('SIGKILL');
    await this.server.exited;
  }

  async restart(directives: Directives = {}): Promise<void> {
    await this.start(directives);
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#client?.socket.destroy();
    await this.#server?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && line[0] !== '#') fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** Waits until each follows with its link up. */
export async function waitLinked(replicas: readonly Node[], timeoutMs = 30_000): Promise<void> {
  await waitFor(
    async () => {
      for (const replica of replicas) {
        if (!replica.server.running || replica.client.isClosed) {
          const { running, output } = replica.server;
          throw new Error(`${replica.kind} ${running ? 'has closed' : 'has ended'}: ${output.slice(-1500)}`);
        }
        const info = await replica.info();
        if (info.get('master_link_status') !== 'up') throw new Error([...info].join(' ').slice(0, 400));
      }
      return true;
    },
    { timeoutMs, intervalMs: 25, what: 'the link to be up' },
  );
}

/** Waits until all that `master` has told is with its followers. Nobody writes meanwhile. Returns the offset. */
export async function waitInSync(
  master: Node,
  replicas: readonly Node[],
  timeoutMs = 30_000,
): Promise<number> {
  await waitLinked(replicas, timeoutMs);
  let at = 0;
  await waitFor(
    async () => {
      at = await master.offset();
      for (const replica of replicas) {
        const info = await replica.info();
        const own = Number(info.get('master_repl_offset'));
        const read = Number(info.get('slave_repl_offset'));
        if (own !== at || read !== at) throw new Error(`offset ${own} (read: ${read}) instead of ${at}`);
      }
      return true;
    },
    { timeoutMs, intervalMs: 25, what: 'offsets to be equal' },
  );
  return at;
}

/** Keys that random writes let expire are gone after this long. */
const SETTLED_MS = 8000;
/** Where a look takes as long as that, there must be a few nevertheless. */
const LOOKS_MIN = 4;

/**
 * Waits until the replicas have everything and asserts that they hold what the master holds. Expiry by time may come
 * between two looks, so what differs is looked at again until nothing can expire any more.
 */
export async function assertConverged(
  master: Node,
  replicas: readonly Node[],
  what = 'data',
  timeoutMs = 30_000,
): Promise<void> {
  await waitInSync(master, replicas, timeoutMs);
  const deadline = performance.now() + SETTLED_MS;
  for (let looks = 1; ; looks++) {
    try {
      for (const replica of replicas) await assertSameNodes(master, replica, what);
      return;
    } catch (error) {
      if (performance.now() > deadline && looks >= LOOKS_MIN) throw error;
      await sleep(200);
    }
  }
}

/** Encodings tell how a value came to be, and consumers when they were seen: neither is told to replicas. */
async function assertSameNodes(master: Node, replica: Node, what: string): Promise<void> {
  const options = { seenTimes: false, streamForms: false, encodingsExcept: /(?:)/ };
  const expected = await fingerprint(master.client, options);
  const actual = await fingerprint(replica.client, options);
  const wrong = [...expected.keys].find(([key, words]) => (actual.keys.get(key) ?? words) !== words)?.[0];
  if (wrong !== undefined) {
    const values = [await showValue(master, wrong), await showValue(replica, wrong)];
    what += ` (${JSON.stringify(wrong)}: master ${values[0]}, replica ${values[1]})`;
  }
  if (wrong === undefined && actual.digest !== expected.digest) {
    // Keys whose time is up are in the digest, and nowhere else but in the count.
    const counts = [await master.info('keyspace'), await replica.info('keyspace')];
    what += ` (master ${JSON.stringify([...counts[0]!])}, replica ${JSON.stringify([...counts[1]!])})`;
  }
  assertSameData(actual, expected, `${what}: ${replica.kind} replica of ${master.kind} master`);
}

const READERS: Readonly<Record<string, (key: Buffer) => Arg[]>> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  hash: (key) => ['HGETALL', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XINFO', 'STREAM', key, 'FULL'],
};

/** What a `db/key` holds, as text. The client ends in database 0. */
async function showValue(node: Node, name: string): Promise<string> {
  const slash = name.indexOf('/');
  const key = Buffer.from(name.slice(slash + 1), 'latin1');
  await node.ok('SELECT', name.slice(0, slash));
  const reader = READERS[String(await node.call('TYPE', key))];
  const value = reader === undefined ? 'gone' : (await node.client.send(...reader(key))).toString('latin1');
  await node.ok('SELECT', '0');
  return JSON.stringify(value.slice(0, 1500));
}

/** The counters of INFO stats that tell how replicas came. */
export async function syncs(master: Node): Promise<{ full: number; partial: number; refused: number }> {
  const stats = await master.info('stats');
  return {
    full: Number(stats.get('sync_full')),
    partial: Number(stats.get('sync_partial_ok')),
    refused: Number(stats.get('sync_partial_err')),
  };
}

/** Runs `body` with nodes and closes whatever it opened, however it ends. */
export async function withNodes(
  body: (
    open: <T extends { stop(): Promise<void> } | { close(): Promise<void> }>(what: T) => T,
  ) => Promise<void>,
): Promise<void> {
  const opened: ({ stop(): Promise<void> } | { close(): Promise<void> })[] = [];
  try {
    await body((what) => {
      opened.push(what);
      return what;
    });
  } finally {
    await Promise.all(opened.map((one) => ('stop' in one ? one.stop() : one.close())));
  }
}

/** Nothing in the log that means that a server went wrong. */
export function assertCleanLog(node: Node): void {
  const bad = node.server.output
    .split('\n')
    .filter((line) => /CRITICAL|BUG REPORT|Unhandled|at .*\.ts:\d+/.test(line));
  assert.deepEqual(bad.slice(0, 10), [], `the log of ${node.kind} on ${node.port}`);
}
