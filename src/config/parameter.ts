/**
 * What a configuration parameter is.
 *
 * A parameter is one line of a table (see parameters/): its kind, its default and its bounds. The kind knows the
 * three things that differ between parameters: how words become a value (`parse`), how the value is shown by CONFIG
 * GET (`format`), and which lines CONFIG REWRITE writes for it (`rewrite`). Everything else (reading a file, argv,
 * CONFIG GET/SET/REWRITE, the docs) is done once, for all of them.
 *
 * Two types for each parameter. `S` is what is stored: exact, e.g. a bigint above 2^53. `V` is what the program
 * reads from `config.values`: a number, so that hot code sees one type. Most kinds have `S = V`.
 *
 * All texts here are byte strings (one char for each byte, latin1), as elsewhere in the server: a password in a file
 * must equal the password on the wire, whatever the encoding. Turn a path into a JS string with `bytesToText`.
 */

/** Why a value was refused. The message is Redis's reason, without "ERR". */
export class ParameterError extends Error {
  override name = 'ParameterError';
}

/** What a kind may know while it parses. */
export interface ParseContext<S> {
  /** The value to start from: parameters that are set piece by piece (client-output-buffer-limit) add to it. */
  readonly current: S;
  /** `load`: file and command line, where repeated directives may accumulate. `set`: CONFIG SET replaces. */
  readonly source: 'load' | 'set';
  /** While loading: this is the first time that the parameter occurs. */
  readonly first: boolean;
  /** Says why a directory cannot be used, in the words of strerror(3), or null. */
  readonly directoryProblem: (path: string) => string | null;
}

/** The lines that CONFIG REWRITE writes for a parameter. */
export interface RewriteLine {
  readonly text: string;
  /** Write it even if the file has no line for this parameter yet. */
  readonly force: boolean;
}

export interface ParameterOptions<S> {
  readonly default: S;
  /** One line for the docs. */
  readonly summary: string;
  /** Other names; CONFIG GET and SET answer to them, CONFIG REWRITE replaces them by the name. */
  readonly alias?: string | readonly string[];
  /** CONFIG SET refuses it. */
  readonly immutable?: true;
  /** CONFIG SET refuses it unless enable-protected-configs allows. */
  readonly protected?: true;
  /** CONFIG SET answers -LOADING while data is loaded: the load depends on it. */
  readonly notWhileLoading?: true;
  /** CONFIG GET shows it only when asked by its exact name. */
  readonly hidden?: true;
  /** Must not be written to logs and the slow log. */
  readonly sensitive?: true;
  /** Accepted, reported and rewritten, but without effect in this implementation. */
  readonly noMeaning?: true;
}

export interface Parameter<V, S = V> extends ParameterOptions<S> {
  /** The kind as shown in the docs: "yes or no", "integer 1 … 100". */
  readonly type: string;
  /** How many words a directive takes; `many`: one or more, a single word is split at blanks. */
  readonly words: 1 | 'many';
  parse(words: readonly string[], context: ParseContext<S>): S;
  format(stored: S): string;
  /** What `config.values` holds for a stored value. */
  view(stored: S): V;
  rewrite(name: string, stored: S): readonly RewriteLine[];
}

/** Any parameter. Methods are bivariant, which is what lets a table mix kinds. */
export type AnyParameter = Parameter<unknown, unknown>;
export type ParameterTable = Readonly<Record<string, AnyParameter>>;

/** The plain object that programs read: one typed property for each parameter of a table. */
export type ValuesOf<T> = { [K in keyof T]: T[K] extends Parameter<infer V, infer _S> ? V : never };

interface SingleKind<V, S> {
  readonly type: string;
  parse(word: string, context: ParseContext<S>): S;
  format(stored: S): string;
  view(stored: S): V;
  /** The line for CONFIG REWRITE, or null for no line; default: name and formatted value. */
  line?(name: string, stored: S): string | null;
}

/** Makes a parameter that takes exactly one word. */
export function single<V, S>(kind: SingleKind<V, S>, options: ParameterOptions<S>): Parameter<V, S> {
  return {
    ...options,
    type: kind.type,
    words: 1,
    parse(words, context) {
      if (words.length !== 1) throw new ParameterError('wrong number of arguments');
      return kind.parse(words[0]!, context);
    },
    format: kind.format,
    view: kind.view,
    rewrite(name, stored) {
      const text = kind.line ? kind.line(name, stored) : `${name} ${kind.format(stored)}`;
      return text === null ? [] : [{ text, force: kind.format(stored) !== kind.format(options.default) }];
    },
  };
}

interface ManyKind<V> {
  readonly type: string;
  parse(words: readonly string[], context: ParseContext<V>): V;
  format(stored: V): string;
  rewrite?(name: string, stored: V): readonly RewriteLine[];
}

/** Makes a parameter that takes several words, given apart or as one word with blanks in it. */
export function many<V>(kind: ManyKind<V>, options: ParameterOptions<V>): Parameter<V> {
  return {
    ...options,
    type: kind.type,
    words: 'many',
    parse: (words, context) => kind.parse(words.length === 1 ? splitWords(words[0]!) : words, context),
    format: kind.format,
    view: (stored) => stored,
    rewrite(name, stored) {
      if (kind.rewrite) return kind.rewrite(name, stored);
      const text = kind.format(stored);
      return [{ text: `${name} ${text}`, force: text !== kind.format(options.default) }];
    },
  };
}

/** Splits at each single blank, so that two blanks in a row give an empty word, as in Redis. */
function splitWords(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

/** All names of a parameter but the first. */
export function aliasesOf(parameter: AnyParameter): readonly string[] {
  const { alias } = parameter;
  if (alias === undefined) return [];
  return typeof alias === 'string' ? [alias] : alias;
}

/** Bytes (one char each) to the text they encode in UTF-8: for paths and for people. */
export function bytesToText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Text to its UTF-8 bytes, one char each. */
export function textToBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
