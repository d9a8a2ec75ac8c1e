/**
 * ts-redis-check-aof: is an append-only file whole, and if not, cutting off what is not. Output, questions and exit
 * codes are those of redis-check-aof 7.0, which is stricter than loading: each line must end as it should.
 *
 * Single files of Redis 4 to 6 and files behind a manifest are told apart by what they begin with.
 */
import { dirname } from 'node:path';
import { errnoText } from '../../util/errno-text.ts';
import { type Manifest, ManifestError, parseManifest } from '../aof/manifest.ts';
import type { FileSystem } from '../files/file-system.ts';
import { LineReader } from './line-reader.ts';

/** Annotations and lines of manifests are read into a buffer of this size. */
const ANNOTATION_MAX = 1023;
const MANIFEST_LINE_MAX = 1024;
/** Lines of lengths are read into a buffer of this size. */
const LENGTH_LINE_MAX = 127;
/** A file that is shorter is no RDB. */
const RDB_MIN = 8;
const SIGNATURE = 'REDIS';
/** Enough of a first word to tell MULTI and EXEC. */
const NAME_MAX = 6;

export interface CheckIo {
  readonly fs: FileSystem;
  /** Text is bytes (latin1). */
  print(text: string): void;
  /** A line that was answered to a question; null: nobody answers. */
  ask(): string | null;
  /** A line of the log, which the manifest's errors are. */
  log(text: string): void;
  /** Checks the RDB that a file begins with, and prints what was found. Returns where it ends; -1: it is not sane. */
  checkRdb(name: string, path: string): number;
}

type Outcome = 'valid' | 'empty' | 'truncated' | 'truncated-to-time';

/** Ends the check; everything has been printed. */
class Exit extends Error {
  readonly status: number;

  constructor(status: number) {
    super('exit');
    this.status = status;
  }
}

/** Runs the tool with its arguments (without the program's name). Returns the exit code. */
export function checkAof(argv: readonly string[], io: CheckIo): number {
  try {
    const [first, second, third] = argv;
    if (argv.length === 1) new AofChecker(io, false, 0).run(first!);
    else if (argv.length === 2 && first === '--fix') new AofChecker(io, true, 0).run(second!);
    else if (argv.length === 3 && first === '--truncate-to-timestamp') {
      if (!/^(?:\s*[+-]?\d+)?$/.test(second!)) {
        io.print('Invalid timestamp, aborting...\n');
        return 1;
      }
      new AofChecker(io, false, Number(second)).run(third!);
    } else {
      io.print(
        'Usage: ts-redis-check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n',
      );
      return 1;
    }
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.status;
    throw error;
  }
}

class AofChecker {
  readonly #io: CheckIo;
  readonly #fix: boolean;
  /** Seconds; 0: nothing is cut off for its time. */
  readonly #toTimestamp: number;
  /** Line that is being read, counted through all files. */
  #line = 1;
  /** Where the last piece was read, and what was wrong with it; '': nothing. */
  #piece = 0;
  #error = '';
  #multi = 0;
  /** What the line read last has left behind its end, in the buffer that Redis's tool has for it. */
  #stale = '';
  readonly #kept = { head: '', tail: '' };

  constructor(io: CheckIo, fix: boolean, toTimestamp: number) {
    this.#io = io;
    this.#fix = fix;
    this.#toTimestamp = toTimestamp;
  }

  run(path: string): void {
    if (this.#isManifest(path)) this.#checkMany(path);
    else {
      const isRdb = this.#isRdb(path);
      this.#io.print('Start checking Old-Style AOF\n');
      this.#tell(this.#checkFile(path, path, true, isRdb), path, 'AOF');
    }
  }

  #fail(text: string): never {
    this.#io.print(text);
    throw new Exit(1);
  }

  // ------------------------------------------------------------------------------------------- kinds of files

  #open(path: string, flags: string, ending: string): number {
    try {
      return this.#io.fs.openSync(path, flags);
    } catch (error) {
      return this.#fail(`Cannot open file ${path}: ${errnoText(error)}${ending}\n`);
    }
  }

  /** Looks into a file; it is closed afterwards. */
  #look<T>(path: string, look: (fd: number, size: number) => T): T {
    const { fs } = this.#io;
    const fd = this.#open(path, 'r', '');
    try {
      return look(fd, fs.statSync(path)?.size ?? 0);
    } finally {
      fs.closeSync(fd);
    }
  }

  #isManifest(path: string): boolean {
    return this.#look(path, (fd, size) => {
      if (size === 0) return false;
      const reader = new LineReader(this.#io.fs, fd, 0);
      try {
        for (;;) {
          const line = reader.line(MANIFEST_LINE_MAX);
          if (line === '' || line[0] !== '#') return line.startsWith('file');
        }
      } catch {
        return this.#fail(`Cannot read file: ${path}\n`);
      }
    });
  }

  #isRdb(path: string): boolean {
    return this.#look(path, (fd, size) => {
      if (size < RDB_MIN) return false;
      const head = Buffer.alloc(SIGNATURE.length);
      this.#io.fs.readSync(fd, head, 0, head.length, 0);
      return head.toString('latin1') === SIGNATURE;
    });
  }

  #checkMany(path: string): void {
    const io = this.#io;
    io.print('Start checking Multi Part AOF\n');
    const { base, incrs } = this.#readManifest(path);
    const folder = dirname(path);
    const total = incrs.length + (base === null ? 0 : 1);
    if (base !== null) {
      const file = pathOf(folder, base.name);
      const isRdb = this.#isRdb(file);
      io.print(`Start to check BASE AOF (${isRdb ? 'RDB' : 'RESP'} format).\n`);
      this.#tell(this.#checkFile(base.name, file, total === 1, isRdb), base.name, 'BASE AOF');
    }
    if (incrs.length > 0) io.print('Start to check INCR files.\n');
    for (const [i, { name }] of incrs.entries()) {
      const isLast = i === incrs.length - 1;
      this.#tell(this.#checkFile(name, pathOf(folder, name), isLast, false), name, 'INCR AOF');
    }
    io.print('All AOF files and manifest are valid\n');
  }

  #readManifest(path: string): Manifest {
    const { fs } = this.#io;
    return this.#look(path, (fd, size) => {
      const bytes = Buffer.alloc(size);
      let at = 0;
      while (at < size) {
        const read = fs.readSync(fd, bytes, at, size - at, at);
        if (read === 0) break;
        at += read;
      }
      try {
        return parseManifest(bytes.toString('latin1', 0, at));
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        for (const line of error.logLines) this.#io.log(line);
        throw new Exit(1);
      }
    });
  }

  #tell(outcome: Outcome, name: string, kind: string): void {
    const { print } = this.#io;
    if (outcome === 'valid') print(`${kind} ${name} is valid\n`);
    else if (outcome === 'empty') print(`${kind} ${name} is empty\n`);
    else if (outcome === 'truncated') print(`Successfully truncated AOF ${name}\n`);
    else print(`Successfully truncated AOF ${name} to timestamp ${this.#toTimestamp}\n`);
  }

  // ---------------------------------------------------------------------------------------------- one file

  #checkFile(name: string, path: string, isLast: boolean, beginsWithRdb: boolean): Outcome {
    const { fs } = this.#io;
    const fd = this.#open(path, 'r+', ', aborting...');
    try {
      const size = fs.statSync(path)?.size ?? 0;
      if (size === 0) return 'empty';
      let offset = 0;
      if (beginsWithRdb) {
        offset = this.#io.checkRdb(name, path);
        if (offset < 0) this.#fail('RDB preamble of AOF file is not sane, aborting.\n');
        this.#io.print('RDB preamble is OK, proceeding with AOF tail...\n');
      }
      const reader = new LineReader(fs, fd, offset);
      const validUpTo = this.#checkCommands(reader, fd, name, path, isLast);
      return validUpTo < 0 ? 'truncated-to-time' : this.#conclude(fd, name, size, validUpTo, isLast);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Returns how far the file is valid; -1: the rest has been cut off for its time. */
  #checkCommands(reader: LineReader, fd: number, name: string, path: string, isLast: boolean): number {
    let validUpTo = reader.offset;
    this.#multi = 0;
    for (;;) {
      if (this.#multi === 0) validUpTo = reader.offset;
      let first: number;
      try {
        first = reader.peek();
      } catch {
        return this.#fail(`Failed to read from AOF ${name}, aborting...\n`);
      }
      if (first < 0) break;
      if (first === 0x23) {
        if (!this.#annotation(reader, fd, path, isLast)) return -1;
      } else if (first !== 0x2a) {
        this.#io.print(`AOF ${name} format error\n`);
        break;
      } else if (!this.#command(reader, path)) break;
    }
    if (reader.atEnd && this.#multi !== 0 && this.#error === '') {
      this.#wrong('Reached EOF before reading EXEC for MULTI');
    }
    if (this.#error !== '') this.#io.print(`${this.#error}\n`);
    return validUpTo;
  }

  #conclude(fd: number, name: string, size: number, validUpTo: number, isLast: boolean): Outcome {
    const { print, ask, fs } = this.#io;
    const diff = size - validUpTo;
    if (diff === 0 && this.#toTimestamp !== 0) {
      print(`Truncate nothing in AOF ${name} to timestamp ${this.#toTimestamp}\n`);
      return 'valid';
    }
    print(
      `AOF analyzed: filename=${name}, size=${size}, ok_up_to=${validUpTo}, ok_up_to_line=${this.#line}, diff=${diff}\n`,
    );
    if (diff <= 0) return 'valid';
    if (!this.#fix) this.#fail(`AOF ${name} is not valid. Use the --fix option to try fixing it.\n`);
    if (!isLast) this.#fail(`Failed to truncate AOF ${name} because it is not the last file\n`);
    print(`This will shrink the AOF ${name} from ${size} bytes, with ${diff} bytes, to ${validUpTo} bytes\n`);
    print('Continue? [y/N]: ');
    if (!/^y/i.test(ask() ?? '')) this.#fail('Aborting...\n');
    try {
      fs.truncateSync(fd, validUpTo);
      fs.fsyncSync(fd);
    } catch {
      this.#fail(`Failed to truncate AOF ${name}\n`);
    }
    return 'truncated';
  }

  /** Returns false when the file has been cut off here, as what follows is too new. */
  #annotation(reader: LineReader, fd: number, path: string, isLast: boolean): boolean {
    this.#piece = reader.offset;
    const line = reader.line(ANNOTATION_MAX);
    const to = this.#toTimestamp;
    if (to === 0 || !line.startsWith('#TS:')) return true;
    const digits = /^#TS:(\s*[+-]?\d+)\r/.exec(line)?.[1];
    if (digits === undefined) this.#fail('Invalid timestamp annotation\n');
    if (Number(digits) <= to) return true;
    if (this.#piece === 0) this.#fail(`AOF ${path} has nothing before timestamp ${to}, aborting...\n`);
    if (!isLast) {
      this.#fail(
        `Failed to truncate AOF ${path} to timestamp ${to} to offset ${this.#piece} because it is not the last file.\n` +
          'If you insist, please delete all files after this file according to the manifest file and delete the ' +
          'corresponding records in manifest file manually. Then re-run redis-check-aof.\n',
      );
    }
    try {
      this.#io.fs.truncateSync(fd, this.#piece);
      this.#io.fs.fsyncSync(fd);
    } catch {
      this.#fail(`Failed to truncate AOF ${path} to timestamp ${to}\n`);
    }
    return false;
  }

  #wrong(text: string): false {
    this.#error = `0x${this.#piece.toString(16).padStart(16)}: ${text}`;
    return false;
  }

  // ---------------------------------------------------------------------------------------------- one command

  /** Returns false if it is none. */
  #command(reader: LineReader, path: string): boolean {
    const count = this.#length(reader, '*');
    if (count === null) return false;
    for (let i = 0; i < count; i++) {
      const len = this.#length(reader, '$');
      if (len === null) return false;
      if (len < 0 || len > Number.MAX_SAFE_INTEGER - 2) {
        return this.#wrong(`Expected to read string of ${len} bytes, which is not in the suitable range`);
      }
      this.#piece = reader.offset;
      const read = reader.skip(len + 2, this.#kept, Math.min(len, NAME_MAX), 2);
      if (read !== len + 2) return this.#wrong(`Expected to read ${len + 2} bytes, got ${read} bytes`);
      if (!this.#newline(this.#kept.tail)) return false;
      if (i === 0 && !this.#transaction(this.#kept.head.toLowerCase(), path)) return false;
    }
    return true;
  }

  #transaction(name: string, path: string): boolean {
    if (name === 'multi' && this.#multi++ !== 0) return this.#wrong(`Unexpected MULTI in AOF ${path}`);
    if (name === 'exec' && --this.#multi !== 0) return this.#wrong(`Unexpected EXEC in AOF ${path}`);
    return true;
  }

  /** A line with a number behind `prefix`; null if it is none. */
  #length(reader: LineReader, prefix: string): number | null {
    this.#piece = reader.offset;
    const line = reader.line(LENGTH_LINE_MAX);
    if (line === '') return null;
    if (line[0] !== prefix) {
      this.#wrong(`Expected prefix '${prefix}', got: '${line[0]}'`);
      return null;
    }
    // strtol's way: what is no number is 0, and nothing of it is used up.
    const number = /^\s*[+-]?\d+/.exec(line.slice(1))?.[0] ?? '';
    const rest = line.slice(1 + number.length);
    const behind = prefix === '*' ? this.#stale.slice(line.length + 1) : '';
    if (prefix === '*') this.#stale = `${line}\0${behind}`;
    if (!this.#newline(`${rest}\0${behind}\0`)) return null;
    return Number(number);
  }

  #newline(text: string): boolean {
    if (text.startsWith('\r\n')) {
      this.#line++;
      return true;
    }
    return this.#wrong(`Expected \\r\\n, got: ${hex(text, 0)}${hex(text, 1)}`);
  }
}

/** A byte as C prints a signed char with %02x. */
function hex(text: string, i: number): string {
  const byte = i < text.length ? text.charCodeAt(i) : 0;
  return (byte > 127 ? 0xffffff00 + byte : byte).toString(16).padStart(2, '0');
}

/** As Redis joins paths: without tidying them up, since they are printed. */
function pathOf(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}
