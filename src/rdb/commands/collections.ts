/**
 * Collections as the commands that make them, in batches: for an AOF without preamble. One file for lists, sets, sorted
 * sets and hashes, as each is a walk; streams have save-stream-commands.ts.
 */
import type { HashTable } from '../../datatypes/hash/hash-table.ts';
import type { GrownList } from '../../datatypes/list/grown-list.ts';
import { NodeView } from '../../datatypes/list/node.ts';
import type { SetTable } from '../../datatypes/set/set-table.ts';
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import { DictionaryWalk } from '../../structures/dictionary.ts';
import { Int64, intsetGet, intsetLength, writeInt64Words } from '../../structures/intset.ts';
import { LpElement, lpFirst, lpGet, lpLength, lpNext } from '../../structures/listpack.ts';
import { formatDouble17, MAX_INT64_LENGTH, parseDoubleBytes } from '../../util/number-text.ts';
import { LONG_STRING } from '../save/long-string.ts';
import type { BigEntry } from '../snapshot-format.ts';
import { type Batches, type CommandOut, word } from './command-out.ts';

const KIB = 1024;
const GATHERED = 64;

export const RPUSH = word('RPUSH');
export const SADD = word('SADD');
export const ZADD = word('ZADD');
export const HMSET = word('HMSET');

const element = new LpElement();
const view = new NodeView();
const refs = new Int32Array(GATHERED);
const scores = new Float64Array(GATHERED);
const int = new Int64();
const digits = new Uint8Array(MAX_INT64_LENGTH);
const range = { bytes: new Uint8Array(0) as Uint8Array, off: 0, len: 0 };

/** The elements of a listpack: a list, a set, and the fields and values of a hash. */
export function saveListpack(
  out: CommandOut,
  batches: Batches,
  name: Uint8Array,
  key: Uint8Array,
  b: Uint8Array,
  at: number,
  words: number,
): void {
  batches.start(name, key, lpLength(b, at) / words, words);
  let i = 0;
  for (let p = lpFirst(b, at); p >= 0; p = lpNext(b, p)) {
    if (i++ % words === 0) batches.next();
    lpGet(b, p, element);
    out.bulk(element.bytes, element.off, element.len);
  }
}

/** A packed sorted set: in the listpack the score is behind its member, in the command before it. */
export function saveZsetListpack(
  out: CommandOut,
  batches: Batches,
  key: Uint8Array,
  b: Uint8Array,
  at: number,
): void {
  batches.start(ZADD, key, lpLength(b, at) / 2, 2);
  for (let p = lpFirst(b, at); p >= 0; ) {
    batches.next();
    const score = lpNext(b, p);
    lpGet(b, score, element);
    if (element.isInt) out.bulk(element.bytes, element.off, element.len);
    else out.bulkText(formatDouble17(parseDoubleBytes(element.bytes, element.off, element.len)));
    lpGet(b, p, element);
    out.bulk(element.bytes, element.off, element.len);
    p = lpNext(b, score);
  }
}

export function saveIntset(
  out: CommandOut,
  batches: Batches,
  key: Uint8Array,
  b: Uint8Array,
  at: number,
): void {
  const count = intsetLength(b, at);
  batches.start(SADD, key, count, 1);
  for (let i = 0; i < count; i++) {
    batches.next();
    intsetGet(b, at, i, int);
    out.bulk(digits, 0, writeInt64Words(digits, 0, int.hi, int.lo));
  }
}

/** What all that write a grown collection share. */
abstract class CollectionCommands implements BigEntry {
  protected readonly out: CommandOut;
  protected readonly batches: Batches;

  constructor(out: CommandOut, batches: Batches) {
    this.out = out;
    this.batches = batches;
  }

  abstract step(limit: number): boolean;

  /** Writes a text; true when it is a long one, of which more is left. */
  protected put(src: Uint8Array, off: number, len: number, limit: number): boolean {
    if (len <= LONG_STRING) {
      this.out.bulk(src, off, len);
      return false;
    }
    this.out.startLong(src, off, len);
    return this.out.step(limit);
  }
}

export class ListCommands extends CollectionCommands {
  #list: GrownList | null = null;
  #node = 0;

  start(list: GrownList, key: Uint8Array): void {
    this.#list = list;
    this.#node = 0;
    this.batches.start(RPUSH, key, list.length, 1);
  }

  step(limit: number): boolean {
    if (this.out.step(limit)) return true;
    const list = this.#list!;
    for (let left = limit; left > 0; ) {
      if (this.#node === list.nodes) {
        this.#list = null;
        return false;
      }
      left -= Math.max(list.viewNode(this.#node++, view), (view.end - view.start) / KIB);
      for (let p = view.start; p < view.end; p = view.next(p)) {
        this.batches.next();
        view.get(p, element);
        if (this.put(element.bytes, element.off, element.len, limit)) return true;
      }
    }
    return true;
  }
}

export class SetCommands extends CollectionCommands {
  readonly #walk = new DictionaryWalk();
  #set: SetTable | null = null;

  start(set: SetTable, key: Uint8Array): void {
    this.#set = set;
    this.#walk.start(set.table.dict);
    this.batches.start(SADD, key, set.size, 1);
  }

  step(limit: number): boolean {
    const { table } = this.#set!;
    for (let left = limit; left > 0; left--) {
      const ref = this.#walk.next();
      if (ref === 0) {
        this.#set = null;
        return false;
      }
      const len = table.memberLength(ref);
      this.batches.next();
      this.out.bulk(table.page(ref), table.memberOffset(ref), len);
      left -= len / KIB;
    }
    return true;
  }
}

export class HashCommands extends CollectionCommands {
  readonly #walk = new DictionaryWalk();
  #hash: HashTable | null = null;

  start(hash: HashTable, key: Uint8Array): void {
    this.#hash = hash;
    this.#walk.start(hash.table.dict);
    this.batches.start(HMSET, key, hash.size, 2);
  }

  step(limit: number): boolean {
    if (this.out.step(limit)) return true;
    const hash = this.#hash!;
    for (let left = limit; left > 0; left--) {
      const ref = this.#walk.next();
      if (ref === 0) {
        this.#hash = null;
        return false;
      }
      this.batches.next();
      hash.locateField(ref, range);
      this.out.bulk(range.bytes, range.off, range.len);
      hash.locateValue(ref, range);
      if (this.put(range.bytes, range.off, range.len, limit)) return true;
      left -= range.len / KIB;
    }
    return true;
  }
}

export class ZsetCommands extends CollectionCommands {
  #set: SortedSet | null = null;
  #rank = 0;

  start(set: SortedSet, key: Uint8Array): void {
    this.#set = set;
    this.#rank = 0;
    this.batches.start(ZADD, key, set.size, 2);
  }

  step(limit: number): boolean {
    const set = this.#set!;
    if (this.#rank < set.size) set.index.seekRank(this.#rank);
    for (let left = limit; left > 0 && this.#rank < set.size; ) {
      const count = set.index.gather(refs, scores, Math.min(GATHERED, Math.ceil(left)), false);
      for (let i = 0; i < count; i++) {
        const ref = refs[i]!;
        const len = set.memberLength(ref);
        this.batches.next();
        this.out.bulkText(formatDouble17(scores[i]!));
        this.out.bulk(set.page(ref), set.memberOffset(ref), len);
        left -= len / KIB;
      }
      left -= count;
      this.#rank += count;
    }
    if (this.#rank < set.size) return true;
    this.#set = null;
    return false;
  }
}
