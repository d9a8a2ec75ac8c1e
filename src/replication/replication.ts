/**
 * Replication, put together: who follows us, whom we follow, and the changes of role between the two.
 *
 *     master ──REPLICAOF host port──> replica ──REPLICAOF NO ONE──> master with a history of its own
 */
import type { Client } from '../engine/client.ts';
import { clientLine } from '../engine/clients/client-line.ts';
import type { Engine } from '../engine/engine.ts';
import * as errors from '../engine/errors.ts';
import { SERVER_READONLY, SERVER_STALE, STOP_CLOSING } from '../engine/gates.ts';
import type { FailoverOrder, Replication as ReplicationFace } from '../engine/replication.ts';
import { EXPIRE_DELETES, EXPIRE_HIDES } from '../keyspace/keyspace.ts';
import type { DataFiles } from '../persistence/persistence.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { Failover } from './failover.ts';
import { History } from './history.ts';
import { type ReplicationSources, writeReplicationInfo, writeRole } from './info.ts';
import { LastWord } from './master/last-word.ts';
import { MasterSide, type Upstream } from './master/master-side.ts';
import { Waits } from './master/wait.ts';
import type { MasterAddress, Shared } from './parts.ts';
import { type FailoverLink, ReplicaSide } from './replica/replica-side.ts';
import { SyncedOffset } from './replica/synced-offset.ts';
import { SavedHistory } from './saved-history.ts';
import { ReplicationStream } from './stream/replication-stream.ts';

export class Replication implements ReplicationFace {
  readonly shared: Shared;
  readonly masterSide: MasterSide;
  readonly replicaSide: ReplicaSide;
  readonly lastWord: LastWord;
  readonly #waits: Waits;
  readonly #failover: Failover;

  constructor(engine: Engine, files: DataFiles) {
    this.shared = {
      engine,
      files,
      history: new History(engine.random),
      stream: new ReplicationStream(),
    };
    this.masterSide = new MasterSide(this.shared);
    this.replicaSide = new ReplicaSide(this.shared);
    files.history = new SavedHistory(this.shared, this.masterSide, this.replicaSide);
    const { replicas } = this.masterSide;
    this.lastWord = new LastWord(this.shared, replicas);
    this.#waits = new Waits(this.shared, replicas);
    this.#failover = new Failover(this.shared, replicas, this);
    const synced = new SyncedOffset(files.aof);
    engine.info.section('replication', (out) => writeReplicationInfo(out, this.#sources));
    this.replicaSide.events = {
      onNewData: () => this.#newData(),
      onHistoryShifted: () => this.masterSide.replicas.dropAll(),
      onState: () => this.#updateGates(),
      syncedOffset: () => synced.at(this.replicaSide.appliedOffset),
    };
    this.masterSide.connect(this.#upstream);
    engine.cron.push(this.replicaSide);
    const { config } = engine;
    for (const name of [
      'replica-read-only',
      'replica-serve-stale-data',
      'replica-ignore-maxmemory',
    ] as const) {
      config.onChange(name, () => this.#updateGates());
    }
    const { replicaof } = config.values;
    if (replicaof !== null) {
      this.replicaSide.address = replicaof;
      this.#becomeReplica();
    }
  }

  get role(): 'master' | 'replica' {
    return this.replicaSide.address === null ? 'master' : 'replica';
  }

  get id(): string {
    return this.shared.history.id;
  }

  get offset(): number {
    return this.shared.stream.end;
  }

  get isFailingOver(): boolean {
    return this.#failover.state !== 'no-failover';
  }

  /** What those who follow us must know of whom we follow. */
  get #upstream(): Upstream {
    const { replicaSide, shared } = this;
    return {
      get isConnected() {
        return replicaSide.state === 'connected';
      },
      promote: (client) => {
        this.promote();
        shared.engine.log.notice(`MASTER MODE enabled (failover request from '${clientLine(client)}')`);
      },
      sendAck: () => replicaSide.acknowledge(),
    };
  }

  get #sources(): ReplicationSources {
    const { engine, history, stream } = this.shared;
    return {
      engine,
      history,
      stream,
      replicas: this.masterSide.replicas,
      link: this.replicaSide,
      failoverState: this.#failover.state,
    };
  }

  /** The data is loaded: what it says of its history is taken up, and the configured master is followed. */
  loaded(): void {
    this.replicaSide.followSoon();
  }

  /** The server ends. */
  close(): void {
    this.replicaSide.close();
  }

  replicaOf(client: Client, master: MasterAddress | null): void {
    const { log } = this.shared.engine;
    const { address } = this.replicaSide;
    const asked = `user request from '${clientLine(client)}'`;
    if (master === null) {
      if (address !== null) {
        this.promote();
        log.notice(`MASTER MODE enabled (${asked})`);
      }
    } else if (address !== null && sameHost(address.host, master.host) && address.port === master.port) {
      log.notice(
        'REPLICAOF would result into synchronization with the master we are already connected with. ' +
          'No operation performed.',
      );
      client.out.simple('OK Already connected to specified master');
      return;
    } else {
      this.follow(master);
      log.notice(`REPLICAOF ${master.host}:${master.port} enabled (${asked})`);
    }
    client.out.ok();
  }

  /** Becomes a replica, or one of another master. `failover`: the new master is told to take over. */
  follow(master: MasterAddress, failover: FailoverLink | null = null): void {
    const { engine } = this.shared;
    const wasMaster = this.role === 'master';
    this.#unblockAll();
    if (wasMaster) {
      // Its effects so far belong to our history, of which the link goes on.
      engine.propagation.flush();
      this.masterSide.replicas.lead(false);
      this.masterSide.replicas.feed.open();
      engine.log.notice(
        'Before turning into a replica, using my own master parameters to synthesize a cached master: I may be ' +
          'able to synchronize with the new master with just a partial transfer.',
      );
      this.replicaSide.cached = { database: 0 };
    }
    engine.config.assign('replicaof', { host: master.host, port: master.port });
    this.replicaSide.follow(master, failover);
    if (wasMaster) this.#becomeReplica();
  }

  /**
   * Becomes a master with a history of its own, which goes on where the master's was followed to: our replicas come
   * back and go on, too.
   */
  promote(): void {
    const { engine, history, stream } = this.shared;
    if (this.role === 'master') return;
    this.replicaSide.stop();
    engine.config.assign('replicaof', null);
    history.shift(stream.end);
    engine.log.warning(
      `Setting secondary replication ID to ${history.id2}, valid up to offset: ${history.secondOffset}. ` +
        `New replication ID is ${history.id}`,
    );
    const { replicas } = this.masterSide;
    replicas.dropAll();
    engine.pause.setExpireMode(EXPIRE_DELETES);
    this.#updateGates();
    replicas.lead(true);
    // A full sync that has come to nothing has left it off.
    this.shared.files.aof.restartAfterSync();
  }

  #becomeReplica(): void {
    this.masterSide.replicas.lead(false);
    this.shared.engine.pause.setExpireMode(EXPIRE_HIDES);
    this.#updateGates();
  }

  /** The data set of a full sync replaces ours: what we have told our replicas is of no use to them any more. */
  #newData(): void {
    this.masterSide.replicas.dropAll();
    this.masterSide.replicas.feed.close();
  }

  #updateGates(): void {
    const { engine } = this.shared;
    const { values } = engine.config;
    engine.gates &= ~(SERVER_READONLY | SERVER_STALE);
    engine.upkeep.evictor.evictsOnReplica = this.role === 'replica' && !values['replica-ignore-maxmemory'];
    engine.keyspace.isWritableReplica = this.role === 'replica' && !values['replica-read-only'];
    if (this.role === 'master') return;
    if (values['replica-read-only']) engine.gates |= SERVER_READONLY;
    if (!values['replica-serve-stale-data'] && this.replicaSide.state !== 'connected') {
      engine.gates |= SERVER_STALE;
    }
  }

  /** Who waits for what a replica never does by itself would wait for ever. */
  #unblockAll(): void {
    const { engine } = this.shared;
    for (const client of [...engine.clients.all()]) {
      const { blocked } = client;
      if (blocked === null || blocked.kind === 'pause' || !blocked.unblockable) continue;
      blocked.cancel('gone');
      client.blocked = null;
      engine.deliver(client, (out) => out.error(errors.UNBLOCKED_BY_ROLE));
      client.stopped |= STOP_CLOSING;
      client.link.end();
    }
  }

  replconf(client: Client, args: Args): void {
    if (client.isMaster && args.count > 1 && args.is(1, 'getack')) {
      this.replicaSide.acknowledge();
      return;
    }
    this.masterSide.replconf(client, args);
  }

  sync(client: Client, wanted: { id: string; offset: number; failover: boolean } | null): void {
    this.masterSide.sync(client, wanted);
  }

  wait(client: Client, replicas: number, timeoutMs: number): void {
    this.#waits.wait(client, replicas, timeoutMs);
  }

  waitAof(client: Client, local: number, replicas: number, timeoutMs: number): void {
    this.#waits.waitAof(client, local, replicas, timeoutMs);
  }

  failover(client: Client, order: FailoverOrder | null): void {
    if (order === null) this.#failover.abort();
    else this.#failover.start(order);
    client.out.ok();
  }

  writeRole(out: ReplyWriter): void {
    writeRole(out, this.#sources);
  }

  replicate(words: readonly Uint8Array[]): void {
    this.masterSide.replicas.feed.command(words);
  }

  changeId(): void {
    this.shared.history.renew();
  }
}

function sameHost(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
