/**
 * MIGRATE: keys go to another server by RESTORE, and go here when the other side has said that it has them.
 *
 *     parse → look up → hold the keys → [connect, or take a link that is kept] → AUTH, SELECT, RESTORE … → replies
 *         → each key acknowledged: removed, told as DEL → release the keys → reply
 *
 * Redis stands still meanwhile. Here only the client waits, and those who would change one of the keys
 * (engine/held-keys.ts); so payloads may be made by and by, as the link takes them. What no gate holds up (FLUSHALL,
 * the rest of an EXEC with MIGRATE in it) is noted: a key that is not what was sent stays, and the client is told.
 */
import type { Client } from '../../engine/client.ts';
import { KEY_ACCESS, KEY_DELETE, KEY_RW, type KeyRef } from '../../engine/command-spec.ts';
import { TO_ALL } from '../../engine/effects/propagation.ts';
import * as errors from '../../engine/errors.ts';
import type { HeldKey } from '../../engine/held-keys.ts';
import { replyLater } from '../../engine/later.ts';
import { type CachedLink, LinkFailure } from '../../engine/outgoing.ts';
import type { Database } from '../../keyspace/database.ts';
import { deadlineOf } from '../../keyspace/deadline.ts';
import { EVENT_GENERIC } from '../../keyspace/keyspace.ts';
import { dumpValue } from '../../rdb/save/dump.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { parseInt64Big } from '../../util/number-text.ts';

/** A batch of keys is sent when it has so many bytes, or so many keys. */
const BATCH_BYTES = 256 * 1024;
const BATCH_KEYS = 500;
const TIMEOUT_DEFAULT_MS = 1000;
/** Timers take no more. */
const TIMEOUT_MAX_MS = 0x7fffffff;
const CRLF = Buffer.from('\r\n');

interface Options {
  readonly host: string;
  readonly port: string;
  readonly database: bigint;
  readonly timeoutMs: number;
  copy: boolean;
  replace: boolean;
  /** Arguments of AUTH; empty: none is sent. */
  auth: Uint8Array[];
  firstKey: number;
  keyCount: number;
}

export function migrate(client: Client, args: Args): void {
  const options = parseOptions(args);
  const { engine, db } = client;
  const { keyspace } = engine;
  const keys: Uint8Array[] = [];
  for (let i = options.firstKey; i < options.firstKey + options.keyCount; i++) {
    if (keyspace.lookupRead(db, args.buf, args.off[i]!, args.len[i]!) !== 0) keys.push(args.bytes(i));
  }
  if (keys.length === 0) {
    client.out.simple('NOKEY');
    return;
  }
  const migration = new Migration(client, options, engine.heldKeys.hold(db, keys));
  // What comes behind it in EXEC may change the keys at once.
  if (engine.transactions.isExecuting(client)) migration.makeAll();
  const command = client.lastCommand;
  replyLater(client, migration.run(), (out, error) => {
    if (error === null) {
      out.ok();
      return;
    }
    if (command !== null) command.failedCalls++;
    engine.stats.countError(error);
    out.error(error);
  });
}

function parseOptions(args: Args): Options {
  const parsed = { copy: false, replace: false, auth: [] as Uint8Array[], firstKey: 3, keyCount: 1 };
  for (let i = 6; i < args.count; i++) {
    const left = args.count - 1 - i;
    if (args.is(i, 'copy')) parsed.copy = true;
    else if (args.is(i, 'replace')) parsed.replace = true;
    else if (args.is(i, 'auth') && left >= 1) parsed.auth = [args.bytes(++i)];
    else if (args.is(i, 'auth2') && left >= 2) parsed.auth = [args.bytes(++i), args.bytes(++i)];
    else if (args.is(i, 'keys')) {
      if (args.len[3] !== 0) throw errors.MIGRATE_KEYS_AND_KEY;
      parsed.firstKey = i + 1;
      parsed.keyCount = left;
      break;
    } else throw errors.SYNTAX;
  }
  const timeoutMs = Number(integerArg(args, 5));
  const database = integerArg(args, 4);
  return {
    host: args.text(1),
    port: args.text(2),
    database,
    timeoutMs: timeoutMs <= 0 ? TIMEOUT_DEFAULT_MS : Math.min(timeoutMs, TIMEOUT_MAX_MS),
    ...parsed,
  };
}

/** Which arguments are keys: the one in its place, or those behind KEYS. */
export function migrateKeys(args: Args): KeyRef[] {
  const flags = KEY_RW | KEY_ACCESS | KEY_DELETE;
  for (let i = 6; i < args.count; i++) {
    if (args.is(i, 'auth')) i++;
    else if (args.is(i, 'auth2')) i += 2;
    else if (args.is(i, 'keys') && args.len[3] === 0) {
      return Array.from({ length: args.count - 1 - i }, (_, n) => ({ index: i + 1 + n, flags }));
    }
  }
  return [{ index: 3, flags }];
}

function integerArg(args: Args, i: number): bigint {
  const value = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (value === null) throw errors.NOT_INTEGER;
  return value;
}

class Migration {
  readonly #client: Client;
  readonly #options: Options;
  /** The keys to send, in their order. */
  readonly #holds: readonly HeldKey[];
  /** RESTORE commands made beforehand; null: a key that is not sent. */
  #made: (Uint8Array[] | null)[] | null = null;
  /** Keys sent over the present link, in order. */
  #sent: HeldKey[] = [];
  /** Replies to RESTORE that have come. */
  #acknowledged = 0;
  /** The first error that the target has replied with. */
  #refusal: ReplyError | null = null;
  /** A key has changed behind our back and was therefore not removed. */
  #keptChanged = false;
  #isWriting = false;

  constructor(client: Client, options: Options, holds: readonly HeldKey[]) {
    this.#client = client;
    this.#options = options;
    this.#holds = holds;
  }

  /** Makes all payloads now. */
  makeAll(): void {
    this.#made = this.#holds.map((hold) => this.#restoreOf(hold));
  }

  /** Resolves to null when all keys are there, or to what the client is told. */
  async run(): Promise<ReplyError | null> {
    const { engine } = this.#client;
    try {
      return await this.#attempts();
    } finally {
      engine.heldKeys.release(this.#holds);
    }
  }

  async #attempts(): Promise<ReplyError | null> {
    const { engine } = this.#client;
    const { links, outgoing } = engine;
    const { host, port, timeoutMs } = this.#options;
    const name = `${host}:${port}`;
    for (let again = false; ; again = true) {
      let cached = links.take(name);
      try {
        if (cached === null) {
          if (outgoing === null) return errors.MIGRATE_CONNECTING;
          cached = links.add(name, await outgoing.connect(host, portOf(port), timeoutMs));
        }
      } catch (failure) {
        if (!(failure instanceof LinkFailure)) throw failure;
        return failure.unreachable ? errors.MIGRATE_CONNECTING : errors.MIGRATE_WRITING;
      }
      try {
        this.#sent = [];
        this.#acknowledged = 0;
        await this.#send(cached);
        await this.#receive(cached);
        if (this.#refusal !== null) cached.database = -1;
        links.give(cached, engine.nowMs);
        return this.#refusal ?? (this.#keptChanged ? errors.MIGRATE_CHANGED : null);
      } catch (failure) {
        links.drop(cached);
        if (!(failure instanceof LinkFailure)) throw failure;
        if (this.#refusal !== null) return this.#refusal;
        // The link may have been closed while nobody used it. Once nothing has come back, nothing is lost.
        if (!again && !failure.timedOut && this.#acknowledged === 0) continue;
        return this.#isWriting ? errors.MIGRATE_WRITING : errors.MIGRATE_READING;
      }
    }
  }

  async #send({ link, database }: CachedLink): Promise<void> {
    const { auth, timeoutMs } = this.#options;
    const { engine } = this.#client;
    this.#isWriting = true;
    engine.readTime();
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    let keys = 0;
    if (auth.length > 0) pieces.push(commandOf(['AUTH', ...auth]));
    const wanted = this.#options.database;
    if (BigInt(database) !== wanted) pieces.push(commandOf(['SELECT', String(wanted)]));
    for (const [i, hold] of this.#holds.entries()) {
      const restore = this.#made === null ? this.#restoreOf(hold) : this.#made[i]!;
      if (restore === null) continue;
      this.#sent.push(hold);
      for (const piece of restore) {
        pieces.push(piece);
        bytes += piece.length;
      }
      if (bytes < BATCH_BYTES && ++keys < BATCH_KEYS) continue;
      await link.write(pieces, timeoutMs);
      // The kernel may have taken all at once: others get their turn.
      await new Promise((resolve) => setImmediate(resolve));
      engine.readTime();
      pieces = [];
      bytes = 0;
      keys = 0;
    }
    if (pieces.length > 0) await link.write(pieces, timeoutMs);
    this.#isWriting = false;
  }

  async #receive(cached: CachedLink): Promise<void> {
    const { auth, copy, database, timeoutMs } = this.#options;
    let first = auth.length > 0 ? 1 : 0;
    if (BigInt(cached.database) !== database) first++;
    const wanted = first + this.#sent.length;
    /** AUTH or SELECT was refused: whatever was restored is not where it belongs. */
    let astray = false;
    for (let got = 0; got < wanted; ) {
      const gone: HeldKey[] = [];
      for (const reply of await cached.link.read(timeoutMs)) {
        if (got === wanted) break;
        const refused = reply instanceof Error;
        if (refused) this.#refusal ??= errors.migrateRefused(reply.message);
        if (got < first) astray ||= refused;
        else {
          if (!refused && !astray) gone.push(this.#sent[this.#acknowledged]!);
          this.#acknowledged++;
        }
        got++;
      }
      if (!copy) this.#remove(gone);
    }
    cached.database = Number(database);
  }

  /** RESTORE of a key as it is now, in pieces; null: it is not there any more. */
  #restoreOf(hold: HeldKey): Uint8Array[] | null {
    const { keyspace, config } = this.#client.engine;
    const { db, key } = hold;
    const ref = db.find(key, 0, key.length);
    if (ref === 0) return null;
    hold.changed = false;
    const ttl = remaining(db, ref, keyspace.now);
    if (ttl === null) return null;
    const payload = dumpValue(db, ref, config.values.rdbcompression);
    const words = this.#options.replace ? 5 : 4;
    const head = `*${words}\r\n$7\r\nRESTORE\r\n$${key.length}\r\n`;
    const middle = `\r\n$${ttl.length}\r\n${ttl}\r\n$${payload.length}\r\n`;
    const end = this.#options.replace ? REPLACE_END : CRLF;
    return [Buffer.from(head, 'latin1'), key, Buffer.from(middle, 'latin1'), payload, end];
  }

  /** Removes keys that the target has. */
  #remove(holds: readonly HeldKey[]): void {
    const { engine } = this.#client;
    const { keyspace } = engine;
    const gone: Uint8Array[] = [];
    engine.readTime();
    for (const hold of holds) {
      const { db, key } = hold;
      const ref = db.find(key, 0, key.length);
      if (ref === 0) continue;
      if (hold.changed) {
        this.#keptChanged = true;
        continue;
      }
      keyspace.removeLazily(db, ref, keyspace.lazyFree.serverDel);
      keyspace.dirty++;
      gone.push(key);
      keyspace.touched(db, key, 0, key.length);
      keyspace.event(EVENT_GENERIC, 'del', db, key, 0, key.length);
    }
    if (gone.length === 0) return;
    engine.propagation.also(holds[0]!.db, TO_ALL, 'DEL', ...gone);
    if (engine.blocking.hasReady) engine.blocking.serveReady();
    engine.pushes.flush();
  }
}

const REPLACE_END = Buffer.from('\r\n$7\r\nREPLACE\r\n');

/** Time that an entry has left, in ms, as text; '0': for ever; null: none. */
function remaining(db: Database, ref: number, now: number): string | null {
  const when = deadlineOf(db, ref);
  if (when === -1) return '0';
  if (when < now) return null;
  const left = typeof when === 'bigint' ? when - BigInt(now) : Math.max(1, when - now);
  return String(left);
}

function commandOf(words: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word, 'latin1') : word;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

/** As Redis and the system read it: digits up to whatever else comes, 16 bits of them. */
function portOf(text: string): number {
  const port = Number.parseInt(text, 10);
  return Number.isNaN(port) ? 0 : port & 0xffff;
}
