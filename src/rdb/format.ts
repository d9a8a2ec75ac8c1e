/**
 * The words of the RDB format: op codes, value types, ways to write a length.
 *
 *   file    "REDIS" version(4 digits)  { AUX | MODULE_AUX | FUNCTION2 | SELECTDB | RESIZEDB | key }*  EOF  crc64
 *   key     [EXPIRETIME | EXPIRETIME_MS] [IDLE | FREQ] type, key string, value
 *
 * We write version 10, which Redis 7.0 reads, and read 1 to 12.
 */

export const RDB_VERSION_WRITTEN = 10;
export const RDB_VERSION_MAX = 12;

// Op codes: what stands where a type could.
export const OP_SLOT_INFO = 244;
export const OP_FUNCTION2 = 245;
/** What release candidates of 7.0 wrote. */
export const OP_FUNCTION_PRE_GA = 246;
export const OP_MODULE_AUX = 247;
/** LRU idle time in seconds. */
export const OP_IDLE = 248;
/** LFU counter. */
export const OP_FREQ = 249;
export const OP_AUX = 250;
export const OP_RESIZEDB = 251;
export const OP_EXPIRETIME_MS = 252;
export const OP_EXPIRETIME = 253;
export const OP_SELECTDB = 254;
export const OP_EOF = 255;

// Types of values.
export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
/** Scores as text. */
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;
/** Scores as binary doubles. */
export const TYPE_ZSET_2 = 5;
export const TYPE_MODULE_PRE_GA = 6;
export const TYPE_MODULE_2 = 7;
export const TYPE_HASH_ZIPMAP = 9;
export const TYPE_LIST_ZIPLIST = 10;
export const TYPE_SET_INTSET = 11;
export const TYPE_ZSET_ZIPLIST = 12;
export const TYPE_HASH_ZIPLIST = 13;
/** Ziplist nodes. */
export const TYPE_LIST_QUICKLIST = 14;
export const TYPE_STREAM_LISTPACKS = 15;
export const TYPE_HASH_LISTPACK = 16;
export const TYPE_ZSET_LISTPACK = 17;
/** Nodes that are listpacks or single elements. */
export const TYPE_LIST_QUICKLIST_2 = 18;
/** With first id, max deleted id, entries added. */
export const TYPE_STREAM_LISTPACKS_2 = 19;
export const TYPE_SET_LISTPACK = 20;
/** With active times of consumers. */
export const TYPE_STREAM_LISTPACKS_3 = 21;

/** Kinds of quicklist nodes. */
export const NODE_PLAIN = 1;
export const NODE_PACKED = 2;

// The two upper bits of a length's first byte.
export const LENGTH_6 = 0;
export const LENGTH_14 = 1;
/** Not a length: the lower six bits say how the string is written. */
export const LENGTH_ENCODED = 3;
// The whole first byte of longer ones, which are big endian.
export const LENGTH_32 = 0x80;
export const LENGTH_64 = 0x81;

// Ways to write a string that is not raw.
export const STRING_INT8 = 0;
export const STRING_INT16 = 1;
export const STRING_INT32 = 2;
export const STRING_LZF = 3;

// First byte of a score as text where it isn't its length.
export const SCORE_NAN = 253;
export const SCORE_INF = 254;
export const SCORE_NEG_INF = 255;
