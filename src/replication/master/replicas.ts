/**
 * All replicas of ours: the list, the sending at the end of each turn of the event loop, pings, those that have gone
 * silent, those that are good (min-replicas-to-write), acknowledgements, and what is done when the last one has left.
 */
import type { Client } from '../../engine/client.ts';
import type { Shared } from '../parts.ts';
import type { Introduction, Replica } from './replica.ts';

export class Replicas {
  /** In the order in which they came. */
  readonly all: Replica[] = [];
  /** Told of each acknowledgement (WAIT, FAILOVER, SHUTDOWN). */
  readonly onAck: (() => void)[] = [];
  protected readonly shared: Shared;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** The client becomes a replica: `client.replica` is set, the stream is opened if it is not. */
  add(_client: Client, _about: Introduction): Replica {
    throw new Error('not yet');
  }

  /** Of a client that is one. */
  of(_client: Client): Replica | null {
    throw new Error('not yet');
  }

  /** Online, and with an ACK within min-replicas-max-lag. */
  get goodCount(): number {
    throw new Error('not yet');
  }

  /** How many have acknowledged byte `offset`. */
  acknowledged(_offset: number): number {
    throw new Error('not yet');
  }

  /** Asks all for an acknowledgement (REPLCONF GETACK in the stream), once a turn at most. */
  askForAcks(): void {
    throw new Error('not yet');
  }

  /** Closes the links of all replicas. */
  dropAll(): void {
    throw new Error('not yet');
  }
}
