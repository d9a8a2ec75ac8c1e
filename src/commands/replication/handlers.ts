/**
 * REPLICAOF, ROLE, WAIT, WAITAOF, FAILOVER, and REPLCONF, PSYNC and SYNC: what is asked is read from the arguments here;
 * src/replication/ does it and replies. An engine without replication is a master that nobody follows.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { FailoverOrder, Replication } from '../../engine/replication.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import { longArg } from '../keys/arguments.ts';

const PORT_MAX = 65535;

function replicationOf(client: Client): Replication {
  const { replication } = client.engine;
  if (replication === null) throw errors.NO_REPLICATION;
  return replication;
}

/** In ms; 0: for ever. */
function timeoutAt(args: Args, i: number): number {
  const ms = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (ms === null) throw errors.TIMEOUT_NOT_INTEGER;
  if (ms < 0n) throw errors.TIMEOUT_NEGATIVE;
  return Number(ms);
}

export function replicaof(client: Client, args: Args): void {
  const { engine } = client;
  const replication = replicationOf(client);
  if (engine.config.values['cluster-enabled']) throw errors.REPLICAOF_IN_CLUSTER;
  if (replication.isFailingOver) throw errors.REPLICAOF_WHILE_FAILING_OVER;
  if (args.is(1, 'no') && args.is(2, 'one')) {
    replication.replicaOf(client, null);
    return;
  }
  if (client.replica !== null) throw errors.NOT_FOR_REPLICAS;
  const port = parseSafeInt(args.buf, args.off[2]!, args.len[2]!);
  if (!(port >= 0 && port <= PORT_MAX)) throw errors.BAD_MASTER_PORT;
  replication.replicaOf(client, { host: args.text(1), port });
}

export function role(client: Client): void {
  const { replication } = client.engine;
  if (replication !== null) {
    replication.writeRole(client.out);
    return;
  }
  client.out.array(3);
  client.out.bulkText('master');
  client.out.int(0);
  client.out.emptyArray();
}

export function wait(client: Client, args: Args): void {
  const { replication } = client.engine;
  if (replication !== null && replication.role === 'replica') throw errors.WAIT_ON_REPLICA;
  const replicas = longArg(args, 1);
  const timeoutMs = timeoutAt(args, 2);
  if (replication === null) client.out.int(0);
  else replication.wait(client, replicas, timeoutMs);
}

export function waitaof(client: Client, args: Args): void {
  const { engine } = client;
  const replication = replicationOf(client);
  const local = parseInt64Big(args.buf, args.off[1]!, args.len[1]!);
  if (local === null) throw errors.NOT_INTEGER;
  if (local < 0n || local > 1n) throw errors.outOfIntRange(0, 1);
  const replicas = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
  if (replicas === null) throw errors.NOT_INTEGER;
  if (replicas < 0n) throw errors.NOT_POSITIVE;
  const timeoutMs = timeoutAt(args, 3);
  if (replication.role === 'replica') throw errors.WAITAOF_ON_REPLICA;
  if (local > 0n && engine.config.values.appendonly !== true) throw errors.WAITAOF_WITHOUT_AOF;
  replication.waitAof(client, Number(local), Number(replicas), timeoutMs);
}

export function failover(client: Client, args: Args): void {
  if (client.engine.config.values['cluster-enabled']) throw errors.FAILOVER_IN_CLUSTER;
  const replication = replicationOf(client);
  if (args.count === 2 && args.is(1, 'abort')) replication.failover(client, null);
  else replication.failover(client, parseFailover(args));
}

function parseFailover(args: Args): FailoverOrder {
  let to: FailoverOrder['to'] = null;
  let force = false;
  let timeoutMs = 0;
  for (let i = 1; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (args.is(i, 'timeout') && more >= 1 && timeoutMs === 0) {
      timeoutMs = longArg(args, ++i);
      if (timeoutMs <= 0) throw errors.FAILOVER_TIMEOUT;
    } else if (args.is(i, 'to') && more >= 2 && to === null) {
      to = { host: args.text(i + 1), port: longArg(args, i + 2) };
      i += 2;
    } else if (args.is(i, 'force') && !force) force = true;
    else throw errors.SYNTAX;
  }
  return { to, force, timeoutMs };
}

export function replconf(client: Client, args: Args): void {
  replicationOf(client).replconf(client, args);
}

/** `PSYNC ? -1` asks for a full sync. */
export function psync(client: Client, args: Args): void {
  const replication = replicationOf(client);
  const offset = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
  replication.sync(client, {
    id: args.text(1),
    // What is no number is refused after other things.
    offset: offset === null ? Number.NaN : Number(offset),
    failover: args.count > 3 && args.is(3, 'failover'),
  });
}

export function sync(client: Client): void {
  replicationOf(client).sync(client, null);
}
