/**
 * Writes the state of a sentinel into its configuration file, as CONFIG REWRITE does: comments and the order of lines
 * stay. When `save` returns true the file is on disk, synced: what was promised (a vote) outlives a crash.
 *
 * The file is replaced at once: a temporary one beside it, synced, renamed over it, and the folder synced. Where that
 * cannot be (a file that is mounted into a container is no name that could be replaced: EBUSY, EXDEV; a folder in
 * which nothing can be made), it is written in place, in one piece that is never shorter than the old text, so that no
 * line of the old one stays behind the new ones if we are killed right then; the log says so once.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ServerConfig } from '../../config/config.ts';
import { renderRewrite } from '../../config/rewrite.ts';
import { systemErrorText } from '../../config/system-errors.ts';
import type { SentinelState } from '../core/state.ts';
import { wantedSentinelLines } from './lines.ts';

/** The part of node:fs that saving needs. */
export interface SaveFs {
  openSync(path: string, flags: string, mode?: number): number;
  closeSync(fd: number): void;
  fstatSync(fd: number): { readonly size: number };
  fsyncSync(fd: number): void;
  ftruncateSync(fd: number, length: number): void;
  readFileSync(path: string): Uint8Array;
  renameSync(from: string, to: string): void;
  rmSync(path: string, options: { force: boolean }): void;
  statSync(path: string): { readonly mode: number };
  writeSync(fd: number, data: Uint8Array, offset: number, length: number, position: number): number;
}

const NODE_FS: SaveFs = {
  openSync,
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readFileSync: (path) => readFileSync(path),
  renameSync,
  rmSync,
  statSync,
  writeSync,
};

export interface SaverOptions {
  readonly config: ServerConfig;
  readonly log: (level: 'notice' | 'warning', text: string) => void;
  /** `user` directives to write, as ACL LIST shows them; without it those of the file stay. */
  readonly userLines?: () => readonly string[];
  readonly fs?: SaveFs;
}

/** Why a file may have to be written in place. */
const NOT_REPLACEABLE = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

export class ConfigSaver {
  readonly #options: SaverOptions;
  readonly #fs: SaveFs;
  /** The log knows that the file is written in place. */
  #toldInPlace = false;

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#fs = options.fs ?? NODE_FS;
  }

  /** Why the last save has failed, in the words of strerror(3); null: it has not. */
  problem: string | null = null;

  /** Whether the state is on disk now. The log hears of it as from redis-sentinel. */
  save(state: SentinelState): boolean {
    const { config, log, userLines } = this.#options;
    try {
      if (config.file === null) throw new Error('No such file or directory');
      const text = renderRewrite(config, this.#readOld(config.file), {
        ...(userLines && { lines: { user: userLines() } }),
        wanted: wantedSentinelLines(state),
        without: ['save'], // There is no data to save.
      });
      this.#write(config.file, Buffer.from(text, 'latin1'));
    } catch (error) {
      this.problem = systemErrorText(error);
      const text = `WARNING: Sentinel was not able to save the new configuration on disk!!!: ${this.problem}`;
      log('warning', text);
      return false;
    }
    this.problem = null;
    log('notice', 'Sentinel new configuration saved on disk');
    return true;
  }

  /** A file that was deleted meanwhile is written anew. */
  #readOld(path: string): string | null {
    try {
      return Buffer.from(this.#fs.readFileSync(path)).toString('latin1');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  #write(path: string, data: Uint8Array): void {
    try {
      this.#replace(path, data);
    } catch (error) {
      if (!NOT_REPLACEABLE.has(codeOf(error))) throw error;
      this.#overwrite(path, data);
      if (this.#toldInPlace) return;
      this.#toldInPlace = true;
      this.#options.log(
        'warning',
        `The configuration file ${path} cannot be replaced (${systemErrorText(error)}): it is written in place from now on`,
      );
    }
  }

  #replace(path: string, data: Uint8Array): void {
    const fs = this.#fs;
    const folder = dirname(path);
    const temporary = join(folder, `.${basename(path)}.${process.pid}-rewrite.tmp`);
    try {
      // Whatever stands there, be it a link of somebody else's to another file, is not written through.
      fs.rmSync(temporary, { force: true });
      this.#withFile(
        temporary,
        'wx',
        (fd) => {
          this.#writeAll(fd, data);
          fs.fsyncSync(fd);
        },
        this.#modeOf(path),
      );
      fs.renameSync(temporary, path);
    } catch (error) {
      try {
        fs.rmSync(temporary, { force: true });
      } catch {
        // It could not be made, perhaps; the first error is the one to tell.
      }
      throw error;
    }
    this.#withFile(folder, 'r', (fd) => fs.fsyncSync(fd));
  }

  #overwrite(path: string, data: Uint8Array): void {
    const fs = this.#fs;
    this.#withFile(path, 'r+', (fd) => {
      const { size } = fs.fstatSync(fd);
      const padded = Buffer.alloc(Math.max(size, data.length), '\n');
      padded.set(data);
      this.#writeAll(fd, padded);
      fs.fsyncSync(fd);
      if (padded.length === data.length) return;
      fs.ftruncateSync(fd, data.length);
      fs.fsyncSync(fd);
    });
  }

  #withFile(path: string, flags: string, use: (fd: number) => void, mode?: number): void {
    const fd = this.#fs.openSync(path, flags, mode);
    try {
      use(fd);
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  #writeAll(fd: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; ) at += this.#fs.writeSync(fd, data, at, data.length - at, at);
  }

  /** The permissions that the file has: one that holds passwords must not become readable by others. */
  #modeOf(path: string): number {
    try {
      return this.#fs.statSync(path).mode & 0o777;
    } catch {
      return 0o644; // There is no file yet.
    }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
