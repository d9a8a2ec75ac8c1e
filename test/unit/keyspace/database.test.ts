/**
 * Database against a plain Map, in random steps: entries are stored, grown, shrunk, given and denied an expiry, and
 * removed, with lengths around every border there is (size classes, the 32 KiB where values leave the arena, slots
 * that are pages). The keys collide, so entries move, and a record that was copied wrongly shows at once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Memory } from '../../../src/datatypes/memory.ts';
import { Database, ValueView } from '../../../src/keyspace/database.ts';
import { setDeadline } from '../../../src/keyspace/deadline.ts';
import {
  ENCODING_MASK,
  EXTERNAL,
  INLINE_VALUE_MAX,
  STRING_AUTO,
  STRING_EMBSTR,
  STRING_RAW,
} from '../../../src/keyspace/entry.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';

interface ModelEntry {
  value: Buffer;
  encoding: number;
  access: number;
  expireAt: number;
}

const BORDERS = [
  0,
  4,
  12,
  20,
  28,
  44,
  48,
  100,
  240,
  256,
  288,
  512,
  3000,
  4096,
  4608,
  INLINE_VALUE_MAX,
  65536,
];
const ENCODINGS = [STRING_AUTO, STRING_RAW, STRING_EMBSTR];

function someLength(random: Random): number {
  if (randomBelow(random, 3) === 0) return randomBelow(random, 60);
  const border = BORDERS[randomBelow(random, BORDERS.length)]!;
  return Math.max(0, border + randomBelow(random, 41) - 20);
}

function someBytes(random: Random, length: number): Buffer {
  // One draw and a stride: lengths matter here, and every byte should differ from its neighbours.
  const bytes = Buffer.alloc(length);
  const start = random.uint32();
  for (let i = 0; i < length; i++) bytes[i] = start + i * 7 + (i >> 8);
  return bytes;
}

function someTime(random: Random): number {
  return randomBelow(random, 8) === 0 ? 2 ** 52 + random.uint32() : 1_700_000_000_000 + random.uint32();
}

class Pair {
  readonly memory: Memory;
  readonly db: Database;
  readonly model = new Map<string, ModelEntry>();
  readonly random: Random;
  readonly keys: string[];
  /** Keys stand somewhere inside of a longer buffer, as in a request. */
  readonly #request = Buffer.alloc(50_000);
  #keyOff = 0;
  #keyLen = 0;

  constructor(random: Random, memory: Memory, id = 0) {
    this.random = random;
    this.memory = memory;
    this.db = new Database(id, memory);
    this.keys = ['', 'k', 'x'.repeat(40_000), 'x'.repeat(40_001), 'y'.repeat(300)];
    for (let i = 0; i < 60; i++) this.keys.push(`key:${i}:${'p'.repeat(randomBelow(random, 30))}`);
  }

  find(key: string): number {
    this.#keyOff = randomBelow(this.random, 100);
    this.#keyLen = this.#request.write(key, this.#keyOff, 'latin1');
    return this.db.find(this.#request, this.#keyOff, this.#keyLen);
  }

  step(): void {
    const { random, db, model } = this;
    const key = this.keys[randomBelow(random, this.keys.length)]!;
    const ref = this.find(key);
    const known = model.get(key);
    assert.equal(ref !== 0, known !== undefined, `presence of ${key.slice(0, 50)}`);
    if (known === undefined) {
      this.#store(key, 0, undefined);
      return;
    }
    switch (randomBelow(random, 6)) {
      case 0:
      case 1:
        this.#store(key, ref, known);
        break;
      case 2: {
        known.encoding = ENCODINGS[randomBelow(random, 3)]!;
        const length = randomBelow(random, 2) === 0 ? someLength(random) : known.value.length + 1;
        const at = db.resizeValue(ref, length, known.encoding);
        known.value = Buffer.concat([known.value, Buffer.alloc(length)]).subarray(0, length);
        this.#compare(key, known, at);
        break;
      }
      case 3: {
        known.expireAt = someTime(random);
        this.#compare(key, known, db.setExpire(ref, known.expireAt));
        break;
      }
      case 4:
        known.expireAt = -1;
        this.#compare(key, known, db.setExpire(ref, -1));
        break;
      default:
        db.remove(ref);
        model.delete(key);
    }
  }

  #store(key: string, ref: number, known: ModelEntry | undefined): void {
    const { random, db } = this;
    const value = someBytes(random, someLength(random));
    const encoding = ENCODINGS[randomBelow(random, 3)]!;
    const access = random.uint32() >>> 8;
    const keep = randomBelow(random, 2) === 0;
    let at: number;
    if (randomBelow(random, 10) === 0) {
      const bytes = new Uint8Array(value);
      at = db.storeExternal(ref, this.#request, this.#keyOff, this.#keyLen, bytes, encoding, access, keep);
    } else {
      const from = Buffer.concat([Buffer.alloc(3), value, Buffer.alloc(5)]);
      at = db.storeValue(
        ref,
        this.#request,
        this.#keyOff,
        this.#keyLen,
        from,
        3,
        value.length,
        encoding,
        access,
        keep,
      );
    }
    const entry = { value, encoding, access, expireAt: keep && known !== undefined ? known.expireAt : -1 };
    this.model.set(key, entry);
    this.#compare(key, entry, at);
    // SET with a time: a fresh entry gets its expiry at once.
    if (randomBelow(random, 4) === 0) {
      entry.expireAt = someTime(random);
      this.#compare(key, entry, db.setExpire(at, entry.expireAt));
    }
  }

  #compare(key: string, entry: ModelEntry, ref: number): void {
    const { db } = this;
    const label = `${key.slice(0, 50)} (${entry.value.length} bytes)`;
    assert.equal(db.keyLength(ref), key.length, label);
    assert.equal(Buffer.from(db.keyBytes(ref)).toString('latin1'), key, label);
    const view = new ValueView();
    db.locateValue(ref, view);
    assert.equal(view.len, entry.value.length, label);
    assert.equal(db.valueLength(ref), entry.value.length, label);
    assert.ok(entry.value.equals(view.bytes.subarray(view.off, view.off + view.len)), `value of ${label}`);
    assert.equal(db.meta(ref) & ENCODING_MASK, entry.encoding, label);
    assert.equal(db.access(ref), entry.access, label);
    assert.equal(db.expireAt(ref), entry.expireAt, label);
    if (entry.expireAt >= 0) assert.ok(db.expires.locate(db.hash, ref), `${label} is not among the expiring`);
    assert.ok(db.dict.locate(db.hash, ref), `${label} is not in the dictionary`);
  }

  /** Everything is as the model has it. Returns the bytes of all slots. */
  check(): number {
    const { db, model, memory } = this;
    let slotBytes = 0;
    let expiring = 0;
    for (const [key, entry] of model) {
      const ref = this.find(key);
      assert.notEqual(ref, 0, key.slice(0, 50));
      this.#compare(key, entry, ref);
      slotBytes += memory.arena.capacity(ref);
      if (entry.expireAt >= 0) expiring++;
    }
    assert.equal(db.size, model.size);
    assert.equal(db.expires.count, expiring);
    return slotBytes;
  }

  /** Bytes of the values that are not in the arena. */
  externalBytes(): number {
    let bytes = 0;
    for (const key of this.model.keys()) {
      const ref = this.find(key);
      if ((this.db.meta(ref) & EXTERNAL) === 0) continue;
      const view = new ValueView();
      this.db.locateValue(ref, view);
      bytes += view.bytes.length;
    }
    return bytes;
  }
}

function seeded(body: (random: Random) => void): () => void {
  return () => {
    const seed = Number(process.env.DATABASE_SEED ?? systemRandom().uint32());
    try {
      body(seededRandom(seed));
    } catch (error) {
      throw new Error(`failed with DATABASE_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  };
}

describe('database', () => {
  it(
    'behaves as a map, two databases over one memory',
    seeded((random) => {
      const memory = new Memory(new KeyHash(random.uint32(), random.uint32()));
      const pairs = [new Pair(random, memory, 0), new Pair(random, memory, 1)];
      for (let step = 1; step <= 12_000; step++) {
        pairs[randomBelow(random, 2)]!.step();
        if (step % 400 !== 0) continue;
        const slotBytes = pairs.reduce((sum, pair) => sum + pair.check(), 0);
        assert.equal(memory.arena.liveBytes, slotBytes);
        assert.equal(
          memory.externals.bytes,
          pairs.reduce((sum, pair) => sum + pair.externalBytes(), 0),
        );
      }
      for (const pair of pairs) {
        for (const key of pair.model.keys()) pair.db.remove(pair.find(key));
        assert.equal(pair.db.size, 0);
        assert.equal(pair.db.expires.count, 0);
      }
      assert.equal(memory.arena.liveBytes, 0);
      assert.equal(memory.externals.bytes, 0);
    }),
  );

  it(
    'a fresh entry that gets an expiry keeps its neighbours in the dictionary',
    seeded((random) => {
      // Storing leaves the entry found last; setExpire moves it, and must change no other slot.
      const db = new Database(0, new Memory(new KeyHash(random.uint32(), random.uint32())));
      for (let i = 0; i < 5000; i++) {
        const key = Buffer.from(`k${i}`);
        assert.equal(db.find(key, 0, key.length), 0);
        const ref = db.storeValue(0, key, 0, key.length, key, 0, key.length, STRING_AUTO, 0, false);
        db.setExpire(ref, 1000 + i);
      }
      for (let i = 0; i < 5000; i++) {
        const key = Buffer.from(`k${i}`);
        assert.equal(db.expireAt(db.find(key, 0, key.length)), 1000 + i);
      }
    }),
  );

  it('a string that grows byte by byte keeps its bytes across all classes and out of the arena', () => {
    const db = new Database(0, new Memory(new KeyHash(1, 2)));
    const key = Buffer.from('grows');
    db.find(key, 0, key.length);
    let ref = db.storeValue(0, key, 0, key.length, key, 0, 0, STRING_AUTO, 0, false);
    const view = new ValueView();
    for (let length = 1; length <= INLINE_VALUE_MAX + 3000; length++) {
      db.find(key, 0, key.length);
      ref = db.resizeValue(ref, length, STRING_RAW);
      db.locateValue(ref, view);
      view.bytes[view.off + length - 1] = length;
    }
    db.locateValue(db.find(key, 0, key.length), view);
    for (let i = 0; i < view.len; i++) assert.equal(view.bytes[view.off + i], (i + 1) & 255);
    assert.equal(view.len, INLINE_VALUE_MAX + 3000);
  });

  it('expiry times up to 2^63 - 1', () => {
    const db = new Database(0, new Memory(new KeyHash(3, 4)));
    const key = Buffer.from('late');
    db.find(key, 0, key.length);
    let ref = db.storeValue(0, key, 0, key.length, key, 0, key.length, STRING_AUTO, 0, false);
    for (const when of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      ref = db.setExpire(ref, when);
      assert.equal(db.expireAt(ref), when);
    }
    ref = setDeadline(db, ref, 2n ** 63n - 1n);
    assert.ok(db.expireAt(ref) >= 2 ** 62);
  });
});
