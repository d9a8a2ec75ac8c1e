/**
 * The gates: whether a command may run in the state its client and the server are in. Only called while any
 * gate bit is set; each refusal has Redis's text, and they are asked in Redis's order.
 */
import type { Args } from '../resp/args.ts';
import type { Client } from './client.ts';
import { DENYOOM, LOADING, NO_AUTH } from './command-spec.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';
import * as errors from './errors.ts';
import { GATE_UNAUTHENTICATED, SERVER_LOADING, SERVER_MAXMEMORY } from './gates.ts';

export interface Admission {
  pausedUntilMs: number;
  pauseAll: boolean;
  readonly pausedClients: Set<Client>;
}

export function admit(engine: Engine, client: Client, command: Command, _args: Args): boolean {
  const gates = engine.gates | client.gates;
  if ((gates & GATE_UNAUTHENTICATED) !== 0 && (command.flags & NO_AUTH) === 0) {
    engine.refuse(client, command, errors.NOAUTH);
    return false;
  }
  if ((gates & SERVER_MAXMEMORY) !== 0 && (command.flags & DENYOOM) !== 0) {
    // eviction
  }
  if ((gates & SERVER_LOADING) !== 0 && (command.flags & LOADING) === 0) {
    engine.refuse(client, command, errors.LOADING_DATASET);
    return false;
  }
  return true;
}
