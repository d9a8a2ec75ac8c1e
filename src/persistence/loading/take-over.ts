/**
 * The single append-only file of Redis 4 to 6 is taken over: it is moved into the folder of the append-only files as
 * the base of a new manifest, just as it is. The next rewrite makes a new base.
 */
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { AofFolder } from '../aof/aof-folder.ts';
import { type Manifest, manifestOfOldFile } from '../aof/manifest.ts';
import type { FileSystem } from '../files/file-system.ts';
import { failure, LoadError } from './context.ts';

/**
 * Whether there is an old file, and it is to be taken over: nothing of a newer form is there, or only the manifest
 * that an interrupted take-over has left.
 */
function isToBeTaken(fs: FileSystem, folder: AofFolder, manifest: Manifest, oldPath: string): boolean {
  if (fs.statSync(oldPath)?.isFile !== true) return false;
  if (fs.statSync(folder.path)?.isDirectory !== true || manifest.isEmpty) return true;
  return (
    manifest.incrs.length === 0 &&
    manifest.base?.name === folder.filename &&
    folder.sizeOf(folder.filename) === null
  );
}

/** Takes the old file over if there is one. Returns the manifest that holds from now on. Throws a LoadError. */
export function takeOverOldFile(
  engine: Engine,
  fs: FileSystem,
  folder: AofFolder,
  manifest: Manifest,
): Manifest {
  const { dir, appenddirname } = engine.config.values;
  const { filename } = folder;
  const oldPath = join(dir, filename);
  if (!isToBeTaken(fs, folder, manifest, oldPath)) return manifest;
  if (!folder.ensure()) throw new LoadError(`Can't open or create append-only dir ${appenddirname}`);
  const taken = manifestOfOldFile(filename);
  if (!folder.saveManifestSync(taken)) throw new LoadError('The AOF manifest file cannot be written');
  try {
    fs.renameSync(oldPath, folder.pathOf(filename));
    fs.syncFolderSync(folder.path);
    fs.syncFolderSync(dir);
  } catch (error) {
    throw failure(
      engine,
      `Error trying to move the old AOF file ${filename} into dir ${appenddirname}: ${errnoText(error)}`,
    );
  }
  engine.log.notice(
    `Successfully migrated an old-style AOF file (${filename}) into the AOF directory (${appenddirname}).`,
  );
  return taken;
}
