/**
 * The folder of the append-only files: where they are, and the manifest in it.
 *
 * The manifest is replaced atomically: written under another name, synced, renamed, and the folder synced. Two
 * replacements never overlap. All errors are logged here, with Redis's texts.
 */
import { join } from 'node:path';
import type { ServerConfig } from '../../config/config.ts';
import type { Logger } from '../../logging/logger.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { FileSystem } from '../files/file-system.ts';
import {
  Manifest,
  ManifestError,
  manifestName,
  parseManifest,
  tempIncrName,
  tempManifestName,
} from './manifest.ts';

/**
 * How replacing the manifest ended. When only the folder could not be synced, the new one is in place for all that this
 * machine knows, and the old one may come back after a power failure: the files of both must stay.
 */
export type Saved = 'saved' | 'unsure' | 'failed';

/** The manifest can't be used; the log says why. */
export class ManifestUnusable extends Error {
  override name = 'ManifestUnusable';
}

export class AofFolder {
  readonly #files: FileSystem;
  readonly #log: Logger;
  readonly #values: ServerConfig['values'];
  /** A replacement is under way. */
  #isSaving = false;
  #waiting: (() => void)[] = [];

  constructor(files: FileSystem, log: Logger, config: ServerConfig) {
    this.#files = files;
    this.#log = log;
    this.#values = config.values;
  }

  /** A manifest is on its way to disk. */
  get isSaving(): boolean {
    return this.#isSaving;
  }

  get path(): string {
    return join(this.#values.dir, this.#values.appenddirname);
  }

  /** `appendfilename`: what all names begin with. */
  get filename(): string {
    return this.#values.appendfilename;
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  /** Bytes of a file; null if it isn't there. */
  sizeOf(name: string): number | null {
    return this.#files.statSync(this.pathOf(name))?.size ?? null;
  }

  /** Makes the folder if there is none. Returns false if that failed. */
  ensure(): boolean {
    try {
      const status = this.#files.statSync(this.path);
      if (status === null) this.#files.mkdirSync(this.path);
      else if (!status.isDirectory) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
      return true;
    } catch (error) {
      this.#log.warning(
        `Can't open or create append-only dir ${this.#values.appenddirname}: ${errnoText(error)}`,
      );
      return false;
    }
  }

  /** Reads the manifest; an empty one when there is none. Throws ManifestUnusable, after it has been logged. */
  readManifest(): Manifest {
    const { appenddirname } = this.#values;
    const name = manifestName(this.filename);
    const folder = this.#files.statSync(this.path);
    if (folder === null || !folder.isDirectory) {
      this.#log.debug(`The AOF directory ${appenddirname} doesn't exist`);
      return new Manifest();
    }
    if (this.#files.statSync(this.pathOf(name)) === null) {
      this.#log.debug(`The AOF manifest file ${name} doesn't exist`);
      return new Manifest();
    }
    try {
      return parseManifest(this.#readText(name));
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      for (const line of error.logLines) this.#log.warning(line);
      throw new ManifestUnusable(error.message);
    }
  }

  #readText(name: string): string {
    let fd = -1;
    try {
      fd = this.#files.openSync(this.pathOf(name), 'r');
      const chunks: Buffer[] = [];
      for (;;) {
        const chunk = Buffer.allocUnsafe(65536);
        const bytes = this.#files.readSync(fd, chunk, 0, chunk.length, null);
        if (bytes === 0) return Buffer.concat(chunks).toString('latin1');
        chunks.push(chunk.subarray(0, bytes));
      }
    } catch (error) {
      const reason = `Fatal error: can't open the AOF manifest file ${name} for reading: ${errnoText(error)}`;
      this.#log.warning(reason);
      throw new ManifestUnusable(reason);
    } finally {
      if (fd >= 0) this.#files.closeSync(fd);
    }
  }

  /** Puts `manifest` in the place of the one on disk, unless it is not `dirty`. */
  saveManifest(manifest: Manifest, done: (saved: Saved) => void): void {
    if (this.#isSaving) {
      this.#waiting.push(() => this.saveManifest(manifest, done));
      return;
    }
    if (!manifest.dirty) {
      done('saved');
      return;
    }
    this.#isSaving = true;
    this.#replaceManifest(manifest, (saved) => {
      this.#isSaving = false;
      if (saved === 'saved') manifest.dirty = false;
      done(saved);
      if (!this.#isSaving) this.#waiting.shift()?.();
    });
  }

  #replaceManifest(manifest: Manifest, done: (saved: Saved) => void): void {
    const files = this.#files;
    const temp = tempManifestName(this.filename);
    const tempPath = this.pathOf(temp);
    const target = manifestName(this.filename);
    const bytes = Buffer.from(manifest.format(), 'latin1');
    const folder = this.path;
    const fail = (fd: number, reason: string): void => {
      this.#log.warning(reason);
      if (fd >= 0) files.close(fd, () => {});
      files.unlink(tempPath, () => done('failed'));
    };
    files.open(tempPath, 'w', (opening, fd) => {
      if (opening !== null) return fail(-1, cannotOpen(temp, opening));
      writeAll(files, fd, bytes, (writing) => {
        if (writing !== null) return fail(fd, cannotWrite(temp, writing));
        files.fsync(fd, (syncing) => {
          if (syncing !== null) return fail(fd, cannotSync(temp, syncing));
          files.close(fd, () => {});
          files.rename(tempPath, join(folder, target), (renaming) => {
            if (renaming !== null) return fail(-1, cannotRename(temp, target, renaming));
            files.syncFolder(folder, (failed) => {
              if (failed !== null) this.#log.warning(this.#cannotSyncFolder(failed));
              done(failed === null ? 'saved' : 'unsure');
            });
          });
        });
      });
    });
  }

  #cannotSyncFolder(error: unknown): string {
    return `Fail to fsync AOF directory ${this.#values.appenddirname}: ${errnoText(error)}.`;
  }

  /** The same at once, for the start. Returns false if that failed. */
  saveManifestSync(manifest: Manifest): boolean {
    if (!manifest.dirty) return true;
    const files = this.#files;
    const temp = tempManifestName(this.filename);
    const target = manifestName(this.filename);
    let fd = -1;
    let failed = cannotOpen;
    try {
      fd = files.openSync(this.pathOf(temp), 'w');
      failed = cannotWrite;
      const bytes = Buffer.from(manifest.format(), 'latin1');
      for (let at = 0; at < bytes.length; ) at += files.writeSync(fd, bytes, at, bytes.length - at);
      failed = cannotSync;
      files.fsyncSync(fd);
      files.closeSync(fd);
      fd = -1;
      failed = (name, error) => cannotRename(name, target, error);
      files.renameSync(this.pathOf(temp), this.pathOf(target));
      failed = (_name, error) => this.#cannotSyncFolder(error);
      files.syncFolderSync(this.path);
    } catch (error) {
      this.#log.warning(failed(temp, error));
      if (fd >= 0) files.closeSync(fd);
      this.remove(temp);
      return false;
    }
    manifest.dirty = false;
    return true;
  }

  /** Deletes a file beside the event loop; one that isn't there is fine. */
  remove(name: string, done: () => void = () => {}): void {
    this.#files.unlink(this.pathOf(name), () => done());
  }

  /** What a crash has left behind: unfinished manifests and temporary files. */
  removeLeftovers(): void {
    for (const name of [tempManifestName(this.filename), tempIncrName(this.filename)]) {
      try {
        this.#files.unlinkSync(this.pathOf(name));
      } catch {
        // None there.
      }
    }
  }
}

function cannotOpen(name: string, error: unknown): string {
  return `Can't open the AOF manifest file ${name}: ${errnoText(error)}`;
}

function cannotWrite(name: string, error: unknown): string {
  return `Error trying to write the temporary AOF manifest file ${name}: ${errnoText(error)}`;
}

function cannotSync(name: string, error: unknown): string {
  return `Fail to fsync the temp AOF file ${name}: ${errnoText(error)}.`;
}

function cannotRename(from: string, to: string, error: unknown): string {
  return `Error trying to rename the temporary AOF manifest file ${from} into ${to}: ${errnoText(error)}`;
}

function writeAll(
  files: FileSystem,
  fd: number,
  bytes: Uint8Array,
  done: (error: Error | null) => void,
  from = 0,
): void {
  if (from >= bytes.length) {
    done(null);
    return;
  }
  files.write(fd, bytes, from, bytes.length - from, (error, written) => {
    if (error !== null) done(error);
    else writeAll(files, fd, bytes, done, from + written);
  });
}
