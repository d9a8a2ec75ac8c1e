/**
 * Error replies, with Redis's exact texts: one constant (or one function, where the text has a variable part)
 * for each. Made once, thrown without a stack.
 */
import { ReplyError } from '../resp/reply-error.ts';

export const SYNTAX = new ReplyError('ERR syntax error');
export const WRONG_TYPE = new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');
export const NOT_INTEGER = new ReplyError('ERR value is not an integer or out of range');
export const TIMEOUT_NOT_FLOAT = new ReplyError('ERR timeout is not a float or out of range');
export const TIMEOUT_NOT_INTEGER = new ReplyError('ERR timeout is not an integer or out of range');
export const TIMEOUT_NEGATIVE = new ReplyError('ERR timeout is negative');
export const UNBLOCKED = new ReplyError('UNBLOCKED client unblocked via CLIENT UNBLOCK');
export const NOT_FLOAT = new ReplyError('ERR value is not a valid float');
export const NOT_INT32 = new ReplyError(
  'ERR value is out of range, value must between -2147483648 and 2147483647',
);
export const OUT_OF_RANGE = new ReplyError('ERR value is out of range');
export const NOT_POSITIVE = new ReplyError('ERR value is out of range, must be positive');
export const NO_SUCH_KEY = new ReplyError('ERR no such key');
export const OVERFLOW = new ReplyError('ERR increment or decrement would overflow');
export const DECREMENT_OVERFLOW = new ReplyError('ERR decrement would overflow');
export const NAN_OR_INFINITY = new ReplyError('ERR increment would produce NaN or Infinity');
export const STRING_TOO_LONG = new ReplyError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
export const LCS_NOT_STRINGS = new ReplyError('ERR The specified keys must contain string values');
export const LCS_LEN_AND_IDX = new ReplyError(
  'ERR If you want both the length and indexes, please just use IDX.',
);
export const LCS_TOO_LONG = new ReplyError(
  'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
);
export const LCS_NO_MEMORY = new ReplyError(
  'ERR Insufficient memory, failed allocating transient memory for LCS',
);
export const OFFSET_OUT_OF_RANGE = new ReplyError('ERR offset is out of range');
export const INDEX_OUT_OF_RANGE = new ReplyError('ERR index out of range');
export const DB_OUT_OF_RANGE = new ReplyError('ERR DB index is out of range');
export const INVALID_DB_INDEX = new ReplyError('ERR invalid DB index');
export const INVALID_CURSOR = new ReplyError('ERR invalid cursor');
export const SAME_OBJECT = new ReplyError('ERR source and destination objects are the same');
export const NX_WITH_OTHERS = new ReplyError(
  'ERR NX and XX, GT or LT options at the same time are not compatible',
);
export const GT_WITH_LT = new ReplyError('ERR GT and LT options at the same time are not compatible');
const POLICY_SWITCHED =
  'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
export const IDLETIME_UNDER_LFU = new ReplyError(
  `ERR An LFU maxmemory policy is selected, idle time not tracked. ${POLICY_SWITCHED}`,
);
export const FREQ_WITHOUT_LFU = new ReplyError(
  `ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${POLICY_SWITCHED}`,
);
// Bitmaps.
export const BIT_OFFSET = new ReplyError('ERR bit offset is not an integer or out of range');
export const BIT_VALUE = new ReplyError('ERR bit is not an integer or out of range');
export const BIT_ARGUMENT = new ReplyError('ERR The bit argument must be 1 or 0.');
export const BITOP_NOT_SINGLE = new ReplyError('ERR BITOP NOT must be called with a single source key.');
export const BITFIELD_TYPE = new ReplyError(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);
export const BITFIELD_OVERFLOW = new ReplyError('ERR Invalid OVERFLOW type specified');
export const BITFIELD_RO = new ReplyError('ERR BITFIELD_RO only supports the GET subcommand');
// Lists.
/** As 7.2 says it; 7.0 takes this rank for -1 by mistake. */
export const RANK_OUT_OF_RANGE = new ReplyError(
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
);
export const RANK_ZERO = new ReplyError(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start " +
    'from the end of the list',
);
export const COUNT_NEGATIVE = new ReplyError("ERR COUNT can't be negative");
export const POP_COUNT_NOT_POSITIVE = new ReplyError('ERR count should be greater than 0');
export const MAXLEN_NEGATIVE = new ReplyError("ERR MAXLEN can't be negative");
// HyperLogLogs.
export const NOT_HLL = new ReplyError('WRONGTYPE Key is not a valid HyperLogLog string value.');
export const CORRUPT_HLL = new ReplyError('INVALIDOBJ Corrupted HLL object detected');
export const HLL_NOT_SPARSE = new ReplyError('ERR HLL encoding is not sparse');
export const NO_SPECIFIED_KEY = new ReplyError('ERR The specified key does not exist');
// Geospatial indexes.
export const GEO_UNIT = new ReplyError('ERR unsupported unit provided. please use M, KM, FT, MI');
export const GEO_RADIUS = new ReplyError('ERR need numeric radius');
export const GEO_NEGATIVE_RADIUS = new ReplyError('ERR radius cannot be negative');
export const GEO_WIDTH = new ReplyError('ERR need numeric width');
export const GEO_HEIGHT = new ReplyError('ERR need numeric height');
export const GEO_NEGATIVE_BOX = new ReplyError('ERR height or width cannot be negative');
export const GEO_COUNT = new ReplyError('ERR COUNT must be > 0');
export const GEO_ANY = new ReplyError('ERR the ANY argument requires COUNT argument');
export const GEO_MEMBER = new ReplyError('ERR could not decode requested zset member');
export const GEOSEARCHSTORE_WITH = new ReplyError(
  'ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
);
export const GEORADIUS_STORE_WITH = new ReplyError(
  'ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
);
export const NOAUTH = new ReplyError('NOAUTH Authentication required.');
export const WRONGPASS = new ReplyError('WRONGPASS invalid username-password pair or user is disabled.');
export const NO_KEY_PERMISSION = new ReplyError(
  'NOPERM this user has no permissions to access one of the keys used as arguments',
);
export const NO_CHANNEL_PERMISSION = new ReplyError(
  'NOPERM this user has no permissions to access one of the channels used as arguments',
);
export const USER_NAME_WITH_SPACES = new ReplyError("ERR Usernames can't contain spaces or null characters");
export const DEFAULT_USER_STAYS = new ReplyError("ERR The 'default' user cannot be removed");
export const NO_ACL_FILE = new ReplyError(
  'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER ' +
    'command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store ' +
    'users in the Redis configuration.',
);
export const ACL_NOT_SAVED = new ReplyError(
  'ERR There was an error trying to save the ACLs. Please check the server logs for more information',
);
export const GENPASS_BITS = new ReplyError(
  'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096',
);
export const SORT_BY_DENIED = new ReplyError(
  'ERR BY option of SORT denied due to insufficient ACL permissions.',
);
export const SORT_GET_DENIED = new ReplyError(
  'ERR GET option of SORT denied due to insufficient ACL permissions.',
);
export const AUTH_WITHOUT_PASSWORD = new ReplyError(
  'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
);
export const NOAUTH_HELLO = new ReplyError(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> ' +
    '<pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
);
export const NOPROTO = new ReplyError('NOPROTO unsupported protocol version');
export const BAD_CLIENT_NAME = new ReplyError(
  'ERR Client names cannot contain spaces, newlines or special characters.',
);
export const NO_SUCH_CLIENT = new ReplyError('ERR No such client');
export const REPLICA_TOUCHES_KEYS = new ReplyError("ERR Replica can't interact with the keyspace");
export const EXECABORT = new ReplyError('EXECABORT Transaction discarded because of previous errors.');
export const EXEC_WITHOUT_MULTI = new ReplyError('ERR EXEC without MULTI');
export const DISCARD_WITHOUT_MULTI = new ReplyError('ERR DISCARD without MULTI');
export const NESTED_MULTI = new ReplyError('ERR MULTI calls can not be nested');
export const WATCH_IN_MULTI = new ReplyError('ERR WATCH inside MULTI is not allowed');
export const NOT_IN_MULTI = new ReplyError('ERR Command not allowed inside a transaction');
export const LOADING_DATASET = new ReplyError('LOADING Redis is loading the dataset in memory');
export const OOM = new ReplyError("OOM command not allowed when used memory > 'maxmemory'.");
export const MAX_CLIENTS = new ReplyError('ERR max number of clients reached');
export const READONLY_REPLICA = new ReplyError("READONLY You can't write against a read only replica.");
export const MASTERDOWN = new ReplyError(
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);
export const NOREPLICAS = new ReplyError('NOREPLICAS Not enough good replicas to write.');
export const MISCONF = new ReplyError(
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that " +
    'may modify the data set are disabled, because this instance is configured to report errors during writes if ' +
    'RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about ' +
    'the RDB error.',
);
export const DENIED_PROTECTED_MODE = new ReplyError(
  'DENIED Redis is running in protected mode because protected mode is enabled and no password is set for ' +
    'the default user. In this mode connections are only accepted from the loopback interface. If you want ' +
    'to connect from external computers to Redis you may adopt one of the following solutions: 1) Just ' +
    "disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface " +
    'by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not ' +
    'publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) ' +
    'Alternatively you can just disable the protected mode by editing the Redis configuration file, and ' +
    "setting the protected mode option to 'no', and then restarting the server. 3) If you started the " +
    "server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an " +
    'authentication password for the default user. NOTE: You only need to do one of the above things in ' +
    'order for the server to start accepting connections from the outside.',
);

// Hashes.
export const HASH_VALUE_NOT_INTEGER = new ReplyError('ERR hash value is not an integer');
export const HASH_VALUE_NOT_FLOAT = new ReplyError('ERR hash value is not a float');
export const VALUE_NOT_FINITE = new ReplyError('ERR value is NaN or Infinity');
export const NOT_SYMMETRIC_INT64 = new ReplyError(
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
);

// Sets and SORT
export const NUMKEYS_NOT_POSITIVE = new ReplyError('ERR numkeys should be greater than 0');
export const MORE_KEYS_THAN_ARGS = new ReplyError("ERR Number of keys can't be greater than number of args");
export const NEGATIVE_LIMIT = new ReplyError("ERR LIMIT can't be negative");
export const SORT_NOT_DOUBLE = new ReplyError("ERR One or more scores can't be converted into double");

// Sorted sets.
export const ZADD_NX_AND_XX = new ReplyError('ERR XX and NX options at the same time are not compatible');
export const ZADD_GT_LT_NX = new ReplyError(
  'ERR GT, LT, and/or NX options at the same time are not compatible',
);
export const ZADD_INCR_PAIRS = new ReplyError('ERR INCR option supports a single increment-element pair');
export const SCORE_NOT_NUMBER = new ReplyError('ERR resulting score is not a number (NaN)');
export const RANGE_NOT_FLOAT = new ReplyError('ERR min or max is not a float');
export const RANGE_NOT_MEMBER = new ReplyError('ERR min or max not valid string range item');
export const LIMIT_BY_RANK = new ReplyError(
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
);
export const WITHSCORES_BY_LEX = new ReplyError(
  'ERR syntax error, WITHSCORES not supported in combination with BYLEX',
);
export const WEIGHT_NOT_FLOAT = new ReplyError('ERR weight value is not a float');
export const ZINTERCARD_LIMIT = new ReplyError("ERR LIMIT can't be negative");
export const ZMPOP_COUNT = new ReplyError('ERR count should be greater than 0');

/** What a user sent, as an error shows it: cut short, and where C would take it for ended. */
export function shown(text: string, max = 128): string {
  const end = text.indexOf('\0');
  return text.slice(0, end < 0 ? max : Math.min(end, max));
}

/** An error of the plain kind with a text of its own. */
export function err(text: string): ReplyError {
  return new ReplyError(`ERR ${text}`);
}

/** For a client that is subscribed under RESP2. */
export function subscribed(fullName: string): ReplyError {
  return new ReplyError(
    `ERR Can't execute '${fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in ` +
      'this context',
  );
}

/** The user may not call the command at all. */
export function noPermission(fullName: string): ReplyError {
  return new ReplyError(`NOPERM this user has no permissions to run the '${fullName}' command`);
}

const REVOKED = {
  command: 'no permission to execute the command or subcommand',
  key: 'no permission to touch the specified keys',
  channel: 'no permission to access one of the channels used as arguments',
};

/** For what was queued while the user still might. */
export function revoked(reason: keyof typeof REVOKED): ReplyError {
  return new ReplyError(
    'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is ' +
      `no longer allowed for the following reason: ${REVOKED[reason]}`,
  );
}

export function unmatchedSelector(word: string): ReplyError {
  return err(`Unmatched parenthesis in acl selector starting at '${shown(word, Number.POSITIVE_INFINITY)}'.`);
}

export function badRule(rule: string, problem: string): ReplyError {
  return err(`Error in ACL SETUSER modifier '${shown(rule, Number.POSITIVE_INFINITY)}': ${problem}`);
}

/** The reply to an EXEC that was itself refused. */
export function execAbortedBy(error: ReplyError): ReplyError {
  return new ReplyError(`EXECABORT Transaction discarded because of: ${error.text.replace(/^ERR /, '')}`);
}

export function wrongArity(fullName: string): ReplyError {
  return new ReplyError(`ERR wrong number of arguments for '${fullName}' command`);
}

export function unknownSubcommand(subcommand: string, command: string): ReplyError {
  return new ReplyError(`ERR unknown subcommand '${shown(subcommand)}'. Try ${command.toUpperCase()} HELP.`);
}

/** For containers that look at the arguments of a subcommand themselves (DEBUG, SLOWLOG GET). */
export function subcommandSyntax(subcommand: string, command: string): ReplyError {
  return new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${shown(subcommand)}'. ` +
      `Try ${command.toUpperCase()} HELP.`,
  );
}

export function outOfIntRange(min: number, max: number): ReplyError {
  return new ReplyError(`ERR value is out of range, value must between ${min} and ${max}`);
}

export function invalidExpire(command: string): ReplyError {
  return new ReplyError(`ERR invalid expire time in '${command}' command`);
}

/** `args` are the texts behind the name; the list is cut as Redis cuts it, at 128 characters. */
export function unknownCommand(name: string, args: readonly string[]): ReplyError {
  let list = '';
  for (const arg of args) {
    if (list.length >= 128) break;
    list += `'${shown(arg, 128 - list.length)}' `;
  }
  return new ReplyError(`ERR unknown command '${shown(name)}', with args beginning with: ${list}`);
}

export function protocolError(text: string): ReplyError {
  return new ReplyError(`ERR Protocol error: ${text}`);
}

export function protectedCommand(name: string, parameter: string): ReplyError {
  return new ReplyError(
    `ERR ${name.toUpperCase()} command not allowed. If the ${parameter} option is set to "local", you can run it ` +
      'from a local connection, otherwise you need to set this option in the configuration file, and then ' +
      'restart the server.',
  );
}

// Streams.
export const BAD_STREAM_ID = new ReplyError('ERR Invalid stream ID specified as stream command argument');
export const BAD_START_ID = new ReplyError('ERR invalid start ID for the interval');
export const BAD_END_ID = new ReplyError('ERR invalid end ID for the interval');
export const STREAM_ID_TOO_SMALL = new ReplyError(
  'ERR The ID specified in XADD is equal or smaller than the target stream top item',
);
export const ZERO_STREAM_ID = new ReplyError('ERR The ID specified in XADD must be greater than 0-0');
export const STREAM_EXHAUSTED = new ReplyError(
  'ERR The stream has exhausted the last possible ID, unable to add more items',
);
export const STREAM_ELEMENTS_TOO_LARGE = new ReplyError('ERR Elements are too large to be stored');
export const TWO_TRIM_STRATEGIES = new ReplyError(
  'ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
);
export const NO_TRIM_STRATEGY = new ReplyError(
  'ERR syntax error, XTRIM must be called with a trimming strategy',
);
export const LIMIT_WITHOUT_TRIM = new ReplyError(
  'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
);
export const LIMIT_WITHOUT_TILDE = new ReplyError(
  'ERR syntax error, LIMIT cannot be used without the special ~ option',
);
export const NEGATIVE_MAXLEN = new ReplyError('ERR The MAXLEN argument must be >= 0.');
export const NEGATIVE_TRIM_LIMIT = new ReplyError('ERR The LIMIT argument must be >= 0.');
export const NEGATIVE_ENTRIES_ADDED = new ReplyError('ERR entries_added must be positive');
export const ENTRIES_ADDED_BELOW_LENGTH = new ReplyError(
  'ERR The entries_added specified in XSETID is smaller than the target stream length',
);
export const SETID_BELOW_TOP = new ReplyError(
  'ERR The ID specified in XSETID is smaller than the target stream top item',
);
export const SETID_BELOW_GIVEN_TOMBSTONE = new ReplyError(
  'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
);
export const UNBALANCED_STREAMS = new ReplyError(
  "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);
export const GROUP_WITH_XREAD = new ReplyError(
  'ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
);
export const NOACK_WITH_XREAD = new ReplyError(
  'ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
);
export const MISSING_GROUP = new ReplyError('ERR Missing GROUP option for XREADGROUP');
export const DOLLAR_WITH_GROUP = new ReplyError(
  'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ' +
    'specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
);
export const GREATER_WITHOUT_GROUP = new ReplyError(
  'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
);
export const STREAM_GONE = new ReplyError('UNBLOCKED the stream key no longer exists');
export const GROUP_GONE = new ReplyError(
  'NOGROUP the consumer group this client was blocked on no longer exists',
);
export const BUSY_GROUP = new ReplyError('BUSYGROUP Consumer Group name already exists');
export const XGROUP_NEEDS_KEY = new ReplyError(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM ' +
    'option to create an empty stream automatically.',
);
export const BAD_ENTRIES_READ = new ReplyError('ERR value for ENTRIESREAD must be positive or -1');
export const XCLAIM_BAD_IDLE_TIME = new ReplyError('ERR Invalid min-idle-time argument for XCLAIM');
export const XCLAIM_BAD_IDLE = new ReplyError('ERR Invalid IDLE option argument for XCLAIM');
export const XCLAIM_BAD_TIME = new ReplyError('ERR Invalid TIME option argument for XCLAIM');
export const XCLAIM_BAD_RETRYCOUNT = new ReplyError('ERR Invalid RETRYCOUNT option argument for XCLAIM');
export const XAUTOCLAIM_BAD_IDLE_TIME = new ReplyError('ERR Invalid min-idle-time argument for XAUTOCLAIM');
export const COUNT_NOT_POSITIVE = new ReplyError('ERR COUNT must be > 0');

// RESTORE.
export const BUSY_KEY = new ReplyError('BUSYKEY Target key name already exists.');
export const BAD_PAYLOAD = new ReplyError('ERR DUMP payload version or checksum are wrong');
export const BAD_DUMP = new ReplyError('ERR Bad data format');
export const INVALID_TTL = new ReplyError('ERR Invalid TTL value, must be >= 0');
export const INVALID_IDLETIME = new ReplyError('ERR Invalid IDLETIME value, must be >= 0');
export const INVALID_FREQ = new ReplyError('ERR Invalid FREQ value, must be >= 0 and <= 255');
// SAVE, BGSAVE, BGREWRITEAOF.
export const SAVE_IN_PROGRESS = new ReplyError('ERR Background save already in progress');
export const OTHER_CHILD = new ReplyError(
  "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a " +
    'BGSAVE whenever possible.',
);
export const REWRITE_IN_PROGRESS = new ReplyError(
  'ERR Background append only file rewriting already in progress',
);
export const REWRITE_FAILED = new ReplyError(
  "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
);
/** SAVE has failed; the log knows why. */
export const NOT_SAVED = new ReplyError('ERR');

// MIGRATE.
export const MIGRATE_KEYS_AND_KEY = new ReplyError(
  'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
);
export const MIGRATE_CONNECTING = new ReplyError('IOERR error or timeout connecting to the client');
export const MIGRATE_WRITING = new ReplyError('IOERR error or timeout writing to target instance');
export const MIGRATE_READING = new ReplyError('IOERR error or timeout reading to target instance');
/** Ours: Redis stands still while it migrates. */
export const MIGRATE_CHANGED = new ReplyError(
  'ERR A key was changed while it was migrated: the target has it as it was, and it has not been removed here',
);

export function migrateRefused(error: string): ReplyError {
  return new ReplyError(`ERR Target instance replied with error: ${error}`);
}

// The append-only file.
export const AOF_REWRITE_RUNNING = new ReplyError(
  'ERR Background append only file rewriting already in progress',
);
export const AOF_REWRITE_IMPOSSIBLE = new ReplyError(
  "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
);

/** Why writers are refused: strerror's text. */
export function misconfAof(reason: string): ReplyError {
  return new ReplyError(`MISCONF Errors writing to the AOF file: ${reason}`);
}

/** Upstream prints names as C strings. */
function cString(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

export function noSuchGroup(group: string, key: string): ReplyError {
  return new ReplyError(`NOGROUP No such consumer group '${cString(group)}' for key name '${cString(key)}'`);
}

export function noKeyOrGroup(key: string, group: string): ReplyError {
  return new ReplyError(`NOGROUP No such key '${cString(key)}' or consumer group '${cString(group)}'`);
}

export function noGroupToRead(key: string, group: string): ReplyError {
  return new ReplyError(
    `NOGROUP No such key '${cString(key)}' or consumer group '${cString(group)}' in XREADGROUP with GROUP option`,
  );
}

export function xclaimOption(option: string): ReplyError {
  return new ReplyError(`ERR Unrecognized XCLAIM option '${cString(option)}'`);
}

// Masters and replicas: the commands of users.
export const NO_REPLICATION = new ReplyError('ERR This server has no replication');
export const REPLICAOF_IN_CLUSTER = new ReplyError('ERR REPLICAOF not allowed in cluster mode.');
export const REPLICAOF_WHILE_FAILING_OVER = new ReplyError('ERR REPLICAOF not allowed while failing over.');
export const NOT_FOR_REPLICAS = new ReplyError('ERR Command is not valid when client is a replica.');
export const BAD_MASTER_PORT = new ReplyError('ERR Invalid master port');
export const WAIT_ON_REPLICA = new ReplyError(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured ' +
    'to be writable (which is not the default) writes to replicas are just local and are not propagated.',
);
export const WAITAOF_ON_REPLICA = new ReplyError(
  'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and ' +
    'are not propagated.',
);
export const WAITAOF_WITHOUT_AOF = new ReplyError(
  'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
);
/** For those who wait in WAIT or for a key when the server becomes a replica. */
export const UNBLOCKED_BY_ROLE = new ReplyError(
  'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
);
export const FAILOVER_IN_CLUSTER = new ReplyError(
  'ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.',
);
export const FAILOVER_TIMEOUT = new ReplyError('ERR FAILOVER timeout must be greater than 0');
export const NO_FAILOVER = new ReplyError('ERR No failover in progress.');
export const FAILOVER_IN_PROGRESS = new ReplyError('ERR FAILOVER already in progress.');
export const FAILOVER_ON_REPLICA = new ReplyError('ERR FAILOVER is not valid when server is a replica.');
export const FAILOVER_WITHOUT_REPLICAS = new ReplyError('ERR FAILOVER requires connected replicas.');
export const FORCED_FAILOVER_NEEDS = new ReplyError(
  'ERR FAILOVER with force option requires both a timeout and target HOST and IP.',
);
export const FAILOVER_TARGET_UNKNOWN = new ReplyError('ERR FAILOVER target HOST and PORT is not a replica.');
export const FAILOVER_TARGET_NOT_ONLINE = new ReplyError('ERR FAILOVER target replica is not online.');

// Masters and replicas: what replicas ask of their master.
export const SYNC_WHILE_FAILING_OVER = new ReplyError("NOMASTERLINK Can't SYNC while failing over");
export const SYNC_WITHOUT_MASTER = new ReplyError(
  "NOMASTERLINK Can't SYNC while not connected with my master",
);
export const SYNC_WITH_PENDING_OUTPUT = new ReplyError('ERR SYNC and PSYNC are invalid with pending output');
export const FILTERED_SYNC_NEEDS_EOF = new ReplyError('ERR Filtered replica requires EOF capability');
export const FAILOVER_SYNC_TO_MASTER = new ReplyError("ERR PSYNC FAILOVER can't be sent to a master.");
export const FAILOVER_SYNC_ID = new ReplyError('ERR PSYNC FAILOVER replid must match my replid.');
export const NO_RDB_FILTER = new ReplyError('ERR Missing rdb-filter-only values');

export function unknownRdbFilter(name: string): ReplyError {
  return new ReplyError(`ERR Unsupported rdb-filter-only option: ${cString(name)}`);
}

export function unknownReplconf(option: string): ReplyError {
  return new ReplyError(`ERR Unrecognized REPLCONF option: ${cString(option)}`);
}

export function replicaAddressTooLong(bytes: number): ReplyError {
  return new ReplyError(`ERR REPLCONF ip-address provided by replica instance is too long: ${bytes} bytes`);
}
