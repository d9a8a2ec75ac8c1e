/**
 * A database as it was when the snapshot began: the dictionary stands for it, whoever has it by now.
 */
import type { Database } from '../../keyspace/database.ts';
import type { Dictionary } from '../../structures/dictionary.ts';

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
    counted: false,
  };
}
