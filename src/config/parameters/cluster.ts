/** Cluster mode. */
import { bool, choice, integer, LONG_MAX, memory, string, ULONG_MAX } from '../kinds.ts';

function hostNameProblem(text: string): string | null {
  if (text.length >= 256) return 'Hostnames must be less than 256 characters';
  return /^[A-Za-z0-9.-]*$/.test(text)
    ? null
    : 'Hostnames may only contain alphanumeric characters, hyphens or dots';
}

function nodeNameProblem(text: string): string | null {
  if (text.length >= 256) return 'human nodename must be less than 256 characters';
  return /^[A-Za-z0-9.-]*$/.test(text)
    ? null
    : 'human nodenames may only contain alphanumeric characters, hyphens or dots';
}

export const CLUSTER_PARAMETERS = {
  'cluster-enabled': bool({ default: false, immutable: true, summary: 'Run as a node of a cluster.' }),
  'cluster-config-file': string({
    default: 'nodes.conf',
    immutable: true,
    keepEmpty: true,
    summary: 'File of the state of the cluster.',
  }),
  'cluster-node-timeout': integer({
    default: 15000,
    max: LONG_MAX,
    summary: 'Milliseconds after which a silent node is failing.',
  }),
  'cluster-port': integer({
    default: 0,
    max: 65535,
    immutable: true,
    summary: 'Port of the bus; 0: port + 10000.',
  }),
  'cluster-replica-validity-factor': integer({
    default: 10,
    alias: 'cluster-slave-validity-factor',
    summary: 'Timeouts that a replica may have been apart and still be promoted.',
  }),
  'cluster-migration-barrier': integer({ default: 1, summary: 'Replicas that a master keeps.' }),
  'cluster-allow-replica-migration': bool({
    default: true,
    summary: 'Let replicas move to orphaned masters.',
  }),
  'cluster-require-full-coverage': bool({ default: true, summary: 'Stop serving when slots are missing.' }),
  'cluster-replica-no-failover': bool({
    default: false,
    alias: 'cluster-slave-no-failover',
    summary: 'Never promote this replica.',
  }),
  'cluster-allow-reads-when-down': bool({
    default: false,
    summary: 'Answer reads when the cluster is down.',
  }),
  'cluster-allow-pubsubshard-when-down': bool({
    default: true,
    summary: 'Serve sharded pub/sub when the cluster is down.',
  }),
  'cluster-link-sendbuf-limit': memory({
    default: 0,
    max: ULONG_MAX,
    summary: 'Limit of bytes waiting on a link of the bus.',
  }),
  'cluster-announce-ip': string({ default: '', summary: 'Address told to other nodes.' }),
  'cluster-announce-port': integer({ default: 0, max: 65535, summary: 'Port told to other nodes.' }),
  'cluster-announce-tls-port': integer({ default: 0, max: 65535, summary: 'TLS port told to other nodes.' }),
  'cluster-announce-bus-port': integer({ default: 0, max: 65535, summary: 'Bus port told to other nodes.' }),
  'cluster-announce-hostname': string({
    default: '',
    check: hostNameProblem,
    summary: 'Host name told to other nodes.',
  }),
  'cluster-announce-human-nodename': string({
    default: '',
    check: nodeNameProblem,
    summary: 'Name of this node in logs.',
  }),
  'cluster-preferred-endpoint-type': choice(['ip', 'hostname', 'unknown-endpoint'], {
    default: 'ip',
    summary: 'Which address clients are sent to.',
  }),
} as const;
