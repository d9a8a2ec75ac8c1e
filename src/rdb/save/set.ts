/**
 * A set as an RDB of version 10 has it: its intset, or its members. There is no listpack of members before version 11,
 * so a packed set is written as members, too.
 */
import type { SetTable } from '../../datatypes/set/set-table.ts';
import { DictionaryWalk } from '../../structures/dictionary.ts';
import { LpElement, lpFirst, lpGet, lpLength, lpNext } from '../../structures/listpack.ts';
import type { BigEntry } from '../snapshot-format.ts';
import type { RdbWriter } from './writer.ts';

const KIB = 1024;

const element = new LpElement();

/** Writes the elements of a listpack as strings. */
export function saveElements(out: RdbWriter, b: Uint8Array, at: number): void {
  out.length(lpLength(b, at));
  for (let p = lpFirst(b, at); p >= 0; p = lpNext(b, p)) {
    const head = b[p]!;
    if (head >= 0x80 && head < 0xc0) out.string(b, p + 1, head & 63);
    else {
      lpGet(b, p, element);
      if (element.isInt && Number.isSafeInteger(element.int)) out.integer(element.int);
      else out.string(element.bytes, element.off, element.len);
    }
  }
}

/** Writes grown sets, one after the other. */
export class SetSaver implements BigEntry {
  readonly #out: RdbWriter;
  readonly #walk = new DictionaryWalk();
  #set: SetTable | null = null;

  constructor(out: RdbWriter) {
    this.#out = out;
  }

  start(set: SetTable): void {
    this.#set = set;
    this.#out.length(set.size);
    this.#walk.start(set.table.dict);
  }

  step(limit: number): boolean {
    const out = this.#out;
    const { table } = this.#set!;
    for (let left = limit; left > 0; left--) {
      const ref = this.#walk.next();
      if (ref === 0) {
        this.#set = null;
        return false;
      }
      const len = table.memberLength(ref);
      out.string(table.page(ref), table.memberOffset(ref), len);
      if (len > KIB) left -= len / KIB;
    }
    return true;
  }
}
