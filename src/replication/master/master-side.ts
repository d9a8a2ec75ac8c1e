/**
 * Who follows us: REPLCONF, PSYNC and SYNC.
 *
 * A replica says who it is and what it can do (REPLCONF), then asks for the stream from a byte on (PSYNC id offset). It
 * gets that (+CONTINUE), or a snapshot first (+FULLRESYNC, full-sync.ts). SYNC is the old way: a snapshot, always.
 */
import { longArg } from '../../commands/keys/arguments.ts';
import { nextWord } from '../../config/words.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { GATE_MONITOR } from '../../engine/gates.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big } from '../../util/number-text.ts';
import type { Shared } from '../parts.ts';
import { FullSyncs, tell } from './full-sync.ts';
import { mayContinue } from './psync.ts';
import { Introduction, Replica } from './replica.ts';
import { Replicas } from './replicas.ts';

/** Longest ip-address that is taken. */
const ADDRESS_MAX = 255;

/** What this half must know of the other (whom we follow). */
export interface Upstream {
  /** The link to our master is up and its stream comes in: what we have is a state that others may follow. */
  readonly isConnected: boolean;
  /** PSYNC ... FAILOVER: from now on we are a master. The log says so. */
  promote(client: Client): void;
  /** REPLCONF GETACK: tells our master how far we are. */
  sendAck(): void;
}

export class MasterSide {
  readonly replicas: Replicas;
  readonly fullSyncs: FullSyncs;
  readonly #shared: Shared;
  /** What clients have said of themselves that are no replicas yet. */
  readonly #introductions = new WeakMap<Client, Introduction>();
  #upstream: Upstream | null = null;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.replicas = new Replicas(shared);
    this.fullSyncs = new FullSyncs(shared, this.replicas);
  }

  /** The other half. */
  connect(upstream: Upstream): void {
    this.#upstream = upstream;
  }

  /** The server ends. */
  close(): void {
    this.fullSyncs.close();
  }

  // ------------------------------------------------------------------------------------------------- REPLCONF

  replconf(client: Client, args: Args): void {
    if (args.count % 2 === 0) throw errors.SYNTAX;
    const about = this.#introductionOf(client);
    for (let i = 1; i < args.count; i += 2) {
      if (args.is(i, 'ack')) {
        this.#acknowledged(client, args, i);
        return;
      }
      if (args.is(i, 'getack')) {
        this.#upstream?.sendAck();
        return;
      }
      this.#introduce(about, args, i);
    }
    client.out.ok();
  }

  #introductionOf(client: Client): Introduction {
    if (client.replica instanceof Replica) return client.replica.about;
    let about = this.#introductions.get(client);
    if (about === undefined) {
      about = new Introduction();
      this.#introductions.set(client, about);
    }
    return about;
  }

  #introduce(about: Introduction, args: Args, i: number): void {
    const value = i + 1;
    if (args.is(i, 'listening-port')) about.listeningPort = longArg(args, value);
    else if (args.is(i, 'ip-address')) {
      if (args.len[value]! > ADDRESS_MAX) throw errors.replicaAddressTooLong(args.len[value]!);
      about.announcedIp = args.text(value);
    } else if (args.is(i, 'capa')) {
      // What we don't know is for others.
      if (args.is(value, 'eof')) about.capaEof = true;
      else if (args.is(value, 'psync2')) about.capaPsync2 = true;
    } else if (args.is(i, 'rdb-only')) {
      const only = longArg(args, value);
      if (only < 0 || only > 1) throw errors.outOfIntRange(0, 1);
      about.rdbOnly = only === 1;
    } else if (args.is(i, 'rdb-filter-only')) filter(about, args.text(value));
    else throw errors.unknownReplconf(args.text(i));
  }

  /** ACK offset [FACK offset]; nothing is replied. */
  #acknowledged(client: Client, args: Args, i: number): void {
    const replica = this.replicas.of(client);
    if (replica === null) return;
    const offset = parseInt64Big(args.buf, args.off[i + 1]!, args.len[i + 1]!);
    if (offset === null) return;
    let onDisk: number | null = null;
    if (args.count > i + 3 && args.is(i + 2, 'fack')) {
      const value = parseInt64Big(args.buf, args.off[i + 3]!, args.len[i + 3]!);
      if (value === null) return;
      onDisk = Number(value);
    }
    this.replicas.acked(replica, Number(offset), onDisk);
  }

  // ----------------------------------------------------------------------------------------------------- SYNC

  sync(client: Client, wanted: { id: string; offset: number; failover: boolean } | null): void {
    const { engine } = this.#shared;
    const { log, stats } = engine;
    if (client.replica !== null || (client.gates & GATE_MONITOR) !== 0) return;
    if (wanted?.failover === true) this.#takeOver(client, wanted.id);
    const replication = engine.replication!;
    if (replication.isFailingOver) throw errors.SYNC_WHILE_FAILING_OVER;
    if (replication.role === 'replica' && this.#upstream?.isConnected !== true)
      throw errors.SYNC_WITHOUT_MASTER;
    if (client.link.pendingBytes > 0 || client.out.pos > 0) throw errors.SYNC_WITH_PENDING_OUTPUT;
    const about = this.#introductionOf(client);
    const name = new Replica(client, about, this.#shared.stream, this.replicas).name;
    log.notice(`Replica ${name} asks for synchronization`);
    if (wanted !== null) {
      if (Number.isNaN(wanted.offset)) {
        log.warning(`Replica ${name} asks for synchronization but with a wrong offset`);
        throw errors.NOT_INTEGER;
      }
      if (mayContinue(this.#shared, name, wanted)) {
        stats.syncPartialOk++;
        this.#continue(client, about, wanted.offset);
        return;
      }
      if (!wanted.id.startsWith('?')) stats.syncPartialErr++;
    }
    const isFiltered = !about.wantsData || !about.wantsFunctions;
    if (isFiltered && !about.capaEof) throw errors.FILTERED_SYNC_NEEDS_EOF;
    stats.syncFull++;
    const replica = this.replicas.add(client, about);
    replica.isOldSync = wanted === null;
    this.fullSyncs.add(replica);
  }

  /** FAILOVER has chosen us: the one that was our master asks to follow. */
  #takeOver(client: Client, id: string): void {
    const { engine, history } = this.#shared;
    engine.log.warning(`Failover request received for replid ${id}.`);
    if (engine.replication!.role === 'master') throw errors.FAILOVER_SYNC_TO_MASTER;
    if (id.toLowerCase() !== history.id) throw errors.FAILOVER_SYNC_ID;
    this.#upstream?.promote(client);
  }

  /** Partial resync: the stream goes on where the replica was. */
  #continue(client: Client, about: Introduction, from: number): void {
    const { engine, history, stream } = this.#shared;
    const replica = this.replicas.add(client, about);
    // What lies in the read buffer belongs to the stream, too.
    engine.propagation.flush();
    replica.streamFrom(from);
    tell(client, about.capaPsync2 ? `CONTINUE ${history.id}` : 'CONTINUE');
    engine.log.notice(
      `Partial resynchronization request from ${replica.name} accepted. ` +
        `Sending ${stream.end + 1 - from} bytes of backlog starting from offset ${from}.`,
    );
    replica.goOnline();
  }
}

/** rdb-filter-only: what is named is all that the snapshot shall have. */
function filter(about: Introduction, text: string): void {
  const words: string[] = [];
  for (let at = 0; ; ) {
    const word = nextWord(text, at);
    if (word === undefined) break;
    if (word === null) throw errors.NO_RDB_FILTER;
    words.push(word.text);
    at = word.end;
  }
  about.wantsData = false;
  about.wantsFunctions = false;
  for (const word of words) {
    if (word.toLowerCase() !== 'functions') throw errors.unknownRdbFilter(word);
    about.wantsFunctions = true;
  }
}
