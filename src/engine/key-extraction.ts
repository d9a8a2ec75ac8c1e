/**
 * Which arguments of a command are keys: the one place that knows. COMMAND GETKEYS shows it; ACL key checks, key
 * prefixes and cluster slots build on it.
 *
 * The key specs of the entry tell (a range, a count argument, a keyword). Where they are unknown, incomplete or
 * have flags that depend on the arguments, the entry's own `getKeys` does.
 */
import type { Args } from '../resp/args.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import { parseSafeInt } from '../util/number-text.ts';
import {
  KEY_INCOMPLETE,
  KEY_NOT_KEY,
  KEY_VARIABLE_FLAGS,
  type KeyRef,
  type KeySpec,
  NO_MANDATORY_KEYS,
} from './command-spec.ts';
import type { Command } from './command-table.ts';
import { err } from './errors.ts';

export const NO_KEY_ARGUMENTS = err('The command has no key arguments');
export const INVALID_ARGUMENTS = err('Invalid arguments specified for command');
export const INVALID_COMMAND = err('Invalid command specified');
export const INVALID_ARGUMENT_COUNT = err('Invalid number of arguments specified for command');

/** The keys in `args` (the whole command, name included), or why COMMAND GETKEYS refuses to tell. */
export function extractKeys(command: Command, args: Args): KeyRef[] | ReplyError {
  if (!takesKeys(command)) return NO_KEY_ARGUMENTS;
  const { arity } = command;
  if (arity > 0 ? args.count !== arity : args.count < -arity) return INVALID_ARGUMENT_COUNT;
  const keys = findKeys(command, args);
  if (keys !== null && keys.length > 0) return keys;
  return (command.flags & NO_MANDATORY_KEYS) !== 0 ? [] : INVALID_ARGUMENTS;
}

/** Whether there are arguments at all that may be keys. */
export function takesKeys(command: Command): boolean {
  if (command.spec.getKeys !== undefined) return true;
  return command.keys.some(({ flags }) => (flags & KEY_NOT_KEY) === 0);
}

/** The keys in arguments of the right number; null: the arguments make no sense. */
export function findKeys(command: Command, args: Args): KeyRef[] | null {
  const { getKeys } = command.spec;
  const variable = command.keys.some(({ flags }) => (flags & KEY_VARIABLE_FLAGS) !== 0);
  if (getKeys === undefined) return bySpecs(command.keys, args);
  const keys = variable || command.keys.length === 0 ? null : bySpecs(command.keys, args);
  return keys ?? getKeys(args);
}

function bySpecs(specs: readonly KeySpec[], args: Args): KeyRef[] | null {
  const keys: KeyRef[] = [];
  for (const spec of specs) {
    if ((spec.flags & KEY_NOT_KEY) !== 0) continue;
    if ((spec.flags & KEY_INCOMPLETE) !== 0) return null;
    if (spec.begin === 'unknown' || spec.find === 'unknown') return null;
    const begin = 'index' in spec.begin ? spec.begin.index : findKeyword(spec.begin, args);
    // A keyword that isn't there: an optional part.
    if (begin === 0) continue;
    if (!addKeys(keys, spec.find, begin, spec.flags, args)) return null;
  }
  return keys;
}

/** Index behind the keyword, 0 if it isn't there. */
function findKeyword(begin: { keyword: string; startFrom: number }, args: Args): number {
  const word = begin.keyword.toLowerCase();
  const step = begin.startFrom > 0 ? 1 : -1;
  const from = begin.startFrom > 0 ? begin.startFrom : args.count + begin.startFrom;
  for (let i = from; i >= 1 && i < args.count - 1; i += step) if (args.is(i, word)) return i + 1;
  return 0;
}

function addKeys(
  keys: KeyRef[],
  find: Exclude<KeySpec['find'], 'unknown'>,
  begin: number,
  flags: number,
  args: Args,
): boolean {
  let first = begin;
  let last: number;
  if ('last' in find) {
    if (find.last >= 0) last = first + find.last;
    else if (find.limit <= 1) last = args.count + find.last;
    else last = first + Math.floor((args.count - first) / find.limit) + find.last;
  } else {
    const at = begin + find.numkeysAt;
    if (at >= args.count) return false;
    const count = parseSafeInt(args.buf, args.off[at]!, args.len[at]!);
    if (Number.isNaN(count) || count < 0) return false;
    first = begin + find.firstKey;
    last = first + (count - 1) * find.step;
  }
  if (first >= args.count || last >= args.count || last < first) return false;
  for (let index = first; index <= last; index += find.step) keys.push({ index, flags });
  return true;
}
