/**
 * Who may put writing commands off because of a snapshot (persistence/snapshot/): a collection too big to be kept twice
 * is about to be changed and not written yet, or more has changed than the snapshot can keep. Asked while
 * SERVER_SNAPSHOT is set.
 */
import type { Args } from '../resp/args.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';

export interface WriteGate {
  /** Whether a command that writes must wait; then it has been put off, and is served later. */
  postpones(client: Client, command: Command, args: Args): boolean;
}
