/**
 * The commands of the transactions group.
 */
import {
  ALLOW_BUSY,
  type CommandSpec,
  FAST,
  KEY_RO,
  LOADING,
  NOSCRIPT,
  RUNS_IN_MULTI,
  RUNS_QUEUE,
  SKIP_SLOWLOG,
  STALE,
} from '../../engine/command-spec.ts';
import { key, keyAt, multiple } from '../../engine/spec-helpers.ts';
import * as transactions from './handlers.ts';

export const TRANSACTION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'discard',
    group: 'transactions',
    since: '2.0.0',
    summary: 'Discards a transaction.',
    complexity: 'O(N), when N is the number of queued commands',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | RUNS_IN_MULTI,
    acl: ['transaction'],
    run: transactions.discard,
  },
  {
    name: 'exec',
    group: 'transactions',
    since: '1.2.0',
    summary: 'Executes all commands in a transaction.',
    complexity: 'Depends on commands in the transaction',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | RUNS_IN_MULTI | RUNS_QUEUE,
    acl: ['transaction'],
    run: transactions.exec,
  },
  {
    name: 'multi',
    group: 'transactions',
    since: '1.2.0',
    summary: 'Starts a transaction.',
    complexity: 'O(1)',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | RUNS_IN_MULTI,
    acl: ['transaction'],
    run: transactions.multi,
  },
  {
    name: 'unwatch',
    group: 'transactions',
    since: '2.2.0',
    summary: 'Forgets about watched keys of a transaction.',
    complexity: 'O(1)',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    acl: ['transaction'],
    run: transactions.unwatch,
  },
  {
    name: 'watch',
    group: 'transactions',
    since: '2.2.0',
    summary: 'Monitors changes to keys to determine the execution of a transaction.',
    complexity: 'O(1) for every key.',
    arity: -2,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | RUNS_IN_MULTI,
    acl: ['transaction'],
    keys: [keyAt(1, KEY_RO, { last: -1 })],
    args: [multiple(key())],
    run: transactions.watch,
  },
];
