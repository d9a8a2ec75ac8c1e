import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { datasetDigest } from '../../src/commands/server/digest.ts';
import { ValueView } from '../../src/keyspace/database.ts';
import { encodingName } from '../../src/keyspace/encoding.ts';
import { Keyspace } from '../../src/keyspace/keyspace.ts';
import { DONE, NEED_BYTES, NEED_TURN, RdbLoader, type RdbLoadOptions } from '../../src/rdb/load/loader.ts';
import { CorruptRdb } from '../../src/rdb/load/reader.ts';
import { lzfCompress } from '../../src/structures/lzf.ts';
import { Crc64 } from '../../src/util/crc64.ts';
import { seededRandom } from '../../src/util/random.ts';
import { rdbString, seedBodies, ziplist } from '../fuzz/payloads.ts';

const LIMITS = { 'zset-max-listpack-entries': 128, 'zset-max-listpack-value': 64 };
const NOW = 1_700_000_000_000;
const shared = fileURLToPath(new URL('../../../shared/data/rdb/', import.meta.url));

interface Loaded {
  readonly keyspace: Keyspace;
  readonly loader: RdbLoader;
}

/** Loads bytes that come in chunks. */
function load(
  bytes: Uint8Array,
  options: Partial<RdbLoadOptions> = {},
  chunk = bytes.length,
  keyspace?: Keyspace,
): Loaded {
  const into = keyspace ?? new Keyspace(16, seededRandom(3));
  into.tick(NOW);
  const loader = new RdbLoader({ keyspace: into, zsetLimits: LIMITS, nowUs: () => 0, ...options });
  for (let at = 0; ; ) {
    const what = loader.step(Number.POSITIVE_INFINITY);
    if (what === DONE) return { keyspace: into, loader };
    assert.equal(what, NEED_BYTES);
    const more = Math.min(chunk, bytes.length - at);
    if (more > 0) loader.window.push(bytes, at, more);
    else loader.window.ended();
    at += more;
  }
}

/** A file of these parts, with or without a checksum. */
function file(parts: readonly Uint8Array[], checksum = true, head = 'REDIS0010'): Buffer {
  const body = Buffer.concat([Buffer.from(head), ...parts, Buffer.from([255])]);
  const tail = Buffer.alloc(8);
  if (checksum) new Crc64().update(body).write(tail, 0);
  return Buffer.concat([body, tail]);
}

function entry(key: string, body: Uint8Array): Buffer {
  return Buffer.concat([body.subarray(0, 1), rdbString(key), body.subarray(1)]);
}

const text = (key: string, value: string): Buffer =>
  entry(key, Buffer.concat([Buffer.from([0]), rdbString(value)]));

const digest = (keyspace: Keyspace): string => Buffer.from(datasetDigest(keyspace)).toString('hex');

function fault(bytes: Uint8Array, options: Partial<RdbLoadOptions> = {}): CorruptRdb {
  try {
    load(bytes, options);
  } catch (thrown) {
    if (thrown instanceof CorruptRdb) return thrown;
    throw thrown;
  }
  return assert.fail('it was loaded');
}

describe('files of every version', {
  skip: existsSync(shared) ? false : 'the shared data is not here',
}, () => {
  // What redis-server 7.0.15 says after it has loaded them (DEBUG DIGEST).
  const digests: Readonly<Record<string, string>> = {
    'encodings.rdb': 'b7324c5e2d3a7618126155c2bf9e40c794649565',
    'hash-ziplist.rdb': '3ca39ed0cb3b979b5b125ae0d1e54f2c40b7c5e6',
    'hash-zipmap.rdb': '3ca39ed0cb3b979b5b125ae0d1e54f2c40b7c5e6',
    'list-quicklist.rdb': '3d77c75a5b6cc5319b4ecf6e95101ed07ddd139e',
    'zset-ziplist.rdb': 'fa1ca919dcef4dea3e3e609298a9e329d3bb7c61',
    'scriptbackup.rdb': '0'.repeat(40),
    'corrupt_empty_keys.rdb': '0'.repeat(40),
  };
  for (const [name, expected] of Object.entries(digests)) {
    it(name, () => {
      const bytes = readFileSync(`${shared}${name}`);
      for (const chunk of [bytes.length, 61, 1]) {
        const { keyspace, loader } = load(bytes, { size: bytes.length }, chunk);
        assert.equal(digest(keyspace), expected);
        assert.equal(loader.window.consumed, bytes.length);
      }
    });
  }

  it('corrupt_ziplist.rdb is refused', () => {
    const error = fault(readFileSync(`${shared}corrupt_ziplist.rdb`));
    assert.equal(error.message, 'Hash ziplist integrity check failed.');
    assert.equal(error.offset, 494);
  });

  it('keys in which nothing is are left out and counted', () => {
    const { loader } = load(readFileSync(`${shared}corrupt_empty_keys.rdb`));
    assert.deepEqual([loader.keysLoaded, loader.emptyKeysSkipped], [0, 9]);
  });
});

describe('long strings', () => {
  const random = seededRandom(9);
  const noise = Buffer.from(Array.from({ length: 6_000_000 }, () => random.uint32()));
  // Words at random distances: matches that reach far back, and literals between them.
  const words = Buffer.alloc(20_000_000, 'lorem ipsum dolor sit amet ');
  for (let i = 0; i < 100_000; i++) words[random.uint32() % words.length] = random.uint32();

  function length32(length: number): Buffer {
    const bytes = Buffer.from([0x80, 0, 0, 0, 0]);
    bytes.writeUInt32BE(length, 1);
    return bytes;
  }

  /** One stream, as Redis writes it: parts refer to what the part of 64 KiB before had. */
  function compressed(value: Buffer, told = value.length): Buffer {
    const packed = Buffer.alloc(value.length);
    const length = lzfCompress(value, 0, value.length, packed, 0, packed.length);
    return Buffer.concat([Buffer.from([0xc3]), length32(length), length32(told), packed.subarray(0, length)]);
  }

  const raw = Buffer.concat([length32(noise.length), noise]);
  const keyed = (key: string, value: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([0]), rdbString(key), value]);
  const bytes = file([keyed('raw', raw), text('a', 'b'), keyed('packed', compressed(words)), text('c', 'd')]);

  const stored = (keyspace: Keyspace, key: string): Buffer => {
    const db = keyspace.databases[0]!;
    const name = Buffer.from(key);
    const view = new ValueView();
    db.locateValue(db.find(name, 0, name.length), view);
    return Buffer.from(view.bytes.subarray(view.off, view.off + view.len));
  };

  it('come in pieces, of known and unknown size, pushed and lent', () => {
    for (const size of [bytes.length, undefined]) {
      for (const chunk of [100_001, 1 << 20, bytes.length]) {
        const { keyspace, loader } = load(bytes, size === undefined ? {} : { size }, chunk);
        assert.equal(loader.checksumMatched, true);
        assert.equal(loader.window.consumed, bytes.length);
        assert.ok(stored(keyspace, 'raw').equals(noise));
        assert.ok(stored(keyspace, 'packed').equals(words));
      }
    }
  });

  it('take turns: no step copies, unpacks or sums up more than a few pieces', () => {
    const keyspace = new Keyspace(1, seededRandom(1));
    const loader = new RdbLoader({ keyspace, zsetLimits: LIMITS, nowUs: () => 1 });
    const headroom = 65536;
    const memory = new Uint8Array(headroom + (1 << 20));
    let steps = 0;
    for (let at = 0; ; steps++) {
      const what = loader.step(0);
      if (what === DONE) break;
      if (what === NEED_TURN) continue;
      const { window } = loader;
      window.release();
      assert.ok(at - window.consumed < headroom, 'what waits is in the value, not in the window');
      const more = Math.min(1 << 20, bytes.length - at);
      memory.set(bytes.subarray(at, at + more), headroom);
      window.lend(memory, headroom, headroom + more);
      at += more;
    }
    assert.ok(steps > (noise.length + words.length) / (1 << 20), `${steps} steps`);
    assert.ok(loader.checksumMatched);
  });

  it('that are not what they say are refused', () => {
    const whole = compressed(words);
    for (const told of [words.length - 1, words.length + 1, 4e9]) {
      const value = compressed(words, told);
      const error = fault(file([keyed('k', value)]));
      assert.equal(error.message, 'Invalid LZF compressed string', `${told}`);
    }
    const cut = file([keyed('k', whole)]).subarray(0, 100_000);
    assert.equal(fault(cut).fault, 'short');
    assert.equal(fault(cut, { size: cut.length }).fault, 'short');
    const lie = Buffer.concat([Buffer.from('REDIS0010'), keyed('k', length32(4e9)), noise]);
    assert.equal(fault(lie).fault, 'short');
    assert.equal(fault(lie, { size: lie.length }).fault, 'short');
  });

  it('given up in the middle, the next one is read', () => {
    const keyspace = new Keyspace(1, seededRandom(1));
    const loader = new RdbLoader({ keyspace, zsetLimits: LIMITS, nowUs: () => 0 });
    loader.window.push(bytes, 0, 1_000_000);
    assert.equal(loader.step(Number.POSITIVE_INFINITY), NEED_BYTES);
    loader.abort();
    assert.equal(keyspace.databases[0]!.size, 0);
    assert.equal(load(bytes, {}, bytes.length, keyspace).loader.keysLoaded, 4);
  });
});

describe('loading', () => {
  const bodies = seedBodies();
  const whole = file(bodies.map((body, i) => entry(`key ${i}`, body)));

  it('gives the same whatever pieces the bytes come in, with and without a known size', () => {
    const { keyspace, loader } = load(whole);
    assert.equal(loader.keysLoaded, bodies.length);
    assert.equal(loader.checksumMatched, true);
    for (const chunk of [1, 7, 300, 5000]) {
      for (const size of [whole.length, undefined]) {
        const other = load(whole, size === undefined ? {} : { size }, chunk);
        assert.equal(digest(other.keyspace), digest(keyspace));
      }
    }
  });

  it('gives the same from memory that is lent', () => {
    const { keyspace } = load(whole);
    const headroom = 64;
    for (const chunk of [7, 100, 5000]) {
      const other = new Keyspace(16, seededRandom(3));
      other.tick(NOW);
      const loader = new RdbLoader({
        keyspace: other,
        zsetLimits: LIMITS,
        nowUs: () => 0,
        size: whole.length,
      });
      const memory = new Uint8Array(headroom + chunk);
      for (let at = 0; ; ) {
        if (loader.step(Number.POSITIVE_INFINITY) === DONE) break;
        assert.ok(loader.window.consumed <= at);
        loader.window.release();
        memory.fill(0xee);
        const more = Math.min(chunk, whole.length - at);
        memory.set(whole.subarray(at, at + more), headroom);
        if (more > 0) loader.window.lend(memory, headroom, headroom + more);
        else loader.window.ended();
        at += more;
      }
      assert.equal(loader.window.consumed, whole.length);
      assert.equal(loader.checksumMatched, true);
      assert.equal(digest(other), digest(keyspace));
    }
  });

  it('a set that holds a member twice is refused, wherever it stands', () => {
    const members = ['alpha', 'beta', '12', 'x', 'gamma-gamma', '', '12345a', '-7', 'a'.repeat(64)];
    for (const twice of members) {
      const all = [...members, 'omega', twice];
      const body = Buffer.concat([Buffer.from([2, all.length]), ...all.map((member) => rdbString(member))]);
      assert.match(fault(file([entry('key', body)])).message, /Duplicate set members/);
    }
    const body = Buffer.concat([Buffer.from([2, members.length]), ...members.map((m) => rdbString(m))]);
    for (const chunk of [1, 5, 1000])
      assert.equal(load(file([entry('key', body)]), {}, chunk).loader.keysLoaded, 1);
  });

  it('leaves what stands behind the RDB to others', () => {
    const bytes = Buffer.concat([whole, Buffer.from('*1\r\n')]);
    const { loader } = load(bytes);
    assert.equal(loader.window.consumed, whole.length);
    assert.equal(Buffer.from(loader.window.leftover).toString(), '*1\r\n');
  });

  it('every prefix is a short read', () => {
    const small = file([text('a', 'b'), entry('h', bodies.find((body) => body[0] === 16)!)]);
    for (let length = 0; length < small.length; length++) {
      assert.equal(fault(small.subarray(0, length)).fault, 'short', `${length} bytes`);
      assert.equal(fault(small.subarray(0, length), { size: length }).fault, 'short', `${length} bytes`);
    }
  });

  it('takes turns within a big value', () => {
    const fields = 5000;
    const body = Buffer.concat([
      Buffer.from([4, 0x40 | (fields >> 8), fields & 255]),
      ...Array.from({ length: fields * 2 }, (_, i) => rdbString(`element ${i}`)),
    ]);
    const bytes = file([entry('big', body)]);
    const keyspace = new Keyspace(1, seededRandom(1));
    const loader = new RdbLoader({ keyspace, zsetLimits: LIMITS, nowUs: () => 1 });
    loader.window.push(bytes);
    let turns = 0;
    for (let what = loader.step(0); what !== DONE; what = loader.step(0)) {
      assert.equal(what, NEED_TURN);
      assert.equal(keyspace.databases[0]!.size, 0, 'nobody sees half of it');
      turns++;
    }
    assert.equal(keyspace.databases[0]!.size, 1);
    assert.ok(turns > 2, `${turns} turns`);
  });

  it('a value given up leaves nothing behind', () => {
    const keyspace = new Keyspace(1, seededRandom(1));
    const before = keyspace.memory.arena.liveBytes;
    for (const body of bodies) {
      const bytes = file([entry('k', body)]);
      const loader = new RdbLoader({ keyspace, zsetLimits: LIMITS, nowUs: () => 0 });
      loader.window.push(bytes, 0, bytes.length - 12);
      loader.step(Number.POSITIVE_INFINITY);
      loader.abort();
      assert.equal(keyspace.databases[0]!.size, 0);
      assert.equal(keyspace.memory.arena.liveBytes, before, `type ${body[0]}`);
      assert.equal(keyspace.memory.tableBytes, 0, `type ${body[0]}`);
    }
  });

  it('knows expiry, idle time and frequency', () => {
    const stamp = Buffer.alloc(9, 252);
    stamp.writeBigInt64LE(BigInt(NOW + 5000), 1);
    const past = Buffer.from([253, 1, 0, 0, 0]);
    const bytes = file([stamp, Buffer.from([248, 50]), text('a', '1'), past, text('b', '2'), text('c', '3')]);
    const { keyspace, loader } = load(bytes, { skipExpiredBefore: NOW });
    const db = keyspace.databases[0]!;
    const find = (key: string): number => db.find(Buffer.from(key), 0, key.length);
    assert.deepEqual([loader.keysLoaded, loader.keysExpired, find('b')], [2, 1, 0]);
    assert.equal(db.expireAt(find('a')), NOW + 5000);
    assert.equal(keyspace.idleSeconds(db.access(find('a'))), 50);
    assert.equal(db.expireAt(find('c')), -1);
    assert.equal(load(bytes).loader.keysLoaded, 3);
  });

  it('reads module values over when it only checks', () => {
    const module = Buffer.from('8100000000000000040205', 'hex');
    const value = Buffer.concat([
      Buffer.from([7]),
      rdbString('m'),
      module.subarray(0, 9),
      Buffer.from([5, 1, 120, 0]),
    ]);
    assert.match(
      fault(file([value])).message,
      /^The RDB file contains module data I can't load: no matching module type '/,
    );
    const { loader, keyspace } = load(file([value, text('a', 'b')]), { checksOnly: true });
    assert.deepEqual([loader.keysRead, loader.keysLoaded, keyspace.databases[0]!.size], [2, 0, 0]);
  });

  it('keeps the sources of libraries and aux fields', () => {
    const aux = Buffer.concat([Buffer.from([250]), rdbString('repl-offset'), Buffer.from([0xc0, 7])]);
    const { loader } = load(
      file([aux, Buffer.from([245]), rdbString('#!lua name=x\n'), Buffer.from([244, 1, 2, 3])]),
    );
    assert.equal(loader.aux.get('repl-offset'), '7');
    assert.deepEqual(
      loader.functions.map((source) => Buffer.from(source).toString()),
      ['#!lua name=x\n'],
    );
  });

  it('makes room for as many keys as there can be, not as many as are told', () => {
    const resize = Buffer.from([251, 0x80, 0x7f, 0xff, 0xff, 0xff, 0x80, 0x7f, 0xff, 0xff, 0xff]);
    const bytes = file([Buffer.from([254, 0]), resize, text('a', 'b')]);
    const { keyspace } = load(bytes, { size: bytes.length });
    assert.ok(keyspace.databases[0]!.dict.bytes < 10_000);
  });
});

describe('what is wrong', () => {
  const cases: readonly [string, Uint8Array, RegExp, string][] = [
    [
      'signature',
      Buffer.from('RODIS0009aaaaaaaaa'),
      /^Wrong signature trying to load DB from file$/,
      'signature',
    ],
    ['version', Buffer.from('REDIS0099aaaaaaaaa'), /^Can't handle RDB format version 99$/, 'version'],
    ['no version', Buffer.from('REDISabcdaaaaaaaaa'), /^Can't handle RDB format version 0$/, 'version'],
    ['type', file([Buffer.from([100, 1, 97])]), /^Unknown RDB encoding type 100$/, 'corrupt'],
    ['twice', file([text('a', '1'), text('a', '2')]), /^RDB has duplicated key 'a' in DB 0$/, 'refused'],
    [
      'database',
      file([Buffer.from([254, 40])]),
      /^FATAL: Data file was created with a Redis server configured to handle more than 16 databases\. Exiting$/,
      'refused',
    ],
    [
      'module aux',
      file([Buffer.from([247, 1, 2, 1, 0])]),
      /^The RDB file contains AUX module data I can't load: no matching module 'AAAAAAAAA'$/,
      'refused',
    ],
    [
      'set',
      file([entry('s', Buffer.concat([Buffer.from([2, 2]), rdbString('x'), rdbString('x')]))]),
      /^Duplicate set members detected$/,
      'corrupt',
    ],
    [
      'zset',
      file([entry('z', Buffer.concat([Buffer.from([3, 1]), rdbString('x'), Buffer.from([253])]))]),
      /^Zset with NAN score detected$/,
      'corrupt',
    ],
    [
      'ziplist',
      file([entry('h', Buffer.concat([Buffer.from([13]), rdbString(ziplist(['a', 1, 'a', 2]))]))]),
      /^Hash ziplist integrity check failed\.$/,
      'corrupt',
    ],
    [
      'lzf',
      file([entry('x', Buffer.from([0, 0xc3, 3, 0x80, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]))]),
      /^Invalid LZF compressed string$/,
      'corrupt',
    ],
  ];
  for (const [name, bytes, message, kind] of cases) {
    it(name, () => {
      const error = fault(bytes);
      assert.match(error.message, message);
      assert.equal(error.fault, kind);
    });
  }

  it('checksum', () => {
    const bytes = file([text('a', 'b')]);
    bytes[bytes.length - 1]! ^= 1;
    assert.equal(fault(bytes).fault, 'checksum');
    assert.equal(load(bytes, { checksum: false }).loader.keysLoaded, 1);
    assert.equal(load(file([text('a', 'b')], false)).loader.checksumMatched, false);
  });

  it('a key that is there already is replaced where that is allowed', () => {
    const bytes = file([text('a', '1'), text('a', '2')]);
    const { keyspace } = load(bytes, { allowDuplicates: true });
    const db = keyspace.databases[0]!;
    assert.equal(db.size, 1);
    assert.equal(encodingName(db, db.find(Buffer.from('a'), 0, 1)), 'int');
  });
});
