/**
 * The pieces of replication, as they see each other. replication.ts puts them together.
 *
 *     Replication ──┬── History            which history this is (history.ts)
 *                   ├── ReplicationStream  its bytes, kept for replicas (stream/)
 *                   ├── MasterSide         who follows us (master/)
 *                   └── ReplicaSide        whom we follow (replica/)
 */
import type { Engine } from '../engine/engine.ts';
import type { DataFiles } from '../persistence/persistence.ts';
import type { History } from './history.ts';
import type { ReplicationStream } from './stream/replication-stream.ts';

/** What all pieces share. */
export interface Shared {
  readonly engine: Engine;
  readonly files: DataFiles;
  readonly history: History;
  readonly stream: ReplicationStream;
}

export interface MasterAddress {
  readonly host: string;
  readonly port: number;
}
