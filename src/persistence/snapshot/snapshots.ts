/**
 * Snapshots: the state of all databases at one moment, written in slices while commands go on. There is one at a time;
 * BGSAVE, AOF rewrites and full syncs share it.
 *
 *     start   `Memory.epoch` is turned over, so that every entry differs from it (EPOCH_BIT): it is pending. The
 *             dictionaries are noted with the numbers of their databases: SWAPDB changes nothing for the snapshot
 *     walk    goes through each dictionary in the order of hashes, writes what is pending and settles it. Entries that
 *             are stored meanwhile are settled from the start
 *     hook    before a pending entry changes or goes, the keyspace says so (SnapshotHook): the entry as it is is put
 *             aside (aside.ts), and the live one settled. What is aside is written in the next slice
 *     big     an entry that takes longer than a slice is written step by step from a record of its own. It is pending
 *             until it is done; if it changes meanwhile, the live entry gets a clone of the collection. To be spared
 *             that, clients are postponed (WriteGate): those who want to change a big collection wait until it has
 *             been written, and it is the next to be
 *     flush   a dictionary that still has pending entries is kept until the walk is through with it
 *     end     everything is settled again. After `abort` it is not, and a sweep does that, in slices, too
 *
 * Bounds: while the destination has more than WALK_BACKLOG waiting, the walk waits; while it has more than
 * WRITERS_BACKLOG, or more than ASIDE_MAX is aside, writers are postponed. With `sparesWriters` they never are while the
 * destination has too much: it is a socket, and they must not wait for whoever reads there.
 */
import type { Client } from '../../engine/client.ts';
import type { Command } from '../../engine/command-table.ts';
import type { Engine } from '../../engine/engine.ts';
import { SERVER_SNAPSHOT } from '../../engine/gates.ts';
import { Postponed } from '../../engine/postponed.ts';
import type { WriteGate } from '../../engine/write-gate.ts';
import type { Database } from '../../keyspace/database.ts';
import { EPOCH_BIT, EXTERNAL } from '../../keyspace/entry.ts';
import type { SnapshotHook } from '../../keyspace/snapshot-hook.ts';
import { isBigEntry } from '../../rdb/big-entry.ts';
import type { SnapshotFormat } from '../../rdb/snapshot-format.ts';
import type { Args } from '../../resp/args.ts';
import { ArenaFull, OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Dictionary } from '../../structures/dictionary.ts';
import { blockThread } from '../../util/block-thread.ts';
import { Aside, copyRecord, dropExternal, freeRecord, setExternal, settle } from './aside.ts';
import type { Backlog } from './backlog.ts';
import { Pace } from './pace.ts';
import { dictionaryBytes, type Source, sourceOf } from './source.ts';
import { Sweep } from './sweep.ts';
import { anyTouched } from './touched-keys.ts';
import { type Work, Works } from './works.ts';

/** Bytes on their way to the destination above which the walk waits, and above which writers do. */
const WALK_BACKLOG = 4 * 1024 * 1024;
const WRITERS_BACKLOG = 32 * 1024 * 1024;
/** Bytes put aside above which writers wait, and below which they go on. */
const ASIDE_MAX = 32 * 1024 * 1024;
const ASIDE_LOW = 16 * 1024 * 1024;
/** Entries and bytes written between two looks at the clock. */
const ENTRIES_PER_LOOK = 32;
const BYTES_PER_LOOK = 16 * 1024;
/** Entries in one slice at most: what a clock that stands still (in a test) cannot bound. */
const ENTRIES_PER_SLICE = 16384;
/** Elements of a big collection in one step. */
const ELEMENTS_PER_STEP = 64;
/** A collection of so many elements or a string of so many bytes is not cloned while its writer can wait instead. */
const CLONED_ELEMENTS = 512;
const CLONED_BYTES = 65536;
/** rdb-key-save-delay: what has been saved up is waited for in pieces of so many ms. */
const DELAY_MIN_MS = 1;
const DELAY_MAX_MS = 100;

/** A snapshot that somebody wants. */
export interface SnapshotOrder {
  readonly format: SnapshotFormat;
  /** Where the format's bytes go; null: they don't wait. */
  readonly backlog: Backlog | null;
  /**
   * The destination is somebody's socket: writers don't wait for it. While it has more than enough, what they change is
   * put aside, and a big collection that they wait for is written nevertheless; what that takes is bounded by what there is.
   */
  readonly sparesWriters?: boolean;
  /**
   * Called once, with null when the format has ended (its last bytes have been handed over), otherwise with the reason
   * why it has not. Never within `start`.
   */
  onEnd(error: Error | null): void;
}

export interface SnapshotsOptions {
  /** Runs something in a later turn of the event loop; setImmediate. For tests. */
  schedule?: (run: () => void) => void;
}

export class Snapshots implements SnapshotHook, WriteGate {
  /** Entries written so far, and those there were, of the snapshot that runs or ran last. */
  keysWritten = 0;
  keysTotal = 0;
  readonly #engine: Engine;
  readonly #pace: Pace;
  readonly #postponed: Postponed;
  readonly #sweep: Sweep;
  #order: SnapshotOrder | null = null;
  #sources: Source[] = [];
  #walked = 0;
  #begun = false;
  /** Database that the format's entries are in; -1: none yet. */
  #selected = -1;
  readonly #works: Works;
  #aside = new Aside();
  /** Entries until the next look at the clock, and bytes. */
  #entriesLeft = 0;
  #bytesEnd = 0;
  #writersHeld = false;
  #delayDebtUs = 0;
  #delaySinceMs = 0;
  readonly #visit: (ref: number) => boolean;
  readonly #isCostly: (db: Database, ref: number) => boolean;

  constructor(engine: Engine, options: SnapshotsOptions = {}) {
    this.#engine = engine;
    const schedule = options.schedule ?? ((run) => void setImmediate(run));
    this.#pace = new Pace(engine, (budgetUs) => this.#slice(budgetUs, ENTRIES_PER_SLICE), schedule);
    this.#postponed = new Postponed(engine);
    this.#sweep = new Sweep(engine, schedule);
    this.#works = new Works(engine.keyspace);
    this.#visit = (ref) => this.#meet(ref);
    this.#isCostly = (db, ref) => this.#mustWait(db, ref);
  }

  /** True while a snapshot is being taken: until the format has ended. */
  get active(): boolean {
    return this.#order !== null;
  }

  /**
   * False for a moment after `abort`: `start` would have to do the rest of the sweep at once. And while data is loaded
   * aside, which would be neither of the snapshot nor behind it.
   */
  get ready(): boolean {
    return this.#order === null && !this.#sweep.busy && this.#engine.keyspace.aside === null;
  }

  /** Clients that wait for the snapshot. */
  get postponedClients(): number {
    return this.#postponed.count;
  }

  /** Bytes that were put aside in the snapshot that runs or ran last: current_cow_size. */
  get copiedBytes(): number {
    return this.#aside.copiedBytes;
  }

  /** Begins a snapshot of the state at this call. There must be none. */
  start(order: SnapshotOrder): void {
    if (this.#order !== null) throw new Error('a snapshot is being taken');
    this.#sweep.finish();
    const { keyspace } = this.#engine;
    this.#order = order;
    this.#sources = keyspace.databases.filter(({ dict }) => dict.count > 0).map(sourceOf);
    this.#walked = 0;
    this.#begun = false;
    this.#selected = -1;
    this.keysWritten = 0;
    this.keysTotal = this.#sources.reduce((sum, { keys }) => sum + keys, 0);
    this.#aside.copiedBytes = 0;
    this.#delayDebtUs = 0;
    keyspace.memory.epoch ^= EPOCH_BIT;
    keyspace.snapshot = this;
    this.#engine.writeGate = this;
    this.#setGate();
    this.#pace.next();
  }

  /** Ends the snapshot that is being taken, if any; its `onEnd` is told `error`. */
  abort(error: Error): void {
    const order = this.#order;
    if (order === null) return;
    this.#works.clear();
    while (this.#aside.count > 0) this.#freeAside();
    for (const { dict, cursor, done, kept } of this.#sources) {
      if (!done && !kept) this.#sweep.add(dict, cursor);
    }
    this.#finish(error);
    this.#sweep.begin();
  }

  /** Writes a snapshot at once, whatever else is being taken. Throws what the format throws. */
  runNow(format: SnapshotFormat): void {
    const { keyspace, config } = this.#engine;
    let debtUs = 0;
    format.begin();
    for (const db of keyspace.databases) {
      if (db.dict.count === 0) continue;
      format.select(db.id, db.dict.count, db.expires.count);
      db.dict.scan(0, (ref) => {
        format.entry(db, ref);
        debtUs += Math.max(0, config.values['rdb-key-save-delay']);
        if (debtUs >= DELAY_MIN_MS * 1000) {
          blockThread(debtUs / 1000);
          debtUs = 0;
        }
        return true;
      });
    }
    format.end();
  }

  /** For tests: goes on by so many entries or steps, without regard to pace. */
  step(entries: number): void {
    this.#slice(Number.POSITIVE_INFINITY, entries);
  }

  /** Ends the work between crons; for the end of the server. */
  stop(): void {
    this.abort(new Error('the server ends'));
    this.#pace.stop();
    this.#sweep.stop();
  }

  // --------------------------------------------------------------------------------------------- the slices

  #slice(budgetUs: number, entriesMax: number): void {
    const order = this.#order;
    if (order === null) return;
    try {
      if (this.#work(order, budgetUs, entriesMax)) this.#pace.next();
    } catch (error) {
      if (this.#order === order) this.abort(error as Error);
      else throw error;
    }
  }

  /** Returns true if it goes on in the next slice, false if it has ended, or waits. */
  #work(order: SnapshotOrder, budgetUs: number, entriesMax: number): boolean {
    const { clock } = this.#engine;
    const { format, backlog } = order;
    const until = clock.monoUs() + budgetUs;
    if (this.#isDelayed()) return false;
    if (!this.#begun) {
      this.#begun = true;
      format.begin();
    }
    for (let left = entriesMax; left > 0; ) {
      this.#entriesLeft = Math.min(left, ENTRIES_PER_LOOK);
      this.#bytesEnd = format.written + BYTES_PER_LOOK;
      const before = this.#entriesLeft;
      if (this.#isStill(order)) {
        if (!this.#lookWanted(format)) {
          this.#awaitDrain(order, backlog!);
          return false;
        }
      } else if (!this.#look(order)) {
        format.end();
        this.#finish(null);
        return false;
      }
      // The sink may have failed.
      if (this.#order !== order) return false;
      left -= Math.max(1, before - this.#entriesLeft);
      this.#setWriters();
      if (this.#isDelayed()) return false;
      if (backlog !== null && backlog.pendingBytes > WALK_BACKLOG && !this.#isStill(order)) {
        this.#awaitDrain(order, backlog);
        return false;
      }
      if (clock.monoUs() >= until) break;
    }
    return true;
  }

  #awaitDrain(order: SnapshotOrder, backlog: Backlog): void {
    backlog.onDrain = () => {
      if (backlog.pendingBytes > WALK_BACKLOG / 2) return;
      backlog.onDrain = null;
      this.#setWriters();
      if (this.#order === order) this.#pace.next();
    };
    // Whatever has put them off, it is not to be waited for.
    if (order.sparesWriters === true) this.#postponed.resume();
  }

  /** A socket has more than enough: only what a client waits for is written. */
  #isStill(order: SnapshotOrder): boolean {
    return order.sparesWriters === true && (order.backlog?.pendingBytes ?? 0) > WALK_BACKLOG;
  }

  /** Writes some of the entry that a client waits for; false if there is none. */
  #lookWanted(format: SnapshotFormat): boolean {
    const work = this.#works.first;
    if (work === undefined || !this.#postponed.some) return false;
    if (work.begun) this.#stepWork(work, format);
    else this.#beginWork(work, format);
    return true;
  }

  /** Writes some entries; false when there is nothing left. */
  #look(order: SnapshotOrder): boolean {
    const { format } = order;
    const work = this.#works.first;
    if (work?.begun) {
      this.#stepWork(work, format);
      return true;
    }
    if (this.#aside.count > 0) {
      this.#writeAside(format);
      return true;
    }
    if (work !== undefined) {
      this.#beginWork(work, format);
      return true;
    }
    const source = this.#sources[this.#walked];
    if (source === undefined) return false;
    source.cursor = source.dict.scan(source.cursor, this.#visit);
    if (source.cursor === 0) {
      source.done = true;
      this.#walked++;
      this.#giveUp();
    }
    return true;
  }

  /** The walk meets an entry. Returns false where it is to pause. */
  #meet(ref: number): boolean {
    const source = this.#sources[this.#walked]!;
    const { db } = source;
    const { arena, epoch } = db.memory;
    const words = arena.words[ref >>> PAGE_BITS]!;
    const at = (ref & OFFSET_MASK) << 1;
    const meta = words[at]!;
    if (((meta ^ epoch) & EPOCH_BIT) === 0) return --this.#entriesLeft > 0;
    if ((meta & EXTERNAL) !== 0 && isBigEntry(db, ref)) {
      this.#works.add(source, ref, false);
      this.#entriesLeft--;
      return false;
    }
    const { format } = this.#order!;
    if (this.#selected !== source.id) this.#select(source.id, format);
    format.entry(db, ref);
    words[at] = meta ^ EPOCH_BIT;
    this.#wrote();
    return --this.#entriesLeft > 0 && format.written < this.#bytesEnd;
  }

  #wrote(): void {
    this.keysWritten++;
    const delay = this.#engine.config.values['rdb-key-save-delay'];
    if (delay <= 0) return;
    if (this.#delayDebtUs === 0) this.#delaySinceMs = this.#engine.clock.monoMs();
    this.#delayDebtUs += delay;
    this.#entriesLeft = Math.min(this.#entriesLeft, 1);
  }

  /** Whether rdb-key-save-delay has it wait; then it goes on by a timer. Not while clients are put off. */
  #isDelayed(): boolean {
    if (this.#delayDebtUs < DELAY_MIN_MS * 1000 || this.#postponed.some) return false;
    if (this.#engine.config.values['rdb-key-save-delay'] <= 0) {
      this.#delayDebtUs = 0;
      return false;
    }
    const nowMs = this.#engine.clock.monoMs();
    const leftMs = this.#delayDebtUs / 1000 - (nowMs - this.#delaySinceMs);
    if (leftMs <= 0) {
      this.#delayDebtUs = 0;
      return false;
    }
    this.#pace.after(Math.min(Math.max(leftMs, DELAY_MIN_MS), DELAY_MAX_MS));
    return true;
  }

  #select(id: number, format: SnapshotFormat): void {
    this.#selected = id;
    const source = this.#sources.find((one) => one.id === id)!;
    if (source.named) format.select(id, -1, -1);
    else format.select(id, source.keys, source.expires);
    source.named = true;
  }

  #writeAside(format: SnapshotFormat): void {
    const { keyspace } = this.#engine;
    const db = keyspace.databases[0]!;
    while (this.#aside.count > 0 && this.#entriesLeft > 0 && format.written < this.#bytesEnd) {
      const { ref, id } = this.#aside;
      if (isBigEntry(db, ref)) {
        // It was changed by somebody who could not be postponed.
        this.#aside.shift();
        this.#works.adopt(this.#sources.find((one) => one.id === id)!, ref);
        this.#beginWork(this.#works.first!, format);
        return;
      }
      if (this.#selected !== id) this.#select(id, format);
      format.entry(db, ref);
      this.#freeAside();
      this.#wrote();
      this.#entriesLeft--;
    }
  }

  #freeAside(): void {
    const { keyspace } = this.#engine;
    freeRecord(keyspace, keyspace.databases[0]!, this.#aside.ref, true);
    this.#aside.shift();
  }

  // ------------------------------------------------------------------------------------------- big entries

  #beginWork(work: Work, format: SnapshotFormat): void {
    const { db, id } = work.source;
    if (this.#selected !== id) this.#select(id, format);
    work.begun = true;
    work.entry = format.big(db, work.record);
    if (work.entry !== null) return;
    format.entry(db, work.record);
    this.#endWork();
  }

  #stepWork(work: Work, format: SnapshotFormat): void {
    while (this.#entriesLeft-- > 0) {
      if (!work.entry!.step(ELEMENTS_PER_STEP)) {
        this.#endWork();
        return;
      }
      if (format.written >= this.#bytesEnd || work.entry!.isSlow === true) return;
    }
  }

  #endWork(): void {
    this.#works.shift();
    this.#wrote();
    this.#giveUp();
    this.#postponed.resume();
  }

  /** Gives the dictionaries that are needed no more to lazy free. */
  #giveUp(): void {
    const { lazyFree } = this.#engine.keyspace;
    for (const source of this.#sources) {
      if (!source.kept || !source.done) continue;
      if (this.#works.need(source)) continue;
      source.kept = false;
      source.keptBytes = 0;
      lazyFree.add(source.db, source.dict, source.counted);
    }
  }

  // ---------------------------------------------------------------------------------------------- the hook

  #sourceOf(dict: Dictionary): Source | undefined {
    for (const source of this.#sources) if (source.dict === dict) return source;
    return undefined;
  }

  get keptBytes(): number {
    let bytes = this.#aside.bytes + this.#works.ownedBytes;
    for (const source of this.#sources) bytes += source.keptBytes;
    return bytes;
  }

  beforeChange(db: Database, ref: number): void {
    const source = this.#sourceOf(db.dict);
    if (source === undefined) return;
    const { externals } = db.memory;
    const isExternal = (db.meta(ref) & EXTERNAL) !== 0;
    const clone = isExternal ? externals.clone(db.externalId(ref)) : 0;
    if (!isExternal || !this.#works.takeOver(db.externalId(ref))) {
      let record: number;
      try {
        record = copyRecord(db, ref);
      } catch (error) {
        if (isExternal) externals.remove(clone);
        throw error;
      }
      this.#aside.add(db, record, source.id);
    }
    if (isExternal) setExternal(db, ref, clone);
    settle(db, ref);
    this.#watchAside();
  }

  beforeRemoval(db: Database, ref: number): void {
    const source = this.#sourceOf(db.dict);
    if (source === undefined) return;
    const isExternal = (db.meta(ref) & EXTERNAL) !== 0;
    if (!isExternal || !this.#works.takeOver(db.externalId(ref))) {
      let record: number;
      try {
        record = copyRecord(db, ref);
      } catch (error) {
        // There is no room, and it must go nevertheless: the snapshot can't be finished.
        this.abort(error as Error);
        return;
      }
      this.#aside.add(db, record, source.id);
    }
    if (isExternal) dropExternal(db, ref);
    this.#watchAside();
  }

  keeps(db: Database, dict: Dictionary, counted: boolean): boolean {
    const source = this.#sourceOf(dict);
    if (source === undefined) return false;
    if (source.done && !this.#works.need(source)) return false;
    source.kept = true;
    source.keptBytes = dictionaryBytes(this.#engine.keyspace, db, dict, this.keptBytes);
    source.counted = counted;
    return true;
  }

  // ----------------------------------------------------------------------------------------------- the gate

  /** Whether a command that writes must wait; then it is put off. */
  postpones(client: Client, command: Command, args: Args): boolean {
    if (!this.#writersHeld && !anyTouched(client, command, args, this.#isCostly)) return false;
    this.#postponed.add(client, args);
    // It waits for the snapshot, not for rdb-key-save-delay, and for no socket.
    if (this.#delayDebtUs > 0) {
      this.#pace.stop();
      this.#pace.next();
    } else if (this.#order !== null && this.#isStill(this.#order)) this.#pace.next();
    return true;
  }

  /** Whether an entry is pending and too big to be kept twice; then it is the next to be written. */
  #mustWait(db: Database, ref: number): boolean {
    const meta = db.meta(ref);
    const { externals, epoch } = db.memory;
    if ((meta & EXTERNAL) === 0 || ((meta ^ epoch) & EPOCH_BIT) === 0) return false;
    const source = this.#sourceOf(db.dict);
    if (source === undefined) return false;
    const id = db.externalId(ref);
    const collection = externals.collectionOrNull(id);
    const isCostly =
      collection === null
        ? externals.get(id).length > CLONED_BYTES
        : collection.size > CLONED_ELEMENTS || isBigEntry(db, ref);
    if (!isCostly) return false;
    try {
      this.#works.add(source, ref, true);
    } catch (error) {
      // There is no room; the command will be told.
      if (error instanceof ArenaFull) return false;
      throw error;
    }
    return true;
  }

  /** Called where something is put aside: the limit is looked at when it has been reached. */
  #watchAside(): void {
    if (this.#aside.bytes > ASIDE_MAX && !this.#writersHeld) this.#setWriters();
  }

  #setWriters(): void {
    const order = this.#order;
    if (order === null) return;
    const { bytes } = this.#aside;
    const pending = order.backlog?.pendingBytes ?? 0;
    // What is aside may be written soon; if a socket must be waited for before, nobody waits for that.
    if (order.sparesWriters === true && pending > WALK_BACKLOG / 2) {
      if (!this.#writersHeld) return;
      this.#writersHeld = false;
      this.#setGate();
      this.#postponed.resume();
    } else if (!this.#writersHeld) {
      if (bytes <= ASIDE_MAX && pending <= WRITERS_BACKLOG) return;
      this.#writersHeld = true;
      this.#setGate();
    } else if (bytes < ASIDE_LOW && pending <= WRITERS_BACKLOG) {
      this.#writersHeld = false;
      this.#setGate();
      this.#postponed.resume();
    }
  }

  /** While there is nothing in the table of externals, no entry can be too big. */
  #setGate(): void {
    const engine = this.#engine;
    const closed = this.#order !== null && (this.#writersHeld || engine.keyspace.memory.externals.count > 0);
    if (closed) engine.gates |= SERVER_SNAPSHOT;
    else engine.gates &= ~SERVER_SNAPSHOT;
  }

  #finish(error: Error | null): void {
    const order = this.#order!;
    const { keyspace } = this.#engine;
    this.#order = null;
    for (const { kept, db, dict, counted } of this.#sources)
      if (kept) keyspace.lazyFree.add(db, dict, counted);
    this.#sources = [];
    this.#writersHeld = false;
    keyspace.snapshot = null;
    this.#engine.writeGate = null;
    this.#setGate();
    if (order.backlog !== null) order.backlog.onDrain = null;
    this.#pace.stop();
    this.#postponed.resume();
    keyspace.dropRemains();
    order.onEnd(error);
  }
}
