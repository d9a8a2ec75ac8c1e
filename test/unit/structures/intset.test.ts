import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as is from '../../../src/structures/intset.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { Oracle, oracleMissing } from '../util/oracle.ts';

/** Odd, since an intset need not be aligned. */
const OFFSET = 13;

const EDGES = [15n, 16n, 31n, 32n, 53n, 63n].flatMap((bits) =>
  [-2n, -1n, 0n, 1n].flatMap((n) => [2n ** bits + n, -(2n ** bits) + n]),
);
const INTEGERS = [0n, 1n, -1n, 77n, -500n, ...EDGES].filter((n) => n >= -(2n ** 63n) && n < 2n ** 63n);

const parsed = new is.Int64();

function parse(text: string): boolean {
  const bytes = Buffer.from(`x${text}`, 'latin1');
  return is.parseInt64Words(bytes, 1, bytes.length - 1, parsed);
}

function bigOf({ hi, lo }: is.Int64): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}

/** An intset somewhere in a larger array, beside a sorted array of bigints. */
class Pair {
  b = new Uint8Array(1 << 16).fill(0xee);
  model: bigint[] = [];

  constructor() {
    is.intsetInit(this.b, OFFSET);
  }

  add(n: bigint): void {
    assert.ok(parse(String(n)));
    const index = is.intsetFind(this.b, OFFSET, parsed.hi, parsed.lo);
    if (this.model.includes(n)) {
      assert.equal(index, this.model.indexOf(n));
      return;
    }
    const place = this.model.filter((other) => other < n).length;
    assert.equal(index, -1 - place);
    const bytes = is.intsetBytesWith(this.b, OFFSET, parsed.hi, parsed.lo);
    is.intsetInsert(this.b, OFFSET, place, parsed.hi, parsed.lo);
    assert.equal(is.intsetBytes(this.b, OFFSET), bytes);
    this.model.splice(place, 0, n);
  }

  remove(index: number, count: number): void {
    is.intsetDelete(this.b, OFFSET, index, count);
    this.model.splice(index, count);
  }

  check(): void {
    const { b, model } = this;
    assert.equal(is.intsetLength(b, OFFSET), model.length);
    const element = new is.Int64();
    const digits = new Uint8Array(24);
    model.forEach((n, i) => {
      is.intsetGet(b, OFFSET, i, element);
      assert.equal(bigOf(element), n);
      const end = is.writeInt64Words(digits, 2, element.hi, element.lo);
      assert.equal(Buffer.from(digits.subarray(2, end)).toString(), String(n));
    });
    const bytes = is.intsetBytes(b, OFFSET);
    assert.equal(is.intsetValidate(b, OFFSET, bytes), model.length > 0);
    assert.equal(b[OFFSET - 1], 0xee);
  }

  get bytes(): Buffer {
    return Buffer.from(this.b.slice(OFFSET, OFFSET + is.intsetBytes(this.b, OFFSET)));
  }
}

function drawn(random: Random): bigint {
  if (randomBelow(random, 3) > 0) return BigInt(randomBelow(random, 60) - 30);
  return INTEGERS[randomBelow(random, INTEGERS.length)]!;
}

describe('intset', () => {
  it('does as a sorted array does', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    try {
      for (let round = 0; round < 40; round++) {
        const pair = new Pair();
        for (let step = 0; step < 150; step++) {
          if (pair.model.length > 0 && randomBelow(random, 3) === 0) {
            const index = randomBelow(random, pair.model.length);
            pair.remove(index, 1 + randomBelow(random, Math.min(2, pair.model.length - index)));
          } else pair.add(drawn(random));
          pair.check();
        }
      }
    } catch (error) {
      throw new Error(`failed with seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  });

  it('takes canonical texts of 64-bit integers and no others', () => {
    for (const n of INTEGERS) {
      assert.ok(parse(String(n)));
      assert.equal(bigOf(parsed), n);
    }
    for (const text of [
      '',
      '-',
      '-0',
      '01',
      '+1',
      '1.0',
      ' 1',
      '1 ',
      String(2n ** 63n),
      String(-(2n ** 63n) - 1n),
    ]) {
      assert.equal(parse(text), false, text);
    }
  });

  it('refuses bytes that are none', () => {
    const pair = new Pair();
    for (const n of [1n, 5n, 70000n]) pair.add(n);
    const good = pair.bytes;
    assert.ok(is.intsetValidate(good, 0, good.length));
    const spoiled = (change: (bytes: Buffer) => void): Buffer => {
      const copy = Buffer.from(good);
      change(copy);
      return copy;
    };
    const bad = [
      good.subarray(0, good.length - 1),
      good.subarray(0, 7),
      good.subarray(0, 8),
      spoiled((bytes) => bytes.writeUInt32LE(3, 0)),
      spoiled((bytes) => bytes.writeUInt32LE(8, 0)),
      spoiled((bytes) => bytes.writeUInt32LE(4, 4)),
      spoiled((bytes) => bytes.writeUInt32LE(0xffffffff, 4)),
      spoiled((bytes) => bytes.writeInt32LE(5, 8)),
      spoiled((bytes) => bytes.writeInt32LE(99, 8)),
    ];
    for (const bytes of bad) assert.equal(is.intsetValidate(bytes, 0, bytes.length), false);
  });
});

describe('intset against redis-server', { skip: oracleMissing }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await Oracle.start({ rdbcompression: 'no' });
  });
  after(() => oracle.stop());

  it('has the same bytes as a DUMP of a set', async () => {
    const widths = [
      INTEGERS.filter((n) => n === BigInt.asIntN(16, n)),
      INTEGERS.filter((n) => n === BigInt.asIntN(32, n)),
      INTEGERS,
    ];
    for (const integers of widths) {
      const pair = new Pair();
      for (const n of integers) pair.add(n);
      const [, , reply] = await oracle.pipeline([
        ['DEL', 's'],
        ['SADD', 's', ...integers.map(String)],
        ['DUMP', 's'],
      ]);
      const dump = Buffer.from(reply as string, 'latin1');
      // A type byte, the length of the string in 1 or 2 bytes, the string, a footer of 10 bytes.
      assert.equal(dump[0], 11);
      assert.deepEqual(dump.subarray(dump[1]! < 64 ? 2 : 3, -10), pair.bytes);
    }
  });
});
