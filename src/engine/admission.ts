/**
 * The gates: whether a command may run in the state its client and the server are in. Only called while some gate
 * bit is set; each refusal has Redis's text, and they are asked in Redis's order:
 *
 *     unknown command, arity, protected command       engine.ts, for every command
 *     authentication
 *     commands not allowed in MULTI
 *     what the user may do                            GATE_LIMITED
 *     maxmemory
 *     MISCONF: data files cannot be written           SERVER_MISCONF
 *     too few good replicas                           SERVER_NOREPLICAS
 *     a write on a replica                            SERVER_READONLY
 *     subscribed under RESP2                          GATE_SUBSCRIBED
 *     a replica that has lost its master              SERVER_STALE
 *     loading                                         SERVER_LOADING
 *     a replica, or a monitor, that would touch keys  GATE_REPLICA, GATE_MONITOR
 *     pause: the command is put off
 *     MULTI: the command is queued                    GATE_MULTI
 *     keys that must stand still: it is put off       SERVER_KEYS_HELD, SERVER_SNAPSHOT
 *
 * EXEC is asked as if it had the flags of all commands that it would run, and only the permissions that all of them
 * have. What the master sends has been admitted there (`mustObey`): it is not refused for memory or disks, and the gates
 * of a replica are open while it is served (replication/replica/master-stream.ts); but it may be put off.
 */
import { EVICT_FAIL } from '../keyspace/eviction.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import { denialError } from './acl/acl.ts';
import type { Client } from './client.ts';
import { mayUse } from './clients/locality.ts';
import {
  DENYOOM,
  LOADING,
  MAY_REPLICATE,
  NO_ASYNC_LOADING,
  NO_AUTH,
  NO_MULTI,
  PROTECTED,
  READONLY,
  RUNS_IN_MULTI,
  RUNS_QUEUE,
  STALE,
  SUBSCRIBED_TOO,
  WRITE,
} from './command-spec.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';
import * as errors from './errors.ts';
import {
  GATE_LIMITED,
  GATE_MONITOR,
  GATE_MULTI,
  GATE_REPLICA,
  GATE_SUBSCRIBED,
  GATE_UNAUTHENTICATED,
  SERVER_ASYNC_LOADING,
  SERVER_KEYS_HELD,
  SERVER_LOADING,
  SERVER_MAXMEMORY,
  SERVER_MISCONF,
  SERVER_NOREPLICAS,
  SERVER_PAUSED,
  SERVER_READONLY,
  SERVER_SNAPSHOT,
  SERVER_STALE,
} from './gates.ts';

/** True when the command may run now. Otherwise it has been refused, or put off. */
export function admit(engine: Engine, client: Client, command: Command, args: Args): boolean {
  const gates = engine.gates | client.gates;
  const { transaction } = client;
  const runsQueue = transaction !== null && (command.flags & RUNS_QUEUE) !== 0;
  const flags = runsQueue ? command.flags | transaction.flags : command.flags;
  const permissions = runsQueue ? command.flags & ~transaction.missing : command.flags;
  const isQueued = (gates & GATE_MULTI) !== 0 && (flags & RUNS_IN_MULTI) === 0;
  if ((gates & GATE_UNAUTHENTICATED) !== 0 && (command.flags & NO_AUTH) === 0) {
    engine.refuse(client, command, errors.NOAUTH);
    return false;
  }
  if ((gates & GATE_MULTI) !== 0 && (flags & NO_MULTI) !== 0) {
    engine.refuse(client, command, errors.NOT_IN_MULTI);
    return false;
  }
  if ((gates & GATE_LIMITED) !== 0 && !client.mustObey) {
    const denial = engine.acl.refusal(client, command, args);
    if (denial !== null) {
      engine.refuse(client, command, denialError(denial, command));
      return false;
    }
  }
  if ((gates & SERVER_MAXMEMORY) !== 0) {
    // Room is made for every command; only those that may grow memory are refused where there is none. A queue does.
    const refused = engine.upkeep.makeRoom() === EVICT_FAIL && ((flags & DENYOOM) !== 0 || isQueued);
    if (refused && !client.mustObey) {
      engine.refuse(client, command, errors.OOM);
      return false;
    }
  }
  if ((gates & SERVER_MISCONF) !== 0 && ((flags & WRITE) !== 0 || command.name === 'ping')) {
    const reason = engine.persistence?.misconf ?? null;
    if (reason !== null && !client.mustObey) {
      engine.refuse(client, command, reason);
      return false;
    }
    if (reason !== null && command.name !== 'ping') unwritable(engine);
  }
  if ((flags & WRITE) !== 0) {
    if ((gates & SERVER_NOREPLICAS) !== 0) {
      engine.refuse(client, command, errors.NOREPLICAS);
      return false;
    }
    if ((gates & SERVER_READONLY) !== 0) {
      engine.refuse(client, command, errors.READONLY_REPLICA);
      return false;
    }
  }
  if ((gates & GATE_SUBSCRIBED) !== 0 && client.resp === 2 && (flags & SUBSCRIBED_TOO) === 0) {
    engine.refuse(client, command, errors.subscribed(command.fullName));
    return false;
  }
  if ((gates & SERVER_STALE) !== 0 && (permissions & STALE) === 0) {
    engine.refuse(client, command, errors.MASTERDOWN);
    return false;
  }
  if ((gates & SERVER_LOADING) !== 0 && (permissions & LOADING) === 0) {
    engine.refuse(client, command, errors.LOADING_DATASET);
    return false;
  }
  if ((gates & SERVER_ASYNC_LOADING) !== 0 && (flags & NO_ASYNC_LOADING) !== 0) {
    engine.refuse(client, command, errors.LOADING_DATASET);
    return false;
  }
  if ((gates & (GATE_MONITOR | GATE_REPLICA)) !== 0) {
    if ((flags & (READONLY | WRITE | MAY_REPLICATE)) !== 0) {
      engine.refuse(client, command, errors.REPLICA_TOUCHES_KEYS);
      return false;
    }
  } else if ((gates & SERVER_PAUSED) !== 0 && engine.pause.holds(flags)) {
    engine.pause.postpone(client, args);
    return false;
  }
  if (isQueued) {
    engine.transactions.queue(client, command, args);
    return false;
  }
  if ((gates & SERVER_KEYS_HELD) !== 0 && engine.heldKeys.holds(client, command, args)) {
    engine.heldKeys.postpone(client, args);
    return false;
  }
  if ((gates & SERVER_SNAPSHOT) !== 0 && (flags & WRITE) !== 0) {
    if (engine.writeGate?.postpones(client, command, args)) return false;
  }
  return true;
}

/** The master sends a write that our data files can't take. */
function unwritable(engine: Engine): void {
  if (!engine.config.values['replica-ignore-disk-write-errors']) {
    throw new Error('Replica was unable to write command to disk.');
  }
  engine.log.warning('Replica is applying a command even though it is unable to write to disk.');
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
