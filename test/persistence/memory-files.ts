/**
 * A file system in memory whose calls fail when told to, and whose asynchronous calls end when told to. It knows what
 * would be there after a power failure: what has been synced.
 */
import type { DoneBytes, FileStatus, FileSystem } from '../../src/persistence/files/file-system.ts';

class MemoryFile {
  bytes = Buffer.alloc(0);
  /** As of the last sync. */
  synced = Buffer.alloc(0);
}

type Call = 'open' | 'write' | 'fsync' | 'fdatasync' | 'truncate' | 'rename' | 'mkdir' | 'syncFolder';

export class MemoryFiles implements FileSystem {
  /** Files by path. */
  readonly files = new Map<string, MemoryFile>();
  readonly folders = new Set<string>(['/']);
  /** Asked before each call: an error code to fail with, or null. */
  fails: (call: Call, path: string) => string | null = () => null;
  /** Bytes that fit; what is beyond fails with ENOSPC after a short write. */
  room = Number.POSITIVE_INFINITY;
  /** Asynchronous calls that have been done and not told yet. */
  readonly pending: { call: string; finish: () => void }[] = [];
  readonly #open = new Map<number, { path: string; file: MemoryFile; at: number; append: boolean }>();
  #nextFd = 10;

  /** Ends the first asynchronous call, or the first of that name. Returns false when there is none. */
  finish(call?: string): boolean {
    const at = this.pending.findIndex((one) => call === undefined || one.call === call);
    if (at < 0) return false;
    const [one] = this.pending.splice(at, 1);
    one!.finish();
    return true;
  }

  finishAll(): void {
    while (this.finish());
  }

  text(path: string): string {
    return this.files.get(path)?.bytes.toString('latin1') ?? '';
  }

  syncedText(path: string): string {
    return this.files.get(path)?.synced.toString('latin1') ?? '';
  }

  get openCount(): number {
    return this.#open.size;
  }

  #used(): number {
    let bytes = 0;
    for (const file of this.files.values()) bytes += file.bytes.length;
    return bytes;
  }

  #check(call: Call, path: string): void {
    const code = this.fails(call, path);
    if (code !== null) throw Object.assign(new Error(code), { code });
  }

  #of(fd: number): { path: string; file: MemoryFile; at: number; append: boolean } {
    const open = this.#open.get(fd);
    if (open === undefined) throw Object.assign(new Error('EBADF'), { code: 'EBADF' });
    return open;
  }

  /** Does it now, tells it later. */
  #later<T>(
    call: string,
    work: () => T,
    done: (error: NodeJS.ErrnoException | null, value: T) => void,
  ): void {
    let error: NodeJS.ErrnoException | null = null;
    let value: T | undefined;
    try {
      value = work();
    } catch (thrown) {
      error = thrown as NodeJS.ErrnoException;
    }
    this.pending.push({ call, finish: () => done(error, value as T) });
  }

  openSync(path: string, flags: string): number {
    this.#check('open', path);
    let file = this.files.get(path);
    if (file === undefined) {
      if (flags.startsWith('r')) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      file = new MemoryFile();
      this.files.set(path, file);
    } else if (flags.startsWith('w')) file.bytes = Buffer.alloc(0);
    const fd = this.#nextFd++;
    this.#open.set(fd, { path, file, at: 0, append: flags.startsWith('a') });
    return fd;
  }

  open(path: string, flags: string, done: (error: NodeJS.ErrnoException | null, fd: number) => void): void {
    this.#later('open', () => this.openSync(path, flags), done);
  }

  closeSync(fd: number): void {
    this.#of(fd);
    this.#open.delete(fd);
  }

  close(fd: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    this.#later('close', () => this.closeSync(fd), done);
  }

  writeSync(fd: number, bytes: Uint8Array, off: number, len: number): number {
    const open = this.#of(fd);
    this.#check('write', open.path);
    const fits = Math.min(len, this.room - this.#used());
    if (fits <= 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    const { file } = open;
    const at = open.append ? file.bytes.length : open.at;
    const piece = bytes.subarray(off, off + fits);
    file.bytes = Buffer.concat([file.bytes.subarray(0, at), piece, file.bytes.subarray(at + fits)]);
    open.at = at + fits;
    return fits;
  }

  write(fd: number, bytes: Uint8Array, off: number, len: number, done: DoneBytes): void {
    this.#later('write', () => this.writeSync(fd, bytes, off, len), done);
  }

  readSync(fd: number, bytes: Uint8Array, off: number, len: number, position: number | null): number {
    const open = this.#of(fd);
    const at = position ?? open.at;
    const copied = open.file.bytes.copy(bytes, off, at, at + len);
    if (position === null) open.at += copied;
    return copied;
  }

  read(
    fd: number,
    bytes: Uint8Array,
    off: number,
    len: number,
    position: number | null,
    done: DoneBytes,
  ): void {
    this.#later('read', () => this.readSync(fd, bytes, off, len, position), done);
  }

  fsyncSync(fd: number): void {
    const { path, file } = this.#of(fd);
    this.#check('fsync', path);
    file.synced = file.bytes;
  }

  fsync(fd: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    this.#later('fsync', () => this.fsyncSync(fd), done);
  }

  fdatasyncSync(fd: number): void {
    const { path, file } = this.#of(fd);
    this.#check('fdatasync', path);
    file.synced = file.bytes;
  }

  /** What it covers is decided when it begins. */
  fdatasync(fd: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    const { path, file } = this.#of(fd);
    const { bytes } = file;
    this.pending.push({
      call: 'fdatasync',
      finish: () => {
        try {
          this.#check('fdatasync', path);
        } catch (error) {
          done(error as NodeJS.ErrnoException);
          return;
        }
        file.synced = bytes;
        done(null);
      },
    });
  }

  truncateSync(fd: number, length: number): void {
    const { path, file } = this.#of(fd);
    this.#check('truncate', path);
    file.bytes = file.bytes.subarray(0, length);
  }

  truncate(fd: number, length: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    this.#later('truncate', () => this.truncateSync(fd, length), done);
  }

  renameSync(from: string, to: string): void {
    this.#check('rename', to);
    const file = this.files.get(from);
    if (file === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    this.files.delete(from);
    this.files.set(to, file);
  }

  rename(from: string, to: string, done: (error: NodeJS.ErrnoException | null) => void): void {
    this.#later('rename', () => this.renameSync(from, to), done);
  }

  unlinkSync(path: string): void {
    if (!this.files.delete(path)) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  }

  unlink(path: string, done: (error: NodeJS.ErrnoException | null) => void): void {
    this.#later('unlink', () => this.unlinkSync(path), done);
  }

  mkdirSync(path: string): void {
    this.#check('mkdir', path);
    if (this.folders.has(path)) throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
    this.folders.add(path);
  }

  listSync(path: string): string[] {
    const prefix = path.endsWith('/') ? path : `${path}/`;
    return [...this.files.keys()]
      .filter((one) => one.startsWith(prefix))
      .map((one) => one.slice(prefix.length));
  }

  statSync(path: string): FileStatus | null {
    const file = this.files.get(path);
    if (file !== undefined) {
      return { size: file.bytes.length, isFile: true, isDirectory: false, modifiedMs: 0 };
    }
    return this.folders.has(path) ? { size: 0, isFile: false, isDirectory: true, modifiedMs: 0 } : null;
  }

  syncFolderSync(path: string): void {
    this.#check('syncFolder', path);
  }

  syncFolder(path: string, done: (error: NodeJS.ErrnoException | null) => void): void {
    this.#later('syncFolder', () => this.syncFolderSync(path), done);
  }
}
