/**
 * A finished file takes the place of another: the name is changed, then the folder is synced, so that the new file is
 * the one that is found after a crash. Until then it is the old one; there is no moment without either.
 */
import { dirname } from 'node:path';
import { FileError } from './file-error.ts';
import type { FileSystem } from './file-system.ts';

/** `from` and `to` are in the same folder. When renaming fails, `from` is removed; nothing has changed then. */
export function replaceFile(
  fs: FileSystem,
  from: string,
  to: string,
  done: (error: FileError | null) => void,
): void {
  fs.rename(from, to, (renaming) => {
    if (renaming !== null) {
      fs.unlink(from, () => done(new FileError('rename', renaming)));
      return;
    }
    fs.syncFolder(dirname(to), (syncing) => {
      done(syncing === null ? null : new FileError('sync-folder', syncing));
    });
  });
}

/** The same at once. Throws a FileError. */
export function replaceFileSync(fs: FileSystem, from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    try {
      fs.unlinkSync(from);
    } catch {
      // It will be found at the next start (temp-files.ts).
    }
    throw new FileError('rename', error);
  }
  try {
    fs.syncFolderSync(dirname(to));
  } catch (error) {
    throw new FileError('sync-folder', error);
  }
}
