/**
 * Replication, put together: who follows us, whom we follow, and the changes of role between the two.
 *
 *     master ──REPLICAOF host port──> replica ──REPLICAOF NO ONE──> master with a history of its own
 */
import type { Client } from '../engine/client.ts';
import type { Engine } from '../engine/engine.ts';
import type { FailoverOrder, Replication as ReplicationFace } from '../engine/replication.ts';
import type { DataFiles } from '../persistence/persistence.ts';
import type { Args } from '../resp/args.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { History } from './history.ts';
import { MasterSide } from './master/master-side.ts';
import type { MasterAddress, Shared } from './parts.ts';
import { ReplicaSide } from './replica/replica-side.ts';
import { ReplicationStream } from './stream/replication-stream.ts';

export class Replication implements ReplicationFace {
  readonly shared: Shared;
  readonly masterSide: MasterSide;
  readonly replicaSide: ReplicaSide;

  constructor(engine: Engine, files: DataFiles) {
    this.shared = {
      engine,
      files,
      history: new History(engine.random),
      stream: new ReplicationStream(),
    };
    this.masterSide = new MasterSide(this.shared);
    this.replicaSide = new ReplicaSide(this.shared);
  }

  get role(): 'master' | 'replica' {
    return this.replicaSide.address === null ? 'master' : 'replica';
  }

  get id(): string {
    return this.shared.history.id;
  }

  get offset(): number {
    return this.shared.stream.end;
  }

  get isFailingOver(): boolean {
    return false;
  }

  /** The data is loaded: what it says of its history is taken up, and the configured master is followed. */
  loaded(): void {}

  /** The server ends. */
  close(): void {}

  replicaOf(_client: Client, _master: MasterAddress | null): void {
    throw new Error('not yet');
  }

  replconf(client: Client, args: Args): void {
    this.masterSide.replconf(client, args);
  }

  sync(client: Client, wanted: { id: string; offset: number; failover: boolean } | null): void {
    this.masterSide.sync(client, wanted);
  }

  wait(_client: Client, _replicas: number, _timeoutMs: number): void {
    throw new Error('not yet');
  }

  waitAof(_client: Client, _local: number, _replicas: number, _timeoutMs: number): void {
    throw new Error('not yet');
  }

  failover(_client: Client, _order: FailoverOrder | null): void {
    throw new Error('not yet');
  }

  writeRole(_out: ReplyWriter): void {
    throw new Error('not yet');
  }

  replicate(_words: readonly Uint8Array[]): void {
    throw new Error('not yet');
  }

  changeId(): void {
    throw new Error('not yet');
  }
}
