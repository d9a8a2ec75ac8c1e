import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lzfCompress, lzfDecompress, lzfUnpack } from '../../../src/structures/lzf.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { Oracle, oracleMissing } from '../util/oracle.ts';

function someBytes(random: Random): Uint8Array {
  const bytes = new Uint8Array(randomBelow(random, random.float() < 0.1 ? 70000 : 600));
  const letters = 1 + randomBelow(random, 256);
  for (let i = 0; i < bytes.length; ) {
    if (i > 0 && random.float() < 0.2) {
      const from = randomBelow(random, i);
      for (let n = randomBelow(random, 400); n > 0 && i < bytes.length; n--, i++) bytes[i] = bytes[from]!;
    } else bytes[i++] = randomBelow(random, letters);
  }
  return bytes;
}

describe('LZF', () => {
  it('unpacks what it has packed', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    for (let round = 0; round < 400; round++) {
      const where = `seed ${seed}, round ${round}`;
      const bytes = someBytes(random);
      const packed = new Uint8Array(bytes.length * 2 + 50).fill(0xee);
      const size = lzfCompress(bytes, 0, bytes.length, packed, 7, packed.length - 7);
      assert.ok(size > 0 || bytes.length === 0, where);
      assert.ok(size <= bytes.length + Math.ceil(bytes.length / 32) + 1, where);
      assert.equal(packed[7 + size], 0xee, where);
      const back = new Uint8Array(bytes.length + 6).fill(0xee);
      assert.ok(lzfDecompress(packed, 7, size, back, 3, bytes.length), where);
      assert.deepEqual(back.subarray(3, 3 + bytes.length), bytes, where);
      assert.deepEqual([...back.subarray(3 + bytes.length)], [0xee, 0xee, 0xee], where);
      // With little more room it does the same, with less it says no.
      assert.equal(lzfCompress(bytes, 0, bytes.length, packed, 7, size + 3), size, where);
      const room = size - 1 - randomBelow(random, Math.max(1, size));
      const tight = new Uint8Array(Math.max(0, room) + 20).fill(0xee);
      if (room > 0) assert.equal(lzfCompress(bytes, 0, bytes.length, tight, 0, room), 0, where);
      if (room > 0)
        assert.ok(
          tight.subarray(room).every((byte) => byte === 0xee),
          where,
        );
    }
  });

  it('refuses damage without writing past its room', () => {
    const random = seededRandom(systemRandom().uint32());
    const bytes = new Uint8Array(Buffer.from('abcabcabcabcabcabc some text some text again'.repeat(20)));
    const packed = new Uint8Array(2000);
    const size = lzfCompress(bytes, 0, bytes.length, packed, 0, packed.length);
    assert.ok(size < bytes.length / 4);
    for (let cut = 0; cut < size; cut++) {
      assert.ok(!lzfDecompress(packed, 0, cut, new Uint8Array(bytes.length), 0, bytes.length));
    }
    for (let round = 0; round < 2000; round++) {
      const bad = packed.slice(0, size);
      bad[randomBelow(random, size)] = randomBelow(random, 256);
      const back = new Uint8Array(bytes.length + 8).fill(0xee);
      lzfDecompress(bad, 0, size, back, 0, bytes.length);
      assert.ok(back.subarray(bytes.length).every((byte) => byte === 0xee));
    }
  });
});

describe('LZF, unpacked by the module', () => {
  /** What it becomes, or null. */
  function unpacked(src: Uint8Array, off: number, len: number, size: number): Uint8Array | null {
    const into = { bytes: new Uint8Array(size), off: 0 };
    if (!lzfUnpack(src, off, len, size, into)) return null;
    return into.bytes.slice(into.off, into.off + size);
  }

  it('gives what JavaScript gives, for what is sound and for what is damaged', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    for (let round = 0; round < 1000; round++) {
      const where = `seed ${seed}, round ${round}`;
      const bytes = someBytes(random);
      const packed = new Uint8Array(bytes.length * 2 + 50);
      const size = lzfCompress(bytes, 0, bytes.length, packed, 7, packed.length - 7);
      assert.deepEqual(unpacked(packed, 7, size, bytes.length), bytes, where);
      if (size === 0) continue;
      packed[7 + randomBelow(random, size)] = randomBelow(random, 256);
      for (const length of [size, randomBelow(random, size)]) {
        for (const target of [bytes.length, randomBelow(random, bytes.length + 1)]) {
          const byHand = new Uint8Array(target);
          const isSound = lzfDecompress(packed, 7, length, byHand, 0, target);
          assert.deepEqual(unpacked(packed, 7, length, target), isSound ? byHand : null, where);
        }
      }
    }
  });

  it('repeats what is near, and what is as far as can be', () => {
    for (const distance of [1, 2, 3, 7, 8, 9, 16, 8191, 8192]) {
      const bytes = new Uint8Array(distance + 264).map(
        (_, i) => ((i % distance) * 7) ^ ((i % distance) >> 6),
      );
      const literals = [];
      for (let at = 0; at < distance; at += 32) {
        const run = bytes.subarray(at, Math.min(at + 32, distance));
        literals.push(run.length - 1, ...run);
      }
      const back = distance - 1;
      const packed = Uint8Array.of(...literals, 0xe0 | (back >> 8), 255, back & 255);
      assert.deepEqual(unpacked(packed, 0, packed.length, bytes.length), bytes);
      packed[packed.length - 1] = (back + 1) & 255;
      if ((back + 1) >> 8 === back >> 8) assert.equal(unpacked(packed, 0, packed.length, bytes.length), null);
    }
  });
});

describe('LZF against redis-server', { skip: oracleMissing }, () => {
  it('reads what a real server has packed', async () => {
    const oracle = await Oracle.start({});
    const text =
      'a long text that repeats itself, a long text that repeats itself; '.repeat(30) + 'x'.repeat(1000);
    const [, reply] = await oracle.pipeline([
      ['SET', 'k', text],
      ['DUMP', 'k'],
    ]);
    await oracle.stop();
    const dump = Buffer.from(reply as string, 'latin1');
    // Type, 0xc3 for LZF, packed and unpacked length in 14 bits each.
    assert.equal(dump[1], 0xc3);
    const length = (at: number): [number, number] =>
      dump[at]! < 64 ? [dump[at]!, at + 1] : [((dump[at]! & 63) << 8) | dump[at + 1]!, at + 2];
    const [packed, next] = length(2);
    const [size, start] = length(next);
    assert.equal(size, text.length);
    const back = Buffer.alloc(size);
    assert.ok(lzfDecompress(dump, start, packed, back, 0, size));
    assert.equal(back.toString('latin1'), text);
  });
});
