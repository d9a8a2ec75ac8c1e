/**
 * Damaged RDBs: payloads into RESTORE and what commands then do with the keys that were accepted, whole files into
 * the loader. Nothing but errors may come of it: no exception, nothing that runs for long, no memory left behind.
 *
 * A case is made from the seed and its number alone, so a failure names both and can be repeated by itself.
 */
import { datasetDigest } from '../../src/commands/server/digest.ts';
import { DONE, NEED_BYTES, RdbLoader } from '../../src/rdb/load/loader.ts';
import { CorruptRdb } from '../../src/rdb/load/reader.ts';
import { Crc64 } from '../../src/util/crc64.ts';
import { type Random, randomBelow, seededRandom } from '../../src/util/random.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import type { Arg } from '../support/raw-client.ts';
import { type Body, rdbString, sealPayload, seedBodies } from './payloads.ts';

export interface FuzzFailure {
  readonly number: number;
  readonly what: string;
  readonly payload: Uint8Array;
  readonly commands: readonly string[];
}

export interface FuzzTotals {
  cases: number;
  accepted: number;
  commands: number;
  slowestMs: number;
  failures: FuzzFailure[];
}

/** A case that takes longer has gone astray. */
const CASE_MS_MAX = 2000;
const FILE_SHARE = 16;
const COMMANDS_EACH = 8;
/** The engine is made anew from time to time, so that a case that is repeated alone finds it nearly the same. */
const CASES_AN_ENGINE = 20_000;

type Word = (random: Random) => Arg;

const SMALL: Word = (random) => randomBelow(random, 12) - 3;
const TEXT: Word = (random) =>
  ['a', 'value 1', '1', '', 'm2', 'f3', 'item', 'text'.repeat(30)][randomBelow(random, 8)]!;
const SCORE: Word = (random) => ['-inf', '+inf', '0', '1.5', '(2', '3', '1e300'][randomBelow(random, 7)]!;
const LEX: Word = (random) => ['-', '+', '[a', '(m2', '[zz'][randomBelow(random, 5)]!;
const ID: Word = (random) => ['-', '+', '0', '5-1', '6-2', '7', '100-0'][randomBelow(random, 7)]!;
const WHO: Word = (random) => ['alice', 'bob', 'carol'][randomBelow(random, 3)]!;

const K = 'k';

/** Commands for each type: words, or what makes one. */
const TRAFFIC: Readonly<Record<string, readonly (readonly (Arg | Word)[])[]>> = {
  string: [
    ['GET', K],
    ['APPEND', K, TEXT],
    ['STRLEN', K],
    ['INCR', K],
    ['SETRANGE', K, 3, TEXT],
    ['GETRANGE', K, SMALL, SMALL],
    ['PFADD', K, TEXT],
    ['PFCOUNT', K],
    ['PFMERGE', K, K],
    ['BITCOUNT', K],
    ['SETBIT', K, 7, 1],
    ['INCRBYFLOAT', K, '1.5'],
    ['PFDEBUG', 'GETREG', K],
    ['PFDEBUG', 'DECODE', K],
    ['PFDEBUG', 'TODENSE', K],
    ['BITPOS', K, 1],
    ['LCS', K, K],
  ],
  list: [
    ['LRANGE', K, SMALL, SMALL],
    ['LRANGE', K, 0, -1],
    ['LPUSH', K, TEXT],
    ['RPUSH', K, TEXT],
    ['LPOP', K],
    ['RPOP', K, 2],
    ['LINDEX', K, SMALL],
    ['LSET', K, SMALL, TEXT],
    ['LREM', K, SMALL, TEXT],
    ['LINSERT', K, 'BEFORE', TEXT, TEXT],
    ['LTRIM', K, SMALL, SMALL],
    ['LPOS', K, TEXT, 'RANK', -1],
    ['LMOVE', K, K, 'LEFT', 'RIGHT'],
    ['SORT', K, 'ALPHA'],
    ['DEBUG', 'LISTPACK', K],
  ],
  set: [
    ['SMEMBERS', K],
    ['SADD', K, TEXT],
    ['SADD', K, SMALL],
    ['SREM', K, TEXT],
    ['SREM', K, SMALL],
    ['SPOP', K],
    ['SPOP', K, 3],
    ['SRANDMEMBER', K, SMALL],
    ['SISMEMBER', K, TEXT],
    ['SMOVE', K, 'other', TEXT],
    ['SINTER', K, K],
    ['SDIFF', K, 'other'],
    ['SSCAN', K, 0],
    ['SUNIONSTORE', 'other', K, K],
  ],
  zset: [
    ['ZRANGE', K, 0, -1, 'WITHSCORES'],
    ['ZADD', K, SMALL, TEXT],
    ['ZINCRBY', K, SMALL, TEXT],
    ['ZREM', K, TEXT],
    ['ZRANGEBYSCORE', K, SCORE, SCORE],
    ['ZRANGEBYLEX', K, LEX, LEX],
    ['ZRANK', K, TEXT],
    ['ZPOPMIN', K, 2],
    ['ZPOPMAX', K],
    ['ZREMRANGEBYRANK', K, SMALL, SMALL],
    ['ZREMRANGEBYSCORE', K, SCORE, SCORE],
    ['ZCOUNT', K, SCORE, SCORE],
    ['ZRANDMEMBER', K, SMALL, 'WITHSCORES'],
    ['ZSCAN', K, 0],
    ['ZUNIONSTORE', 'other', 1, K],
    ['ZSCORE', K, TEXT],
    ['ZREVRANGE', K, SMALL, SMALL],
    ['ZLEXCOUNT', K, LEX, LEX],
    ['GEOHASH', K, TEXT],
  ],
  hash: [
    ['HGETALL', K],
    ['HSET', K, TEXT, TEXT],
    ['HDEL', K, TEXT],
    ['HGET', K, TEXT],
    ['HINCRBY', K, TEXT, 3],
    ['HKEYS', K],
    ['HRANDFIELD', K, SMALL, 'WITHVALUES'],
    ['HSCAN', K, 0],
    ['HSTRLEN', K, TEXT],
    ['HSETNX', K, TEXT, TEXT],
    ['HLEN', K],
    ['HSET', K, TEXT, 'long'.repeat(40)],
    ['HINCRBYFLOAT', K, TEXT, '0.5'],
  ],
  stream: [
    ['XRANGE', K, '-', '+'],
    ['XREVRANGE', K, ID, ID],
    ['XADD', K, '*', TEXT, TEXT],
    ['XADD', K, '*', 'item', 1, 'value', TEXT],
    ['XLEN', K],
    ['XDEL', K, '5-0', '6-2', '7-4'],
    ['XTRIM', K, 'MAXLEN', 3],
    ['XTRIM', K, 'MINID', '~', ID],
    ['XINFO', 'STREAM', K, 'FULL'],
    ['XINFO', 'GROUPS', K],
    ['XREADGROUP', 'GROUP', 'group', WHO, 'COUNT', 2, 'STREAMS', K, '>'],
    ['XREADGROUP', 'GROUP', 'group', WHO, 'STREAMS', K, '0'],
    ['XACK', K, 'group', '5-0', '5-1', '6-2'],
    ['XPENDING', K, 'group', '-', '+', 5],
    ['XCLAIM', K, 'group', WHO, 0, '5-0', '5-1'],
    ['XAUTOCLAIM', K, 'group', WHO, 0, '0'],
    ['XGROUP', 'DELCONSUMER', K, 'group', WHO],
    ['XSETID', K, ID],
    ['XREAD', 'COUNT', 2, 'STREAMS', K, '0'],
    ['XGROUP', 'CREATE', K, 'new', '0'],
    ['XGROUP', 'DESTROY', K, 'idle'],
  ],
};

const ANY_TYPE: readonly (readonly (Arg | Word)[])[] = [
  ['DEBUG', 'DIGEST-VALUE', K],
  ['DUMP', K],
  ['OBJECT', 'ENCODING', K],
  ['COPY', K, 'copy', 'REPLACE'],
  ['RENAME', K, K],
  ['DEBUG', 'OBJECT', K],
  ['MEMORY', 'USAGE', K],
  ['TYPE', K],
  ['EXPIRE', K, 100],
];

export class RdbFuzz {
  readonly #seed: number;
  readonly #bodies: readonly Body[] = seedBodies();
  #redis: InProcess | null = null;
  #served = 0;
  /** Bytes of the arena, of tables and externals without a key. */
  #empty = '';
  readonly totals: FuzzTotals = { cases: 0, accepted: 0, commands: 0, slowestMs: 0, failures: [] };

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Runs the case with this number. */
  run(number: number): void {
    const random = seededRandom(
      (Math.imul(this.#seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0,
    );
    const sent: string[] = [];
    const isFile = number % FILE_SHARE === 0;
    const bytes = isFile ? this.#file(random) : this.#payload(random);
    const redis = this.#engine();
    const startMs = performance.now();
    try {
      if (isFile) this.#load(redis, random, bytes);
      else this.#restore(redis, random, bytes, sent);
      this.#sweep(redis);
    } catch (thrown) {
      this.#fail(
        number,
        thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown),
        bytes,
        sent,
      );
      this.#redis = null;
    }
    const ms = performance.now() - startMs;
    this.totals.slowestMs = Math.max(this.totals.slowestMs, ms);
    if (ms > CASE_MS_MAX) this.#fail(number, `took ${Math.round(ms)} ms`, bytes, sent);
    this.totals.cases++;
  }

  #fail(number: number, what: string, payload: Uint8Array, commands: string[]): void {
    this.totals.failures.push({ number, what, payload, commands });
  }

  #engine(): InProcess {
    if (this.#redis === null || ++this.#served > CASES_AN_ENGINE) {
      this.#served = 0;
      this.#redis = inProcess(
        {
          'enable-debug-command': 'yes',
          'hash-max-listpack-entries': '16',
          'zset-max-listpack-entries': '16',
          'list-max-listpack-size': '16',
          'set-max-intset-entries': '16',
          'stream-node-max-entries': '8',
        },
        this.#seed,
      );
      this.#empty = this.#held(this.#redis);
    }
    return this.#redis;
  }

  /** What is in memory. */
  #held(redis: InProcess): string {
    const { arena, externals, tableBytes } = redis.engine.keyspace.memory;
    return `arena ${arena.liveBytes}, tables ${tableBytes}, externals ${externals.bytes} in ${externals.count}`;
  }

  /** Removes what is there; nothing must be left of it. */
  #sweep(redis: InProcess): void {
    const { keyspace } = redis.engine;
    for (const key of [K, 'copy', 'other']) redis.raw('DEL', key);
    for (const db of keyspace.databases) if (db.size > 0) throw new Error(`${db.size} keys that nobody made`);
    while (keyspace.lazyFree.free(1 << 20));
    const held = this.#held(redis);
    if (held !== this.#empty) throw new Error(`memory is left behind: ${held} instead of ${this.#empty}`);
  }

  // --------------------------------------------------------------------------------------------- what is damaged

  #body(random: Random): Body {
    return this.#bodies[randomBelow(random, this.#bodies.length)]!;
  }

  #payload(random: Random): Buffer {
    const body = this.#mutate(random, this.#body(random));
    const payload = sealPayload(body);
    // A few are damaged at the end as well.
    if (randomBelow(random, 50) === 0) payload[payload.length - 1 - randomBelow(random, 10)]! ^= 1;
    return payload;
  }

  #mutate(random: Random, body: Buffer): Buffer {
    let bytes: Buffer = Buffer.from(body);
    for (let times = 1 + (randomBelow(random, 4) === 0 ? randomBelow(random, 6) : 0); times > 0; times--) {
      if (bytes.length < 2) break;
      const at = randomBelow(random, bytes.length);
      switch (randomBelow(random, 12)) {
        case 0:
          bytes = bytes.subarray(0, at);
          break;
        case 1: {
          // The end of another one.
          const other = this.#body(random);
          bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(randomBelow(random, other.length))]);
          break;
        }
        case 2: {
          const count = 1 + randomBelow(random, 8);
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + count))]);
          break;
        }
        case 3: {
          const again = bytes.subarray(at, at + 1 + randomBelow(random, 32));
          bytes = Buffer.concat([bytes.subarray(0, at), again, bytes.subarray(at)]);
          break;
        }
        case 4:
          // Lengths stand near the beginning.
          bytes[1 + randomBelow(random, Math.min(12, bytes.length - 1))] = randomBelow(random, 256);
          break;
        case 5:
          bytes[at] = [0, 1, 63, 64, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff][
            randomBelow(random, 13)
          ]!;
          break;
        case 6:
          bytes[0] = randomBelow(random, 23);
          break;
        case 7:
          bytes[at]! += 1;
          break;
        case 8:
          bytes[at]! -= 1;
          break;
        case 9:
          bytes[at] = randomBelow(random, 256);
          break;
        default:
          bytes[at]! ^= 1 << randomBelow(random, 8);
      }
    }
    return bytes;
  }

  /** A file of some keys, damaged. */
  #file(random: Random): Buffer {
    const parts: Buffer[] = [
      Buffer.from('REDIS0010'),
      Buffer.from([250]),
      rdbString('redis-ver'),
      rdbString('7.2.4'),
    ];
    parts.push(Buffer.from([254, 0, 251, 8, 2]));
    for (let i = randomBelow(random, 6); i >= 0; i--) {
      if (i === 2) parts.push(Buffer.from([252, 0, 0, 0, 0, 0, 2, 0, 0]), Buffer.from([248, 17]));
      if (i === 4) parts.push(Buffer.from([254, 3]));
      const body = this.#body(random);
      parts.push(body.subarray(0, 1), rdbString(`key ${i}`), body.subarray(1));
    }
    parts.push(Buffer.from([255]));
    let file: Buffer = Buffer.concat(parts);
    if (randomBelow(random, 8) !== 0) {
      const head = randomBelow(random, 6) === 0 ? 0 : 9;
      file = Buffer.concat([file.subarray(0, head), this.#mutate(random, file.subarray(head))]);
    }
    const tail = Buffer.alloc(8);
    if (randomBelow(random, 20) !== 0) new Crc64().update(file).write(tail, 0);
    return Buffer.concat([file, tail]);
  }

  // ----------------------------------------------------------------------------------------------- what is done

  #restore(redis: InProcess, random: Random, payload: Buffer, sent: string[]): void {
    const { config } = redis.engine;
    config.values['sanitize-dump-payload'] = (['no', 'yes', 'clients'] as const)[randomBelow(random, 3)]!;
    sent.push('RESTORE');
    const reply = redis.raw('RESTORE', K, 0, payload, 'REPLACE');
    if (reply[0] !== 0x2b) return;
    this.totals.accepted++;
    for (let i = 0; i < COMMANDS_EACH; i++) {
      const type = String(redis.call('TYPE', K));
      if (type === 'none') break;
      const table = randomBelow(random, 4) === 0 ? ANY_TYPE : TRAFFIC[type]!;
      const command = table[randomBelow(random, table.length)]!;
      const words = command.map((word) => (typeof word === 'function' ? word(random) : word));
      sent.push(words.join(' '));
      redis.raw(...words);
      this.totals.commands++;
    }
  }

  #load(redis: InProcess, random: Random, file: Buffer): void {
    const { engine } = redis;
    const { keyspace } = engine;
    const loader = new RdbLoader({
      keyspace,
      zsetLimits: engine.config.values,
      nowUs: () => 0,
      deep: randomBelow(random, 2) === 0,
      allowDuplicates: randomBelow(random, 2) === 0,
      checksum: randomBelow(random, 4) !== 0,
      ...(randomBelow(random, 2) === 0 && { size: file.length }),
      ...(randomBelow(random, 2) === 0 && { skipExpiredBefore: engine.nowMs }),
    });
    const most = randomBelow(random, 2) === 0 ? file.length : 1 + randomBelow(random, 200);
    try {
      let ended = false;
      for (let at = 0; ; ) {
        const what = loader.step(1);
        if (what === DONE) break;
        if (what !== NEED_BYTES) continue;
        if (ended) throw new Error('the loader wants more than there is');
        const bytes = Math.min(most, file.length - at);
        if (bytes > 0) loader.window.push(file, at, bytes);
        else {
          loader.window.ended();
          ended = true;
        }
        at += bytes;
      }
      this.totals.accepted++;
    } catch (thrown) {
      if (!(thrown instanceof CorruptRdb)) throw thrown;
    }
    datasetDigest(keyspace);
    for (const db of keyspace.databases) {
      for (;;) {
        const refs: [number, number][] = [];
        db.dict.scan(0, (ref, hash) => refs.push([ref, hash]) < 100);
        if (refs.length === 0) break;
        for (const [ref, hash] of refs) {
          db.select(ref, hash);
          keyspace.removeLazily(db, ref, false);
        }
      }
      if (db.expires.count > 0) throw new Error('an expiry is left without its key');
    }
  }
}
