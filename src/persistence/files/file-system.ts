/**
 * What the data files ask of the system: a seam, so that tests can make a write, an fsync or a rename fail.
 *
 * Each call is there twice: with a callback (`write`), which never blocks the event loop, and blocking (`writeSync`),
 * for SAVE, for the start and for what costs microseconds. Errors are Node's (`code` is ENOSPC, EIO ...). Descriptors
 * are numbers, paths are absolute and byte strings (latin1), as names in the configuration and in manifests are.
 * Nothing else of src/persistence/ calls node:fs.
 */
import fs from 'node:fs';

/** Called when something is done; `error` says why it isn't. */
export type Done = (error: NodeJS.ErrnoException | null) => void;
/** The same with the number of bytes that were written or read: maybe fewer than asked for. */
export type DoneBytes = (error: NodeJS.ErrnoException | null, bytes: number) => void;
export type DoneFd = (error: NodeJS.ErrnoException | null, fd: number) => void;

export interface FileStatus {
  /** Bytes. */
  readonly size: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /** Of the last change, ms since the epoch. */
  readonly modifiedMs: number;
}

export interface FileSystem {
  /** `flags` as in fopen: 'r', 'w', 'wx', 'a', 'r+' ... New files get mode 0644 less the umask. */
  open(path: string, flags: string, done: DoneFd): void;
  openSync(path: string, flags: string): number;
  close(fd: number, done: Done): void;
  closeSync(fd: number): void;
  /** Writes some of the bytes at the file's position. */
  write(fd: number, bytes: Uint8Array, off: number, len: number, done: DoneBytes): void;
  writeSync(fd: number, bytes: Uint8Array, off: number, len: number): number;
  /** Reads at `position`, or at the file's position (null). 0 bytes: the end. */
  read(
    fd: number,
    bytes: Uint8Array,
    off: number,
    len: number,
    position: number | null,
    done: DoneBytes,
  ): void;
  readSync(fd: number, bytes: Uint8Array, off: number, len: number, position: number | null): number;
  fsync(fd: number, done: Done): void;
  fsyncSync(fd: number): void;
  fdatasync(fd: number, done: Done): void;
  fdatasyncSync(fd: number): void;
  truncate(fd: number, length: number, done: Done): void;
  truncateSync(fd: number, length: number): void;
  rename(from: string, to: string, done: Done): void;
  renameSync(from: string, to: string): void;
  unlink(path: string, done: Done): void;
  unlinkSync(path: string): void;
  /** Throws EEXIST when it is there. */
  mkdirSync(path: string): void;
  /** Names in a folder. */
  listSync(path: string): string[];
  /** null when there is nothing of that name. */
  statSync(path: string): FileStatus | null;
  /** Makes the names in a folder durable: what rename and unlink have changed. */
  syncFolder(path: string, done: Done): void;
  syncFolderSync(path: string): void;
}

/** Folders cannot be opened for syncing everywhere (Windows), and some file systems refuse: then there is no need. */
const FOLDER_SYNC_REFUSED = new Set(['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'EBADF', 'ENOTSUP']);

function refused(error: unknown): boolean {
  return FOLDER_SYNC_REFUSED.has((error as NodeJS.ErrnoException).code ?? '');
}

/** A path as node:fs takes it: its very bytes, whatever they encode. */
function native(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** The machine's. */
export const realFileSystem: FileSystem = {
  open: (path, flags, done) => fs.open(native(path), flags, 0o644, done),
  openSync: (path, flags) => fs.openSync(native(path), flags, 0o644),
  close: (fd, done) => fs.close(fd, done),
  closeSync: (fd) => fs.closeSync(fd),
  write: (fd, bytes, off, len, done) => fs.write(fd, bytes, off, len, null, done),
  writeSync: (fd, bytes, off, len) => fs.writeSync(fd, bytes, off, len, null),
  read: (fd, bytes, off, len, position, done) => fs.read(fd, bytes, off, len, position, done),
  readSync: (fd, bytes, off, len, position) => fs.readSync(fd, bytes, off, len, position),
  fsync: (fd, done) => fs.fsync(fd, done),
  fsyncSync: (fd) => fs.fsyncSync(fd),
  fdatasync: (fd, done) => fs.fdatasync(fd, done),
  fdatasyncSync: (fd) => fs.fdatasyncSync(fd),
  truncate: (fd, length, done) => fs.ftruncate(fd, length, done),
  truncateSync: (fd, length) => fs.ftruncateSync(fd, length),
  rename: (from, to, done) => fs.rename(native(from), native(to), done),
  renameSync: (from, to) => fs.renameSync(native(from), native(to)),
  unlink: (path, done) => fs.unlink(native(path), done),
  unlinkSync: (path) => fs.unlinkSync(native(path)),
  mkdirSync: (path) => {
    fs.mkdirSync(native(path), 0o755);
  },
  listSync: (path) => fs.readdirSync(native(path), 'latin1'),
  statSync: (path) => {
    const status = fs.statSync(native(path), { throwIfNoEntry: false });
    if (status === undefined) return null;
    return {
      size: status.size,
      isFile: status.isFile(),
      isDirectory: status.isDirectory(),
      modifiedMs: status.mtimeMs,
    };
  },
  syncFolder: (path, done) => {
    fs.open(native(path), 'r', (opening, fd) => {
      if (opening !== null) {
        done(refused(opening) ? null : opening);
        return;
      }
      fs.fsync(fd, (syncing) => {
        fs.close(fd, () => done(syncing === null || refused(syncing) ? null : syncing));
      });
    });
  },
  syncFolderSync: (path) => {
    let fd = -1;
    try {
      fd = fs.openSync(native(path), 'r');
      fs.fsyncSync(fd);
    } catch (error) {
      if (!refused(error)) throw error;
    } finally {
      if (fd >= 0) fs.closeSync(fd);
    }
  },
};
