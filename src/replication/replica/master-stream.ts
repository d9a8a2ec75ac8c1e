/**
 * The stream of the master, applied: its commands run as those of a client that must be obeyed and gets no replies,
 * and its bytes become our own history as they came, so that our replicas, and those of whoever is promoted, see the
 * same bytes at the same offsets.
 *
 * Our history never ends within a transaction. What has been read of one is held apart until EXEC has run, and is
 * asked for again if the link breaks before. The same holds for a command that is put off (a pause, a snapshot that
 * wants writers to wait): nothing behind it is read, and it counts as applied when it has run.
 */
import type { Client, Link } from '../../engine/client.ts';
import type { Engine } from '../../engine/engine.ts';
import {
  SERVER_NOREPLICAS,
  SERVER_READONLY,
  SERVER_STALE,
  STOP_BLOCKED,
  STOP_CLOSING,
} from '../../engine/gates.ts';
import { EXPIRE_IGNORED } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { COMMAND, INCOMPLETE, type ParseState, PROTOCOL_ERROR } from '../../resp/request-parser.ts';
import type { ReplicationStream } from '../stream/replication-stream.ts';
import type { MasterConnection } from './master-connection.ts';

const STAR = 42;
const CR = 13;
const LF = 10;
/** What a master's commands are never asked. */
const NOT_ASKED = SERVER_READONLY | SERVER_STALE | SERVER_NOREPLICAS;
/** What the master has taken as a bulk is one, whatever `proto-max-bulk-len` says here. */
const BULK_MAX = Number.MAX_SAFE_INTEGER;
/** An incomplete command that is shorter is parsed again, from its beginning. */
const SAVE_MIN = 4096;

export interface MasterStreamOptions {
  readonly engine: Engine;
  readonly stream: ReplicationStream;
  readonly connection: MasterConnection;
  /** Database that the stream is at. */
  readonly database: number;
  /** The client has been killed, or what has come is no stream of commands (`corrupt`: nothing of it is to be trusted). */
  onBroken(corrupt: boolean): void;
}

export class MasterStream implements Link {
  readonly kind = 'tcp';
  readonly client: Client;
  readonly #options: MasterStreamOptions;
  readonly #engine: Engine;
  readonly #stream: ReplicationStream;
  readonly #connection: MasterConnection;
  #state: ParseState | null = null;
  /** Bytes that have been read and are not applied: of a transaction, or of a command that is put off. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** While bytes are served: offset of the first, and how many of them are applied; -1: none yet. */
  #baseOffset = 0;
  #appliedAt = -1;
  #isPostponed = false;
  #isOver = false;
  /** As it was outside. */
  #expireMode = 0;
  #gates = 0;
  #bulkMax = 0;

  constructor(options: MasterStreamOptions) {
    const { engine } = options;
    this.#options = options;
    this.#engine = engine;
    this.#stream = options.stream;
    this.#connection = options.connection;
    this.client = engine.connect(this);
    // It has not come by itself.
    engine.stats.connectionsReceived--;
    engine.clients.authenticated(this.client, engine.acl.defaultUser);
    this.client.isMaster = true;
    this.client.mustObey = true;
    this.client.db = engine.keyspace.databases[options.database] ?? engine.keyspace.databases[0]!;
  }

  /** Bytes of the master's history that have been applied. */
  get appliedOffset(): number {
    return this.#appliedAt < 0 ? this.#stream.end : this.#baseOffset + this.#appliedAt;
  }

  /** Those that have come. */
  get readOffset(): number {
    return this.#stream.end + this.#heldBytes + this.#connection.waitingBytes;
  }

  get database(): number {
    return this.client.db.id;
  }

  /** Serves buf[0, end); returns how many bytes are done with. */
  take(buf: Uint8Array, end: number): number {
    const { client } = this;
    if (this.#isOver || client.stopped !== 0) return 0;
    const engine = this.#engine;
    const { parser } = engine;
    this.#enter();
    this.#baseOffset = this.#stream.end + this.#heldBytes;
    this.#appliedAt = -1;
    let at = 0;
    let broken = '';
    if (this.#state !== null) {
      parser.restore(this.#state);
      this.#state = null;
    } else if (isInline(buf[0]!)) broken = 'inline';
    while (at < end && broken === '') {
      const status = parser.parse(buf, at, end, true);
      if (status === COMMAND) {
        at = parser.next;
        engine.execute(client, parser.args);
        if (client.stopped !== 0) break;
        if (client.transaction === null) this.#appliedAt = at;
      } else if (status === INCOMPLETE) break;
      else if (status === PROTOCOL_ERROR) broken = parser.error;
      else {
        at = parser.next;
        if (client.transaction === null) this.#appliedAt = at;
      }
      if (at < end && isInline(buf[at]!)) broken = 'inline';
    }
    engine.settle();
    if (engine.propagation.lends) engine.propagation.flush();
    this.#leave();
    this.#account(buf, at);
    if (broken !== '' || (client.stopped & STOP_CLOSING) !== 0) {
      parser.reset();
      this.#break(broken);
      return at;
    }
    if (client.stopped !== 0) {
      parser.reset();
      this.#isPostponed = true;
      this.#connection.pause();
    } else if (at < end) this.#keep(at, end);
    return at;
  }

  /** An incomplete command: what is known of it is kept, if that is worth it. */
  #keep(at: number, end: number): void {
    const { parser } = this.#engine;
    const { missing } = parser;
    const length = end - at;
    if (length < SAVE_MIN && missing < SAVE_MIN) parser.reset();
    else this.#state = parser.save(at);
    this.#connection.need(length + missing);
  }

  /** buf[0, at) has been served: what is applied becomes history, the rest is held. */
  #account(buf: Uint8Array, at: number): void {
    const applied = this.#appliedAt;
    this.#appliedAt = -1;
    if (applied >= 0) {
      this.#release();
      this.#stream.append(buf, 0, applied);
    }
    const from = Math.max(0, applied);
    if (from < at) {
      this.#held.push(buf.slice(from, at));
      this.#heldBytes += at - from;
    }
  }

  /** What was held has been applied. */
  #release(): void {
    if (this.#heldBytes === 0) return;
    for (const bytes of this.#held) this.#stream.append(bytes, 0, bytes.length);
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** A command that was put off goes on (Engine.serveKept). */
  serveKept(args: Args): void {
    const { client } = this;
    const engine = this.#engine;
    if (this.#isOver) return;
    this.#enter();
    engine.execute(client, args);
    engine.settle();
    if (engine.propagation.lends) engine.propagation.flush();
    this.#leave();
    if (client.stopped === 0) this.resume();
    else if ((client.stopped & STOP_CLOSING) !== 0) this.#break('');
  }

  /** The client is not stopped any more. */
  resume(): void {
    if (this.#isOver || this.client.stopped !== 0) return;
    if (this.#engine.current !== null) {
      queueMicrotask(() => this.resume());
      return;
    }
    if (this.#isPostponed) {
      this.#isPostponed = false;
      if (this.client.transaction === null) this.#release();
    }
    this.#connection.resume();
  }

  /** The engine is this client's until `leave`. */
  #enter(): void {
    const engine = this.#engine;
    const { keyspace, parser, writer } = engine;
    this.#bulkMax = parser.bulkMax;
    parser.bulkMax = BULK_MAX;
    this.client.lastInteractionMs = engine.readTime() / 1000;
    this.#expireMode = keyspace.expireMode;
    keyspace.expireMode = EXPIRE_IGNORED;
    this.#gates = engine.gates & NOT_ASKED;
    engine.gates &= ~NOT_ASKED;
    engine.current = this.client;
    writer.sink = this;
    writer.resp = 2;
  }

  #leave(): void {
    const engine = this.#engine;
    engine.writer.flush();
    engine.current = null;
    engine.gates |= this.#gates;
    engine.keyspace.expireMode = this.#expireMode;
    engine.parser.bulkMax = this.#bulkMax;
  }

  #break(problem: string): void {
    if (problem === 'inline') {
      this.#engine.log.warning(
        'WARNING: Receiving inline protocol from master, master stream corruption? Closing the master connection and ' +
          'discarding the cached master.',
      );
    } else if (problem !== '') {
      this.#engine.log.warning(`Protocol error (${problem}) from master: addr=${this.peer}`);
    }
    this.#options.onBroken(problem !== '');
  }

  /** The link is gone, or is not wanted any more: what is not applied is forgotten. */
  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (!this.#isOver) this.#options.onBroken(false);
  }

  /** The client goes. Its place in the history stays as far as it was applied. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.client.stopped |= STOP_CLOSING;
    this.#held = [];
    this.#heldBytes = 0;
    this.#engine.clients.remove(this.client);
    this.client.stopped &= ~STOP_BLOCKED;
  }

  /** Replies are for nobody. */
  send(): boolean {
    return true;
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get local(): string {
    return this.#connection.local;
  }

  get fd(): number {
    return this.#connection.fd;
  }

  get pendingBytes(): number {
    return this.#connection.pendingBytes;
  }

  get argumentBytes(): number {
    return 0;
  }

  get inputBytes(): number {
    return this.#connection.waitingBytes;
  }

  get inputRoom(): number {
    return this.#connection.room;
  }
}

/** A master sends arrays; besides them, empty lines. */
function isInline(byte: number): boolean {
  return byte !== STAR && byte !== CR && byte !== LF;
}
