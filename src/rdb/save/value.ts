/**
 * Values as an RDB of version 10 has them: which type each form is, and its bytes.
 */
import type { HashTable } from '../../datatypes/hash/hash-table.ts';
import type { GrownList } from '../../datatypes/list/grown-list.ts';
import type { SetTable } from '../../datatypes/set/set-table.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import { type Database, ValueView } from '../../keyspace/database.ts';
import {
  ENCODING_MASK,
  EXTERNAL,
  TYPE_HASH as HASH,
  HASH_LISTPACK,
  TYPE_LIST as LIST,
  TYPE_SET as SET,
  SET_INTSET,
  TYPE_STRING as STRING,
  TYPE_MASK,
  TYPE_ZSET as ZSET,
  ZSET_LISTPACK,
} from '../../keyspace/entry.ts';
import { intsetBytes } from '../../structures/intset.ts';
import { lpBytes } from '../../structures/listpack.ts';
import {
  NODE_PACKED,
  TYPE_HASH,
  TYPE_HASH_LISTPACK,
  TYPE_LIST_QUICKLIST_2,
  TYPE_SET,
  TYPE_SET_INTSET,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STRING,
  TYPE_ZSET_2,
  TYPE_ZSET_LISTPACK,
} from '../format.ts';
import type { BigEntry } from '../snapshot-format.ts';
import { HashSaver } from './hash.ts';
import { ListSaver } from './list.ts';
import { LONG_STRING, LongString } from './long-string.ts';
import { SetSaver, saveElements } from './set.ts';
import { StreamSaver } from './stream.ts';
import type { RdbWriter } from './writer.ts';
import { ZsetSaver } from './zset.ts';

/** The type byte of an entry's value. */
export function rdbType(meta: number): number {
  const encoding = meta & ENCODING_MASK;
  switch (meta & TYPE_MASK) {
    case STRING:
      return TYPE_STRING;
    case LIST:
      return TYPE_LIST_QUICKLIST_2;
    case SET:
      return encoding === SET_INTSET ? TYPE_SET_INTSET : TYPE_SET;
    case ZSET:
      return encoding === ZSET_LISTPACK ? TYPE_ZSET_LISTPACK : TYPE_ZSET_2;
    case HASH:
      return encoding === HASH_LISTPACK ? TYPE_HASH_LISTPACK : TYPE_HASH;
    default:
      return TYPE_STREAM_LISTPACKS_2;
  }
}

export class ValueSaver {
  readonly #out: RdbWriter;
  readonly #view = new ValueView();
  readonly #string: LongString;
  readonly #list: ListSaver;
  readonly #set: SetSaver;
  readonly #zset: ZsetSaver;
  readonly #hash: HashSaver;
  readonly #stream: StreamSaver;

  constructor(out: RdbWriter) {
    this.#out = out;
    this.#string = new LongString(out);
    this.#list = new ListSaver(out);
    this.#set = new SetSaver(out);
    this.#zset = new ZsetSaver(out);
    this.#hash = new HashSaver(out);
    this.#stream = new StreamSaver(out);
  }

  /** Writes a value, without its type. */
  save(db: Database, ref: number): void {
    const rest = this.begin(db, ref);
    if (rest !== null) while (rest.step(Number.POSITIVE_INFINITY));
  }

  /**
   * Writes a value as far as it is small; returns what writes the rest in steps, or null when that was all. There is one
   * rest at a time. It does not need the entry any more, only what the entry names; that must not change meanwhile, but
   * its records may move.
   */
  begin(db: Database, ref: number): BigEntry | null {
    const meta = db.meta(ref);
    if ((meta & EXTERNAL) !== 0) {
      const id = db.externalId(ref);
      const collection = db.memory.externals.collectionOrNull(id);
      if (collection !== null) {
        switch (meta & TYPE_MASK) {
          case LIST:
            this.#list.start(collection as GrownList);
            return this.#list;
          case SET:
            this.#set.start(collection as SetTable);
            return this.#set;
          case ZSET:
            this.#zset.start(collection as SortedSet);
            return this.#zset;
          case HASH:
            this.#hash.start(collection as HashTable);
            return this.#hash;
          default:
            this.#stream.start(collection as Stream);
            return this.#stream;
        }
      }
    }
    return this.#packed(db, ref, meta);
  }

  #packed(db: Database, ref: number, meta: number): BigEntry | null {
    const view = this.#view;
    const out = this.#out;
    db.locateValue(ref, view);
    const { bytes, off } = view;
    let { len } = view;
    const encoding = meta & ENCODING_MASK;
    switch (meta & TYPE_MASK) {
      case STRING:
        break;
      case SET:
        if (encoding !== SET_INTSET) {
          saveElements(out, bytes, off);
          return null;
        }
        len = intsetBytes(bytes, off);
        break;
      case LIST:
        // One node.
        out.length(1);
        out.byte(NODE_PACKED);
        len = lpBytes(bytes, off);
        break;
      default:
        len = lpBytes(bytes, off);
    }
    if (len <= LONG_STRING) {
      out.string(bytes, off, len);
      return null;
    }
    this.#string.start(bytes, off, len);
    return this.#string;
  }
}
