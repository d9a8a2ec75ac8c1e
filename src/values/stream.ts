/**
 * Streams as other families see them: their entries in order.
 */
import { ElementText } from '../datatypes/stream/element.ts';
import { StreamId } from '../datatypes/stream/id.ts';
import { StreamIterator } from '../datatypes/stream/iterator.ts';
import { SAME_FIELDS } from '../datatypes/stream/node.ts';
import type { Stream } from '../datatypes/stream/stream.ts';
import type { Database } from '../keyspace/database.ts';

/** The stream that an entry of TYPE_STREAM names. */
function streamOf(db: Database, ref: number): Stream {
  return db.collection(ref) as Stream;
}

/** A field or a value: bytes that are only lent. */
export interface StreamText {
  readonly bytes: Uint8Array;
  readonly off: number;
  readonly len: number;
}

/**
 * Shows each entry, the oldest first: its id (lent, too), then its fields with their values. Other streams may be read
 * meanwhile.
 */
export function streamEach(
  db: Database,
  ref: number,
  onEntry: (id: StreamId) => void,
  onField: (field: StreamText, value: StreamText) => void,
): void {
  const iterator = new StreamIterator(true);
  const field = new ElementText();
  const value = new ElementText();
  iterator.start(streamOf(db, ref), new StreamId(), new StreamId().setMax(), false);
  while (iterator.next()) {
    const { entry } = iterator;
    onEntry(iterator.id);
    const same = (entry.flags & SAME_FIELDS) !== 0;
    let master = entry.masterFields;
    let p = entry.body;
    for (let i = 0; i < entry.fields; i++) {
      if (same) master = field.read(entry.bytes, master);
      else p = field.read(entry.bytes, p);
      p = value.read(entry.bytes, p);
      onField(field, value);
    }
  }
}
