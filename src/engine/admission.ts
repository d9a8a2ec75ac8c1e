/**
 * The gates: whether a command may run in the state its client and the server are in. Only called while some gate
 * bit is set; each refusal has Redis's text, and they are asked in Redis's order:
 *
 *     unknown command, arity, protected command       engine.ts, for every command
 *     authentication
 *     (commands not allowed in MULTI, ACL)            come with their features
 *     maxmemory
 *     (MISCONF, NOREPLICAS, READONLY)                 come with persistence and replication
 *     (subscribed under RESP2)                        GATE_SUBSCRIBED, comes with pub/sub
 *     loading
 *     a monitoring client that would touch keys
 *     pause: the command is put off
 *     (MULTI: the command is queued)                  GATE_MULTI, comes with transactions
 */
import { EVICT_FAIL } from '../keyspace/eviction.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import type { Client } from './client.ts';
import { DENYOOM, LOADING, MAY_REPLICATE, NO_AUTH, PROTECTED, READONLY, WRITE } from './command-spec.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';
import * as errors from './errors.ts';
import {
  GATE_MONITOR,
  GATE_UNAUTHENTICATED,
  SERVER_LOADING,
  SERVER_MAXMEMORY,
  SERVER_PAUSED,
} from './gates.ts';
import { mayUse } from './locality.ts';

/** True when the command may run now. Otherwise it has been refused, or put off. */
export function admit(engine: Engine, client: Client, command: Command, args: Args): boolean {
  const gates = engine.gates | client.gates;
  if ((gates & GATE_UNAUTHENTICATED) !== 0 && (command.flags & NO_AUTH) === 0) {
    engine.refuse(client, command, errors.NOAUTH);
    return false;
  }
  if ((gates & SERVER_MAXMEMORY) !== 0) {
    // Room is made for every command; only those that may grow memory are refused where there is none.
    if (engine.upkeep.makeRoom() === EVICT_FAIL && (command.flags & DENYOOM) !== 0) {
      engine.refuse(client, command, errors.OOM);
      return false;
    }
  }
  if ((gates & SERVER_LOADING) !== 0 && (command.flags & LOADING) === 0) {
    engine.refuse(client, command, errors.LOADING_DATASET);
    return false;
  }
  if ((gates & GATE_MONITOR) !== 0) {
    if ((command.flags & (READONLY | WRITE | MAY_REPLICATE)) === 0) return true;
    engine.refuse(client, command, errors.REPLICA_TOUCHES_KEYS);
    return false;
  }
  if ((gates & SERVER_PAUSED) !== 0 && engine.pause.holds(command)) {
    engine.pause.postpone(client, args);
    return false;
  }
  return true;
}

/** The refusal of a PROTECTED command that `enable-debug-command` or the like keeps from this client; else null. */
export function protectedRefusal(client: Client, command: Command): ReplyError | null {
  if ((command.flags & PROTECTED) === 0) return null;
  const { values } = client.engine.config;
  const parameter =
    (command.parent ?? command).name === 'debug' ? 'enable-debug-command' : 'enable-module-command';
  return mayUse(client, values[parameter])
    ? null
    : errors.protectedCommand((command.parent ?? command).name, parameter);
}
