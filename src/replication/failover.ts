/**
 * FAILOVER: a replica takes over from its master, and nothing is lost.
 *
 *     no-failover ──FAILOVER──> waiting-for-sync ──a replica has all──> failover-in-progress ──accepted──> no-failover
 *                                writers are held; the stream            we follow it, and PSYNC            (a replica)
 *                                stands still                            tells it to take over
 *                                    │                                        │
 *                                    └── time is up, ABORT ── refused, ABORT ─┴──> no-failover (a master)
 *
 * Nothing but writes may move the stream meanwhile, else nobody would reach its end: no pings, no requests for
 * acknowledgements. Replicas acknowledge once a second by themselves.
 */
import * as errors from '../engine/errors.ts';
import type { FailoverOrder } from '../engine/replication.ts';
import { ipOf } from './info.ts';
import type { Replica } from './master/replica.ts';
import type { Replicas } from './master/replicas.ts';
import type { MasterAddress, Shared } from './parts.ts';
import type { FailoverLink } from './replica/replica-side.ts';

export type FailoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress';

/** The changes of role that it needs. */
export interface FailoverRoles {
  readonly role: 'master' | 'replica';
  /** Follows a replica of ours, and tells it to take over. */
  follow(master: MasterAddress, link: FailoverLink): void;
  /** Is a master again. */
  promote(): void;
}

export class Failover {
  state: FailoverState = 'no-failover';
  readonly #shared: Shared;
  readonly #replicas: Replicas;
  readonly #roles: FailoverRoles;
  #target: MasterAddress | null = null;
  #force = false;
  /** On the monotonic clock; Infinity: never. */
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(shared: Shared, replicas: Replicas, roles: FailoverRoles) {
    this.#shared = shared;
    this.#replicas = replicas;
    this.#roles = roles;
    replicas.onAck.push(() => this.#look());
    shared.engine.cron.push({ name: 'failover', run: () => this.#look() });
  }

  /** Throws a ReplyError if it can't be. */
  start({ to, force, timeoutMs }: FailoverOrder): void {
    const { engine } = this.#shared;
    if (this.state !== 'no-failover') throw errors.FAILOVER_IN_PROGRESS;
    if (this.#roles.role === 'replica') throw errors.FAILOVER_ON_REPLICA;
    if (this.#replicas.all.length === 0) throw errors.FAILOVER_WITHOUT_REPLICAS;
    if (force && (timeoutMs === 0 || to === null)) throw errors.FORCED_FAILOVER_NEEDS;
    if (to !== null) {
      const replica = this.#replicaAt(to);
      if (replica === undefined) throw errors.FAILOVER_TARGET_UNKNOWN;
      if (replica.state !== 'online') throw errors.FAILOVER_TARGET_NOT_ONLINE;
    }
    engine.log.notice(
      to === null ? 'FAILOVER requested to any replica.' : `FAILOVER requested to ${to.host}:${to.port}.`,
    );
    this.state = 'waiting-for-sync';
    this.#target = to;
    this.#force = force;
    this.#untilMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : engine.clock.monoMs() + timeoutMs;
    this.#replicas.isPingPaused = true;
    engine.pause.pause('failover', Number.POSITIVE_INFINITY, false);
    engine.propagation.flush();
  }

  /** FAILOVER ABORT. Throws a ReplyError if there is nothing to abort. */
  abort(): void {
    if (this.state === 'no-failover') throw errors.NO_FAILOVER;
    this.#abort('Failover manually aborted');
  }

  #abort(reason: string): void {
    const to = this.#target === null ? 'any replica' : `${this.#target.host}:${this.#target.port}`;
    this.#shared.engine.log.notice(`FAILOVER to ${to} aborted: ${reason}`);
    if (this.state === 'failover-in-progress') this.#roles.promote();
    this.#over();
  }

  /** Writers go on; or, if we are a replica by now, they are refused. */
  #over(): void {
    this.state = 'no-failover';
    this.#target = null;
    this.#force = false;
    this.#replicas.isPingPaused = false;
    this.#shared.engine.pause.unpause('failover');
  }

  #look(): void {
    if (this.state !== 'waiting-for-sync') return;
    const { engine } = this.#shared;
    const target = this.#target;
    if (engine.clock.monoMs() >= this.#untilMs) {
      if (this.#force && target !== null) {
        engine.log.notice(`FAILOVER to ${target.host}:${target.port} time out exceeded, failing over.`);
        this.#handOver(target);
      } else this.#abort('Replica never caught up before timeout');
      return;
    }
    const ready = this.#replicas.all.find((replica) => this.#hasAll(replica));
    if (ready === undefined) return;
    const address = target ?? { host: ipOf(ready), port: ready.about.listeningPort };
    engine.log.notice(`Failover target ${address.host}:${address.port} is synced, failing over.`);
    this.#handOver(address);
  }

  #hasAll(replica: Replica): boolean {
    return (
      replica.state === 'online' &&
      replica.ackOffset === this.#shared.stream.end &&
      (this.#target === null || isAt(replica, this.#target))
    );
  }

  #handOver(target: MasterAddress): void {
    this.state = 'failover-in-progress';
    this.#target = target;
    this.#roles.follow(target, {
      onAccepted: () => this.#over(),
      onRefused: () => this.#abort('Failover target rejected psync request'),
    });
  }

  #replicaAt(address: MasterAddress): Replica | undefined {
    return this.#replicas.all.find((replica) => isAt(replica, address));
  }
}

function isAt(replica: Replica, { host, port }: MasterAddress): boolean {
  return replica.about.listeningPort === port && ipOf(replica).toLowerCase() === host.toLowerCase();
}
