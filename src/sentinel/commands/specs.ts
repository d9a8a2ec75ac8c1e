/**
 * SENTINEL and its subcommands as a table. Handlers (show.ts, change.ts and their like) are closures over one sentinel,
 * for several may live in one process.
 */
import {
  ADMIN,
  type CommandSpec,
  LOADING,
  ONLY_SENTINEL,
  SENTINEL,
  STALE,
} from '../../engine/command-spec.ts';
import {
  block,
  integer,
  multiple,
  oneOf,
  optional,
  pattern,
  string,
  token,
} from '../../engine/spec-helpers.ts';
import type { Sentinel } from '../parts.ts';
import * as change from './change.ts';
import * as intervals from './debug.ts';
import { doctor } from './doctor.ts';
import { help } from './help.ts';
import * as show from './show.ts';

const FLAGS = ADMIN | SENTINEL | ONLY_SENTINEL;
const MASTER_NAME = string('master-name');

function subcommand(
  spec: Omit<CommandSpec, 'group' | 'flags' | 'complexity'> & { complexity?: string },
): CommandSpec {
  return { complexity: 'O(1)', ...spec, group: 'sentinel', flags: FLAGS };
}

export function sentinelSpec(sentinel: Sentinel): CommandSpec {
  return {
    name: 'sentinel',
    group: 'sentinel',
    since: '2.8.4',
    summary: 'A container for Redis Sentinel commands.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: FLAGS,
    subcommands: [...shown(sentinel), ...changing(sentinel), ...forFailovers(sentinel)],
  };
}

function shown(sentinel: Sentinel): readonly CommandSpec[] {
  return [
    subcommand({
      name: 'get-master-addr-by-name',
      since: '2.8.4',
      summary: 'Returns the port and address of a master Redis instance.',
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => show.address(sentinel, client, args),
    }),
    {
      name: 'help',
      group: 'sentinel',
      since: '6.2.0',
      summary: 'Returns helpful text about the different subcommands.',
      complexity: 'O(1)',
      arity: 2,
      flags: LOADING | STALE | SENTINEL | ONLY_SENTINEL,
      run: help,
    },
    subcommand({
      name: 'info-cache',
      since: '3.2.0',
      summary: "Returns the cached `INFO` replies from the deployment's instances.",
      complexity: 'O(N) where N is the number of instances',
      arity: -3,
      args: [multiple(string('nodename'))],
      run: (client, args) => show.infoCache(sentinel, client, args),
    }),
    subcommand({
      name: 'master',
      since: '2.8.4',
      summary: 'Returns the state of a master Redis instance.',
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => show.master(sentinel, client, args),
    }),
    subcommand({
      name: 'masters',
      since: '2.8.4',
      summary: 'Returns a list of monitored Redis masters.',
      complexity: 'O(N) where N is the number of masters',
      arity: 2,
      run: (client) => show.masters(sentinel, client),
    }),
    subcommand({
      name: 'myid',
      since: '6.2.0',
      summary: 'Returns the Redis Sentinel instance ID.',
      arity: 2,
      run: (client) => show.myId(sentinel, client),
    }),
    subcommand({
      name: 'pending-scripts',
      since: '2.8.4',
      summary: 'Returns information about pending scripts for Redis Sentinel.',
      complexity: '',
      arity: 2,
      run: (client) => show.pendingScripts(sentinel, client),
    }),
    subcommand({
      name: 'replicas',
      since: '5.0.0',
      summary: 'Returns a list of the monitored Redis replicas.',
      complexity: 'O(N) where N is the number of replicas',
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => show.replicas(sentinel, client, args),
    }),
    subcommand({
      name: 'sentinels',
      since: '2.8.4',
      summary: 'Returns a list of Sentinel instances.',
      complexity: 'O(N) where N is the number of Sentinels',
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => show.sentinels(sentinel, client, args),
    }),
    subcommand({
      name: 'slaves',
      since: '2.8.0',
      summary: 'Returns a list of the monitored replicas.',
      complexity: 'O(N) where N is the number of replicas.',
      deprecatedSince: '5.0.0',
      replacedBy: '`SENTINEL REPLICAS`',
      docFlags: ['deprecated'],
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => show.replicas(sentinel, client, args),
    }),
  ];
}

function changing(sentinel: Sentinel): readonly CommandSpec[] {
  const paramValue = block('set-param-value', [string('parameter'), string('value')], { token: 'SET' });
  return [
    subcommand({
      name: 'config',
      since: '6.2.0',
      summary: 'Configures Redis Sentinel.',
      complexity: 'O(N) when N is the number of configuration parameters provided',
      history: [['7.2.0', 'Added the ability to set and get multiple parameters in one call.']],
      arity: -3,
      args: [oneOf('action', [multiple(paramValue), multiple(string('parameter', { token: 'GET' }))])],
      run: (client, args) => change.config(sentinel, client, args),
    }),
    subcommand({
      name: 'debug',
      since: '7.0.0',
      summary: 'Lists or updates the current configurable parameters of Redis Sentinel.',
      complexity: 'O(N) where N is the number of configurable parameters',
      arity: -2,
      args: [optional(multiple(block('data', [string('parameter'), string('value')])))],
      run: (client, args) => intervals.debug(sentinel, client, args),
    }),
    subcommand({
      name: 'flushconfig',
      since: '2.8.4',
      summary: 'Rewrites the Redis Sentinel configuration file.',
      arity: 2,
      run: (client) => change.flushConfig(sentinel, client),
    }),
    subcommand({
      name: 'monitor',
      since: '2.8.4',
      summary: 'Starts monitoring.',
      arity: 6,
      args: [string('name'), string('ip'), integer('port'), integer('quorum')],
      run: (client, args) => change.monitor(sentinel, client, args),
    }),
    subcommand({
      name: 'remove',
      since: '2.8.4',
      summary: 'Stops monitoring.',
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => change.remove(sentinel, client, args),
    }),
    subcommand({
      name: 'reset',
      since: '2.8.4',
      summary: 'Resets Redis masters with a name matching a pattern.',
      complexity: 'O(N) where N is the number of monitored masters',
      arity: 3,
      args: [pattern()],
      run: (client, args) => change.reset(sentinel, client, args),
    }),
    subcommand({
      name: 'set',
      since: '2.8.4',
      summary: 'Changes the configuration of a monitored Redis master.',
      arity: -5,
      args: [MASTER_NAME, multiple(block('data', [string('option'), string('value')]))],
      run: (client, args) => change.set(sentinel, client, args),
    }),
  ];
}

function forFailovers(sentinel: Sentinel): readonly CommandSpec[] {
  return [
    subcommand({
      name: 'ckquorum',
      since: '2.8.4',
      summary: 'Checks for a Redis Sentinel quorum.',
      complexity: '',
      arity: 3,
      args: [MASTER_NAME],
      run: (client, args) => show.ckQuorum(sentinel, client, args),
    }),
    subcommand({
      name: 'doctor',
      since: '7.2.0',
      summary: 'Tells in words what is wrong with the set-up of the masters, or of one. Only of ts-redis.',
      complexity: 'O(N) where N is the number of instances',
      arity: -2,
      args: [optional(MASTER_NAME)],
      run: (client, args) => doctor(sentinel, client, args),
    }),
    subcommand({
      name: 'failover',
      since: '2.8.4',
      summary: 'Forces a Redis Sentinel failover.',
      complexity: '',
      arity: -3,
      args: [MASTER_NAME, optional(token('COORDINATED'))],
      run: (client, args) => change.failover(sentinel, client, args),
    }),
    subcommand({
      name: 'is-master-down-by-addr',
      since: '2.8.4',
      summary: 'Determines whether a master Redis instance is down.',
      arity: 6,
      args: [string('ip'), integer('port'), integer('current-epoch'), string('runid')],
      run: (client, args) => change.isMasterDown(sentinel, client, args),
    }),
    subcommand({
      name: 'simulate-failure',
      since: '3.2.0',
      summary: 'Simulates failover scenarios.',
      complexity: '',
      arity: -3,
      args: [
        optional(
          multiple(
            oneOf('mode', [
              { name: 'crash-after-election', type: 'pure-token' },
              { name: 'crash-after-promotion', type: 'pure-token' },
              { name: 'help', type: 'pure-token' },
            ]),
          ),
        ),
      ],
      run: (client, args) => change.simulateFailure(sentinel, client, args),
    }),
  ];
}
