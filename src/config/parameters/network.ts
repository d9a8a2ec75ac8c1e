/** Where the server listens, how it treats connections, and who may come in. */
import {
  bool,
  choice,
  integer,
  LONG_MAX,
  memory,
  memoryOrPercent,
  octal,
  outputBufferLimits,
  string,
  stringList,
  UINT_MAX,
} from '../kinds.ts';

const LOCAL_CHOICE = ['no', 'yes', 'local'] as const;
const MAX_ADDRESSES = 16;

export const NETWORK_PARAMETERS = {
  bind: stringList({
    default: ['*', '-::*'],
    max: MAX_ADDRESSES,
    tooMany: 'Too many bind addresses specified.',
    summary: 'Addresses to listen on; one that starts with "-" may be missing.',
  }),
  'bind-source-addr': string({ default: '', summary: 'Local address of outgoing connections.' }),
  port: integer({ default: 6379, max: 65535, summary: 'TCP port; 0 listens on none.' }),
  'tcp-backlog': integer({
    default: 511,
    immutable: true,
    summary: 'Length of the queue of pending connections.',
  }),
  'socket-mark-id': integer({
    default: 0,
    max: UINT_MAX,
    immutable: true,
    noMeaning: true,
    summary: 'Mark of listening sockets for packet filters.',
  }),
  unixsocket: string({ default: '', immutable: true, summary: 'Path of the Unix socket to listen on.' }),
  unixsocketperm: octal({ default: 0, immutable: true, summary: 'Permissions of the Unix socket.' }),
  timeout: integer({ default: 0, summary: 'Seconds after which an idle client is disconnected; 0 never.' }),
  'tcp-keepalive': integer({ default: 300, summary: 'Seconds between TCP keepalive probes; 0 sends none.' }),
  'busy-poll': bool({
    default: true,
    summary:
      'Ask for more requests for some microseconds before sleeping, while they come fast. Not in Redis.',
  }),
  'protected-mode': bool({ default: true, summary: 'Without a password, accept only local connections.' }),
  maxclients: integer({ default: 10000, min: 1, max: UINT_MAX, summary: 'Limit of connected clients.' }),
  'maxmemory-clients': memoryOrPercent({
    default: 0,
    summary: 'Limit of memory of all clients together; above it the biggest are disconnected.',
  }),
  'client-query-buffer-limit': memory({
    default: 1073741824,
    min: 1048576,
    summary: 'Limit of bytes of a request that is being received.',
  }),
  'client-output-buffer-limit': outputBufferLimits({
    default: {
      normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      replica: { hardBytes: 268435456, softBytes: 67108864, softSeconds: 60 },
      pubsub: { hardBytes: 33554432, softBytes: 8388608, softSeconds: 60 },
    },
    summary: 'Limits of bytes waiting to be read by a client, for each class of clients.',
  }),
  'proto-max-bulk-len': memory({
    default: 536870912,
    min: 1048576,
    summary: 'Longest argument and string value.',
  }),
  'io-threads': integer({
    default: 1,
    min: 1,
    max: 128,
    immutable: true,
    noMeaning: true,
    summary: 'Threads that read and write sockets.',
  }),
  'io-threads-do-reads': bool({
    default: false,
    immutable: true,
    noMeaning: true,
    summary: 'Also read and parse in those threads.',
  }),

  requirepass: string({ default: '', sensitive: true, summary: 'Password of the default user.' }),
  aclfile: string({ default: '', immutable: true, summary: 'File with the users and their rules.' }),
  'acllog-max-len': integer({ default: 128, max: LONG_MAX, summary: 'Entries kept by ACL LOG.' }),
  'acl-pubsub-default': choice(['allchannels', 'resetchannels'], {
    default: 'resetchannels',
    summary: 'Channels that a new user may use.',
  }),
  'tracking-table-max-keys': integer({
    default: 1000000,
    max: LONG_MAX,
    summary: 'Keys remembered for client-side caching; 0 is no limit.',
  }),
  'enable-debug-command': choice(LOCAL_CHOICE, {
    default: 'no',
    immutable: true,
    summary: 'Who may call DEBUG: nobody, everybody, or local connections.',
  }),
  'enable-module-command': choice(LOCAL_CHOICE, {
    default: 'no',
    immutable: true,
    summary: 'Who may call MODULE.',
  }),
  'enable-protected-configs': choice(LOCAL_CHOICE, {
    default: 'no',
    immutable: true,
    summary: 'Who may change protected parameters with CONFIG SET.',
  }),
} as const;
