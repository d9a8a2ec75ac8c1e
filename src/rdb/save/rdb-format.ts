/**
 * A snapshot as an RDB of version 10.
 *
 *   "REDIS0010"  aux fields  functions  { SELECTDB [RESIZEDB]  keys }*  EOF  checksum
 *   key          [EXPIRETIME_MS] [IDLE | FREQ]  type  key  value
 */
import type { Database } from '../../keyspace/database.ts';
import {
  ACCESS_SHIFT,
  EXPIRE_BYTES,
  EXTERNAL,
  HAS_EXPIRE,
  HEADER_BYTES,
  TYPE_MASK,
  TYPE_STRING,
} from '../../keyspace/entry.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { isBigEntry } from '../big-entry.ts';
import type { ChunkSink } from '../chunk-sink.ts';
import {
  OP_AUX,
  OP_EOF,
  OP_EXPIRETIME_MS,
  OP_FREQ,
  OP_FUNCTION2,
  OP_IDLE,
  OP_RESIZEDB,
  OP_SELECTDB,
  RDB_VERSION_WRITTEN,
} from '../format.ts';
import type { BigEntry, SnapshotFormat } from '../snapshot-format.ts';
import { rdbType, ValueSaver } from './value.ts';
import { RdbWriter, type RdbWriterOptions } from './writer.ts';

/** What of an entry's access word is written: Redis asks maxmemory-policy. */
export type AccessWritten = 'idle' | 'freq' | 'none';

/** What is written with a maxmemory-policy. */
export function accessWritten(policy: string): AccessWritten {
  if (policy.endsWith('lru')) return 'idle';
  return policy.endsWith('lfu') ? 'freq' : 'none';
}

export interface RdbReplicationAux {
  /** Database that the stream of commands is in; -1: none yet. */
  streamDb: number;
  id: string;
  offset: number;
}

export interface RdbFormatOptions extends RdbWriterOptions {
  /** What INFO says as redis_version. */
  version: string;
  /** When the snapshot was begun, in seconds since the epoch. */
  createdSeconds: number;
  /** used_memory. */
  usedMemory: number;
  /** Whether it is the base of an AOF. */
  aofBase: boolean;
  /** Where the history of replication stands; null: this is not told (on a replica that has no master, for one). */
  replication: RdbReplicationAux | null;
  access: AccessWritten;
  /** Code of libraries of functions. */
  functions: readonly Uint8Array[];
}

export class RdbFormat implements SnapshotFormat {
  readonly #keyspace: Keyspace;
  readonly #options: RdbFormatOptions;
  readonly #out: RdbWriter;
  readonly #values: ValueSaver;
  readonly #access: AccessWritten;

  constructor(keyspace: Keyspace, sink: ChunkSink, options: RdbFormatOptions) {
    this.#keyspace = keyspace;
    this.#options = options;
    this.#out = new RdbWriter(sink, options);
    this.#values = new ValueSaver(this.#out);
    this.#access = options.access;
  }

  get written(): number {
    return this.#out.written;
  }

  begin(): void {
    const out = this.#out;
    const { version, createdSeconds, usedMemory, aofBase, replication, functions } = this.#options;
    const magic = Buffer.from(`REDIS${String(RDB_VERSION_WRITTEN).padStart(4, '0')}`);
    out.raw(magic, 0, magic.length);
    this.#aux('redis-ver', version);
    this.#aux('redis-bits', '64');
    this.#aux('ctime', String(createdSeconds));
    this.#aux('used-mem', String(usedMemory));
    if (replication !== null) {
      this.#aux('repl-stream-db', String(replication.streamDb));
      this.#aux('repl-id', replication.id);
      this.#aux('repl-offset', String(replication.offset));
    }
    this.#aux('aof-base', aofBase ? '1' : '0');
    for (const code of functions) {
      out.byte(OP_FUNCTION2);
      out.string(code, 0, code.length);
    }
  }

  #aux(name: string, value: string): void {
    this.#out.byte(OP_AUX);
    this.#out.text(name);
    this.#out.text(value);
  }

  select(id: number, keys: number, expires: number): void {
    const out = this.#out;
    out.byte(OP_SELECTDB);
    out.length(id);
    if (keys < 0) return;
    out.byte(OP_RESIZEDB);
    out.length(keys);
    out.length(expires);
  }

  entry(db: Database, ref: number): void {
    const meta = this.#head(db, ref);
    if ((meta & (EXTERNAL | TYPE_MASK)) !== TYPE_STRING) {
      this.#values.save(db, ref);
      return;
    }
    // The most frequent case, without looking everything up once more: a short string behind the key.
    const words = db.memory.arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const off = (at << 2) + HEADER_BYTES + ((meta & HAS_EXPIRE) !== 0 ? EXPIRE_BYTES : 0) + words[at + 1]!;
    this.#out.string(db.memory.arena.pages[ref >>> PAGE_BITS]!, off, words[at + 2]!);
  }

  big(db: Database, ref: number): BigEntry | null {
    if (!isBigEntry(db, ref)) return null;
    this.#head(db, ref);
    return this.#values.begin(db, ref);
  }

  /** Writes what stands before a value; returns the entry's meta word. */
  #head(db: Database, ref: number): number {
    const out = this.#out;
    const { arena } = db.memory;
    const page = arena.pages[ref >>> PAGE_BITS]!;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const meta = words[at]!;
    let off = (at << 2) + HEADER_BYTES;
    if ((meta & HAS_EXPIRE) !== 0) {
      out.byte(OP_EXPIRETIME_MS);
      // The entry has it as files do; it may be more than a number holds.
      out.raw(page, off, EXPIRE_BYTES);
      off += EXPIRE_BYTES;
    }
    if (this.#access === 'idle') {
      out.byte(OP_IDLE);
      out.length(this.#keyspace.idleSeconds(meta >>> ACCESS_SHIFT));
    } else if (this.#access === 'freq') {
      out.byte(OP_FREQ);
      out.byte(this.#keyspace.lfuCounter(meta >>> ACCESS_SHIFT));
    }
    out.byte(rdbType(meta));
    out.string(page, off, words[at + 1]!);
    return meta;
  }

  end(): void {
    this.#out.byte(OP_EOF);
    this.#out.finish();
  }
}
