/**
 * Streams for those who only read all of them: DEBUG DIGEST.
 */
import { ElementText } from '../datatypes/stream/element.ts';
import { StreamId } from '../datatypes/stream/id.ts';
import { SAME_FIELDS } from '../datatypes/stream/node.ts';
import { type Stream, StreamIterator } from '../datatypes/stream/stream.ts';
import type { Database } from '../keyspace/database.ts';

export function streamOf(db: Database, ref: number): Stream {
  return db.collection(ref) as Stream;
}

/** Visits each entry that lives, then its fields and values; all are good during the visit only. */
export function streamEach(
  db: Database,
  ref: number,
  visitEntry: (id: StreamId) => void,
  visitField: (field: ElementText, value: ElementText) => void,
): void {
  const iterator = new StreamIterator();
  const { entry } = iterator;
  const field = new ElementText();
  const value = new ElementText();
  for (iterator.start(streamOf(db, ref), new StreamId(), new StreamId().setMax(), false); iterator.next(); ) {
    visitEntry(iterator.id);
    const own = (entry.flags & SAME_FIELDS) === 0;
    const { bytes, fields } = entry;
    let p = entry.body;
    let name = entry.masterFields;
    for (let i = 0; i < fields; i++) {
      if (own) p = field.read(bytes, p);
      else name = field.read(bytes, name);
      p = value.read(bytes, p);
      visitField(field, value);
    }
  }
}
