/**
 * What a command is: one declarative entry. Dispatch, arity and gates, COMMAND INFO/DOCS/LIST/GETKEYS, ACL
 * categories, key extraction and the docs derive from it; nothing else in the project repeats these facts.
 *
 * The fields are those of COMMAND DOCS and COMMAND INFO (https://redis.io/docs/latest/commands/command-docs/).
 */
import type { Args } from '../resp/args.ts';
import type { Client } from './client.ts';

// Command flags: small ints, so that a gate is one `&`.
export const WRITE = 1 << 0;
export const READONLY = 1 << 1;
export const DENYOOM = 1 << 2;
export const ADMIN = 1 << 3;
export const PUBSUB = 1 << 4;
export const NOSCRIPT = 1 << 5;
export const BLOCKING = 1 << 6;
export const LOADING = 1 << 7;
export const STALE = 1 << 8;
export const SKIP_MONITOR = 1 << 9;
export const SKIP_SLOWLOG = 1 << 10;
export const ASKING = 1 << 11;
export const FAST = 1 << 12;
export const NO_AUTH = 1 << 13;
export const MAY_REPLICATE = 1 << 14;
export const NO_ASYNC_LOADING = 1 << 15;
export const NO_MULTI = 1 << 16;
export const ALLOW_BUSY = 1 << 17;
export const NO_MANDATORY_KEYS = 1 << 18;
/** Guarded by enable-debug-command or enable-module-command. */
export const PROTECTED = 1 << 19;
export const TOUCHES_ARBITRARY_KEYS = 1 << 20;
/** Sentinel has it too. */
export const SENTINEL = 1 << 21;
export const ONLY_SENTINEL = 1 << 22;
/**
 * Ours: constant time and so short that reading the clock would be a good part of it. Such commands are timed
 * together, by batch (engine.ts).
 */
export const BATCHED = 1 << 23;
/** Derived by the command table: the place of the keys depends on the arguments. */
export const MOVABLE_KEYS = 1 << 24;
/** Ours: it refreshes the clocks of keys even for a client with CLIENT NO-TOUCH on. */
export const ALWAYS_TOUCHES = 1 << 25;
/** Ours: it runs at once although MULTI is open. */
export const RUNS_IN_MULTI = 1 << 26;
/** Ours: it runs what MULTI has queued, and is refused where one of those would be. */
export const RUNS_QUEUE = 1 << 27;
/** Ours: a client that is subscribed under RESP2 may use it. */
export const SUBSCRIBED_TOO = 1 << 28;

/** Names of the flags in COMMAND INFO, in Redis's order; those that are not here Redis doesn't show, either. */
export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [WRITE, 'write'],
  [READONLY, 'readonly'],
  [DENYOOM, 'denyoom'],
  [ADMIN, 'admin'],
  [PUBSUB, 'pubsub'],
  [NOSCRIPT, 'noscript'],
  [BLOCKING, 'blocking'],
  [LOADING, 'loading'],
  [STALE, 'stale'],
  [SKIP_MONITOR, 'skip_monitor'],
  [SKIP_SLOWLOG, 'skip_slowlog'],
  [ASKING, 'asking'],
  [FAST, 'fast'],
  [NO_AUTH, 'no_auth'],
  [NO_MANDATORY_KEYS, 'no_mandatory_keys'],
  [NO_ASYNC_LOADING, 'no_async_loading'],
  [NO_MULTI, 'no_multi'],
  [MOVABLE_KEYS, 'movablekeys'],
  [ALLOW_BUSY, 'allow_busy'],
];

// Key spec flags.
export const KEY_RO = 1 << 0;
export const KEY_RW = 1 << 1;
export const KEY_OW = 1 << 2;
export const KEY_RM = 1 << 3;
export const KEY_ACCESS = 1 << 4;
export const KEY_UPDATE = 1 << 5;
export const KEY_INSERT = 1 << 6;
export const KEY_DELETE = 1 << 7;
export const KEY_NOT_KEY = 1 << 8;
export const KEY_INCOMPLETE = 1 << 9;
export const KEY_VARIABLE_FLAGS = 1 << 10;

/** Where keys stand in a command's arguments. */
export interface KeySpec {
  flags: number;
  notes?: string;
  /** An index, a keyword to look for (from an index; negative from the end), or unknown. */
  begin: { index: number } | { keyword: string; startFrom: number } | 'unknown';
  /** A range (`last` relative to the first key, negative from the end), a count argument, or unknown. */
  find:
    | { last: number; step: number; limit: number }
    | { numkeysAt: number; firstKey: number; step: number }
    | 'unknown';
}

/** A key among the arguments of a command, and what the command does with it (KEY_* flags). */
export interface KeyRef {
  index: number;
  flags: number;
}

/** One argument, as COMMAND DOCS shows it. */
export interface ArgSpec {
  name: string;
  type: 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block';
  displayText?: string;
  keySpecIndex?: number;
  token?: string;
  summary?: string;
  since?: string;
  deprecatedSince?: string;
  optional?: boolean;
  multiple?: boolean;
  multipleToken?: boolean;
  args?: readonly ArgSpec[];
}

export type Group =
  | 'bitmap'
  | 'cluster'
  | 'connection'
  | 'generic'
  | 'geo'
  | 'hash'
  | 'hyperloglog'
  | 'list'
  | 'pubsub'
  | 'scripting'
  | 'sentinel'
  | 'server'
  | 'set'
  | 'sorted_set'
  | 'stream'
  | 'string'
  | 'transactions';

/** Carries out a command: parse everything, look up, change, signal, reply. Throws ReplyError to refuse. */
export type Handler = (client: Client, args: Args) => void;

export interface CommandSpec {
  /** Lower case; a subcommand's own name ("list", not "client|list"). */
  name: string;
  group: Group;
  since: string;
  summary: string;
  /** Empty where the manual has none (MONITOR). */
  complexity: string;
  /** Number of arguments with the name; negative: at least so many. */
  arity: number;
  flags: number;
  /** ACL categories beyond those that follow from flags ("string", "keyspace", "dangerous", ...; no "@"). */
  acl?: readonly string[];
  /** Tips for clients ("command_tips"), such as "nondeterministic_output". */
  tips?: readonly string[];
  /** Version and change. */
  history?: readonly (readonly [string, string])[];
  deprecatedSince?: string;
  replacedBy?: string;
  docFlags?: readonly ('deprecated' | 'syscmd')[];
  keys?: readonly KeySpec[];
  /** The keys, where the key specs cannot tell (unknown, incomplete, variable flags); `null`: bad arguments. */
  getKeys?: (args: Args) => KeyRef[] | null;
  args?: readonly ArgSpec[];
  subcommands?: readonly CommandSpec[];
  /** Absent for containers, which only have subcommands. */
  run?: Handler;
}
