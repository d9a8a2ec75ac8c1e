/**
 * Which entries are too big to be written in one go.
 */
import type { GrownList } from '../datatypes/list/grown-list.ts';
import type { Stream } from '../datatypes/stream/stream.ts';
import type { Database } from '../keyspace/database.ts';
import { EXTERNAL, TYPE_LIST, TYPE_MASK, TYPE_STREAM } from '../keyspace/entry.ts';
import { LONG_STRING } from './save/long-string.ts';

/** Collections of more elements, lists and streams of more nodes, are big: about a millisecond of writing. */
const BIG_ELEMENTS = 2048;
const BIG_NODES = 64;
/** So are collections of more bytes, judged by a sample of their elements. */
const BIG_BYTES = LONG_STRING;
const SAMPLES = 32;

/** Whether an entry takes longer to write than a slice should: a long string, a collection of many or long elements. */
export function isBigEntry(db: Database, ref: number): boolean {
  const meta = db.meta(ref);
  if ((meta & EXTERNAL) === 0) return false;
  const { externals } = db.memory;
  const id = db.externalId(ref);
  const collection = externals.collectionOrNull(id);
  if (collection === null) return externals.get(id).length > LONG_STRING;
  switch (meta & TYPE_MASK) {
    case TYPE_LIST:
      if ((collection as GrownList).nodes > BIG_NODES) return true;
      break;
    case TYPE_STREAM:
      if ((collection as Stream).nodes.count > BIG_NODES) return true;
  }
  return collection.size > BIG_ELEMENTS || collection.measure(SAMPLES) > BIG_BYTES;
}
