/**
 * Commands that wait for keys: BLPOP and its kin, BZPOPMIN, XREAD BLOCK ...
 *
 *     handler finds nothing → block(client, args, wait) → [client stopped] → a key it waits for is changed
 *         → after the command that changed it: the handler runs again, with a copy of its arguments
 *             → it replies (or throws): the client goes on
 *             → it calls block() again: it keeps its place and its deadline
 *
 * So a blocking command is written once, and what it does when served late is what it does when served at once.
 *
 * Order: keys are served in the order in which they were changed, the clients of a key in the order in which they
 * came. A client waits under each of its keys once. What is changed while clients are served (BLMOVE pushes to a list
 * that others wait for) is served in the same go, after them.
 *
 * Costs nothing while nobody waits: the engine looks for changed keys only under SERVER_AWAITED. While somebody
 * waits, a changed key costs one hash and a look into a table of counts.
 */
import type { Database } from '../keyspace/database.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { TimerHandle } from '../util/clock.ts';
import { latin1Of } from '../util/latin1.ts';
import { parseLongDouble } from '../util/long-double.ts';
import { parseDouble, parseInt64Big } from '../util/number-text.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import type { CronJob } from './cron-job.ts';
import type { Engine } from './engine.ts';
import * as errors from './errors.ts';
import {
  GATE_MULTI,
  GATE_REPLY_OFF,
  GATE_REPLY_SKIP,
  SERVER_AWAITED,
  STOP_BLOCKED,
  STOP_CLOSING,
} from './gates.ts';
import type { ChangeListener } from './messages/signals.ts';

/** What a client waits for. */
export interface Wait {
  readonly kind: 'list' | 'zset' | 'stream';
  /** The keys: arguments from firstKey to lastKey. */
  readonly firstKey: number;
  readonly lastKey: number;
  /** A key of another type is none (TYPE_LIST, ...). */
  readonly type: number;
  /** When to give up, on the monotonic clock in ms; 0: never. */
  readonly untilMs: number;
  readonly onTimeout: (out: ReplyWriter) => void;
  /** The handler also runs again when a key is gone or of another type: it has an error to tell. */
  readonly wakeOnGone?: boolean;
}

interface Waiter {
  readonly client: Client;
  readonly command: Command;
  readonly args: Args;
  readonly db: Database;
  readonly wait: Wait;
  readonly queues: readonly KeyQueue[];
  timer: TimerHandle | null;
}

/** The clients that wait for one key, in the order in which they came. */
interface KeyQueue {
  readonly name: string;
  readonly db: Database;
  readonly key: Uint8Array;
  readonly filterSlot: number;
  readonly waiters: Set<Waiter>;
  /** How many of them want to know when the key is gone. */
  onGone: number;
}

/** Timers take no more; a longer wait sets its timer again. */
const TIMER_MAX_MS = 0x7fffffff;
const FILTER_SLOTS = 4096;
/** Memory of a client that waits besides its arguments, and of each key that it waits for: about. */
const WAITER_BYTES = 700;
const KEY_BYTES = 250;

export class Blocking implements ChangeListener, CronJob {
  readonly name = 'blocking';
  readonly #engine: Engine;
  readonly #queues = new Map<string, KeyQueue>();
  /** How many of the awaited keys have a hash with these low bits: most changed keys are dismissed by it. */
  readonly #filter = new Uint16Array(FILTER_SLOTS);
  /** Awaited keys that have changed, in that order. */
  readonly #ready = new Set<KeyQueue>();
  #count = 0;
  /** The one whose handler runs again now. */
  #served: Waiter | null = null;
  /** The key because of which it runs. */
  #servedFor: KeyQueue | null = null;
  #waitsOn = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Clients that wait. */
  get count(): number {
    return this.#count;
  }

  /** The client whose command is served late now. */
  get served(): Client | null {
    return this.#served === null ? null : this.#served.client;
  }

  /** True when an awaited key has changed: `serveReady` has something to do. */
  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  /** How many keys are waited for, and how many of them by clients that want to know when they are gone. */
  awaitedKeys(): { keys: number; onGone: number } {
    let onGone = 0;
    for (const queue of this.#queues.values()) if (queue.onGone > 0) onGone++;
    return { keys: this.#queues.size, onGone };
  }

  /**
   * Makes the client wait. Called by a handler that has found nothing, instead of replying. Within a transaction
   * nobody waits: the client gets what a time-out would have given it.
   */
  block(client: Client, args: Args, wait: Wait): void {
    const again = this.#served;
    if (again !== null && again.client === client) {
      this.#waitsOn = true;
      return;
    }
    if ((client.gates & GATE_MULTI) !== 0) {
      wait.onTimeout(client.out);
      return;
    }
    const kept = args.copy();
    const queues: KeyQueue[] = [];
    const waiter: Waiter = {
      client,
      command: client.lastCommand!,
      args: kept,
      db: client.db,
      wait,
      queues,
      timer: null,
    };
    for (let i = wait.firstKey; i <= wait.lastKey; i++) {
      const queue = this.#queueOf(client.db, kept, i);
      if (queue.waiters.has(waiter)) continue;
      queue.waiters.add(waiter);
      if (wait.wakeOnGone === true) queue.onGone++;
      queues.push(queue);
    }
    if (this.#count++ === 0) {
      this.#engine.gates |= SERVER_AWAITED;
      this.#engine.signals.listen(this);
    }
    this.#setTimer(waiter);
    client.stopped |= STOP_BLOCKED;
    client.blocked = {
      kind: wait.kind,
      unblockable: true,
      bytes: WAITER_BYTES + kept.buf.length + queues.length * KEY_BYTES,
      timed: wait.untilMs !== 0,
      cancel: (reason) => {
        if (reason === 'gone') this.#forget(waiter);
        else if (reason === 'error') this.#endWithError(waiter, errors.UNBLOCKED);
        else this.#end(waiter, wait.onTimeout);
      },
    };
    this.#engine.clients.limits.grew(client);
  }

  /**
   * True while a handler runs again because of another key than argument `i`: it then passes over that one, even if it
   * has something by now. Of several keys changed in one go, the first to change serves.
   */
  passesOver(args: Args, i: number): boolean {
    if (this.#served === null || this.#served.args !== args) return false;
    const { key } = this.#servedFor!;
    return !sameBytes(key, args.buf, args.off[i]!, args.len[i]!);
  }

  /** Who changes a key while a command is served late. As in Redis nobody takes the element from a list: it was pushed. */
  actor(key: Uint8Array, off: number, len: number): Client | null {
    const { client, command, wait } = this.#served!;
    if (wait.kind !== 'list' || command.name === 'blmpop') return client;
    return sameBytes(this.#servedFor!.key, key, off, len) ? null : client;
  }

  modified(db: Database, key: Uint8Array, off: number, len: number): void {
    const slot = this.#filterSlot(db, key, off, len);
    if (this.#filter[slot] === 0) return;
    const queue = this.#queues.get(nameOf(db, key, off, len));
    if (queue !== undefined) this.#ready.add(queue);
  }

  flushed(db: Database | null): void {
    for (const queue of this.#queues.values()) {
      if (db === null || queue.db === db) this.#ready.add(queue);
    }
  }

  swapped(a: Database, b: Database): void {
    for (const queue of this.#queues.values()) {
      if (queue.db === a || queue.db === b) this.#ready.add(queue);
    }
  }

  /** Serves those whose keys have changed. Called between commands: no handler runs inside another. */
  serveReady(): void {
    if (this.#served !== null) return;
    // The command that has ended may have taken long (EXEC): its keys may have expired meanwhile.
    if (this.#ready.size > 0) this.#engine.tick();
    for (const queue of this.#ready) {
      // Those that change again while it is served come to stand at the end.
      this.#ready.delete(queue);
      let type = this.#typeOf(queue);
      for (const waiter of queue.waiters) {
        // However many wait, one element takes one of them.
        if (type < 0 && queue.onGone === 0) break;
        const { client, wait } = waiter;
        if (type !== wait.type && wait.wakeOnGone !== true) continue;
        // It is being closed: what it took would be lost.
        if ((client.stopped & STOP_CLOSING) !== 0) continue;
        this.#serve(waiter, queue);
        type = this.#typeOf(queue);
      }
    }
  }

  /** Keys also change between commands: they expire. */
  run(): void {
    if (this.#ready.size > 0) this.serveReady();
  }

  /** -1: there is no such key. */
  #typeOf({ db, key }: KeyQueue): number {
    const ref = this.#engine.keyspace.peek(db, key, 0, key.length);
    return ref === 0 ? -1 : db.type(ref);
  }

  #serve(waiter: Waiter, queue: KeyQueue): void {
    const { client, command, args } = waiter;
    if (client.outbox.length !== 0) this.#engine.pushes.flushTo(client);
    const out = this.#quiet(client) ? new ReplyWriter(NOBODY, 256) : new ReplyWriter(client.link, 1024);
    out.resp = client.resp;
    const usual = client.out;
    client.out = out;
    this.#served = waiter;
    this.#servedFor = queue;
    this.#waitsOn = false;
    const { keyspace } = this.#engine;
    const { dirty } = keyspace;
    try {
      if (this.#engine.propagation.active) this.#engine.propagation.run(client, command, args);
      else command.run(client, args);
    } catch (thrown) {
      this.#engine.failed(client, command, thrown);
    } finally {
      this.#served = null;
      this.#servedFor = null;
      client.out = usual;
      // Redis counts less of what these change when they have waited for it: not the read of a group, but its consumer.
      if (waiter.wait.kind === 'stream') keyspace.dirty = Math.max(keyspace.dirty - 1, dirty);
      else if (waiter.wait.kind === 'list' && command.name !== 'blmpop') keyspace.dirty = dirty;
    }
    if (this.#waitsOn) return;
    // What it has changed goes into the stream with the command that it was served for.
    client.writeOffset = -1;
    this.#forget(waiter);
    out.flush();
    this.#release(client);
  }

  /** Ends a wait with an error, which counts as one of its command. */
  #endWithError(waiter: Waiter, error: ReplyError): void {
    waiter.command.failedCalls++;
    this.#engine.stats.countError(error);
    this.#end(waiter, (out) => out.error(error));
  }

  /** Ends a wait with a reply. */
  #end(waiter: Waiter, write: (out: ReplyWriter) => void): void {
    const { client } = waiter;
    this.#forget(waiter);
    if (!this.#quiet(client)) this.#engine.deliver(client, write);
    this.#release(client);
  }

  #quiet(client: Client): boolean {
    return (client.gates & (GATE_REPLY_OFF | GATE_REPLY_SKIP)) !== 0;
  }

  /** The client goes on with what it has sent since. */
  #release(client: Client): void {
    client.gates &= ~GATE_REPLY_SKIP;
    client.blocked = null;
    client.stopped &= ~STOP_BLOCKED;
    if ((client.stopped & STOP_CLOSING) !== 0) client.link.end();
    else client.link.resume();
  }

  #forget(waiter: Waiter): void {
    if (waiter.timer !== null) this.#engine.timers.clearTimeout(waiter.timer);
    waiter.timer = null;
    for (const queue of waiter.queues) {
      queue.waiters.delete(waiter);
      if (waiter.wait.wakeOnGone === true) queue.onGone--;
      if (queue.waiters.size > 0) continue;
      this.#queues.delete(queue.name);
      this.#ready.delete(queue);
      this.#filter[queue.filterSlot]!--;
    }
    if (--this.#count > 0) return;
    this.#engine.gates &= ~SERVER_AWAITED;
    this.#engine.signals.unlisten(this);
  }

  #setTimer(waiter: Waiter): void {
    const { untilMs, onTimeout } = waiter.wait;
    if (untilMs === 0) return;
    const { clock, timers } = this.#engine;
    const left = Math.max(0, untilMs - clock.monoMs());
    waiter.timer = timers.setTimeout(
      () => {
        if (clock.monoMs() < untilMs) this.#setTimer(waiter);
        else this.#end(waiter, onTimeout);
      },
      Math.min(Math.ceil(left), TIMER_MAX_MS),
    );
  }

  #queueOf(db: Database, args: Args, i: number): KeyQueue {
    const name = nameOf(db, args.buf, args.off[i]!, args.len[i]!);
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      const filterSlot = this.#filterSlot(db, args.buf, args.off[i]!, args.len[i]!);
      queue = { name, db, key: args.bytes(i), filterSlot, waiters: new Set(), onGone: 0 };
      this.#queues.set(name, queue);
      this.#filter[filterSlot]!++;
    }
    return queue;
  }

  #filterSlot(db: Database, key: Uint8Array, off: number, len: number): number {
    return (db.memory.keyHash.hash(key, off, len) + db.id) & (FILTER_SLOTS - 1);
  }
}

function sameBytes(a: Uint8Array, buf: Uint8Array, off: number, len: number): boolean {
  if (a.length !== len) return false;
  for (let i = 0; i < len; i++) if (a[i] !== buf[off + i]) return false;
  return true;
}

const NOBODY = { send: (): boolean => true };

function nameOf(db: Database, key: Uint8Array, off: number, len: number): string {
  return `${db.id}:${latin1Of(key, off, len)}`;
}

const LONG_LONG_MAX = 2 ** 63;

/**
 * A time-out argument in seconds, with a fraction; 0 is for ever. Returns when it is over, on the monotonic clock in
 * ms. Throws Redis's errors.
 */
export function parseTimeout(client: Client, args: Args, i: number): number {
  const text = args.text(i);
  let seconds = parseDouble(text);
  if (Number.isNaN(seconds)) {
    // Redis reads a long double, which has room for more: what is too small for a double still isn't zero.
    if (parseLongDouble(text) === null) throw errors.TIMEOUT_NOT_FLOAT;
    seconds = Number(text) || Number.MIN_VALUE;
  }
  const ms = Math.ceil(seconds * 1000);
  if (ms < 0 || ms >= LONG_LONG_MAX) throw errors.TIMEOUT_NEGATIVE;
  return ms === 0 ? 0 : client.engine.clock.monoMs() + ms;
}

/** The same for one in whole milliseconds (XREAD, XREADGROUP). */
export function parseTimeoutMs(client: Client, args: Args, i: number): number {
  const ms = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (ms === null) throw errors.TIMEOUT_NOT_INTEGER;
  if (ms < 0n) throw errors.TIMEOUT_NEGATIVE;
  return ms === 0n ? 0 : client.engine.clock.monoMs() + Number(ms);
}
