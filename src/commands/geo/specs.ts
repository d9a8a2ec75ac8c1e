/**
 * The commands of the geo group.
 */
import {
  type ArgSpec,
  type CommandSpec,
  DENYOOM,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  type KeySpec,
  READONLY,
  WRITE,
} from '../../engine/command-spec.ts';
import {
  block,
  double,
  integer,
  key,
  keyAt,
  multiple,
  oneOf,
  optional,
  string,
  token,
} from '../../engine/spec-helpers.ts';
import { geoadd, geodist, geohash, geopos } from './members.ts';
import {
  georadius,
  georadiusbymember,
  georadiusbymemberRo,
  georadiusRo,
  geosearch,
  geosearchstore,
} from './search.ts';

const UNIT = oneOf('unit', [token('M'), token('KM'), token('FT'), token('MI')]);
const UPPERCASE_UNITS = ['7.0.0', 'Added support for uppercase unit names.'] as const;
const ANY_OPTION = ['6.2.0', 'Added the `ANY` option for `COUNT`.'] as const;
const SEARCH_COMPLEXITY =
  'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape';
const RADIUS_COMPLEXITY =
  'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.';

const ORDER = optional(oneOf('order', [token('ASC'), token('DESC')]));
const WITH = [
  optional(token('WITHCOORD')),
  optional(token('WITHDIST')),
  optional(token('WITHHASH')),
] as const;

function countBlock(anySince?: string): ArgSpec {
  const any = token('ANY', anySince === undefined ? {} : { since: anySince });
  return optional(block('count-block', [integer('count', { token: 'COUNT' }), optional(any)]));
}

const FROM = oneOf('from', [
  string('member', { token: 'FROMMEMBER' }),
  block('fromlonlat', [double('longitude'), double('latitude')], { token: 'FROMLONLAT' }),
]);
const BY = oneOf('by', [
  block('circle', [double('radius', { token: 'BYRADIUS' }), UNIT]),
  block('box', [double('width', { token: 'BYBOX' }), double('height'), UNIT]),
]);
const STORE = optional(
  oneOf('store', [
    key('storekey', 1, { displayText: 'key', token: 'STORE' }),
    key('storedistkey', 2, { displayText: 'key', token: 'STOREDIST' }),
  ]),
);

/** The key of a search, then those that the options STORE and STOREDIST name. */
function radiusKeys(startFrom: number): readonly KeySpec[] {
  const stored = (keyword: string): KeySpec => ({
    flags: KEY_OW | KEY_UPDATE,
    begin: { keyword, startFrom },
    find: { last: 0, step: 1, limit: 0 },
  });
  return [keyAt(1, KEY_RO | KEY_ACCESS), stored('STORE'), stored('STOREDIST')];
}

const CENTRE = [double('longitude'), double('latitude')] as const;

export const GEO_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'geoadd',
    group: 'geo',
    since: '3.2.0',
    summary: "Adds one or more members to a geospatial index. The key is created if it doesn't exist.",
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    arity: -5,
    flags: WRITE | DENYOOM,
    acl: ['geo'],
    history: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']],
    keys: [keyAt(1, KEY_RW | KEY_UPDATE)],
    args: [
      key(),
      optional(oneOf('condition', [token('NX'), token('XX')], { since: '6.2.0' })),
      optional(token('CH', { name: 'change', since: '6.2.0' })),
      multiple(block('data', [...CENTRE, string('member')])),
    ],
    run: geoadd,
  },
  {
    name: 'geodist',
    group: 'geo',
    since: '3.2.0',
    summary: 'Returns the distance between two members of a geospatial index.',
    complexity: 'O(1)',
    arity: -4,
    flags: READONLY,
    acl: ['geo'],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), string('member1'), string('member2'), optional(UNIT)],
    run: geodist,
  },
  {
    name: 'geohash',
    group: 'geo',
    since: '3.2.0',
    summary: 'Returns members from a geospatial index as geohash strings.',
    complexity: 'O(1) for each member requested.',
    arity: -2,
    flags: READONLY,
    acl: ['geo'],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), optional(multiple(string('member')))],
    run: geohash,
  },
  {
    name: 'geopos',
    group: 'geo',
    since: '3.2.0',
    summary: 'Returns the longitude and latitude of members from a geospatial index.',
    complexity: 'O(1) for each member requested.',
    arity: -2,
    flags: READONLY,
    acl: ['geo'],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), optional(multiple(string('member')))],
    run: geopos,
  },
  {
    name: 'georadius',
    group: 'geo',
    since: '3.2.0',
    summary:
      'Queries a geospatial index for members within a distance from a coordinate, optionally stores the result.',
    complexity: RADIUS_COMPLEXITY,
    arity: -6,
    flags: WRITE | DENYOOM,
    acl: ['geo'],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument',
    history: [ANY_OPTION, UPPERCASE_UNITS],
    keys: radiusKeys(6),
    args: [key(), ...CENTRE, double('radius'), UNIT, ...WITH, countBlock('6.2.0'), ORDER, STORE],
    run: georadius,
  },
  {
    name: 'georadius_ro',
    group: 'geo',
    since: '3.2.10',
    summary: 'Returns members from a geospatial index that are within a distance from a coordinate.',
    complexity: RADIUS_COMPLEXITY,
    arity: -6,
    flags: READONLY,
    acl: ['geo'],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument',
    history: [ANY_OPTION, UPPERCASE_UNITS],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), ...CENTRE, double('radius'), UNIT, ...WITH, countBlock('6.2.0'), ORDER],
    run: georadiusRo,
  },
  {
    name: 'georadiusbymember',
    group: 'geo',
    since: '3.2.0',
    summary:
      'Queries a geospatial index for members within a distance from a member, optionally stores the result.',
    complexity: RADIUS_COMPLEXITY,
    arity: -5,
    flags: WRITE | DENYOOM,
    acl: ['geo'],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
    history: [ANY_OPTION, UPPERCASE_UNITS],
    keys: radiusKeys(5),
    args: [key(), string('member'), double('radius'), UNIT, ...WITH, countBlock(), ORDER, STORE],
    run: georadiusbymember,
  },
  {
    name: 'georadiusbymember_ro',
    group: 'geo',
    since: '3.2.10',
    summary: 'Returns members from a geospatial index that are within a distance from a member.',
    complexity: RADIUS_COMPLEXITY,
    arity: -5,
    flags: READONLY,
    acl: ['geo'],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments',
    history: [ANY_OPTION, UPPERCASE_UNITS],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), string('member'), double('radius'), UNIT, ...WITH, countBlock(), ORDER],
    run: georadiusbymemberRo,
  },
  {
    name: 'geosearch',
    group: 'geo',
    since: '6.2.0',
    summary: 'Queries a geospatial index for members inside an area of a box or a circle.',
    complexity: SEARCH_COMPLEXITY,
    arity: -7,
    flags: READONLY,
    acl: ['geo'],
    history: [UPPERCASE_UNITS],
    keys: [keyAt(1, KEY_RO | KEY_ACCESS)],
    args: [key(), FROM, BY, ORDER, countBlock(), ...WITH],
    run: geosearch,
  },
  {
    name: 'geosearchstore',
    group: 'geo',
    since: '6.2.0',
    summary:
      'Queries a geospatial index for members inside an area of a box or a circle, optionally stores the result.',
    complexity: SEARCH_COMPLEXITY,
    arity: -8,
    flags: WRITE | DENYOOM,
    acl: ['geo'],
    history: [UPPERCASE_UNITS],
    keys: [keyAt(1, KEY_OW | KEY_UPDATE), keyAt(2, KEY_RO | KEY_ACCESS)],
    args: [key('destination'), key('source', 1), FROM, BY, ORDER, countBlock(), optional(token('STOREDIST'))],
    run: geosearchstore,
  },
];
