/**
 * Loads a snapshot from a file: dump.rdb, or what an append-only file begins with. Chunks are read ahead
 * (file-reader.ts); the loader (rdb/loader.ts) makes keys of them in slices.
 *
 * A file that is no snapshot, is cut off or wrong in itself is refused; what has been loaded of it stays.
 */

import type { Database } from '../../keyspace/database.ts';
import { DONE, NEED_BYTES, RdbLoader, type RdbLoadOptions } from '../../rdb/load/loader.ts';
import { CorruptRdb } from '../../rdb/load/reader.ts';
import { checkRdb } from '../check/check-rdb.ts';
import { failure, type LoadContext, LoadDelay, type LoadError } from './context.ts';
import { FileReader, HEADROOM } from './file-reader.ts';
import { SLICE_MS, type Steps } from './steps.ts';

const MIB = 1024 * 1024;

/** Where the bytes of a snapshot come from, by and by: a file, or the link to a master. */
export interface SnapshotSource {
  /** What to wait for before `take`; null: nothing. */
  readonly waiting: Promise<void> | null;
  /** Gets the next bytes. False: there are no more. */
  take(): boolean;
  /** They are [HEADROOM, end) of these, until the next `take`. */
  readonly bytes: Uint8Array;
  readonly end: number;
}

export interface SnapshotOptions {
  /** Keys whose time is up are left out: on a master, but not in the base of an append-only file. */
  readonly dropExpired: boolean;
  /** Keys that are there already are replaced (DEBUG RELOAD MERGE). */
  readonly allowDuplicates?: boolean;
  /** What is loaded into; by default, those of the keyspace. */
  readonly databases?: readonly Database[];
  /** A key is left out. It is only lent; `aux` is what the snapshot has said so far. */
  readonly onExpired?: (db: Database, key: Uint8Array, aux: ReadonlyMap<string, string>) => void;
  /** The server goes on without it: what is wrong is thrown as it is (CorruptRdb), and the file is not examined. */
  readonly survives?: boolean;
}

/** What a snapshot says besides its keys. */
export interface SnapshotNotes {
  /** Where the snapshot ends in the file. */
  readonly end: number;
  readonly aux: ReadonlyMap<string, string>;
  readonly keysLoaded: number;
  readonly keysExpired: number;
}

/** Loads the snapshot that a file begins with. Throws a LoadError, or what opening and reading fail with. */
export function* loadSnapshotFile(
  context: LoadContext,
  path: string,
  name: string,
  options: SnapshotOptions,
): Steps<SnapshotNotes> {
  const { fs, blocking } = context;
  const fd = fs.openSync(path, 'r');
  const size = fs.statSync(path)?.size ?? 0;
  const file = new FileReader(fs, fd, 0, blocking);
  try {
    return yield* loadSnapshot(context, file, name, size, options);
  } catch (error) {
    if (!(error instanceof CorruptRdb) || options.survives === true) throw error;
    throw refusal(context, error, name, path);
  } finally {
    file.close();
  }
}

/** Loads the snapshot that a source has. `size`: its bytes; undefined: not known. Throws CorruptRdb, or what the source throws. */
export function* loadSnapshot(
  context: LoadContext,
  source: SnapshotSource,
  name: string,
  size: number | undefined,
  options: SnapshotOptions,
): Steps<SnapshotNotes> {
  const { engine, progress } = context;
  const { clock, config, log } = engine;
  const delay = new LoadDelay(context);
  let mustWait = false;
  const { onExpired } = options;
  const loader: RdbLoader = new RdbLoader({
    ...loaderOptions(context, size, options),
    ...(onExpired !== undefined && { onExpired: (db, key) => onExpired(db, key, loader.aux) }),
    onKey: () => {
      const microseconds = config.values['key-load-delay'];
      if (microseconds !== 0 && delay.owe(microseconds)) mustWait = true;
    },
  });
  const { window } = loader;
  let until = 0;
  try {
    for (;;) {
      engine.readTime();
      // A slice that makes delays is as short as can be.
      const slow = config.values['key-load-delay'] !== 0;
      const now = clock.monoUs();
      if (until === 0) until = now + SLICE_MS * 1000;
      const what = loader.step(slow ? now : until);
      progress.at(name, window.consumed);
      if (mustWait) yield* delay.wait();
      mustWait = false;
      if (what === DONE) break;
      if (what === NEED_BYTES) {
        const { waiting } = source;
        if (waiting !== null) {
          yield waiting;
          until = 0;
        }
        // The next chunk is read to where the last one was.
        window.release();
        if (source.take()) window.lend(source.bytes, HEADROOM, source.end);
        else window.ended();
      } else {
        yield null;
        until = 0;
      }
    }
  } finally {
    loader.abort();
  }
  log.notice(
    `Done loading RDB, keys loaded: ${loader.keysLoaded}, keys expired: ${loader.keysExpired}` +
      (loader.emptyKeysSkipped > 0 ? `, empty keys skipped: ${loader.emptyKeysSkipped}.` : '.'),
  );
  const { aux, functions, keysLoaded, keysExpired } = loader;
  for (const source of functions) {
    if (!context.functions.add(source)) log.warning('A function library without a name was left out');
  }
  return { end: window.consumed, aux, keysLoaded, keysExpired };
}

function loaderOptions(
  context: LoadContext,
  size: number | undefined,
  options: SnapshotOptions,
): RdbLoadOptions {
  const { engine } = context;
  const { values } = engine.config;
  return {
    keyspace: engine.keyspace,
    zsetLimits: values,
    nowUs: () => engine.clock.monoUs(),
    ...(size !== undefined && { size }),
    ...(options.databases !== undefined && { databases: options.databases }),
    checksum: values.rdbchecksum && !engine.debug.skipChecksums,
    allowDuplicates: options.allowDuplicates === true,
    deep: values['sanitize-dump-payload'] === 'yes',
    ...(options.dropExpired && { skipExpiredBefore: engine.nowMs }),
    onAux: (name, value) => tell(context, name, value),
    log: (level, text) => engine.log[level](text),
  };
}

/** What the file says of its making. */
function tell({ engine, progress }: LoadContext, name: string, value: string): void {
  const { log } = engine;
  const number = Number(value) || 0;
  if (name === 'redis-ver') log.notice(`Loading RDB produced by version ${value}`);
  else if (name === 'ctime') {
    const age = Math.floor(engine.clock.wallMs() / 1000) - number;
    log.notice(`RDB age ${Math.max(0, age)} seconds`);
  } else if (name === 'used-mem') {
    log.notice(`RDB memory usage when created ${(number / MIB).toFixed(2)} Mb`);
    progress.rdbUsedMem = number;
  } else if (name === 'aof-base' && number !== 0) log.notice('RDB is base AOF');
}

/** Logs what is wrong with the file, as Redis does. */
function refusal(context: LoadContext, error: CorruptRdb, name: string, path: string): LoadError {
  const { engine } = context;
  const { log } = engine;
  if (error.fault === 'short') {
    log.warning('Short read or OOM loading DB. Unrecoverable error, aborting now.');
  }
  if (error.fault === 'signature' || error.fault === 'version' || error.fault === 'refused') {
    return failure(engine, error.message);
  }
  if (error.fault === 'checksum') log.warning(error.message);
  const reason = error.fault === 'checksum' ? 'RDB CRC error' : error.message;
  const refused = failure(engine, `Internal error in RDB reading offset ${error.offset} -> ${reason}`);
  if (!context.blocking) explain(context, name, path);
  log.warning('Terminating server after rdb file reading failure.');
  return refused;
}

/** What ts-redis-check-rdb says of the file: Redis shows it, too, before it ends. */
function explain({ engine, fs }: LoadContext, name: string, path: string): void {
  const print = (text: string): void => engine.log.raw(text);
  const { clock, random } = engine;
  checkRdb(name, path, { fs, clock, random, print, printError: print, log: () => {} });
}
