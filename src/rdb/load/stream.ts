/**
 * Streams from RDBs: nodes as listpacks, ids and counters, consumer groups with what is pending.
 *
 *   nodes    count, { master id (a string of 16 bytes), listpack }
 *   stream   length, last id; from version 2 on first id, largest deleted id, entries added
 *   groups   count, { name, last id, [entries read], pending, consumers }
 *   pending  count, { id (16 bytes), delivery time (8 bytes), deliveries }
 *   consumer name, seen time, [active time, from version 3 on], count, { id }
 */
import { releaseWhole } from '../../datatypes/memory.ts';
import { type Count, countOf } from '../../datatypes/stream/count.ts';
import { type Consumer, Group, UNKNOWN } from '../../datatypes/stream/group.ts';
import { compareIds, StreamId } from '../../datatypes/stream/id.ts';
import { Stream } from '../../datatypes/stream/stream.ts';
import { STREAM_NODES, TYPE_STREAM } from '../../keyspace/entry.ts';
import { lpFirst, lpValidate } from '../../structures/listpack.ts';
import { latin1Of } from '../../util/latin1.ts';
import { TYPE_STREAM_LISTPACKS, TYPE_STREAM_LISTPACKS_3 } from '../format.ts';
import { corrupt, type LoadContext, type LoadedValue, type ValuePart } from './loaded-value.ts';
import type { RdbReader } from './reader.ts';

const META = TYPE_STREAM | STREAM_NODES;
const BAD_LISTPACK = 'Stream listpack integrity check failed.';
const ID_BYTES = 16;

// What is read next.
const NODE_COUNT = 0;
const NODES = 1;
const NUMBERS = 2;
const GROUPS = 3;
const PENDING = 4;
const CONSUMER_COUNT = 5;
const CONSUMERS = 6;
const OWN = 7;
const GROUP_END = 8;

export class StreamLoader implements ValuePart {
  readonly #context: LoadContext;
  #type = TYPE_STREAM_LISTPACKS;
  #phase = NODE_COUNT;
  /** Nodes still to come. */
  #nodes = 0;
  #groups = 0;
  #pending = 0;
  #consumers = 0;
  #own = 0;
  /** Entries of the group's pending ones that no consumer has been found for yet. */
  #unowned = 0;
  #stream: Stream | null = null;
  #group: Group | null = null;
  #consumer: Consumer | null = null;
  readonly #id = new StreamId();
  readonly #last = new StreamId();

  constructor(context: LoadContext) {
    this.#context = context;
  }

  begin(type: number, _deep: boolean): void {
    this.#type = type;
    this.#phase = NODE_COUNT;
    this.#stream = null;
    this.#group = null;
    this.#consumer = null;
    this.#last.clear();
  }

  step(reader: RdbReader, budget: number, out: LoadedValue): boolean {
    for (let read = 0; read < budget; ) {
      switch (this.#phase) {
        case NODE_COUNT:
          this.#nodes = reader.count(2);
          this.#stream = new Stream(this.#context.memory);
          this.#phase = this.#nodes > 0 ? NODES : NUMBERS;
          break;
        case NODES:
          this.#node(reader);
          read += 50;
          break;
        case NUMBERS:
          this.#numbers(reader);
          break;
        case GROUPS:
          if (this.#groups === 0) {
            out.grown(META, this.#stream!);
            this.#stream = null;
            return true;
          }
          this.#readGroup(reader);
          break;
        case PENDING:
          if (this.#pending === 0) this.#phase = CONSUMER_COUNT;
          else this.#readPending(reader);
          read++;
          break;
        case CONSUMER_COUNT:
          this.#consumers = reader.count(10);
          this.#phase = CONSUMERS;
          break;
        case CONSUMERS:
          if (this.#consumers === 0) this.#phase = GROUP_END;
          else this.#readConsumer(reader);
          read++;
          break;
        case OWN:
          if (this.#own === 0) this.#phase = CONSUMERS;
          else this.#readOwn(reader);
          read++;
          break;
        default:
          this.#endGroup();
          read++;
      }
      reader.commit();
    }
    return false;
  }

  #node(reader: RdbReader): void {
    reader.string();
    if (reader.len !== ID_BYTES) throw corrupt('Stream node key entry is not the size of a stream ID');
    const { bytes, off } = reader;
    const id = this.#id;
    id.set(big32(bytes, off), big32(bytes, off + 4), big32(bytes, off + 8), big32(bytes, off + 12));
    reader.string();
    const stream = this.#stream!;
    const listpack = reader.bytes.subarray(reader.off, reader.off + reader.len);
    if (!lpValidate(listpack, 0, listpack.length)) throw corrupt(BAD_LISTPACK);
    if (lpFirst(listpack, 0) < 0) throw corrupt('Empty listpack inside stream');
    if (stream.nodes.find(id)) throw corrupt('Listpack re-added with existing key');
    // Nodes stand in order, and so do entries: else nobody would find them.
    if (stream.nodes.count > 0 && compareIds(id, this.#last) <= 0) throw corrupt(BAD_LISTPACK);
    if (!stream.addListpack(id, listpack)) throw corrupt(BAD_LISTPACK);
    stream.lastInNodes(this.#last);
    if (compareIds(this.#last, id) < 0) throw corrupt(BAD_LISTPACK);
    if (--this.#nodes === 0) this.#phase = NUMBERS;
  }

  #numbers(reader: RdbReader): void {
    const stream = this.#stream!;
    const length = reader.length();
    this.#readId(reader, stream.lastId);
    if (this.#type !== TYPE_STREAM_LISTPACKS) {
      this.#readId(reader, stream.firstId);
      this.#readId(reader, stream.maxDeletedId);
      stream.entriesAdded = this.#count(reader);
    } else {
      stream.maxDeletedId.clear();
      stream.entriesAdded = stream.length;
    }
    if (length > 0 && stream.nodes.count === 0) throw corrupt('Stream length inconsistent with rax entries');
    if (stream.nodes.count > 0 && compareIds(stream.lastId, this.#last) < 0) {
      throw corrupt('Stream last ID is smaller than that of the last entry');
    }
    this.#groups = reader.count(4);
    stream.settleFirst();
    this.#phase = GROUPS;
  }

  #readGroup(reader: RdbReader): void {
    reader.string();
    const name = latin1Of(reader.bytes, reader.off, reader.len);
    const id = this.#id;
    this.#readId(reader, id);
    const stream = this.#stream!;
    let entriesRead: Count;
    if (this.#type === TYPE_STREAM_LISTPACKS) entriesRead = stream.logicalNumber(id);
    else entriesRead = this.#count(reader);
    this.#pending = reader.count(ID_BYTES + 9);
    if (stream.group(name) !== null) throw corrupt(`Duplicated consumer group name ${name}`);
    const group = new Group(this.#context.memory, name, id, entriesRead);
    stream.addGroup(group);
    this.#group = group;
    this.#unowned = 0;
    this.#phase = PENDING;
  }

  #readPending(reader: RdbReader): void {
    const { pending } = this.#group!;
    const id = this.#id;
    this.#rawId(reader, id);
    const time = reader.int64();
    const deliveries = this.#count(reader);
    if (pending.find(id)) throw corrupt('Duplicated global PEL entry loading stream consumer group');
    this.#group!.addUnowned(id, Math.max(0, time), deliveries);
    this.#unowned++;
    this.#pending--;
  }

  #readConsumer(reader: RdbReader): void {
    reader.string();
    const name = latin1Of(reader.bytes, reader.off, reader.len);
    const seen = reader.int64();
    const active = this.#type >= TYPE_STREAM_LISTPACKS_3 ? reader.int64() : seen;
    this.#own = reader.count(ID_BYTES);
    const group = this.#group!;
    if (group.consumers.has(name)) throw corrupt('Duplicate stream consumer detected.');
    const consumer = group.addConsumer(name, seen);
    consumer.activeMs = active;
    this.#consumer = consumer;
    this.#consumers--;
    this.#phase = OWN;
  }

  #readOwn(reader: RdbReader): void {
    const group = this.#group!;
    const id = this.#id;
    this.#rawId(reader, id);
    if (!group.pending.find(id)) throw corrupt('Consumer entry not found in group global PEL');
    if (!group.ownUnowned(id, this.#consumer!)) {
      throw corrupt('Duplicated consumer PEL entry  loading a stream consumer group');
    }
    this.#unowned--;
    this.#own--;
  }

  #endGroup(): void {
    if (this.#unowned > 0) throw corrupt('Stream CG PEL entry without consumer');
    this.#group = null;
    this.#groups--;
    this.#phase = GROUPS;
  }

  #readId(reader: RdbReader, into: StreamId): void {
    reader.length64();
    const { high, low } = reader;
    reader.length64();
    into.set(high, low, reader.high, reader.low);
  }

  /** An id of 16 bytes. */
  #rawId(reader: RdbReader, into: StreamId): void {
    reader.need(ID_BYTES);
    reader.word64();
    const { high, low } = reader;
    reader.word64();
    into.set(high, low, reader.high, reader.low);
  }

  /** A counter, which may be -1. */
  #count(reader: RdbReader): Count {
    reader.length64();
    const { high, low } = reader;
    if (high >= 0 && high < 0x200000) return high * 4294967296 + (low >>> 0);
    if (high === -1 && low === -1) return UNKNOWN;
    return countOf((BigInt(high) << 32n) | BigInt(low >>> 0));
  }

  drop(): void {
    if (this.#stream !== null) releaseWhole(this.#stream);
    this.#stream = null;
    this.#group = null;
    this.#consumer = null;
  }
}

function big32(b: Uint8Array, p: number): number {
  return (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!;
}
