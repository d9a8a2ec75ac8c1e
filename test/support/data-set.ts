/**
 * Data of every type and encoding, with what sits on the borders of the file formats, as commands: sent to
 * redis-server and to ours they give the same data (DEBUG DIGEST) in the same encodings.
 *
 *     for (const args of dataSet({ seed: 7 })) await client.send(...args);     // or fill(client, dataSet())
 *
 * The same seed gives the same commands. Names of keys tell what they hold: `list:plain`, `zset:skiplist`.
 * Nothing in it depends on the clock but the times of a stream's consumers; what expires does so after the year 2100.
 */
import { type Random, randomBelow, seededRandom } from '../../src/util/random.ts';
import type { Arg, RawClient } from './raw-client.ts';

export interface DataSetOptions {
  readonly seed?: number;
  /** 1: about 700 keys and 4 MB; more keys of each kind with more. */
  readonly scale?: number;
  /** Leaves the streams' groups out, whose times are the server's. */
  readonly groups?: boolean;
  /** Databases to fill: the first with everything, the others with a few keys. */
  readonly databases?: readonly number[];
}

type Command = readonly Arg[];

/** Expiry times, ms: after 2100, around what doubles hold exactly, and the last there is. */
export const FAR_FUTURE: readonly (number | bigint)[] = [
  4_102_444_800_000,
  4_102_444_800_001,
  9_007_199_254_740_991,
  9_007_199_254_740_993n,
  9_223_372_036_854_775_807n,
];

/** Keys of a data set whose encoding tells how they were made, until they are made anew from a file or a payload. */
export const HISTORIC = /^(string:(grown|holes|float)|bits:|hll:empty|set:left-ints)/;

export function dataSet(options: DataSetOptions = {}): Command[] {
  const { seed = 1, scale = 1, groups = true, databases = [0, 1, 5, 15] } = options;
  const commands: Command[] = [];
  databases.forEach((db, i) => {
    const make = new Maker(commands, seededRandom(seed + i), i === 0 ? scale : 0);
    make.add('SELECT', db);
    make.all(groups);
  });
  commands.push(['SELECT', 0]);
  return commands;
}

/** Sends commands in batches and throws at the first error reply. */
export async function fill(client: RawClient, commands: readonly Command[], batch = 200): Promise<void> {
  for (let i = 0; i < commands.length; i += batch) {
    const part = commands.slice(i, i + batch);
    const replies = await client.pipeline(part);
    const wrong = replies.findIndex((raw) => raw[0] === 0x2d);
    if (wrong >= 0) {
      throw new Error(`${part[wrong]!.map(String).join(' ').slice(0, 200)}: ${replies[wrong]!.toString()}`);
    }
  }
}

const INT_EDGES = [
  '0',
  '-1',
  '12',
  '127',
  '128',
  '-128',
  '-129',
  '4095',
  '4096',
  '8191',
  '8192',
  '9999',
  '10000',
  '32767',
  '32768',
  '-32768',
  '-32769',
  '8388607',
  '8388608',
  '-8388608',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '4294967295',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
];
/** What looks like an integer and must not become one. */
const NOT_INTEGERS = ['', '01', '-0', '+1', ' 1', '1 ', '9223372036854775808', '-9223372036854775809', '1.0'];
const DOUBLES = [
  '0',
  '-0',
  '1',
  '-1',
  '0.1',
  '3.14159265358979',
  '1e300',
  '-1e-300',
  '5e-324',
  '1.7976931348623157e308',
  '9007199254740993',
  '4503599627370496.5',
  '123456789012345680000',
  'inf',
  '-inf',
];
/** Lengths around the borders of string encodings, LZF, listpack entries and lengths in files. */
const LENGTHS = [
  1, 4, 5, 11, 12, 19, 20, 21, 22, 43, 44, 45, 63, 64, 65, 127, 253, 254, 255, 256, 4095, 4096,
];
const LONG_LENGTHS = [8191, 16_383, 16_384, 32_767, 32_768, 65_535, 65_536, 100_000, 300_000];

class Maker {
  readonly #commands: Command[];
  readonly #random: Random;
  readonly #scale: number;

  constructor(commands: Command[], random: Random, scale: number) {
    this.#commands = commands;
    this.#random = random;
    this.#scale = scale;
  }

  add(...args: Arg[]): void {
    this.#commands.push(args);
  }

  all(groups: boolean): void {
    this.#strings();
    this.#lists();
    this.#sets();
    this.#sortedSets();
    this.#hashes();
    this.#streams(groups);
    this.#bits();
    this.#expiries();
    this.#binaryKeys();
  }

  #below(n: number): number {
    return randomBelow(this.#random, n);
  }

  #times(n: number): number {
    return this.#scale === 0 ? Math.min(n, 3) : Math.ceil(n * this.#scale);
  }

  #bytes(length: number): Buffer {
    return Buffer.from(this.#random.bytes(length));
  }

  /** Text of few different words, which compresses well. */
  #text(length: number): string {
    let text = '';
    while (text.length < length) text += `${['lorem', 'ipsum', 'dolor', 'sit'][this.#below(4)]!} `;
    return text.slice(0, length);
  }

  /** One of everything that an element may be. */
  #element(longest = 40): Arg {
    switch (this.#below(6)) {
      case 0:
        return INT_EDGES[this.#below(INT_EDGES.length)]!;
      case 1:
        return this.#below(100_000) - 50_000;
      case 2:
        return this.#bytes(this.#below(longest) + 1);
      case 3:
        return NOT_INTEGERS[this.#below(NOT_INTEGERS.length)]!;
      case 4:
        return this.#text(this.#below(longest) + 1);
      default:
        return `e:${this.#below(1_000_000)}`;
    }
  }

  /** Adds elements by several commands of at most fifty. */
  #addMany(command: string, key: string, elements: readonly (readonly Arg[])[]): void {
    for (let i = 0; i < elements.length; i += 50) this.add(command, key, ...elements.slice(i, i + 50).flat());
  }

  #some<T>(n: number, make: (i: number) => T): T[] {
    return Array.from({ length: n }, (_, i) => make(i));
  }

  #strings(): void {
    for (const text of INT_EDGES) this.add('SET', `string:int:${text}`, text);
    for (const text of NOT_INTEGERS) this.add('SET', `string:no-int:${text}`, text);
    for (const length of LENGTHS) {
      this.add('SET', `string:same:${length}`, 'a'.repeat(length));
      this.add('SET', `string:text:${length}`, this.#text(length));
      this.add('SET', `string:random:${length}`, this.#bytes(length));
    }
    if (this.#scale > 0) {
      for (const length of LONG_LENGTHS) {
        this.add('SET', `string:long-text:${length}`, this.#text(length));
        this.add('SET', `string:long-random:${length}`, this.#bytes(length));
      }
      // A distance of more than LZF can tell, runs longer than one of its steps.
      const far = this.#bytes(9000);
      this.add('SET', 'string:far', Buffer.concat([far, Buffer.alloc(700), far]));
      this.add('SET', 'string:zeros', Buffer.alloc(200_000));
    }
    for (const end of ['0', '77777', '-5']) {
      this.add('SET', `string:grown:${end}`, '12');
      this.add('APPEND', `string:grown:${end}`, end);
    }
    this.add('SETRANGE', 'string:holes', 100, 'end');
    this.add('INCRBYFLOAT', 'string:float', '3.25');
    for (let i = 0; i < this.#times(100); i++) this.add('SET', `string:${i}`, this.#element(100));
  }

  #lists(): void {
    this.add('RPUSH', 'list:one', '');
    this.#addMany(
      'RPUSH',
      'list:ints',
      INT_EDGES.map((text) => [text]),
    );
    this.#addMany(
      'RPUSH',
      'list:small',
      this.#some(20, () => [this.#element()]),
    );
    for (const length of LENGTHS)
      this.add('RPUSH', `list:of:${length}`, ...this.#some(3, () => this.#bytes(length)));
    if (this.#scale > 0) {
      this.#addMany(
        'RPUSH',
        'list:nodes',
        this.#some(this.#times(3000), () => [this.#element()]),
      );
      this.#addMany(
        'RPUSH',
        'list:text',
        this.#some(this.#times(500), () => [this.#text(200)]),
      );
      this.#addMany(
        'LPUSH',
        'list:left',
        this.#some(this.#times(1500), (i) => [i]),
      );
      // Elements of more than 8 KiB stand in nodes of their own.
      for (const length of [8191, 8192, 8193, 9000, 20_000, 70_000]) {
        this.add('RPUSH', 'list:plain', 'before', this.#bytes(length), this.#text(length), 'after');
        this.add('LPUSH', `list:plain:${length}`, this.#text(length));
      }
      this.add('LREM', 'list:nodes', '0', 'e:1');
      this.add('LTRIM', 'list:left', '300', '-10');
      this.add('LSET', 'list:text', this.#times(500) >> 1, this.#text(10_000));
      this.add('LINSERT', 'list:plain', 'AFTER', 'after', 'inserted');
    }
    for (let i = 0; i < this.#times(10); i++) {
      this.#addMany(
        'RPUSH',
        `list:${i}`,
        this.#some(this.#below(300) + 1, () => [this.#element(200)]),
      );
    }
  }

  #sets(): void {
    this.#addMany(
      'SADD',
      'set:intset16',
      this.#some(30, () => [this.#below(60_000) - 30_000]),
    );
    this.#addMany(
      'SADD',
      'set:intset32',
      this.#some(30, () => [this.#below(2 ** 31) - 2 ** 30]),
    );
    this.add('SADD', 'set:intset64', '1', '9223372036854775807', '-9223372036854775808', '4294967296');
    this.#addMany(
      'SADD',
      'set:intset-full',
      this.#some(512, (i) => [i * 3]),
    );
    this.#addMany(
      'SADD',
      'set:intset-grown',
      this.#some(513, (i) => [i * 3]),
    );
    this.add('SADD', 'set:one', '');
    this.#addMany(
      'SADD',
      'set:few',
      this.#some(10, () => [this.#element()]),
    );
    this.#addMany(
      'SADD',
      'set:128',
      this.#some(128, (i) => [`m:${i}`]),
    );
    this.#addMany(
      'SADD',
      'set:mixed',
      this.#some(this.#times(200), () => [this.#element()]),
    );
    this.add('SADD', 'set:left-ints', '1', '2', 'x');
    this.add('SREM', 'set:left-ints', 'x');
    if (this.#scale > 0) {
      this.#addMany(
        'SADD',
        'set:many',
        this.#some(this.#times(3000), () => [this.#element()]),
      );
      this.add('SADD', 'set:long', this.#text(10_000), this.#bytes(70_000), 'short');
    }
    for (let i = 0; i < this.#times(10); i++) {
      this.#addMany(
        'SADD',
        `set:${i}`,
        this.#some(this.#below(100) + 1, () => [this.#element(100)]),
      );
    }
  }

  #score(): string {
    switch (this.#below(4)) {
      case 0:
        // Redis loses the sign of a zero in a big sorted set when it rewrites it as commands.
        return DOUBLES[this.#below(DOUBLES.length)]!.replace(/^-0$/, '0');
      case 1:
        return String(this.#below(1000) - 500);
      case 2:
        return String((this.#random.float() - 0.5) * 1e6);
      default:
        return String(this.#below(100) / 8);
    }
  }

  #sortedSets(): void {
    this.#addMany(
      'ZADD',
      'zset:doubles',
      DOUBLES.map((score, i) => [score, `m:${i}`]),
    );
    this.#addMany(
      'ZADD',
      'zset:equal',
      this.#some(50, (i) => ['1.5', `m:${i}`]),
    );
    this.#addMany(
      'ZADD',
      'zset:ints',
      this.#some(100, (i) => [i, i]),
    );
    this.#addMany(
      'ZADD',
      'zset:128',
      this.#some(128, (i) => [this.#score(), `m:${i}`]),
    );
    this.#addMany(
      'ZADD',
      'zset:129',
      this.#some(129, (i) => [this.#score(), `m:${i}`]),
    );
    this.add('ZADD', 'zset:64', '1', 'x'.repeat(64));
    this.add('ZADD', 'zset:65', '1', 'x'.repeat(65));
    this.add('ZADD', 'zset:empty-member', '1', '');
    this.add('GEOADD', 'zset:geo', '13.361389', '38.115556', 'Palermo', '15.087269', '37.502669', 'Catania');
    if (this.#scale > 0) {
      const members = this.#some(this.#times(3000), () => [this.#score(), this.#element()]);
      this.#addMany('ZADD', 'zset:skiplist', members);
      this.#addMany(
        'ZADD',
        'zset:same-score',
        this.#some(this.#times(1000), () => ['7', this.#element()]),
      );
      this.#addMany(
        'ZADD',
        'zset:infinite',
        this.#some(300, (i) => [i % 2 ? 'inf' : '-inf', `m:${i}`]),
      );
      this.add('ZADD', 'zset:long', '0.5', this.#text(10_000), '-0.5', this.#bytes(40_000));
    }
    for (let i = 0; i < this.#times(10); i++) {
      const count = this.#below(150) + 1;
      this.#addMany(
        'ZADD',
        `zset:${i}`,
        this.#some(count, () => [this.#score(), this.#element()]),
      );
    }
  }

  #hashes(): void {
    this.add('HSET', 'hash:empty', '', '');
    this.#addMany(
      'HSET',
      'hash:ints',
      INT_EDGES.map((text) => [text, text]),
    );
    this.#addMany(
      'HSET',
      'hash:512',
      this.#some(512, (i) => [`f:${i}`, i]),
    );
    this.#addMany(
      'HSET',
      'hash:513',
      this.#some(513, (i) => [`f:${i}`, i]),
    );
    this.add('HSET', 'hash:64', 'f', 'x'.repeat(64), 'y'.repeat(64), '1');
    this.add('HSET', 'hash:65', 'f', 'x'.repeat(65));
    this.add('HSET', 'hash:65-field', 'y'.repeat(65), 'v');
    if (this.#scale > 0) {
      const fields = this.#some(this.#times(3000), () => [this.#element(), this.#element(100)]);
      this.#addMany('HSET', 'hash:table', fields);
      this.add('HSET', 'hash:long', 'text', this.#text(50_000), 'random', this.#bytes(70_000), 'short', '1');
    }
    for (let i = 0; i < this.#times(20); i++) {
      const count = this.#below(60) + 1;
      this.#addMany(
        'HSET',
        `hash:${i}`,
        this.#some(count, () => [this.#element(60), this.#element(60)]),
      );
    }
  }

  #streams(groups: boolean): void {
    this.add('XADD', 'stream:one', '1-1', 'field', 'value');
    this.add('XADD', 'stream:edges', '0-1', '', '');
    this.add('XADD', 'stream:edges', '9007199254740993-4294967296', 'f', '1');
    this.add('XADD', 'stream:edges', '18446744073709551615-18446744073709551614', 'f', this.#bytes(300));
    this.add('XADD', 'stream:edges', '18446744073709551615-18446744073709551615', 'last', 'one');
    this.#addMany('XADD', 'stream:emptied', [['5-5', 'a', 'b']]);
    this.add('XDEL', 'stream:emptied', '5-5');
    this.add('XADD', 'stream:set-id', '1-1', 'a', 'b');
    this.add('XSETID', 'stream:set-id', '9-9', 'ENTRIESADDED', '100', 'MAXDELETEDID', '5-5');
    // More than a node holds, the fields the same, other ones, and some of both.
    this.#entries('stream:same', this.#times(350), () => [
      'sensor',
      this.#element(),
      'value',
      this.#element(),
    ]);
    this.#entries('stream:other', this.#times(150), () => [this.#element(), this.#element()]);
    this.#entries('stream:mixed', this.#times(250), (i) =>
      i % 7 === 0 ? ['odd', '1', 'one', 'out'] : ['name', this.#text(30), 'n', String(i)],
    );
    this.#entries('stream:big', this.#times(30), () => ['data', this.#bytes(this.#below(3000))]);
    for (let i = 3; i < 250; i += 3) this.add('XDEL', 'stream:mixed', `${1000 + (i >> 2)}-${i}`);
    // A whole node goes.
    for (let i = 100; i < 200; i++) this.add('XDEL', 'stream:same', `${1000 + (i >> 2)}-${i}`);
    this.#entries('stream:trimmed', this.#times(400), (i) => ['i', String(i)]);
    this.add('XTRIM', 'stream:trimmed', 'MAXLEN', '=', '130');
    this.#entries('stream:about', this.#times(400), (i) => ['i', String(i)]);
    this.add('XTRIM', 'stream:about', 'MAXLEN', '~', '130');
    this.#entries('stream:wide', 3, () => this.#some(140, (i) => (i % 2 ? this.#element() : `f:${i}`)));
    if (groups) this.#groups();
  }

  /** Entries with the ids 1000-0 … 1000-3, 1001-4 …: several in a millisecond. */
  #entries(key: string, count: number, fields: (i: number) => Arg[]): void {
    for (let i = 0; i < count; i++) this.add('XADD', key, `${1000 + (i >> 2)}-${i}`, ...fields(i));
  }

  /** Pending entries get their times by XCLAIM; a consumer's is the server's. */
  #groups(): void {
    this.add('XGROUP', 'CREATE', 'stream:one', 'no-consumer', '0');
    this.add('XGROUP', 'CREATE', 'stream:group-only', 'g', '$', 'MKSTREAM');
    this.add('XGROUP', 'CREATE', 'stream:mixed', 'entries-read', '1005-20', 'ENTRIESREAD', '7');
    this.add('XGROUP', 'CREATE', 'stream:same', this.#bytes(20), '0');
    this.add('XGROUP', 'CREATECONSUMER', 'stream:group-only', 'g', 'idle');
    const count = this.#times(200);
    this.#entries('stream:pending', count, (i) => ['i', String(i)]);
    for (const group of ['g1', 'g2']) {
      this.add('XGROUP', 'CREATE', 'stream:pending', group, '0');
      for (let i = 0; i < count; i++) {
        const id = `${1000 + (i >> 2)}-${i}`;
        const consumer = ['alice', 'bob', 'consumer with a longer name', '7'][this.#below(4)]!;
        this.add('XREADGROUP', 'GROUP', group, consumer, 'COUNT', '1', 'STREAMS', 'stream:pending', '>');
        if (i % 5 === 0) this.add('XACK', 'stream:pending', group, id);
        else this.#claim(group, consumer, id);
      }
    }
    // Pending entries may have been deleted from the stream.
    for (let i = 1; i < count; i += 9) this.add('XDEL', 'stream:pending', `${1000 + (i >> 2)}-${i}`);
    this.add('XGROUP', 'CREATECONSUMER', 'stream:pending', 'g1', 'nothing pending');
  }

  #claim(group: string, consumer: string, id: string): void {
    const time = 1_600_000_000_000 + this.#below(1_000_000_000);
    const rest = ['TIME', time, 'RETRYCOUNT', this.#below(300) + 1, 'FORCE', 'JUSTID'];
    this.add('XCLAIM', 'stream:pending', group, consumer, '0', id, ...rest);
  }

  #bits(): void {
    this.add('PFADD', 'hll:sparse', ...this.#some(30, (i) => `e:${i}`));
    this.add('PFADD', 'hll:empty');
    this.add('SETBIT', 'bits:one', '7', '1');
    this.add('BITFIELD', 'bits:fields', 'SET', 'u8', '#3', '200', 'INCRBY', 'i33', '100', '12345');
    if (this.#scale === 0) return;
    for (let i = 0; i < 100; i++) this.add('PFADD', 'hll:dense', ...this.#some(50, (j) => `e:${i * 50 + j}`));
    this.add('PFMERGE', 'hll:merged', 'hll:sparse', 'hll:dense');
    this.add('PFCOUNT', 'hll:dense');
    this.add('SETBIT', 'bits:far', '800000', '1');
  }

  #expiries(): void {
    FAR_FUTURE.forEach((time, i) => {
      this.add('SET', `expires:string:${i}`, this.#element(), 'PXAT', String(time));
      this.add('RPUSH', `expires:list:${i}`, this.#element());
      this.add('PEXPIREAT', `expires:list:${i}`, String(time));
      this.add('HSET', `expires:hash:${i}`, 'f', this.#element());
      this.add('PEXPIREAT', `expires:hash:${i}`, String(time));
    });
  }

  #binaryKeys(): void {
    for (let i = 0; i < this.#times(20); i++) {
      this.add(
        'SET',
        Buffer.concat([this.#bytes(this.#below(30) + 1), Buffer.from(`${i}`)]),
        this.#element(),
      );
    }
    this.add('SET', '', 'the empty key');
    this.add('SADD', Buffer.from([0, 0xff, 0x0d, 0x0a, 0]), 'x', 'y');
    this.add('SET', '12345', 'a key that is a number');
    this.add('SET', `long key ${this.#text(5000)}`, 'x');
    this.add('SET', 'a'.repeat(300), 'a key that compresses');
  }
}
