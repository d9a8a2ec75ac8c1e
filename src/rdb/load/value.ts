/**
 * Values from RDBs, of whatever type: who knows which loader reads them.
 */
import {
  TYPE_HASH,
  TYPE_HASH_LISTPACK,
  TYPE_HASH_ZIPLIST,
  TYPE_HASH_ZIPMAP,
  TYPE_LIST,
  TYPE_LIST_QUICKLIST,
  TYPE_LIST_QUICKLIST_2,
  TYPE_LIST_ZIPLIST,
  TYPE_MODULE_2,
  TYPE_MODULE_PRE_GA,
  TYPE_SET,
  TYPE_SET_INTSET,
  TYPE_SET_LISTPACK,
  TYPE_STREAM_LISTPACKS,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STREAM_LISTPACKS_3,
  TYPE_STRING,
  TYPE_ZSET,
  TYPE_ZSET_2,
  TYPE_ZSET_LISTPACK,
  TYPE_ZSET_ZIPLIST,
} from '../format.ts';
import { HashLoader } from './hash.ts';
import { ListLoader } from './list.ts';
import { type LoadContext, LoadedValue, type ValuePart } from './loaded-value.ts';
import { LongString } from './long-string.ts';
import { moduleName, skipModuleValue } from './module-values.ts';
import { CorruptRdb, type RdbReader } from './reader.ts';
import { SetLoader } from './set.ts';
import { StreamLoader } from './stream.ts';
import { ZsetLoader } from './zset.ts';

/** Whether a type byte stands for a value: op codes and unknown ones don't. */
export function isValueType(type: number): boolean {
  return (
    (type >= TYPE_STRING && type <= TYPE_MODULE_2) ||
    (type >= TYPE_HASH_ZIPMAP && type <= TYPE_STREAM_LISTPACKS_3)
  );
}

export class ValueLoader {
  /** What `step` has read. */
  readonly value: LoadedValue;
  /** A string as it came: the commonest value needs no loader. */
  #part: ValuePart | null = null;
  #type = TYPE_STRING;
  readonly #long = new LongString();
  /** Module values are read over instead of being refused: only their form is looked at. */
  readonly #checksOnly: boolean;
  readonly #parts: (ValuePart | null)[] = new Array(TYPE_STREAM_LISTPACKS_3 + 1).fill(null);

  constructor(context: LoadContext, checksOnly = false) {
    this.value = new LoadedValue(context.zsetLimits);
    this.#checksOnly = checksOnly;
    const put = (part: ValuePart, ...types: number[]): void => {
      for (const type of types) this.#parts[type] = part;
    };
    put(new ListLoader(context), TYPE_LIST, TYPE_LIST_ZIPLIST, TYPE_LIST_QUICKLIST, TYPE_LIST_QUICKLIST_2);
    put(new SetLoader(context), TYPE_SET, TYPE_SET_INTSET, TYPE_SET_LISTPACK);
    put(new ZsetLoader(context), TYPE_ZSET, TYPE_ZSET_2, TYPE_ZSET_ZIPLIST, TYPE_ZSET_LISTPACK);
    put(new HashLoader(context), TYPE_HASH, TYPE_HASH_ZIPMAP, TYPE_HASH_ZIPLIST, TYPE_HASH_LISTPACK);
    put(new StreamLoader(context), TYPE_STREAM_LISTPACKS, TYPE_STREAM_LISTPACKS_2, TYPE_STREAM_LISTPACKS_3);
  }

  /** Begins with a value of this type. */
  begin(type: number, deep: boolean): void {
    this.#type = type;
    this.value.clear();
    this.#part = this.#parts[type] ?? null;
    this.#part?.begin(type, deep);
  }

  /** Reads on, about `budget` elements. Returns true when the value is whole. */
  step(reader: RdbReader, budget: number): boolean {
    const { value } = this;
    const part = this.#part;
    if (part !== null) return part.step(reader, budget, value);
    if (this.#type !== TYPE_STRING) {
      this.#module(reader);
      return true;
    }
    if (this.#long.isBusy || !reader.stringUnlessLong()) return this.#longString(reader);
    reader.commit();
    value.meta = 0;
    value.bytes = reader.bytes;
    value.off = reader.off;
    value.len = reader.len;
    return true;
  }

  #longString(reader: RdbReader): boolean {
    const long = this.#long;
    if (!long.isBusy) long.begin(reader);
    const bytes = long.step(reader);
    if (bytes === null) return false;
    this.value.long(bytes);
    return true;
  }

  #module(reader: RdbReader): void {
    if (this.#type !== TYPE_MODULE_2 && this.#type !== TYPE_MODULE_PRE_GA) {
      throw new CorruptRdb(`Unknown RDB encoding type ${this.#type}`);
    }
    reader.length64();
    const name = moduleName(reader.high, reader.low);
    if (!this.#checksOnly || this.#type === TYPE_MODULE_PRE_GA) {
      throw new CorruptRdb(
        `The RDB file contains module data I can't load: no matching module type '${name}'`,
        'refused',
      );
    }
    skipModuleValue(reader, name);
    reader.commit();
    this.value.empty = true;
  }

  /** Gives up what has been read. */
  drop(): void {
    this.#part?.drop();
    this.#long.drop();
    this.value.drop();
  }
}
