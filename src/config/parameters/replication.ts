/** Masters and replicas. */
import { bool, choice, integer, LONG_MAX, masterAddress, memory, string } from '../kinds.ts';

export const REPLICATION_PARAMETERS = {
  replicaof: masterAddress({
    default: null,
    alias: 'slaveof',
    immutable: true,
    summary: 'Host and port of the master to replicate.',
  }),
  masteruser: string({ default: '', sensitive: true, summary: 'User name for the master.' }),
  masterauth: string({ default: '', sensitive: true, summary: 'Password for the master.' }),
  'replica-serve-stale-data': bool({
    default: true,
    alias: 'slave-serve-stale-data',
    summary: 'Answer reads while the master is away.',
  }),
  'replica-read-only': bool({
    default: true,
    alias: 'slave-read-only',
    summary: 'Refuse writes on a replica.',
  }),
  'replica-lazy-flush': bool({
    default: false,
    alias: 'slave-lazy-flush',
    summary: 'Free the old data in the background at a full sync.',
  }),
  'replica-priority': integer({
    default: 100,
    alias: 'slave-priority',
    summary: 'Rank for promotion by Sentinel, lower first; 0 is never promoted.',
  }),
  'replica-announced': bool({ default: true, summary: 'Let Sentinel report this replica.' }),
  'replica-announce-ip': string({
    default: '',
    alias: 'slave-announce-ip',
    summary: 'Address told to the master.',
  }),
  'replica-announce-port': integer({
    default: 0,
    max: 65535,
    alias: 'slave-announce-port',
    summary: 'Port told to the master; 0 is the real one.',
  }),
  'replica-ignore-maxmemory': bool({
    default: true,
    alias: 'slave-ignore-maxmemory',
    summary: 'Leave eviction to the master.',
  }),
  'replica-ignore-disk-write-errors': bool({
    default: false,
    summary: 'On a replica, go on after a failed write to disk.',
  }),
  'repl-ping-replica-period': integer({
    default: 10,
    min: 1,
    alias: 'repl-ping-slave-period',
    summary: 'Seconds between pings to replicas.',
  }),
  'repl-timeout': integer({
    default: 60,
    min: 1,
    summary: 'Seconds of silence after which a link is given up.',
  }),
  'repl-disable-tcp-nodelay': bool({ default: false, summary: 'Let TCP gather small packets to replicas.' }),
  'repl-backlog-size': memory({
    default: 1048576,
    min: 1,
    clamp: [16384, Number.POSITIVE_INFINITY],
    summary: 'Bytes of the stream kept for partial resync.',
  }),
  'repl-backlog-ttl': integer({
    default: 3600,
    max: LONG_MAX,
    summary: 'Seconds to keep the backlog without replicas; 0 is for ever.',
  }),
  'repl-diskless-sync': bool({ default: true, summary: 'Send a full sync without a file.' }),
  'repl-diskless-sync-delay': integer({ default: 5, summary: 'Seconds to wait for further replicas.' }),
  'repl-diskless-sync-max-replicas': integer({
    default: 0,
    summary: 'Replicas after which to wait no longer.',
  }),
  'repl-diskless-load': choice(['disabled', 'on-empty-db', 'swapdb'], {
    default: 'disabled',
    notWhileLoading: true,
    summary: 'Load a full sync without a file.',
  }),
  'min-replicas-to-write': integer({
    default: 0,
    alias: 'min-slaves-to-write',
    summary: 'Refuse writes with fewer replicas.',
  }),
  'min-replicas-max-lag': integer({
    default: 10,
    alias: 'min-slaves-max-lag',
    summary: 'Seconds of lag up to which a replica counts.',
  }),
  'propagation-error-behavior': choice(['ignore', 'panic', 'panic-on-replicas'], {
    default: 'ignore',
    summary: 'What to do when a replicated command fails.',
  }),
} as const;
