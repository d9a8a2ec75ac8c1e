/**
 * Reads configuration text into directives.
 *
 * A directive is a line: a name and words, quoted as words.ts says; `#` at the start of a line makes a comment.
 * `include` reads another file at this place (a pattern reads all that match, sorted); the path is relative to the
 * working directory, which `dir` may have changed by then, so the reader is a generator that goes on only when the
 * directive before has been applied.
 *
 * One superset of Redis: a comment may follow a directive on its line. Users copy configurations from guides that
 * have them. A word that starts with an unquoted `#` begins such a comment only if the directive is complete without
 * it, so `requirepass #x` keeps its password and `user a on #<hash>` its rules. Nothing after the `#` is looked at,
 * unbalanced quotes included. Redis refuses all these lines, so no valid file changes its meaning.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { globMatch } from '../util/glob.ts';
import { bytesToText } from './parameter.ts';
import { systemErrorText } from './system-errors.ts';
import { nextWord } from './words.ts';

/** Files in files in files: deeper than this is taken for a cycle. */
const MAX_INCLUDE_DEPTH = 16;

export const WRONG_DIRECTIVE = 'Bad directive or wrong number of arguments';

/** Where a line stands. */
export interface Location {
  /** What Redis calls the line number; it goes on counting through file, standard input and options. */
  readonly line: number;
  /** Path of the file as text, or a phrase like "the command line". */
  readonly origin: string;
  readonly isFile: boolean;
  /** The line without blanks at its ends. */
  readonly text: string;
}

export interface Directive {
  /** In lower case. */
  readonly name: string;
  readonly words: readonly string[];
  readonly location: Location;
}

/** The configuration is wrong: print `report` to stderr and exit with status 1. */
export class ConfigFileError extends Error {
  override name = 'ConfigFileError';
  /** All that is to be printed, as Redis prints it. */
  readonly report: string;
  /** `open`: a file could not be opened, Redis logs that as a line of its log; `content`: what it says is wrong. */
  readonly kind: 'open' | 'content';

  constructor(kind: 'open' | 'content', message: string, report: string) {
    super(message);
    this.kind = kind;
    this.report = report;
  }
}

/** The error for a line, with Redis's lines and one more that names the file. */
export function lineError(version: string, location: Location, reason: string): ConfigFileError {
  const text = bytesToText(location.text);
  const where = location.isFile ? `In file ${location.origin}` : `From ${location.origin}`;
  return new ConfigFileError(
    'content',
    `${location.origin}, line ${location.line}: ${reason}: ${text}`,
    `${fatalHeader(version)}Reading the configuration file, at line ${location.line}\n${where}\n>>> '${text}'\n${reason}\n`,
  );
}

/** The error of a configuration whose parts do not fit together. */
export function contentError(version: string, reason: string): ConfigFileError {
  return new ConfigFileError('content', reason, `${fatalHeader(version)}${reason}\n`);
}

function fatalHeader(version: string): string {
  return `\n*** FATAL CONFIG FILE ERROR (Redis ${version}) ***\n`;
}

/** Reads a file as bytes; `shownPath` is how an error names it. */
export function readConfigFile(path: string, shownPath: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const message = `Fatal error, can't open config file '${shownPath}': ${systemErrorText(error)}`;
    throw new ConfigFileError('open', message, `${message}\n`);
  }
}

/** Consecutive pieces of one configuration text. */
export interface Segment {
  readonly text: string;
  readonly origin: string;
  readonly isFile: boolean;
}

export interface ReaderOptions {
  /** Shown in error reports. */
  readonly version: string;
  /**
   * Words after which a directive is complete, so that a comment may follow; null if never. Asked for "sentinel <option>",
   * too: then the option is one of the words.
   */
  commentAfter(name: string): number | null;
  /** Absolute path that relative includes start from. */
  workingDirectory(): string;
}

/** The directives of a text in order. Throws ConfigFileError. */
export function* readDirectives(
  segments: readonly Segment[],
  options: ReaderOptions,
  depth = 0,
): Generator<Directive, void, undefined> {
  const lines = segments
    .map((segment) => segment.text)
    .join('')
    .split('\n');
  let offset = 0;
  for (let i = 0; i < lines.length; i++) {
    const segment = segmentAt(segments, offset);
    offset += lines[i]!.length + 1;
    const text = trim(lines[i]!);
    if (text === '' || text[0] === '#') continue;
    const location = { line: i + 1, origin: segment.origin, isFile: segment.isFile, text };
    const parsed = parseLine(text, options.commentAfter);
    if (parsed === null)
      throw lineError(options.version, location, 'Unbalanced quotes in configuration line');
    const [name, ...words] = parsed.words;
    if (name === undefined) continue;
    const directive = { name: name.toLowerCase(), words, location };
    if (directive.name === 'include' && words.length === 1) yield* include(directive, options, depth);
    else yield directive;
  }
}

function segmentAt(segments: readonly Segment[], offset: number): Segment {
  let end = 0;
  for (const segment of segments) {
    end += segment.text.length;
    if (offset < end) return segment;
  }
  return segments[segments.length - 1]!;
}

/** Cuts what Redis cuts: blanks, tabs, CR, LF. */
export function trim(line: string): string {
  return line.replace(/^[ \t\r\n]+/, '').replace(/[ \t\r\n]+$/, '');
}

export interface ParsedLine {
  /** The name as written, and the words. */
  readonly words: readonly string[];
  /** Where the trailing comment starts, or -1. */
  readonly commentAt: number;
}

/** What a directive of a sentinel is known by: its options are as good as directives of their own. */
export function sentinelKey(option: string): string {
  return `sentinel ${option.toLowerCase()}`;
}

/** Splits a line that is no comment as a whole; null if its quotes are unbalanced. */
export function parseLine(text: string, commentAfter: (name: string) => number | null): ParsedLine | null {
  const words: string[] = [];
  let complete: number | null = null;
  for (let at = 0; ; ) {
    const start = skipBlanks(text, at);
    if (text[start] === '#' && complete !== null && words.length > complete)
      return { words, commentAt: start };
    const word = nextWord(text, at);
    if (word === undefined) return { words, commentAt: -1 };
    if (word === null) return null;
    if (words.length === 0) complete = commentAfter(word.text.toLowerCase());
    else if (words.length === 1 && words[0]!.toLowerCase() === 'sentinel') {
      complete = commentAfter(sentinelKey(word.text));
    }
    words.push(word.text);
    at = word.end;
  }
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || (text[at]! >= '\t' && text[at]! <= '\r')) at++;
  return at;
}

function* include(
  directive: Directive,
  options: ReaderOptions,
  depth: number,
): Generator<Directive, void, undefined> {
  if (depth >= MAX_INCLUDE_DEPTH) {
    throw lineError(options.version, directive.location, 'Too many levels of include files');
  }
  const given = bytesToText(directive.words[0]!);
  for (const path of includedPaths(given, options.workingDirectory())) {
    const text = readConfigFile(path, given.includes('*') ? path : given);
    yield* readDirectives([{ text, origin: path, isFile: true }], options, depth + 1);
  }
}

/** The path itself, or what it matches if it is a pattern: sorted, and nothing is fine. */
function includedPaths(given: string, base: string): string[] {
  const absolute = given.startsWith('/') ? given : `${base}/${given}`;
  if (!/[*?[]/.test(given)) return [given === '' ? '' : absolute];
  let found = [''];
  for (const part of absolute.split('/').slice(1)) {
    found = /[*?[]/.test(part)
      ? found.flatMap((parent) => matchesIn(parent, part))
      : found.map((parent) => `${parent}/${part}`);
  }
  return found.filter((path) => existsSync(path)).sort();
}

function matchesIn(parent: string, pattern: string): string[] {
  let names: string[];
  try {
    names = readdirSync(parent === '' ? '/' : parent);
  } catch {
    return []; // Not a readable directory: nothing in it matches, as with glob(3).
  }
  return names
    .filter((name) => (pattern.startsWith('.') || !name.startsWith('.')) && globMatch(pattern, name))
    .map((name) => `${parent}/${name}`);
}
