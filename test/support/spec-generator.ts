/**
 * Commands made from their own table entries: the arguments that COMMAND DOCS tells of, with values that fit more
 * often than not. So every command with every option meets every type of key, without a line of its own.
 */
import fc from 'fast-check';
import type { ArgSpec, CommandSpec } from '../../src/engine/command-spec.ts';

/** The groups of commands that read and change data. */
export const DATA_GROUPS: ReadonlySet<string> = new Set([
  'string',
  'generic',
  'hash',
  'list',
  'set',
  'sorted_set',
  'stream',
  'bitmap',
  'hyperloglog',
  'geo',
]);

/** Keys by the group whose commands like them; a few more are shared by all. */
const KEYS_OF: Readonly<Record<string, readonly string[]>> = {
  string: ['s1', 's2'],
  bitmap: ['b1', 's1'],
  hyperloglog: ['p1', 'p2'],
  list: ['l1', 'l2'],
  set: ['t1', 't2'],
  sorted_set: ['z1', 'z2'],
  geo: ['g1', 'z1'],
  hash: ['h1', 'h2'],
  stream: ['x1', 'x2'],
};
const ANY_KEYS = [...new Set(Object.values(KEYS_OF).flat()), 'none', ''];

const WORDS = [
  'a',
  'b',
  'c',
  'd',
  'e',
  'f',
  'g',
  'member',
  'foo',
  '',
  '1',
  '2',
  '-7',
  '3.5',
  '\u00ff\u0000',
  'x'.repeat(70),
];
const INTEGERS = [
  '0',
  '1',
  '2',
  '3',
  '5',
  '10',
  '100',
  '-1',
  '-2',
  '-100',
  '4294967295',
  '9223372036854775807',
];
// Not -2^63, which is right nearly everywhere: 7.2 refuses it as LPOS's RANK, the real server, a 7.0, does not.
const WRONG_INTEGERS = ['-9223372036854775809', '9223372036854775808', 'abc', '1.5', ''];
const DOUBLES = [
  '0',
  '1',
  '2',
  '-1',
  '1.5',
  '0.1',
  '3e2',
  'inf',
  '-inf',
  '1e300',
  'nan',
  'x',
  '13.361389',
  '38.115556',
];
const BOUNDS = ['-inf', '+inf', '(1', '1', '(2', '5', '-', '+', '[a', '(b', '[c', 'x', '0', '-1', '2'];
const STREAM_IDS = [
  '1-1',
  '1-2',
  '2-0',
  '3',
  '5-5',
  '0',
  '0-0',
  '-',
  '+',
  '(1-1',
  '18446744073709551615',
  '$',
  '>',
  'x-1',
];
const PATTERNS = ['*', '?1', 'a*', '[a-c]', 'h1->a', 'w_*', '#', 'nosort'];

const pick = (values: readonly string[]): fc.Arbitrary<string[]> =>
  fc.constantFrom(...values).map((value) => [value]);
const NOTHING: fc.Arbitrary<string[]> = fc.constant([]);

function concat(parts: readonly fc.Arbitrary<string[]>[]): fc.Arbitrary<string[]> {
  return parts.length === 0 ? NOTHING : fc.tuple(...parts).map((lists) => lists.flat());
}

/** The name and arguments of one call. */
export function commandFromSpec(spec: CommandSpec, parent?: string): fc.Arbitrary<string[]> {
  const name = parent === undefined ? [spec.name] : [parent, spec.name];
  return concat([fc.constant(name), argumentsOf(spec, spec.args ?? [])]);
}

function argumentsOf(spec: CommandSpec, args: readonly ArgSpec[]): fc.Arbitrary<string[]> {
  const parts: fc.Arbitrary<string[]>[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    // The real server is a 7.0.
    if ((arg.since !== undefined && arg.since >= '7.2') || arg.token === 'WITHSCORE') continue;

    const next = args[i + 1];
    if (arg.name === 'numkeys' && next?.multiple === true) {
      parts.push(counted(spec, next));
      i++;
    } else parts.push(argument(spec, arg));
  }
  return concat(parts);
}

/** `numkeys key [key ...]`, with the right number nearly always. */
function counted(spec: CommandSpec, keys: ArgSpec): fc.Arbitrary<string[]> {
  const list = fc.array(value(spec, { ...keys, multiple: false }), { minLength: 1, maxLength: 3 });
  const lie = fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 1, -5) },
  );
  return fc.tuple(list, lie).map(([found, off]) => [String(found.length + off), ...found.flat()]);
}

function argument(spec: CommandSpec, arg: ArgSpec): fc.Arbitrary<string[]> {
  const once = arg.token !== undefined && arg.type !== 'pure-token' ? tokened(spec, arg) : value(spec, arg);
  const all =
    arg.multiple === true
      ? fc
          .array(arg.multipleToken === true ? once : value(spec, arg), { minLength: 1, maxLength: 3 })
          .map((lists) => {
            const flat = lists.flat();
            return arg.token !== undefined && arg.multipleToken !== true ? [arg.token, ...flat] : flat;
          })
      : once;
  if (arg.optional !== true) return all;
  return fc.oneof({ weight: 3, arbitrary: NOTHING }, { weight: 2, arbitrary: all });
}

function tokened(spec: CommandSpec, arg: ArgSpec): fc.Arbitrary<string[]> {
  return value(spec, arg).map((words) => [arg.token!, ...words]);
}

function value(spec: CommandSpec, arg: ArgSpec): fc.Arbitrary<string[]> {
  switch (arg.type) {
    case 'pure-token':
      // An id that each server makes of its own clock.
      if (arg.token === '*') return fc.tuple(fc.nat(40), fc.nat(3)).map(([ms, seq]) => [`${ms}-${seq}`]);
      return fc
        .constantFrom(arg.token!, arg.token!.toLowerCase())
        .map((word) => (word === '""' ? [] : [word]));
    case 'oneof':
      // By lex means nothing where scores differ.
      return fc.oneof(
        ...arg
          .args!.filter(({ token }) => token !== 'BYLEX')
          .map((one) => argument(spec, { ...one, optional: false })),
      );
    case 'block':
      return argumentsOf(spec, arg.args!);
    case 'key':
      return key(spec);
    case 'integer':
      return integer(spec, arg);
    case 'double':
      if (arg.name === 'timeout') return pick(['0.001', '-1', 'x']);
      return pick(spec.group === 'sorted_set' && /min|max/.test(arg.name) ? BOUNDS : DOUBLES);
    case 'pattern':
      return pick(PATTERNS);
    case 'unix-time':
      return pick(['33177117420', '33177117420000', '1', '-1', 'x']);
    default:
      return word(spec, arg);
  }
}

function key(spec: CommandSpec): fc.Arbitrary<string[]> {
  const own = KEYS_OF[spec.group] ?? ANY_KEYS;
  return fc.oneof({ weight: 12, arbitrary: pick(own) }, { weight: 1, arbitrary: pick(ANY_KEYS) });
}

function integer(spec: CommandSpec, arg: ArgSpec): fc.Arbitrary<string[]> {
  if (arg.name === 'milliseconds' && spec.group === 'stream') return pick(['1', '-1', 'x']);
  // Short times would pass on one server before they do on the other.
  if (/seconds|expiry/.test(arg.name)) return pick(['100000', '99999999', '0', '-1', 'x']);
  // 7.0 takes the smallest integer for -1.
  if (arg.name === 'rank') return pick(INTEGERS);
  if (/db$|index[12]/.test(arg.name)) return pick(['0', '1', '99', 'x']);
  // What a bit offset makes grows with it.
  const small = /offset|bit/.test(arg.name) ? INTEGERS.slice(0, 10) : INTEGERS;
  return fc.oneof({ weight: 9, arbitrary: pick(small) }, { weight: 1, arbitrary: pick(WRONG_INTEGERS) });
}

function word(spec: CommandSpec, arg: ArgSpec): fc.Arbitrary<string[]> {
  if (spec.group === 'stream') {
    if (/id|start|end|threshold|lastid|new-id/i.test(arg.name)) return pick(STREAM_IDS);
    if (/group|consumer/.test(arg.name)) return pick(['grp', 'grp2']);
  }
  if (spec.group === 'sorted_set' && /min|max|start|stop/.test(arg.name)) return pick(BOUNDS);
  if (arg.name === 'encoding') return pick(['u8', 'i8', 'i64', 'u63', 'u1', 'u64', 'i5', 'x']);
  if (arg.name === 'operation') return pick(['AND', 'or', 'XOR', 'NOT', 'x']);
  return pick(WORDS);
}
