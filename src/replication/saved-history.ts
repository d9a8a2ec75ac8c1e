/**
 * The history in snapshot files: what is written with the data, and what becomes of it when a server starts with them.
 *
 *   saved     repl-id, repl-offset and the database that the stream is in at that byte, as far as there is a history
 *   loaded    by a replica: it is where it was, and asks its master to go on from there
 *             by a master: it begins a history of its own, behind the one that was saved (replid2), so that those who
 *             followed it can go on. Keys whose time was up are left out when the file is loaded: the DELs that tell of
 *             it are the first that the new history has
 */
import { TO_REPLICAS } from '../engine/effects/propagation.ts';
import type { Database } from '../keyspace/database.ts';
import type { AuxFields, HistoryKeeper } from '../persistence/parts.ts';
import type { RdbReplicationAux } from '../rdb/save/rdb-format.ts';
import type { MasterSide } from './master/master-side.ts';
import type { Shared } from './parts.ts';
import type { ReplicaSide } from './replica/replica-side.ts';

export class SavedHistory implements HistoryKeeper {
  readonly #shared: Shared;
  readonly #masterSide: MasterSide;
  readonly #replicaSide: ReplicaSide;
  #isTaken = false;

  constructor(shared: Shared, masterSide: MasterSide, replicaSide: ReplicaSide) {
    this.#shared = shared;
    this.#masterSide = masterSide;
    this.#replicaSide = replicaSide;
  }

  aux(): RdbReplicationAux | null {
    const { engine, history, stream } = this.#shared;
    const { address, client, cached } = this.#replicaSide;
    let streamDb: number;
    if (address === null) {
      if (!stream.isOpen) return null;
      // What waits in the read buffer is in the data already.
      engine.propagation.flush();
      streamDb = Math.max(0, engine.propagation.databaseOf(stream));
    } else if (client !== null) streamDb = client.db.id;
    else if (cached !== null) streamDb = cached.database;
    else return null;
    return { streamDb, id: history.id, offset: stream.end };
  }

  keyExpired(db: Database, key: Uint8Array, aux: AuxFields): void {
    this.takeUp(aux);
    const { engine, stream } = this.#shared;
    if (!stream.isOpen || this.#replicaSide.address !== null) return;
    engine.propagation.also(db, TO_REPLICAS, engine.keyspace.lazyFree.expire ? 'UNLINK' : 'DEL', key);
  }

  takeUp(aux: AuxFields): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    const { engine, history, stream } = this.#shared;
    const id = aux.get('repl-id') ?? '';
    const offset = Number(aux.get('repl-offset') ?? -1);
    const streamDb = Number(aux.get('repl-stream-db') ?? -1);
    if (id.length !== 40 || !Number.isSafeInteger(offset) || offset < 0) return;
    if (this.#replicaSide.address === null) {
      stream.startAt(offset);
      history.goOnBehind(id, offset);
      this.#masterSide.replicas.feed.open();
      return;
    }
    if (engine.keyspace.databases[streamDb] === undefined) return;
    engine.log.notice(
      'Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able ' +
        'to synchronize with the new master with just a partial transfer.',
    );
    history.follow(id);
    stream.startAt(offset);
    this.#replicaSide.cached = { database: streamDb };
  }
}
