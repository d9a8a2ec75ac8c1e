/** Where sets change their form: copies of the parameters set-max-*, see engine/config-wiring.ts. */
export class SetLimits {
  intsetEntries = 512;
  /** 0: sets have two encodings, intset and hashtable, as up to Redis 7.0; else a third one, listpack, as in 7.2. */
  listpackEntries = 0;
  listpackValue = 64;
}

/**
 * Sets of at most so many members, none longer, are kept as a listpack in the entry even where OBJECT ENCODING says
 * hashtable: less than half the memory, and looking through them costs no more than hashing.
 */
export const PACKED_MEMBERS_MAX = 64;
export const PACKED_MEMBER_BYTES_MAX = 64;
