/**
 * A client: the state of one connection that commands see and change. It knows its link only as a `Link`: a TCP
 * or unix socket (net/), or memory (embedded use, tests).
 */
import type { Database } from '../keyspace/database.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyWriter, Sink } from '../resp/reply-writer.ts';
import type { User } from './acl/user.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';
import type { Subscriptions } from './messages/pubsub.ts';
import type { TrackingState } from './messages/tracking.ts';
import type { AttachedReplica } from './replication.ts';
import type { Transaction, Watches } from './transactions.ts';

/** The transport behind a client. */
export interface Link extends Sink {
  readonly kind: 'tcp' | 'unix' | 'memory';
  /** `ip:port`, or `path:0` for a unix socket, as CLIENT LIST shows it. */
  readonly peer: string;
  readonly local: string;
  readonly fd: number;
  /** Reply bytes that the peer has not taken yet. */
  readonly pendingBytes: number;
  /** Of the request that is not whole yet: bytes of the arguments that are, and of what comes after them. */
  readonly argumentBytes: number;
  readonly inputBytes: number;
  /** Room held for both. */
  readonly inputRoom: number;
  /**
   * Sends bytes behind what is pending, without a copy: they must stay as they are until they have gone. True: they
   * have; else `gone` is called when they have, and nothing may be lent before (a link that is lost calls nobody).
   * They don't count as `pendingBytes`: whoever lends them counts them.
   */
  lend?(bytes: Uint8Array, gone: () => void): boolean;
  /** Lets the system gather small packets (Nagle's algorithm), or not. */
  gatherPackets?(on: boolean): void;
  /** Serves what has been held back while the client was stopped. */
  resume(): void;
  /** Serves a command that was put off, in a way of its own (the master's link). */
  serveKept?(args: Args): void;
  /** Sends what is pending, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

import { STOP_CLOSING } from './gates.ts';

export * from './gates.ts';

/** Why a client waits, and what to do when it stops waiting. */
export interface Blocked {
  /** For INFO and CLIENT LIST; `pause` for a postponed command. */
  readonly kind: 'list' | 'zset' | 'stream' | 'module' | 'wait' | 'pause' | 'shutdown' | 'work';
  /** Called when CLIENT UNBLOCK, a time-out or the end of the connection ends the wait. */
  cancel(reason: 'timeout' | 'error' | 'gone'): void;
  /** It ends by itself after some time. */
  readonly timed?: boolean;
  /** Memory of what is kept for it. */
  readonly bytes?: number;
  /** CLIENT UNBLOCK may end it. */
  readonly unblockable: boolean;
}

export class Client {
  readonly engine: Engine;
  readonly id: number;
  readonly link: Link;
  /** Where replies go while a command of this client is served. */
  out: ReplyWriter;
  db: Database;
  resp = 2;
  gates = 0;
  stopped = 0;
  /** Whose rights it has. */
  user: User;
  /** Whether it has proved to be that user; a server without a password believes everybody. */
  authenticated = true;
  name = '';
  libName = '';
  libVersion = '';
  blocked: Blocked | null = null;
  /** Between MULTI and EXEC. */
  transaction: Transaction | null = null;
  watches: Watches | null = null;
  /** A watched key has changed. */
  watchBroken = false;
  /** Channels and patterns; null: none. */
  subscriptions: Subscriptions | null = null;
  /** CLIENT TRACKING; null: off. */
  tracking: TrackingState | null = null;
  /** Pushes that wait to be sent (pushes.ts). */
  outbox: Buffer[] = [];
  /** Half a reply has been sent; nothing may come between. */
  midReply = false;
  noEvict = false;
  /** What it sends has been accepted before: it is the append-only file that is being loaded, or the master. */
  mustObey = false;
  /** It is the link to our master. */
  isMaster = false;
  /** It is a replica of ours; null: it isn't. */
  replica: AttachedReplica | null = null;
  /** master_repl_offset behind the last batch of its requests that wrote: what WAIT waits for; -1: all so far. */
  writeOffset = 0;
  readonly createdMs: number;
  lastInteractionMs: number;
  lastCommand: Command | null = null;
  /** Since when the soft output limit has been exceeded, ms; 0: it isn't. */
  softLimitSinceMs = 0;
  /** Most bytes of output that were pending at once, since the cron last looked. */
  peakOutput = 0;
  /** Memory when it was last looked at, as maxmemory-clients counts it. */
  countedBytes = 0;

  constructor(engine: Engine, id: number, link: Link, db: Database) {
    this.engine = engine;
    this.id = id;
    this.link = link;
    this.out = engine.writer;
    this.db = db;
    this.user = engine.acl.defaultUser;
    this.createdMs = engine.clock.monoMs();
    this.lastInteractionMs = this.createdMs;
  }

  /** Closes after the reply that is being written. */
  closeAfterReply(): void {
    this.stopped |= STOP_CLOSING;
  }

  /** Speaks RESP2 or RESP3 from the next reply on. */
  setProtocol(version: number): void {
    this.resp = version;
    this.out.resp = version;
  }
}
