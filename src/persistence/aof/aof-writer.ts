/**
 * Appends the stream of effects to a file. Effects gather in a buffer, which is written once in a turn of the event
 * loop, by a blocking write: it goes to the page cache and takes a microsecond or two. What blocks is the sync, and
 * that is done beside the loop (background-sync.ts), by the policy:
 *
 *   no        the system decides. No reply leaves before the write that covers it (engine/output-gate.ts), so a crash
 *             of the process alone loses nothing that anybody has been told.
 *   everysec  likewise, and a sync once a second. A write to a file that is being synced may block, so while a sync is
 *             running writes are postponed, and replies go without them; after 2 s the buffer is written all the same,
 *             and that is counted (`delayed`).
 *   always    a sync for each write, and no reply leaves before the sync that covers it:
 *
 *                 append ──turn──> waits for the cohort (cohort.ts) ──> write, fdatasync ──done──> replies go
 *                                                                           append meanwhile: the next round
 *
 * A write that fails, or is short, is taken back by truncating the file, so that it ends with a whole command. The
 * buffer is kept, writers are refused (MISCONF) and the write is tried again until it succeeds. With `always` there is
 * no way back, as the effects are in memory and their replies must not leave: the server ends, as Redis does.
 *
 * Positions are bytes of the stream since the start, not of a file.
 */
import type { EffectSink } from '../../engine/effects/propagation.ts';
import type { LatencyMonitor } from '../../engine/figures/latency-monitor.ts';
import type { OutputGate } from '../../engine/output-gate.ts';
import type { Logger } from '../../logging/logger.ts';
import type { Clock, Timers } from '../../util/clock.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { FileSystem } from '../files/file-system.ts';
import { BackgroundSync } from './background-sync.ts';
import { Cohort } from './cohort.ts';

export type FsyncPolicy = 'always' | 'everysec' | 'no';

/** What the writer needs from those around it. */
export interface WriterParts {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly latency: LatencyMonitor;
  readonly gate: OutputGate;
  /** Wall clock of the command being served, in ms. */
  readonly nowMs: () => number;
  /** A snapshot is being written: with `no-appendfsync-on-rewrite` nothing is synced meanwhile. */
  readonly isSnapshotRunning: () => boolean;
  /** The file can't be written any more, or can again. */
  readonly onStatus: () => void;
  /** There is no way on; the log says why. Ends the process. */
  readonly fatal: () => void;
  /** Runs something at the end of the turn; setImmediate unless a test moves the turns. */
  readonly schedule?: (run: () => void) => void;
}

const BUFFER_MIN = 64 * 1024;
/** A buffer that has grown beyond this is not kept. */
const BUFFER_KEPT = 1024 * 1024;
const SYNC_PERIOD_MS = 1000;
/** A write is postponed no longer than this for a running sync. */
const POSTPONE_MAX_MS = 2000;
const RETRY_PERIOD_MS = 1000;
/** Errors that go on and on are logged this often. */
const ERROR_LOG_PERIOD_MS = 30_000;
const TIMER_US = 1000;
const NEVER = Number.NEGATIVE_INFINITY;

export class AofWriter implements EffectSink {
  /** Bytes of all files that the manifest names (aof_current_size). */
  totalSize = 0;
  /** Bytes of the file that is appended to. */
  fileSize = 0;
  /** Writes that could not wait for a sync any longer (aof_delayed_fsync). */
  delayed = 0;
  noFsyncOnRewrite = false;
  /** Notes the time before the first command of each second. */
  timestamps = false;
  /** Why the last write failed, or null. */
  writeError: Error | null = null;
  /** Why the last sync failed, or null. */
  syncError: Error | null = null;
  /** Called when more has been synced (WAITAOF). */
  onSynced: (() => void) | null = null;
  readonly #parts: WriterParts;
  readonly #gate: OutputGate;
  readonly #sync: BackgroundSync;
  readonly #cohort = new Cohort();
  readonly #schedule: (run: () => void) => void;
  readonly #turn = (): void => this.#turnOver();
  #policy: FsyncPolicy = 'everysec';
  #fd = -1;
  #buf = Buffer.allocUnsafeSlow(BUFFER_MIN);
  #len = 0;
  /** The end of the turn has been asked for. */
  #scheduled = false;
  /** A timer has been set for it. */
  #timed = false;
  /** Up to where the stream is in the file; up to where a sync has been begun; up to where it is over. */
  #written = 0;
  #syncBegun = 0;
  #lastSyncMs = NEVER;
  #syncBegunUs = 0;
  #postponedMs = NEVER;
  #errorLoggedMs = NEVER;
  #triedMs = NEVER;
  #annotatedSecond = 0;
  /** Nothing must be written or let go any more. */
  #dead = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#gate = parts.gate;
    this.#schedule = parts.schedule ?? ((run) => void setImmediate(run));
    this.#sync = new BackgroundSync(parts.files);
    this.#sync.onDone = (error, covered) => this.#syncDone(error, covered);
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  /** Bytes of the stream so far. */
  get end(): number {
    return this.#written + this.#len;
  }

  /** Those of them that are on disk, whatever becomes of the machine. */
  get synced(): number {
    return this.#sync.safe;
  }

  /** Bytes that are not written yet (aof_buffer_length). */
  get bufferLength(): number {
    return this.#len;
  }

  /** Room of the buffer (mem_aof_buffer). */
  get bufferRoom(): number {
    return this.#fd >= 0 ? this.#buf.length : 0;
  }

  /** Syncs that are running (aof_pending_bio_fsync). */
  get pendingSyncs(): number {
    return this.#sync.pending;
  }

  /** Why the file can't be written, or null. */
  get error(): Error | null {
    return this.writeError ?? this.syncError;
  }

  /** The gate must know of a command before its reply is sent. */
  get immediate(): boolean {
    return this.#policy === 'always';
  }

  /** Takes commands of the stream. Hot: runs for each write, or each batch of them. */
  append(bytes: Uint8Array, off: number, len: number): void {
    if (this.timestamps) this.#annotate();
    if (this.#buf.length - this.#len < len) this.#makeRoom(len);
    copyBytes(bytes, off, len, this.#buf, this.#len);
    this.#len += len;
    this.#gate.appended = this.#written + this.#len;
    if (!this.#scheduled) this.#scheduleTurn();
  }

  /** Replies wait for syncs. */
  get #isStrict(): boolean {
    return this.#policy === 'always' && this.#gate.guarded;
  }

  #scheduleTurn(): void {
    this.#scheduled = true;
    this.#schedule(this.#turn);
  }

  #makeRoom(len: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buf.length * 2, this.#len + len));
    this.#buf.copy(grown, 0, 0, this.#len);
    this.#buf = grown;
  }

  /** `#TS:1700000000` tells when what follows came (aof-timestamp-enabled). */
  #annotate(): void {
    const second = Math.floor(this.#parts.nowMs() / 1000);
    if (second <= this.#annotatedSecond) return;
    this.#annotatedSecond = second;
    const line = timestampLine(second);
    if (this.#buf.length - this.#len < line.length) this.#makeRoom(line.length);
    this.#len += this.#buf.write(line, this.#len, 'latin1');
  }

  /** Goes over to another policy, from the next write on. */
  setPolicy(policy: FsyncPolicy): void {
    if (policy === this.#policy) return;
    const wasAlways = this.#policy === 'always';
    this.#policy = policy;
    // To `always`, what was written before is synced with the next write.
    if (this.#fd < 0 || !wasAlways) return;
    this.flushAndSync();
    if (!this.#dead) this.#gate.release(this.#gate.appended);
  }

  #guard(): void {
    const gate = this.#gate;
    gate.appended = this.#written + this.#len;
    gate.durable = gate.appended;
    gate.guarded = true;
    gate.onHeldEarly = () => {
      if (!this.#scheduled) this.#scheduleTurn();
    };
  }

  #unguard(): void {
    const gate = this.#gate;
    if (!gate.guarded) return;
    gate.guarded = false;
    gate.onHeldEarly = null;
    if (!this.#dead) gate.release(gate.appended);
  }

  /** Appends to `fd`, of which `fileSize` bytes are there, from now on. The one before is synced and closed. */
  open(fd: number, fileSize: number): void {
    if (this.#fd >= 0) this.#sync.retire(this.#written);
    else {
      this.#lastSyncMs = this.#parts.clock.monoMs();
      this.#syncBegun = this.#written;
      this.#sync.skipTo(this.#written);
    }
    this.#fd = fd;
    this.fileSize = fileSize;
    this.#sync.attach(fd);
    this.#syncBegun = this.#written;
    this.writeError = null;
    this.syncError = null;
    if (!this.#gate.guarded) this.#guard();
  }

  /** Nothing is appended any more; what is buffered is dropped. The file is synced and closed beside the loop. */
  close(): void {
    if (this.#fd < 0) return;
    this.#written += this.#len;
    this.#len = 0;
    this.#sync.retire(this.#written);
    this.#fd = -1;
    this.#postponedMs = NEVER;
    this.writeError = null;
    this.syncError = null;
    this.#unguard();
  }

  /** The end of a turn in which something was appended. */
  #turnOver(): void {
    this.#scheduled = false;
    if (this.#fd < 0 || this.#dead) return;
    if (this.#policy === 'always') this.#commit();
    else {
      this.#flush(false);
      // Written; or postponed, or failed: then they go all the same, as Redis's do.
      if (this.#gate.guarded) this.#gate.release(this.#gate.appended);
    }
  }

  /** `always`: writes and syncs what has gathered, unless a sync is running, or more is about to come. */
  #commit(): void {
    const gate = this.#gate;
    if (this.#sync.isSyncing) return;
    if (this.#len === 0 && this.#syncBegun === this.#written) {
      // Only replies that were held in the middle of their commands, which have changed nothing.
      if (gate.count > 0 && gate.durable === gate.appended) gate.release(gate.appended);
      return;
    }
    const nowUs = this.#parts.clock.monoUs();
    const waitUs = this.#cohort.waitsUs(gate.count, nowUs);
    if (waitUs > 0) {
      this.#waitOn(waitUs);
      return;
    }
    if (this.#len > 0 && !this.#writeOut()) return;
    if (this.noFsyncOnRewrite && this.#parts.isSnapshotRunning()) {
      this.#syncBegun = this.#written;
      gate.release(this.#written);
      return;
    }
    this.#beginSync(nowUs);
  }

  /** More are about to come: whoever appends brings the next turn, and if nobody does, time. */
  #waitOn(us: number): void {
    // Timers are no finer than that; for less, the loop goes round.
    if (us < TIMER_US) this.#scheduleTurn();
    else if (!this.#timed) {
      this.#timed = true;
      this.#parts.timers.setTimeout(() => {
        this.#timed = false;
        if (!this.#scheduled) this.#turnOver();
      }, TIMER_US / 1000);
    }
  }

  #beginSync(nowUs: number): void {
    this.#syncBegun = this.#written;
    this.#lastSyncMs = nowUs / 1000;
    this.#syncBegunUs = nowUs;
    this.#sync.start(this.#written);
  }

  /** `everysec` and `no`: writes what has gathered, unless that could block; then syncs if it is time. */
  #flush(force: boolean): void {
    if (this.#len > 0) {
      if (this.#policy === 'everysec' && !force && this.#sync.isSyncing) {
        const nowMs = this.#parts.clock.monoMs();
        if (this.#postponedMs === NEVER) this.#postponedMs = nowMs;
        if (nowMs - this.#postponedMs < POSTPONE_MAX_MS) return;
        this.delayed++;
        this.#parts.log.notice(
          'Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for ' +
            'fsync to complete, this may slow down Redis.',
        );
      }
      if (!this.#writeOut()) return;
    }
    this.#syncIfDue();
  }

  #syncIfDue(): void {
    if (this.#policy !== 'everysec' || this.#syncBegun === this.#written || this.#sync.isSyncing) return;
    const nowUs = this.#parts.clock.monoUs();
    if (nowUs / 1000 - this.#lastSyncMs < SYNC_PERIOD_MS) return;
    if (this.noFsyncOnRewrite && this.#parts.isSnapshotRunning()) return;
    this.#beginSync(nowUs);
  }

  /** Called by the cron: what does not wait for a turn. */
  cron(): void {
    if (this.#fd < 0 || this.#dead) return;
    if (this.#policy === 'always') {
      if (!this.#scheduled && (this.#len > 0 || this.#syncBegun !== this.#written)) this.#commit();
      return;
    }
    if (this.writeError !== null) {
      if (this.#parts.clock.monoMs() - this.#triedMs >= RETRY_PERIOD_MS) this.#flush(false);
    } else if (this.#len > 0 && !this.#scheduled) this.#flush(false);
    else if (this.#len === 0) this.#syncIfDue();
  }

  /** Writes the buffer to the file. Returns false if that failed. */
  #writeOut(): boolean {
    const { files, latency, clock, log } = this.#parts;
    const len = this.#len;
    const startMs = latency.thresholdMs > 0 ? clock.monoMs() : 0;
    let written = 0;
    try {
      while (written < len) written += files.writeSync(this.#fd, this.#buf, written, len - written);
    } catch (error) {
      this.#writeFailed(error as Error, written);
      return false;
    }
    if (latency.thresholdMs > 0) this.#noteWriteTime(startMs);
    this.#postponedMs = NEVER;
    this.#len = 0;
    this.#wrote(len);
    if (this.#buf.length > BUFFER_KEPT) this.#buf = Buffer.allocUnsafeSlow(BUFFER_MIN);
    if (this.writeError !== null) {
      log.warning('AOF write error looks solved, Redis can write again.');
      this.writeError = null;
      this.#parts.onStatus();
    }
    return true;
  }

  #wrote(bytes: number): void {
    this.#written += bytes;
    this.fileSize += bytes;
    this.totalSize += bytes;
  }

  #noteWriteTime(startMs: number): void {
    const { latency, clock, isSnapshotRunning, nowMs } = this.#parts;
    const ms = clock.monoMs() - startMs;
    if (ms < latency.thresholdMs) return;
    let event = 'aof-write-alone';
    if (this.#sync.isSyncing) event = 'aof-write-pending-fsync';
    else if (isSnapshotRunning()) event = 'aof-write-active-child';
    latency.add(event, ms, nowMs());
    latency.add('aof-write', ms, nowMs());
  }

  /** `written` bytes of the buffer are in the file, behind the last whole command. */
  #writeFailed(error: Error, written: number): void {
    const { files, clock, log } = this.#parts;
    const nowMs = clock.monoMs();
    this.#triedMs = nowMs;
    const tells = nowMs - this.#errorLoggedMs > ERROR_LOG_PERIOD_MS;
    if (tells) this.#errorLoggedMs = nowMs;
    if (written === 0) {
      if (tells) log.warning(`Error writing to the AOF file: ${errnoText(error)}`);
    } else {
      if (tells) {
        log.warning(
          `Short write while writing to the AOF file: (nwritten=${written}, expected=${this.#len})`,
        );
      }
      try {
        files.truncateSync(this.#fd, this.fileSize);
      } catch (truncating) {
        if (tells) {
          log.warning(
            'Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next ' +
              `time it starts.  ftruncate: ${errnoText(truncating)}`,
          );
        }
        // It stays: the rest is written behind it.
        this.#buf.copyWithin(0, written, this.#len);
        this.#len -= written;
        this.#wrote(written);
      }
    }
    if (this.#policy === 'always') {
      this.#die("Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...");
      return;
    }
    const isNew = this.writeError === null;
    this.writeError = error;
    if (isNew) this.#parts.onStatus();
  }

  #die(reason: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#parts.log.warning(reason);
    this.#parts.fatal();
  }

  #syncDone(error: Error | null, covered: number): void {
    if (this.#dead) return;
    if (error !== null) {
      this.#syncFailed(error);
      return;
    }
    if (this.syncError !== null && covered >= this.#syncBegun) {
      this.syncError = null;
      this.#parts.onStatus();
    }
    if (this.onSynced !== null) this.onSynced();
    if (this.#isStrict) this.#letGo(covered);
    else if (this.#fd >= 0 && this.#len > 0 && !this.#scheduled) this.#flush(false);
  }

  /** `always`: a sync covers the stream up to `covered`. */
  #letGo(covered: number): void {
    const { clock, latency, nowMs } = this.#parts;
    const took = clock.monoUs() - this.#syncBegunUs;
    if (latency.thresholdMs > 0 && took >= latency.thresholdMs * 1000) {
      latency.add('aof-fsync-always', took / 1000, nowMs());
    }
    const released = this.#gate.release(Math.max(covered, this.#gate.durable));
    // Sending takes its time, too: who has had his reply last is waited for as long as any.
    this.#cohort.letGo(released, this.#gate.count, took, clock.monoUs());
    if (!this.#scheduled && (this.#len > 0 || this.#syncBegun !== this.#written)) this.#scheduleTurn();
  }

  #syncFailed(error: Error): void {
    // Whoever has been told to sync next must try these bytes, too.
    this.#syncBegun = -1;
    if (this.#isStrict) {
      this.#die(
        `Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${errnoText(error)}. Exiting...`,
      );
      return;
    }
    if (this.syncError !== null) return;
    this.#parts.log.warning(`Fail to fsync the AOF file: ${errnoText(error)}`);
    this.syncError = error;
    this.#parts.onStatus();
  }

  /** Writes everything out, whatever the policy says about waiting. Returns false if that failed. */
  flushNow(): boolean {
    if (this.#fd < 0 || this.#dead) return true;
    if (this.#len > 0 && !this.#writeOut()) return false;
    if (this.#policy === 'always' && this.#syncBegun !== this.#written && !this.#scheduled) {
      this.#scheduleTurn();
    }
    return true;
  }

  /** Writes and syncs everything, blocking. Returns why that failed, or null. */
  flushAndSync(): Error | null {
    if (this.#fd < 0) return null;
    if (!this.flushNow()) return this.writeError;
    try {
      this.#sync.syncNow(this.#written);
    } catch (error) {
      return error as Error;
    }
    this.#syncBegun = this.#written;
    this.#lastSyncMs = this.#parts.clock.monoMs();
    if (this.onSynced !== null) this.onSynced();
    if (this.#gate.guarded && !this.#dead) this.#gate.release(this.#written);
    return null;
  }
}

/** The annotation for a second of the wall clock. */
export function timestampLine(second: number): string {
  return `#TS:${second}\r\n`;
}
