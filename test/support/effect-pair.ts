/**
 * The stream of effects of both: what redis-server writes to its append-only file, and what an engine without a
 * process tells a sink, for the same lines of the same clients.
 *
 *     const pair = await EffectPair.start();
 *     await pair.compare('A SET k v EX 10', 'B BLPOP l 0', 'A MULTI | RPUSH l a | EXEC', 'wait 20');
 *
 * Words are separated by blanks; `""` is the empty one, `\xNN` a byte. Texts near the present time, in ms, may differ
 * by what the commands take to arrive.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EffectSink, TO_AOF } from '../../src/engine/effects/propagation.ts';
import { type InProcess, type InProcessClient, inProcess } from './in-process.ts';
import { type Arg, encodeCommand, type RawClient } from './raw-client.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { sleep } from './wait-for.ts';

const TIME_TOLERANCE_MS = 2000;
/** Numbers above this that are nearly the same are times. */
const TIMES_FROM = 1e12;

/** Keeps what it is given. */
export class CollectingSink implements EffectSink {
  #chunks: Buffer[] = [];

  append(bytes: Uint8Array, off: number, len: number): void {
    this.#chunks.push(Buffer.from(bytes.subarray(off, off + len)));
  }

  take(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return all;
  }
}

/** The commands in a stream, as words of latin1; throws where it is not exactly as commands are written. */
export function commandsIn(stream: Buffer): string[][] {
  const commands: string[][] = [];
  let at = 0;
  const number = (mark: string): number => {
    const end = stream.indexOf('\r\n', at);
    const text = stream.toString('latin1', at, end);
    assert.match(text, mark === '*' ? /^\*[1-9]\d*$/ : /^\$(0|[1-9]\d*)$/, `at ${at}`);
    at = end + 2;
    return Number(text.slice(1));
  };
  while (at < stream.length) {
    const words: string[] = [];
    for (let left = number('*'); left > 0; left--) {
      const length = number('$');
      words.push(stream.toString('latin1', at, at + length));
      at += length + 2;
      assert.equal(stream.toString('latin1', at - 2, at), '\r\n');
    }
    commands.push(words);
  }
  return commands;
}

export function showEffects(commands: readonly (readonly string[])[]): string {
  return commands.map((words) => words.map((word) => show(word)).join(' ')).join('\n');
}

function show(word: string): string {
  if (/^[!-~]+$/.test(word) && !/["\\]/.test(word)) return word;
  return JSON.stringify(word).replace(/\\u00/g, '\\x');
}

/** Null where they agree. */
export function differenceOf(
  ours: readonly (readonly string[])[],
  oracle: readonly (readonly string[])[],
  alike: (a: string, b: string) => boolean = sameOrNow,
): string | null {
  const length = Math.max(ours.length, oracle.length);
  for (let i = 0; i < length; i++) {
    const a = ours[i];
    const b = oracle[i];
    if (a !== undefined && b !== undefined && a.length === b.length && a.every((w, k) => alike(w, b[k]!)))
      continue;
    return `effect ${i}:\n  ours:   ${a && showEffects([a])}\n  oracle: ${b && showEffects([b])}`;
  }
  return null;
}

function sameOrNow(a: string, b: string): boolean {
  if (a === b) return true;
  const x = /^(\d{13})(-\d+)?$/.exec(a);
  const y = /^(\d{13})(-\d+)?$/.exec(b);
  if (x === null || y === null || x[2] !== y[2]) return false;
  return Number(x[1]) > TIMES_FROM && Math.abs(Number(x[1]) - Number(y[1])) < TIME_TOLERANCE_MS;
}

/** A line's commands. */
export function wordsOf(text: string): Buffer[] {
  return text
    .trim()
    .split(/ +/)
    .map((word) =>
      word === '""'
        ? Buffer.alloc(0)
        : Buffer.from(
            word.replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
            'latin1',
          ),
    );
}

/** An engine without a process whose effects are kept; its clock stands still but for `wait`. */
export class EffectRecorder {
  readonly redis: InProcess;
  readonly sink = new CollectingSink();
  readonly #clients = new Map<string, InProcessClient>();

  constructor(directives: Readonly<Record<string, string>> = {}, target = TO_AOF) {
    this.redis = inProcess({ 'enable-debug-command': 'yes', ...directives });
    this.redis.engine.debug.activeExpire = false;
    this.redis.engine.propagation.attach(this.sink, target);
  }

  /** Runs lines; commands of a line go one by one. */
  run(...lines: readonly string[]): void {
    for (const line of lines) {
      const [name, ...rest] = line.trim().split(' ');
      if (name === 'wait') this.redis.clock.advance(Number(rest[0]));
      else for (const text of rest.join(' ').split('|')) this.client(name!).raw(...wordsOf(text));
    }
  }

  client(name: string): InProcessClient {
    const client = this.#clients.get(name) ?? this.redis.connect();
    this.#clients.set(name, client);
    return client;
  }

  take(): string[][] {
    return commandsIn(this.sink.take());
  }
}

export class EffectPair {
  readonly oracle: ServerProcess;
  readonly ours: InProcess;
  readonly sink = new CollectingSink();
  readonly #oracleClients = new Map<string, RawClient>();
  readonly #ourClients = new Map<string, InProcessClient>();
  #read = 0;

  static async start(
    oracle: string,
    directives: Readonly<Record<string, string>> = {},
    target = TO_AOF,
  ): Promise<EffectPair> {
    const both = { 'enable-debug-command': 'yes', ...directives };
    const server = await startServer({
      command: [oracle],
      directives: { ...both, appendonly: 'yes', appendfsync: 'no', 'auto-aof-rewrite-percentage': 0 },
    });
    return new EffectPair(server, inProcess(both), target);
  }

  constructor(oracle: ServerProcess, ours: InProcess, target: number) {
    this.oracle = oracle;
    this.ours = ours;
    ours.clock.jumpWallTo(Date.now());
    this.#sync();
    ours.engine.propagation.attach(this.sink, target);
  }

  /** The wall clock of ours is the oracle's. */
  #sync(): void {
    this.ours.clock.jumpWallTo(Date.now());
    this.ours.engine.syncClock();
  }

  async stop(): Promise<void> {
    for (const client of this.#oracleClients.values()) client.socket.destroy();
    await this.oracle.stop();
  }

  /** Empties both and forgets what was told; the next effect comes with its database. Nothing expires by itself. */
  async reset(): Promise<void> {
    for (const client of this.#oracleClients.values()) client.socket.destroy();
    for (const client of this.#ourClients.values()) client.close();
    this.#oracleClients.clear();
    this.#ourClients.clear();
    await this.run(
      'reset DEBUG SET-ACTIVE-EXPIRE 0',
      'reset FLUSHALL',
      'reset SELECT 15',
      'reset SET leave here',
      'reset FLUSHALL',
    );
    this.#oracleClients.get('reset')!.socket.destroy();
    this.#oracleClients.delete('reset');
    this.#ourClients.get('reset')!.close();
    this.#ourClients.delete('reset');
    this.take();
  }

  /** What both have told since it was last asked. */
  take(): { ours: string[][]; oracle: string[][] } {
    return { ours: commandsIn(this.sink.take()), oracle: commandsIn(this.#oracleBytes()) };
  }

  #oracleBytes(): Buffer {
    const folder = join(this.oracle.dir, 'appendonlydir');
    const file = readdirSync(folder).find((name) => name.endsWith('.incr.aof'))!;
    const all = readFileSync(join(folder, file));
    const fresh = all.subarray(this.#read);
    this.#read = all.length;
    return Buffer.from(fresh);
  }

  /** Changes since the last save, as both count them. */
  async dirty(): Promise<{ ours: number; oracle: number }> {
    const info = await (await this.#control()).send('INFO', 'persistence');
    const oracle = /rdb_changes_since_last_save:(\d+)/.exec(info.toString('latin1'))![1];
    return { ours: this.ours.engine.keyspace.dirty, oracle: Number(oracle) };
  }

  /** Runs lines on both; commands of a line go in one write. */
  async run(...lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      const [name, ...rest] = line.trim().split(' ');
      if (name === 'wait') await this.wait(Number(rest[0]));
      else await this.send(name!, rest.join(' ').split('|').map(wordsOf));
    }
  }

  async wait(ms: number): Promise<void> {
    await sleep(ms);
    this.ours.clock.advance(ms);
    this.#sync();
  }

  async send(name: string, commands: readonly (readonly Arg[])[]): Promise<{ ours: Buffer }> {
    let real = this.#oracleClients.get(name);
    let ours = this.#ourClients.get(name);
    if (real === undefined || ours === undefined) {
      real = await this.oracle.connect();
      ours = this.ours.connect();
      this.#oracleClients.set(name, real);
      this.#ourClients.set(name, ours);
    }
    const control = await this.#control();
    real.socket.write(Buffer.concat(commands.map(encodeCommand)));
    real.unsolicited.length = 0;
    // A waiting client answers nothing. It is accepted, read and served after a few round trips of another client.
    for (let i = 0; i < 4; i++) await control.send('PING');
    this.#sync();
    const replies: Buffer[] = [];
    for (const command of commands) replies.push(ours.raw(...command));
    return { ours: Buffer.concat(replies) };
  }

  async #control(): Promise<RawClient> {
    let control = this.#oracleClients.get('');
    if (control === undefined) {
      control = await this.oracle.connect();
      this.#oracleClients.set('', control);
    }
    return control;
  }

  /** Runs lines and compares what was told. Returns the effects as text. */
  async compare(...lines: readonly string[]): Promise<string> {
    await this.reset();
    const before = await this.dirty();
    await this.run(...lines);
    const { ours, oracle } = this.take();
    const after = await this.dirty();
    const grown = [after.ours - before.ours, after.oracle - before.oracle];
    const counted = grown[0] === grown[1] ? null : `changes: ${grown.join(' for ')}`;
    const difference = differenceOf(ours, oracle) ?? counted;
    if (difference !== null) {
      assert.fail(
        `${lines.join('\n')}\n${difference}\nall of ours:\n${showEffects(ours)}\nall of the oracle:\n${showEffects(oracle)}`,
      );
    }
    return showEffects(oracle);
  }
}
