/**
 * Full syncs: when a snapshot is taken for replicas, who gets it, and how.
 *
 *     wait-bgsave-start ──begin──> wait-bgsave-end ──saved──> send-bulk ──sent──> online            by a file
 *                                         └──────sent as it is made──────> online, after an ACK     diskless
 *
 * There is one snapshot at a time, of BGSAVE, AOF rewrites and full syncs together. Who comes while one is saved for
 * others gets that, too; who comes while one is being sent to sockets waits for the next. A diskless one waits
 * `repl-diskless-sync-delay` for more replicas before it begins. What a snapshot leaves out (`rdb-filter-only`) is one
 * of its own, and never a file.
 *
 * The stream behind a snapshot is kept for each replica from the moment of the snapshot on (Replica.streamFrom).
 */

import type { Client } from '../../engine/client.ts';
import { SERVER_LOADING } from '../../engine/gates.ts';
import { rdbFormatOptions } from '../../persistence/rdb/rdb-options.ts';
import { RdbFormat } from '../../rdb/save/rdb-format.ts';
import { errnoText } from '../../util/errno-text.ts';
import { randomHex } from '../../util/random.ts';
import type { Shared } from '../parts.ts';
import { FileTransfer } from './file-transfer.ts';
import type { Introduction, Replica } from './replica.ts';
import type { Replicas } from './replicas.ts';
import { SocketTransfer } from './socket-transfer.ts';

const MARK_DIGITS = 40;
const SECOND_MS = 1000;
/** Number of the signal by which Redis ends its child (SIGUSR1): the log says it. */
const KILL_SIGNAL = 10;
/** A clock that is read in milliseconds may be a little early. */
const DELAY_SLACK_MS = 1;

/** A snapshot for replicas that is under way. */
type Running =
  | { readonly kind: 'file'; readonly offset: number; readonly for: Replica }
  | { readonly kind: 'sockets'; readonly transfer: SocketTransfer };

/** The end of a transfer that nobody wants any more. */
class Killed extends Error {}

export class FullSyncs {
  readonly #shared: Shared;
  readonly #replicas: Replicas;
  #running: Running | null = null;
  /** Since when replicas wait for a snapshot to begin (monotonic ms). */
  readonly #waitsSinceMs = new Map<Replica, number>();
  readonly #files = new Map<Replica, FileTransfer>();
  /** The file there is was saved for replicas only. */
  #isFileOurs = false;

  constructor(shared: Shared, replicas: Replicas) {
    this.#shared = shared;
    this.#replicas = replicas;
    replicas.onGone.push((replica) => this.#gone(replica));
    shared.engine.cron.push({ name: 'full-syncs', run: () => this.#cron() });
  }

  /** A new replica needs a snapshot. */
  add(replica: Replica): void {
    const { engine } = this.#shared;
    const { log } = engine;
    const { values } = engine.config;
    const running = this.#running;
    this.#waitsSinceMs.set(replica, engine.clock.monoMs());
    if (running?.kind === 'sockets') {
      log.notice('Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC');
    } else if (running !== null || this.#shared.files.saver.isSaving) {
      const other = running === null ? undefined : this.#oneToJoin(replica);
      if (running === null || other === undefined) {
        log.notice("Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC");
        return;
      }
      this.#setUp(replica, running.kind === 'file' ? running.offset : 0, false);
      log.notice('Waiting for end of BGSAVE for SYNC');
    } else if (
      values['repl-diskless-sync'] &&
      replica.about.capaEof &&
      values['repl-diskless-sync-delay'] > 0
    ) {
      log.notice('Delay next BGSAVE for diskless SYNC');
    } else if (this.#mayBegin) this.#begin(replica.about);
    else {
      log.notice('No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed');
    }
  }

  /** A replica that waits for the file that is being saved, and that asked for no more than this one can take. */
  #oneToJoin(replica: Replica): Replica | undefined {
    const { about } = replica;
    return this.#replicas.all.find(
      (other) =>
        other !== replica &&
        other.state === 'wait-bgsave-end' &&
        !other.isDiskless &&
        (!other.rdbOnly || replica.rdbOnly) &&
        (about.capaEof || !other.about.capaEof) &&
        (about.capaPsync2 || !other.about.capaPsync2) &&
        wantsSame(about, other.about),
    );
  }

  get #mayBegin(): boolean {
    const { engine, files } = this.#shared;
    return this.#running === null && files.saver.mayBeginForReplicas && (engine.gates & SERVER_LOADING) === 0;
  }

  #cron(): void {
    this.#dropStalled();
    this.beginIfDue();
    this.#removeFile();
  }

  /** Begins a snapshot for those who wait, if one may begin and has not to wait for more of them. */
  beginIfDue(): void {
    const { engine } = this.#shared;
    // Amid EXEC (one of its commands has ended the snapshot before this one) there are changes that the stream does not
    // have yet: they would be in the snapshot, and come once more behind it.
    if (engine.propagation.isRunning) return;
    if (this.#waitsSinceMs.size === 0 || !this.#mayBegin) return;
    const { values } = engine.config;
    const [first] = this.#waitsSinceMs.keys();
    const { about } = first!;
    const now = engine.clock.monoMs();
    let waiting = 0;
    let longestMs = 0;
    for (const [replica, sinceMs] of this.#waitsSinceMs) {
      if (!wantsSame(replica.about, about)) continue;
      waiting++;
      longestMs = Math.max(longestMs, now - sinceMs);
    }
    const enough = values['repl-diskless-sync-max-replicas'];
    const delayMs = values['repl-diskless-sync-delay'] * SECOND_MS;
    const isDue =
      !values['repl-diskless-sync'] ||
      (enough > 0 && waiting >= enough) ||
      longestMs >= delayMs - DELAY_SLACK_MS;
    if (isDue) this.#begin(about);
  }

  /** Begins a snapshot for all who wait for one like this. */
  #begin(like: Introduction): void {
    const { engine, stream } = this.#shared;
    const waiting = [...this.#waitsSinceMs.keys()].filter(({ about }) => wantsSame(about, like));
    const isFiltered = !like.wantsData || !like.wantsFunctions;
    const canStream = waiting.every(({ about }) => about.capaEof);
    const diskless = (engine.config.values['repl-diskless-sync'] || isFiltered) && canStream;
    engine.log.notice(`Starting BGSAVE for SYNC with target: ${diskless ? 'replicas sockets' : 'disk'}`);
    // From here to the snapshot nothing is told: the end of the stream is its moment.
    engine.propagation.flush();
    const offset = stream.end;
    if (diskless) {
      for (const replica of waiting) this.#setUp(replica, offset, true);
      this.#stream(waiting, like);
    } else {
      this.#running = { kind: 'file', offset, for: waiting[0]! };
      this.#isFileOurs = engine.config.values['rdb-del-sync-files'];
      this.#shared.files.saver.beginForReplicas((error) => this.#saved(error));
      for (const replica of waiting) this.#setUp(replica, offset, false);
    }
  }

  /** A replica will get the snapshot of this moment, and what comes behind it. */
  #setUp(replica: Replica, offset: number, diskless: boolean): void {
    const { engine, history, stream } = this.#shared;
    this.#waitsSinceMs.delete(replica);
    replica.state = 'wait-bgsave-end';
    replica.isDiskless = diskless;
    replica.streamFrom(offset + 1);
    // It does not know which database the stream is in.
    engine.propagation.forceSelect(stream);
    if (!replica.isOldSync) {
      tell(replica.client, `FULLRESYNC ${history.id} ${offset}`);
    }
  }

  // ------------------------------------------------------------------------------------------------ by a file

  #saved(error: Error | null): void {
    const { engine } = this.#shared;
    this.#running = null;
    for (const replica of [...this.#replicas.all]) {
      if (replica.state !== 'wait-bgsave-end') continue;
      if (error === null) this.#sendFile(replica);
      else {
        engine.log.warning('SYNC failed. BGSAVE child returned an error');
        engine.clients.kill(replica.client);
      }
    }
    this.beginIfDue();
  }

  #sendFile(replica: Replica): void {
    const { engine, files } = this.#shared;
    const { client } = replica;
    try {
      const transfer = new FileTransfer(files.fs, files.saver.path, client.link, (error) => {
        this.#files.delete(replica);
        if (error === null) {
          engine.stats.netReplOutputBytes += transfer.size;
          this.#fileSent(replica);
        } else {
          engine.log.warning(`Read error sending DB to replica: ${errnoText(error)}`);
          engine.clients.kill(client);
        }
      });
      this.#files.set(replica, transfer);
      replica.state = 'send-bulk';
    } catch (error) {
      engine.log.warning(`SYNC failed. Can't open/stat DB after BGSAVE: ${errnoText(error)}`);
      engine.clients.kill(client);
    }
  }

  #fileSent(replica: Replica): void {
    const { engine } = this.#shared;
    if (replica.rdbOnly) this.#disconnect(replica);
    else {
      replica.goOnline();
      engine.log.notice(`Synchronization with replica ${replica.name} succeeded`);
    }
  }

  /** It has what it came for. */
  #disconnect(replica: Replica): void {
    this.#shared.engine.log.notice(
      `RDB transfer completed, rdb only replica (${replica.name}) should be disconnected asap`,
    );
    replica.state = 'send-bulk';
    replica.client.link.end();
  }

  /** rdb-del-sync-files: where nothing else is saved, the file goes when all have it. */
  #removeFile(): void {
    if (!this.#shared.engine.config.values['rdb-del-sync-files']) this.#isFileOurs = false;
    if (!this.#isFileOurs || this.#running !== null || this.#files.size > 0) return;
    const { engine, files } = this.#shared;
    const { values } = engine.config;
    if (values.save.length > 0 || values.appendonly) return;
    if (files.saver.isSaving || this.#replicas.all.some(({ state }) => state !== 'online')) return;
    this.#isFileOurs = false;
    engine.log.notice('Removing the RDB file used to feed replicas in a persistence-less instance');
    files.fs.unlink(files.saver.path, () => {});
  }

  // -------------------------------------------------------------------------------------------------- diskless

  #stream(replicas: readonly Replica[], like: Introduction): void {
    const { engine, files } = this.#shared;
    const mark = randomHex(engine.random, MARK_DIGITS);
    const clients = replicas.map(({ client }) => client);
    const transfer = new SocketTransfer(engine.clock, clients, mark, () => this.#streamed());
    const format = new RdbFormat(
      engine.keyspace,
      transfer,
      rdbFormatOptions(engine, {
        aofBase: false,
        replication: files.history?.aux() ?? null,
        functions: like.wantsFunctions ? files.functions.sources : [],
      }),
    );
    this.#running = { kind: 'sockets', transfer };
    engine.log.notice(`Background RDB transfer started by pid ${process.pid}`);
    files.saver.transferBegins(() => this.#stopStreaming(new Killed()));
    if (!like.wantsData) {
      format.begin();
      format.end();
      transfer.end();
      return;
    }
    files.snapshots.start({
      format,
      backlog: transfer,
      sparesWriters: true,
      onEnd: (error) => {
        if (this.#running?.kind !== 'sockets' || this.#running.transfer !== transfer) return;
        if (error === null) transfer.end();
        else this.#stopStreaming(error);
      },
    });
  }

  /** All have everything. */
  #streamed(): void {
    const { engine, files } = this.#shared;
    const { log } = engine;
    const transfer = this.#endStreaming();
    log.warning(
      `Diskless rdb transfer, done reading from pipe, ${transfer?.receivers ?? 0} replicas still up.`,
    );
    files.saver.transferEnds();
    log.notice('Background RDB transfer terminated with success');
    for (const replica of this.#streaming()) {
      log.notice(
        `Streamed RDB transfer with replica ${replica.name} succeeded (socket). ` +
          'Waiting for REPLCONF ACK from slave to enable streaming',
      );
      if (replica.rdbOnly) {
        this.#disconnect(replica);
        continue;
      }
      replica.awaitsFirstAck = true;
      replica.goOnline();
      log.notice(`Synchronization with replica ${replica.name} succeeded`);
    }
    this.beginIfDue();
  }

  /** The snapshot has failed, or nobody wants it any more. */
  #stopStreaming(error: Error): void {
    const { engine, files } = this.#shared;
    const transfer = this.#endStreaming();
    if (transfer === null) return;
    transfer.close();
    files.saver.transferEnds();
    if (files.snapshots.active) files.snapshots.abort(error);
    if (error instanceof Killed) {
      engine.log.warning(`Background transfer terminated by signal ${KILL_SIGNAL}`);
    } else {
      engine.log.warning(errnoText(error));
      engine.log.warning('Background transfer error');
    }
    for (const { client } of this.#streaming()) {
      engine.log.warning('SYNC failed. BGSAVE child returned an error');
      engine.clients.kill(client);
    }
    this.beginIfDue();
  }

  #endStreaming(): SocketTransfer | null {
    const running = this.#running;
    if (running?.kind !== 'sockets') return null;
    this.#running = null;
    return running.transfer;
  }

  #streaming(): Replica[] {
    return this.#replicas.all.filter(({ state, isDiskless }) => state === 'wait-bgsave-end' && isDiskless);
  }

  #dropStalled(): void {
    const running = this.#running;
    if (running?.kind !== 'sockets') return;
    const { engine } = this.#shared;
    const limitMs = engine.config.values['repl-timeout'] * SECOND_MS;
    for (const replica of this.#streaming()) {
      if (running.transfer.stalledMs(replica.client) <= limitMs) continue;
      engine.log.warning(`Disconnecting timedout replica (full sync): ${replica.name}`);
      engine.clients.kill(replica.client);
    }
  }

  // --------------------------------------------------------------------------------------------- who leaves

  #gone(replica: Replica): void {
    const { engine, files } = this.#shared;
    this.#waitsSinceMs.delete(replica);
    this.#files.get(replica)?.stop();
    this.#files.delete(replica);
    const running = this.#running;
    if (running?.kind === 'sockets') {
      running.transfer.remove(replica.client);
      if (this.#running !== running || running.transfer.receivers > 0) return;
      engine.log.warning('Diskless rdb transfer, last replica dropped, killing fork child.');
      this.#stopStreaming(new Killed());
    } else if (running !== null && replica.state === 'wait-bgsave-end') {
      // A file that nobody waits for is of no use, unless it is to be kept.
      if (engine.config.values.save.length > 0) return;
      if (this.#replicas.all.some(({ state }) => state === 'wait-bgsave-end')) return;
      files.saver.kill();
    }
  }

  /** The server ends. */
  close(): void {
    for (const transfer of this.#files.values()) transfer.stop();
    this.#files.clear();
  }
}

function wantsSame(one: Introduction, other: Introduction): boolean {
  return one.wantsData === other.wantsData && one.wantsFunctions === other.wantsFunctions;
}

/** A line for a replica. If it is being served the line goes at once: what is lent to its link comes behind. */
export function tell(client: Client, line: string): void {
  const { engine } = client;
  engine.deliver(client, (out) => out.simple(line));
  if (client === engine.current) engine.writer.flush();
}
