/**
 * An entry: one key with its value, as bytes in the arena.
 *
 *   word 0   type (bits 0-2), encoding (3-4), HAS_EXPIRE (5), EXTERNAL (6), one spare bit;
 *            LRU clock or LFU counter (bits 8-31, as in Redis's robj)
 *   word 1   key length
 *   word 2   value length; with EXTERNAL the number of the value in the table of externals
 *   8 bytes  expiry, only with HAS_EXPIRE: milliseconds since the epoch, low and high word
 *   key
 *   value    (nothing with EXTERNAL)
 *
 * EXTERNAL values are long strings, each in a Uint8Array of its own, and (with the types to come) collections
 * that have outgrown their packed form.
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

export const HAS_EXPIRE = 1 << 5;
export const EXTERNAL = 1 << 6;
/** Low byte of word 0: everything but the access clock. */
export const META_MASK = 0xff;
export const ACCESS_SHIFT = 8;

export const HEADER_BYTES = 12;
export const EXPIRE_BYTES = 8;
/** Values longer than this are kept outside of the arena's slots. */
export const INLINE_VALUE_MAX = 32768;
/** Strings up to this length are embstr in Redis. */
export const EMBSTR_MAX = 44;
