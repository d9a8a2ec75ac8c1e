/**
 * Consumer groups: what was delivered to whom and not acknowledged yet.
 *
 * The pending entries of a group (its PEL) lie in an IdIndex with the details in the payload; each consumer has a
 * second index with nothing but the ids of its own. Both are words in the arena: 36 bytes for an entry and 16 more
 * for its consumer's, and no object.
 *
 *   payload of the group's entry: delivery time in ms (high word, low word), delivery count (high, low), the
 *   consumer's number
 */
import type { Memory } from '../memory.ts';
import { type Count, minus, plus } from './count.ts';
import { compareIds, StreamId } from './id.ts';
import { IdIndex } from './id-index.ts';

const TIME = 4;
const DELIVERIES = 6;
const CONSUMER = 8;
/** In the place of a consumer's number while a file is read. */
const NOBODY = -1;
const TWO_32 = 4294967296;
/** What a group and a consumer take beside their indexes, roughly: objects, a name, a place in a map. */
const GROUP_BYTES = 400;
const CONSUMER_BYTES = 250;
/** entries-read that is not known. */
export const UNKNOWN = -1;

/** What a group asks of its stream. */
interface Progress {
  readonly entriesAdded: Count;
  hasTombstonesFrom(id: StreamId): boolean;
  logicalNumber(id: StreamId): Count;
}

export class Consumer {
  /** Latin1. */
  readonly name: string;
  /** Its place in `Group.byNumber`. */
  readonly number: number;
  /** Ids of the entries that were delivered to it. */
  readonly pending: IdIndex;
  /** When it was last heard of, ms since the epoch. */
  seenMs: number;
  /** When it was last given an entry, ms since the epoch; -1: never. */
  activeMs = -1;

  constructor(pending: IdIndex, name: string, number: number, nowMs: number) {
    this.name = name;
    this.number = number;
    this.pending = pending;
    this.seenMs = nowMs;
  }
}

export class Group {
  readonly memory: Memory;
  /** Latin1. */
  readonly name: string;
  readonly lastId = new StreamId();
  /** Logical number of the last entry delivered, counted from the first ever added; UNKNOWN when it can't be told. */
  entriesRead: Count;
  readonly pending: IdIndex;
  readonly consumers = new Map<string, Consumer>();
  readonly byNumber: (Consumer | null)[] = [];

  constructor(memory: Memory, name: string, lastId: StreamId, entriesRead: Count, pending?: IdIndex) {
    this.memory = memory;
    this.name = name;
    this.lastId.copy(lastId);
    this.entriesRead = entriesRead;
    this.pending = pending ?? new IdIndex(memory, 5);
    memory.tableBytes += GROUP_BYTES + name.length;
  }

  /** Consumers in the order of their names. */
  sortedConsumers(): Consumer[] {
    return [...this.consumers.values()].sort(byName);
  }

  /** Makes a consumer of a name that nobody has. */
  addConsumer(name: string, nowMs: number): Consumer {
    // Numbers are only looked for where some are free: many consumers may come one after the other.
    const { length } = this.byNumber;
    const number = this.consumers.size < length ? this.byNumber.indexOf(null) : length;
    return this.#adopt(new Consumer(new IdIndex(this.memory, 0), name, number, nowMs));
  }

  #adopt(consumer: Consumer): Consumer {
    this.byNumber[consumer.number] = consumer;
    this.consumers.set(consumer.name, consumer);
    this.memory.tableBytes += CONSUMER_BYTES + consumer.name.length;
    return consumer;
  }

  /** Removes a consumer and what was delivered to it. Returns how many entries that were. */
  removeConsumer(consumer: Consumer): number {
    const count = consumer.pending.count;
    const id = new StreamId();
    for (let more = consumer.pending.first(); more; more = consumer.pending.next()) {
      if (this.pending.find(consumer.pending.id(id))) this.pending.remove();
    }
    while (consumer.pending.releaseChunk());
    this.byNumber[consumer.number] = null;
    this.consumers.delete(consumer.name);
    this.memory.tableBytes -= CONSUMER_BYTES + consumer.name.length;
    return count;
  }

  // ------------------------------------------------------- the pending entry at the position of `pending`

  get consumer(): Consumer {
    return this.byNumber[this.pending.words[this.pending.at + CONSUMER]!]!;
  }

  get deliveryMs(): number {
    const { words, at } = this.pending;
    return words[at + TIME]! * TWO_32 + (words[at + TIME + 1]! >>> 0);
  }

  set deliveryMs(ms: number) {
    const { words, at } = this.pending;
    words[at + TIME] = Math.floor(ms / TWO_32);
    words[at + TIME + 1] = ms | 0;
  }

  get deliveries(): Count {
    const { words, at } = this.pending;
    const n = words[at + DELIVERIES]! * TWO_32 + (words[at + DELIVERIES + 1]! >>> 0);
    if (Number.isSafeInteger(n)) return n;
    return (BigInt(words[at + DELIVERIES]!) << 32n) | BigInt(words[at + DELIVERIES + 1]! >>> 0);
  }

  set deliveries(count: Count) {
    const { words, at } = this.pending;
    if (typeof count === 'number') {
      words[at + DELIVERIES] = Math.floor(count / TWO_32);
      words[at + DELIVERIES + 1] = count | 0;
    } else {
      words[at + DELIVERIES] = Number(BigInt.asIntN(32, count >> 32n));
      words[at + DELIVERIES + 1] = Number(BigInt.asIntN(32, count));
    }
  }

  /** Notes a delivery at `nowMs`: the entry is pending for this consumer, for the first time or anew. */
  deliver(id: StreamId, consumer: Consumer, nowMs: number): void {
    const { pending } = this;
    if (pending.find(id)) this.assign(id, consumer);
    else {
      pending.insert(id);
      this.#own(id, consumer);
    }
    this.deliveryMs = nowMs;
    this.deliveries = 1;
  }

  /** Moves on to an entry of the stream that is being delivered. */
  advance(stream: Progress, id: StreamId): void {
    if (compareIds(id, this.lastId) <= 0) return;
    if (this.entriesRead !== UNKNOWN && !stream.hasTombstonesFrom(id)) {
      this.entriesRead = plus(this.entriesRead, 1);
    } else if (stream.entriesAdded !== 0) this.entriesRead = stream.logicalNumber(id);
    this.lastId.copy(id);
  }

  /** Entries that were added and not delivered yet; null when that can't be told. */
  lag(stream: Progress): Count | null {
    if (stream.entriesAdded === 0) return 0;
    let read = this.entriesRead;
    if (read === UNKNOWN || stream.hasTombstonesFrom(this.lastId)) read = stream.logicalNumber(this.lastId);
    return read === UNKNOWN ? null : minus(stream.entriesAdded, read);
  }

  /** Notes that the pending entry at the position was delivered once more. */
  redeliver(nowMs: number): void {
    this.deliveryMs = nowMs;
    this.deliveries = plus(this.deliveries, 1);
  }

  /** Makes an entry pending that was not (its id has just been looked up), for nobody yet delivered. */
  claimNew(id: StreamId, consumer: Consumer, nowMs: number): void {
    this.pending.insert(id);
    this.#own(id, consumer);
    this.deliveryMs = nowMs;
    this.deliveries = 1;
  }

  #own(id: StreamId, consumer: Consumer): void {
    this.pending.words[this.pending.at + CONSUMER] = consumer.number;
    if (!consumer.pending.find(id)) consumer.pending.insert(id);
  }

  /** Gives the pending entry at the position to a consumer. */
  assign(id: StreamId, consumer: Consumer): void {
    const owner = this.consumer;
    if (owner === consumer) return;
    if (owner.pending.find(id)) owner.pending.remove();
    this.#own(id, consumer);
  }

  /** Removes the pending entry at the position; false: there is none behind it. */
  forget(id: StreamId): boolean {
    const owner = this.consumer;
    if (owner.pending.find(id)) owner.pending.remove();
    return this.pending.remove();
  }

  // ------------------------------------------------------------------------------------ read from a file

  /** Adds a pending entry (its id has just been looked up) for which `ownUnowned` will name the consumer. */
  addUnowned(id: StreamId, deliveryMs: number, deliveries: Count): void {
    this.pending.insert(id);
    this.pending.words[this.pending.at + CONSUMER] = NOBODY;
    this.deliveryMs = deliveryMs;
    this.deliveries = deliveries;
  }

  /** Gives the pending entry at the position to a consumer; false if it has one. */
  ownUnowned(id: StreamId, consumer: Consumer): boolean {
    if (this.pending.words[this.pending.at + CONSUMER] !== NOBODY) return false;
    this.#own(id, consumer);
    return true;
  }

  // ----------------------------------------------------------------- duties of the stream as a Collection

  /** All indexes: of the group, then of its consumers. */
  *indexes(): Generator<IdIndex> {
    yield this.pending;
    for (const consumer of this.consumers.values()) yield consumer.pending;
  }

  get bytes(): number {
    let bytes = GROUP_BYTES + this.name.length;
    for (const { name } of this.consumers.values()) bytes += CONSUMER_BYTES + name.length;
    for (const index of this.indexes()) bytes += index.bytes;
    return bytes;
  }

  /** Gives back up to `limit` chunks; returns how many are left of the limit: more than 0 when nothing is left. */
  release(limit: number): number {
    for (const index of this.indexes()) while (limit > 0 && index.releaseChunk()) limit--;
    if (limit > 0) {
      this.memory.tableBytes -= GROUP_BYTES + this.name.length;
      for (const { name } of this.consumers.values()) this.memory.tableBytes -= CONSUMER_BYTES + name.length;
      this.consumers.clear();
    }
    return limit;
  }

  clone(): Group {
    const copy = new Group(this.memory, this.name, this.lastId, this.entriesRead, this.pending.clone());
    for (const consumer of this.consumers.values()) {
      const { name, number, seenMs, activeMs } = consumer;
      const twin = new Consumer(consumer.pending.clone(), name, number, seenMs);
      twin.activeMs = activeMs;
      copy.#adopt(twin);
    }
    // A hole must be null, not a missing element, for indexOf to find it.
    for (let i = 0; i < copy.byNumber.length; i++) copy.byNumber[i] ??= null;
    return copy;
  }
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
