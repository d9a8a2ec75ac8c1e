/**
 * The commands of masters and replicas: those that users send (REPLICAOF, ROLE, WAIT, FAILOVER ...), and those that
 * servers send each other (REPLCONF, PSYNC, SYNC).
 */
import {
  ADMIN,
  ALLOW_BUSY,
  type ArgSpec,
  BLOCKING,
  type CommandSpec,
  FAST,
  LOADING,
  NO_ASYNC_LOADING,
  NO_MULTI,
  NOSCRIPT,
  SENTINEL,
  STALE,
} from '../../engine/command-spec.ts';
import { block, integer, oneOf, optional, string, token } from '../../engine/spec-helpers.ts';
import * as replication from './handlers.ts';

const MASTER: readonly ArgSpec[] = [
  oneOf('args', [
    block('host-port', [string('host'), integer('port')]),
    block('no-one', [token('NO'), token('ONE')]),
  ]),
];

const WAIT_TIPS = ['request_policy:all_shards', 'response_policy:agg_min'];

export const REPLICATION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'failover',
    group: 'server',
    since: '6.2.0',
    summary: 'Starts a coordinated failover from a server to one of its replicas.',
    complexity: 'O(1)',
    arity: -1,
    flags: ADMIN | NOSCRIPT | STALE,
    args: [
      optional(block('target', [string('host'), integer('port'), optional(token('FORCE'))], { token: 'TO' })),
      optional(token('ABORT')),
      optional(integer('milliseconds', { token: 'TIMEOUT' })),
    ],
    run: replication.failover,
  },
  {
    name: 'psync',
    group: 'server',
    since: '2.8.0',
    summary: 'An internal command used in replication.',
    complexity: '',
    arity: -3,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    args: [string('replicationid'), integer('offset')],
    run: replication.psync,
  },
  {
    name: 'replconf',
    group: 'server',
    since: '3.0.0',
    summary: 'An internal command for configuring the replication stream.',
    complexity: 'O(1)',
    docFlags: ['syscmd'],
    arity: -1,
    flags: ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
    run: replication.replconf,
  },
  {
    name: 'replicaof',
    group: 'server',
    since: '5.0.0',
    summary: 'Configures a server as replica of another, or promotes it to a master.',
    complexity: 'O(1)',
    arity: 3,
    flags: ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING,
    args: MASTER,
    run: replication.replicaof,
  },
  {
    name: 'role',
    group: 'server',
    since: '2.8.12',
    summary: 'Returns the replication role.',
    complexity: 'O(1)',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST | SENTINEL,
    acl: ['admin', 'dangerous'],
    run: replication.role,
  },
  {
    name: 'slaveof',
    group: 'server',
    since: '1.0.0',
    summary: 'Sets a Redis server as a replica of another, or promotes it to being a master.',
    complexity: 'O(1)',
    deprecatedSince: '5.0.0',
    replacedBy: '`REPLICAOF`',
    docFlags: ['deprecated'],
    arity: 3,
    flags: ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING,
    args: MASTER,
    run: replication.replicaof,
  },
  {
    name: 'sync',
    group: 'server',
    since: '1.0.0',
    summary: 'An internal command used in replication.',
    complexity: '',
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    run: replication.sync,
  },
  {
    name: 'wait',
    group: 'generic',
    since: '3.0.0',
    summary:
      'Blocks until the asynchronous replication of all preceding write commands sent by the connection is completed.',
    complexity: 'O(1)',
    arity: 3,
    flags: BLOCKING,
    acl: ['connection'],
    tips: WAIT_TIPS,
    args: [integer('numreplicas'), integer('timeout')],
    run: replication.wait,
  },
  {
    name: 'waitaof',
    group: 'generic',
    since: '7.2.0',
    summary:
      'Blocks until all of the preceding write commands sent by the connection are written to the append-only file of ' +
      'the master and/or replicas.',
    complexity: 'O(1)',
    arity: 4,
    flags: BLOCKING,
    acl: ['connection'],
    tips: WAIT_TIPS,
    args: [integer('numlocal'), integer('numreplicas'), integer('timeout')],
    run: replication.waitaof,
  },
];
