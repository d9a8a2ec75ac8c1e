/**
 * Rewriting the append-only file: a new base, written from a snapshot while effects go to a new incremental file.
 *
 *     idle ──begin──> preparing ──> waiting ──> writing ──> switching ──> idle
 *                         │            │           │ abort, failure
 *                         └────────────┴───────────┴──────> idle (failed)
 *
 *   preparing   (only when on) the new incremental file is there and the manifest that names it goes to disk; effects
 *               still go to the old one. A crash finds the new file empty: nothing is lost.
 *   waiting     an aborted snapshot is still being swept up.
 *   writing     in one moment the old file is left for the new one and the snapshot begins: what the base will have is
 *               in no file behind it, and the other way round. The base goes to a temporary file.
 *   switching   the base gets its name and the manifest that begins with it goes to disk: with that, the old base and
 *               the incremental files before the snapshot are history, and are deleted. Cannot be aborted.
 *
 * While the file is being switched on there is no manifest to fall back to: effects go to a temporary incremental file
 * that gets its name in `switching`, and that is deleted when the rewrite fails.
 */
import type { Engine } from '../../engine/engine.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { FileSystem } from '../files/file-system.ts';
import type { Snapshots } from '../snapshot/snapshots.ts';
import type { AofFolder } from './aof-folder.ts';
import type { AofWriter } from './aof-writer.ts';
import type { BaseFile, BaseFiles } from './base-file.ts';
import { type AofFile, type Manifest, tempIncrName } from './manifest.ts';

export type AofState = 'off' | 'on' | 'waiting';

/** The append-only file whose rewriting this is. */
export interface Rewritten {
  readonly state: AofState;
  manifest: Manifest;
  /** Effects go to the writer from now on. */
  listen(): void;
  /** They no longer do. */
  unlisten(): void;
  /** A rewrite has ended. `isOn`: what it has made holds all there is, and effects go behind it. */
  rewriteEnded(ok: boolean, isOn: boolean): void;
}

type Phase = 'idle' | 'preparing' | 'waiting' | 'writing' | 'switching';

export interface RewriteParts {
  readonly engine: Engine;
  readonly files: FileSystem;
  readonly folder: AofFolder;
  readonly writer: AofWriter;
  readonly snapshots: Snapshots;
  readonly bases: BaseFiles;
  readonly owner: Rewritten;
}

export class Rewrite {
  readonly #parts: RewriteParts;
  #phase: Phase = 'idle';
  /** Counts rewrites, so that what ends late knows whether it is still wanted. */
  #number = 0;
  /** The file that effects go to next, opened; -1: none is needed, or it is used already. */
  #incrFd = -1;
  #base: BaseFile | null = null;
  #isSnapshotRunning = false;
  /** The base is an RDB. */
  #isRdb = true;
  /** What the file was when this one began: that decides which files the manifest will name. */
  #begunAs: AofState = 'off';
  /** The file has been switched off since then, in the phase that cannot be aborted. */
  #isOutdated = false;
  /** When this one began, on the wall clock in ms. */
  startedMs = 0;

  constructor(parts: RewriteParts) {
    this.#parts = parts;
  }

  get isActive(): boolean {
    return this.#phase !== 'idle';
  }

  /** In the last phase, which cannot be aborted. */
  get isSwitching(): boolean {
    return this.#phase === 'switching';
  }

  /** Begins; the end is told to `rewriteEnded`. Returns false, after the log has been told, if it can't. */
  begin(): boolean {
    const { engine, folder, owner } = this.#parts;
    if (!folder.ensure()) return false;
    this.#number++;
    this.#begunAs = owner.state;
    this.#isOutdated = false;
    this.startedMs = engine.clock.wallMs();
    this.#isRdb = engine.config.values['aof-use-rdb-preamble'];
    if (owner.state === 'on') return this.#prepare();
    this.#phase = 'waiting';
    if (!this.#parts.snapshots.ready || this.#start()) return true;
    this.#cleanUp();
    return false;
  }

  /** Makes the next incremental file, and a manifest that names it. */
  #prepare(): boolean {
    const { folder, owner } = this.#parts;
    const manifest = owner.manifest.clone();
    const incr = manifest.newIncr(folder.filename);
    if (!this.#openIncr(incr.name)) return false;
    this.#phase = 'preparing';
    const number = this.#number;
    folder.saveManifest(manifest, (saved) => {
      if (saved === 'failed') folder.remove(incr.name);
      else owner.manifest = manifest;
      if (number !== this.#number || this.#phase !== 'preparing') return;
      if (saved === 'saved') this.#startWhenReady();
      else this.#fail();
    });
    return true;
  }

  #openIncr(name: string): boolean {
    const { engine, files, folder } = this.#parts;
    engine.log.notice(`Creating AOF incr file ${name} on background rewrite`);
    let fd = -1;
    try {
      fd = files.openSync(folder.pathOf(name), 'a');
      files.truncateSync(fd, 0);
    } catch (error) {
      if (fd >= 0) {
        files.closeSync(fd);
        folder.remove(name);
      }
      engine.log.warning(`Can't open the append-only file ${name}: ${errnoText(error)}`);
      return false;
    }
    this.#incrFd = fd;
    return true;
  }

  /** Called by the cron. */
  cron(): void {
    if (this.#phase === 'waiting') this.#startWhenReady();
  }

  #startWhenReady(): void {
    this.#phase = 'waiting';
    if (this.#parts.snapshots.ready && !this.#start()) this.#fail();
  }

  /** The moment that divides what is in the base from what is behind it. */
  #start(): boolean {
    const { engine, folder, writer, owner, snapshots, bases } = this.#parts;
    // What is not in the old file by now would be told again behind a base that has it.
    if (owner.state === 'on' && !writer.flushNow()) return false;
    if (owner.state === 'waiting') {
      if (!this.#openIncr(tempIncrName(folder.filename))) return false;
    }
    const number = this.#number;
    this.#base = bases.begin(this.#isRdb, () => {
      if (number === this.#number && this.#phase === 'writing') this.#stopWriting();
    });
    const base = this.#base;
    if (this.#incrFd >= 0) {
      writer.open(this.#incrFd, 0);
      this.#incrFd = -1;
      owner.listen();
    }
    this.#phase = 'writing';
    engine.log.notice(`Background append only file rewriting started by pid ${engine.host?.pid ?? 0}`);
    this.#isSnapshotRunning = true;
    snapshots.start({
      format: base.format,
      backlog: base.backlog,
      onEnd: (error) => {
        if (number === this.#number) this.#isSnapshotRunning = false;
        if (number === this.#number && this.#phase === 'writing') this.#written(error);
      },
    });
    return true;
  }

  /** The snapshot has been handed over. */
  #written(error: Error | null): void {
    const base = this.#base!;
    if (error !== null) {
      this.#fail();
      return;
    }
    const number = this.#number;
    base.finish(() => {
      if (number !== this.#number || this.#phase !== 'writing') return;
      this.#parts.engine.log.notice(`Successfully created the temporary AOF base file ${base.name}`);
      this.#parts.engine.log.notice('Background AOF rewrite terminated with success');
      this.#base = null;
      this.#switch(base);
    });
  }

  /** The base can't be written. */
  #stopWriting(): void {
    this.#number++;
    const { snapshots } = this.#parts;
    // Perhaps the snapshot has ended, and the last bytes could not be written.
    if (this.#isSnapshotRunning) snapshots.abort(new Error('the base cannot be written'));
    this.#fail();
  }

  #switch(temp: BaseFile): void {
    const { engine, files, folder, owner } = this.#parts;
    this.#phase = 'switching';
    const manifest = owner.manifest.clone();
    const base = manifest.newBase(folder.filename, this.#isRdb);
    files.rename(temp.path, folder.pathOf(base.name), (error) => {
      if (error !== null) {
        engine.log.warning(
          `Error trying to rename the temporary AOF base file ${temp.name} into ${base.name}: ${errnoText(error)}`,
        );
        temp.discard();
        this.#fail();
        return;
      }
      engine.log.notice(`Successfully renamed the temporary AOF base file ${temp.name} into ${base.name}`);
      if (this.#begunAs === 'waiting') this.#nameIncr(manifest, base);
      else {
        manifest.retireIncrs(this.#begunAs === 'on');
        this.#switchManifest(manifest, [base]);
      }
    });
  }

  /** The file is being switched on: what has come since the snapshot gets a name. */
  #nameIncr(manifest: Manifest, base: AofFile): void {
    const { engine, files, folder } = this.#parts;
    const temp = tempIncrName(folder.filename);
    const incr = manifest.newIncr(folder.filename);
    files.rename(folder.pathOf(temp), folder.pathOf(incr.name), (error) => {
      if (error !== null) {
        engine.log.warning(
          `Error trying to rename the temporary AOF incr file ${temp} into ${incr.name}: ${errnoText(error)}`,
        );
        folder.remove(base.name);
        this.#fail();
        return;
      }
      engine.log.notice(`Successfully renamed the temporary AOF incr file ${temp} into ${incr.name}`);
      manifest.retireIncrs(true);
      this.#switchManifest(manifest, [base, incr]);
    });
  }

  /** `made`: files that are nobody's if the manifest cannot be replaced. */
  #switchManifest(manifest: Manifest, made: readonly AofFile[]): void {
    const { folder, owner } = this.#parts;
    folder.saveManifest(manifest, (saved) => {
      if (saved === 'failed') for (const { name } of made) folder.remove(name);
      else owner.manifest = manifest;
      if (saved !== 'saved') this.#fail();
      else this.#removeHistory(() => this.#succeed());
    });
  }

  #removeHistory(done: () => void): void {
    removeHistory(this.#parts, done);
  }

  #succeed(): void {
    this.#phase = 'idle';
    this.#parts.owner.rewriteEnded(true, this.#begunAs !== 'off' && !this.#isOutdated);
  }

  #fail(): void {
    this.#cleanUp();
    this.#parts.owner.rewriteEnded(false, false);
  }

  #cleanUp(): void {
    const { owner, files, engine, folder, writer } = this.#parts;
    this.#phase = 'idle';
    this.#isSnapshotRunning = false;
    this.#base?.discard();
    this.#base = null;
    if (this.#incrFd >= 0) files.close(this.#incrFd, () => {});
    this.#incrFd = -1;
    if (this.#begunAs === 'waiting') {
      if (!this.#isOutdated) {
        owner.unlisten();
        writer.close();
      }
      const temp = tempIncrName(folder.filename);
      engine.log.notice(`Removing the temp incr aof file ${temp} in the background`);
      folder.remove(temp);
    }
  }

  /** The file is switched off. One that is in its last phase goes on, but nothing is behind it any more. */
  switchedOff(): void {
    this.abort();
    this.#isOutdated = true;
  }

  /** Stops what can be stopped. The owner is not told. `now`: the process ends, nothing is done later. */
  abort(now = false): void {
    const { engine, snapshots } = this.#parts;
    if (this.#phase === 'idle' || this.#phase === 'switching') return;
    engine.log.notice(`Killing running AOF rewrite child: ${engine.host?.pid ?? 0}`);
    this.#number++;
    if (now) this.#base?.discardNow();
    if (this.#isSnapshotRunning) snapshots.abort(new Error('the rewrite was stopped'));
    this.#cleanUp();
  }
}

/** Deletes files that are history, and takes them from the manifest; unless `aof-disable-auto-gc`. */
export function removeHistory(
  parts: Pick<RewriteParts, 'engine' | 'folder' | 'owner'>,
  done: () => void,
): void {
  const { engine, folder, owner } = parts;
  if (engine.config.values['aof-disable-auto-gc'] || owner.manifest.history.length === 0) {
    done();
    return;
  }
  const gone = owner.manifest.history;
  let left = gone.length;
  // The manifest names them until they are gone: a crash in between leaves no file that nobody knows of.
  const removed = (): void => {
    if (--left > 0) return;
    const manifest = owner.manifest.clone();
    manifest.history = manifest.history.filter((file) => !gone.includes(file));
    manifest.dirty = true;
    folder.saveManifest(manifest, (saved) => {
      if (saved !== 'failed') owner.manifest = manifest;
      done();
    });
  };
  for (const { name } of gone) {
    engine.log.notice(`Removing the history file ${name} in the background`);
    folder.remove(name, removed);
  }
}
