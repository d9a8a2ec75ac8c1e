/**
 * Client-side caching: clients are told when a key that they may have kept has changed (CLIENT TRACKING).
 *
 * Default mode. What a tracking client reads is remembered: a table from the key's name (whatever the database) to
 * the ids of clients. Who changes the key takes it out of the table and tells them; they hear nothing more of it until
 * they read it again. Beyond `tracking-table-max-keys` the oldest keys are taken out, as if they had changed.
 *
 * Broadcast mode. Nothing is remembered; for each prefix that clients have named, the keys that change are collected
 * and sent at the end of the turn, once each.
 *
 * A client that changes a key which it has itself cached is told behind its reply, or not at all (NOLOOP). RESP2 has
 * no pushes, so there the messages go to another connection (REDIRECT), as Pub/Sub messages if that speaks RESP2, too.
 *
 * Nobody who does not track pays: reads are remembered under GATE_TRACKING, and changes are heard of only while
 * somebody tracks or something is in the table.
 */
import type { Database } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyWriter } from '../../resp/reply-writer.ts';
import { bytesOf, latin1Of } from '../../util/latin1.ts';
import type { Client } from '../client.ts';
import { PUBSUB } from '../command-spec.ts';
import type { Command } from '../command-table.ts';
import type { CronJob } from '../cron-job.ts';
import type { Engine } from '../engine.ts';
import { GATE_MULTI, GATE_PUSHED, GATE_SUBSCRIBED, GATE_TRACKING } from '../gates.ts';
import { findKeys } from '../key-extraction.ts';
import type { ChangeListener } from './signals.ts';

/** The Pub/Sub channel of invalidations under RESP2. */
const CHANNEL = '__redis__:invalidate';
/** Keys taken out of a table that is too large, for each command that finds it so, and for each run of the cron. */
const EVICTED_AT_ONCE = 100;
const EVICTED_BY_CRON = 10_000;
/** Clients of a key up to which they are a list; more are a set. */
const LIST_MAX = 32;
/** Memory of a client's prefix besides its text. */
const PREFIX_BYTES = 128;

export interface TrackingOptions {
  /** Id of the client that gets the messages; 0: the client itself. */
  readonly redirect: number;
  readonly bcast: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  readonly noLoop: boolean;
  /** For `bcast`. */
  readonly prefixes: readonly string[];
}

/** How a client tracks. */
export class TrackingState {
  redirect = 0;
  bcast = false;
  optIn = false;
  optOut = false;
  noLoop = false;
  /** The client of `redirect` is gone. */
  broken = false;
  /** CLIENT CACHING has been given for the next command. */
  caching = false;
  readonly prefixes = new Set<string>();
  /** Memory of the prefixes. */
  bytes = 0;
}

/** Who wants to know of keys that begin so, and those that have changed, with the client that did it. */
interface Prefix {
  readonly text: string;
  readonly clients: Set<Client>;
  changed: Map<string, Client | null>;
}

export class Tracking implements ChangeListener, CronJob {
  readonly name = 'tracking';
  readonly #engine: Engine;
  /** Ids of clients by key: most keys have one. In the order in which they were read first. */
  readonly #table = new Map<string, number | number[] | Set<number>>();
  readonly #prefixes = new Map<string, Prefix>();
  readonly #encoder: ReplyWriter;
  #items = 0;
  #clients = 0;
  #maxKeys = 0;
  /** Keys of prefixes have changed since messages were sent last. */
  #collected = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#encoder = new ReplyWriter({ send: () => true }, 512);
    this.#encoder.hold = true;
    const { config, info } = engine;
    const configure = (): void => {
      this.#maxKeys = config.values['tracking-table-max-keys'];
    };
    configure();
    config.onChange('tracking-table-max-keys', configure);
    engine.clients.onGone.push((client) => this.#gone(client));
    info.field('tracking_clients', () => this.#clients);
    info.field('tracking_total_keys', () => this.#table.size);
    info.field('tracking_total_items', () => this.#items);
    info.field('tracking_total_prefixes', () => this.#prefixes.size);
  }

  /** Begins to track, or goes on with other options. Prefixes are added to those that the client has. */
  enable(client: Client, options: TrackingOptions): void {
    if (client.tracking === null) this.#clients++;
    client.tracking ??= new TrackingState();
    const state = client.tracking;
    state.redirect = options.redirect;
    state.broken = false;
    state.bcast = options.bcast;
    state.optIn = options.optIn;
    state.optOut = options.optOut;
    state.noLoop = options.noLoop;
    client.gates |= GATE_TRACKING;
    const receiver = this.#engine.clients.get(options.redirect);
    if (receiver !== undefined) receiver.gates |= GATE_PUSHED;
    if (options.bcast) {
      for (const text of options.prefixes.length === 0 ? [''] : options.prefixes) {
        if (!state.prefixes.has(text)) state.bytes += PREFIX_BYTES + text.length;
        state.prefixes.add(text);
        this.#prefix(text).clients.add(client);
      }
    }
    this.#engine.signals.listen(this);
    this.#engine.clients.limits.grew(client);
  }

  /** Ends it. What the client has read stays in the table, until it changes. */
  disable(client: Client): void {
    const state = client.tracking;
    if (state === null) return;
    client.tracking = null;
    client.gates &= ~GATE_TRACKING;
    this.#clients--;
    for (const text of state.prefixes) {
      const prefix = this.#prefixes.get(text)!;
      prefix.clients.delete(client);
      if (prefix.clients.size === 0) this.#prefixes.delete(text);
    }
    this.#listenIfNeeded();
  }

  #gone(client: Client): void {
    if (client.tracking === null) return;
    this.disable(client);
    if (this.#clients > 0) return;
    this.#table.clear();
    this.#items = 0;
    this.#listenIfNeeded();
  }

  #listenIfNeeded(): void {
    if (this.#clients === 0 && this.#table.size === 0) this.#engine.signals.unlisten(this);
  }

  #prefix(text: string): Prefix {
    let prefix = this.#prefixes.get(text);
    if (prefix === undefined) {
      prefix = { text, clients: new Set(), changed: new Map() };
      this.#prefixes.set(text, prefix);
    }
    return prefix;
  }

  /** Remembers the keys of a command that has read them for a tracking client. */
  remember(client: Client, command: Command, args: Args): void {
    const state = client.tracking!;
    if (state.bcast || (state.optIn && !state.caching) || (state.optOut && state.caching)) return;
    if ((command.flags & PUBSUB) !== 0) return;
    const { firstKey, keyStep } = command;
    if (!command.movableKeys && command.spec.getKeys === undefined) {
      // A plain range, as most have it: the same keys without making a list of them.
      if (firstKey === 0) return;
      const last = command.lastKey < 0 ? args.count + command.lastKey : command.lastKey;
      for (let i = firstKey; i <= last && i < args.count; i += keyStep) this.#rememberKey(client.id, args, i);
      return;
    }
    const keys = findKeys(command, args);
    if (keys !== null) for (const { index } of keys) this.#rememberKey(client.id, args, index);
  }

  #rememberKey(id: number, args: Args, i: number): void {
    const table = this.#table;
    const name = latin1Of(args.buf, args.off[i]!, args.len[i]!);
    const ids = table.get(name);
    if (ids === undefined) table.set(name, id);
    else if (typeof ids === 'number') {
      if (ids === id) return;
      table.set(name, [ids, id]);
    } else if (Array.isArray(ids)) {
      if (ids.includes(id)) return;
      if (ids.length < LIST_MAX) ids.push(id);
      else table.set(name, new Set([...ids, id]));
    } else {
      if (ids.has(id)) return;
      ids.add(id);
    }
    this.#items++;
  }

  /** A command of a tracking client is over: CLIENT CACHING holds for one command, or one transaction. */
  commandEnds(client: Client, command: Command): void {
    const state = client.tracking;
    if (state === null || !state.caching || (client.gates & GATE_MULTI) !== 0) return;
    if (command.parent?.name !== 'client') state.caching = false;
  }

  /** Keeps `tracking-table-max-keys`; before a command. */
  limitTable(atOnce = EVICTED_AT_ONCE): void {
    const excess = this.#maxKeys === 0 ? 0 : this.#table.size - this.#maxKeys;
    if (excess <= 0) return;
    let left = Math.min(excess, atOnce);
    for (const name of this.#table.keys()) {
      if (left-- === 0) return;
      this.#invalidate(name, null);
    }
  }

  /** The limit may have been lowered, and no command comes. */
  run(): void {
    this.limitTable(EVICTED_BY_CRON);
  }

  modified(_db: Database, key: Uint8Array, off: number, len: number): void {
    if (this.#table.size === 0 && this.#prefixes.size === 0) return;
    const name = latin1Of(key, off, len);
    const { signals, blocking, current } = this.#engine;
    const actor = signals.unasked ? null : blocking.served === null ? current : blocking.actor(key, off, len);
    for (const prefix of this.#prefixes.values()) {
      if (!name.startsWith(prefix.text)) continue;
      prefix.changed.set(name, actor);
      this.#collected = true;
      this.#engine.pushes.atEnd(this);
    }
    this.#invalidate(name, blocking.served ?? current);
  }

  /** Tells those who have read the key, and forgets it. `actor` is served now; null: nobody is. */
  #invalidate(name: string, actor: Client | null): void {
    const ids = this.#table.get(name);
    if (ids === undefined) return;
    this.#table.delete(name);
    if (typeof ids === 'number') {
      this.#items--;
      this.#invalidateFor(ids, name, actor);
    } else {
      this.#items -= Array.isArray(ids) ? ids.length : ids.size;
      for (const id of ids) this.#invalidateFor(id, name, actor);
    }
    this.#listenIfNeeded();
  }

  #invalidateFor(id: number, name: string, actor: Client | null): void {
    const client = this.#engine.clients.get(id);
    if (client === undefined || client.tracking === null || client.tracking.bcast) return;
    if (client.tracking.noLoop && client === actor) return;
    this.#tell(client, [name]);
  }

  /** Whatever was read may have changed: null stands for all keys. */
  flushed(): void {
    for (const client of this.#engine.clients.all()) if (client.tracking !== null) this.#tell(client, null);
    this.#table.clear();
    this.#items = 0;
    this.#listenIfNeeded();
  }

  /** As in Redis, nobody is told: names stay what they are. */
  swapped(): void {}

  /** The end of a turn: sends the keys collected for each prefix. */
  turnEnds(): void {
    if (!this.#collected) return;
    this.#collected = false;
    for (const text of [...this.#prefixes.keys()].sort()) {
      const { changed, clients } = this.#prefixes.get(text)!;
      if (changed.size === 0) continue;
      this.#prefixes.get(text)!.changed = new Map();
      const names = [...changed.keys()].sort();
      for (const client of [...clients].sort((a, b) => a.id - b.id)) {
        const mine = client.tracking!.noLoop ? names.filter((name) => changed.get(name) !== client) : names;
        if (mine.length > 0) this.#tell(client, mine);
      }
    }
  }

  /** Sends an invalidation; null: of everything. */
  #tell(client: Client, names: readonly string[] | null): void {
    const { clients, current, pushes } = this.#engine;
    const state = client.tracking!;
    let receiver = client;
    if (state.redirect !== 0) {
      const found = clients.get(state.redirect);
      if (found === undefined) {
        this.#redirectBroken(client, state);
        return;
      }
      receiver = found;
    }
    const isMessage = receiver.resp === 2;
    if (isMessage && (state.redirect === 0 || (receiver.gates & GATE_SUBSCRIBED) === 0)) return;
    const out = this.#encoder;
    out.resp = receiver.resp;
    if (isMessage) {
      out.array(3);
      out.bulkText('message');
      out.bulkText(CHANNEL);
    } else {
      out.push(2);
      out.bulkText('invalidate');
    }
    if (names === null) out.null();
    else {
      out.array(names.length);
      for (const name of names) out.bulkBytes(bytesOf(name));
    }
    if (client === current && pushes.calling) pushes.sendAfter(receiver, this.#take());
    else pushes.send(receiver, this.#take());
  }

  #redirectBroken(client: Client, state: TrackingState): void {
    state.broken = true;
    if (client.resp === 2) return;
    const out = this.#encoder;
    out.resp = 3;
    out.push(2);
    out.bulkText('tracking-redir-broken');
    out.int(state.redirect);
    this.#engine.pushes.sendAfter(client, this.#take());
  }

  #take(): Buffer {
    const out = this.#encoder;
    const bytes = Buffer.from(out.buf.subarray(0, out.pos));
    out.pos = 0;
    return bytes;
  }
}
