/**
 * Who is told of changes in the keyspace: clients that wait for keys (blocking.ts), that watch them, that keep them
 * in a cache of their own, and subscribers of keyspace events.
 *
 * The keyspace asks two words before it tells anything: `watched` (somebody listens to changes) and `eventMask`
 * (classes of events that are wanted). Listeners are here only while they have somebody to tell, so a server nobody
 * waits on pays one comparison for each write.
 */
import type { Database } from '../../keyspace/database.ts';
import type { Keyspace, KeyspaceObserver } from '../../keyspace/keyspace.ts';
import type { Propagation } from '../effects/propagation.ts';

/** Wants to know which keys change. Keys are only lent. */
export interface ChangeListener {
  modified(db: Database, key: Uint8Array, off: number, len: number): void;
  /** A whole database, or all of them (null), were emptied. */
  flushed(db: Database | null): void;
  swapped(a: Database, b: Database): void;
}

/** Takes keyspace events of the classes in `keyspace.eventMask`. */
export type EventListener = (
  cls: number,
  name: string,
  db: Database,
  key: Uint8Array,
  off: number,
  len: number,
) => void;

export class Signals implements KeyspaceObserver {
  readonly #keyspace: Keyspace;
  readonly #propagation: Propagation;
  #listeners: readonly ChangeListener[] = [];
  /** The change being told of is nobody's: a key's time is up, or it was evicted. */
  unasked = false;
  /** Takes the events; set before `keyspace.eventMask` is. */
  onEvent: EventListener | null = null;

  constructor(keyspace: Keyspace, propagation: Propagation) {
    this.#keyspace = keyspace;
    this.#propagation = propagation;
    keyspace.observer = this;
  }

  /** Tells `listener` of changes from now on. */
  listen(listener: ChangeListener): void {
    if (this.#listeners.includes(listener)) return;
    this.#listeners = [...this.#listeners, listener];
    this.#keyspace.watched = true;
  }

  unlisten(listener: ChangeListener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
    this.#keyspace.watched = this.#listeners.length > 0;
  }

  modified(db: Database, key: Uint8Array, off: number, len: number): void {
    for (const listener of this.#listeners) listener.modified(db, key, off, len);
    this.unasked = false;
  }

  event(cls: number, name: string, db: Database, key: Uint8Array, off: number, len: number): void {
    this.onEvent?.(cls, name, db, key, off, len);
  }

  /** Listeners are told by `modified`. */
  removed(db: Database, key: Uint8Array, off: number, len: number, evicted: boolean): void {
    this.unasked = this.#keyspace.watched;
    this.#propagation.removed(db, key, off, len, evicted);
  }

  flushed(db: Database | null): void {
    for (const listener of this.#listeners) listener.flushed(db);
  }

  swapped(a: Database, b: Database): void {
    for (const listener of this.#listeners) listener.swapped(a, b);
  }
}
