import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ALPHABET_BYTES,
  packBytes,
  packedBytes,
  planPacking,
  UNPACKED_BITS,
  unpackBytes,
} from '../../../src/structures/byte-packing.ts';
import { randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';

function wordsOf(b: Uint8Array): Int32Array {
  return new Int32Array(b.buffer);
}

describe('packed bytes', () => {
  it('come back, and nothing beside them is written', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    for (let round = 0; round < 2000; round++) {
      const alphabet = Array.from({ length: 1 + randomBelow(random, 140) }, () => randomBelow(random, 256));
      const length = randomBelow(random, 300);
      const from = randomBelow(random, 3) * 4;
      const text = new Uint8Array((from + length + 7) & ~3).map(
        () => alphabet[randomBelow(random, alphabet.length)]!,
      );
      const distinct = new Set(text.subarray(from, from + length)).size;
      const bits = planPacking(text, wordsOf(text), from, from + length);
      const expected = distinct <= 16 ? 4 : distinct <= 32 ? 5 : distinct <= 64 ? 6 : distinct <= 128 ? 7 : 8;
      assert.equal(bits, expected, `seed ${seed}`);
      if (bits === UNPACKED_BITS) continue;
      const to = randomBelow(random, 3) * 4;
      const size = packedBytes(length, bits);
      assert.equal(size, ALPHABET_BYTES + Math.ceil((length * bits) / 8));
      const packed = new Uint8Array((to + size + 7) & ~3).fill(0xee);
      packBytes(text, wordsOf(text), from, from + length, bits, packed, wordsOf(packed), to);
      assert.ok(packed.subarray(0, to).every((byte) => byte === 0xee));
      assert.ok(packed.subarray(to + size).every((byte) => byte === 0xee));
      const back = new Uint8Array((length + 11) & ~3).fill(0xdd);
      unpackBytes(packed, wordsOf(packed), to, bits, length, back, wordsOf(back), 4);
      assert.deepEqual(back.subarray(4, 4 + length), text.subarray(from, from + length), `seed ${seed}`);
      for (const at of [0, 1, 2, 3, length + 4, length + 7]) assert.equal(back[at], 0xdd);
    }
  });
});
