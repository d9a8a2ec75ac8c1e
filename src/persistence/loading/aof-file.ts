/**
 * Loads one file of an append-only file: its commands are run, behind the snapshot that it may begin with.
 *
 *     open → [REDIS…: snapshot] → command* → end
 *                                    │
 *                                    ├ cut off           in the last file: the rest goes, if aof-load-truncated allows
 *                                    ├ no command        in the last file, and not more than
 *                                    │                   aof-load-corrupt-tail-max-size: the rest goes; else refused
 *                                    └ unknown command   refused
 *
 * What goes begins behind the last command that is whole, or where the transaction begins whose EXEC is missing. (Redis
 * leaves an open MULTI behind when a file is cut within one of its commands; what it appends is lost at the next start.)
 */
import { errnoText } from '../../util/errno-text.ts';
import { AofReader, COMMAND, MORE } from './aof-reader.ts';
import { failure, type LoadContext, LoadDelay, type LoadError } from './context.ts';
import { FileReader } from './file-reader.ts';
import { DONE, ReplayClient, UNKNOWN } from './replay-client.ts';
import { SLICE_MS, type Steps } from './steps.ts';

/** A file of the manifest. */
export interface FileToLoad {
  readonly name: string;
  readonly path: string;
  /** Nothing comes behind it: only here the end may be missing. */
  readonly isLast: boolean;
  /** It has been taken over from Redis 6 or older. */
  readonly isOldStyle: boolean;
}

export type FileResult = 'loaded' | 'truncated' | 'empty';

/** Loads the snapshot at the beginning of a file. Returns where it ends. */
export type LoadSnapshot = (context: LoadContext, file: FileToLoad) => Steps<number>;

const SIGNATURE = 'REDIS';

/** Commands between two looks at the clock. */
const COMMANDS_PER_LOOK = 16;

// How a slice has ended.
const TURN = 10;
const DELAY = 11;
const UNKNOWN_COMMAND = 12;
const NO_COMMAND = 13;

export function* loadAofFile(
  context: LoadContext,
  file: FileToLoad,
  loadSnapshot: LoadSnapshot,
): Steps<FileResult> {
  const { fs } = context;
  const fd = openFile(context, file);
  let size: number;
  let start = 0;
  try {
    size = fs.statSync(file.path)?.size ?? 0;
    if (size === 0) {
      fs.closeSync(fd);
      return 'empty';
    }
    if (hasSnapshot(context, fd)) {
      start = yield* loadPreamble(context, file, loadSnapshot);
      context.progress.at(file.name, start);
    }
  } catch (error) {
    fs.closeSync(fd);
    throw readFailure(context, file, error);
  }
  const loader = new CommandLoader(context, fd, file, start, size);
  try {
    return yield* loader.load();
  } catch (error) {
    throw readFailure(context, file, error);
  } finally {
    loader.close();
  }
}

function openFile({ engine, fs }: LoadContext, { name, path }: FileToLoad): number {
  try {
    return fs.openSync(path, 'r');
  } catch (error) {
    const text = errnoText(error);
    throw failure(
      engine,
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? `The append log file ${name} doesn't exist: ${text}`
        : `Fatal error: can't open the append log file ${name} for reading: ${text}`,
    );
  }
}

function hasSnapshot({ fs }: LoadContext, fd: number): boolean {
  const head = Buffer.alloc(SIGNATURE.length);
  return fs.readSync(fd, head, 0, head.length, 0) === head.length && head.toString('latin1') === SIGNATURE;
}

function* loadPreamble(context: LoadContext, file: FileToLoad, loadSnapshot: LoadSnapshot): Steps<number> {
  const { log } = context.engine;
  log.notice(
    file.isOldStyle ? 'Reading RDB preamble from AOF file...' : 'Reading RDB base file on AOF loading...',
  );
  try {
    const end = yield* loadSnapshot(context, file);
    if (file.isOldStyle) log.notice('Reading the remaining AOF tail...');
    return end;
  } catch (error) {
    const what = file.isOldStyle ? `RDB preamble of the AOF file` : 'RDB base file';
    log.warning(`Error reading the ${what} ${file.name}, AOF loading aborted`);
    throw error;
  }
}

/** A system error becomes a failure with Redis's words; others stay. */
function readFailure({ engine }: LoadContext, { name }: FileToLoad, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  return failure(engine, `Unrecoverable error reading the append only file ${name}: ${errnoText(error)}`);
}

class CommandLoader {
  readonly #context: LoadContext;
  readonly #file: FileToLoad;
  readonly #size: number;
  readonly #source: FileReader;
  readonly #reader: AofReader;
  readonly #replay: ReplayClient;
  readonly #delay: LoadDelay;
  /** Offset behind the last command that is whole and belongs to no open transaction. */
  #validUpTo: number;
  #sinceLook = 0;

  constructor(context: LoadContext, fd: number, file: FileToLoad, start: number, size: number) {
    this.#context = context;
    this.#file = file;
    this.#size = size;
    this.#source = new FileReader(context.fs, fd, start, context.blocking);
    this.#reader = new AofReader(this.#source, start, size);
    this.#replay = new ReplayClient(context.engine, context.functions);
    this.#delay = new LoadDelay(context);
    this.#validUpTo = start;
  }

  close(): void {
    this.#replay.end();
    this.#source.close();
  }

  *load(): Steps<FileResult> {
    const { progress, engine } = this.#context;
    const { name } = this.#file;
    const reader = this.#reader;
    for (;;) {
      const status = this.#slice();
      progress.at(name, reader.offset);
      if (status === MORE) {
        if (!(yield* reader.refill())) break;
      } else if (status === TURN) yield null;
      else if (status === DELAY) yield* this.#delay.wait();
      else if (status === UNKNOWN_COMMAND) {
        throw failure(
          engine,
          `Unknown command '${reader.args.text(0)}' reading the append only file ${name}`,
        );
      } else return this.#badFormat();
    }
    if (reader.hasRest) return reader.isRestCutOff ? this.#cutOff() : this.#badFormat();
    if (!this.#replay.inTransaction) return 'loaded';
    engine.log.warning(`Revert incomplete MULTI/EXEC transaction in AOF file ${name}`);
    return this.#cutOff();
  }

  /** Runs commands until the window is used up, the time is over, or something is wrong. */
  #slice(): number {
    const { engine } = this.#context;
    const { clock, config } = engine;
    const reader = this.#reader;
    const replay = this.#replay;
    engine.readTime();
    const untilMs = clock.monoMs() + SLICE_MS;
    replay.enter();
    try {
      for (;;) {
        const found = reader.next();
        if (found !== COMMAND) return found === MORE ? MORE : NO_COMMAND;
        const result = replay.run(reader.args);
        if (result !== DONE) return result === UNKNOWN ? UNKNOWN_COMMAND : NO_COMMAND;
        if (!replay.inTransaction) this.#validUpTo = reader.offset;
        const delay = config.values['key-load-delay'];
        if (delay !== 0 && this.#delay.owe(delay)) return DELAY;
        if (++this.#sinceLook < COMMANDS_PER_LOOK) continue;
        this.#sinceLook = 0;
        if (clock.monoMs() >= untilMs) return TURN;
      }
    } finally {
      replay.leave();
    }
  }

  /** The file ends within a command or a transaction. */
  #cutOff(): FileResult {
    const { engine } = this.#context;
    const { name, isLast } = this.#file;
    const { log } = engine;
    if (engine.config.values['aof-load-truncated']) {
      log.warning(`!!! Warning: short read while loading the AOF file ${name}!!!`);
      if (!isLast) throw failure(engine, 'Fatal error: the truncated file is not the last file');
      if (this.#truncate()) {
        log.warning(`AOF ${name} loaded anyway because aof-load-truncated is enabled`);
        return 'truncated';
      }
    }
    throw failure(
      engine,
      `Unexpected end of file reading the append only file ${name}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.`,
    );
  }

  /** What stands behind the last command is none. */
  #badFormat(): FileResult {
    const { engine } = this.#context;
    const { name, isLast } = this.#file;
    const { log } = engine;
    const tail = this.#size - this.#validUpTo;
    const tailMax = engine.config.values['aof-load-corrupt-tail-max-size'];
    log.warning(`AOF ${name} is corrupt behind offset ${this.#validUpTo}: ${tail} bytes follow`);
    if (tailMax > 0 && isLast) {
      if (tail <= tailMax) {
        if (this.#truncate()) {
          log.warning(
            `AOF ${name} loaded anyway because its corrupt tail is not longer than aof-load-corrupt-tail-max-size`,
          );
          return 'truncated';
        }
      } else log.warning(`That is more than aof-load-corrupt-tail-max-size allows to cut off (${tailMax})`);
    }
    throw this.#formatError();
  }

  #formatError(): LoadError {
    return failure(
      this.#context.engine,
      `Bad file format reading the append only file ${this.#file.name}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>`,
    );
  }

  /** Cuts the file behind the last valid command. Returns false if it can't; the log knows why. */
  #truncate(): boolean {
    const { engine, fs } = this.#context;
    const { name, path } = this.#file;
    engine.log.warning(`!!! Truncating the AOF ${name} at offset ${this.#validUpTo} !!!`);
    try {
      const fd = fs.openSync(path, 'r+');
      try {
        fs.truncateSync(fd, this.#validUpTo);
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
      return true;
    } catch (error) {
      engine.log.warning(`Error truncating the AOF file ${name}: ${errnoText(error)}`);
      return false;
    }
  }
}
