/**
 * ts-redis-check-rdb: reads a snapshot as a server would, keeps nothing of it, and says whether it is sane. Exit codes
 * and output are those of redis-check-rdb.
 *
 * The loader reads the values into a keyspace of its own and drops each as soon as it is whole, so a file of any size
 * takes the memory of its largest value.
 */
import { ServerConfig } from '../../config/config.ts';
import { Keyspace } from '../../keyspace/keyspace.ts';
import {
  DOING_CHECK_SUM,
  DOING_READ_AUX,
  DOING_READ_EXPIRE,
  DOING_READ_FUNCTIONS,
  DOING_READ_KEY,
  DOING_READ_LENGTH,
  DOING_READ_MODULE_AUX,
  DOING_READ_TYPE,
  DOING_READ_VALUE,
  DOING_START,
  DONE,
  NEED_BYTES,
  RdbLoader,
} from '../../rdb/load/loader.ts';
import { CorruptRdb } from '../../rdb/load/reader.ts';
import type { Clock } from '../../util/clock.ts';
import { latin1Of } from '../../util/latin1.ts';
import type { Random } from '../../util/random.ts';
import { REDIS_VERSION } from '../../util/version.ts';
import type { FileSystem } from '../files/file-system.ts';

const CHUNK_BYTES = 1 << 20;
const PROGRAM = 'ts-redis-check-rdb';

const DOING: Readonly<Record<number, string>> = {
  [DOING_START]: 'start',
  [DOING_READ_TYPE]: 'read-type',
  [DOING_READ_EXPIRE]: 'read-expire',
  [DOING_READ_KEY]: 'read-key',
  [DOING_READ_VALUE]: 'read-object-value',
  [DOING_CHECK_SUM]: 'check-sum',
  [DOING_READ_LENGTH]: 'read-len',
  [DOING_READ_AUX]: 'read-aux',
  [DOING_READ_MODULE_AUX]: 'read-module-aux',
  [DOING_READ_FUNCTIONS]: 'read-functions',
};

const TYPES = [
  'string',
  'list-linked',
  'set-hashtable',
  'zset-v1',
  'hash-hashtable',
  'zset-v2',
  'module-pre-release',
  'module-value',
  '',
  'hash-zipmap',
  'list-ziplist',
  'set-intset',
  'zset-ziplist',
  'hash-ziplist',
  'quicklist',
  'stream',
  'hash-listpack',
  'zset-listpack',
  'quicklist-v2',
  'stream-v2',
  'set-listpack',
  'stream-v3',
] as const;

export interface CheckRdbIo {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  /** Text for standard output, line ends included. */
  print(text: string): void;
  /** The same for standard error. */
  printError(text: string): void;
  /** A line of the log. */
  log(text: string): void;
}

/** The program: its arguments and what it reaches the world by. Returns its exit code. */
export function checkRdbMain(args: readonly string[], io: CheckRdbIo): number {
  const [path] = args;
  if (path === undefined || args.length > 1) {
    io.printError(`Usage: ${PROGRAM} <rdb-file-name>\n`);
    return 1;
  }
  if (path === '-v' || path === '--version') {
    io.print(`${PROGRAM} ${REDIS_VERSION}\n`);
    return 0;
  }
  return checkRdb(path, path, io) < 0 ? 1 : 0;
}

/** Checks the RDB that a file is or begins with, and prints what was found. Returns where it ends; -1: it is not sane. */
export function checkRdb(name: string, path: string, io: CheckRdbIo): number {
  io.print(`[offset 0] Checking RDB file ${name}\n`);
  let fd: number;
  try {
    fd = io.fs.openSync(path, 'r');
  } catch {
    return -1;
  }
  try {
    return new Check(io, fd, io.fs.statSync(path)?.size ?? 0).run();
  } finally {
    io.fs.closeSync(fd);
  }
}

class Check {
  readonly #io: CheckRdbIo;
  readonly #fd: number;
  readonly #loader: RdbLoader;
  #position = 0;

  constructor(io: CheckRdbIo, fd: number, size: number) {
    this.#io = io;
    this.#fd = fd;
    const { values } = new ServerConfig();
    this.#loader = new RdbLoader({
      keyspace: new Keyspace(1, io.random),
      zsetLimits: values,
      nowUs: () => 0,
      size,
      checksOnly: true,
      skipExpiredBefore: io.clock.wallMs(),
      onAux: (field, value) => this.#line(`AUX FIELD ${field} = '${value}'`),
      onModuleAux: (module) => this.#line(`MODULE AUX for: ${module}`),
      onSelect: (db) => this.#line(`Selecting DB ID ${db}`),
      log: (_level, text) => this.#line(text),
    });
  }

  run(): number {
    const loader = this.#loader;
    try {
      for (;;) {
        const what = loader.step(Number.POSITIVE_INFINITY);
        if (what === DONE) break;
        if (what === NEED_BYTES) this.#fill();
      }
    } catch (thrown) {
      if (!(thrown instanceof CorruptRdb)) throw thrown;
      this.#refuse(thrown);
      return -1;
    }
    if (loader.checksumMatched) this.#line('Checksum OK');
    this.#line('\\o/ RDB looks OK! \\o/');
    this.#figures();
    return loader.window.consumed;
  }

  #fill(): void {
    const { buf, off } = this.#loader.window.room(CHUNK_BYTES);
    let bytes = 0;
    try {
      bytes = this.#io.fs.readSync(this.#fd, buf, off, CHUNK_BYTES, this.#position);
    } catch {
      // What cannot be read is not there.
    }
    this.#position += bytes;
    if (bytes === 0) this.#loader.window.ended();
    else this.#loader.window.filled(bytes);
  }

  #line(text: string): void {
    this.#io.print(`[offset ${this.#loader.window.offset}] ${text}\n`);
  }

  #refuse(error: CorruptRdb): void {
    const loader = this.#loader;
    const { print, log } = this.#io;
    print('--- RDB ERROR DETECTED ---\n');
    const inside = error.fault === 'corrupt' || error.fault === 'refused';
    if (error.fault === 'checksum') this.#line('RDB CRC error');
    else this.#line(inside ? `Internal error in RDB reading offset 0 -> ${error.message}` : error.message);
    print(`[additional info] While doing: ${DOING[loader.doing]}\n`);
    const { key, type } = loader;
    if (key !== null) print(`[additional info] Reading key '${latin1Of(key)}'\n`);
    if (type >= 0) print(`[additional info] Reading type ${type} (${TYPES[type] ?? 'unknown'})\n`);
    this.#figures();
    if (inside) log('Terminating server after rdb file reading failure.');
  }

  #figures(): void {
    const { keysRead, expires, keysExpired } = this.#loader;
    this.#io.print(
      `[info] ${keysRead} keys read\n[info] ${expires} expires\n[info] ${keysExpired} already expired\n`,
    );
  }
}
