/**
 * Sets in a database against Set, in random steps and under all limits: members, forms, and that nothing of the arena
 * or the tables is left when they are gone.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Memory } from '../../../src/datatypes/memory.ts';
import { Database } from '../../../src/keyspace/database.ts';
import { encodingName } from '../../../src/keyspace/encoding.ts';
import { SET_PACKED_TABLE, SET_TABLE } from '../../../src/keyspace/entry.ts';
import { DictionaryWalk } from '../../../src/structures/dictionary.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';
import { SetValue } from '../../../src/values/set.ts';

const KEYS = ['a', 'key that is longer', 'b', 'c'].map((text) => Buffer.from(text));

function seeded(body: (random: Random) => void): () => void {
  return () => {
    const seed = systemRandom().uint32();
    try {
      body(seededRandom(seed));
    } catch (error) {
      throw new Error(`failed with seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  };
}

function drawMember(random: Random, span: number): string {
  const n = randomBelow(random, span);
  switch (randomBelow(random, 10)) {
    case 0:
      return `m${n}`;
    case 1:
      return 'x'.repeat(n % 90);
    case 2:
      return String(BigInt(n) * 2n ** 40n);
    default:
      return String(n - 10);
  }
}

class World {
  readonly memory = new Memory(new KeyHash(1, 2));
  readonly db = new Database(0, this.memory);
  readonly model = new Map<string, Set<string>>();
  readonly set = new SetValue();

  find(key: Buffer): number {
    return this.db.find(key, 0, key.length);
  }

  add(key: Buffer, members: readonly string[]): void {
    const { db, set } = this;
    const ref = this.find(key);
    const model = this.model.get(key.toString()) ?? new Set();
    const target = ref === 0 ? set.begin(db) : set.open(db, ref);
    const first = Buffer.from(members[0]!);
    target.expect(members.length, first, 0, first.length);
    for (const member of members) {
      const bytes = Buffer.from(`..${member}`);
      assert.equal(target.add(bytes, 2, bytes.length - 2), !model.has(member), member);
      model.add(member);
    }
    if (ref === 0) target.store(0, key, 0, key.length, 7);
    this.model.set(key.toString(), model);
  }

  remove(key: Buffer, member: string): void {
    const ref = this.find(key);
    if (ref === 0) return;
    const model = this.model.get(key.toString())!;
    const bytes = Buffer.from(member);
    this.set.open(this.db, ref);
    assert.equal(this.set.remove(bytes, 0, bytes.length), model.delete(member));
    this.#dropEmpty(key, model);
  }

  pop(key: Buffer, random: Random): void {
    const ref = this.find(key);
    if (ref === 0) return;
    const model = this.model.get(key.toString())!;
    this.set.open(this.db, ref).pick(random);
    const { bytes, off, len } = this.set.member;
    const member = Buffer.from(bytes.subarray(off, off + len)).toString();
    assert.ok(model.delete(member));
    this.set.removePicked();
    this.#dropEmpty(key, model);
  }

  #dropEmpty(key: Buffer, model: Set<string>): void {
    assert.equal(this.set.size, model.size);
    if (model.size > 0) return;
    this.db.remove(this.set.ref);
    this.model.delete(key.toString());
  }

  check(key: Buffer): void {
    const ref = this.find(key);
    const model = this.model.get(key.toString());
    assert.equal(ref !== 0, model !== undefined);
    if (ref === 0) return;
    const { member } = this.set.open(this.db, ref);
    assert.equal(this.set.size, model!.size);
    assert.equal(this.db.access(ref), 7);
    const seen: string[] = [];
    this.set.rewind();
    while (this.set.next()) {
      seen.push(Buffer.from(member.bytes.subarray(member.off, member.off + member.len)).toString());
    }
    assert.deepEqual(seen.sort(), [...model!].sort());
    if (this.set.form === SET_PACKED_TABLE) assert.ok(model!.size <= 64);
  }
}

describe('sets in all forms', () => {
  for (const [intsetEntries, listpackEntries, listpackValue] of [
    [512, 0, 64],
    [20, 0, 64],
    [0, 0, 64],
    [40, 100, 64],
    [10, 5, 8],
  ] as const) {
    it(
      `as Set does it, with limits of ${intsetEntries}, ${listpackEntries} and ${listpackValue}`,
      seeded((random) => {
        const world = new World();
        const empty = world.memory.arena.liveBytes;
        Object.assign(world.memory.setLimits, { intsetEntries, listpackEntries, listpackValue });
        for (let step = 0; step < 3000; step++) {
          const key = KEYS[randomBelow(random, KEYS.length)]!;
          const span = key.length > 1 ? 3000 : 60;
          const action = randomBelow(random, 10);
          if (action < 5) {
            const members = Array.from({ length: 1 + randomBelow(random, 9) }, () =>
              drawMember(random, span),
            );
            world.add(key, members);
          } else if (action < 8) world.remove(key, drawMember(random, span));
          else world.pop(key, random);
          if (step % 20 === 0) world.check(key);
        }
        for (const key of KEYS) {
          world.check(key);
          while (world.find(key) !== 0) world.pop(key, random);
        }
        assert.equal(world.memory.arena.liveBytes, empty);
        assert.equal(world.memory.tableBytes, 0);
        assert.equal(world.memory.externals.bytes, 0);
      }),
    );
  }

  it('have the names of 7.0 by default and of 7.2 where set-max-listpack-entries is set', () => {
    const world = new World();
    const name = (...members: string[]): string => {
      const key = KEYS[0]!;
      world.add(key, members);
      return encodingName(world.db, world.find(key));
    };
    const drop = (): void => {
      world.db.remove(world.find(KEYS[0]!));
      world.model.clear();
    };
    assert.equal(name('1', '2'), 'intset');
    assert.equal(name('a'), 'hashtable');
    drop();
    assert.equal(name('a'), 'hashtable');
    drop();
    world.memory.setLimits.listpackEntries = 4;
    world.memory.setLimits.listpackValue = 5;
    assert.equal(name('1', '2'), 'intset');
    assert.equal(name('a'), 'listpack');
    assert.equal(name('b'), 'listpack');
    assert.equal(name('c'), 'hashtable');
    drop();
    assert.equal(name('a'), 'listpack');
    assert.equal(name('abcdef'), 'hashtable');
    drop();
    assert.equal(name('1'), 'intset');
    assert.equal(name('abcdef'), 'hashtable');
    drop();
    assert.equal(name('123456'), 'intset');
    assert.equal(name('a'), 'hashtable');
    drop();
    assert.equal(name('1', '2', '3', '4', '5'), 'intset');
    assert.equal(name('a'), 'hashtable');
    drop();
    assert.equal(name('a', 'a', 'a', 'a', 'a'), 'hashtable', 'the number of arguments counts');
    drop();
    assert.equal(name('a'), 'listpack');
    assert.equal(name('a', 'a', 'a', 'a', 'a'), 'hashtable');
  });

  it(
    'give back what a set in the making took, stored or not',
    seeded((random) => {
      const world = new World();
      const { memory, db } = world;
      const empty = memory.arena.liveBytes;
      const making = new SetValue().begin(db);
      making.reserve(5000);
      for (let i = 0; i < 5000; i++) {
        const bytes = Buffer.from(`m${randomBelow(random, 4000)}`);
        making.add(bytes, 0, bytes.length);
      }
      const { size } = making;
      const walk = new DictionaryWalk();
      walk.start(making.table!.table.dict);
      let last = -1;
      let seen = 0;
      for (; walk.next() !== 0; seen++) {
        assert.ok(walk.hash >>> 0 >= last);
        last = walk.hash >>> 0;
      }
      assert.equal(seen, size);
      making.drop();
      assert.equal(memory.arena.liveBytes, empty);
      assert.equal(memory.tableBytes, 0);
      making.begin(db);
      making.reserve(10);
      const bytes = Buffer.from('member');
      assert.equal(making.add(bytes, 0, 6), true);
      const key = KEYS[0]!;
      making.store(world.find(key), key, 0, key.length, 0);
      const copy = (db.collection(world.find(key)) as unknown as { clone(): { size: number } }).clone();
      assert.equal(copy.size, 1);
      assert.equal(new SetValue().open(db, world.find(key)).form, SET_TABLE);
    }),
  );
});
