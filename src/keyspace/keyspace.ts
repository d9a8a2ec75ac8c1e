/**
 * The keyspace: all databases of a server, with what every lookup must do: expiry, the LRU/LFU clock, hits and
 * misses, and the signals that writes give to whoever watches (WATCH, tracking, keyspace events).
 *
 * It writes no reply and knows no client. `now` is set by the engine for each command, so that a command sees
 * one time.
 */

import { Memory } from '../datatypes/memory.ts';
import { OFFSET_MASK, PAGE_BITS } from '../structures/arena.ts';
import { Dictionary } from '../structures/dictionary.ts';
import type { Random } from '../util/random.ts';
import { KeyHash } from '../util/siphash.ts';
import { copyBytes, Database } from './database.ts';
import { ACCESS_SHIFT, EPOCH_BIT, HAS_EXPIRE, META_MASK } from './entry.ts';
import { LazyFree } from './lazy-free.ts';
import { OwnExpiries } from './own-expiries.ts';
import type { SnapshotHook } from './snapshot-hook.ts';

/** Classes of keyspace events (notify-keyspace-events), as bits of `eventMask`. */
export const EVENT_GENERIC = 1 << 2;
export const EVENT_STRING = 1 << 3;
export const EVENT_LIST = 1 << 4;
export const EVENT_SET = 1 << 5;
export const EVENT_HASH = 1 << 6;
export const EVENT_ZSET = 1 << 7;
export const EVENT_EXPIRED = 1 << 8;
export const EVENT_EVICTED = 1 << 9;
export const EVENT_STREAM = 1 << 10;
export const EVENT_KEY_MISS = 1 << 11;
export const EVENT_NEW = 1 << 14;

/** What becomes of a key whose time is up when somebody looks it up. */
export const EXPIRE_DELETES = 0;
/** It is reported as missing but stays: on replicas (the master sends a DEL) and while writes are paused. */
export const EXPIRE_HIDES = 1;
/** It is served as if it had no expiry: while loading. */
export const EXPIRE_IGNORED = 2;

/** Entries of a flushed database that are freed without waiting for the cron. */
const FREED_AT_ONCE = 1024;
/** With more in the arena and in tables, everything is dropped at once instead of freed one by one. */
const DROPPED_BYTES = 1 << 20;

/** Who wants to know about changes. Keys are only lent: they must be copied to be kept. */
export interface KeyspaceObserver {
  /** A key was changed or removed (WATCH, client-side caching). */
  modified(db: Database, key: Uint8Array, off: number, len: number): void;
  /** A keyspace event of a class that `eventMask` has. */
  event(cls: number, name: string, db: Database, key: Uint8Array, off: number, len: number): void;
  /** A key was removed because its time was up or to make room: to be propagated as DEL or UNLINK. */
  removed(db: Database, key: Uint8Array, off: number, len: number, evicted: boolean): void;
  /** A whole database, or all of them (null), were emptied. */
  flushed(db: Database | null): void;
  /** Two databases have exchanged their contents. */
  swapped(a: Database, b: Database): void;
}

export class Keyspace {
  readonly memory: Memory;
  readonly databases: Database[] = [];
  /** Databases that are being loaded aside, over the same memory, to take the place of the others; null: none. */
  aside: readonly Database[] | null = null;
  readonly lazyFree = new LazyFree();
  /** Keys that go by themselves although this is a replica. */
  readonly ownExpiries: OwnExpiries = new OwnExpiries(this);
  readonly random: Random;
  /** Time of the command being served, ms since the epoch. */
  now = 0;
  /** LRU clock in seconds (24 bits), or for LFU the minutes (16 bits). Kept by `tick`. */
  lruClock = 0;
  /** True when the access word is an LFU counter (maxmemory-policy *-lfu). */
  lfu = false;
  lfuLogFactor = 10;
  lfuDecayMinutes = 1;
  /** Set for clients with NO-TOUCH. */
  noTouch = false;
  expireMode = EXPIRE_DELETES;
  /** Number of changes since the last save. */
  dirty = 0;
  /** Classes of events that somebody has asked for; 0 when none. */
  eventMask = 0;
  observer: KeyspaceObserver | null = null;
  /** The snapshot that is being taken. */
  snapshot: SnapshotHook | null = null;
  /** True while some client watches keys or tracks them: `touched` has somebody to tell. */
  watched = false;
  /** True while somebody wants to know which keys go by themselves, in any case. */
  removalsTold = false;

  #goneKey = new Uint8Array(64);

  hits = 0;
  misses = 0;
  expiredKeys = 0;
  evictedKeys = 0;

  constructor(databases: number, random: Random) {
    this.random = random;
    this.memory = new Memory(new KeyHash(random.uint32(), random.uint32()));
    this.memory.externals.discard = (collection) => this.lazyFree.discard(collection);
    for (let id = 0; id < databases; id++) this.databases.push(new Database(id, this.memory));
  }

  /** Sets the time for the commands to come. */
  tick(nowMs: number): void {
    this.now = nowMs;
    this.lruClock = this.lfu ? Math.floor(nowMs / 60000) & 0xffff : Math.floor(nowMs / 1000) & 0xffffff;
  }

  /** Access word of a new entry. */
  newAccess(): number {
    return this.lfu ? (this.lruClock << 8) | 5 : this.lruClock;
  }

  /** Access word of a value that replaces that of `ref` (0: none): an LFU counter goes on, an LRU clock starts anew. */
  replacedAccess(db: Database, ref: number): number {
    return this.lfu && ref !== 0 ? db.access(ref) : this.newAccess();
  }

  /** Finds a key for reading: counts a hit or miss, refreshes its clock. Returns its ref, or 0. */
  lookupRead(db: Database, buf: Uint8Array, off: number, len: number): number {
    const ref = db.find(buf, off, len);
    if (ref !== 0) {
      const words = this.memory.arena.words[ref >>> PAGE_BITS]!;
      const at = (ref & OFFSET_MASK) << 1;
      const meta = words[at]!;
      if ((meta & HAS_EXPIRE) === 0 || !this.expireIfDue(db, ref)) {
        this.hits++;
        if (this.lfu) this.#touchLfu(db, ref);
        else if (meta >>> ACCESS_SHIFT !== this.lruClock && !this.noTouch) {
          words[at] = (meta & META_MASK) | (this.lruClock << ACCESS_SHIFT);
        }
        return ref;
      }
    }
    this.misses++;
    if ((this.eventMask & EVENT_KEY_MISS) !== 0) this.event(EVENT_KEY_MISS, 'keymiss', db, buf, off, len);
    return 0;
  }

  /** Finds a key for writing: no hit or miss is counted. */
  lookupWrite(db: Database, buf: Uint8Array, off: number, len: number): number {
    const ref = db.find(buf, off, len);
    if (ref === 0) return 0;
    if (
      ((db.meta(ref) ^ this.memory.epoch) & (HAS_EXPIRE | EPOCH_BIT)) !== 0 &&
      this.#goneForWriting(db, ref)
    ) {
      return 0;
    }
    if (this.lfu) this.#touchLfu(db, ref);
    else if (!this.noTouch) db.setAccess(ref, this.lruClock);
    return ref;
  }

  /** Finds a key whose whole value is about to be replaced: its clock is not refreshed (see `replacedAccess`). */
  lookupReplace(db: Database, buf: Uint8Array, off: number, len: number): number {
    const ref = db.find(buf, off, len);
    if (ref !== 0 && (((db.meta(ref) ^ this.memory.epoch) & (HAS_EXPIRE | EPOCH_BIT)) !== 0 || this.lfu)) {
      return this.#readyToReplace(db, ref);
    }
    return ref;
  }

  #readyToReplace(db: Database, ref: number): number {
    if (this.#goneForWriting(db, ref)) return 0;
    if (this.lfu) this.#touchLfu(db, ref);
    return ref;
  }

  /**
   * Who writes to a key takes it as missing and stores anew, so an entry that would only be hidden has to go. One that
   * stays is kept for the snapshot as it is.
   */
  #goneForWriting(db: Database, ref: number): boolean {
    if (!this.expireIfDue(db, ref)) {
      this.willChange(db, ref);
      return false;
    }
    if (this.expireMode === EXPIRE_HIDES) this.expire(db, ref);
    return true;
  }

  /**
   * As `lookupRead`, but the clock is left alone (EXISTS, TTL, TYPE ...). OBJECT does not even raise `keymiss`.
   */
  lookupUntouched(db: Database, buf: Uint8Array, off: number, len: number, notify = true): number {
    const { noTouch, eventMask } = this;
    this.noTouch = true;
    if (!notify) this.eventMask &= ~EVENT_KEY_MISS;
    const ref = this.lookupRead(db, buf, off, len);
    this.noTouch = noTouch;
    this.eventMask = eventMask;
    return ref;
  }

  /** Finds a key without a trace: no statistics, no clock (OBJECT, DEBUG, TYPE). Expiry holds. */
  peek(db: Database, buf: Uint8Array, off: number, len: number): number {
    const ref = db.find(buf, off, len);
    if (ref !== 0 && (db.meta(ref) & HAS_EXPIRE) !== 0 && this.expireIfDue(db, ref)) return 0;
    return ref;
  }

  /** True when the entry found last is past its time; then it is gone, or hidden, as `expireMode` says. */
  expireIfDue(db: Database, ref: number): boolean {
    const when = db.expireAt(ref);
    if (when < 0 || !this.isPast(when)) return false;
    if (this.expireMode === EXPIRE_DELETES) this.expire(db, ref);
    return true;
  }

  /** Whether a key that expires at `when` is gone for those who ask now. */
  isPast(when: number): boolean {
    return this.now > when && this.expireMode !== EXPIRE_IGNORED;
  }

  /** Keys past their time stay until somebody says that they are gone. */
  get hidesExpired(): boolean {
    return this.expireMode === EXPIRE_HIDES;
  }

  /** Removes the entry found last because its time is up. */
  expire(db: Database, ref: number): void {
    this.expiredKeys++;
    this.#removeUnasked(db, ref, EVENT_EXPIRED, 'expired');
  }

  /** Removes the entry found last to make room. */
  evict(db: Database, ref: number): void {
    this.evictedKeys++;
    this.#removeUnasked(db, ref, EVENT_EVICTED, 'evicted');
  }

  #removeUnasked(db: Database, ref: number, cls: number, event: string): void {
    const { observer } = this;
    const lazily = cls === EVENT_EVICTED ? this.lazyFree.eviction : this.lazyFree.expire;
    if (observer === null || !(this.watched || this.removalsTold || (this.eventMask & cls) !== 0)) {
      this.removeLazily(db, ref, lazily);
      return;
    }
    const len = db.keyLength(ref);
    const key = this.#keyRoom(len);
    copyBytes(db.page(ref), db.keyOffset(ref), len, key, 0);
    this.removeLazily(db, ref, lazily);
    observer.removed(db, key, 0, len, cls === EVENT_EVICTED);
    this.touched(db, key, 0, len);
    this.event(cls, event, db, key, 0, len);
  }

  /**
   * For who has looked a key up for reading and is about to change its value all the same: nothing of the value may
   * have been taken hold of before.
   */
  willChange(db: Database, ref: number): void {
    if (((db.meta(ref) ^ this.memory.epoch) & EPOCH_BIT) !== 0) this.snapshot?.beforeChange(db, ref);
  }

  /** Removes the entry found last; a big collection is then freed by and by if `lazily`, otherwise at once. */
  removeLazily(db: Database, ref: number, lazily: boolean): void {
    if (((db.meta(ref) ^ this.memory.epoch) & EPOCH_BIT) !== 0) this.snapshot?.beforeRemoval(db, ref);
    this.lazyFree.lazy = lazily;
    db.remove(ref);
    this.lazyFree.lazy = this.lazyFree.serverDel;
  }

  /** Room for the key of an entry that is about to go: a million may expire in a row, so it is used again. */
  #keyRoom(len: number): Uint8Array {
    if (this.#goneKey.length < len) this.#goneKey = new Uint8Array(len);
    return this.#goneKey;
  }

  /** Tells watchers that a key has changed. */
  touched(db: Database, buf: Uint8Array, off: number, len: number): void {
    if (this.watched && this.observer !== null) this.observer.modified(db, buf, off, len);
  }

  /** Raises a keyspace event, if its class is wanted. */
  event(cls: number, name: string, db: Database, buf: Uint8Array, off: number, len: number): void {
    if ((this.eventMask & cls) !== 0 && this.observer !== null) {
      this.observer.event(cls, name, db, buf, off, len);
    }
  }

  /**
   * Empties one database. What stands between entries of other databases is freed by and by (lazy-free.ts), but
   * for a start that covers small databases; `lazily` only says whether INFO counts it as lazy free.
   */
  flush(db: Database, lazily = false): number {
    const removed = db.dict.count;
    const isOnly = this.databases.every((other) => other === db || other.dict.count === 0);
    if (isOnly && this.#mayForgetAll) this.#forgetAll(lazily);
    else {
      this.#detach(db, lazily);
      this.lazyFree.free(FREED_AT_ONCE);
    }
    this.observer?.flushed(db);
    return removed;
  }

  /** Whether clients of a replica write: what they give an expiry must go by itself. */
  set isWritableReplica(on: boolean) {
    for (const db of this.databases) db.ownExpiries = on ? this.ownExpiries : null;
  }

  /** Empties all databases, at a cost that does not depend on their size. */
  flushAll(lazily = false): number {
    let removed = 0;
    for (const db of this.databases) removed += db.dict.count;
    this.ownExpiries.clear();
    if (this.#mayForgetAll) this.#forgetAll(lazily);
    else {
      for (const db of this.databases) this.#detach(db, lazily);
      this.lazyFree.free(FREED_AT_ONCE);
    }
    this.observer?.flushed(null);
    return removed;
  }

  /** Nothing is in the arena but what the databases have. */
  get #mayForgetAll(): boolean {
    return this.snapshot === null && this.aside === null;
  }

  /** Takes a database's entries away from it: the snapshot wants them first, lazy free has them then. */
  #detach(db: Database, lazily: boolean): void {
    const { dict } = db;
    if (dict.count > 0 && !this.snapshot?.keeps(db, dict, lazily)) this.lazyFree.add(db, dict, lazily);
    db.expires.clear();
    db.dict = new Dictionary(this.memory.tables);
    this.#forget(db);
  }

  /** A snapshot has ended. If nothing is left but what waits to be freed, it is dropped as a whole. */
  dropRemains(): void {
    if (!this.lazyFree.busy || !this.#mayForgetAll) return;
    if (this.databases.every((db) => db.dict.count === 0)) this.#forgetAll(false);
  }

  /** Makes empty databases with the same numbers, which nobody sees before `adoptAside`. */
  beginAside(): readonly Database[] {
    this.dropAside();
    this.aside = this.databases.map(({ id }) => new Database(id, this.memory));
    return this.aside;
  }

  /** What has been loaded aside takes the place of what is there; that is freed by and by. */
  adoptAside(): void {
    const { aside } = this;
    if (aside === null) return;
    for (const db of this.databases) {
      const loaded = aside[db.id]!;
      this.#detach(db, true);
      db.dict.clear();
      db.dict = loaded.dict;
      db.expires = loaded.expires;
    }
    this.aside = null;
    this.dropRemains();
    this.observer?.flushed(null);
  }

  /** What has been loaded aside is not wanted. */
  dropAside(): void {
    const { aside } = this;
    if (aside === null) return;
    this.aside = null;
    for (const db of aside) {
      this.lazyFree.add(db, db.dict, true);
      db.expires.clear();
    }
    this.dropRemains();
  }

  /** Drops the arena as a whole, unless there is so little in it that it is cheaper to keep it. */
  #forgetAll(lazily: boolean): void {
    const { lazyFree, memory } = this;
    let count = lazyFree.pending;
    for (const db of this.databases) {
      count += db.dict.count;
      if (lazily) lazyFree.freed += db.dict.count;
    }
    if (count > FREED_AT_ONCE || memory.arena.liveBytes + memory.tableBytes > DROPPED_BYTES) {
      memory.reset();
      lazyFree.forget();
      for (const db of this.databases) {
        db.dict = new Dictionary(memory.tables);
        db.expires = new Dictionary(memory.tables);
      }
    } else {
      while (lazyFree.free(FREED_AT_ONCE));
      lazyFree.lazy = false;
      for (const db of this.databases) if (db.dict.count > 0) releaseAll(db);
      lazyFree.lazy = lazyFree.serverDel;
    }
    for (const db of this.databases) this.#forget(db);
  }

  #forget(db: Database): void {
    if (db.dict.count > 0) db.dict.clear();
    if (db.expires.count > 0) db.expires.clear();
    db.avgTtl = 0;
    db.expireCursor = 0;
  }

  /** Exchanges the contents of two databases. Clients keep their Database, and so see the other's data. */
  swap(a: Database, b: Database): void {
    if (a === b) return;
    const { dict, expires, avgTtl, expireCursor } = a;
    a.dict = b.dict;
    a.expires = b.expires;
    a.avgTtl = b.avgTtl;
    a.expireCursor = b.expireCursor;
    b.dict = dict;
    b.expires = expires;
    b.avgTtl = avgTtl;
    b.expireCursor = expireCursor;
    this.observer?.swapped(a, b);
  }

  /** Bytes that the data takes: live slots, tables, values outside of the arena. */
  get bytes(): number {
    const { arena, externals, tableBytes } = this.memory;
    let bytes = arena.liveBytes + externals.bytes + tableBytes;
    for (const db of this.databases) bytes += db.dict.bytes + db.expires.bytes;
    if (this.aside !== null) for (const db of this.aside) bytes += db.dict.bytes + db.expires.bytes;
    return this.lazyFree.busy ? bytes + this.lazyFree.bytes : bytes;
  }

  /** Seconds since the last access, from an LRU word. */
  idleSeconds(access: number): number {
    return (this.lruClock - access) & 0xffffff;
  }

  /** The LFU counter after the time that has passed: 24-bit word in, 8-bit counter out. */
  lfuCounter(access: number): number {
    const counter = access & 255;
    if (this.lfuDecayMinutes === 0) return counter;
    const minutes = Math.floor(this.now / 60000) & 0xffff;
    const elapsed = (minutes - (access >>> 8)) & 0xffff;
    const periods = Math.floor(elapsed / this.lfuDecayMinutes);
    return periods > counter ? 0 : counter - periods;
  }

  #touchLfu(db: Database, ref: number): void {
    if (this.noTouch) return;
    let counter = this.lfuCounter(db.access(ref));
    if (counter < 255) {
      const base = Math.max(0, counter - 5);
      if (this.random.float() < 1 / (base * this.lfuLogFactor + 1)) counter++;
    }
    db.setAccess(ref, (this.lruClock << 8) | counter);
  }
}

/** Frees the entries of a small database. */
function releaseAll(db: Database): void {
  db.dict.scan(0, (ref) => {
    db.release(ref);
    return true;
  });
}
