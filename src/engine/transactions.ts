/**
 * MULTI, EXEC and WATCH.
 *
 * A client in MULTI has a Transaction: its commands, copied out of the read buffer. The gate GATE_MULTI sends each of
 * its requests here instead of running it (admission.ts). A refused request spoils the transaction: EXEC answers
 * EXECABORT. GATE_MULTI stays set while EXEC runs the commands, so that blocking commands know not to wait.
 *
 *     MULTI → begin → [request → queue, or refused → aborted]… → EXEC → run each → discard
 *
 * WATCH. A key is watched by the keys' name; who changes it breaks the clients that watch it (`watchBroken`), and
 * EXEC then replies null. A key that was past its time when WATCH came counts as missing: its removal changes nothing.
 * Whether it was there is kept, since after FLUSHALL or SWAPDB nobody can tell any more. Costs nothing while
 * nobody watches; while somebody does, a changed key costs one hash and a look into a table of counts.
 *
 * Replies that come later (CONFIG REWRITE) within EXEC: the commands behind it run at once all the same, as a
 * transaction must not be interrupted. What they reply is put aside, and goes out in order when the late ones are there.
 */
import type { Database } from '../keyspace/database.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import { latin1Of } from '../util/latin1.ts';
import type { Client } from './client.ts';
import { RUNS_QUEUE } from './command-spec.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';
import * as errors from './errors.ts';
import {
  GATE_LIMITED,
  GATE_MULTI,
  GATE_REPLY_OFF,
  GATE_REPLY_SKIP,
  STOP_BLOCKED,
  STOP_CLOSING,
} from './gates.ts';
import type { ChangeListener } from './messages/signals.ts';

const FILTER_SLOTS = 1024;
/** What a queued command costs besides its bytes: measured. */
const COMMAND_BYTES = 240;
const WATCH_BYTES = 160;
const NOTHING = new Uint8Array(0);

/** The commands that a client has queued. */
export class Transaction {
  readonly commands: Command[] = [];
  readonly args: Args[] = [];
  /** Memory of all that. */
  bytes = 0;
  /** Flags of all commands together: EXEC is gated by them. */
  flags = 0;
  /** Flags that not all of them have: EXEC has only those that all have, where a flag is a permission. */
  missing = 0;
  /** A request was refused: EXEC runs nothing. */
  aborted = false;
}

/** A client that watches a key. */
interface Watch {
  readonly client: Client;
  readonly watched: WatchedKey;
  /** There was an entry, be it past its time, when WATCH came. */
  existed: boolean;
  /** It was past its time. */
  expired: boolean;
}

interface WatchedKey {
  readonly name: string;
  readonly db: Database;
  readonly key: Uint8Array;
  readonly filterSlot: number;
  readonly watches: Set<Watch>;
}

/** The keys that a client watches, by name. */
export class Watches extends Map<string, Watch> {
  /** Memory of all that. */
  bytes = 0;
}

/** A reply within EXEC that is not there yet. */
interface LateReply {
  /** Where it belongs in the writer. */
  readonly at: number;
  readonly quiet: boolean;
  readonly promise: Promise<(out: ReplyWriter) => void>;
}

export class Transactions implements ChangeListener {
  readonly #engine: Engine;
  readonly #watched = new Map<string, WatchedKey>();
  /** How many of the watched keys have a hash with these low bits. */
  readonly #filter = new Uint16Array(FILTER_SLOTS);
  /** The client whose EXEC runs. */
  #executing: Client | null = null;
  #late: LateReply[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.clients.onGone.push((client) => this.discard(client));
  }

  /** Whether EXEC of this client runs now. */
  isExecuting(client: Client): boolean {
    return this.#executing === client;
  }

  /** Memory of a client's queue and watched keys. */
  bytesOf(client: Client): number {
    const watches = client.watches === null ? 0 : client.watches.bytes;
    return watches + (client.transaction === null ? 0 : client.transaction.bytes);
  }

  begin(client: Client): void {
    if (client.transaction !== null) throw errors.NESTED_MULTI;
    client.transaction = new Transaction();
    client.gates |= GATE_MULTI;
  }

  /** Takes a request that has passed all gates. What will not be executed anyway is not kept. */
  queue(client: Client, command: Command, args: Args): void {
    const transaction = client.transaction!;
    client.out.queued();
    if (transaction.aborted || client.watchBroken) return;
    const kept = args.copy();
    transaction.commands.push(command);
    transaction.args.push(kept);
    transaction.bytes += kept.buf.length + COMMAND_BYTES + 8 * kept.count;
    transaction.flags |= command.flags;
    transaction.missing |= ~command.flags;
    // What is queued is input that waits, and limited like it.
    this.#engine.clients.limits.acceptsInput(client, transaction.bytes, NOTHING);
  }

  /** A request was refused. Returns the error to reply: that of an EXEC says what it ended, in MULTI or not. */
  refused(client: Client, command: Command | null, error: ReplyError): ReplyError {
    if (client.transaction !== null) client.transaction.aborted = true;
    if (command === null || (command.flags & RUNS_QUEUE) === 0) return error;
    this.discard(client);
    return errors.execAbortedBy(error);
  }

  /** Ends the transaction, and watching. */
  discard(client: Client): void {
    client.transaction = null;
    client.gates &= ~GATE_MULTI;
    this.unwatch(client);
  }

  exec(client: Client): void {
    const { transaction } = client;
    if (transaction === null) throw errors.EXEC_WITHOUT_MULTI;
    const broken = client.watchBroken || this.#hasExpired(client);
    if (transaction.aborted || broken) {
      this.discard(client);
      if (transaction.aborted) throw errors.EXECABORT;
      client.out.nullArray();
      return;
    }
    this.unwatch(client);
    this.#run(client, transaction);
    this.discard(client);
  }

  #run(client: Client, transaction: Transaction): void {
    const engine = this.#engine;
    const { writer } = engine;
    const { commands, args } = transaction;
    const { hold } = writer;
    this.#executing = client;
    if (!isQuiet(client)) client.out.array(commands.length);
    engine.propagation.begin();
    for (let i = 0; i < commands.length; i++) {
      if ((client.gates & GATE_LIMITED) !== 0 && this.#isRevoked(client, commands[i]!, args[i]!)) continue;
      engine.callQueued(client, commands[i]!, args[i]!);
    }
    engine.propagation.end();
    engine.settle();
    this.#executing = null;
    if (this.#late.length === 0) return;
    writer.hold = hold;
    this.#waitForLate(client);
  }

  /** Whether the user may not do any more what it could when the command was queued. The client has been told so. */
  #isRevoked(client: Client, command: Command, args: Args): boolean {
    if (client.mustObey) return false;
    const engine = this.#engine;
    const denial = engine.acl.refusal(client, command, args);
    if (denial === null) return false;
    const error = errors.revoked(denial.reason);
    engine.stats.countError(error);
    if (!isQuiet(client)) client.out.error(error);
    return true;
  }

  /** A reply within EXEC that comes later: the bytes of those behind it are collected from here on. */
  replyLater(client: Client, promise: Promise<(out: ReplyWriter) => void>): void {
    const { writer } = this.#engine;
    writer.hold = true;
    this.#late.push({ at: writer.pos, quiet: isQuiet(client), promise });
  }

  #waitForLate(client: Client): void {
    const engine = this.#engine;
    const { writer } = engine;
    const late = this.#late;
    this.#late = [];
    const start = late[0]!.at;
    const bytes = Buffer.from(writer.buf.subarray(start, writer.pos));
    writer.pos = start;
    let gone = false;
    client.stopped |= STOP_BLOCKED;
    client.midReply = true;
    client.blocked = {
      kind: 'work',
      unblockable: false,
      cancel: () => {
        gone = true;
      },
    };
    void Promise.all(late.map(({ promise }) => promise)).then((writes) => {
      const side = new ReplyWriter(client.link, 1024);
      const silent = new ReplyWriter(NOBODY, 256);
      side.resp = client.resp;
      for (const [i, write] of writes.entries()) {
        const { at, quiet } = late[i]!;
        write(quiet || gone ? silent : side);
        side.raw(bytes.subarray(at - start, (late[i + 1]?.at ?? start + bytes.length) - start));
      }
      if (gone) return;
      side.flush();
      client.midReply = false;
      engine.pushes.flush();
      client.gates &= ~GATE_REPLY_SKIP;
      client.blocked = null;
      client.stopped &= ~STOP_BLOCKED;
      client.link.resume();
    });
  }

  /** Watches the keys in args[1...]. */
  watch(client: Client, args: Args): void {
    if (client.transaction !== null) throw errors.WATCH_IN_MULTI;
    // Nothing can mend it any more.
    if (client.watchBroken) return;
    const { keyspace, signals } = this.#engine;
    const { db } = client;
    client.watches ??= new Watches();
    for (let i = 1; i < args.count; i++) {
      const watched = this.#watchedKey(db, args, i);
      if (client.watches.has(watched.name)) continue;
      const ref = db.find(args.buf, args.off[i]!, args.len[i]!);
      const expired = ref !== 0 && keyspace.isPast(expiryOf(db, ref));
      const watch: Watch = { client, watched, existed: ref !== 0, expired };
      watched.watches.add(watch);
      client.watches.set(watched.name, watch);
      client.watches.bytes += WATCH_BYTES + watched.key.length;
    }
    signals.listen(this);
    this.#engine.clients.limits.grew(client);
  }

  /** Watches nothing any more; what has happened to the keys is forgotten. */
  unwatch(client: Client): void {
    client.watchBroken = false;
    this.#release(client);
  }

  #release(client: Client): void {
    const { watches } = client;
    if (watches === null) return;
    client.watches = null;
    for (const watch of watches.values()) {
      const { watched } = watch;
      watched.watches.delete(watch);
      if (watched.watches.size > 0) continue;
      this.#watched.delete(watched.name);
      this.#filter[watched.filterSlot]!--;
    }
    if (this.#watched.size === 0) this.#engine.signals.unlisten(this);
  }

  modified(db: Database, key: Uint8Array, off: number, len: number): void {
    if (this.#filter[this.#filterSlot(db, key, off, len)] === 0) return;
    const watched = this.#watched.get(nameOf(db, key, off, len));
    if (watched === undefined) return;
    for (const watch of [...watched.watches]) {
      if (watch.expired && db.find(key, off, len) === 0) {
        watch.expired = false;
        watch.existed = false;
      } else this.#break(watch.client);
    }
  }

  flushed(db: Database | null): void {
    for (const watched of [...this.#watched.values()]) {
      if (db === null || watched.db === db) this.#replaced(watched);
    }
  }

  swapped(a: Database, b: Database): void {
    for (const watched of [...this.#watched.values()]) {
      if (watched.db === a || watched.db === b) this.#replaced(watched);
    }
  }

  /** The database has other contents: what was there under that name is compared with what is there now. */
  #replaced(watched: WatchedKey): void {
    const { db, key } = watched;
    const ref = db.find(key, 0, key.length);
    const expired = ref !== 0 && this.#engine.keyspace.isPast(expiryOf(db, ref));
    for (const watch of [...watched.watches]) {
      const wasMissing = !watch.existed || watch.expired;
      if (wasMissing && (ref === 0 || expired)) {
        watch.existed = ref !== 0;
        watch.expired = expired;
      } else this.#break(watch.client);
    }
  }

  #break(client: Client): void {
    client.watchBroken = true;
    this.#release(client);
  }

  /** Whether the time of a watched key is up although it has not been removed yet. */
  #hasExpired(client: Client): boolean {
    if (client.watches === null) return false;
    const { keyspace } = this.#engine;
    for (const { watched, expired } of client.watches.values()) {
      if (expired) continue;
      const { db, key } = watched;
      const ref = db.find(key, 0, key.length);
      if (ref !== 0 && keyspace.isPast(expiryOf(db, ref))) return true;
    }
    return false;
  }

  #watchedKey(db: Database, args: Args, i: number): WatchedKey {
    const name = nameOf(db, args.buf, args.off[i]!, args.len[i]!);
    let watched = this.#watched.get(name);
    if (watched === undefined) {
      const filterSlot = this.#filterSlot(db, args.buf, args.off[i]!, args.len[i]!);
      watched = { name, db, key: args.bytes(i), filterSlot, watches: new Set() };
      this.#watched.set(name, watched);
      this.#filter[filterSlot]!++;
    }
    return watched;
  }

  #filterSlot(db: Database, key: Uint8Array, off: number, len: number): number {
    return (db.memory.keyHash.hash(key, off, len) + db.id) & (FILTER_SLOTS - 1);
  }
}

const NOBODY = { send: (): boolean => true };

/** Nothing of what this client's command replies goes out. */
export function isQuiet(client: Client): boolean {
  return (client.gates & (GATE_REPLY_OFF | GATE_REPLY_SKIP)) !== 0 || (client.stopped & STOP_CLOSING) !== 0;
}

/** When the entry expires; Infinity: never. */
function expiryOf(db: Database, ref: number): number {
  const when = db.expireAt(ref);
  return when < 0 ? Number.POSITIVE_INFINITY : when;
}

function nameOf(db: Database, key: Uint8Array, off: number, len: number): string {
  return `${db.id}:${latin1Of(key, off, len)}`;
}
