/**
 * Commands of the generic group that turn values into bytes and back.
 */
import { type CommandSpec, KEY_ACCESS, KEY_RO, READONLY } from '../../engine/command-spec.ts';
import { key, keyAt } from '../../engine/spec-helpers.ts';
import * as serialization from './handlers.ts';

export const SERIALIZATION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dump',
    group: 'generic',
    since: '2.6.0',
    summary: 'Returns a serialized representation of the value stored at a key.',
    complexity:
      'O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).',
    arity: 2,
    flags: READONLY,
    acl: ['keyspace'],
    tips: ['nondeterministic_output'],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key()],
    run: serialization.dump,
  },
];
