/**
 * The manifest of an append-only file: which files it is made of, in which order, since Redis 7.
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b      the base: the data set at some moment, as RDB or as commands
 *     file appendonly.aof.1.incr.aof seq 1 type h      history: no longer needed, may be deleted
 *     file appendonly.aof.2.incr.aof seq 2 type i      what came since, oldest first; effects go to the last one
 *
 * A line is a list of words in pairs; names with blanks or special characters are quoted; unknown pairs are
 * ignored; lines that begin with # are comments. Here is only the text and what follows from it; manifest-file.ts
 * reads and writes the file. Texts are byte strings.
 */
import { quote, splitLine } from '../../config/words.ts';

const BASE = 'b';
const HISTORY = 'h';
const INCR = 'i';

/** Redis reads lines into a buffer of this size, newline included. */
const LINE_MAX = 1024;

export interface AofFile {
  /** Within the directory of the append-only files. */
  readonly name: string;
  readonly seq: number;
}

/** The text is not a manifest. `message` is Redis's text for the reason. */
export class ManifestError extends Error {
  override name = 'ManifestError';
  /** Number of the line, from 1, and the line itself; null when the reason is not one line. */
  readonly line: { readonly number: number; readonly text: string } | null;

  constructor(message: string, line: ManifestError['line'] = null) {
    super(message);
    this.line = line;
  }

  /** What Redis logs (as warnings, each with an empty line behind it) before it exits with 1. */
  get logLines(): string[] {
    const lines = ['\n*** FATAL AOF MANIFEST FILE ERROR ***\n'];
    if (this.line !== null) {
      lines.push(`Reading the manifest file, at line ${this.line.number}\n`, `>>> '${this.line.text}'\n`);
    }
    lines.push(`${this.message}\n`);
    return lines;
  }
}

export class Manifest {
  base: AofFile | null = null;
  /** Latest first, as Redis writes them. */
  history: AofFile[] = [];
  /** Oldest first. */
  incrs: AofFile[] = [];
  /** The highest numbers given so far. */
  baseSeq = 0;
  incrSeq = 0;
  /** Differs from the file on disk. */
  dirty = false;

  /** A copy to be changed, which takes the place of this one when it is on disk. */
  clone(): Manifest {
    const copy = new Manifest();
    copy.base = this.base;
    copy.history = [...this.history];
    copy.incrs = [...this.incrs];
    copy.baseSeq = this.baseSeq;
    copy.incrSeq = this.incrSeq;
    copy.dirty = this.dirty;
    return copy;
  }

  /** No base and no incremental file: nothing to load. */
  get isEmpty(): boolean {
    return this.base === null && this.incrs.length === 0;
  }

  get lastIncr(): AofFile | null {
    return this.incrs[this.incrs.length - 1] ?? null;
  }

  /** Makes a new file the base; the old one becomes history. */
  newBase(appendfilename: string, isRdb: boolean): AofFile {
    if (this.base !== null) this.history.unshift(this.base);
    const ending = isRdb ? 'base.rdb' : 'base.aof';
    this.baseSeq = this.#freeSeq(appendfilename, this.baseSeq + 1, ending);
    this.base = { name: fileName(appendfilename, this.baseSeq, ending), seq: this.baseSeq };
    this.dirty = true;
    return this.base;
  }

  /** Adds an incremental file behind the others. */
  newIncr(appendfilename: string): AofFile {
    this.incrSeq = this.#freeSeq(appendfilename, this.incrSeq + 1, 'incr.aof');
    const incr = { name: fileName(appendfilename, this.incrSeq, 'incr.aof'), seq: this.incrSeq };
    this.incrs.push(incr);
    this.dirty = true;
    return incr;
  }

  /**
   * The next number that no history file has: as long as those are not deleted, a new file of the same name would begin
   * with what they have, and go with them. (Numbers of history files that have been read count for nothing else.)
   */
  #freeSeq(appendfilename: string, seq: number, ending: string): number {
    let free = seq;
    while (this.history.some(({ name }) => name === fileName(appendfilename, free, ending))) free++;
    return free;
  }

  /** Incremental files that the base contains become history: all but the last, or with `keepLast` false all. */
  retireIncrs(keepLast: boolean): void {
    const kept = keepLast ? this.incrs.splice(-1) : [];
    if (this.incrs.length > 0) {
      this.history.unshift(...this.incrs);
      this.dirty = true;
    }
    this.incrs = kept;
  }

  format(): string {
    let text = '';
    if (this.base !== null) text += formatLine(this.base, BASE);
    for (const file of this.history) text += formatLine(file, HISTORY);
    for (const file of this.incrs) text += formatLine(file, INCR);
    return text;
  }
}

/** The manifest of a single-file append-only file (Redis 4 to 6) that is taken over as it is. */
export function manifestOfOldFile(appendfilename: string): Manifest {
  const manifest = new Manifest();
  manifest.base = { name: appendfilename, seq: 1 };
  manifest.baseSeq = 1;
  manifest.dirty = true;
  return manifest;
}

function fileName(appendfilename: string, seq: number, ending: string): string {
  return `${appendfilename}.${seq}.${ending}`;
}

export function manifestName(appendfilename: string): string {
  return `${appendfilename}.manifest`;
}

/** The manifest is written under this name first. */
export function tempManifestName(appendfilename: string): string {
  return `temp-${appendfilename}.manifest`;
}

/** Where effects go between switching the file on and its first base. */
export function tempIncrName(appendfilename: string): string {
  return `temp-${appendfilename}.incr`;
}

/** Throws a ManifestError. */
export function parseManifest(text: string): Manifest {
  const manifest = new Manifest();
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = Math.min(newline < 0 ? text.length : newline + 1, at + LINE_MAX);
    const raw = text.slice(at, end);
    at = end;
    number++;
    if (raw[0] === '#') continue;
    const nul = raw.indexOf('\0');
    if (!raw.endsWith('\n') || nul >= 0)
      throw new ManifestError('The AOF manifest file contains too long line');
    addLine(manifest, { number, text: raw.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '') });
  }
  if (number === 0) throw new ManifestError('Found an empty AOF manifest');
  return manifest;
}

function addLine(manifest: Manifest, line: { number: number; text: string }): void {
  const refuse = (message: string): never => {
    throw new ManifestError(message, line);
  };
  const words = splitLine(line.text) ?? [];
  if (words.length < 6 || words.length % 2 !== 0) refuse('Invalid AOF manifest file format');
  let name = '';
  let seq = 0;
  let type = '';
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1]!;
    switch (words[i]!.toLowerCase()) {
      case 'file':
        name = value;
        if (name.includes('/') || name.includes('\\')) refuse("File can't be a path, just a filename");
        break;
      case 'seq':
        seq = leadingInteger(value);
        break;
      case 'type':
        type = value.charAt(0);
        break;
      default: // Of a later version.
    }
  }
  if (name === '' || seq === 0 || type === '') refuse('Invalid AOF manifest file format');
  const file = { name, seq };
  if (type === BASE) {
    if (manifest.base !== null) refuse('Found duplicate base file information');
    manifest.base = file;
    manifest.baseSeq = seq;
  } else if (type === HISTORY) manifest.history.push(file);
  else if (type === INCR) {
    if (seq <= manifest.incrSeq) refuse('Found a non-monotonic sequence number');
    manifest.incrs.push(file);
    manifest.incrSeq = seq;
  } else refuse('Unknown AOF file type');
}

/** As atoll() of C: what stands at the beginning; 0 if it is not a number. */
function leadingInteger(text: string): number {
  const digits = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1];
  return digits === undefined ? 0 : Number(digits);
}

function formatLine({ name, seq }: AofFile, type: string): string {
  // Plain words stand as they are.
  const word = /^[!-~]+$/.test(name) && !/["'\\]/.test(name) ? name : quote(name);
  return `file ${word} seq ${seq} type ${type}\n`;
}
