/**
 * Who follows us: REPLCONF, PSYNC and SYNC.
 */
import type { Client } from '../../engine/client.ts';
import type { Args } from '../../resp/args.ts';
import type { Shared } from '../parts.ts';
import { Replicas } from './replicas.ts';

export class MasterSide {
  readonly replicas: Replicas;
  protected readonly shared: Shared;

  constructor(shared: Shared) {
    this.shared = shared;
    this.replicas = new Replicas(shared);
  }

  replconf(_client: Client, _args: Args): void {
    throw new Error('not yet');
  }

  sync(_client: Client, _wanted: { id: string; offset: number; failover: boolean } | null): void {
    throw new Error('not yet');
  }
}
