/**
 * The parameters of a server, by theme. Names, defaults, bounds and texts are those of redis-server 7.0.15 (a test
 * compares CONFIG GET * of both) and of what 7.2 added; `log-format` and `aof-load-corrupt-tail-max-size` are ours.
 */

import type { ParameterTable, ValuesOf } from './parameter.ts';
import { CLUSTER_PARAMETERS } from './parameters/cluster.ts';
import { MEMORY_PARAMETERS } from './parameters/memory.ts';
import { NETWORK_PARAMETERS } from './parameters/network.ts';
import { PERSISTENCE_PARAMETERS } from './parameters/persistence.ts';
import { PROCESS_PARAMETERS } from './parameters/process.ts';
import { REPLICATION_PARAMETERS } from './parameters/replication.ts';
import { TLS_PARAMETERS } from './parameters/tls.ts';

/** Tables with the titles that they have in the docs. */
export const SERVER_PARAMETER_THEMES: readonly (readonly [title: string, table: ParameterTable])[] = [
  ['Network, clients and access', NETWORK_PARAMETERS],
  ['Process, log and diagnostics', PROCESS_PARAMETERS],
  ['Persistence', PERSISTENCE_PARAMETERS],
  ['Memory and encodings', MEMORY_PARAMETERS],
  ['Replication', REPLICATION_PARAMETERS],
  ['Cluster', CLUSTER_PARAMETERS],
  ['TLS', TLS_PARAMETERS],
];

export const SERVER_PARAMETERS = {
  ...NETWORK_PARAMETERS,
  ...PROCESS_PARAMETERS,
  ...PERSISTENCE_PARAMETERS,
  ...MEMORY_PARAMETERS,
  ...REPLICATION_PARAMETERS,
  ...CLUSTER_PARAMETERS,
  ...TLS_PARAMETERS,
} satisfies ParameterTable;

export type ServerValues = ValuesOf<typeof SERVER_PARAMETERS>;
export type ServerParameterName = keyof ServerValues & string;

/**
 * Directives that Redis once had, with the number of words they take. They are accepted and ignored, so that an old
 * file still starts a server.
 */
export const RETIRED_DIRECTIVES: Readonly<Record<string, number>> = {
  'list-max-ziplist-entries': 1,
  'list-max-ziplist-value': 1,
  'lua-replicate-commands': 1,
  'gopher-enabled': 1,
};
