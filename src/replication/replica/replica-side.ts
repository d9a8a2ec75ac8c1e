/**
 * Whom we follow: the link to the master, from the first connection to the stream, and again after each break.
 *
 *     none ── follow ──> connect ──> connecting ──> handshake ──> sync ──> connected
 *                           ^            │              │  └─ +CONTINUE ──────^│
 *                           └────────────┴──────────────┴──────────┴───────────┘   the link breaks
 *
 * Our own history is the master's: the same id, and as many bytes as have been applied. So where to go on after a
 * break needs no notes, but whether there is such a place (`cached`), and the database that the stream was at.
 *
 * A link that breaks once it was up is tried again at once, and one that can't be had once a second.
 */
import type { Client } from '../../engine/client.ts';
import type { CronJob } from '../../engine/cron-job.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { MasterAddress, Shared } from '../parts.ts';
import { FullSyncPayload } from './full-sync-payload.ts';
import { Handshake, printable, type Verdict, words } from './handshake.ts';
import { MasterConnection } from './master-connection.ts';
import { MasterStream } from './master-stream.ts';

/** ROLE's words. */
export type LinkState = 'none' | 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected';

/** What a replica remembers of the stream that it has lost. */
export interface CachedMaster {
  /** Database that the stream was at. */
  readonly database: number;
}

/** The master that is followed is told to take over (FAILOVER). */
export interface FailoverLink {
  /** It does. */
  onAccepted(): void;
  /** It doesn't: `stop` and being a master again are up to the caller. */
  onRefused(text: string): void;
}

/** What the changes of the link mean for the rest of the server. */
export interface ReplicaSideEvents {
  /** A full sync: the data set is about to be another. Our replicas must go, what we have of the stream is worth nothing. */
  onNewData(): void;
  /** The master has another history than we thought, which goes on where we are: our replicas must be told. */
  onHistoryShifted(): void;
  /** `state` has changed. */
  onState(): void;
  /** slave_repl_offset whose effects are in a synced append-only file; null: there is none. */
  syncedOffset(): number | null;
}

const CRON_MS = 1000;
const NEWLINE = Buffer.from('\n');
const PREAMBLE_MAX = 1024;
const LF = 10;

type Phase = 'handshake' | 'preamble' | 'payload' | 'loaded' | 'stream';

export class ReplicaSide implements CronJob {
  readonly name = 'replica';
  state: LinkState = 'none';
  address: MasterAddress | null = null;
  /** Where to go on; null: only a full sync can help. */
  cached: CachedMaster | null = null;
  /** The snapshot that is coming, or being loaded. */
  payload: FullSyncPayload | null = null;
  /** When something came from the master last (monotonic ms). */
  lastIoMs = 0;
  /** When the link broke (wall clock, ms); 0: it is up, or has never been. */
  downSinceMs = 0;
  events: ReplicaSideEvents | null = null;
  protected readonly shared: Shared;
  #connection: MasterConnection | null = null;
  #handshake: Handshake | null = null;
  #stream: MasterStream | null = null;
  #phase: Phase = 'handshake';
  #verdict: Verdict | null = null;
  #failover: FailoverLink | null = null;
  /** When a connection was tried last, and when the cron was here (monotonic ms). */
  #triedMs = Number.NEGATIVE_INFINITY;
  #cronMs = Number.NEGATIVE_INFINITY;
  /** The master knows acknowledgements. */
  #acknowledges = true;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** The master's client, while connected. */
  get client(): Client | null {
    return this.#stream?.client ?? null;
  }

  /** slave_read_repl_offset and slave_repl_offset: bytes of the master's stream that have come, and been applied. */
  get readOffset(): number {
    return this.#stream?.readOffset ?? this.appliedOffset;
  }

  get appliedOffset(): number {
    if (this.#stream !== null) return this.#stream.appliedOffset;
    return this.cached === null ? 0 : this.shared.stream.end;
  }

  /**
   * Follows a master from now on, or another one: our replicas stay, and so does our place in the history, as what we
   * have may be what the new master has, too. `cached`: there is such a place although no master has been followed.
   */
  follow(address: MasterAddress, failover: FailoverLink | null = null): void {
    this.#drop();
    this.address = address;
    this.#failover = failover;
    this.#connect(`Connecting to MASTER ${address.host}:${address.port}`);
  }

  /** The data is loaded: the configured master, if there is one, is followed when the cron comes. */
  followSoon(): void {
    if (this.address !== null) this.#setState('connect');
  }

  /** Follows nobody any more. */
  stop(): void {
    this.#drop();
    this.#failover = null;
    this.forget();
    this.address = null;
    this.#setState('none');
  }

  /** The place in the history is worth nothing any more. */
  forget(): void {
    if (this.cached === null) return;
    this.cached = null;
    this.shared.engine.log.notice('Discarding previously cached master state.');
  }

  /** The server ends. */
  close(): void {
    this.#drop();
    this.state = 'none';
  }

  /** REPLCONF GETACK, and each second. */
  acknowledge(): void {
    if (this.#stream === null || !this.#acknowledges) return;
    const list = ['REPLCONF', 'ACK', String(this.appliedOffset)];
    const synced = this.events?.syncedOffset() ?? null;
    if (synced !== null) list.push('FACK', String(synced));
    this.#connection?.write(words(...list));
  }

  run(): void {
    if (this.address === null) return;
    const nowMs = this.shared.engine.clock.monoMs();
    if (nowMs - this.#cronMs < CRON_MS) return;
    this.#cronMs = nowMs;
    this.#checkTimeout(nowMs);
    if (this.state === 'connect') {
      this.#connect(`Connecting to MASTER ${this.address.host}:${this.address.port}`);
    }
    if (this.state === 'connected') this.acknowledge();
    // Loading takes its time; the master must not think that we are gone.
    else if (this.payload?.isLoading) this.#connection?.write(NEWLINE);
  }

  #checkTimeout(nowMs: number): void {
    const { log, config } = this.shared.engine;
    if (nowMs - this.lastIoMs <= config.values['repl-timeout'] * 1000) return;
    switch (this.state) {
      case 'connecting':
      case 'handshake':
        log.warning('Timeout connecting to the MASTER...');
        this.#retry();
        break;
      case 'sync':
        // What is complete needs the link no more.
        if (this.#phase === 'loaded' || this.payload?.isFull || this.payload?.isComplete) return;
        log.warning(
          "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' " +
            'parameter in redis.conf to a larger value.',
        );
        this.#retry();
        break;
      case 'connected':
        if (this.#stream!.client.stopped !== 0) return;
        log.warning('MASTER timeout: no data nor PING received...');
        this.#lost();
        break;
    }
  }

  #setState(state: LinkState): void {
    if (this.state === state) return;
    this.state = state;
    this.events?.onState();
  }

  // ------------------------------------------------------------------------------------------------ the link

  #connect(why: string): void {
    const { engine } = this.shared;
    const address = this.address!;
    engine.log.notice(why);
    engine.log.notice('MASTER <-> REPLICA sync started');
    this.#triedMs = engine.clock.monoMs();
    this.lastIoMs = this.#triedMs;
    this.#setState('connecting');
    const connection = new MasterConnection({
      address,
      localAddress: engine.config.values['bind-source-addr'],
      onConnect: () => this.#connected(),
      onBytes: (buf, end) => this.#take(buf, end),
      onRead: (count) => this.#read(count),
      onGone: (error) => this.#gone(error),
    });
    this.#connection = connection;
  }

  #connected(): void {
    const { engine, history, stream } = this.shared;
    const { config } = engine;
    engine.log.notice('Non blocking connect for SYNC fired the event.');
    this.#setState('handshake');
    this.#phase = 'handshake';
    const announced = config.values['replica-announce-port'];
    const failover = this.#failover;
    const handshake = new Handshake({
      config,
      log: engine.log,
      port: announced !== 0 ? announced : config.values.port,
      wanted: () => (this.cached === null ? null : { id: history.id, offset: stream.end + 1 }),
      failover: failover !== null,
      send: (bytes) => this.#connection?.write(bytes),
      onVerdict: (verdict) => {
        this.#verdict = verdict;
      },
      onFailed: () => this.#retryLater(),
      onFailoverRefused: (text) => {
        this.#retryLater();
        failover?.onRefused(text);
      },
    });
    this.#handshake = handshake;
    handshake.start();
  }

  #read(count: number): void {
    const { engine } = this.shared;
    this.lastIoMs = engine.clock.monoMs();
    engine.stats.netInputBytes += count;
    engine.stats.netReplInputBytes += count;
    engine.stats.readsProcessed++;
  }

  /** Bytes for whoever is in charge. */
  #take(buf: Uint8Array, end: number): number {
    switch (this.#phase) {
      case 'handshake':
        return this.#shake(buf, end);
      case 'preamble':
        return this.#readPreamble(buf, end);
      case 'payload':
        return this.#receive(buf, end);
      case 'loaded':
        return 0;
      case 'stream':
        return this.#stream!.take(buf, end);
    }
  }

  #shake(buf: Uint8Array, end: number): number {
    const taken = this.#handshake?.take(buf, end) ?? 0;
    const verdict = this.#verdict;
    if (verdict === null) return taken;
    this.#verdict = null;
    this.#handshake = null;
    const failover = this.#failover;
    this.#failover = null;
    failover?.onAccepted();
    if (verdict.kind === 'continue') this.#goOn(verdict.id);
    else {
      // What we have is still what it was: should the snapshot not come, it may go on somewhere else.
      this.#phase = 'preamble';
      this.#pending = { id: verdict.id, offset: verdict.offset };
      this.#setState('sync');
    }
    return taken;
  }

  /** What the full sync that is under way leads to. */
  #pending = { id: '', offset: -1 };

  /** The link has ended, or could not be made. */
  #gone(error: Error | null): void {
    const { log } = this.shared.engine;
    const reason = error === null ? 'Connection closed by peer' : errnoText(error);
    switch (this.state) {
      case 'connecting':
        log.warning(`Error condition on socket for SYNC: ${reason}`);
        this.#retryLater();
        break;
      case 'handshake':
        log.warning(`Failed to read response from the server: ${reason}`);
        log.warning('Master did not respond to command during SYNC handshake');
        this.#retryLater();
        break;
      case 'sync':
        if (this.#phase === 'loaded' || this.payload?.isComplete) return;
        if (this.#phase === 'preamble') log.warning(`I/O error reading bulk count from MASTER: ${reason}`);
        else if (!this.payload?.isLoading)
          log.warning(`I/O error trying to sync with MASTER: ${error === null ? 'connection lost' : reason}`);
        this.#retry();
        break;
      case 'connected':
        this.#lost();
        break;
    }
  }

  /** The link that was up is not any more. */
  #lost(): void {
    this.#drop();
    this.#setState('connect');
    this.#reconnect('');
  }

  /** The stream has broken off, by its own fault or because its client was killed. */
  #broken(corrupt: boolean): void {
    if (!corrupt) {
      this.#lost();
      return;
    }
    this.#drop();
    this.forget();
    this.#setState('connect');
  }

  /** What was tried has failed: again, at once. */
  #retry(): void {
    this.#drop();
    this.#setState('connect');
    this.#reconnect(' after failure');
  }

  /** The same, when the cron comes. */
  #retryLater(): void {
    this.#drop();
    this.#setState('connect');
  }

  /** Never more than once in a second. */
  #reconnect(why: string): void {
    const { clock } = this.shared.engine;
    if (this.address === null || clock.monoMs() - this.#triedMs < CRON_MS) return;
    this.#connect(`Reconnecting to MASTER ${this.address.host}:${this.address.port}${why}`);
  }

  /** Ends the link, and whatever is done with it. The place in the history stays. */
  #drop(): void {
    this.#connection?.close();
    this.#connection = null;
    this.#handshake = null;
    this.#verdict = null;
    const payload = this.payload;
    this.payload = null;
    payload?.abort();
    const stream = this.#stream;
    if (stream === null) return;
    const { engine } = this.shared;
    this.#stream = null;
    this.cached = { database: stream.database };
    this.downSinceMs = engine.nowMs;
    stream.close();
    engine.log.warning('Connection with master lost.');
    engine.log.notice('Caching the disconnected master state.');
  }

  // ------------------------------------------------------------------------------------------------ full sync

  #readPreamble(buf: Uint8Array, end: number): number {
    const lineEnd = buf.indexOf(LF);
    if (lineEnd < 0 || lineEnd >= end) {
      if (end > PREAMBLE_MAX) this.#badPreamble(Buffer.from(buf.subarray(0, 64)).toString('latin1'));
      return 0;
    }
    const line = Buffer.from(buf.subarray(0, lineEnd)).toString('latin1').trim();
    const taken = lineEnd + 1;
    // The master tells that it is still at it.
    if (line === '') return taken;
    const { log } = this.shared.engine;
    const bytes = /^\$([0-9]{1,15})$/.exec(line);
    const mark = /^\$EOF:(.{40})$/s.exec(line);
    if (line.startsWith('-')) {
      log.warning(`MASTER aborted replication with an error: ${printable(line.slice(1))}`);
      this.#retry();
    } else if (bytes !== null) this.#startPayload({ bytes: Number(bytes[1]) });
    else if (mark !== null) this.#startPayload({ mark: mark[1]! });
    else this.#badPreamble(line);
    return taken;
  }

  #badPreamble(line: string): void {
    this.shared.engine.log.warning(
      `Bad protocol from MASTER, the first byte is not '$' (we received '${printable(line)}'), are you sure the host and port are right?`,
    );
    this.#retry();
  }

  #startPayload(kind: { bytes: number } | { mark: string }): void {
    this.#phase = 'payload';
    const { id, offset } = this.#pending;
    let isOld = false;
    const payload: FullSyncPayload = new FullSyncPayload(this.shared, {
      kind,
      isSameHistory: id === this.shared.history.id,
      onLoading: () => {
        isOld = true;
        this.forget();
        this.events?.onNewData();
      },
      onEnd: (result) => {
        if (this.payload !== payload) return;
        this.payload = null;
        if (result instanceof Error) {
          this.#retry();
          return;
        }
        if (!isOld) {
          this.forget();
          this.events?.onNewData();
        }
        this.#synced(id, offset, result.streamDb);
      },
    });
    this.payload = payload;
    payload.onDrain = () => {
      if (this.payload === payload && !payload.isComplete) this.#connection?.resume();
    };
  }

  #receive(buf: Uint8Array, end: number): number {
    const { payload } = this;
    if (payload === null) return 0;
    const taken = payload.take(buf, 0, end);
    if (this.payload !== payload) return taken;
    if (payload.isComplete) {
      this.#phase = 'loaded';
      this.#connection?.pause();
    } else if (payload.isFull) this.#connection?.pause();
    return taken;
  }

  /** The data set is the master's. */
  #synced(id: string, offset: number, streamDb: number): void {
    const { history, stream } = this.shared;
    this.#acknowledges = offset >= 0;
    if (offset >= 0) history.follow(id);
    else history.renew();
    stream.end = Math.max(0, offset);
    stream.open();
    this.#begin(Math.max(0, streamDb));
    // A master without a file waits for that before it sends the stream.
    this.acknowledge();
    // The link may have gone while the data was loaded, which did not need it.
    if (this.#connection?.isClosed) this.#lost();
    else this.#connection?.resume();
  }

  /** The partial resync is granted. */
  #goOn(id: string | null): void {
    const { engine, history, stream } = this.shared;
    const database = this.cached?.database ?? 0;
    if (id !== null && id !== history.id) {
      history.masterShifted(id, stream.end);
      engine.log.notice(`Master replication ID changed to ${id}`);
      this.events?.onHistoryShifted();
    }
    engine.log.notice('MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.');
    if (!stream.isOpen) stream.open();
    this.#acknowledges = true;
    this.#begin(database);
  }

  #begin(database: number): void {
    const { engine, stream } = this.shared;
    this.cached = null;
    this.#phase = 'stream';
    this.downSinceMs = 0;
    this.#stream = new MasterStream({
      engine,
      stream,
      connection: this.#connection!,
      database,
      onBroken: (corrupt) => this.#broken(corrupt),
    });
    this.lastIoMs = engine.clock.monoMs();
    this.#setState('connected');
  }
}
