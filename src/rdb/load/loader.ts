/**
 * Loads an RDB into a keyspace, from bytes that come by and by.
 *
 *     for (;;) {
 *       const what = loader.step(untilUs);
 *       if (what === NEED_BYTES) { const { buf, off } = window.room(n); ... read into it ...; window.filled(m); }
 *       else if (what === NEED_TURN) ... let others have their turn ...
 *       else break;                                      // DONE
 *     }
 *
 * A state machine over a window of bytes (window.ts). `mark` (in the reader) stands behind what is done for good: op
 * codes, the head of an entry, each element of its value, each piece of a long string. When the window ends within one,
 * the reader throws INCOMPLETE, and the next step reads it again from there. A value belongs to no key until it is
 * whole, so nobody sees half of it. The checksum follows the mark, and what is waited for as it comes.
 *
 * Nothing the bytes say is believed: lengths are compared with what can still come before memory is taken for them,
 * packed values are validated before they are stored. What is wrong ends in CorruptRdb; what was loaded by then stays.
 */
import type { Database } from '../../keyspace/database.ts';
import { type Deadline, setDeadline } from '../../keyspace/deadline.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { copyBytes } from '../../util/copy-bytes.ts';
import { latin1Of } from '../../util/latin1.ts';
import type { ZsetLimits } from '../../values/zset.ts';
import {
  OP_AUX,
  OP_EOF,
  OP_EXPIRETIME,
  OP_EXPIRETIME_MS,
  OP_FREQ,
  OP_FUNCTION_PRE_GA,
  OP_FUNCTION2,
  OP_IDLE,
  OP_MODULE_AUX,
  OP_RESIZEDB,
  OP_SELECTDB,
  OP_SLOT_INFO,
  RDB_VERSION_MAX,
  TYPE_MODULE_2,
} from '../format.ts';
import { moduleName, skipModuleValue } from './module-values.ts';
import { CorruptRdb, INCOMPLETE, type RdbReader, shortRead } from './reader.ts';
import { isValueType, ValueLoader } from './value.ts';
import { RdbWindow } from './window.ts';

// What `step` says.
/** All bytes that were there have been used: more are needed. */
export const NEED_BYTES = 0;
/** The time is up, but there is more to do. */
export const NEED_TURN = 1;
export const DONE = 2;

// What is being read, for those who report on it (ts-redis-check-rdb).
export const DOING_START = 0;
export const DOING_READ_TYPE = 1;
export const DOING_READ_EXPIRE = 2;
export const DOING_READ_KEY = 3;
export const DOING_READ_VALUE = 4;
export const DOING_CHECK_SUM = 5;
export const DOING_READ_LENGTH = 6;
export const DOING_READ_AUX = 7;
export const DOING_READ_MODULE_AUX = 8;
export const DOING_READ_FUNCTIONS = 9;

export interface RdbLoadOptions {
  keyspace: Keyspace;
  /** What is loaded into, where it is not the keyspace's own: over its memory, as many and with the same numbers. */
  databases?: readonly Database[];
  zsetLimits: ZsetLimits;
  /** A monotonic clock in microseconds, to which `step`'s deadline belongs. */
  nowUs: () => number;
  /** Bytes of the whole file, where that is known. Nothing is believed to be longer than what is left of them. */
  size?: number;
  /** Wall clock in ms: keys that expired before it are left out (on a master). Not told: all are kept. */
  skipExpiredBefore?: number;
  /** Compare the checksum (rdbchecksum). Default: yes. */
  checksum?: boolean;
  /** Keys that are there already are replaced (DEBUG RELOAD NOFLUSH) instead of refused. */
  allowDuplicates?: boolean;
  /** Look at everything within values, and for duplicates (sanitize-dump-payload). */
  deep?: boolean;
  /** Keep nothing: only find out whether the file is sane (ts-redis-check-rdb). */
  checksOnly?: boolean;
  /** Called for each key that was left out because of `skipExpiredBefore`. The key is only lent. */
  onExpired?: (db: Database, key: Uint8Array) => void;
  /** Called after each key that was loaded (key-load-delay). */
  onKey?: () => void;
  /** Op codes that tell of the file, as they come. */
  onAux?: (name: string, value: string) => void;
  onSelect?: (db: number) => void;
  /** With `checksOnly`: data of a module that stands beside keys. */
  onModuleAux?: (module: string) => void;
  /** Log lines. */
  log?: (level: 'debug' | 'notice' | 'warning', text: string) => void;
}

/** Between two looks at the clock: parts of the file, elements of a value, bytes. */
const PARTS_A_LOOK = 64;
const ELEMENTS_A_LOOK = 128;
/** So many parts are ELEMENTS_A_LOOK elements like, when a value is gone on with. */
const PARTS_OF_ELEMENTS = 7;
const BYTES_A_LOOK = 65536;
/** Bytes that the checksum lags behind. */
const CRC_RUN = 131072;
/** Bytes that an entry takes in a file at least, when room is made for as many as the file says. */
const ENTRY_BYTES = 12;
/** The same where the file's size is unknown. */
const RESERVED_UNKNOWN = 1 << 20;
const HEADER_BYTES = 9;
const SIGNATURE = 'REDIS';
const CHECKSUM_SINCE = 5;
const EMPTY_KEYS_LOGGED = 10;
const AUX_KEPT = 64;

const PHASE_HEADER = 0;
const PHASE_PARTS = 1;
const PHASE_VALUE = 2;
const PHASE_CHECKSUM = 3;
const PHASE_DONE = 4;

export class RdbLoader {
  /** Aux fields, by name. */
  readonly aux = new Map<string, string>();
  /** Sources of function libraries. */
  readonly functions: Uint8Array[] = [];
  version = 0;
  keysLoaded = 0;
  keysExpired = 0;
  emptyKeysSkipped = 0;
  /** Keys that have an expiry. */
  expires = 0;
  /** Keys read, loaded or not. */
  keysRead = 0;
  /** The checksum was there and right. */
  checksumMatched = false;
  /** DOING_...: what is read just now. */
  doing = DOING_START;
  /** Type of the value that is read; 0 before the first, -1 between two. */
  type = 0;

  /** Where the bytes are put. */
  readonly window: RdbWindow;

  readonly #options: RdbLoadOptions;
  readonly #keyspace: Keyspace;
  readonly #databases: readonly Database[];
  readonly #reader: RdbReader;
  readonly #values: ValueLoader;
  #phase = PHASE_HEADER;
  #db: Database;
  #key = new Uint8Array(256);
  #keyLen = 0;
  #expireAt: Deadline = -1;
  #idle = -1;
  #freq = -1;

  constructor(options: RdbLoadOptions) {
    this.#options = options;
    this.#keyspace = options.keyspace;
    this.#databases = options.databases ?? options.keyspace.databases;
    this.#db = this.#databases[0]!;
    this.window = new RdbWindow(options.size, options.checksum !== false);
    this.#reader = this.window.reader;
    this.#values = new ValueLoader(
      { memory: options.keyspace.memory, db: this.#db, zsetLimits: options.zsetLimits },
      options.checksOnly === true,
    );
  }

  /** The key whose value is read; null when there is none. */
  get key(): Uint8Array | null {
    return this.doing === DOING_READ_VALUE && this.type >= 0 ? this.#key.subarray(0, this.#keyLen) : null;
  }

  // ------------------------------------------------------------------------------------------------ steps

  /** Loads until the bytes or the time are used up, or the RDB is at its end. Throws CorruptRdb. */
  step(untilUs: number): typeof NEED_BYTES | typeof NEED_TURN | typeof DONE {
    const { window } = this;
    const reader = this.#reader;
    const { nowUs } = this.#options;
    try {
      for (;;) {
        const stop = reader.pos + BYTES_A_LOOK;
        for (let parts = PARTS_A_LOOK; parts > 0 && reader.pos < stop; parts--) {
          if (this.#phase === PHASE_PARTS) this.#part();
          else if (this.#phase === PHASE_VALUE) {
            this.#value();
            parts -= PARTS_OF_ELEMENTS;
          } else if (this.#phase === PHASE_HEADER) this.#header();
          else if (this.#phase === PHASE_CHECKSUM) this.#checksum();
          else return DONE;
        }
        // In long runs: they take a third of the time.
        if (reader.mark - window.summed >= CRC_RUN && this.#phase !== PHASE_DONE) window.sum(reader.mark);
        if (nowUs() >= untilUs) return NEED_TURN;
      }
    } catch (thrown) {
      if (thrown === INCOMPLETE) {
        reader.pos = reader.mark;
        // All that is there belongs to what is waited for.
        if (this.#phase === PHASE_VALUE) window.sum(reader.end);
        return NEED_BYTES;
      }
      if (thrown instanceof CorruptRdb) thrown.offset = window.offset;
      this.abort();
      throw thrown;
    }
  }

  /** Gives up a value that is not whole yet. */
  abort(): void {
    if (this.#phase === PHASE_VALUE) this.#values.drop();
    this.#phase = PHASE_DONE;
  }

  #header(): void {
    const reader = this.#reader;
    reader.need(HEADER_BYTES);
    const text = latin1Of(reader.buf, reader.pos, HEADER_BYTES);
    reader.pos += HEADER_BYTES;
    if (!text.startsWith(SIGNATURE)) {
      throw new CorruptRdb('Wrong signature trying to load DB from file', 'signature');
    }
    const version = Number.parseInt(text.slice(SIGNATURE.length), 10);
    if (!(version >= 1 && version <= RDB_VERSION_MAX)) {
      throw new CorruptRdb(
        `Can't handle RDB format version ${Number.isNaN(version) ? 0 : version}`,
        'version',
      );
    }
    this.version = version;
    reader.commit();
    this.#phase = PHASE_PARTS;
  }

  /** Reads an op code, or the head of an entry. */
  #part(): void {
    const reader = this.#reader;
    this.doing = DOING_READ_TYPE;
    const type = reader.byte();
    if (type < OP_SLOT_INFO) {
      this.#entry(type);
      return;
    }
    switch (type) {
      case OP_EXPIRETIME:
        this.doing = DOING_READ_EXPIRE;
        this.#expireAt = reader.int32() * 1000;
        break;
      case OP_EXPIRETIME_MS:
        this.doing = DOING_READ_EXPIRE;
        this.#expireAt = reader.deadline();
        break;
      case OP_FREQ:
        this.#freq = reader.byte();
        break;
      case OP_IDLE:
        this.#idle = reader.length();
        break;
      case OP_EOF:
        this.#phase = PHASE_CHECKSUM;
        break;
      case OP_SELECTDB:
        this.#select();
        break;
      case OP_RESIZEDB:
        this.#resize();
        break;
      case OP_SLOT_INFO:
        for (let i = 0; i < 3; i++) reader.length();
        break;
      case OP_AUX:
        this.#readAux();
        break;
      case OP_FUNCTION2:
        this.doing = DOING_READ_FUNCTIONS;
        reader.string();
        this.functions.push(reader.copy());
        break;
      case OP_FUNCTION_PRE_GA:
        if (this.#options.checksOnly !== true) {
          throw new CorruptRdb('Pre-release function format not supported.', 'refused');
        }
        this.doing = DOING_READ_FUNCTIONS;
        reader.string();
        reader.string();
        if (reader.length() !== 0) reader.string();
        reader.string();
        break;
      case OP_MODULE_AUX:
        this.#moduleAux();
    }
    reader.commit();
  }

  #select(): void {
    this.doing = DOING_READ_LENGTH;
    const id = this.#reader.length();
    const databases = this.#databases;
    this.#options.onSelect?.(id);
    const db = databases[id];
    if (db !== undefined) this.#db = db;
    else if (this.#options.checksOnly !== true) {
      throw new CorruptRdb(
        `FATAL: Data file was created with a Redis server configured to handle more than ${databases.length} ` +
          'databases. Exiting',
        'refused',
      );
    }
  }

  /** Makes room for as many keys as the file says, but not for more than can be in it. */
  #resize(): void {
    this.doing = DOING_READ_LENGTH;
    const reader = this.#reader;
    const keys = reader.length();
    const expires = reader.length();
    if (this.#options.checksOnly === true) return;
    const left = reader.end - reader.pos + reader.following;
    const most = Number.isFinite(left) ? Math.floor(left / ENTRY_BYTES) : RESERVED_UNKNOWN;
    if (keys > 0) this.#db.dict.reserve(Math.min(keys, most));
    if (expires > 0) this.#db.expires.reserve(Math.min(expires, keys, most));
  }

  #readAux(): void {
    this.doing = DOING_READ_AUX;
    const reader = this.#reader;
    reader.string();
    const name = latin1Of(reader.bytes, reader.off, reader.len);
    reader.string();
    const value = latin1Of(reader.bytes, reader.off, reader.len);
    if (this.aux.size < AUX_KEPT || this.aux.has(name)) this.aux.set(name, value);
    this.#options.onAux?.(name, value);
  }

  #moduleAux(): void {
    this.doing = DOING_READ_MODULE_AUX;
    const reader = this.#reader;
    reader.length64();
    const name = moduleName(reader.high, reader.low);
    const whenOp = reader.length();
    const when = reader.length();
    if (this.#options.checksOnly === true) {
      if (whenOp !== 2) throw new CorruptRdb('bad when_opcode');
      if (when < 0) throw new CorruptRdb('bad when');
      this.#options.onModuleAux?.(name);
      skipModuleValue(reader, name);
      return;
    }
    throw new CorruptRdb(
      `The RDB file contains AUX module data I can't load: no matching module '${name}'`,
      'refused',
    );
  }

  /** Reads the key, then as much of the value as there is. */
  #entry(type: number): void {
    const reader = this.#reader;
    if (!isValueType(type)) {
      if (this.#options.checksOnly === true) throw new CorruptRdb(`Invalid object type: ${type}`, 'type');
      throw new CorruptRdb(`Unknown RDB encoding type ${type}`);
    }
    this.type = type;
    this.doing = DOING_READ_KEY;
    reader.string();
    const { len } = reader;
    if (this.#key.length < len) this.#key = new Uint8Array(len * 2);
    copyBytes(reader.bytes, reader.off, len, this.#key, 0);
    this.#keyLen = len;
    this.keysRead++;
    reader.commit();
    this.doing = DOING_READ_VALUE;
    this.#phase = PHASE_VALUE;
    this.#values.begin(type, this.#options.deep === true);
    this.#value();
  }

  #value(): void {
    if (!this.#values.step(this.#reader, ELEMENTS_A_LOOK)) return;
    this.#phase = PHASE_PARTS;
    const { value } = this.#values;
    const { skipExpiredBefore, onKey, onExpired, checksOnly } = this.#options;
    const expireAt = this.#expireAt;
    if (value.empty && checksOnly === true && this.type !== TYPE_MODULE_2) throw shortRead();
    if (expireAt !== -1) this.expires++;
    const expired = skipExpiredBefore !== undefined && expireAt !== -1 && expireAt < skipExpiredBefore;
    if (expired && (checksOnly === true || !value.empty)) this.keysExpired++;
    this.type = -1;
    if (value.empty) this.#skipEmpty();
    else if (expired || checksOnly === true) {
      value.drop();
      if (expired) onExpired?.(this.#db, this.#key.subarray(0, this.#keyLen));
    } else {
      this.#store();
      onKey?.();
    }
    this.#expireAt = -1;
    this.#idle = -1;
    this.#freq = -1;
    this.#reader.tidy();
  }

  #skipEmpty(): void {
    if (this.emptyKeysSkipped++ >= EMPTY_KEYS_LOGGED || this.#options.checksOnly === true) return;
    this.#options.log?.('warning', `rdbLoadObject skipping empty key: ${this.#keyText()}`);
  }

  #keyText(): string {
    return latin1Of(this.#key, 0, this.#keyLen);
  }

  #store(): void {
    const db = this.#db;
    const key = this.#key;
    const { value } = this.#values;
    const found = db.find(key, 0, this.#keyLen);
    if (found !== 0) {
      if (this.#options.allowDuplicates !== true) {
        value.drop();
        throw new CorruptRdb(`RDB has duplicated key '${this.#keyText()}' in DB ${db.id}`, 'refused');
      }
      this.#keyspace.removeLazily(db, found, false);
      db.find(key, 0, this.#keyLen);
    }
    const ref = value.store(db, 0, key, 0, this.#keyLen, this.#access());
    if (this.#expireAt !== -1) setDeadline(db, ref, this.#expireAt < 0 ? 0 : this.#expireAt);
    this.keysLoaded++;
  }

  #access(): number {
    if (this.#idle < 0 && this.#freq < 0) return this.#keyspace.newAccess();
    return loadedAccess(this.#keyspace, this.#idle, this.#freq);
  }

  #checksum(): void {
    const reader = this.#reader;
    this.doing = DOING_CHECK_SUM;
    if (this.version >= CHECKSUM_SINCE) {
      reader.need(8);
      const { window } = this;
      window.sum(reader.mark);
      // Messages say where it ends.
      reader.pos += 8;
      this.#compare(reader.pos - 8);
      window.summed = reader.pos;
      reader.commit();
    }
    this.#phase = PHASE_DONE;
  }

  #compare(pos: number): void {
    const { crc } = this.window;
    const { buf } = this.#reader;
    if (crc === null) return;
    let told = 0n;
    for (let i = 7; i >= 0; i--) told = (told << 8n) | BigInt(buf[pos + i]!);
    if (told === 0n) {
      this.#options.log?.('notice', 'RDB file was saved with checksum disabled: no check performed.');
      return;
    }
    if (!crc.matches(buf, pos)) {
      const made = (BigInt(crc.high) << 32n) | BigInt(crc.low);
      throw new CorruptRdb(
        `Wrong RDB checksum expected: (${told.toString(16)}) but got (${made.toString(16)}). Aborting now.`,
        'checksum',
      );
    }
    this.checksumMatched = true;
  }
}

/** The access word of a key with an idle time in seconds (-1: none) or an LFU counter (-1: none) from a file. */
export function loadedAccess(keyspace: Keyspace, idleSeconds: number, freq: number): number {
  if (keyspace.lfu) return freq < 0 ? keyspace.newAccess() : (keyspace.lruClock << 8) | (freq & 255);
  if (idleSeconds < 0) return keyspace.newAccess();
  const clock = keyspace.lruClock - Math.min(idleSeconds, 0x7fffff);
  return clock < 0 ? (keyspace.lruClock + 0x7fffff) & 0xffffff : clock;
}
