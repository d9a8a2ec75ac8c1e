/**
 * Short forms for the repeating parts of command entries (command-spec.ts): arguments and key specs. They only
 * build plain data, so an entry reads like the syntax line in the manual:
 *
 *     args: [key(), string('value'), optional(token('GET', { since: '6.2.0' }))]
 */
import type { ArgSpec, KeySpec } from './command-spec.ts';

/** What an argument may say besides its name and type. */
type Details = Omit<ArgSpec, 'name' | 'type' | 'args'>;

/** A key; `spec` is the index of the key spec that finds it. */
export function key(name = 'key', spec = 0, details: Details = {}): ArgSpec {
  return { name, type: 'key', keySpecIndex: spec, ...details };
}

export function string(name: string, details: Details = {}): ArgSpec {
  return { name, type: 'string', ...details };
}

export function integer(name: string, details: Details = {}): ArgSpec {
  return { name, type: 'integer', ...details };
}

export function double(name: string, details: Details = {}): ArgSpec {
  return { name, type: 'double', ...details };
}

export function pattern(name = 'pattern', details: Details = {}): ArgSpec {
  return { name, type: 'pattern', ...details };
}

export function unixTime(name: string, details: Details = {}): ArgSpec {
  return { name, type: 'unix-time', ...details };
}

/** A word that stands for itself; its name is the word in lower case unless told. */
export function token(word: string, details: Details & { name?: string } = {}): ArgSpec {
  return { name: word.toLowerCase(), type: 'pure-token', token: word, ...details };
}

/** One of the alternatives. */
export function oneOf(name: string, args: readonly ArgSpec[], details: Details = {}): ArgSpec {
  return { name, type: 'oneof', args, ...details };
}

/** Arguments that come together. */
export function block(name: string, args: readonly ArgSpec[], details: Details = {}): ArgSpec {
  return { name, type: 'block', args, ...details };
}

export function optional(arg: ArgSpec): ArgSpec {
  return { ...arg, optional: true };
}

export function multiple(arg: ArgSpec): ArgSpec {
  return { ...arg, multiple: true };
}

/** The repeated argument repeats its token, too. */
export function multipleToken(arg: ArgSpec): ArgSpec {
  return { ...arg, multiple: true, multipleToken: true };
}

/** A key at a fixed index, or a range that begins there (`last` is relative to it, or negative from the end). */
export function keyAt(
  index: number,
  flags: number,
  range: { last?: number; step?: number; limit?: number; notes?: string } = {},
): KeySpec {
  const { last = 0, step = 1, limit = 0, notes } = range;
  return { flags, begin: { index }, find: { last, step, limit }, ...(notes === undefined ? {} : { notes }) };
}
