/**
 * Syncs the file that is appended to, beside the event loop: at most one fdatasync at a time. A file that has had its
 * successor is retired: synced once more, then closed.
 *
 *     idle ──start()──> syncing ──> idle           told to `onDone`, with the bytes of the stream that were covered
 *     attached ──retire()──> (waits for the running one) ──> fdatasync, close
 *
 * What is covered counts over all files: as long as a retired one is not synced, nothing behind it is safe.
 */
import type { FileSystem } from '../files/file-system.ts';

export type SyncError = NodeJS.ErrnoException;

export class BackgroundSync {
  readonly #files: FileSystem;
  /** A sync has ended; `covered` is safe now. */
  onDone: (error: SyncError | null, covered: number) => void = () => {};
  #fd = -1;
  #isSyncing = false;
  /** Retired files that are not synced yet. */
  readonly #retiring = new Set<number>();
  #covered = 0;
  /** What was covered when no retired file was open. */
  #safe = 0;
  /** Runs when the present sync is over, before anything else. */
  #afterwards: (() => void)[] = [];

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** A sync of the present file is running. */
  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  /** Syncs that are not done (aof_pending_bio_fsync). */
  get pending(): number {
    return (this.#isSyncing ? 1 : 0) + this.#retiring.size;
  }

  /** Up to where the stream is on disk, in whatever files. */
  get safe(): number {
    return this.#safe;
  }

  /** The stream up to there need not be in a file: it is in the snapshot that comes before. */
  skipTo(upTo: number): void {
    if (upTo > this.#covered) this.#covered = upTo;
    if (this.#retiring.size === 0) this.#safe = this.#covered;
  }

  attach(fd: number): void {
    this.#fd = fd;
  }

  /** Begins to sync the file: all that has been written to it, up to byte `upTo` of the stream. */
  start(upTo: number): void {
    this.#isSyncing = true;
    this.#files.fdatasync(this.#fd, (error) => {
      this.#isSyncing = false;
      if (error === null && upTo > this.#covered) this.#covered = upTo;
      const afterwards = this.#afterwards;
      this.#afterwards = [];
      for (const run of afterwards) run();
      this.#tell(error);
    });
  }

  /** The file gets a successor. What was written to it, up to byte `upTo` of the stream, is synced; then it is closed. */
  retire(upTo: number): void {
    const fd = this.#fd;
    this.#fd = -1;
    this.#retiring.add(fd);
    const finish = (): void => {
      this.#files.fdatasync(fd, (error) => {
        this.#files.close(fd, () => {});
        this.#retiring.delete(fd);
        if (error === null && upTo > this.#covered) this.#covered = upTo;
        this.#tell(error);
      });
    };
    if (this.#isSyncing) this.#afterwards.push(finish);
    else finish();
  }

  #tell(error: SyncError | null): void {
    if (error !== null) this.onDone(error, 0);
    else if (this.#retiring.size === 0) {
      this.#safe = this.#covered;
      this.onDone(null, this.#covered);
    }
  }

  /** Syncs everything, up to byte `upTo` of the stream, blocking. Throws what the system says. */
  syncNow(upTo: number): void {
    for (const fd of this.#retiring) this.#files.fdatasyncSync(fd);
    this.#files.fdatasyncSync(this.#fd);
    if (upTo > this.#covered) this.#covered = upTo;
    this.#safe = this.#covered;
  }
}
