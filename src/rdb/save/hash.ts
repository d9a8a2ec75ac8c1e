/**
 * A hash as an RDB has it: its listpack, or fields and values in turn.
 */
import type { ByteRange, HashTable } from '../../datatypes/hash/hash-table.ts';
import { DictionaryWalk } from '../../structures/dictionary.ts';
import type { BigEntry } from '../snapshot-format.ts';
import { LONG_STRING, LongString } from './long-string.ts';
import type { RdbWriter } from './writer.ts';

const KIB = 1024;

/** Writes grown hashes, one after the other. */
export class HashSaver implements BigEntry {
  readonly #out: RdbWriter;
  readonly #walk = new DictionaryWalk();
  readonly #long: LongString;
  readonly #text: ByteRange = { bytes: new Uint8Array(0), off: 0, len: 0 };
  #hash: HashTable | null = null;

  constructor(out: RdbWriter) {
    this.#out = out;
    this.#long = new LongString(out);
  }

  start(hash: HashTable): void {
    this.#hash = hash;
    this.#out.length(hash.size);
    this.#walk.start(hash.table.dict);
  }

  step(limit: number): boolean {
    if (this.#long.busy && this.#long.step(limit)) return true;
    const out = this.#out;
    const hash = this.#hash!;
    const text = this.#text;
    for (let left = limit; left > 0; left--) {
      const ref = this.#walk.next();
      if (ref === 0) {
        this.#hash = null;
        return false;
      }
      hash.locateField(ref, text);
      out.string(text.bytes, text.off, text.len);
      hash.locateValue(ref, text);
      if (text.len > LONG_STRING) {
        this.#long.start(text.bytes, text.off, text.len);
        if (this.#long.step(left)) return true;
      } else out.string(text.bytes, text.off, text.len);
      if (text.len > KIB) left -= text.len / KIB;
    }
    return true;
  }
}
