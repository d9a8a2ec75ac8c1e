/**
 * The append-only file of a server: whether it is kept, and all that CONFIG, BGREWRITEAOF, the cron, INFO and shutdown
 * want of it.
 *
 *            CONFIG SET appendonly yes              the first rewrite is done
 *     off ────────────────────────────> waiting ─────────────────────────────> on
 *      ^                                   │  ^ │                               │
 *      │                                   │  └─┘ the rewrite has failed:       │
 *      │                                   │      another one is due            │
 *      └───────────────────────────────────┴───── CONFIG SET appendonly no ─────┘
 *
 *   off       nothing is listened to. A rewrite makes a base all the same, as Redis does.
 *   waiting   effects are kept only while a rewrite runs: before its snapshot there is nothing that they would follow.
 *   on        effects are appended. A server that starts with `appendonly yes` begins here, when the data is loaded.
 */

import { TO_AOF } from '../../engine/effects/propagation.ts';
import type { Engine } from '../../engine/engine.ts';
import * as errors from '../../engine/errors.ts';
import { SERVER_LOADING } from '../../engine/gates.ts';
import type { ShutdownOptions } from '../../engine/host.ts';
import { updateMisconfGate } from '../../engine/persistence.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { FileSystem } from '../files/file-system.ts';
import type { AofPart } from '../parts.ts';
import type { Snapshots } from '../snapshot/snapshots.ts';
import type { AofFolder } from './aof-folder.ts';
import { AofWriter } from './aof-writer.ts';
import type { BaseFiles } from './base-file.ts';
import { type AofFile, Manifest } from './manifest.ts';
import { type AofState, Rewrite, type Rewritten, removeHistory } from './rewrite.ts';
import { RewriteLimit } from './rewrite-limit.ts';

const TURN_ON_FAILED = 'Unable to turn on AOF. Check server logs.';

/** After a full sync the file is switched on again: so often it is tried, and ms between two tries. */
const RESTART_TRIES = 10;
const RESTART_DELAY_MS = 1000;

export interface AofParts {
  readonly engine: Engine;
  readonly files: FileSystem;
  readonly snapshots: Snapshots;
  readonly bases: BaseFiles;
  readonly folder: AofFolder;
  /** Ends the process: with `always`, the file can't be written. The log says why. */
  readonly fatal: () => void;
  /** Runs something at the end of the turn; setImmediate. For tests. */
  readonly schedule?: (run: () => void) => void;
}

/** The file can't be opened: the server must not start. The log says why. */
export class AofUnusable extends Error {
  override name = 'AofUnusable';
}

export class AppendOnlyFile implements AofPart, Rewritten {
  readonly name = 'append-only file';
  state: AofState = 'off';
  /** As it is on disk. Loading sets it to what it has read (DEBUG LOADAOF, too). */
  manifest = new Manifest();
  readonly folder: AofFolder;
  readonly writer: AofWriter;
  readonly rewriting: Rewrite;
  /** A rewrite begins as soon as it may. */
  rewriteScheduled = false;
  /** Bytes behind the last rewrite, or of the base that was loaded (aof_base_size). */
  baseSize = 0;
  /** Rewrites that have been begun (aof_rewrites). */
  rewrites = 0;
  lastRewriteOk = true;
  /** How long the last rewrite took, in seconds; -1: there was none. */
  lastRewriteSeconds = -1;
  /** Bytes that clients' writes took during the last rewrite (aof_last_cow_size). */
  lastCowBytes = 0;
  readonly #parts: AofParts;
  readonly #engine: Engine;
  readonly #limit = new RewriteLimit();
  #misconf: ReplyError | null = null;
  #misconfCause: Error | null = null;

  constructor(parts: AofParts) {
    const { engine, files, snapshots, bases, folder } = parts;
    this.#parts = parts;
    this.#engine = engine;
    this.folder = folder;
    this.writer = new AofWriter({
      files,
      clock: engine.clock,
      timers: engine.timers,
      log: engine.log,
      latency: engine.latency,
      gate: engine.outputGate,
      nowMs: () => engine.nowMs,
      isSnapshotRunning: () => snapshots.active,
      onStatus: () => this.#statusChanged(),
      fatal: parts.fatal,
      ...(parts.schedule && { schedule: parts.schedule }),
    });
    this.rewriting = new Rewrite({
      engine,
      files,
      folder,
      writer: this.writer,
      snapshots,
      bases,
      owner: this,
    });
    this.#followConfig();
    engine.cron.push(this);
    engine.info.field('mem_aof_buffer', () => this.writer.bufferRoom);
    engine.onResetStat.push(() => {
      this.rewrites = 0;
      this.#limit.failures = 0;
      this.writer.delayed = 0;
    });
  }

  #followConfig(): void {
    const { config } = this.#engine;
    const { values } = config;
    const { writer } = this;
    const copy = (): void => {
      writer.setPolicy(values.appendfsync);
      writer.noFsyncOnRewrite = values['no-appendfsync-on-rewrite'];
      writer.timestamps = values['aof-timestamp-enabled'];
    };
    copy();
    for (const name of ['appendfsync', 'no-appendfsync-on-rewrite', 'aof-timestamp-enabled'] as const) {
      config.onChange(name, copy);
    }
    config.onApply('appendonly', () => {
      // What is half loaded is no state to begin with: afterwards, it is looked at what is wanted by then.
      if ((this.#engine.gates & SERVER_LOADING) !== 0) return null;
      return values.appendonly ? this.#turnOn() : this.#turnOff();
    });
    config.onApply('aof-disable-auto-gc', () => {
      if (this.rewriting.isActive || this.folder.isSaving) return null;
      return new Promise((resolve) => this.#removeHistory(() => resolve(null)));
    });
  }

  /** Rewrites that have failed since the last good one (aof_rewrites_consecutive_failures). */
  get rewriteFailures(): number {
    return this.#limit.failures;
  }

  get isRewriting(): boolean {
    return this.rewriting.isActive;
  }

  /** Since when the rewrite runs, on the wall clock in ms; only while one does. */
  get rewriteStartedMs(): number {
    return this.rewriting.startedMs;
  }

  get misconf(): ReplyError | null {
    return this.#misconf;
  }

  /** The last write and the last sync were good (aof_last_write_status). */
  get lastWriteOk(): boolean {
    return this.writer.error === null;
  }

  /** The data is loaded and `manifest` read: opens the last incremental file, and the first files if there are none. */
  loaded(): void {
    if (this.state !== 'off' || !this.#engine.config.values.appendonly) return;
    const { folder } = this;
    if (!folder.ensure()) throw new AofUnusable('no folder for the append-only file');
    folder.removeLeftovers();
    const manifest = this.manifest.clone();
    if (manifest.isEmpty) this.#makeFirstBase(manifest);
    this.#openIncr(manifest);
    if (!folder.saveManifestSync(manifest)) throw new AofUnusable('the manifest cannot be written');
    this.manifest = manifest;
    this.state = 'on';
    this.#measure();
    this.listen();
    this.#removeHistory(() => {});
  }

  /** The data is loaded, but not from here: `appendonly` was switched on meanwhile. What the files have is outdated. */
  loadedElsewhere(): void {
    if (this.#engine.config.values.appendonly) this.#turnOn();
  }

  #makeFirstBase(manifest: Manifest): void {
    const { log, config } = this.#engine;
    const isRdb = config.values['aof-use-rdb-preamble'];
    const base = manifest.newBase(this.folder.filename, isRdb);
    log.notice(`Creating AOF base file ${base.name} on server start`);
    if (!this.#parts.bases.writeNow(this.folder.pathOf(base.name), isRdb)) {
      throw new AofUnusable('the base of the append-only file cannot be written');
    }
  }

  #openIncr(manifest: Manifest): void {
    const { log } = this.#engine;
    const last = manifest.lastIncr;
    const incr = last ?? this.#newIncr(manifest);
    log.notice(`${last === null ? 'Creating' : 'Opening'} AOF incr file ${incr.name} on server start`);
    try {
      const fd = this.#parts.files.openSync(this.folder.pathOf(incr.name), 'a');
      this.writer.open(fd, this.folder.sizeOf(incr.name) ?? 0);
    } catch (error) {
      const reason = `Can't open the append-only file ${incr.name}: ${errnoText(error)}`;
      log.warning(reason);
      throw new AofUnusable(reason);
    }
  }

  /** A file of that name which no manifest knows is left alone: behind what it has, nothing is to be written. */
  #newIncr(manifest: Manifest): AofFile {
    for (;;) {
      const incr = manifest.newIncr(this.folder.filename);
      if ((this.folder.sizeOf(incr.name) ?? 0) === 0) return incr;
      manifest.incrs.pop();
    }
  }

  /** Takes the sizes from the files. */
  #measure(): void {
    const { manifest, folder } = this;
    this.baseSize = manifest.base === null ? 0 : (folder.sizeOf(manifest.base.name) ?? 0);
    this.writer.totalSize = this.baseSize;
    for (const { name } of manifest.incrs) this.writer.totalSize += folder.sizeOf(name) ?? 0;
  }

  listen(): void {
    const { propagation } = this.#engine;
    propagation.detach(this.writer);
    propagation.attach(this.writer, TO_AOF);
  }

  unlisten(): void {
    this.#engine.propagation.detach(this.writer);
  }

  // --------------------------------------------------------------------------------------------- on and off

  #turnOn(): string | null {
    const { log } = this.#engine;
    const { snapshots } = this.#parts;
    if (this.state !== 'off') return null;
    this.state = 'waiting';
    if (
      (snapshots.active && !this.rewriting.isActive) ||
      this.rewriting.isSwitching ||
      this.folder.isSaving
    ) {
      this.rewriteScheduled = true;
      log.notice(
        'AOF was enabled but there is already another background operation. An AOF background was scheduled to ' +
          'start when possible.',
      );
    } else if (this.#isInTransaction()) {
      this.rewriteScheduled = true;
      log.notice(
        'AOF was enabled during a transaction. An AOF background was scheduled to start when possible.',
      );
    } else {
      if (this.rewriting.isActive) {
        log.notice(
          'AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and ' +
            'starting a rewrite now.',
        );
        this.rewriting.abort();
      }
      if (!this.#begin()) {
        this.state = 'off';
        log.warning(
          "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the above " +
            'logs for more info about the error.',
        );
        return TURN_ON_FAILED;
      }
    }
    return null;
  }

  /** `waits`: what is there is synced first; else that is done behind it. */
  #turnOff(waits = true): null {
    if (this.state === 'off') return null;
    const problem = waits ? this.writer.flushAndSync() : null;
    if (!waits) this.writer.flushNow();
    if (problem !== null) {
      this.#engine.log.warning(`Fail to fsync the AOF file: ${errnoText(problem)}`);
    }
    this.rewriting.switchedOff();
    this.unlisten();
    this.writer.close();
    this.state = 'off';
    this.rewriteScheduled = false;
    this.#statusChanged();
    return null;
  }

  /** The data is about to be replaced by a master's: what is written from here on follows nothing that the file has. */
  stopForSync(): void {
    this.rewriteScheduled = false;
    if (this.rewriting.isActive && this.state === 'off') this.rewriting.abort();
    this.#turnOff(this.#engine.config.values.appendfsync === 'always');
  }

  /** The data is the master's: the file begins anew with it, if there is to be one. */
  restartAfterSync(tries = RESTART_TRIES): void {
    const { log, config, timers, gates } = this.#engine;
    // Loading again: it will be restarted behind that.
    if (!config.values.appendonly || this.state !== 'off' || (gates & SERVER_LOADING) !== 0) return;
    if (this.#turnOn() === null) return;
    if (tries <= 1) {
      log.warning(
        "FATAL: this replica instance finished the synchronization with its master, but the AOF can't be turned on. " +
          'Exiting now.',
      );
      this.#parts.fatal();
      return;
    }
    log.warning(
      'Failed enabling the AOF after successful master synchronization! Trying it again in one second.',
    );
    timers.setTimeout(() => this.restartAfterSync(tries - 1), RESTART_DELAY_MS);
  }

  #isInTransaction(): boolean {
    const { current, transactions } = this.#engine;
    return current !== null && transactions.isExecuting(current);
  }

  #statusChanged(): void {
    const cause = this.state === 'off' ? null : this.writer.error;
    if (cause !== this.#misconfCause) {
      this.#misconfCause = cause;
      this.#misconf = cause === null ? null : errors.misconfAof(errnoText(cause));
    }
    updateMisconfGate(this.#engine);
  }

  // --------------------------------------------------------------------------------------------- rewriting

  rewrite(): 'started' | 'scheduled' {
    if (this.rewriting.isActive) throw errors.AOF_REWRITE_RUNNING;
    if (this.#parts.snapshots.active || this.folder.isSaving || this.#isInTransaction()) {
      this.rewriteScheduled = true;
      // Who asks for it is not kept waiting for failures of before.
      this.#limit.failures = 0;
      return 'scheduled';
    }
    if (!this.#begin()) throw errors.AOF_REWRITE_IMPOSSIBLE;
    return 'started';
  }

  #begin(): boolean {
    if (!this.rewriting.begin()) {
      this.lastRewriteOk = false;
      this.#limit.failures++;
      return false;
    }
    this.rewrites++;
    this.rewriteScheduled = false;
    return true;
  }

  rewriteEnded(ok: boolean, isOn: boolean): void {
    const { engine, snapshots } = this.#parts;
    const seconds = (engine.clock.wallMs() - this.rewriting.startedMs) / 1000;
    this.lastRewriteSeconds = Math.max(0, Math.floor(seconds));
    this.lastRewriteOk = ok;
    this.lastCowBytes = snapshots.copiedBytes;
    if (ok) {
      this.#limit.failures = 0;
      // Switched off and on while it ended: the next one is waited for, which is scheduled.
      if (this.state === 'waiting' && isOn) this.state = 'on';
      if (this.state === 'on') {
        const { base } = this.manifest;
        const size = base === null ? 0 : (this.folder.sizeOf(base.name) ?? 0);
        this.writer.totalSize = size + this.writer.fileSize;
        this.baseSize = this.writer.totalSize;
      }
      engine.log.notice('Background AOF rewrite finished successfully');
      return;
    }
    this.#limit.failures++;
    engine.log.warning('Background AOF rewrite terminated with error');
    if (this.state === 'waiting') this.rewriteScheduled = true;
  }

  #removeHistory(done: () => void): void {
    removeHistory({ engine: this.#engine, folder: this.folder, owner: this }, done);
  }

  run(nowMs: number): void {
    this.rewriting.cron();
    if (this.state !== 'off') this.writer.cron();
    if (this.rewriting.isActive || this.#parts.snapshots.active || this.folder.isSaving) return;
    if (this.rewriteScheduled) {
      if (!this.#isResting(nowMs)) {
        this.rewriteScheduled = false;
        this.#begin();
      }
    } else if (this.state === 'on') this.#rewriteIfGrown(nowMs);
  }

  #isResting(nowMs: number): boolean {
    return this.#limit.isResting(nowMs, (minutes) => {
      this.#engine.log.warning(
        `Background AOF rewrite has repeatedly failed and triggered the limit, will retry in ${minutes} minutes`,
      );
    });
  }

  #rewriteIfGrown(nowMs: number): void {
    const { values } = this.#engine.config;
    const percentage = values['auto-aof-rewrite-percentage'];
    const { totalSize } = this.writer;
    if (percentage === 0 || totalSize <= values['auto-aof-rewrite-min-size']) return;
    const growth = Math.floor((totalSize * 100) / (this.baseSize || 1)) - 100;
    if (growth < percentage || this.#isResting(nowMs)) return;
    this.#engine.log.notice(`Starting automatic rewriting of AOF on ${growth}% growth`);
    this.#begin();
  }

  // --------------------------------------------------------------------------------------------- the end

  flushNow(): void {
    if (this.state === 'on') this.writer.flushNow();
  }

  /** SHUTDOWN: everything goes to disk. */
  beforeEnd(options: ShutdownOptions): string | null {
    const { log } = this.#engine;
    if (this.rewriting.isActive) {
      if (this.state === 'waiting') {
        if (!options.force) {
          log.warning("Writing initial AOF, can't exit.");
          return 'writing the initial AOF';
        }
        log.warning('Writing initial AOF. Exit anyway.');
      }
      log.notice('There is a child rewriting the AOF. Killing it!');
      this.rewriting.abort(true);
    }
    if (!this.writer.isOpen) return null;
    log.notice('Calling fsync() on the AOF file.');
    const problem = this.writer.flushAndSync();
    if (problem !== null) log.warning(`Fail to fsync the AOF file: ${errnoText(problem)}.`);
    return null;
  }
}
