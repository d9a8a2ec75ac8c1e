/**
 * Commands of the generic group that turn values into bytes and back.
 */
import {
  ASKING,
  type CommandSpec,
  DENYOOM,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INCOMPLETE,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../../engine/command-spec.ts';
import {
  block,
  integer,
  key,
  keyAt,
  multiple,
  oneOf,
  optional,
  string,
  token,
} from '../../engine/spec-helpers.ts';
import * as serialization from './handlers.ts';

const RESTORE_ARGS = [
  key(),
  integer('ttl'),
  string('serialized-value'),
  optional(token('REPLACE', { since: '3.0.0' })),
  optional(token('ABSTTL', { since: '5.0.0' })),
  optional(integer('seconds', { token: 'IDLETIME', since: '5.0.0' })),
  optional(integer('frequency', { token: 'FREQ', since: '5.0.0' })),
];

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
  {
    name: 'migrate',
    group: 'generic',
    since: '2.6.0',
    summary: 'Atomically transfers a key from one Redis instance to another.',
    complexity:
      'This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.',
    arity: -6,
    flags: WRITE,
    acl: ['keyspace', 'dangerous'],
    tips: ['nondeterministic_output'],
    history: [
      ['3.0.0', 'Added the `COPY` and `REPLACE` options.'],
      ['3.0.6', 'Added the `KEYS` option.'],
      ['4.0.7', 'Added the `AUTH` option.'],
      ['6.0.0', 'Added the `AUTH2` option.'],
    ],
    keys: [
      keyAt(3, KEY_RW | KEY_ACCESS | KEY_DELETE),
      {
        flags: KEY_RW | KEY_ACCESS | KEY_DELETE | KEY_INCOMPLETE,
        begin: { keyword: 'KEYS', startFrom: -2 },
        find: { last: -1, step: 1, limit: 0 },
      },
    ],
    getKeys: serialization.migrateKeys,
    args: [
      string('host'),
      integer('port'),
      oneOf('key-selector', [key(), token('""', { name: 'empty-string' })]),
      integer('destination-db'),
      integer('timeout'),
      optional(token('COPY', { since: '3.0.0' })),
      optional(token('REPLACE', { since: '3.0.0' })),
      optional(
        oneOf('authentication', [
          string('auth', { token: 'AUTH', since: '4.0.7', displayText: 'password' }),
          block('auth2', [string('username'), string('password')], { token: 'AUTH2', since: '6.0.0' }),
        ]),
      ),
      optional(multiple(key('keys', 1, { token: 'KEYS', since: '3.0.6', displayText: 'key' }))),
    ],
    run: serialization.migrate,
  },
  {
    name: 'restore',
    group: 'generic',
    since: '2.6.0',
    summary: 'Creates a key from the serialized representation of a value.',
    complexity:
      'O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).',
    arity: -4,
    flags: WRITE | DENYOOM,
    acl: ['keyspace', 'dangerous'],
    history: [
      ['3.0.0', 'Added the `REPLACE` modifier.'],
      ['5.0.0', 'Added the `ABSTTL` modifier.'],
      ['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
    ],
    keys: [keyAt(1, KEY_OW | KEY_UPDATE)],
    args: RESTORE_ARGS,
    run: serialization.restore,
  },
  {
    name: 'restore-asking',
    group: 'server',
    since: '3.0.0',
    summary: 'An internal command for migrating keys in a cluster.',
    complexity:
      'O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).',
    arity: -4,
    flags: WRITE | DENYOOM | ASKING,
    acl: ['keyspace', 'dangerous'],
    docFlags: ['syscmd'],
    history: [
      ['3.0.0', 'Added the `REPLACE` modifier.'],
      ['5.0.0', 'Added the `ABSTTL` modifier.'],
      ['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
    ],
    keys: [keyAt(1, KEY_OW | KEY_UPDATE)],
    args: RESTORE_ARGS,
    run: serialization.restore,
  },
];
