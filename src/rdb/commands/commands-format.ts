/**
 * A snapshot as commands: the base of an AOF without preamble (aof-use-rdb-preamble no).
 *
 *   [#TS:seconds]  FUNCTION LOAD ...  { SELECT  { SET | RPUSH | SADD | ZADD | HMSET | XADD ...  [PEXPIREAT] }* }*
 */
import type { HashTable } from '../../datatypes/hash/hash-table.ts';
import type { GrownList } from '../../datatypes/list/grown-list.ts';
import type { SetTable } from '../../datatypes/set/set-table.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import { type Database, ValueView } from '../../keyspace/database.ts';
import { type Deadline, deadlineOf } from '../../keyspace/deadline.ts';
import {
  ENCODING_MASK,
  EXTERNAL,
  SET_INTSET,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_MASK,
  TYPE_SET,
  TYPE_STRING,
  TYPE_ZSET,
} from '../../keyspace/entry.ts';
import { isBigEntry } from '../big-entry.ts';
import type { ChunkSink } from '../chunk-sink.ts';
import { LONG_STRING } from '../save/long-string.ts';
import type { BigEntry, SnapshotFormat } from '../snapshot-format.ts';
import {
  HashCommands,
  HMSET,
  ListCommands,
  RPUSH,
  SADD,
  SetCommands,
  saveIntset,
  saveListpack,
  saveZsetListpack,
  ZsetCommands,
} from './collections.ts';
import { Batches, CommandOut, word } from './command-out.ts';
import { StreamCommands } from './streams.ts';

const FUNCTION = word('FUNCTION');
const LOAD = word('LOAD');
const SELECT = word('SELECT');
const SET = word('SET');
const PEXPIREAT = word('PEXPIREAT');

const view = new ValueView();

export interface CommandsFormatOptions {
  /** Seconds since the epoch for the annotation at the start (aof-timestamp-enabled); null: none. */
  timestamp: number | null;
  /** Code of libraries of functions. */
  functions: readonly Uint8Array[];
  chunkBytes?: number;
}

/** The steps of a big entry, and its expiry behind the last. */
class BigCommands implements BigEntry {
  readonly #format: CommandsFormat;
  readonly #steps: BigEntry;
  readonly #key: Uint8Array;
  readonly #when: Deadline;

  constructor(format: CommandsFormat, steps: BigEntry, key: Uint8Array, when: Deadline) {
    this.#format = format;
    this.#steps = steps;
    this.#key = key;
    this.#when = when;
  }

  step(limit: number): boolean {
    if (this.#steps.step(limit)) return true;
    this.#format.expire(this.#key, this.#when);
    return false;
  }
}

export class CommandsFormat implements SnapshotFormat {
  readonly #options: CommandsFormatOptions;
  readonly #out: CommandOut;
  readonly #batches: Batches;
  readonly #list: ListCommands;
  readonly #set: SetCommands;
  readonly #zset: ZsetCommands;
  readonly #hash: HashCommands;
  readonly #stream: StreamCommands;

  constructor(sink: ChunkSink, options: CommandsFormatOptions) {
    this.#options = options;
    const out = new CommandOut(sink, options.chunkBytes);
    const batches = new Batches(out);
    this.#out = out;
    this.#batches = batches;
    this.#list = new ListCommands(out, batches);
    this.#set = new SetCommands(out, batches);
    this.#zset = new ZsetCommands(out, batches);
    this.#hash = new HashCommands(out, batches);
    this.#stream = new StreamCommands(out);
  }

  get written(): number {
    return this.#out.writer.written;
  }

  begin(): void {
    const out = this.#out;
    const { timestamp, functions } = this.#options;
    if (timestamp !== null) out.raw(Buffer.from(`#TS:${timestamp}\r\n`));
    for (const code of functions) {
      out.command(3);
      out.raw(FUNCTION);
      out.raw(LOAD);
      out.bulk(code, 0, code.length);
    }
  }

  select(id: number): void {
    this.#out.command(2);
    this.#out.raw(SELECT);
    this.#out.bulkInt(id);
  }

  entry(db: Database, ref: number): void {
    const key = db.keyBytes(ref);
    const when = deadlineOf(db, ref);
    const rest = this.#begin(db, ref, key);
    if (rest !== null) while (rest.step(Number.POSITIVE_INFINITY));
    this.expire(key, when);
  }

  big(db: Database, ref: number): BigEntry | null {
    if (!isBigEntry(db, ref)) return null;
    const key = db.keyBytes(ref);
    const when = deadlineOf(db, ref);
    const rest = this.#begin(db, ref, key);
    // A long value of a small collection is written at once.
    return new BigCommands(this, rest ?? NOTHING_LEFT, key, when);
  }

  /** Ends an entry: its expiry time, if it has one. */
  expire(key: Uint8Array, when: Deadline): void {
    if (when === -1) return;
    const out = this.#out;
    out.command(3);
    out.raw(PEXPIREAT);
    out.bulk(key, 0, key.length);
    out.bulkInt(when);
  }

  #begin(db: Database, ref: number, key: Uint8Array): BigEntry | null {
    const meta = db.meta(ref);
    if ((meta & EXTERNAL) !== 0) {
      const collection = db.memory.externals.collectionOrNull(db.externalId(ref));
      if (collection !== null) {
        switch (meta & TYPE_MASK) {
          case TYPE_LIST:
            this.#list.start(collection as GrownList, key);
            return this.#list;
          case TYPE_SET:
            this.#set.start(collection as SetTable, key);
            return this.#set;
          case TYPE_ZSET:
            this.#zset.start(collection as SortedSet, key);
            return this.#zset;
          case TYPE_HASH:
            this.#hash.start(collection as HashTable, key);
            return this.#hash;
          default:
            this.#stream.start(collection as Stream, key);
            return this.#stream;
        }
      }
    }
    db.locateValue(ref, view);
    const { bytes, off, len } = view;
    const out = this.#out;
    const batches = this.#batches;
    switch (meta & TYPE_MASK) {
      case TYPE_STRING:
        out.command(3);
        out.raw(SET);
        out.bulk(key, 0, key.length);
        if (len > LONG_STRING) {
          out.startLong(bytes, off, len);
          return out;
        }
        out.bulk(bytes, off, len);
        return null;
      case TYPE_LIST:
        saveListpack(out, batches, RPUSH, key, bytes, off, 1);
        return null;
      case TYPE_SET:
        if ((meta & ENCODING_MASK) === SET_INTSET) saveIntset(out, batches, key, bytes, off);
        else saveListpack(out, batches, SADD, key, bytes, off, 1);
        return null;
      case TYPE_ZSET:
        saveZsetListpack(out, batches, key, bytes, off);
        return null;
      default:
        saveListpack(out, batches, HMSET, key, bytes, off, 2);
        return null;
    }
  }

  end(): void {
    this.#out.writer.flush();
  }
}

const NOTHING_LEFT: BigEntry = { step: () => false };
