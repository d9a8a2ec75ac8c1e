/**
 * A replica of ours: how far its sync has come, what it has told of itself, and the sending of the stream.
 *
 *     wait-bgsave-start ──> wait-bgsave-end ──> send-bulk ──> online           full sync
 *     online                                                                   partial resync
 *
 * The stream is sent from the blocks it is kept in (Link.lend): the cursor moves on when the system has taken the bytes.
 */
import type { Client } from '../../engine/client.ts';
import { STOP_CLOSING } from '../../engine/gates.ts';
import type { AttachedReplica } from '../../engine/replication.ts';
import type { Cursor, ReplicationStream } from '../stream/replication-stream.ts';
import { lendTo } from './lend.ts';

export type ReplicaState = 'wait-bgsave-start' | 'wait-bgsave-end' | 'send-bulk' | 'online';

/** A replica that takes what it is given gets so many bytes at once, then others have their turn. */
const SEND_MAX = 1024 * 1024;

const STATE_NAMES: Readonly<Record<ReplicaState, string>> = {
  'wait-bgsave-start': 'wait_bgsave',
  'wait-bgsave-end': 'wait_bgsave',
  'send-bulk': 'send_bulk',
  online: 'online',
};

/** What a client has said by REPLCONF, before or after it became a replica. */
export class Introduction {
  listeningPort = 0;
  /** ip-address; '' for the link's own. */
  announcedIp = '';
  /** capa eof, capa psync2 */
  capaEof = false;
  capaPsync2 = false;
  rdbOnly = false;
  /** rdb-filter-only: what the snapshot is to have. */
  wantsData = true;
  wantsFunctions = true;
}

/** Those that a replica belongs to. */
export interface ReplicaOwner {
  /** Its state has changed. */
  stateChanged(replica: Replica): void;
  /** It has more to send than it may in one turn. */
  sendSoon(): void;
}

export class Replica implements AttachedReplica {
  readonly client: Client;
  readonly about: Introduction;
  readonly #stream: ReplicationStream;
  readonly #owner: ReplicaOwner;
  readonly #gone = (): void => this.#lentGone();
  state: ReplicaState = 'wait-bgsave-start';
  cursor: Cursor | null = null;
  /** Last REPLCONF ACK: offset, FACK's offset, and when it came (monotonic ms). */
  ackOffset = 0;
  aofAckOffset = 0;
  ackMs = 0;
  /** The stream is not sent before the first ACK (after a transfer without a file). */
  awaitsFirstAck = false;
  /** It came by SYNC, and acknowledges nothing. */
  isOldSync = false;
  /** Its snapshot is sent as it is made: newlines must not come between while it waits for the end. */
  isDiskless = false;
  /** Bytes of the stream that have been lent to the link. */
  #inFlight = 0;

  constructor(client: Client, about: Introduction, stream: ReplicationStream, owner: ReplicaOwner) {
    this.client = client;
    this.about = about;
    this.#stream = stream;
    this.#owner = owner;
  }

  get stateName(): string {
    return STATE_NAMES[this.state];
  }

  get pendingBytes(): number {
    return this.cursor?.pendingBytes ?? 0;
  }

  get rdbOnly(): boolean {
    return this.about.rdbOnly;
  }

  /** As the log names it: address and the port that it listens on. */
  get name(): string {
    const { announcedIp, listeningPort } = this.about;
    const ip = announcedIp === '' ? addressOf(this.client) : announcedIp;
    const host = ip.includes(':') && listeningPort !== 0 ? `[${ip}]` : ip;
    return listeningPort === 0 ? `${host}:<unknown-replica-port>` : `${host}:${listeningPort}`;
  }

  /** What it gets after its snapshot begins with byte `from`: that is kept from now on. */
  streamFrom(from: number): void {
    this.cursor?.release();
    // One that only wants the snapshot is sent nothing behind it.
    this.cursor = this.rdbOnly ? null : this.#stream.cursorAt(from);
  }

  /**
   * Its snapshot has gone, or it needs none: the stream is sent, at once or after the first ACK (`awaitsFirstAck`).
   * Logs nothing.
   */
  goOnline(): void {
    this.state = 'online';
    this.ackMs = this.client.engine.clock.monoMs();
    this.#owner.stateChanged(this);
    this.#owner.sendSoon();
  }

  /** REPLCONF ACK, with FACK if it has an append-only file. */
  acknowledge(offset: number, aofOffset: number | null): void {
    if (offset > this.ackOffset) this.ackOffset = offset;
    if (aofOffset !== null && aofOffset > this.aofAckOffset) this.aofAckOffset = aofOffset;
    this.ackMs = this.client.engine.clock.monoMs();
    if (!this.awaitsFirstAck || this.state !== 'online') return;
    this.awaitsFirstAck = false;
    this.#owner.sendSoon();
  }

  /** Whole seconds since the last ACK. */
  lagSeconds(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs - this.ackMs) / 1000));
  }

  /** Sends what there is, as far as the link takes it. */
  send(): void {
    const { cursor, client } = this;
    if (cursor === null || this.#inFlight !== 0 || this.state !== 'online' || this.awaitsFirstAck) return;
    if ((client.stopped & STOP_CLOSING) !== 0) return;
    for (let budget = SEND_MAX; budget > 0; ) {
      const bytes = cursor.peek();
      if (bytes === null) return;
      const { length } = bytes;
      client.engine.stats.netReplOutputBytes += length;
      this.#inFlight = length;
      if (!lendTo(client.link, bytes, this.#gone)) return;
      this.#inFlight = 0;
      cursor.advance(length);
      budget -= length;
    }
    this.#owner.sendSoon();
  }

  #lentGone(): void {
    const bytes = this.#inFlight;
    this.#inFlight = 0;
    if (this.cursor === null) return;
    this.cursor.advance(bytes);
    this.send();
  }

  /** It is gone: nothing is kept for it any more. */
  close(): void {
    this.cursor?.release();
    this.cursor = null;
  }
}

/** The address of a client without its port. */
function addressOf(client: Client): string {
  const { peer, kind } = client.link;
  if (kind === 'unix') return '/unixsocket';
  const host = peer.slice(0, peer.lastIndexOf(':'));
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
