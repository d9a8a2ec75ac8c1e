/**
 * Rounds of writing, kill -9 and looking, over one data folder that grows old with them.
 *
 *     start ──► load: writers, a counter pair, a queue; BGSAVE, BGREWRITEAOF, appendonly off and on by chance
 *       ▲         │
 *       │       kill -9 at a random moment, or right when a manifest is switched, or a polite end
 *       │         │
 *     judge ◄── start again; sometimes that start is killed, too, before the one that counts
 *
 * What must be there after the start ("the floor") depends on the policy:
 *
 * - `always`: every answered step.
 * - `everysec`: every step answered 2 s before the kill: what is promised for the machine. (A kill of the process only
 *   costs what was answered while a sync was running; nobody here knows when one was.)
 * - `rdb`: no AOF; what was answered when the last BGSAVE that came to its end was called.
 *
 * From CONFIG SET appendonly no until the rewrite that appendonly yes starts is done, nothing more is promised;
 * the state must still be one that was.
 */
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { RawClient } from '../support/raw-client.ts';
import { freePort, ServerProcess } from '../support/server-process.ts';
import { sleep } from '../support/wait-for.ts';
import { copyFolder, type Evidence, judge, keep, type Shared } from './evidence.ts';
import { WriterModel } from './model.ts';
import { type Below, randomStep } from './random-commands.ts';
import { Writer } from './writer.ts';

export type Policy = 'always' | 'everysec' | 'rdb';

export interface CrashOptions {
  readonly command: readonly string[];
  readonly policy: Policy;
  readonly random: Below;
  /** A folder for the data, for copies of it and for what is kept of a failed round. */
  readonly folder: string;
  /** Longest load of a round in ms. */
  readonly longestMs: number;
  readonly log: (line: string) => void;
}

const WRITERS = 6;
const SHARED_DB = 15;

/** How many steps of each writer, of the pair's and the queue's, were answered at some moment. */
interface Marks {
  readonly writers: readonly number[];
  readonly shared: Shared;
}

export class CrashRun {
  readonly #options: CrashOptions;
  readonly #data: string;
  #server: ServerProcess | null = null;
  #models: WriterModel[] = Array.from({ length: WRITERS }, () => new WriterModel());
  #shared: Shared = { pair: 0, queued: 0 };
  /** Sums for the last line. */
  readonly totals = { steps: 0, kills: 0, killedStarts: 0, saves: 0, rewrites: 0, switches: 0, bytes: 0 };

  constructor(options: CrashOptions) {
    this.#options = options;
    this.#data = join(options.folder, 'data');
    mkdirSync(this.#data, { recursive: true });
  }

  async start(): Promise<void> {
    this.#server = await this.#startServer();
  }

  /** One round. Throws what went wrong; the folder then has a `failed-…` with the evidence. */
  async round(number: number): Promise<void> {
    const { random, folder } = this.#options;
    const server = this.#server!;
    const load = new Load(server, this.#options, number, this.#models, this.#shared);
    const ending = await load.run();
    const evidence = load.evidence();
    const atKill = join(folder, 'at-kill');
    copyFolder(this.#data, atKill);
    this.totals.kills++;
    this.totals.steps += evidence.writers.reduce((sum, { log }) => sum + log.length, 0);
    this.totals.saves += load.saves;
    this.totals.rewrites += load.rewrites;
    this.totals.switches += load.switches;
    let started = 0;
    try {
      if (load.wrong !== null) throw new Error(`${load.wrong}\n${server.output.slice(-3000)}`);
      for (let i = random(5); i < 2; i++) await this.#killedStart();
      const starting = performance.now();
      this.#server = await this.#startServer();
      started = performance.now() - starting;
      const client = await this.#server.connect();
      client.timeoutMs = 60_000;
      const { models, shared } = await judge(client, evidence);
      await client.close();
      this.#models = models;
      this.#shared = shared;
    } catch (error) {
      const failed = join(folder, `failed-round-${number}`);
      keep(failed, atKill, evidence, error, `${server.output}\n--- restarted\n${this.#server?.output ?? ''}`);
      await this.stop();
      throw error;
    }
    const steps = evidence.writers.reduce((sum, { log }) => sum + log.length, 0);
    this.#options.log(
      `round ${number}: ${steps} steps, ${ending}; started again in ${started.toFixed(0)} ms, ${keyCount(this.#models)} keys`,
    );
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  async #killedStart(): Promise<void> {
    const server = new ServerProcess(this.#serverOptions(), await freePort());
    await sleep(this.#options.random(700));
    // A start that is refused ends by itself: that is a failure that the next start will show.
    server.kill('SIGKILL');
    await server.exited;
    this.totals.killedStarts++;
  }

  async #startServer(): Promise<ServerProcess> {
    const server = new ServerProcess(this.#serverOptions(), await freePort());
    try {
      await server.waitReady();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  #serverOptions() {
    const { command, policy, random } = this.#options;
    return {
      command,
      dir: this.#data,
      readyTimeoutMs: 60_000,
      directives: {
        appendonly: policy === 'rdb' ? 'no' : 'yes',
        appendfsync: policy === 'rdb' ? 'no' : policy,
        save: random(2) === 0 ? '' : '1 200',
        'aof-use-rdb-preamble': random(4) === 0 ? 'no' : 'yes',
        'aof-timestamp-enabled': random(3) === 0 ? 'yes' : 'no',
        'auto-aof-rewrite-percentage': 20 + random(100),
        'auto-aof-rewrite-min-size': '200kb',
        'rdb-key-save-delay': [0, 0, 200, 1000][random(4)]!,
        'key-load-delay': [0, 0, 0, 20][random(4)]!,
        'list-max-listpack-size': [-2, 16][random(2)]!,
        'enable-debug-command': 'yes',
      },
    };
  }
}

/** The load of one round, up to the end of the server. */
class Load {
  readonly #server: ServerProcess;
  readonly #options: CrashOptions;
  readonly #number: number;
  readonly #models: readonly WriterModel[];
  readonly #base: Shared;
  readonly #writers: Writer[] = [];
  readonly #pairs: Writer[] = [];
  #producer: Writer | null = null;
  #consumer: Writer | null = null;
  /** What is promised, as of CONFIG SET appendonly no; null while appending. */
  #frozen: Marks | null = null;
  /** What a base file or a snapshot is known to hold. */
  #confirmed: Marks | null = null;
  #killedAt = 0;
  #polite = false;
  #over = false;
  saves = 0;
  rewrites = 0;
  switches = 0;
  /** What should not have happened, in words. */
  wrong: string | null = null;

  constructor(
    server: ServerProcess,
    options: CrashOptions,
    number: number,
    models: readonly WriterModel[],
    base: Shared,
  ) {
    this.#number = number;
    this.#server = server;
    this.#options = options;
    this.#models = models;
    this.#base = base;
  }

  /** Resolves to how it ended, in words. */
  async run(): Promise<string> {
    const { random, longestMs } = this.#options;
    const control = await this.#server.connect();
    await control.send('SELECT', SHARED_DB);
    await control.send('LTRIM', 'done', '-1', '-1');
    this.#startWriters();
    const controlling = this.#control(control).catch((error: unknown) => {
      if (!this.#over) this.wrong ??= `the controlling client: ${String(error)}`;
    });
    await sleep(200 + random(longestMs - 200));
    const ending = await this.#end(control);
    this.#over = true;
    await this.#server.exited;
    const all = [...this.#writers, ...this.#pairs, this.#producer!, this.#consumer!];
    await Promise.all(all.map((writer) => writer.closed));
    await controlling;
    for (const writer of all) this.wrong ??= writer.wrong && `a reply was: ${writer.wrong}`;
    return ending;
  }

  #startWriters(): void {
    const { random } = this.#options;
    const { port } = this.#server;
    for (let i = 0; i < WRITERS; i++) {
      const dbs = writerDbs(i);
      // Sequence numbers go up over the rounds: stream ids and the members made of them must be new.
      const first = this.#number * 1_000_000;
      const next = (sequence: number) => randomStep(random, first + sequence, dbs, Date.now());
      this.#writers.push(new Writer(port, dbs, 1 + random(8), next));
    }
    const shared = [SHARED_DB, SHARED_DB] as const;
    const pair = {
      db: 0,
      commands: [
        ['INCR', 'pair:a'],
        ['INCR', 'pair:b'],
      ],
    };
    for (let i = 0; i < 2; i++) this.#pairs.push(new Writer(port, shared, 2, () => pair));
    const { queued } = this.#base;
    this.#producer = new Writer(port, shared, 1 + random(3), (sequence) => ({
      db: 0,
      commands: [['RPUSH', 'queue', String(queued + sequence + 1)]],
    }));
    const move = { db: 0, commands: [['BLMOVE', 'queue', 'done', 'LEFT', 'RIGHT', '0']] };
    this.#consumer = new Writer(port, shared, 1, () => move);
  }

  /** Files are saved and rewritten, the AOF turned off and on, until the end. */
  async #control(control: RawClient): Promise<void> {
    const { random, policy } = this.#options;
    let saving: Marks | null = null;
    while (!this.#over) {
      await sleep(20 + random(150));
      const asked = this.#marks();
      const info = (await control.send('INFO', 'persistence')).toString('latin1');
      const has = (field: string): boolean => info.includes(`\r\n${field}\r\n`);
      if (saving && has('rdb_bgsave_in_progress:0')) {
        if (policy === 'rdb' && has('rdb_last_bgsave_status:ok')) this.#confirmed = saving;
        saving = null;
      }
      const rewritten =
        has('aof_enabled:1') &&
        has('aof_rewrite_in_progress:0') &&
        has('aof_rewrite_scheduled:0') &&
        has('aof_last_bgrewrite_status:ok');
      if (this.#frozen && rewritten) {
        this.#confirmed = asked;
        this.#frozen = null;
      }
      const lot = random(policy === 'rdb' ? 6 : 12);
      if (lot < 3) {
        const marks = this.#marks();
        const reply = (await control.send('BGSAVE')).toString('latin1');
        if (reply.startsWith('+Background saving started')) {
          this.saves++;
          saving = marks;
        }
      } else if (lot < 5) {
        if ((await control.send('BGREWRITEAOF')).toString('latin1').startsWith('+')) this.rewrites++;
      } else if (lot === 6 && has('aof_enabled:1')) {
        this.#frozen ??= this.#marks();
        await this.#set(control, 'appendonly', 'no');
        this.switches++;
      } else if (lot < 10 && policy !== 'rdb' && has('aof_enabled:0')) {
        await this.#set(control, 'appendonly', 'yes');
        // The rewrite is looked at from the next INFO on.
      } else if (lot === 10) {
        await this.#set(control, 'aof-use-rdb-preamble', random(2) === 0 ? 'yes' : 'no');
      }
    }
  }

  async #set(control: RawClient, name: string, value: string): Promise<void> {
    const reply = (await control.send('CONFIG', 'SET', name, value)).toString('latin1');
    if (reply !== '+OK\r\n') this.wrong ??= `CONFIG SET ${name} ${value} gave ${reply}`;
  }

  async #end(control: RawClient): Promise<string> {
    const { random, policy } = this.#options;
    const server = this.#server;
    if (!server.running) {
      this.wrong = `the server ended by itself: ${String(await server.exited)}`;
      return this.wrong;
    }
    const lot = random(10);
    if (lot === 0) {
      this.#polite = true;
      this.#over = true;
      if (policy === 'rdb') control.sendNoReply('SHUTDOWN', 'SAVE');
      else server.kill('SIGTERM');
      // "Writing initial AOF, can't exit": as Redis, it is to be asked again then.
      const again = setInterval(() => server.kill('SIGTERM'), 300);
      const code = await server.exited;
      clearInterval(again);
      if (code !== 0) this.wrong = `a polite end gave ${String(code)}`;
      return 'ended politely';
    }
    let how = 'killed';
    if (lot < 5 && policy !== 'rdb') {
      control.send('BGREWRITEAOF').catch(() => {});
      if (await this.#manifestChange()) how = 'killed at a change of the manifest';
      await busyWait(random(3000));
    } else if (lot < 7 && policy === 'rdb') {
      await this.#fileChange(join(server.dir), /rdb$/);
      how = 'killed when a dump file changed';
    }
    this.#killedAt = Date.now();
    this.#atKill = this.#marks();
    server.kill('SIGKILL');
    return how;
  }

  #atKill: Marks | null = null;

  #manifestChange(): Promise<boolean> {
    return this.#fileChange(join(this.#server.dir, 'appendonlydir'), /manifest|incr|base/);
  }

  /** Resolves when a file of that name changes in the folder, or after a while without. */
  #fileChange(folder: string, name: RegExp): Promise<boolean> {
    return new Promise((resolve) => {
      let watcher: FSWatcher | null = null;
      const timer = setTimeout(() => done(false), 1500);
      const done = (seen: boolean): void => {
        clearTimeout(timer);
        watcher?.close();
        resolve(seen);
      };
      try {
        let skip = this.#options.random(4);
        watcher = watch(folder, (event, file) => {
          if (event === 'rename' && name.test(file ?? '') && skip-- === 0) done(true);
        });
      } catch {
        done(false);
      }
    });
  }

  #marks(): Marks {
    return {
      writers: this.#writers.map(({ answered }) => answered),
      shared: {
        pair: this.#base.pair + this.#pairs.reduce((sum, { answered }) => sum + answered, 0),
        queued: this.#base.queued + this.#producer!.answered,
      },
    };
  }

  /** What must be there. */
  #floor(): Marks {
    if (this.#polite && !this.#frozen) return this.#marks();
    if (this.#options.policy === 'rdb') return this.#confirmed ?? this.#nothing();
    if (this.#frozen) return this.#frozen;
    if (this.#options.policy === 'always') return this.#atKill!;
    const before = (writer: Writer): number => {
      const first = writer.log.findIndex(
        ({ answeredAt }) => answeredAt === 0 || answeredAt > this.#killedAt - 2000,
      );
      return first < 0 ? writer.log.length : first;
    };
    const confirmed = this.#confirmed ?? this.#nothing();
    const pair = this.#base.pair + this.#pairs.reduce((sum, writer) => sum + before(writer), 0);
    const queued = this.#base.queued + before(this.#producer!);
    return {
      writers: this.#writers.map((writer, i) => Math.max(confirmed.writers[i]!, before(writer))),
      shared: {
        pair: Math.max(confirmed.shared.pair, pair),
        queued: Math.max(confirmed.shared.queued, queued),
      },
    };
  }

  #nothing(): Marks {
    return { writers: this.#writers.map(() => 0), shared: this.#base };
  }

  evidence(): Evidence {
    const floor = this.#floor();
    return {
      policy: this.#options.policy,
      writers: this.#writers.map(({ log }, i) => ({
        dbs: writerDbs(i),
        base: this.#models[i]!,
        log,
        floor: floor.writers[i]!,
      })),
      sharedDb: SHARED_DB,
      shared: this.#base,

      sharedFloor: floor.shared,
      sharedSent: {
        pair: this.#base.pair + this.#pairs.reduce((sum, { log }) => sum + log.length, 0),
        queued: this.#base.queued + this.#producer!.log.length,
      },
    };
  }
}

function keyCount(models: readonly WriterModel[]): number {
  return models.reduce((sum, { databases }) => sum + databases[0].size + databases[1].size, 0);
}

function writerDbs(i: number): [number, number] {
  return [2 * i, 2 * i + 1];
}

/** Microseconds, without the timer's coarseness; bounded by a few milliseconds. */
async function busyWait(microseconds: number): Promise<void> {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}
