/**
 * What one client, and all of them together, may take of the server's memory. Beyond it clients are closed, with
 * Redis's log lines:
 *
 *   output   `client-output-buffer-limit`: bytes that a client has not read. The hard limit closes at once, the soft
 *            one when it has been exceeded for so many seconds. Connection.send tells when bytes stay behind
 *            (`outputGrew`), and before a large write (`accepts`), so that a reply beyond the limit is not begun;
 *            the cron looks at clients that stand still. Before AUTH a client may leave next to nothing unread.
 *   input    `client-query-buffer-limit`: bytes of a request that is still incomplete (`acceptsInput`).
 *   all      `maxmemory-clients`: when their sum is above it, the biggest are closed until it is below again,
 *            except those with CLIENT NO-EVICT. The sum is kept by difference: each client's size is counted again
 *            when its buffers grow and by the cron. Sizes that have shrunk since make the sum too large, so before
 *            anybody is closed all are counted again.
 *
 * Nothing here runs for a client that sends whole requests and reads its replies.
 */
import { reprQuoted } from '../../util/latin1.ts';
import type { Client } from '../client.ts';
import type { Engine } from '../engine.ts';
import { GATE_UNAUTHENTICATED, STOP_CLOSING } from '../gates.ts';
import { clientLine, clientType } from './client-line.ts';

/** What a connected client costs when nothing is buffered (measured: resident memory for each of 5000 idle ones). */
export const CLIENT_BASE_BYTES = 7168;
/** Positions in a request are 32-bit integers, whatever the limits allow. */
const INPUT_MAX = 0x7fffffff;
/** Reply bytes that a client may leave unread before it has authenticated. */
const UNAUTHENTICATED_OUTPUT_MAX = 1024;
/** Request bytes of a client that has not authenticated. */
const UNAUTHENTICATED_INPUT_MAX = 1024 * 1024;
/** A lower `maxmemory-clients` would lock everybody out. */
const EVICTION_LIMIT_MIN = 128 * 1024;
/** Bytes of the request that the log shows. */
const SHOWN_INPUT = 64;

export class ClientLimits {
  readonly #engine: Engine;
  /** Writes up to so many bytes need no look at the limits before they are made. */
  unaskedBytes = Number.POSITIVE_INFINITY;
  /** `maxmemory-clients` in bytes; 0: no limit. */
  #evictionLimit = 0;
  /** Memory of all clients, each as it was last counted. */
  #total = 0;
  #evicting = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    const { config } = engine;
    this.#configureOutput();
    this.#configureEviction();
    engine.info.field('mem_clients_normal', () => this.totalBytes());
    config.onChange('client-output-buffer-limit', () => this.#configureOutput());
    for (const name of ['maxmemory-clients', 'maxmemory'] as const) {
      config.onChange(name, () => {
        this.#configureEviction();
        this.evict();
      });
    }
  }

  #configureOutput(): void {
    const limits = this.#engine.config.values['client-output-buffer-limit'];
    let least = Number.POSITIVE_INFINITY;
    for (const { hardBytes } of [limits.normal, limits.pubsub, limits.replica]) {
      if (hardBytes !== 0) least = Math.min(least, hardBytes);
    }
    this.unaskedBytes = least - 1;
  }

  #configureEviction(): void {
    const { values } = this.#engine.config;
    const wanted = values['maxmemory-clients'];
    // A negative value is a percentage of maxmemory.
    const bytes = wanted < 0 ? Math.floor((values.maxmemory * -wanted) / 100) : wanted;
    this.#evictionLimit = bytes === 0 ? 0 : Math.max(bytes, EVICTION_LIMIT_MIN);
  }

  /** Memory of a client: itself, the requests it has begun, the replies it has not read. */
  bytesOf(client: Client): number {
    const { link } = client;
    return (
      CLIENT_BASE_BYTES +
      client.name.length +
      link.inputRoom +
      link.pendingBytes +
      client.engine.transactions.bytesOf(client) +
      (client.blocked?.bytes ?? 0) +
      (client.subscriptions === null ? 0 : client.subscriptions.bytes) +
      (client.tracking === null ? 0 : client.tracking.bytes)
    );
  }

  /** Whether a reply of so many bytes, most of them perhaps not taken yet, may be written. If not, the client closes. */
  accepts(client: Client, bytes: number): boolean {
    if (!this.#isOutputOver(client, bytes)) return true;
    this.closeForOutput(client);
    return false;
  }

  /** So many bytes of output have stayed behind, those of the replication stream not counted. */
  outputGrew(client: Client, pending: number): void {
    if (pending > client.peakOutput) client.peakOutput = pending;
    if (this.#isOutputOver(client, pending)) this.closeForOutput(client);
    else this.grew(client);
  }

  #isOutputOver(client: Client, ownPending: number): boolean {
    if ((client.gates & GATE_UNAUTHENTICATED) !== 0 && ownPending > UNAUTHENTICATED_OUTPUT_MAX) return true;
    const type = clientType(client);
    if (type === 'master') return false;
    const { values } = this.#engine.config;
    const { hardBytes, softBytes, softSeconds } = values['client-output-buffer-limit'][type];
    let pending = ownPending;
    let hard = hardBytes;
    if (client.replica !== null) {
      pending += client.replica.pendingBytes;
      // What the backlog keeps anyway costs nothing, and a replica that came back for all of it must not be dropped.
      if (hard !== 0) hard = Math.max(hard, values['repl-backlog-size']);
    }
    if (hard !== 0 && pending >= hard) return true;
    if (softBytes === 0 || pending < softBytes) {
      client.softLimitSinceMs = 0;
      return false;
    }
    const now = this.#engine.clock.monoMs();
    if (client.softLimitSinceMs === 0) client.softLimitSinceMs = now;
    return now - client.softLimitSinceMs > softSeconds * 1000;
  }

  /** Closes a client that does not read; its replies are dropped. */
  closeForOutput(client: Client): void {
    const engine = this.#engine;
    if ((client.stopped & STOP_CLOSING) === 0) {
      engine.stats.outputLimitDisconnections++;
      engine.log.warning(
        `Client ${clientLine(client)} scheduled to be closed ASAP for overcoming of output buffer limits.`,
      );
    }
    this.#close(client);
  }

  /** Closes at once; it may be the client whose command runs, which goes on without a reply. */
  #close(client: Client): void {
    client.stopped |= STOP_CLOSING;
    client.link.destroy();
    queueMicrotask(() => this.#engine.clients.remove(client));
  }

  /** Whether a client may hold so many bytes of an incomplete request. If not, it closes; `start` goes to the log. */
  acceptsInput(client: Client, bytes: number, start: Uint8Array): boolean {
    // What a master has let through is not too long.
    if (client.isMaster) return true;
    const engine = this.#engine;
    const unauthenticated = (client.gates & GATE_UNAUTHENTICATED) !== 0;
    const limit = Math.min(engine.config.values['client-query-buffer-limit'], INPUT_MAX);
    if (bytes <= (unauthenticated ? Math.min(limit, UNAUTHENTICATED_INPUT_MAX) : limit)) {
      this.grew(client);
      return true;
    }
    engine.stats.queryLimitDisconnections++;
    const shown = reprQuoted(start.subarray(0, SHOWN_INPUT));
    engine.log.warning(
      `Closing client that reached max query buffer length: ${clientLine(client)} (qbuf initial bytes: ${shown})`,
    );
    this.#close(client);
    return false;
  }

  /** A client's memory has changed: counts it again. */
  grew(client: Client): void {
    if (this.#evictionLimit === 0) return;
    this.#count(client);
    if (this.#total <= this.#evictionLimit || this.#evicting) return;
    // Not here: a command of this or another client may be running.
    this.#evicting = true;
    queueMicrotask(() => {
      this.#evicting = false;
      this.evict();
    });
  }

  /** The client is gone. */
  forget(client: Client): void {
    this.#total -= client.countedBytes;
    client.countedBytes = 0;
  }

  #count(client: Client): void {
    // What masters and replicas take is no fault of the clients that could be closed for it.
    const bytes = client.isMaster || client.replica !== null ? 0 : this.bytesOf(client);
    this.#total += bytes - client.countedBytes;
    client.countedBytes = bytes;
  }

  /** Closes the biggest clients while all of them together are above `maxmemory-clients`. */
  evict(): void {
    const limit = this.#evictionLimit;
    if (limit === 0) return;
    const { clients, log, stats } = this.#engine;
    for (const client of clients.all()) this.#count(client);
    if (this.#total <= limit) return;
    const biggestFirst = [...clients.all()]
      .filter((client) => !client.noEvict && client.replica === null && !client.isMaster)
      .sort((a, b) => b.countedBytes - a.countedBytes);
    for (const client of biggestFirst) {
      if (this.#total <= limit) return;
      log.notice(`Evicting client: ${clientLine(client)}`);
      stats.evictedClients++;
      this.forget(client);
      clients.kill(client);
    }
  }

  /** Memory of all clients, as of now. */
  totalBytes(): number {
    let bytes = 0;
    for (const client of this.#engine.clients.all()) bytes += this.bytesOf(client);
    return bytes;
  }
}
