/**
 * Counters of the engine: what INFO stats, commandstats, errorstats and latencystats show.
 */
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { Histogram } from '../../util/histogram.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command-table.ts';

/** Kinds of errors counted by name; beyond that INFO errorstats would grow without end. */
const ERROR_KINDS_MAX = 128;

export class Stats {
  commandsProcessed = 0;
  connectionsReceived = 0;
  rejectedConnections = 0;
  netInputBytes = 0;
  netOutputBytes = 0;
  /** Of the two above: to replicas and from the master. */
  netReplInputBytes = 0;
  netReplOutputBytes = 0;
  readsProcessed = 0;
  writesProcessed = 0;
  errorReplies = 0;
  /** Errors about what had been accepted before: commands of the master, or of the append-only file. */
  unexpectedErrors = 0;
  /** How replicas of ours have been synchronized: with all of the data; or PSYNC could go on, or could not. */
  syncFull = 0;
  syncPartialOk = 0;
  syncPartialErr = 0;
  /** Clients closed for what they took of memory (client-limits.ts). */
  evictedClients = 0;
  outputLimitDisconnections = 0;
  queryLimitDisconnections = 0;
  /** What users were refused, by what it was about (acl/). */
  readonly denied = { auth: 0, command: 0, key: 0, channel: 0 };
  readonly errors = new Map<string, number>();
  /** latency-tracking */
  tracking = true;
  /** Set by the slow log and the latency monitor: told of each command that was timed by itself. */
  onTimed: ((client: Client, command: Command, args: Args, us: number) => void) | null = null;

  record(command: Command, usEach: number, calls: number): void {
    command.calls += calls;
    command.usec += usEach * calls;
    if (!this.tracking) return;
    if (command.histogram === null) command.histogram = new Histogram();
    command.histogram.record(usEach, calls);
  }

  timed(client: Client, command: Command, args: Args, us: number): void {
    if (this.onTimed !== null) this.onTimed(client, command, args, us);
  }

  countError(error: ReplyError): void {
    this.errorReplies++;
    const count = this.errors.get(error.code);
    if (count !== undefined) this.errors.set(error.code, count + 1);
    else if (this.errors.size < ERROR_KINDS_MAX) this.errors.set(error.code, 1);
  }

  reset(): void {
    this.commandsProcessed = 0;
    this.unexpectedErrors = 0;
    this.connectionsReceived = 0;
    this.rejectedConnections = 0;
    this.netInputBytes = 0;
    this.netOutputBytes = 0;
    this.netReplInputBytes = 0;
    this.netReplOutputBytes = 0;
    this.syncFull = 0;
    this.syncPartialOk = 0;
    this.syncPartialErr = 0;
    this.readsProcessed = 0;
    this.writesProcessed = 0;
    this.errorReplies = 0;
    this.evictedClients = 0;
    this.outputLimitDisconnections = 0;
    this.queryLimitDisconnections = 0;
    this.denied.auth = 0;
    this.denied.command = 0;
    this.denied.key = 0;
    this.denied.channel = 0;
    this.errors.clear();
  }
}
