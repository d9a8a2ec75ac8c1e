/**
 * Commands of the server group that are about the data files.
 */
import {
  ADMIN,
  type CommandSpec,
  FAST,
  LOADING,
  NO_ASYNC_LOADING,
  NO_MULTI,
  NOSCRIPT,
  STALE,
} from '../../engine/command-spec.ts';
import { optional, token } from '../../engine/spec-helpers.ts';
import * as persistence from './handlers.ts';

export const PERSISTENCE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bgrewriteaof',
    group: 'server',
    since: '1.0.0',
    summary: 'Asynchronously rewrites the append-only file to disk.',
    complexity: 'O(1)',
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    run: persistence.bgrewriteaof,
  },
  {
    name: 'bgsave',
    group: 'server',
    since: '1.0.0',
    summary: 'Asynchronously saves the database(s) to disk.',
    complexity: 'O(1)',
    arity: -1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    history: [['3.2.2', 'Added the `SCHEDULE` option.']],
    args: [optional(token('SCHEDULE', { since: '3.2.2' }))],
    run: persistence.bgsave,
  },
  {
    name: 'lastsave',
    group: 'server',
    since: '1.0.0',
    summary: 'Returns the Unix timestamp of the last successful save to disk.',
    complexity: 'O(1)',
    arity: 1,
    flags: LOADING | STALE | FAST,
    acl: ['admin', 'dangerous'],
    tips: ['nondeterministic_output'],
    run: persistence.lastsave,
  },
  {
    name: 'save',
    group: 'server',
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk.',
    complexity: 'O(N) where N is the total number of keys in all databases',
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    run: persistence.save,
  },
];
