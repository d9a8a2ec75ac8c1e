/**
 * The states that a command must be checked against, as bits: of a client, of the server, and the reasons not to
 * serve a client's next request. All are 0 in the common case, so that one comparison lets a command through.
 */

// Bits of `Client.gates`: states in which a command needs more than the common checks. 0 for most clients.
export const GATE_UNAUTHENTICATED = 1 << 0;
export const GATE_REPLY_OFF = 1 << 1;
/** CLIENT REPLY SKIP: the reply of the command being served is dropped. */
export const GATE_REPLY_SKIP = 1 << 2;
export const GATE_MULTI = 1 << 3;
export const GATE_SUBSCRIBED = 1 << 4;
export const GATE_NO_TOUCH = 1 << 5;
export const GATE_MONITOR = 1 << 6;
/** CLIENT REPLY SKIP has just been served: the next command is the one whose reply is dropped. */
export const GATE_REPLY_SKIP_NEXT = 1 << 7;
/** CLIENT TRACKING: the keys of what it reads are remembered. */
export const GATE_TRACKING = 1 << 8;
/** Another client's invalidations are redirected to it. */
export const GATE_PUSHED = 1 << 9;
/** A replica of ours: it is there for the stream, not for the keys. */
export const GATE_REPLICA = 1 << 10;
/** Its user may not do everything (acl/). */
export const GATE_LIMITED = 1 << 11;

// Bits of `Client.stopped`: reasons not to serve more requests now. 0 for most clients.
export const STOP_CLOSING = 1 << 0;
/** Waiting for a command to be answered (BLPOP, CLIENT PAUSE, CONFIG SET of a port, ...). */
export const STOP_BLOCKED = 1 << 1;
/** Too much output is pending. */
export const STOP_OUTPUT = 1 << 2;

// Bits of `Engine.gates`: states of the whole server that a command must be checked against.
export const SERVER_MAXMEMORY = 1 << 16;
export const SERVER_LOADING = 1 << 17;
export const SERVER_PAUSED = 1 << 18;
export const SERVER_MONITORED = 1 << 19;
/** A replica that takes writes from its master only. */
export const SERVER_READONLY = 1 << 20;
export const SERVER_MISCONF = 1 << 21;
/** Some client waits for keys: after each command, those that have changed are looked after (blocking.ts). */
export const SERVER_AWAITED = 1 << 22;
/** A snapshot may want writing commands to wait (write-gate.ts). */
export const SERVER_SNAPSHOT = 1 << 23;
/** Some keys must not be changed for a while (held-keys.ts). */
export const SERVER_KEYS_HELD = 1 << 27;
/** A replica loads its master's data aside and serves what it had: some commands would be lost, or mislead. */
export const SERVER_ASYNC_LOADING = 1 << 26;
/** Too few replicas are good: writes are refused (min-replicas-to-write). */
export const SERVER_NOREPLICAS = 1 << 24;
/** A replica without its master that must not serve old data (replica-serve-stale-data no). */
export const SERVER_STALE = 1 << 25;

/**
 * Reply bytes that all clients together may leave untaken. Above it, the requests of those that have left more than
 * OUTPUT_SHARE_BYTES are held back until they read.
 */
export const OUTPUT_PAUSE_BYTES = 128 * 1024 * 1024;
export const OUTPUT_SHARE_BYTES = 1024 * 1024;
