/**
 * The commands of the bitmap group.
 */
import {
  BATCHED,
  type CommandSpec,
  DENYOOM,
  FAST,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  KEY_VARIABLE_FLAGS,
  type KeyRef,
  READONLY,
  WRITE,
} from '../../engine/command-spec.ts';
import {
  block,
  integer,
  key,
  keyAt,
  multiple,
  multipleToken,
  oneOf,
  optional,
  string,
  token,
} from '../../engine/spec-helpers.ts';
import type { Args } from '../../resp/args.ts';
import { bitfield, bitfieldRo } from './bitfield.ts';
import { bitop } from './bitop.ts';
import { bitcount, bitpos, getbit, setbit } from './bits.ts';

const UNIT = optional(oneOf('unit', [token('BYTE'), token('BIT')], { since: '7.0.0' }));
const UNIT_HISTORY = [['7.0.0', 'Added the `BYTE|BIT` option.']] as const;
const FIELD = [string('encoding'), integer('offset')] as const;

export const BITMAP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bitcount',
    group: 'bitmap',
    since: '2.6.0',
    summary: 'Counts the number of set bits (population counting) in a string.',
    complexity: 'O(N)',
    arity: -2,
    flags: READONLY,
    acl: ['bitmap'],
    history: UNIT_HISTORY,
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), optional(block('range', [integer('start'), integer('end'), UNIT]))],
    run: bitcount,
  },
  {
    name: 'bitfield',
    group: 'bitmap',
    since: '3.2.0',
    summary: 'Performs arbitrary bitfield integer operations on strings.',
    complexity: 'O(1) for each subcommand specified',
    arity: -2,
    flags: WRITE | DENYOOM,
    acl: ['bitmap'],
    keys: [
      keyAt(1, KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS, {
        notes: 'This command allows both access and modification of the key',
      }),
    ],
    getKeys: bitfieldKeys,
    args: [
      key(),
      optional(
        multiple(
          oneOf('operation', [
            block('get-block', FIELD, { token: 'GET' }),
            block('write', [
              optional(
                oneOf('overflow-block', [token('WRAP'), token('SAT'), token('FAIL')], { token: 'OVERFLOW' }),
              ),
              oneOf('write-operation', [
                block('set-block', [...FIELD, integer('value')], { token: 'SET' }),
                block('incrby-block', [...FIELD, integer('increment')], { token: 'INCRBY' }),
              ]),
            ]),
          ]),
        ),
      ),
    ],
    run: bitfield,
  },
  {
    name: 'bitfield_ro',
    group: 'bitmap',
    since: '6.0.0',
    summary: 'Performs arbitrary read-only bitfield integer operations on strings.',
    complexity: 'O(1) for each subcommand specified',
    arity: -2,
    flags: READONLY | FAST,
    acl: ['bitmap'],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), optional(multipleToken(block('get-block', FIELD, { token: 'GET' })))],
    run: bitfieldRo,
  },
  {
    name: 'bitop',
    group: 'bitmap',
    since: '2.6.0',
    summary: 'Performs bitwise operations on multiple strings, and stores the result.',
    complexity: 'O(N)',
    arity: -4,
    flags: WRITE | DENYOOM,
    acl: ['bitmap'],
    keys: [keyAt(2, KEY_OW | KEY_UPDATE), keyAt(3, KEY_RO | KEY_ACCESS, { last: -1 })],
    args: [
      oneOf('operation', [token('AND'), token('OR'), token('XOR'), token('NOT')]),
      key('destkey'),
      multiple(key('key', 1)),
    ],
    run: bitop,
  },
  {
    name: 'bitpos',
    group: 'bitmap',
    since: '2.8.7',
    summary: 'Finds the first set (1) or clear (0) bit in a string.',
    complexity: 'O(N)',
    arity: -3,
    flags: READONLY,
    acl: ['bitmap'],
    history: UNIT_HISTORY,
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [
      key(),
      integer('bit'),
      optional(block('range', [integer('start'), optional(block('end-unit-block', [integer('end'), UNIT]))])),
    ],
    run: bitpos,
  },
  {
    name: 'getbit',
    group: 'bitmap',
    since: '2.2.0',
    summary: 'Returns a bit value by offset.',
    complexity: 'O(1)',
    arity: 3,
    flags: READONLY | FAST | BATCHED,
    acl: ['bitmap'],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), integer('offset')],
    run: getbit,
  },
  {
    name: 'setbit',
    group: 'bitmap',
    since: '2.2.0',
    summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
    complexity: 'O(1)',
    arity: 4,
    flags: WRITE | DENYOOM,
    acl: ['bitmap'],
    keys: [keyAt(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)],
    args: [key(), integer('offset'), integer('value')],
    run: setbit,
  },
];

/** With nothing but GETs, BITFIELD only reads. */
function bitfieldKeys(args: Args): KeyRef[] {
  let reads = true;
  for (let i = 2; i < args.count; ) {
    const left = args.count - i - 1;
    if (args.is(i, 'get') && left >= 2) i += 3;
    else if ((args.is(i, 'set') || args.is(i, 'incrby')) && left >= 3) {
      reads = false;
      break;
    } else if (args.is(i, 'overflow') && left >= 1) i += 2;
    else {
      reads = false;
      break;
    }
  }
  return [{ index: 1, flags: reads ? KEY_RO | KEY_ACCESS : KEY_RW | KEY_ACCESS | KEY_UPDATE }];
}
