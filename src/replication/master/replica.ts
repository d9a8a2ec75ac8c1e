/**
 * A replica of ours: how far its sync has come, what it has told of itself, and the sending of the stream.
 *
 *     wait-bgsave-start ──> wait-bgsave-end ──> send-bulk ──> online           full sync
 *     online                                                                   partial resync
 */
import type { Client } from '../../engine/client.ts';
import type { AttachedReplica } from '../../engine/replication.ts';
import type { Cursor, ReplicationStream } from '../stream/replication-stream.ts';

export type ReplicaState = 'wait-bgsave-start' | 'wait-bgsave-end' | 'send-bulk' | 'online';

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

export class Replica implements AttachedReplica {
  readonly client: Client;
  readonly about: Introduction;
  readonly #stream: ReplicationStream;
  state: ReplicaState = 'wait-bgsave-start';
  cursor: Cursor | null = null;
  /** Last REPLCONF ACK: offset, FACK's offset, and when it came (monotonic ms). */
  ackOffset = 0;
  aofAckOffset = 0;
  ackMs = 0;
  /** The stream is not sent before the first ACK (after a transfer without a file). */
  awaitsFirstAck = false;

  constructor(client: Client, about: Introduction, stream: ReplicationStream) {
    this.client = client;
    this.about = about;
    this.#stream = stream;
  }

  get stateName(): string {
    throw new Error('not yet');
  }

  get pendingBytes(): number {
    return this.cursor?.pendingBytes ?? 0;
  }

  get rdbOnly(): boolean {
    return this.about.rdbOnly;
  }

  /** What it gets after its snapshot begins with byte `from`: that is kept from now on. */
  streamFrom(from: number): void {
    this.cursor?.release();
    this.cursor = this.#stream.cursorAt(from);
  }

  /** Its snapshot has gone: the stream is sent, at once or after the first ACK. */
  goOnline(): void {
    throw new Error('not yet');
  }

  /** Sends what there is, as far as the link takes it. */
  send(): void {
    throw new Error('not yet');
  }
}
