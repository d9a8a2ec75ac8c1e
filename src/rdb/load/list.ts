/**
 * Lists from RDBs: strings one after another (up to 3.0), one ziplist, or nodes that are ziplists, listpacks or single
 * elements.
 *
 * What fits becomes a packed list; a listpack that is a list's only node does so without having been copied. Nodes of
 * the file become nodes of ours unless they are larger than list-max-listpack-size allows.
 */
import { GrownList } from '../../datatypes/list/grown-list.ts';
import { releaseWhole } from '../../datatypes/memory.ts';
import { LIST_NODES, LIST_PACKED, TYPE_LIST } from '../../keyspace/entry.ts';
import { LpElement, lpGet, lpLength, lpNext, lpSeek, lpValidate } from '../../structures/listpack.ts';
import {
  NODE_PACKED,
  NODE_PLAIN,
  TYPE_LIST as RDB_LIST,
  TYPE_LIST_QUICKLIST_2,
  TYPE_LIST_ZIPLIST,
} from '../format.ts';
import {
  corrupt,
  type LoadContext,
  type LoadedValue,
  PackedBuilder,
  type ValuePart,
} from './loaded-value.ts';
import { readZiplist } from './old-forms.ts';
import { type RdbReader, shortRead } from './reader.ts';

const PACKED = TYPE_LIST | LIST_PACKED;
const NODES = TYPE_LIST | LIST_NODES;
const BAD_NODE = 'Listpack integrity check failed.';

export class ListLoader implements ValuePart {
  readonly #context: LoadContext;
  #type = RDB_LIST;
  /** Elements or nodes still to come; -1: their number has not been read. */
  #left = -1;
  /** Small so far. */
  readonly #small = new PackedBuilder();
  #list: GrownList | null = null;
  readonly #element = new LpElement();
  readonly #visit: (bytes: Uint8Array, off: number, len: number) => void;

  constructor(context: LoadContext) {
    this.#context = context;
    this.#visit = (bytes, off, len) => this.#push(bytes, off, len);
  }

  begin(type: number, _deep: boolean): void {
    this.#type = type;
    this.#left = -1;
    this.#list = null;
    this.#small.start();
  }

  step(reader: RdbReader, budget: number, out: LoadedValue): boolean {
    if (this.#left < 0) {
      this.#left = this.#type === TYPE_LIST_ZIPLIST ? 1 : reader.count();
      reader.commit();
      if (this.#left === 0) {
        out.empty = true;
        return true;
      }
    }
    for (let read = 0; read < budget && this.#left > 0; read++) {
      if (this.#type === RDB_LIST) {
        reader.string();
        this.#push(reader.bytes, reader.off, reader.len);
      } else if (this.#type === TYPE_LIST_QUICKLIST_2) {
        if (this.#node2(reader, out)) return true;
        // A node has many elements.
        read += 31;
      } else {
        reader.string();
        const what = this.#type === TYPE_LIST_ZIPLIST ? 'List z' : 'Z';
        readZiplist(
          reader.bytes,
          reader.off,
          reader.len,
          this.#visit,
          `${what}iplist integrity check failed.`,
        );
        read += 31;
      }
      this.#left--;
      reader.commit();
    }
    if (this.#left > 0) return false;
    const list = this.#list;
    if (list !== null) {
      this.#list = null;
      out.grown(NODES, list);
    } else if (this.#small.count === 0) out.empty = true;
    else out.packed(PACKED, this.#small.bytes, 0, this.#small.close());
    return true;
  }

  /** Reads a node of a quicklist; true: it is the whole list as it lies there. */
  #node2(reader: RdbReader, out: LoadedValue): boolean {
    const { listLimits } = this.#context.memory;
    const container = reader.length();
    if (container !== NODE_PLAIN && container !== NODE_PACKED) {
      throw corrupt('Quicklist integrity check failed.');
    }
    reader.string();
    const { bytes, off, len } = reader;
    // Redis gives such a node up as it does the end of the file.
    if (len === 0) throw shortRead();
    if (container === NODE_PLAIN) {
      this.#push(bytes, off, len);
      return false;
    }
    if (!lpValidate(bytes, off, len)) throw corrupt(BAD_NODE);
    const count = lpLength(bytes, off);
    if (count === 0) return false;
    const fits = len <= listLimits.nodeBytes && count <= listLimits.nodeEntries;
    if (this.#left === 1 && this.#list === null && this.#small.count === 0) {
      if (fits && len <= listLimits.packedBytes) {
        reader.commit();
        out.packed(PACKED, bytes, off, len);
        return true;
      }
    }
    if (fits && (this.#left > 1 || this.#list !== null || len > listLimits.packedBytes)) {
      this.#grown().appendListpack(bytes, off);
      return false;
    }
    for (let p = lpSeek(bytes, off, 0); p >= 0; p = lpNext(bytes, p)) {
      const element = lpGet(bytes, p, this.#element);
      this.#push(element.bytes, element.off, element.len);
    }
    return false;
  }

  #push(bytes: Uint8Array, off: number, len: number): void {
    if (this.#list === null) {
      const { listLimits } = this.#context.memory;
      const small = this.#small;
      const size = small.sizeWith(bytes, off, len);
      if (size <= listLimits.packedBytes && small.count < listLimits.nodeEntries) {
        small.append(bytes, off, size);
        return;
      }
    }
    this.#grown().pushBack(bytes, off, len);
  }

  /** The list in its grown form. */
  #grown(): GrownList {
    if (this.#list !== null) return this.#list;
    const { memory } = this.#context;
    const small = this.#small;
    small.close();
    const list = small.count > 0 ? GrownList.fromListpack(memory, small.bytes, 0) : new GrownList(memory);
    this.#list = list;
    return list;
  }

  drop(): void {
    if (this.#list !== null) releaseWhole(this.#list);
    this.#list = null;
  }
}
