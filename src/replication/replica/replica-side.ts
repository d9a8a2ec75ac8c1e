/**
 * Whom we follow: the link to the master, from the first connection to the stream, and again after each break.
 *
 *     none ── follow ──> connect ──> connecting ──> handshake ──> transfer ──> connected
 *                           ^            │              │            │            │
 *                           └── 1 s ─────┴──────────────┴────────────┴────────────┘   the link breaks
 */
import type { Client } from '../../engine/client.ts';
import type { MasterAddress, Shared } from '../parts.ts';

/** ROLE's words. */
export type LinkState = 'none' | 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected';

export class ReplicaSide {
  state: LinkState = 'none';
  /** The master's client, while connected. */
  client: Client | null = null;
  address: MasterAddress | null = null;
  protected readonly shared: Shared;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** slave_read_repl_offset and slave_repl_offset: bytes of the master's stream that have come, and been applied. */
  get readOffset(): number {
    throw new Error('not yet');
  }

  get appliedOffset(): number {
    throw new Error('not yet');
  }

  /** Follows a master from now on, or another one. */
  follow(_address: MasterAddress): void {
    throw new Error('not yet');
  }

  /** Follows nobody any more. */
  stop(): void {
    throw new Error('not yet');
  }
}
