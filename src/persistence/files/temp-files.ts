/**
 * Names of files that are being written, and removing those that a crashed server has left. Redis uses the same names,
 * but never removes what it did not live to rename.
 */
import { join } from 'node:path';
import type { FileSystem } from './file-system.ts';

/** A snapshot; the one with two numbers is a further one of that process, or one that replication has sent. */
const TEMP_SNAPSHOT = /^temp-(?:\d+\.)?(\d+)\.rdb$/;
/** A rewritten AOF. */
const TEMP_REWRITE = /^temp-rewriteaof(?:-bg)?-(\d+)\.aof$/;

/** Name of the file that a snapshot is written to. `serial` tells apart those of one process; 0: none. */
export function tempSnapshotName(pid: number, serial = 0): string {
  return serial === 0 ? `temp-${pid}.rdb` : `temp-${serial}.${pid}.rdb`;
}

export function tempRewriteName(pid: number): string {
  return `temp-rewriteaof-bg-${pid}.aof`;
}

/** Whether there is a process of that number, other than this one. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Removes what crashed servers have left in a folder; files of processes that run stay, as the folder may be theirs,
 * too. To be called before anything is written there. Returns the names.
 */
export function removeTempFiles(fs: FileSystem, folder: string): string[] {
  let names: string[];
  try {
    names = fs.listSync(folder);
  } catch {
    return [];
  }
  const removed: string[] = [];
  for (const name of names) {
    const pid = (TEMP_SNAPSHOT.exec(name) ?? TEMP_REWRITE.exec(name))?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    try {
      fs.unlinkSync(join(folder, name));
      removed.push(name);
    } catch {
      // Not ours, or a folder.
    }
  }
  return removed;
}
