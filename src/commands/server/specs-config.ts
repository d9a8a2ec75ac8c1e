/**
 * CONFIG and its subcommands.
 */
import { ADMIN, type CommandSpec, LOADING, NOSCRIPT, STALE } from '../../engine/command-spec.ts';
import { block, multiple, string } from '../../engine/spec-helpers.ts';
import * as server from './handlers.ts';

export const CONFIG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'config',
    group: 'server',
    since: '2.0.0',
    summary: 'A container for server configuration commands.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: 0,
    subcommands: [
      {
        name: 'get',
        group: 'server',
        since: '2.0.0',
        summary: 'Returns the effective values of configuration parameters.',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        arity: -3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        history: [['7.0.0', 'Added the ability to pass multiple pattern parameters in one call']],
        args: [multiple(string('parameter'))],
        run: server.configGet,
      },
      {
        name: 'help',
        group: 'server',
        since: '5.0.0',
        summary: 'Returns helpful text about the different subcommands.',
        complexity: 'O(1)',
        arity: 2,
        flags: LOADING | STALE,
        run: server.configHelp,
      },
      {
        name: 'resetstat',
        group: 'server',
        since: '2.0.0',
        summary: "Resets the server's statistics.",
        complexity: 'O(1)',
        arity: 2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: server.configResetstat,
      },
      {
        name: 'rewrite',
        group: 'server',
        since: '2.8.0',
        summary: 'Persists the effective configuration to file.',
        complexity: 'O(1)',
        arity: 2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: server.configRewrite,
      },
      {
        name: 'set',
        group: 'server',
        since: '2.0.0',
        summary: 'Sets configuration parameters in-flight.',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        arity: -4,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        history: [['7.0.0', 'Added the ability to set multiple parameters in one call.']],
        args: [multiple(block('data', [string('parameter'), string('value')]))],
        run: server.configSet,
      },
    ],
  },
];
