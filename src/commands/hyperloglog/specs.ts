/**
 * The commands of the hyperloglog group.
 */
import {
  ADMIN,
  type CommandSpec,
  DENYOOM,
  FAST,
  KEY_ACCESS,
  KEY_INSERT,
  KEY_RO,
  KEY_RW,
  READONLY,
  WRITE,
} from '../../engine/command-spec.ts';
import { key, keyAt, multiple, optional, string } from '../../engine/spec-helpers.ts';
import { pfdebug, pfselftest } from './debug.ts';
import { pfadd, pfcount, pfmerge } from './handlers.ts';

export const HYPERLOGLOG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'pfadd',
    group: 'hyperloglog',
    since: '2.8.9',
    summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
    complexity: 'O(1) to add every element.',
    arity: -2,
    flags: WRITE | DENYOOM | FAST,
    acl: ['hyperloglog'],
    keys: [keyAt(1, KEY_RW | KEY_INSERT)],
    args: [key(), optional(multiple(string('element')))],
    run: pfadd,
  },
  {
    name: 'pfcount',
    group: 'hyperloglog',
    since: '2.8.9',
    summary: 'Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).',
    complexity:
      'O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.',
    arity: -2,
    flags: READONLY,
    acl: ['hyperloglog'],
    keys: [
      keyAt(1, KEY_RW | KEY_ACCESS, {
        last: -1,
        notes: 'RW because it may change the internal representation of the key, and propagate to replicas',
      }),
    ],
    args: [multiple(key())],
    run: pfcount,
  },
  {
    name: 'pfdebug',
    group: 'hyperloglog',
    since: '2.8.9',
    summary: 'Internal commands for debugging HyperLogLog values.',
    complexity: 'N/A',
    arity: 3,
    flags: WRITE | DENYOOM | ADMIN,
    acl: ['hyperloglog'],
    docFlags: ['syscmd'],
    keys: [keyAt(2, KEY_RW | KEY_ACCESS)],
    args: [string('subcommand'), key()],
    run: pfdebug,
  },
  {
    name: 'pfmerge',
    group: 'hyperloglog',
    since: '2.8.9',
    summary: 'Merges one or more HyperLogLog values into a single key.',
    complexity: 'O(N) to merge N HyperLogLogs, but with high constant times.',
    arity: -2,
    flags: WRITE | DENYOOM,
    acl: ['hyperloglog'],
    keys: [keyAt(1, KEY_RW | KEY_ACCESS | KEY_INSERT), keyAt(2, KEY_RO | KEY_ACCESS, { last: -1 })],
    args: [key('destkey'), optional(multiple(key('sourcekey', 1)))],
    run: pfmerge,
  },
  {
    name: 'pfselftest',
    group: 'hyperloglog',
    since: '2.8.9',
    summary: 'An internal command for testing HyperLogLog values.',
    complexity: 'N/A',
    arity: 1,
    flags: ADMIN,
    acl: ['hyperloglog'],
    docFlags: ['syscmd'],
    run: pfselftest,
  },
];
