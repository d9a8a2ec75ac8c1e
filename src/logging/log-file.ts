import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { errnoText } from '../util/errno-text.ts';

/*
 * Where log lines go: standard output, or a file opened for append.
 *
 * Upstream opens the file anew for every line, so that it can be rotated away at any time. Here it stays open, and
 * each write first asks whether the path still leads to it; if not, it is opened again (which creates it). When that
 * fails, as in a folder that was removed, lines go on into the old file.
 *
 * Writes are synchronous: a line that explains a crash must be on its way before the crash. Messages that matter
 * (notice and warning) are rare and written at once. The chatty levels could come several times for every connection,
 * so they are gathered for one write at the end of the event loop's turn, or earlier if an important one follows, the
 * process ends, or they grow past a limit. A process that is killed from outside loses the chatty lines of one turn.
 */

/** Takes finished lines. */
export interface LogSink {
  /** `urgent` lines are not held back. */
  write(text: string, urgent: boolean): void;
  flush(): void;
  close(): void;
}

const STDOUT_FD = 1;
const MAX_GATHERED = 64 * 1024;
/** A reader of our standard output that does not read must not make us grow. */
const MAX_UNWRITTEN = 1024 * 1024;
const RETRY_LATER = new Set(['EAGAIN', 'EINTR']);

/** Redis's complaint about a log file that cannot be opened for append, or null if it can; it may be created. */
export function checkLogFile(path: string): string | null {
  if (path === '') return null;
  try {
    closeSync(openSync(path, 'a'));
    return null;
  } catch (error) {
    return `Can't open the log file: ${errnoText(error)}`;
  }
}

export class LogFile implements LogSink {
  readonly #path: string;
  #fd: number;
  #inode = 0;
  #device = 0;
  #gathered = '';
  /** Bytes that standard output did not take yet. */
  #unwritten: Uint8Array | null = null;
  #pending: NodeJS.Immediate | null = null;
  readonly #onExit = (): void => this.flush();

  /** Opens the file, or standard output for ''; throws an Error with Redis's text. The path is not resolved. */
  constructor(path: string) {
    this.#path = path;
    this.#fd = path === '' ? STDOUT_FD : -1;
    if (path === '') return;
    try {
      this.#open();
    } catch (error) {
      throw new Error(`Can't open the log file: ${errnoText(error)}`, { cause: error });
    }
  }

  write(text: string, urgent: boolean): void {
    if (this.#fd < 0) return;
    this.#gathered += text;
    if (urgent || this.#gathered.length > MAX_GATHERED) {
      this.flush();
    } else if (this.#pending === null) {
      this.#pending = setImmediate(this.#onExit);
      process.once('exit', this.#onExit);
    }
  }

  flush(): void {
    if (this.#pending !== null) {
      clearImmediate(this.#pending);
      this.#pending = null;
      process.removeListener('exit', this.#onExit);
    }
    if (this.#fd < 0 || (this.#gathered === '' && this.#unwritten === null)) return;
    const fresh = encode(this.#gathered);
    this.#gathered = '';
    this.#reopenIfRotated();
    const bytes = this.#unwritten === null ? fresh : Buffer.concat([this.#unwritten, fresh]);
    const written = this.#writeSome(bytes);
    this.#unwritten =
      written === bytes.length ? null : bytes.subarray(Math.max(written, bytes.length - MAX_UNWRITTEN));
  }

  /** Flushes; later lines are dropped. */
  close(): void {
    this.flush();
    if (this.#fd > STDOUT_FD) closeSync(this.#fd);
    this.#fd = -1;
  }

  /** How many bytes are done with: those written, and all of them when they can never be. */
  #writeSome(bytes: Uint8Array): number {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written, bytes.length - written);
      return written;
    } catch (error) {
      // A full disk or a closed pipe: there is nobody left to tell, and the server outlives its log.
      return RETRY_LATER.has((error as NodeJS.ErrnoException).code ?? '') ? written : bytes.length;
    }
  }

  #reopenIfRotated(): void {
    if (this.#path === '') return;
    try {
      const now = statSync(this.#path, { throwIfNoEntry: false });
      if (now !== undefined && now.ino === this.#inode && now.dev === this.#device) return;
      const old = this.#fd;
      this.#open();
      closeSync(old);
    } catch {
      // The old file it is, until the path can be opened.
    }
  }

  #open(): void {
    const fd = openSync(this.#path, 'a');
    const { ino, dev } = fstatSync(fd);
    this.#fd = fd;
    this.#inode = ino;
    this.#device = dev;
  }
}

/** Our strings carry bytes as latin1; a text with real characters beyond that came from JavaScript. */
function encode(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0xff) return Buffer.from(text, 'utf8');
  }
  return Buffer.from(text, 'latin1');
}
