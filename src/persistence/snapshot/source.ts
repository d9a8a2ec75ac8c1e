/**
 * A database as it was when the snapshot began: the dictionary stands for it, whoever has it by now.
 */
import type { Database } from '../../keyspace/database.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import type { Dictionary } from '../../structures/dictionary.ts';
import { recordBytes } from './aside.ts';

/** Entries whose sizes tell of all in a dictionary. */
const SAMPLES = 256;

export interface Source {
  readonly id: number;
  readonly db: Database;
  readonly dict: Dictionary;
  readonly keys: number;
  readonly expires: number;
  /** Where the walk goes on; it is done with the source when `done`. */
  cursor: number;
  done: boolean;
  /** The format has been told of it. */
  named: boolean;
  /** The keyspace has given the dictionary up: how lazy free counts it. */
  kept: boolean;
  /** About what it takes then. */
  keptBytes: number;
  counted: boolean;
}

export function sourceOf(db: Database): Source {
  return {
    id: db.id,
    db,
    dict: db.dict,
    keys: db.dict.count,
    expires: db.expires.count,
    cursor: 0,
    done: false,
    named: false,
    kept: false,
    keptBytes: 0,
    counted: false,
  };
}

/**
 * About what the entries of a dictionary of `db` take, which is about to be given up. `kept`: bytes of the keyspace that
 * belong to no database.
 */
export function dictionaryBytes(keyspace: Keyspace, db: Database, dict: Dictionary, kept: number): number {
  const { arena, externals, tableBytes } = keyspace.memory;
  const most = Math.max(0, arena.liveBytes + externals.bytes + tableBytes - kept);
  if (keyspace.databases.every((other) => other === db || other.dict.count === 0)) return most;
  let seen = 0;
  let bytes = 0;
  dict.scan(0, (ref) => {
    bytes += recordBytes(db, ref);
    return ++seen < SAMPLES;
  });
  return seen === 0 ? 0 : Math.min(most, (bytes / seen) * dict.count);
}
