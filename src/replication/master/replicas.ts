/**
 * All replicas of ours: the list, the sending at the end of each turn of the event loop, pings, those that have gone
 * silent, those that are good (min-replicas-to-write), acknowledgements, and what is done when the last one has left.
 */
import type { Client } from '../../engine/client.ts';
import { GATE_REPLICA, SERVER_NOREPLICAS, SERVER_PAUSED } from '../../engine/gates.ts';
import type { Shared } from '../parts.ts';
import { Feed } from './feed.ts';
import { type Introduction, Replica, type ReplicaOwner } from './replica.ts';

const SECOND_MS = 1000;
/** What a replica may be late beyond min-replicas-max-lag. */
const ACK_SPARE_S = 0.5;
/** Kept by sockets as it is until it has gone. */
const NEWLINE = Buffer.from('\n');

export class Replicas implements ReplicaOwner {
  /** In the order in which they came. */
  readonly all: Replica[] = [];
  /** Told of each acknowledgement (WAIT, FAILOVER, SHUTDOWN). */
  readonly onAck: (() => void)[] = [];
  /** Told of each replica that is gone. */
  readonly onGone: ((replica: Replica) => void)[] = [];
  readonly feed: Feed;
  /** Nothing but writes may move the offset: a failover waits for a replica to reach it. */
  isPingPaused = false;
  readonly #shared: Shared;
  readonly #turn = (): void => this.#turnOver();
  #isScheduled = false;
  #wantsAcks = false;
  /** Since when there are none (monotonic ms): repl-backlog-ttl counts from there. */
  #noneSinceMs: number;
  #secondMs: number;
  /** Of the cron; Redis counts its first run, at the start, when nobody can be there yet. */
  #seconds = 1;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.feed = new Feed(shared);
    const { engine, stream } = shared;
    const { config } = engine;
    this.#noneSinceMs = engine.clock.monoMs();
    this.#secondMs = this.#noneSinceMs;
    stream.backlogBytes = config.values['repl-backlog-size'];
    stream.onAppend = () => {
      if (this.all.length !== 0) this.sendSoon();
    };
    config.onChange('repl-backlog-size', () => {
      stream.backlogBytes = config.values['repl-backlog-size'];
    });
    for (const name of ['min-replicas-to-write', 'min-replicas-max-lag'] as const) {
      config.onChange(name, () => this.updateGate());
    }
    this.updateGate();
    engine.upkeep.memory.stream = stream;
    engine.clients.onGone.push((client) => this.#remove(client));
    engine.cron.push({ name: 'replicas', run: () => this.#cron() });
  }

  /** The client becomes a replica: `client.replica` is set, the stream is opened if it is not. */
  add(client: Client, about: Introduction): Replica {
    const { engine, stream } = this.#shared;
    const replica = new Replica(client, about, stream, this);
    replica.ackMs = engine.clock.monoMs();
    client.replica = replica;
    client.gates |= GATE_REPLICA;
    this.all.push(replica);
    this.feed.openAnew();
    // From now on somebody wants to be told at the end of the turn.
    stream.told();
    if (engine.config.values['repl-disable-tcp-nodelay']) client.link.gatherPackets?.(true);
    this.updateGate();
    return replica;
  }

  /** Of a client that is one. */
  of(client: Client): Replica | null {
    return client.replica === null ? null : (this.all.find((replica) => replica.client === client) ?? null);
  }

  #remove(client: Client): void {
    const replica = this.of(client);
    if (replica === null) return;
    const { engine } = this.#shared;
    engine.log.warning(`Connection with replica ${replica.name} lost.`);
    this.all.splice(this.all.indexOf(replica), 1);
    replica.close();
    if (this.all.length === 0) this.#noneSinceMs = engine.clock.monoMs();
    this.updateGate();
    for (const tell of this.onGone) tell(replica);
  }

  /** We have become a master, or a replica: who feeds the stream, and whether replicas are needed for writing. */
  lead(on: boolean): void {
    this.feed.lead(on);
    if (on) this.#noneSinceMs = this.#shared.engine.clock.monoMs();
    this.updateGate();
  }

  stateChanged(): void {
    this.updateGate();
  }

  /**
   * Online, and with an ACK within min-replicas-max-lag and half a second: replicas send one each second, so a limit of
   * 1 needs something to spare. It is what Redis's comparison of whole seconds comes to in the mean.
   */
  get goodCount(): number {
    const { engine } = this.#shared;
    const sinceMs =
      engine.clock.monoMs() - (engine.config.values['min-replicas-max-lag'] + ACK_SPARE_S) * SECOND_MS;
    let good = 0;
    for (const replica of this.all) if (replica.state === 'online' && replica.ackMs > sinceMs) good++;
    return good;
  }

  /** Sets SERVER_NOREPLICAS by `min-replicas-to-write`. */
  updateGate(): void {
    const { engine } = this.#shared;
    const { values } = engine.config;
    const least = values['min-replicas-to-write'];
    const counts = least !== 0 && values['min-replicas-max-lag'] !== 0 && this.feed.isLeading;
    if (counts && this.goodCount < least) engine.gates |= SERVER_NOREPLICAS;
    else engine.gates &= ~SERVER_NOREPLICAS;
  }

  /** How many have acknowledged byte `offset`. */
  acknowledged(offset: number): number {
    let count = 0;
    for (const { state, ackOffset } of this.all) if (state === 'online' && ackOffset >= offset) count++;
    return count;
  }

  /** The same of what they have on disk (WAITAOF). */
  acknowledgedOnDisk(offset: number): number {
    let count = 0;
    for (const { state, aofAckOffset } of this.all) if (state === 'online' && aofAckOffset >= offset) count++;
    return count;
  }

  /** REPLCONF ACK offset [FACK offset] has come. */
  acked(replica: Replica, offset: number, aofOffset: number | null): void {
    replica.acknowledge(offset, aofOffset);
    for (const tell of this.onAck) tell();
  }

  /** Asks all for an acknowledgement (REPLCONF GETACK in the stream), once a turn at most; later if the server is paused. */
  askForAcks(): void {
    this.#wantsAcks = true;
    this.sendSoon();
  }

  /** The same at once, paused or not. */
  askForAcksNow(): void {
    this.#wantsAcks = false;
    if (this.all.length !== 0) this.feed.getAck();
  }

  /** Closes the links of all replicas. */
  dropAll(): void {
    const { clients } = this.#shared.engine;
    for (const { client } of [...this.all]) clients.kill(client);
  }

  /** Sends at the end of this turn of the event loop. */
  sendSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  #turnOver(): void {
    const { engine, stream } = this.#shared;
    this.#isScheduled = false;
    if (this.#wantsAcks && (engine.gates & SERVER_PAUSED) === 0) this.askForAcksNow();
    stream.told();
    const { all } = this;
    // One that is closed for its limit leaves the list.
    for (let i = all.length - 1; i >= 0; i--) {
      const replica = all[i]!;
      replica.send();
      if (replica.pendingBytes !== 0) {
        engine.clients.limits.outputGrew(replica.client, replica.client.link.pendingBytes);
      }
    }
  }

  #cron(): void {
    const { engine } = this.#shared;
    if (this.#wantsAcks) this.sendSoon();
    // At each tick: a master that is cut off stops to take writes half a second after the limit, not up to two.
    if (engine.config.values['min-replicas-to-write'] !== 0) this.updateGate();
    const now = engine.clock.monoMs();
    if (now - this.#secondMs < SECOND_MS) return;
    this.#secondMs = now - this.#secondMs < 2 * SECOND_MS ? this.#secondMs + SECOND_MS : now;
    if (this.all.length === 0) this.#dropBacklog(now);
    else this.#look(now);
    this.#seconds++;
  }

  /** Once a second. */
  #look(nowMs: number): void {
    const { engine } = this.#shared;
    const { values } = engine.config;
    if (this.#seconds % values['repl-ping-replica-period'] === 0 && !this.isPingPaused) this.feed.ping();
    const timeoutMs = values['repl-timeout'] * SECOND_MS;
    for (const replica of [...this.all]) {
      const { client, state } = replica;
      if (state === 'online') {
        if (replica.isOldSync || nowMs - replica.ackMs <= timeoutMs) continue;
        engine.log.warning(`Disconnecting timedout replica (streaming sync): ${replica.name}`);
        engine.clients.kill(client);
      } else if (state === 'wait-bgsave-start' || (state === 'wait-bgsave-end' && !replica.isDiskless)) {
        client.link.send(NEWLINE, NEWLINE.length);
      }
    }
  }

  /** repl-backlog-ttl: nobody has come back for so long that nothing is kept any more. */
  #dropBacklog(nowMs: number): void {
    const { engine, history, stream } = this.#shared;
    const ttl = engine.config.values['repl-backlog-ttl'];
    if (ttl === 0 || !stream.isOpen || !this.feed.isLeading) return;
    if (nowMs - this.#noneSinceMs <= ttl * SECOND_MS) return;
    // What is written from now on is not kept: whoever follows this history must not be taken for one that is up to date.
    history.renew();
    this.feed.close();
    engine.log.notice(`Replication backlog freed after ${ttl} seconds without connected replicas.`);
  }
}
