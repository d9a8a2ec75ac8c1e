/**
 * SORT and SORT_RO: generic commands of the three collections that have elements.
 */
import {
  type ArgSpec,
  type CommandSpec,
  DENYOOM,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  type KeySpec,
  READONLY,
  WRITE,
} from '../../engine/command-spec.ts';
import {
  block,
  integer,
  key,
  keyAt,
  multipleToken,
  oneOf,
  optional,
  pattern,
  token,
} from '../../engine/spec-helpers.ts';
import { sort, sortKeys, sortRo, sortRoKeys } from './sort.ts';

const COMPLEXITY =
  'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).';

const KEYS: readonly KeySpec[] = [
  keyAt(1, KEY_RO | KEY_ACCESS),
  {
    flags: KEY_RO | KEY_ACCESS,
    notes:
      "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
    begin: 'unknown',
    find: 'unknown',
  },
];

const ARGS: readonly ArgSpec[] = [
  key(),
  optional(pattern('by-pattern', { token: 'BY', keySpecIndex: 1, displayText: 'pattern' })),
  optional(block('limit', [integer('offset'), integer('count')], { token: 'LIMIT' })),
  multipleToken(optional(pattern('get-pattern', { token: 'GET', keySpecIndex: 1, displayText: 'pattern' }))),
  optional(oneOf('order', [token('ASC'), token('DESC')])),
  optional(token('ALPHA', { name: 'sorting' })),
];

export const SORT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'sort',
    group: 'generic',
    since: '1.0.0',
    summary: 'Sorts the elements in a list, a set, or a sorted set, optionally storing the result.',
    complexity: COMPLEXITY,
    arity: -2,
    flags: WRITE | DENYOOM,
    acl: ['set', 'sortedset', 'list', 'dangerous'],
    keys: [
      ...KEYS,
      {
        flags: KEY_OW | KEY_UPDATE,
        notes:
          "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
        begin: 'unknown',
        find: 'unknown',
      },
    ],
    getKeys: sortKeys,
    args: [...ARGS, optional(key('destination', 2, { token: 'STORE' }))],
    run: sort,
  },
  {
    name: 'sort_ro',
    group: 'generic',
    since: '7.0.0',
    summary: 'Returns the sorted elements of a list, a set, or a sorted set.',
    complexity: COMPLEXITY,
    arity: -2,
    flags: READONLY,
    acl: ['set', 'sortedset', 'list', 'dangerous'],
    keys: KEYS,
    getKeys: sortRoKeys,
    args: ARGS,
    run: sortRo,
  },
];
