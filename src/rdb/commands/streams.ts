/**
 * A stream as the commands that make it:
 *
 *   XADD for each entry (for an empty stream one that is trimmed at once), XSETID
 *   for each group: XGROUP CREATE; for each of its consumers XCLAIM of what is pending, or XGROUP CREATECONSUMER
 */
import { ElementText } from '../../datatypes/stream/element.ts';
import type { Consumer, Group } from '../../datatypes/stream/group.ts';
import { StreamId } from '../../datatypes/stream/id.ts';
import { StreamIterator } from '../../datatypes/stream/iterator.ts';
import { SAME_FIELDS } from '../../datatypes/stream/node.ts';
import type { Stream } from '../../datatypes/stream/stream.ts';
import type { BigEntry } from '../snapshot-format.ts';
import { type CommandOut, word } from './command-out.ts';

const KIB = 1024;

const XADD = word('XADD');
const XSETID = word('XSETID');
const ENTRIESADDED = word('ENTRIESADDED');
const MAXDELETEDID = word('MAXDELETEDID');
const XGROUP = word('XGROUP');
const CREATE = word('CREATE');
const ENTRIESREAD = word('ENTRIESREAD');
const CREATECONSUMER = word('CREATECONSUMER');
const XCLAIM = word('XCLAIM');
const ZERO = word('0');
const TIME = word('TIME');
const RETRYCOUNT = word('RETRYCOUNT');
const JUSTID = word('JUSTID');
const FORCE = word('FORCE');
/** `XADD key` is followed by this in a stream without entries. */
const NOTHING = Buffer.concat([word('MAXLEN'), ZERO, word('0-1'), word('x'), word('y')]);

const ENTRIES = 0;
const GROUP = 1;
const CONSUMER = 2;
const PENDING = 3;

const field = new ElementText();
const value = new ElementText();
const LAST = new StreamId().setMax();

export class StreamCommands implements BigEntry {
  readonly #out: CommandOut;
  readonly #iterator = new StreamIterator(true);
  #stream: Stream | null = null;
  #key: Uint8Array = new Uint8Array(0);
  #state = ENTRIES;
  /** The entry to go on with; its node may move between two steps. */
  readonly #from = new StreamId();
  #groups: Group[] = [];
  #group = 0;
  #consumers: Consumer[] = [];
  #consumer = 0;
  /** Pending entries of the consumer that are written, and the id of the last. */
  #pending = 0;
  readonly #last = new StreamId();

  constructor(out: CommandOut) {
    this.#out = out;
  }

  start(stream: Stream, key: Uint8Array): void {
    this.#stream = stream;
    this.#key = key;
    this.#from.clear();
    this.#state = ENTRIES;
    if (stream.length > 0) return;
    this.#begin(7, XADD);
    this.#out.raw(NOTHING);
    this.#saveIds();
  }

  step(limit: number): boolean {
    for (let left = limit; left > 0; ) {
      switch (this.#state) {
        case ENTRIES:
          left = this.#saveEntries(left);
          break;
        case GROUP:
          if (this.#group === this.#groups.length) {
            this.#stream = null;
            this.#groups = [];
            this.#consumers = [];
            return false;
          }
          this.#saveGroup(this.#groups[this.#group]!);
          left--;
          break;
        case CONSUMER:
          this.#saveConsumer(this.#groups[this.#group]!);
          left--;
          break;
        default:
          left = this.#savePending(this.#groups[this.#group]!, this.#consumers[this.#consumer]!, left);
      }
    }
    return true;
  }

  #begin(words: number, name: Uint8Array): void {
    this.#out.command(words);
    this.#out.raw(name);
    this.#out.bulk(this.#key, 0, this.#key.length);
  }

  #saveEntries(limit: number): number {
    const out = this.#out;
    const iterator = this.#iterator;
    const { entry } = iterator;
    let left = limit;
    iterator.start(this.#stream!, this.#from, LAST, false);
    while (iterator.next()) {
      if (left <= 0) {
        this.#from.copy(iterator.id);
        return left;
      }
      const same = (entry.flags & SAME_FIELDS) !== 0;
      let master = entry.masterFields;
      let p = entry.body;
      this.#begin(3 + entry.fields * 2, XADD);
      out.bulkId(iterator.id);
      for (let i = 0; i < entry.fields; i++) {
        if (same) master = field.read(entry.bytes, master);
        else p = field.read(entry.bytes, p);
        p = value.read(entry.bytes, p);
        out.bulk(field.bytes, field.off, field.len);
        out.bulk(value.bytes, value.off, value.len);
        left -= value.len / KIB;
      }
      left--;
    }
    this.#saveIds();
    return left;
  }

  #saveIds(): void {
    const out = this.#out;
    const stream = this.#stream!;
    this.#begin(7, XSETID);
    out.bulkId(stream.lastId);
    out.raw(ENTRIESADDED);
    out.bulkInt(stream.entriesAdded);
    out.raw(MAXDELETEDID);
    out.bulkId(stream.maxDeletedId);
    this.#groups = stream.sortedGroups();
    this.#group = 0;
    this.#state = GROUP;
  }

  #saveGroup(group: Group): void {
    const out = this.#out;
    out.command(7);
    out.raw(XGROUP);
    out.raw(CREATE);
    out.bulk(this.#key, 0, this.#key.length);
    out.bulkText(group.name);
    out.bulkId(group.lastId);
    out.raw(ENTRIESREAD);
    out.bulkInt(group.entriesRead);
    this.#consumers = group.sortedConsumers();
    this.#consumer = 0;
    this.#state = CONSUMER;
  }

  #saveConsumer(group: Group): void {
    const consumer = this.#consumers[this.#consumer];
    if (consumer === undefined) {
      this.#group++;
      this.#state = GROUP;
      return;
    }
    if (consumer.pending.count > 0) {
      this.#pending = 0;
      this.#state = PENDING;
      return;
    }
    const out = this.#out;
    out.command(5);
    out.raw(XGROUP);
    out.raw(CREATECONSUMER);
    out.bulk(this.#key, 0, this.#key.length);
    out.bulkText(group.name);
    out.bulkText(consumer.name);
    this.#consumer++;
  }

  #savePending(group: Group, consumer: Consumer, limit: number): number {
    const out = this.#out;
    const { pending } = consumer;
    let left = limit;
    let more = this.#pending === 0 ? pending.first() : pending.find(this.#last) && pending.next();
    for (; more && left > 0; more = pending.next(), left--) {
      this.#pending++;
      if (!group.pending.find(pending.id(this.#last))) continue;
      this.#begin(12, XCLAIM);
      out.bulkText(group.name);
      out.bulkText(consumer.name);
      out.raw(ZERO);
      out.bulkId(this.#last);
      out.raw(TIME);
      out.bulkInt(group.deliveryMs);
      out.raw(RETRYCOUNT);
      out.bulkInt(group.deliveries);
      out.raw(JUSTID);
      out.raw(FORCE);
    }
    if (this.#pending === pending.count) {
      this.#consumer++;
      this.#state = CONSUMER;
    }
    return left;
  }
}
