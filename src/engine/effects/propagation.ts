/**
 * The stream of effects: what the append-only file and replicas are told, each change once.
 *
 * A command that changes something is passed on as it came, unless its handler has said what stands for it
 * (`instead`: SET with PXAT for SET with EX, SREM for SPOP) or that nothing does (`nothing`). Keys that go by
 * themselves are told as DEL or UNLINK.
 *
 * Units. What belongs together (EXEC, a script, a command with several effects, a key that had expired and the command
 * that found out) is one unit: wrapped in MULTI and EXEC if it is more than one command, whoever they are for.
 * Commands wait in an EffectBuffer until the unit is over; a command that is a unit by itself, the usual case, goes to
 * the sinks straight from the buffer it was read into.
 *
 *     run → handler → [instead, also, removed …]* → the command itself, unless told otherwise → unit over → sinks
 *
 * Batches. Plain writes that lie one behind the other in the read buffer go to the sinks together, when the batch is
 * over or something else is told or run: a copy of a thousand bytes costs little more than one of a hundred. What may
 * wait for that are only BATCHED commands, so whoever looks at the stream or begins a new one finds it whole.
 *
 * SELECT stands where the database of a sink's stream changes: before a command or the MULTI that it is the first of.
 *
 * What makes a command one that has changed something is `keyspace.dirty`, which therefore counts exactly as Redis does.
 *
 * Costs one comparison a command while nobody listens (`active`).
 */
import type { Database } from '../../keyspace/database.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import type { Client } from '../client.ts';
import { BATCHED, RUNS_QUEUE, TOUCHES_ARBITRARY_KEYS } from '../command-spec.ts';
import type { Command } from '../command-table.ts';
import { cameAsWritten, EffectBuffer, type Word } from './effect-buffer.ts';

/** Who takes the stream. The bytes are whole commands in RESP, and only lent. */
export interface EffectSink {
  append(bytes: Uint8Array, off: number, len: number): void;
  /** It has to have a command before the command is answered: none may wait for those that were read with it. */
  readonly immediate?: boolean;
}

/** Who an effect is for, as bits. */
export const TO_AOF = 1;
export const TO_REPLICAS = 2;
export const TO_ALL = TO_AOF | TO_REPLICAS;

interface Listener {
  readonly sink: EffectSink;
  readonly target: number;
  /** Database that the stream is at; -1: unknown. */
  selected: number;
}

const NOTHING = new Uint8Array(0);
const MULTI = Buffer.from('*1\r\n$5\r\nMULTI\r\n');
const EXEC = Buffer.from('*1\r\n$4\r\nEXEC\r\n');

export class Propagation {
  /** Somebody listens. Handlers whose effect takes work to tell look here first. */
  active = false;
  /** Among those who listen is the stream for replicas. */
  feedsReplicas = false;
  readonly #keyspace: Keyspace;
  /** Commands of the unit that is not over yet. */
  readonly #unit = new EffectBuffer();
  #listeners: readonly Listener[] = [];
  /** All that somebody listens for. */
  #targets = 0;
  /** There are commands in the read buffer that the sinks don't have yet: `flush` before the buffer is used again. */
  lends = false;
  #lent: Uint8Array = NOTHING;
  #lentFrom = 0;
  #lentTo = 0;
  #lentDb = 0;
  /** Units that are open, one in the other. */
  #depth = 0;
  /** A handler has said something about how its command is told, or something is told besides it. */
  #special = false;
  /** Of the command that runs: something else stands for it. */
  #replaced = false;
  /** Whom it is kept from, and who gets it even if it has changed nothing. */
  #withheld = 0;
  #forced = 0;
  /** The command that runs may remove keys that have nothing to do with each other. */
  #arbitrary = false;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** Inside a command or a unit, whose effects have not been passed on yet. */
  get isRunning(): boolean {
    return this.#depth !== 0;
  }

  /** Adds a listener for effects of `target` (TO_AOF or TO_REPLICAS). Its stream begins with a SELECT. */
  attach(sink: EffectSink, target: number): void {
    this.#listen([...this.#listeners, { sink, target, selected: -1 }]);
  }

  detach(sink: EffectSink): void {
    this.#listen(this.#listeners.filter((listener) => listener.sink !== sink));
  }

  #listen(listeners: readonly Listener[]): void {
    this.flush();
    this.#listeners = listeners;
    this.#targets = 0;
    for (const { target } of listeners) this.#targets |= target;
    this.active = listeners.length > 0;
    this.feedsReplicas = (this.#targets & TO_REPLICAS) !== 0;
    this.#keyspace.removalsTold = this.active;
    if (!this.active) this.#unit.clear();
  }

  /** Database that a sink's stream is in; -1: it is not known, and the next command comes with it. */
  databaseOf(sink: EffectSink): number {
    return this.#listeners.find((listener) => listener.sink === sink)?.selected ?? -1;
  }

  /** The next command is told with its database, to all or to one: a new file begins, a replica is attached. */
  forceSelect(sink: EffectSink | null = null): void {
    this.flush();
    for (const listener of this.#listeners) {
      if (sink === null || listener.sink === sink) listener.selected = -1;
    }
  }

  /** Runs a command and passes its effects on. Called instead of the handler while `active`. */
  run(client: Client, command: Command, args: Args): void {
    const before = this.#keyspace.dirty;
    if (this.#depth !== 0) {
      this.#runNested(client, command, args);
      return;
    }
    this.#depth = 1;
    if (this.lends && (command.flags & BATCHED) === 0) this.flush();
    try {
      command.run(client, args);
    } finally {
      this.#depth = 0;
      // What nearly every command is: one that has changed nothing, or is told as it came.
      if (!this.#special) {
        if (this.#keyspace.dirty > before && (command.flags & RUNS_QUEUE) === 0) {
          this.#tellAlone(client, args, TO_ALL);
        }
      } else this.#specialOver(client, command, args, before);
    }
  }

  #specialOver(client: Client, command: Command, args: Args, before: number): void {
    this.#arbitrary = (command.flags & TOUCHES_ARBITRARY_KEYS) !== 0;
    const target = this.#targetOf(command, before);
    if (target !== 0) {
      if (this.#unit.count === 0) this.#tellAlone(client, args, target);
      else this.#addCommand(client.db.id, args, target);
    }
    this.#special = false;
    this.#replaced = false;
    this.#withheld = 0;
    this.#forced = 0;
    if (this.#unit.count !== 0) this.#unitOver();
  }

  /** Within EXEC or a script: what belongs to the command around is kept apart. */
  #runNested(client: Client, command: Command, args: Args): void {
    const before = this.#keyspace.dirty;
    const replaced = this.#replaced;
    const withheld = this.#withheld;
    const forced = this.#forced;
    this.#replaced = false;
    this.#withheld = 0;
    this.#forced = 0;
    this.#depth++;
    try {
      command.run(client, args);
    } finally {
      this.#depth--;
      const target = this.#targetOf(command, before);
      if (target !== 0) this.#addCommand(client.db.id, args, target);
      this.#replaced = replaced;
      this.#withheld = withheld;
      this.#forced = forced;
    }
  }

  /** Who gets the command as it came. */
  #targetOf(command: Command, before: number): number {
    if (this.#replaced || (command.flags & RUNS_QUEUE) !== 0) return 0;
    const target = this.#keyspace.dirty > before ? TO_ALL : this.#forced;
    return (target | this.#forced) & ~this.#withheld & this.#targets;
  }

  /** Opens a unit around several commands. */
  begin(): void {
    this.#depth++;
    this.#special = true;
  }

  /** Ends what `begin` has opened. */
  end(): void {
    if (--this.#depth !== 0) return;
    this.#special = false;
    this.#arbitrary = false;
    if (this.#unit.count !== 0) this.#unitOver();
  }

  /** What stands in the stream for the command that runs; called again, one more command. */
  instead(client: Client, ...words: Word[]): void {
    if (!this.active) return;
    const out = this.replace(client, words.length);
    for (const word of words) out.word(word);
  }

  /**
   * The same without a list of words: begins a command of `argc` words that stands for the one that runs, and returns
   * the buffer that takes them. Only while `active`.
   */
  replace(client: Client, argc: number): EffectBuffer {
    this.#special = true;
    this.#replaced = true;
    this.#unit.begin(client.db.id, TO_ALL, argc);
    return this.#unit;
  }

  /** The command that runs has removed the key in argument 1, and that is all: DEL, or UNLINK. */
  insteadRemoval(client: Client, args: Args, lazily: boolean): void {
    if (!this.active) return;
    const out = this.replace(client, 2);
    out.text(lazily ? 'UNLINK' : 'DEL');
    out.argOf(args, 1);
  }

  /** As `replace`, for a command besides the one that runs, which comes before it. Only while `active`. */
  before(db: Database, argc: number, target = TO_ALL): EffectBuffer {
    this.#special = true;
    this.#unit.begin(db.id, target, argc);
    return this.#unit;
  }

  /** The command that runs is not passed on, whatever it has changed. `target`: to whom not. */
  nothing(_client: Client, target = TO_ALL): void {
    if (!this.active) return;
    this.#special = true;
    this.#withheld |= target;
  }

  /** The command that runs is passed on although it has not changed anything (PUBLISH, to replicas). */
  force(_client: Client, target = TO_ALL): void {
    if (!this.active) return;
    this.#special = true;
    this.#forced |= target;
  }

  /**
   * One more command for the stream: before the one that runs; or a unit of its own, for changes that no client's
   * command makes.
   */
  also(db: Database, target: number, ...words: Word[]): void {
    if (!this.active || (target & this.#targets) === 0) return;
    this.#unit.begin(db.id, target, words.length);
    for (const word of words) this.#unit.word(word);
    this.#outside();
  }

  /** A key has gone by itself. */
  removed(db: Database, key: Uint8Array, off: number, len: number, evicted: boolean): void {
    if (!this.active) return;
    const { lazyFree } = this.#keyspace;
    this.#unit.begin(db.id, TO_ALL, 2);
    this.#unit.text((evicted ? lazyFree.eviction : lazyFree.expire) ? 'UNLINK' : 'DEL');
    this.#unit.arg(key, off, len);
    this.#outside();
  }

  /** What is told between commands is a unit by itself. */
  #outside(): void {
    if (this.#depth !== 0) {
      this.#special = true;
      return;
    }
    this.#arbitrary = false;
    this.#unitOver();
  }

  /** A command that is a unit: as it came, if it came in the form in which it is passed on. */
  #tellAlone(client: Client, args: Args, target: number): void {
    const db = client.db.id;
    if (!cameAsWritten(args)) {
      this.#addCommand(db, args, target);
      this.#unitOver();
      return;
    }
    const { buf, start } = args;
    const last = args.count - 1;
    const end = args.off[last]! + args.len[last]! + 2;
    if (this.lends) {
      if (start === this.#lentTo && buf === this.#lent && db === this.#lentDb && target === TO_ALL) {
        this.#lentTo = end;
        return;
      }
      this.flush();
    }
    if (target === TO_ALL && !args.owned && client.engine.current === client && this.#mayWait()) {
      this.lends = true;
      this.#lent = buf;
      this.#lentFrom = start;
      this.#lentTo = end;
      this.#lentDb = db;
    } else this.#append(db, target, buf, start, end - start);
  }

  #mayWait(): boolean {
    const listeners = this.#listeners;
    for (let i = 0; i < listeners.length; i++) if (listeners[i]!.sink.immediate === true) return false;
    return true;
  }

  /** Hands over what waits in the read buffer. */
  flush(): void {
    if (!this.lends) return;
    const lent = this.#lent;
    this.lends = false;
    this.#lent = NOTHING;
    this.#append(this.#lentDb, TO_ALL, lent, this.#lentFrom, this.#lentTo - this.#lentFrom);
  }

  #append(db: number, target: number, buf: Uint8Array, off: number, len: number): void {
    const listeners = this.#listeners;
    for (let i = 0; i < listeners.length; i++) {
      const listener = listeners[i]!;
      if ((listener.target & target) === 0) continue;
      if (listener.selected !== db) select(listener, db);
      listener.sink.append(buf, off, len);
    }
  }

  #addCommand(db: number, args: Args, target: number): void {
    const unit = this.#unit;
    unit.begin(db, target, args.count);
    unit.argsOf(args, 0, args.count);
  }

  #unitOver(): void {
    this.flush();
    const unit = this.#unit;
    const { count } = unit;
    const together = count > 1 && !this.#arbitrary;
    for (const listener of this.#listeners) {
      const { sink } = listener;
      if (together) {
        if (listener.selected !== unit.databases[0]!) select(listener, unit.databases[0]!);
        sink.append(MULTI, 0, MULTI.length);
      }
      for (let i = 0; i < count; i++) {
        if ((unit.targets[i]! & listener.target) === 0) continue;
        if (listener.selected !== unit.databases[i]!) select(listener, unit.databases[i]!);
        const start = unit.starts[i]!;
        sink.append(unit.bytes, start, unit.end(i) - start);
      }
      if (together) sink.append(EXEC, 0, EXEC.length);
    }
    unit.clear();
  }
}

function select(listener: Listener, db: number): void {
  const digits = String(db);
  const command = Buffer.from(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`);
  listener.selected = db;
  listener.sink.append(command, 0, command.length);
}
