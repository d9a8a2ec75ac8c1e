/**
 * A stream as an RDB of version 10 has it:
 *
 *   nodes                each: master id (16 bytes, big endian, as a string), listpack
 *   length, last id, first id, largest deleted id, entries added
 *   groups               each: name, last id, entries read
 *     pending entries    each: id (16 bytes), delivery time, delivery count
 *     consumers          each: name, time seen
 *       pending entries  each: id
 *
 * Version 11 would have the time at which a consumer was last active, too.
 */
import type { Count } from '../../datatypes/stream/count.ts';
import type { Consumer, Group } from '../../datatypes/stream/group.ts';
import { StreamId } from '../../datatypes/stream/id.ts';
import type { IdIndex } from '../../datatypes/stream/id-index.ts';
import { nodeListpackBytes, writeNodeListpack } from '../../datatypes/stream/node-listpack.ts';
import { REF, type Stream } from '../../datatypes/stream/stream.ts';
import type { BigEntry } from '../snapshot-format.ts';
import { LONG_STRING, LongString } from './long-string.ts';
import type { RdbWriter } from './writer.ts';

const KIB = 1024;
const TWO_32 = 4294967296;
const ID_BYTES = 16;

const NODES = 0;
const HEAD = 1;
const GROUP = 2;
const PENDING = 3;
const CONSUMER = 4;
const OWNED = 5;

const idBytes = new Uint8Array(ID_BYTES);
let scratch = new Uint8Array(16384);

function putWord(at: number, word: number): void {
  idBytes[at] = word >>> 24;
  idBytes[at + 1] = (word >>> 16) & 255;
  idBytes[at + 2] = (word >>> 8) & 255;
  idBytes[at + 3] = word & 255;
}

/** Sixteen bytes, big endian. */
function bigEndian(from: StreamId): Uint8Array {
  putWord(0, from.mh);
  putWord(4, from.ml);
  putWord(8, from.sh);
  putWord(12, from.sl);
  return idBytes;
}

/** Writes streams, one after the other. */
export class StreamSaver implements BigEntry {
  readonly #out: RdbWriter;
  readonly #long: LongString;
  #stream: Stream | null = null;
  #state = NODES;
  /** Nodes, or pending entries, that are written, and the id of the last: records may move between two steps. */
  #at = 0;
  readonly #last = new StreamId();
  #groups: Group[] = [];
  #group = 0;
  #consumers: Consumer[] = [];
  #consumer = 0;

  constructor(out: RdbWriter) {
    this.#out = out;
    this.#long = new LongString(out);
  }

  start(stream: Stream): void {
    this.#stream = stream;
    this.#state = NODES;
    this.#at = 0;
    this.#out.length(stream.nodes.count);
  }

  step(limit: number): boolean {
    if (this.#long.busy && this.#long.step(limit)) return true;
    for (let left = limit; left > 0; ) {
      switch (this.#state) {
        case NODES:
          left = this.#saveNodes(left);
          if (this.#long.busy && this.#long.step(left)) return true;
          break;
        case HEAD:
          this.#saveHead();
          break;
        case GROUP:
          if (this.#group === this.#groups.length) {
            this.#stream = null;
            this.#groups = [];
            this.#consumers = [];
            return false;
          }
          this.#saveGroup(this.#groups[this.#group]!);
          break;
        case PENDING:
          left = this.#savePending(this.#groups[this.#group]!, left);
          break;
        case CONSUMER:
          left--;
          this.#saveConsumer();
          break;
        default:
          left = this.#saveOwned(this.#consumers[this.#consumer]!, left);
      }
    }
    return true;
  }

  /** Goes to the entry of an index that is next. */
  #resume(index: IdIndex): boolean {
    if (this.#at === 0) return index.first();
    return index.find(this.#last) && index.next();
  }

  #saveNodes(limit: number): number {
    const out = this.#out;
    const { nodes, memory } = this.#stream!;
    let left = limit;
    for (let more = this.#resume(nodes); more && left > 0; more = nodes.next()) {
      this.#at++;
      const ref = nodes.words[nodes.at + REF]!;
      const bytes = nodeListpackBytes(memory.arena, ref);
      out.string(bigEndian(nodes.id(this.#last)), 0, ID_BYTES);
      left -= 8 + bytes / KIB;
      if (bytes > LONG_STRING) {
        const listpack = new Uint8Array(bytes);
        writeNodeListpack(memory.arena, ref, listpack, 0);
        this.#long.start(listpack, 0, bytes);
        return left;
      }
      if (scratch.length < bytes) scratch = new Uint8Array(bytes * 2);
      writeNodeListpack(memory.arena, ref, scratch, 0);
      out.string(scratch, 0, bytes);
    }
    if (this.#at === nodes.count) this.#state = HEAD;
    return left;
  }

  #id(from: StreamId): void {
    this.#out.length64(from.mh, from.ml);
    this.#out.length64(from.sh, from.sl);
  }

  #count(n: Count): void {
    if (typeof n === 'number') this.#out.length64(Math.floor(n / TWO_32) | 0, n | 0);
    else this.#out.length64(Number((n >> 32n) & 0xffffffffn) | 0, Number(n & 0xffffffffn) | 0);
  }

  #saveHead(): void {
    const stream = this.#stream!;
    this.#out.length(stream.length);
    this.#id(stream.lastId);
    this.#id(stream.firstId);
    this.#id(stream.maxDeletedId);
    this.#count(stream.entriesAdded);
    this.#groups = stream.sortedGroups();
    this.#group = 0;
    this.#out.length(this.#groups.length);
    this.#state = GROUP;
  }

  #saveGroup(group: Group): void {
    const out = this.#out;
    out.text(group.name);
    this.#id(group.lastId);
    this.#count(group.entriesRead);
    out.length(group.pending.count);
    this.#at = 0;
    this.#state = PENDING;
  }

  #savePending(group: Group, limit: number): number {
    const out = this.#out;
    const { pending } = group;
    let left = limit;
    for (let more = this.#resume(pending); more && left > 0; more = pending.next(), left--) {
      this.#at++;
      out.raw(bigEndian(pending.id(this.#last)), 0, ID_BYTES);
      out.int64(group.deliveryMs);
      this.#count(group.deliveries);
    }
    if (this.#at < pending.count) return left;
    this.#consumers = group.sortedConsumers();
    this.#consumer = 0;
    out.length(this.#consumers.length);
    this.#state = CONSUMER;
    return left;
  }

  #saveConsumer(): void {
    if (this.#consumer === this.#consumers.length) {
      this.#group++;
      this.#state = GROUP;
      return;
    }
    const out = this.#out;
    const consumer = this.#consumers[this.#consumer]!;
    out.text(consumer.name);
    out.int64(consumer.seenMs);
    out.length(consumer.pending.count);
    this.#at = 0;
    this.#state = OWNED;
  }

  #saveOwned(consumer: Consumer, limit: number): number {
    const { pending } = consumer;
    let left = limit;
    for (let more = this.#resume(pending); more && left > 0; more = pending.next(), left--) {
      this.#at++;
      this.#out.raw(bigEndian(pending.id(this.#last)), 0, ID_BYTES);
    }
    if (this.#at < pending.count) return left;
    this.#consumer++;
    this.#state = CONSUMER;
    return left;
  }
}
