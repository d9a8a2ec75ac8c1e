/**
 * An entry: one key with its value, as bytes in the arena.
 *
 *   word 0   type (bits 0-2), encoding (3-4), HAS_EXPIRE (5), EXTERNAL (6), EPOCH_BIT (7);
 *            LRU clock or LFU counter (bits 8-31, as in Redis's robj)
 *   word 1   key length
 *   word 2   value length; with EXTERNAL the number of the value in the table of externals
 *   8 bytes  expiry, only with HAS_EXPIRE: milliseconds since the epoch, low and high word
 *   key
 *   value    (nothing with EXTERNAL)
 *
 * A packed collection is a value of bytes just as a string is (a listpack, an intset): `Database.locateValue` and
 * `resizeValue` serve both. EXTERNAL values are long runs of bytes, each in a Uint8Array of its own, and collections
 * that have outgrown their packed form (datatypes/).
 */
export const TYPE_MASK = 7;
export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;
export const TYPE_STREAM = 6;
export const TYPE_NAMES = ['string', 'list', 'set', 'zset', 'hash', 'module', 'stream'] as const;

export const ENCODING_SHIFT = 3;
export const ENCODING_MASK = 3 << ENCODING_SHIFT;
/** A string as SET made it: OBJECT ENCODING tells int, embstr or raw from its bytes. */
export const STRING_AUTO = 0 << ENCODING_SHIFT;
/** A string that was changed in place (APPEND, SETRANGE, ...): raw, whatever it holds. */
export const STRING_RAW = 1 << ENCODING_SHIFT;
/** A short string that is never shown as int (what INCRBYFLOAT stores). */
export const STRING_EMBSTR = 2 << ENCODING_SHIFT;

/** A list: a listpack in the entry, or a chain of nodes. Redis 7.0 calls both quicklist. */
export const LIST_PACKED = 0 << ENCODING_SHIFT;
export const LIST_NODES = 1 << ENCODING_SHIFT;
/** A set: an intset; a listpack that OBJECT ENCODING shows as such, or as hashtable; a table of members. */
export const SET_INTSET = 0 << ENCODING_SHIFT;
export const SET_LISTPACK = 1 << ENCODING_SHIFT;
export const SET_TABLE = 2 << ENCODING_SHIFT;
export const SET_PACKED_TABLE = 3 << ENCODING_SHIFT;
/** A sorted set: a listpack of member, score, member, score; or a table of members and an index by score. */
export const ZSET_LISTPACK = 0 << ENCODING_SHIFT;
export const ZSET_INDEX = 1 << ENCODING_SHIFT;
/** A hash: a listpack of field, value, field, value; or a table of fields. */
export const HASH_LISTPACK = 0 << ENCODING_SHIFT;
export const HASH_TABLE = 1 << ENCODING_SHIFT;
/** A stream is always a collection. */
export const STREAM_NODES = 1 << ENCODING_SHIFT;

export const HAS_EXPIRE = 1 << 5;
export const EXTERNAL = 1 << 6;
/**
 * Equal to `Memory.epoch`: the entry was made or changed since the running snapshot began, or is written already. A
 * snapshot begins by turning `epoch` over; from then on entries that differ are those it still has to write.
 */
export const EPOCH_BIT = 1 << 7;
/** Low byte of word 0: everything but the access clock. */
export const META_MASK = 0xff;
export const ACCESS_SHIFT = 8;

export const HEADER_BYTES = 12;
export const EXPIRE_BYTES = 8;
/** Values longer than this are kept outside of the arena's slots. */
export const INLINE_VALUE_MAX = 32768;
/** Strings up to this length are embstr in Redis. */
export const EMBSTR_MAX = 44;
