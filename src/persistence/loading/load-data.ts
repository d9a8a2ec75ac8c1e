/**
 * What is loaded: the append-only file if there is to be one, else the snapshot. Written as steps, so that it is done
 * in slices at start and at once for DEBUG LOADAOF.
 */
import type { Engine } from '../../engine/engine.ts';
import { errnoText } from '../../util/errno-text.ts';
import type { Manifest } from '../aof/manifest.ts';
import type { FileSystem } from '../files/file-system.ts';
import { type FileToLoad, loadAofFile } from './aof-file.ts';
import { failure, type LoadContext } from './context.ts';
import type { KeptFunctions } from './kept-functions.ts';
import { LoadingProgress } from './progress.ts';
import { loadSnapshotFile, type SnapshotNotes, type SnapshotOptions } from './snapshot-file.ts';
import type { Steps } from './steps.ts';

/** The engine and its files; loading tells `begun` how far it is. */
export interface LoadParts {
  readonly engine: Engine;
  readonly fs: FileSystem;
  readonly functions: KeptFunctions;
  readonly blocking: boolean;
  readonly begun: (progress: LoadingProgress) => void;
  /** A snapshot has been loaded, alone or as the base of an append-only file. */
  readonly onSnapshot: (notes: SnapshotNotes) => void;
}

/**
 * Loads the files of an append-only file. `folder` is where they are. Throws a LoadError.
 */
export function* loadAof(
  parts: LoadParts,
  manifest: Manifest,
  folder: string,
  appendfilename: string,
): Steps<void> {
  if (manifest.isEmpty) return;
  const { engine, fs, functions, blocking } = parts;
  const { log, clock } = engine;
  const startMs = clock.monoMs();
  const { base } = manifest;
  const names = [...(base === null ? [] : [base]), ...manifest.incrs].map(({ name }) => name);
  const sizes = names.map((name) => sizeOf(parts, folder, name));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > 0) {
    const progress = new LoadingProgress(engine, total);
    parts.begun(progress);
    const context = { engine, fs, progress, functions, blocking };
    for (const [i, name] of names.entries()) {
      const fileMs = clock.monoMs();
      const file: FileToLoad = {
        name,
        path: `${folder}/${name}`,
        isLast: i === names.length - 1,
        isOldStyle: name === appendfilename,
      };
      const result = yield* loadAofFile(context, file, preamble(parts));
      progress.fileDone(sizes[i]!);
      if (result === 'empty') continue;
      const kind = base !== null && i === 0 ? 'base' : 'incr';
      log.notice(`DB loaded from ${kind} file ${name}: ${secondsSince(engine, fileMs)} seconds`);
    }
  }
  log.notice(`DB loaded from append only file: ${secondsSince(engine, startMs)} seconds`);
}

/** How the snapshot at the beginning of an append-only file is loaded: expired keys stay, commands may name them. */
function preamble(parts: LoadParts) {
  return function* (context: LoadContext, file: FileToLoad): Steps<number> {
    const notes = yield* loadSnapshotFile(context, file.path, file.name, { dropExpired: false });
    parts.onSnapshot(notes);
    return notes.end;
  };
}

function sizeOf({ engine, fs }: LoadParts, folder: string, name: string): number {
  let reason: string;
  try {
    const status = fs.statSync(`${folder}/${name}`);
    if (status !== null) return status.size;
    reason = 'No such file or directory';
  } catch (error) {
    reason = errnoText(error);
  }
  throw failure(engine, `Unable to obtain the AOF file ${name} length. stat: ${reason}`);
}

/**
 * Loads a snapshot file. False: there is none. Throws a LoadError.
 */
export function* loadDump(
  parts: LoadParts,
  path: string,
  name: string,
  options: SnapshotOptions,
): Steps<boolean> {
  const { engine, fs, functions, blocking } = parts;
  const startMs = engine.clock.monoMs();
  const status = fs.statSync(path);
  if (status === null) return false;
  const progress = new LoadingProgress(engine, status.size);
  parts.begun(progress);
  const context = { engine, fs, progress, functions, blocking };
  const notes = yield* loadSnapshotFile(context, path, name, options);
  progress.fileDone(status.size);
  parts.onSnapshot(notes);
  engine.log.notice(`DB loaded from disk: ${secondsSince(engine, startMs)} seconds`);
  return true;
}

function secondsSince({ clock }: Engine, startMs: number): string {
  return ((clock.monoMs() - startMs) / 1000).toFixed(3);
}
