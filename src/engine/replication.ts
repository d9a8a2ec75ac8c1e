/**
 * What commands, clients and INFO may ask of replication. src/replication/ is the real one; an engine without it
 * (embedded in a test) is a master that nobody follows.
 */
import type { Args } from '../resp/args.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { Client } from './client.ts';

/** A replica of ours, as its client's owner sees it. */
export interface AttachedReplica {
  /** INFO's `state`: wait_bgsave, send_bulk or online. */
  readonly stateName: string;
  /** Bytes of the stream that it has not been sent yet: they count as its output. */
  readonly pendingBytes: number;
  /** It has only come for a snapshot or a stream by itself (`REPLCONF rdb-only`), so nobody waits for it. */
  readonly rdbOnly: boolean;
}

export interface FailoverOrder {
  /** TO host port; null: whoever has caught up. */
  readonly to: { readonly host: string; readonly port: number } | null;
  readonly force: boolean;
  /** ms; 0: none. */
  readonly timeoutMs: number;
}

export interface Replication {
  /** 'master', or 'replica' while there is a master to follow, connected or not. */
  readonly role: 'master' | 'replica';
  /** master_replid: names the history that this data set has. */
  readonly id: string;
  /** master_repl_offset: bytes of that history so far. */
  readonly offset: number;
  /** FAILOVER is under way. */
  readonly isFailingOver: boolean;

  // The commands. Each replies by itself, or throws a ReplyError.
  /** REPLICAOF host port; NO ONE is null. */
  replicaOf(client: Client, master: { host: string; port: number } | null): void;
  /** REPLCONF, with its arguments from 1 on. */
  replconf(client: Client, args: Args): void;
  /** PSYNC replid offset [FAILOVER]; SYNC is null. */
  sync(client: Client, wanted: { id: string; offset: number; failover: boolean } | null): void;
  /** WAIT. `timeoutMs` 0: for ever. */
  wait(client: Client, replicas: number, timeoutMs: number): void;
  /** WAITAOF. */
  waitAof(client: Client, local: number, replicas: number, timeoutMs: number): void;
  /** FAILOVER; ABORT is null. */
  failover(client: Client, order: FailoverOrder | null): void;
  /** ROLE. */
  writeRole(out: ReplyWriter): void;
  /** DEBUG REPLICATE: a command for the stream, made of words. */
  replicate(words: readonly Uint8Array[]): void;
  /** DEBUG CHANGE-REPL-ID. */
  changeId(): void;
}
