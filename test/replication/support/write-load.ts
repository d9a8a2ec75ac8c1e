/**
 * Writes of every type, at random and again from their seed, blindly: by several clients, who wait in BLPOP, run
 * transactions, let keys expire, rename, flush, swap databases, restore payloads. What comes of it is for the servers
 * to agree about.
 */
import fc from 'fast-check';
import { randomStep } from '../../crash/random-commands.ts';
import { seededRandom } from '../../soak/soak.ts';
import { steps } from '../../support/effect-sequences.ts';
import { type Arg, encodeCommand, RawClient } from '../../support/raw-client.ts';
import { sleep } from '../../support/wait-for.ts';

const CLIENTS = 3;
const BATCH = 40;

export interface LoadOptions {
  readonly port: number;
  readonly seed: number;
  /** Pause between two batches of commands. */
  readonly pauseMs?: number;
}

type Below = (below: number) => number;

/** What the two sources of commands leave out. Words are latin1. */
const EXTRA: readonly ((below: Below, other: string) => readonly string[])[] = [
  (below) => ['GEOADD', 'geo', String(below(180)), String(below(80)), `place${below(50)}`],
  (below) => [
    'GEOSEARCHSTORE',
    'geo:near',
    'geo',
    'FROMLONLAT',
    '15',
    '37',
    'BYRADIUS',
    String(below(9000)),
    'km',
  ],
  (below) => ['PFADD', `hll${below(3)}`, String(below(100_000)), String(below(100_000))],
  (below) => ['PFMERGE', `hll${below(3)}`, `hll${below(3)}`, `hll${below(3)}`],
  (below) => ['BITFIELD', 'bits', 'INCRBY', `u${1 + below(32)}`, String(below(900)), String(below(1000))],
  (below) => ['BITFIELD', 'bits', 'OVERFLOW', 'SAT', 'SET', 'i9', String(below(900)), String(below(1000))],
  (below) => ['BITOP', ['AND', 'OR', 'XOR'][below(3)]!, 'bits:of', 'bits', 'bits:2'],
  (below) => ['SETBIT', 'bits:2', String(below(5000)), String(below(2))],
  (below) => ['SADD', 'many', ...Array.from({ length: 40 }, () => String(below(100_000)))],
  (below) => ['SPOP', 'many', String(below(60))],
  () => ['SPOP', 'many'],
  (below) => ['SET', `brief${below(20)}`, 'v', 'PX', String(1 + below(400))],
  (below) => ['GETEX', `brief${below(20)}`, 'PX', String(1 + below(400))],
  (below) => ['EXPIRE', `brief${below(20)}`, String(below(2))],
  (below) => ['HSET', 'wide', `f${below(2000)}`, 'x'.repeat(below(300))],
  (below) => ['XADD', 'log', 'MAXLEN', '~', '200', '*', 'n', String(below(1000))],
  () => ['XGROUP', 'CREATE', 'log', 'readers', '$', 'MKSTREAM'],
  (below) => ['XREADGROUP', 'GROUP', 'readers', `c${below(3)}`, 'COUNT', '5', 'STREAMS', 'log', '>'],
  (below) => ['XAUTOCLAIM', 'log', 'readers', `c${below(3)}`, '0', '0', 'COUNT', '3'],
  (below) => ['RESTORE', `restored${below(5)}`, '0', PAYLOAD, 'REPLACE'],
  (below) => ['SET', `big${below(4)}`, 'b'.repeat(below(60_000))],
  (below) => ['APPEND', `big${below(4)}`, 'c'.repeat(below(3000))],
  (_, other) => ['COPY', 'wide', 'wide', 'DB', other, 'REPLACE'],
  (below) => ['BLMPOP', '0.05', '2', 'l0', 'l1', 'LEFT', 'COUNT', String(1 + below(3))],
  (below) => ['PUBLISH', 'news', String(below(100))],
];

/** Stands for the payload that the server itself made. */
const PAYLOAD = 'payload';

/** Streams of commands without end, a list for each client. */
class Commands {
  readonly #below: Below;
  readonly #seed: number;
  #sequence = 0;
  #round = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#below = seededRandom(seed);
  }

  /** What each client sends next. */
  next(restorePayload: Buffer | null): Buffer[][] {
    const lists: Buffer[][] = Array.from({ length: CLIENTS }, () => []);
    const add = (client: number, words: readonly Arg[]): void => {
      const bytes = words.map((word) => (typeof word === 'string' ? Buffer.from(word, 'latin1') : word));
      lists[client]!.push(encodeCommand(bytes));
    };
    // Of the first kind: what fits the data, so that most of it changes something.
    for (let i = 0; i < BATCH; i++) {
      const dbs = [0, 1] as const;
      const { db, commands } = randomStep(this.#below, ++this.#sequence, dbs, Date.now());
      const client = this.#below(CLIENTS);
      add(client, ['SELECT', String(db)]);
      if (commands.length > 1) add(client, ['MULTI']);
      for (const words of commands) add(client, words);
      if (commands.length > 1) add(client, ['EXEC']);
    }
    for (let i = 0; i < BATCH / 2; i++) {
      const words = EXTRA[this.#below(EXTRA.length)]!(this.#below, String(this.#below(3)));
      const payload = words[0] === 'RESTORE' ? restorePayload : undefined;
      if (payload !== null)
        add(
          this.#below(CLIENTS),
          words.map((word) => (word === PAYLOAD ? payload! : word)),
        );
    }
    // Of the second: every command with every option, whether it fits or not. Once in a while: flushing is in it.
    if (this.#round++ % 4 === 0) {
      const [sequence] = fc.sample(steps(60, 60), { numRuns: 1, seed: this.#seed + this.#round });
      for (const { client, words } of sequence!) {
        if (words.length > 0 && !/^FLUSH/i.test(words[0]!) && !isUnspecified(words)) add(client, words);
      }
      for (let i = 0; i < CLIENTS; i++) {
        add(i, ['DISCARD']);
        add(i, ['CONFIG', 'SET', 'maxmemory', '0']);
      }
    }
    return lists;
  }
}

/** A range by member of elements whose scores differ is what the encoding makes of it: replicas may not agree. */
function isUnspecified(words: readonly string[]): boolean {
  if (/^zremrangebylex$/i.test(words[0]!)) return true;
  // So is the order of what a pattern finds nothing for.
  if (/^sort$/i.test(words[0]!)) return words.some((word) => /^by$/i.test(word));
  // Small sorted sets have no -0, which comes of weights: a replica's may be small where its master's is not.
  if (/^z(union|inter)store$/i.test(words[0]!)) return words.some((word) => /^weights$/i.test(word));
  if (/^z(add|incrby)$/i.test(words[0]!)) return words.some((word) => /^-0+(\.0*)?$/.test(word));
  return /^zrangestore$/i.test(words[0]!) && words.some((word) => /^bylex$/i.test(word));
}

export class WriteLoad {
  readonly seed: number;
  /** Commands sent. */
  sent = 0;
  readonly #options: LoadOptions;
  readonly #commands: Commands;
  #running: Promise<void> | null = null;
  #stopping = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.#commands = new Commands(options.seed);
  }

  /** Sends `batches` (about 120 commands each) and has them all answered, but what waits for something. */
  async run(batches: number): Promise<void> {
    const { port, pauseMs = 0 } = this.#options;
    const control = await RawClient.connect({ port });
    const clients: RawClient[] = [];
    try {
      for (let i = 0; i < CLIENTS; i++) clients.push(await silent(port));
      const payload = await restorable(control);
      for (let i = 0; i < batches && !this.#stopping; i++) {
        const lists = this.#commands.next(payload);
        for (let j = 0; j < CLIENTS; j++) {
          // One that waits for ever is of no more use.
          if (i % 8 === 7 || clients[j]!.isClosed) {
            clients[j]!.socket.destroy();
            clients[j] = await silent(port);
          }
          clients[j]!.write(Buffer.concat(lists[j]!));
          this.sent += lists[j]!.length;
        }
        // Accepted, read and served after a few round trips of another client.
        for (let j = 0; j < 4; j++) await control.send('PING');
        for (const client of clients) client.unsolicited.length = 0;
        if (pauseMs > 0) await sleep(pauseMs);
      }
      // Who waits with a time limit gets its end.
      await sleep(150);
    } finally {
      for (const client of clients) client.socket.destroy();
      control.socket.destroy();
    }
  }

  /** Writes until stop(), beginning anew when the server goes away and comes back. */
  begin(): void {
    this.#stopping = false;
    this.#running = (async () => {
      while (!this.#stopping) {
        try {
          await this.run(8);
        } catch {
          await sleep(50);
        }
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#running = null;
    this.#stopping = false;
  }
}

async function silent(port: number): Promise<RawClient> {
  const client = await RawClient.connect({ port });
  client.socket.on('data', () => {
    client.unsolicited.length = 0;
    client.pushes.length = 0;
  });
  return client;
}

/** A payload for RESTORE; null if the server has no memory for it just now. */
async function restorable(control: RawClient): Promise<Buffer | null> {
  await control.send('SET', 'dumped', 'some text, some text, some text');
  const raw = await control.send('DUMP', 'dumped');
  const start = raw.indexOf('\r\n') + 2;
  return raw[0] === 0x24 && raw.length > start ? raw.subarray(start, raw.length - 2) : null;
}
