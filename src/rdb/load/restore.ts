/**
 * Values from the payloads of DUMP (dump.ts): read as a file's are, from bytes that are all there.
 */
import type { Keyspace } from '../../keyspace/keyspace.ts';
import type { ZsetLimits } from '../../values/zset.ts';
import { PAYLOAD_FOOTER_BYTES } from '../save/dump.ts';
import type { LoadedValue } from './loaded-value.ts';
import { CorruptRdb, RdbReader } from './reader.ts';
import { isValueType, ValueLoader } from './value.ts';

export class Restorer {
  readonly #keyspace: Keyspace;
  readonly #limits: ZsetLimits;
  readonly #reader = new RdbReader(new Uint8Array(0));
  /** Made when it is needed. */
  #loader: ValueLoader | null = null;

  constructor(keyspace: Keyspace, limits: ZsetLimits) {
    this.#keyspace = keyspace;
    this.#limits = limits;
  }

  /**
   * Reads the value of a payload, whose footer has been verified. It is to be stored or dropped before the next one is
   * read, and while `bytes` is what it is. `deep`: look at everything in it. Throws CorruptRdb.
   */
  read(bytes: Uint8Array, off: number, len: number, deep: boolean): LoadedValue {
    const reader = this.#reader;
    this.#loader ??= new ValueLoader({
      memory: this.#keyspace.memory,
      db: this.#keyspace.databases[0]!,
      zsetLimits: this.#limits,
    });
    const loader = this.#loader;
    reader.buf = bytes;
    reader.bytes = bytes;
    reader.pos = off;
    reader.mark = off;
    reader.end = off + len - PAYLOAD_FOOTER_BYTES;
    const type = reader.byte();
    if (!isValueType(type)) throw new CorruptRdb(`Unknown RDB encoding type ${type}`);
    loader.begin(type, deep);
    try {
      while (!loader.step(reader, Number.MAX_SAFE_INTEGER));
    } catch (thrown) {
      loader.drop();
      this.#forget();
      if (thrown instanceof CorruptRdb) thrown.offset = reader.pos - off;
      throw thrown;
    }
    return loader.value;
  }

  /** The value has been stored: what it took is given back. */
  done(): void {
    this.#loader?.value.clear();
    this.#forget();
  }

  #forget(): void {
    this.#reader.tidy();
    this.#reader.buf = EMPTY;
    this.#reader.bytes = EMPTY;
  }
}

const EMPTY = new Uint8Array(0);
