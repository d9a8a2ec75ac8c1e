/** The kinds that take several words, each with a grammar of its own. */
import { many, type Parameter, ParameterError, type ParameterOptions } from '../parameter.ts';
import { quote } from '../words.ts';
import { formatMemory, INT_MAX, notOneOf, parseMemory } from './basic.ts';

/** Words kept as they are, e.g. addresses. */
export function stringList(
  options: ParameterOptions<readonly string[]> & { readonly max: number; readonly tooMany: string },
): Parameter<readonly string[]> {
  return many(
    {
      type: `up to ${options.max} words`,
      parse(words) {
        if (words.length > options.max) throw new ParameterError(options.tooMany);
        // An empty word (`bind ""`) names nothing.
        return words.length === 1 && words[0] === '' ? [] : words;
      },
      format: (stored) => stored.join(' '),
      rewrite(name, stored) {
        const force = stored.join(' ') !== options.default.join(' ');
        return [{ text: `${name} ${stored.length === 0 ? '""' : stored.join(' ')}`, force }];
      },
    },
    options,
  );
}

/** Several of the names at once, e.g. `save force`; the first name means none of the others. */
export function choices<const N extends string>(
  names: readonly N[],
  options: ParameterOptions<readonly NoInfer<N>[]> & {
    readonly check?: (chosen: readonly NoInfer<N>[]) => string | null;
  },
): Parameter<readonly N[]> {
  const none = names[0]!;
  return many<readonly N[]>(
    {
      type: `any of ${names.join(', ')}`,
      parse(words) {
        if (words.length === 0) throw notOneOf(names);
        const lower = words.map((word) => word.toLowerCase());
        for (const word of lower) if (!names.some((name) => name === word)) throw notOneOf(names);
        const chosen = names.filter((name) => name !== none && lower.includes(name));
        const problem = options.check?.(chosen) ?? null;
        if (problem !== null) throw new ParameterError(problem);
        return chosen;
      },
      format: (stored) => (stored.length === 0 ? none : stored.join(' ')),
    },
    options,
  );
}

/** A save point: save when `changes` changes were made within `seconds`. */
export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/**
 * Save points. The first `save` of a configuration replaces the default ones, further ones add to it, and `save ""`
 * removes all that were given so far.
 */
export function savePoints(options: ParameterOptions<readonly SavePoint[]>): Parameter<readonly SavePoint[]> {
  const format = (stored: readonly SavePoint[]) =>
    stored.map((point) => `${point.seconds} ${point.changes}`).join(' ');
  const parameter = many<readonly SavePoint[]>(
    {
      type: 'pairs of seconds and changes',
      parse(words, context) {
        if (words.length % 2 !== 0) throw new ParameterError('Invalid save parameters');
        const points: SavePoint[] = [];
        for (let i = 0; i < words.length; i += 2) {
          points.push({ seconds: saveNumber(words[i]!, 1), changes: saveNumber(words[i + 1]!, 0) });
        }
        return context.source === 'load' && !context.first ? [...context.current, ...points] : points;
      },
      format,
      rewrite(name, stored) {
        if (stored.length === 0) return [{ text: `${name} ""`, force: true }];
        return stored.map((point) => ({ text: `${name} ${point.seconds} ${point.changes}`, force: true }));
      },
    },
    options,
  );
  return {
    ...parameter,
    parse: (words, context) => (words.length === 1 && words[0] === '' ? [] : parameter.parse(words, context)),
  };
}

function saveNumber(word: string, min: number): number {
  const match = /^\s*([+-]?[0-9]+)$/.exec(word);
  const value = match === null ? Number.NaN : Number(match[1]);
  if (!(value >= min && value <= INT_MAX)) throw new ParameterError('Invalid save parameters');
  return value;
}

/** Limits of the bytes waiting to be sent to a client; 0 means no limit. */
export interface OutputBufferLimit {
  /** At once disconnected above this many bytes. */
  readonly hardBytes: number;
  /** Disconnected when above this many bytes for `softSeconds`. */
  readonly softBytes: number;
  readonly softSeconds: number;
}

export type OutputBufferClass = 'normal' | 'replica' | 'pubsub';
export type OutputBufferLimits = Readonly<Record<OutputBufferClass, OutputBufferLimit>>;

const CLASSES: readonly OutputBufferClass[] = ['normal', 'replica', 'pubsub'];

/** `<class> <hard> <soft> <soft seconds>`, for one or more classes; the others stay. */
export function outputBufferLimits(
  options: ParameterOptions<OutputBufferLimits>,
): Parameter<OutputBufferLimits> {
  const same = (a: OutputBufferLimit, b: OutputBufferLimit) =>
    a.hardBytes === b.hardBytes && a.softBytes === b.softBytes && a.softSeconds === b.softSeconds;
  return many(
    {
      type: 'groups of class, hard limit, soft limit, soft seconds',
      parse(words, context) {
        if (words.length % 4 !== 0) {
          throw new ParameterError('Wrong number of arguments in buffer limit configuration.');
        }
        const limits: Record<OutputBufferClass, OutputBufferLimit> = { ...context.current };
        for (let i = 0; i < words.length; i += 4) {
          limits[outputBufferClass(words[i]!)] = outputBufferLimit(
            words[i + 1]!,
            words[i + 2]!,
            words[i + 3]!,
          );
        }
        return limits;
      },
      format: (stored) =>
        CLASSES.map((name) => {
          const { hardBytes, softBytes, softSeconds } = stored[name];
          // CONFIG GET says `slave` to this day, CONFIG REWRITE says `replica`.
          return `${name === 'replica' ? 'slave' : name} ${hardBytes} ${softBytes} ${softSeconds}`;
        }).join(' '),
      rewrite: (name, stored) =>
        CLASSES.map((type) => {
          const { hardBytes, softBytes, softSeconds } = stored[type];
          return {
            text: `${name} ${type} ${formatMemory(hardBytes)} ${formatMemory(softBytes)} ${softSeconds}`,
            force: !same(stored[type], options.default[type]),
          };
        }),
    },
    options,
  );
}

function outputBufferClass(word: string): OutputBufferClass {
  const lower = word.toLowerCase();
  const found = lower === 'slave' ? 'replica' : CLASSES.find((name) => name === lower);
  if (found === undefined) {
    throw new ParameterError('Invalid client class specified in buffer limit configuration.');
  }
  return found;
}

function outputBufferLimit(hard: string, soft: string, seconds: string): OutputBufferLimit {
  const hardBytes = parseMemory(hard);
  const softBytes = parseMemory(soft);
  const softSeconds = /^\s*\+?[0-9]+$/.test(seconds) ? Number(seconds) : Number.NaN;
  if (hardBytes === null || softBytes === null || Number.isNaN(softSeconds)) {
    throw new ParameterError('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
  }
  return { hardBytes: Number(hardBytes), softBytes: Number(softBytes), softSeconds };
}

/** Classes of keyspace events, the bits of `notify-keyspace-events`. */
export const NOTIFY = {
  KEYSPACE: 1 << 0,
  KEYEVENT: 1 << 1,
  GENERIC: 1 << 2,
  STRING: 1 << 3,
  LIST: 1 << 4,
  SET: 1 << 5,
  HASH: 1 << 6,
  ZSET: 1 << 7,
  EXPIRED: 1 << 8,
  EVICTED: 1 << 9,
  STREAM: 1 << 10,
  KEY_MISS: 1 << 11,
  LOADED: 1 << 12,
  MODULE: 1 << 13,
  NEW: 1 << 14,
  /** What the letter A stands for: all but key misses and new keys. */
  ALL:
    (1 << 2) |
    (1 << 3) |
    (1 << 4) |
    (1 << 5) |
    (1 << 6) |
    (1 << 7) |
    (1 << 8) |
    (1 << 9) |
    (1 << 10) |
    (1 << 13),
} as const;

/** Letters that A covers, or that are shown only when A is not, in the order of CONFIG GET. */
const CLASS_LETTERS: readonly (readonly [string, number])[] = [
  ['g', NOTIFY.GENERIC],
  ['$', NOTIFY.STRING],
  ['l', NOTIFY.LIST],
  ['s', NOTIFY.SET],
  ['h', NOTIFY.HASH],
  ['z', NOTIFY.ZSET],
  ['x', NOTIFY.EXPIRED],
  ['e', NOTIFY.EVICTED],
  ['t', NOTIFY.STREAM],
  ['d', NOTIFY.MODULE],
  ['n', NOTIFY.NEW],
];
const ALWAYS_LETTERS: readonly (readonly [string, number])[] = [
  ['K', NOTIFY.KEYSPACE],
  ['E', NOTIFY.KEYEVENT],
  ['m', NOTIFY.KEY_MISS],
];
const NOTIFY_BITS = new Map<string, number>([['A', NOTIFY.ALL], ...CLASS_LETTERS, ...ALWAYS_LETTERS]);

/** The letters of `notify-keyspace-events` for a set of bits. */
export function notifyLetters(bits: number): string {
  const letters = (table: readonly (readonly [string, number])[]) =>
    table.map(([letter, bit]) => ((bits & bit) !== 0 ? letter : '')).join('');
  const classes = (bits & NOTIFY.ALL) === NOTIFY.ALL ? 'A' : letters(CLASS_LETTERS);
  return classes + letters(ALWAYS_LETTERS);
}

/** Letters for the keyspace events to publish; the value is a set of `NOTIFY` bits. */
export function notifyEvents(options: ParameterOptions<number>): Parameter<number> {
  return {
    ...options,
    type: 'letters of Ag$lshzxeKEtmdn',
    words: 1,
    parse(words) {
      if (words.length !== 1) throw new ParameterError('wrong number of arguments');
      let bits = 0;
      for (const letter of words[0]!) {
        const bit = NOTIFY_BITS.get(letter);
        if (bit === undefined) {
          throw new ParameterError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        }
        bits |= bit;
      }
      return bits;
    },
    format: notifyLetters,
    view: (stored) => stored,
    rewrite: (name, stored) => [
      { text: `${name} ${quote(notifyLetters(stored))}`, force: stored !== options.default },
    ],
  };
}

export type OomScores = readonly [master: number, replica: number, child: number];

/** Three numbers for oom_score_adj: master, replica, background child. */
export function oomScores(options: ParameterOptions<OomScores>): Parameter<OomScores> {
  return many<OomScores>(
    {
      type: 'three integers -2000 … 2000',
      parse(words) {
        if (words.length !== 3) throw new ParameterError('wrong number of arguments');
        const scores = words.map((word) => (/^\s*[+-]?[0-9]+$/.test(word) ? Number(word) : Number.NaN));
        if (!scores.every((score) => score >= -2000 && score <= 2000)) {
          throw new ParameterError('Invalid oom-score-adj-values, elements must be between -2000 and 2000.');
        }
        return [scores[0]!, scores[1]!, scores[2]!];
      },
      format: (stored) => stored.join(' '),
    },
    options,
  );
}

/** Percentiles to report, each 0 … 100. */
export function percentiles(options: ParameterOptions<readonly number[]>): Parameter<readonly number[]> {
  return many<readonly number[]>(
    {
      type: 'numbers 0 … 100',
      parse: (words) =>
        words.map((word) => {
          const value = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i.test(word)
            ? Number(word)
            : Number.NaN;
          if (Number.isNaN(value)) {
            throw new ParameterError('Invalid latency-tracking-info-percentiles parameters');
          }
          if (value < 0 || value > 100) {
            throw new ParameterError(
              'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
            );
          }
          return value;
        }),
      format: (stored) => stored.map(String).join(' '),
      rewrite: (name, stored) => [
        { text: `${name} ${stored.length === 0 ? '""' : stored.map(String).join(' ')}`, force: true },
      ],
    },
    options,
  );
}

/** Address of the master of a replica. */
export interface MasterAddress {
  readonly host: string;
  readonly port: number;
}

/** `<host> <port>`, or `no one`; null on a master. */
export function masterAddress(
  options: ParameterOptions<MasterAddress | null>,
): Parameter<MasterAddress | null> {
  const format = (stored: MasterAddress | null) => (stored === null ? '' : `${stored.host} ${stored.port}`);
  return many<MasterAddress | null>(
    {
      type: 'host and port',
      parse(words) {
        if (words.length !== 2) throw new ParameterError('wrong number of arguments');
        const [host, port] = words as [string, string];
        if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') return null;
        const number = /^[0-9]+$/.test(port) ? Number(port) : Number.NaN;
        if (!(number >= 0 && number <= 65535)) throw new ParameterError('Invalid master port');
        return { host, port: number };
      },
      format,
      rewrite: (name, stored) =>
        stored === null ? [] : [{ text: `${name} ${format(stored)}`, force: true }],
    },
    options,
  );
}
