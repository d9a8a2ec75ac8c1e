/**
 * What an RDB that is written now says besides the data, for files, for the base of an AOF and for replicas.
 */
import type { Engine } from '../../engine/engine.ts';
import { accessWritten, type RdbFormatOptions, type RdbReplicationAux } from '../../rdb/save/rdb-format.ts';
import { REDIS_VERSION } from '../../util/version.ts';
import { CHUNK_BYTES } from '../files/chunk-file.ts';

export interface RdbPurpose {
  /** It is the base of an AOF. */
  readonly aofBase: boolean;
  /** Where the history of replication stands; null: there is none. */
  readonly replication: RdbReplicationAux | null;
  /** Code of libraries of functions. */
  readonly functions: readonly Uint8Array[];
}

/** The options as the configuration has them now. Begin the snapshot at once: time and memory are those of this call. */
export function rdbFormatOptions(engine: Engine, purpose: RdbPurpose): RdbFormatOptions {
  const { values } = engine.config;
  return {
    ...purpose,
    checksum: values.rdbchecksum,
    compress: values.rdbcompression,
    chunkBytes: CHUNK_BYTES,
    version: REDIS_VERSION,
    createdSeconds: Math.floor(engine.nowMs / 1000),
    usedMemory: engine.upkeep.memory.used(),
    access: accessWritten(values['maxmemory-policy']),
  };
}
