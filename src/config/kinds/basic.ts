/** The kinds that take one word: yes/no, numbers, memory, choices, strings, paths. */
import { bytesToText, type Parameter, ParameterError, type ParameterOptions, single } from '../parameter.ts';
import { quote } from '../words.ts';

export const INT_MAX = 2147483647;
export const UINT_MAX = 4294967295;
export const LONG_MAX = 9223372036854775807n;
export const ULONG_MAX = 18446744073709551615n;

type Exact = number | bigint;

/** A bigint only where a number would lose digits. */
function exact(value: bigint): Exact {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** `yes` or `no`. */
export function bool(options: ParameterOptions<boolean>): Parameter<boolean> {
  return single(
    {
      type: 'yes or no',
      parse(word) {
        const lower = word.toLowerCase();
        if (lower !== 'yes' && lower !== 'no') throw new ParameterError("argument must be 'yes' or 'no'");
        return lower === 'yes';
      },
      format: (stored) => (stored ? 'yes' : 'no'),
      view: (stored) => stored,
    },
    options,
  );
}

interface Bounds {
  readonly min?: Exact;
  readonly max?: Exact;
  /** Values outside this range are accepted, and moved into it. */
  readonly clamp?: readonly [number, number];
}

function inBounds(value: bigint, min: Exact, max: Exact): bigint {
  if (value < min || value > max) {
    throw new ParameterError(`argument must be between ${min} and ${max} inclusive`);
  }
  return value;
}

function clamped(value: bigint, clamp: readonly [number, number] | undefined): Exact {
  if (clamp === undefined) return exact(value);
  if (value < clamp[0]) return clamp[0];
  return value > clamp[1] ? clamp[1] : exact(value);
}

/** A decimal integer in the strict form of Redis: no sign +, no leading zeros, no blanks. */
export function parseInteger(word: string): bigint | null {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(word)) return null;
  const value = BigInt(word);
  return value >= -LONG_MAX - 1n && value <= LONG_MAX ? value : null;
}

export function integer(options: ParameterOptions<Exact> & Bounds): Parameter<number, Exact> {
  const min = options.min ?? 0;
  const max = options.max ?? INT_MAX;
  return single(
    {
      type: `integer ${min} … ${max}`,
      parse(word) {
        const value = parseInteger(word);
        if (value === null) throw new ParameterError("argument couldn't be parsed into an integer");
        return clamped(inBounds(value, min, max), options.clamp);
      },
      format: String,
      view: Number,
    },
    options,
  );
}

const UNITS: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000000n,
  mb: 1048576n,
  g: 1000000000n,
  gb: 1073741824n,
};

/**
 * A number of bytes with an optional unit: k, m, g are powers of 1000, kb, mb, gb of 1024. Wraps at 2^64 after the
 * unit, as upstream; an empty text is 0. Null if it is none.
 */
export function parseMemory(word: string): bigint | null {
  const match = /^([0-9]{0,127})([a-z]*)$/i.exec(word);
  if (match === null) return null;
  const unit = UNITS[match[2]!.toLowerCase()];
  if (unit === undefined) return null;
  const count = BigInt(match[1]!);
  return count > ULONG_MAX ? null : BigInt.asUintN(64, count * unit);
}

/** Bytes with the largest unit that divides them, as CONFIG REWRITE writes them. */
export function formatMemory(bytes: Exact): string {
  const value = BigInt(bytes);
  if (value !== 0n) {
    for (const unit of ['gb', 'mb', 'kb']) {
      if (value % UNITS[unit]! === 0n) return `${value / UNITS[unit]!}${unit}`;
    }
  }
  return String(value);
}

/** A number of bytes: `100`, `1k`, `1kb`, `1gb`. */
export function memory(options: ParameterOptions<Exact> & Bounds): Parameter<number, Exact> {
  const min = options.min ?? 0;
  const max = options.max ?? LONG_MAX;
  return single(
    {
      type: `memory from ${formatMemory(min)}`,
      parse(word) {
        const value = parseMemory(word);
        if (value === null) throw new ParameterError('argument must be a memory value');
        return clamped(inBounds(value, min, max), options.clamp);
      },
      format: String,
      view: Number,
      line: (name, stored) => `${name} ${formatMemory(stored)}`,
    },
    options,
  );
}

/** A number of bytes, or a percentage of maxmemory, which is kept as a negative number: `5%` is -5. */
export function memoryOrPercent(options: ParameterOptions<Exact>): Parameter<number, Exact> {
  const format = (stored: Exact) => (stored < 0 ? `${-stored}%` : String(stored));
  return single(
    {
      type: 'memory, or percent of maxmemory',
      parse(word) {
        const percent = word.endsWith('%');
        const parsed = percent ? parseInteger(word.slice(0, -1)) : parseMemory(word);
        if (parsed === null || (percent && parsed < 0n)) {
          throw new ParameterError('argument must be a memory or percent value');
        }
        const value = percent ? -parsed : BigInt.asIntN(64, parsed);
        if (value < -100n) throw new ParameterError('percentage argument must be less or equal to 100');
        return exact(value);
      },
      format,
      view: Number,
      line: (name, stored) => `${name} ${stored < 0 ? format(stored) : formatMemory(stored)}`,
    },
    options,
  );
}

/** File permissions in octal digits; 0 means: leave them as the umask made them. */
export function octal(options: ParameterOptions<number>): Parameter<number> {
  return single(
    {
      type: 'octal 0 … 777',
      parse(word) {
        if (!/^[0-7]{0,20}$/.test(word)) {
          throw new ParameterError("argument couldn't be parsed as an octal number");
        }
        const value = word === '' ? 0 : Number.parseInt(word, 8);
        if (value > 0o777) throw new ParameterError('argument must be between 0 and 777 inclusive');
        return value;
      },
      format: (stored) => stored.toString(8),
      view: (stored) => stored,
    },
    options,
  );
}

export function notOneOf(names: readonly string[]): ParameterError {
  return new ParameterError(`argument(s) must be one of the following: ${names.join(', ')}`);
}

/** One of several names. */
export function choice<const N extends string>(
  names: readonly N[],
  options: ParameterOptions<NoInfer<N>>,
): Parameter<N> {
  return single<N, N>(
    {
      type: names.join(', '),
      parse(word) {
        const lower = word.toLowerCase();
        const found = names.find((name) => name === lower);
        if (found === undefined) throw notOneOf(names);
        return found;
      },
      format: (stored) => stored,
      view: (stored) => stored,
    },
    options,
  );
}

interface StringOptions extends ParameterOptions<string> {
  /** Gives the reason why a text is refused, or null. */
  readonly check?: (text: string) => string | null;
  /** An empty text is a value to keep in the file; otherwise it means "none" and the line goes. */
  readonly keepEmpty?: true;
}

/** Any text, of one word. */
export function string(options: StringOptions): Parameter<string> {
  return single(
    {
      type: 'string',
      parse(word) {
        const problem = options.check?.(word) ?? null;
        if (problem !== null) throw new ParameterError(problem);
        return word;
      },
      format: (stored) => stored,
      view: (stored) => stored,
      line: (name, stored) => (stored === '' && !options.keepEmpty ? null : `${name} ${quote(stored)}`),
    },
    options,
  );
}

/** The working directory: resolved against the one before, and it must exist. */
export function directory(options: ParameterOptions<string>): Parameter<string> {
  const parameter = single<string, string>(
    {
      type: 'directory',
      parse(word, context) {
        if (word === '') throw new ParameterError('No such file or directory');
        const path = resolvePath(context.current, word);
        const problem = context.directoryProblem(bytesToText(path));
        if (problem !== null) throw new ParameterError(problem);
        return path;
      },
      format: (stored) => stored,
      view: (stored) => stored,
    },
    options,
  );
  return { ...parameter, rewrite: (name, stored) => [{ text: `${name} ${quote(stored)}`, force: true }] };
}

/** An absolute path without `.` and `..`, made of a base directory and a path that may be relative. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
