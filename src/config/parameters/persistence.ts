/** Snapshots and the append-only file. */
import { bool, choice, directory, integer, memory, savePoints, string } from '../kinds.ts';

function notAPath(name: string, what: string) {
  return (text: string) => (/[/\\]/.test(text) ? `${name} can't be a path, just a ${what}` : null);
}

function aName(name: string, what: string) {
  const path = notAPath(name, what);
  return (text: string) => (text === '' ? `${name} can't be empty` : path(text));
}

export const PERSISTENCE_PARAMETERS = {
  // The default is the working directory, which Config puts in.
  dir: directory({
    default: '/',
    protected: true,
    notWhileLoading: true,
    summary: 'Directory of all data files.',
  }),
  dbfilename: string({
    default: 'dump.rdb',
    protected: true,
    keepEmpty: true,
    check: notAPath('dbfilename', 'filename'),
    summary: 'Name of the snapshot file.',
  }),
  save: savePoints({
    default: [
      { seconds: 3600, changes: 1 },
      { seconds: 300, changes: 100 },
      { seconds: 60, changes: 10000 },
    ],
    summary: 'When to save a snapshot; empty: never by itself.',
  }),
  'stop-writes-on-bgsave-error': bool({ default: true, summary: 'Refuse writes after a failed snapshot.' }),
  rdbcompression: bool({ default: true, summary: 'Compress strings in snapshots.' }),
  rdbchecksum: bool({
    default: true,
    immutable: true,
    summary: 'Write and check the checksum of snapshots.',
  }),
  'rdb-del-sync-files': bool({ default: false, summary: 'Delete snapshot files made only for replication.' }),
  'rdb-save-incremental-fsync': bool({
    default: true,
    summary: 'Sync a snapshot while it is being written.',
  }),
  'sanitize-dump-payload': choice(['no', 'yes', 'clients'], {
    default: 'no',
    summary: 'Check loaded values in depth.',
  }),
  'rdb-key-save-delay': integer({
    default: 0,
    min: -2147483648,
    hidden: true,
    summary: 'For tests: microseconds to wait after each saved key.',
  }),
  'key-load-delay': integer({
    default: 0,
    min: -2147483648,
    hidden: true,
    summary: 'For tests: microseconds to wait after each loaded key.',
  }),
  'loading-process-events-interval-bytes': integer({
    default: 2097152,
    min: 1024,
    hidden: true,
    summary: 'Serve events after loading this many bytes.',
  }),

  appendonly: bool({
    default: false,
    notWhileLoading: true,
    summary: 'Keep an append-only file of all writes.',
  }),
  appendfilename: string({
    default: 'appendonly.aof',
    immutable: true,
    check: aName('appendfilename', 'filename'),
    summary: 'First part of the names of append-only files.',
  }),
  appenddirname: string({
    default: 'appendonlydir',
    immutable: true,
    check: aName('appenddirname', 'dirname'),
    summary: 'Directory of the append-only files, below dir.',
  }),
  appendfsync: choice(['everysec', 'always', 'no'], {
    default: 'everysec',
    summary: 'When to sync the append-only file to disk.',
  }),
  'no-appendfsync-on-rewrite': bool({ default: false, summary: 'Do not sync while a rewrite or save runs.' }),
  'auto-aof-rewrite-percentage': integer({
    default: 100,
    summary: 'Growth in percent that starts a rewrite.',
  }),
  'auto-aof-rewrite-min-size': memory({ default: 67108864, summary: 'Smallest file to rewrite by itself.' }),
  'aof-load-truncated': bool({ default: true, summary: 'Load a file whose end is cut off.' }),
  'aof-load-corrupt-tail-max-size': memory({
    default: 0,
    summary: 'Bytes at the end of the append-only file that may be corrupt and are cut off.',
  }),
  'aof-use-rdb-preamble': bool({ default: true, summary: 'Begin rewritten files with a snapshot.' }),
  'aof-timestamp-enabled': bool({ default: false, summary: 'Note the time in the append-only file.' }),
  'aof-rewrite-incremental-fsync': bool({
    default: true,
    summary: 'Sync a rewrite while it is being written.',
  }),
  'aof-disable-auto-gc': bool({ default: false, summary: 'Keep append-only files that are no longer used.' }),
} as const;
