/**
 * The payload of DUMP and RESTORE:
 *
 *   type (1 byte)  value as in an RDB  version of the format (2 bytes, little endian)  CRC-64 of all before (8 bytes)
 */
import type { Database } from '../../keyspace/database.ts';
import { Crc64 } from '../../util/crc64.ts';
import { MemorySink } from '../chunk-sink.ts';
import { RDB_VERSION_MAX, RDB_VERSION_WRITTEN } from '../format.ts';
import { rdbType, ValueSaver } from './value.ts';
import { RdbWriter } from './writer.ts';

/** Version and checksum at the end of a payload. */
export const PAYLOAD_FOOTER_BYTES = 10;
const CHECKSUM_BYTES = 8;
const CHUNK_BYTES = 16384;

class Dumper {
  readonly #sink = new MemorySink();
  readonly #out: RdbWriter;
  readonly #values: ValueSaver;

  constructor(compress: boolean) {
    this.#out = new RdbWriter(this.#sink, { checksum: true, compress, chunkBytes: CHUNK_BYTES });
    this.#values = new ValueSaver(this.#out);
  }

  dump(db: Database, ref: number): Buffer {
    const out = this.#out;
    out.byte(rdbType(db.meta(ref)));
    this.#values.save(db, ref);
    out.byte(RDB_VERSION_WRITTEN);
    out.byte(0);
    out.finish();
    out.restart();
    return this.#sink.bytes();
  }
}

/** Between two calls they hold nothing but room for the next. */
let plain: Dumper | null = null;
let compressing: Dumper | null = null;

/** The payload of an entry's value; `compress`: long strings may be compressed (rdbcompression). */
export function dumpValue(db: Database, ref: number, compress: boolean): Buffer {
  if (compress) {
    compressing ??= new Dumper(true);
    return compressing.dump(db, ref);
  }
  plain ??= new Dumper(false);
  return plain.dump(db, ref);
}

/** Whether bytes end as a payload does: in a version that we can read, and the right checksum (which may be skipped). */
export function verifyPayload(
  bytes: Uint8Array,
  off = 0,
  len = bytes.length - off,
  skipChecksum = false,
): boolean {
  if (len < PAYLOAD_FOOTER_BYTES) return false;
  const end = off + len;
  const version = bytes[end - PAYLOAD_FOOTER_BYTES]! | (bytes[end - PAYLOAD_FOOTER_BYTES + 1]! << 8);
  if (version > RDB_VERSION_MAX) return false;
  return (
    skipChecksum || new Crc64().update(bytes, off, len - CHECKSUM_BYTES).matches(bytes, end - CHECKSUM_BYTES)
  );
}
