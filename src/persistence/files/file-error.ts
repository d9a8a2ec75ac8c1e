/**
 * Why a file could not be written: what was being done, and what the system said.
 */
import { errnoText } from '../../util/errno-text.ts';

export type FileStep = 'open' | 'write' | 'fsync' | 'close' | 'rename' | 'sync-folder';

export class FileError extends Error {
  readonly step: FileStep;
  /** ENOSPC, EIO ... */
  readonly code: string;

  /** The message is strerror's text. */
  constructor(step: FileStep, cause: unknown) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    super(errnoText(cause as NodeJS.ErrnoException));
    this.step = step;
    this.code = code;
  }
}
