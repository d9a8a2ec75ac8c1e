/**
 * Entries that the snapshot writes by themselves, one after the other: too big for the walk, or waited for by a client.
 * Each is written from a record of its own (aside.ts) that shares the external value with the live entry; if that
 * changes or goes before it is done, the value is the record's alone.
 */
import type { Keyspace } from '../../keyspace/keyspace.ts';
import type { BigEntry } from '../../rdb/snapshot-format.ts';
import { copyRecord, freeRecord, recordBytes, settle } from './aside.ts';
import type { Source } from './source.ts';

export interface Work {
  readonly source: Source;
  /** Record to be written, and the live entry. */
  readonly record: number;
  readonly live: number;
  /** Number of the external value that they share. */
  readonly external: number;
  /** The live entry has changed or gone: the value is the record's own. */
  owned: boolean;
  /** About what it takes, once the value is the record's own. */
  bytes: number;
  entry: BigEntry | null;
  begun: boolean;
}

export class Works {
  /** About what records take whose values are their own. */
  ownedBytes = 0;
  readonly #keyspace: Keyspace;
  #works: Work[] = [];

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** The one that is being written, or the next to be. */
  get first(): Work | undefined {
    return this.#works[0];
  }

  /** Adds a pending entry; `soon`: before the others that have not begun. Throws ArenaFull. */
  add(source: Source, ref: number, soon: boolean): void {
    const { db } = source;
    const external = db.externalId(ref);
    const at = this.#works.findIndex((work) => work.external === external && !work.owned);
    if (at >= 0 && (!soon || at === 0 || this.#works[at]!.begun)) return;
    const work =
      at >= 0
        ? this.#works.splice(at, 1)[0]!
        : {
            source,
            record: copyRecord(db, ref),
            live: ref,
            external,
            owned: false,
            bytes: 0,
            entry: null,
            begun: false,
          };
    if (!soon) this.#works.push(work);
    else this.#works.splice(this.#works[0]?.begun ? 1 : 0, 0, work);
  }

  /** Adds a record that was put aside, as the first. */
  adopt(source: Source, record: number): void {
    const external = source.db.externalId(record);
    const work = { source, record, live: 0, external, owned: false, bytes: 0, entry: null, begun: false };
    this.#works.unshift(work);
    this.#own(work);
  }

  /** If the external value is to be written here, it is the record's alone from now on. */
  takeOver(external: number): boolean {
    const work = this.#works.find((one) => one.external === external && !one.owned);
    if (work === undefined) return false;
    this.#own(work);
    return true;
  }

  #own(work: Work): void {
    work.owned = true;
    work.bytes = recordBytes(work.source.db, work.record);
    this.ownedBytes += work.bytes;
  }

  /** Whether entries of a source's dictionary are waited for. */
  need(source: Source): boolean {
    return this.#works.some((work) => work.source === source && !work.owned);
  }

  /** The first is done. */
  shift(): void {
    const work = this.#works.shift()!;
    const { db } = work.source;
    this.ownedBytes -= work.bytes;
    if (!work.owned) settle(db, work.live);
    freeRecord(this.#keyspace, db, work.record, work.owned);
  }

  /** None will be written. What lives on is settled, as the sweep doesn't come to it. */
  clear(): void {
    while (this.#works.length > 0) this.shift();
  }
}
