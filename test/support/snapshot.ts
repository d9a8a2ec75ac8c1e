/**
 * Writes all keys of a server in memory in one go, without the snapshot around it.
 */
import type { Database } from '../../src/keyspace/database.ts';
import type { Keyspace } from '../../src/keyspace/keyspace.ts';
import { MemorySink } from '../../src/rdb/chunk-sink.ts';
import { RdbFormat, type RdbFormatOptions } from '../../src/rdb/save/rdb-format.ts';
import type { SnapshotFormat } from '../../src/rdb/snapshot-format.ts';

export const PLAIN_RDB: RdbFormatOptions = {
  checksum: true,
  compress: true,
  version: '7.2.4',
  createdSeconds: 1_700_000_000,
  usedMemory: 1_000_000,
  aofBase: false,
  replication: null,
  access: 'none',
  functions: [],
};

/**
 * Writes everything in a format; entries that are too big for a slice in steps of `step` (0: all whole), with `between`
 * called between two of them.
 */
export function writeAll(
  keyspace: Keyspace,
  format: SnapshotFormat,
  step = 0,
  between: (db: Database, ref: number) => void = () => {},
): void {
  format.begin();
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    format.select(db.id, db.size, db.expires.count);
    db.dict.scan(0, (ref) => {
      const big = step === 0 ? null : format.big(db, ref);
      if (big === null) format.entry(db, ref);
      else while (big.step(step)) between(db, ref);
      return true;
    });
  }
  format.end();
}

/** The RDB of a server in memory. */
export function rdbOf(keyspace: Keyspace, options: Partial<RdbFormatOptions> = {}, step = 0): Buffer {
  const sink = new MemorySink();
  writeAll(keyspace, new RdbFormat(keyspace, sink, { ...PLAIN_RDB, ...options }), step);
  return sink.bytes();
}
