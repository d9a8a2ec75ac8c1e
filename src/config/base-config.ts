/**
 * The configuration of a process: a table of parameters, their present values, and the ways to change them.
 *
 * `values` is a plain object with one typed property for each parameter (`config.values['maxmemory-policy']`): cheap
 * enough to read anywhere. It is changed in place, so keep the object, not copies of its fields; code that runs for
 * every command copies what it needs and subscribes with `onChange`.
 *
 * CONFIG SET is all or nothing. It goes through these steps, and a failure in any of them leaves everything as it was:
 *   1. look up every name; refuse unknown, immutable, protected and repeated ones;
 *   2. parse every value;
 *   3. put the new values in place, and run the appliers of those that differ. An applier makes the change real
 *      (listens on the new port); it may refuse by returning a reason, at once or later. Then the old values are put
 *      back, and the appliers that had run before run again;
 *   4. tell the listeners.
 * While a change waits for an applier, the next one waits too, so they never overlap.
 */
import { statSync } from 'node:fs';
import { globMatch } from '../util/glob.ts';
import {
  type Directive,
  type Location,
  lineError,
  type ReaderOptions,
  readConfigFile,
  readDirectives,
  type Segment,
  WRONG_DIRECTIVE,
} from './file-reader.ts';
import { resolvePath } from './kinds.ts';
import {
  type AnyParameter,
  aliasesOf,
  bytesToText,
  ParameterError,
  type ParameterTable,
  textToBytes,
  type ValuesOf,
} from './parameter.ts';
import { systemErrorText } from './system-errors.ts';

/** Names that parameters had in the files that came with Redis up to 6.2. */
const OLD_NAME = /ziplist|^slave-/;

/** A directive of files that is no parameter, like `user` or `rename-command`. */
export interface DirectiveHandler {
  /** How many words it takes. */
  readonly min: number;
  readonly max: number;
  /** A comment may follow after this many words; null: never. */
  readonly commentAfter: number | null;
  /** The same by the first word, for directives that are several; that word counts. */
  readonly commentAfterOption?: (option: string) => number | null;
  /** Takes the words, or says why not. */
  accept(words: readonly string[], location: Location): string | null;
}

export interface ConfigOptions {
  /** Shown in reports about wrong files. */
  readonly version?: string;
  /** Working directory that relative paths start from. */
  readonly cwd?: string;
  readonly directives?: Readonly<Record<string, DirectiveHandler>>;
}

/** What to load, in the order in which it counts. */
export interface ConfigSources {
  /** Path of the configuration file. */
  readonly file?: string | null;
  /** What was read from standard input, as bytes. */
  readonly stdin?: string;
  /** Lines made of command line options, as bytes (see command-line.ts). */
  readonly options?: string;
}

/** Makes a change real; a text says why it cannot be. */
export type Applier = () => string | null | undefined | Promise<string | null | undefined>;

/** The result of CONFIG SET: null, or the text of the error without "ERR". */
export type SetResult = string | null;

interface Slot {
  readonly name: string;
  readonly parameter: AnyParameter;
  stored: unknown;
  /** Seen while loading. */
  loaded: boolean;
  /** Named by a CONFIG SET. */
  set: boolean;
  applier: Applier | null;
  readonly listeners: (() => void)[];
}

interface Change {
  readonly slot: Slot;
  /** The name as the user wrote it. */
  readonly given: string;
  readonly old: unknown;
}

export class Config<T extends ParameterTable> {
  /** The present values. Read only for everybody but this class. */
  readonly values: ValuesOf<T>;
  /** Absolute path of the configuration file as text, or null. */
  file: string | null = null;
  /** What was loaded is of before Redis 7, by the names it uses. */
  hasOldNames = false;
  readonly version: string;
  readonly #slots: Slot[] = [];
  /** By all names, aliases too. */
  readonly #byName = new Map<string, Slot>();
  readonly #directives: Readonly<Record<string, DirectiveHandler>>;
  readonly #cwd: string;
  /** The change that waits for an applier. */
  #pending: Promise<SetResult> | null = null;

  constructor(table: T, options: ConfigOptions = {}) {
    this.version = options.version ?? '7.2.4';
    this.#directives = options.directives ?? {};
    this.#cwd = textToBytes(options.cwd ?? process.cwd());
    for (const [name, parameter] of Object.entries<AnyParameter>(table)) {
      const stored = name === 'dir' ? this.#cwd : parameter.default;
      const slot: Slot = { name, parameter, stored, loaded: false, set: false, applier: null, listeners: [] };
      this.#slots.push(slot);
      for (const known of [name, ...aliasesOf(parameter)]) this.#byName.set(known, slot);
    }
    // Object.fromEntries gives V8 an object with fast properties, which a loop of assignments would not.
    this.values = Object.fromEntries(
      this.#slots.map((slot) => [slot.name, slot.parameter.view(slot.stored)]),
    ) as ValuesOf<T>;
  }

  /** Loads a configuration over the defaults. Throws ConfigFileError; the object is of no use then. */
  load(sources: ConfigSources): void {
    for (const directive of readDirectives(this.#segments(sources), this.readerOptions()))
      this.#apply(directive);
  }

  /** What the file reader and the rewriter must know of this configuration. */
  readerOptions(): ReaderOptions {
    return {
      version: this.version,
      commentAfter: (name: string) => this.#commentAfter(name),
      workingDirectory: () => bytesToText(this.#workingDirectory()),
    };
  }

  #workingDirectory(): string {
    const slot = this.#byName.get('dir');
    return slot === undefined ? this.#cwd : (slot.stored as string);
  }

  #segments(sources: ConfigSources): Segment[] {
    const segments: Segment[] = [];
    if (sources.file != null) {
      this.file = bytesToText(resolvePath(this.#cwd, textToBytes(sources.file)));
      segments.push({ text: readConfigFile(this.file, this.file), origin: this.file, isFile: true });
    }
    if (sources.stdin !== undefined) {
      segments.push({ text: sources.stdin, origin: 'the standard input', isFile: false });
    }
    if (sources.options) {
      segments.push({ text: `\n${sources.options}`, origin: 'the command line', isFile: false });
    }
    return segments.length === 0 ? [{ text: '', origin: 'nowhere', isFile: false }] : segments;
  }

  #commentAfter(name: string): number | null {
    const slot = this.#byName.get(name);
    if (slot !== undefined) return name === 'replicaof' || name === 'slaveof' ? 2 : 1;
    if (name === 'include') return 1;
    const [directive = '', option] = name.split(' ', 2);
    const handler = Object.hasOwn(this.#directives, directive) ? this.#directives[directive] : undefined;
    return (option === undefined ? handler?.commentAfter : handler?.commentAfterOption?.(option)) ?? null;
  }

  #apply(directive: Directive): void {
    const { name, words, location } = directive;
    const slot = this.#byName.get(name);
    if (slot !== undefined) {
      try {
        this.#store(slot, this.#parse(slot, words, 'load', slot.stored));
      } catch (error) {
        if (error instanceof ParameterError) throw lineError(this.version, location, error.message);
        throw error;
      }
      slot.loaded = true;
      if (OLD_NAME.test(name)) this.hasOldNames = true;
      return;
    }
    const handler = Object.hasOwn(this.#directives, name) ? this.#directives[name] : undefined;
    const fits = handler !== undefined && words.length >= handler.min && words.length <= handler.max;
    const problem = fits ? handler.accept(words, location) : WRONG_DIRECTIVE;
    if (problem !== null) throw lineError(this.version, location, problem);
  }

  #parse(slot: Slot, words: readonly string[], source: 'load' | 'set', current: unknown): unknown {
    const context = { current, source, first: !slot.loaded, directoryProblem };
    return slot.parameter.parse(words, context);
  }

  #store(slot: Slot, stored: unknown): void {
    slot.stored = stored;
    (this.values as Record<string, unknown>)[slot.name] = slot.parameter.view(stored);
  }

  /** CONFIG GET: names and texts of all that match any of the patterns, each once. */
  get(patterns: readonly string[]): [name: string, text: string][] {
    const found = new Map<string, [string, string]>();
    for (const pattern of patterns) {
      if (!/[*?[]/.test(pattern)) {
        const slot = this.#byName.get(pattern.toLowerCase());
        const key = pattern.toLowerCase();
        if (slot !== undefined && !found.has(key))
          found.set(key, [pattern, slot.parameter.format(slot.stored)]);
        continue;
      }
      for (const [name, slot] of this.#byName) {
        if (slot.parameter.hidden || found.has(name) || !globMatch(pattern, name, true)) continue;
        found.set(name, [name, slot.parameter.format(slot.stored)]);
      }
    }
    return [...found.values()];
  }

  /** Text of one parameter as CONFIG GET shows it, or null if there is none of that name. */
  text(name: string): string | null {
    const slot = this.#byName.get(name.toLowerCase());
    return slot === undefined ? null : slot.parameter.format(slot.stored);
  }

  /** Who has said what this parameter shall be: a CONFIG SET, the configuration that was loaded, or nobody. */
  givenBy(name: keyof T & string): 'set' | 'load' | null {
    const { loaded, set } = this.#byName.get(name)!;
    if (set) return 'set';
    return loaded ? 'load' : null;
  }

  /** Whether the values of this parameter must be kept out of logs. */
  isSensitive(name: string): boolean {
    return this.#byName.get(name.toLowerCase())?.parameter.sensitive === true;
  }

  /** Whether CONFIG SET of these names must wait until the data is loaded; a name refused before such a one comes first. */
  waitsForLoading(names: readonly string[], allowProtected: boolean): boolean {
    const seen = new Set<string>();
    for (const name of names) {
      const key = name.toLowerCase();
      const parameter = this.#byName.get(key)?.parameter;
      if (parameter === undefined || parameter.immutable || seen.has(key)) return false;
      if (parameter.protected && !allowProtected) return false;
      if (parameter.notWhileLoading) return true;
      seen.add(key);
    }
    return false;
  }

  /**
   * CONFIG SET of names and texts, all or nothing. Gives null, or Redis's error text (without "ERR"); a promise of it
   * if an applier takes time. `allowProtected`: this client may change protected parameters.
   */
  set(
    pairs: readonly (readonly [name: string, text: string])[],
    options: { readonly allowProtected?: boolean } = {},
  ): SetResult | Promise<SetResult> {
    if (this.#pending !== null) {
      const next = this.#pending.then(() => this.#setNow(pairs, options.allowProtected ?? false));
      return this.#holdUntil(next);
    }
    const result = this.#setNow(pairs, options.allowProtected ?? false);
    return result instanceof Promise ? this.#holdUntil(result) : result;
  }

  #holdUntil(result: Promise<SetResult>): Promise<SetResult> {
    const pending = result.finally(() => {
      if (this.#pending === pending) this.#pending = null;
    });
    this.#pending = pending;
    return pending;
  }

  #setNow(
    pairs: readonly (readonly [string, string])[],
    allowProtected: boolean,
  ): SetResult | Promise<SetResult> {
    const seen = new Set<string>();
    for (const [given] of pairs) {
      const key = given.toLowerCase();
      const slot = this.#byName.get(key);
      if (slot === undefined) return `Unknown option or number of arguments for CONFIG SET - '${given}'`;
      if (slot.parameter.immutable) return failed(given, "can't set immutable config");
      if (slot.parameter.protected && !allowProtected) return failed(given, "can't set protected config");
      if (seen.has(key)) return failed(given, 'duplicate parameter');
      seen.add(key);
    }
    const staged = new Map<Slot, { given: string; stored: unknown }>();
    for (const [given, text] of pairs) {
      const slot = this.#byName.get(given.toLowerCase())!;
      try {
        const current = staged.has(slot) ? staged.get(slot)!.stored : slot.stored;
        staged.set(slot, { given, stored: this.#parse(slot, [text], 'set', current) });
      } catch (error) {
        if (error instanceof ParameterError) return failed(given, error.message);
        throw error;
      }
    }
    const changes: Change[] = [];
    for (const [slot, { given, stored }] of staged) {
      slot.set = true;
      if (slot.parameter.format(stored) === slot.parameter.format(slot.stored)) continue;
      changes.push({ slot, given, old: slot.stored });
      this.#store(slot, stored);
    }
    return this.#applyFrom(changes, 0);
  }

  /** Runs the appliers one by one; goes on later only if one of them takes time. */
  #applyFrom(changes: readonly Change[], from: number): SetResult | Promise<SetResult> {
    for (let i = from; i < changes.length; i++) {
      const result = runApplier(changes[i]!.slot.applier);
      if (result instanceof Promise) {
        return result.then(
          (reason) => (reason == null ? this.#applyFrom(changes, i + 1) : this.#rollBack(changes, i, reason)),
          (error: unknown) => this.#rollBack(changes, i, reasonOf(error)),
        );
      }
      if (result != null) return this.#rollBack(changes, i, result);
    }
    for (const { slot } of changes) for (const listener of slot.listeners) listener();
    return null;
  }

  #rollBack(changes: readonly Change[], failedAt: number, reason: string): SetResult | Promise<SetResult> {
    for (const { slot, old } of changes) this.#store(slot, old);
    const error = failed(changes[failedAt]!.given, reason);
    // What had been applied before the failure is applied again, with the old values; so is the one that failed, as
    // it may have got half way. There is nobody left to tell if that fails too.
    let waiting: Promise<unknown> | null = null;
    for (let i = 0; i <= failedAt; i++) {
      const { applier } = changes[i]!.slot;
      if (waiting !== null) {
        waiting = waiting.then(() => runApplier(applier)).catch(() => undefined);
        continue;
      }
      const result = runApplier(applier);
      if (result instanceof Promise) waiting = result.catch(() => undefined);
    }
    return waiting === null ? error : waiting.then(() => error);
  }

  /** Sets a value from inside, e.g. after REPLICAOF: no applier, no listener. */
  assign<K extends keyof ValuesOf<T> & string>(name: K, value: ValuesOf<T>[K]): void {
    this.#store(this.#byName.get(name)!, value);
  }

  /** Calls `listener` after each CONFIG SET that changed the parameter. */
  onChange(name: keyof T & string, listener: () => void): void {
    this.#byName.get(name)!.listeners.push(listener);
  }

  /** Makes `applier` responsible for making changes of the parameter real; there is one for each parameter. */
  onApply(name: keyof T & string, applier: Applier): void {
    this.#byName.get(name)!.applier = applier;
  }

  /** Every parameter with its present value, in the order of the table: for CONFIG REWRITE and the docs. */
  *entries(): Generator<{ name: string; parameter: AnyParameter; stored: unknown }, void, undefined> {
    for (const { name, parameter, stored } of this.#slots) yield { name, parameter, stored };
  }
}

/** Says why a directory cannot be entered, in the words of strerror(3). */
function directoryProblem(path: string): string | null {
  try {
    return statSync(path).isDirectory() ? null : 'Not a directory';
  } catch (error) {
    return systemErrorText(error);
  }
}

/** What an applier throws is a reason too. */
function runApplier(applier: Applier | null): ReturnType<Applier> {
  try {
    return applier === null ? null : applier();
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failed(given: string, reason: string): string {
  return `CONFIG SET failed (possibly related to argument '${given}') - ${reason}`;
}
