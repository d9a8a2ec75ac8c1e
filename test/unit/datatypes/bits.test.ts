/** Bits, fields and BITOP's arithmetic against loops over single bits. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AND, combine, NOT, OR, XOR } from '../../../src/datatypes/bits/bit-operations.ts';
import {
  countBitRange,
  countBits,
  findBit,
  readField,
  readWideField,
  writeField,
  writeWideField,
} from '../../../src/datatypes/bits/bits.ts';
import { seededRandom } from '../../../src/util/random.ts';

const random = seededRandom(1);
const below = (n: number): number => Math.floor(random.float() * n);

/** Random bytes, sometimes of one kind for a long stretch. */
function someBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const kind = below(4);
  for (let i = 0; i < length; i++) bytes[i] = kind === 0 ? 0 : kind === 1 ? 255 : below(256);
  if (length > 0 && kind < 2) bytes[below(length)] = below(256);
  return bytes;
}

const bitAt = (bytes: Uint8Array, off: number, i: number): number =>
  (bytes[off + (i >> 3)]! >> (7 - (i & 7))) & 1;

it('counts and finds as a loop does, at any offset and length', () => {
  for (let round = 0; round < 400; round++) {
    const length = round % 40 === 0 ? 60000 + below(40000) : 1 + below(900);
    const off = below(9);
    const bytes = someBytes(off + length + below(5));
    const len = length;
    let count = 0;
    for (let i = 0; i < len * 8; i++) count += bitAt(bytes, off, i);
    assert.equal(countBits(bytes, off, len), count);
    const first = below(len * 8);
    const last = first + below(len * 8 - first);
    let inRange = 0;
    let found = -1;
    const bit = below(2);
    for (let i = first; i <= last; i++) {
      inRange += bitAt(bytes, off, i);
      if (found < 0 && bitAt(bytes, off, i) === bit) found = i;
    }
    assert.equal(countBitRange(bytes, off, first, last), inRange);
    assert.equal(findBit(bytes, off, bit, first, last), found);
  }
});

it('reads and writes fields of all widths at all offsets', () => {
  for (let round = 0; round < 3000; round++) {
    const bytes = someBytes(24);
    const off = below(4);
    const bits = 1 + below(64);
    const offset = below(80);
    let expected = 0n;
    for (let i = offset; i < offset + bits; i++) expected = expected * 2n + BigInt(bitAt(bytes, off, i));
    assert.equal(readWideField(bytes, off, 20, offset, bits), expected);
    if (bits <= 53) assert.equal(readField(bytes, off, 20, offset, bits), Number(expected));
    let value = 0n;
    for (let i = 0; i < bits; i++) value = value * 2n + BigInt(below(2));
    const before = bytes.slice();
    if (bits <= 53 && below(2) === 0) writeField(bytes, off, offset, bits, Number(value));
    else writeWideField(bytes, off, offset, bits, value);
    for (let i = 0; i < (24 - off) * 8; i++) {
      const inField = i >= offset && i < offset + bits;
      const bit = inField ? Number((value >> BigInt(offset + bits - 1 - i)) & 1n) : bitAt(before, off, i);
      assert.equal(bitAt(bytes, off, i), bit);
    }
  }
});

it('a field behind the end of the value is clear', () => {
  const bytes = new Uint8Array(16).fill(255);
  assert.equal(readField(bytes, 0, 2, 12, 8), 0xf0);
  assert.equal(readField(bytes, 0, 2, 16, 31), 0);
  assert.equal(readWideField(bytes, 0, 2, 12, 64), 0xfn << 60n);
});

it('combines strings of all lengths and alignments, in place, too', () => {
  for (let round = 0; round < 300; round++) {
    const operation = [AND, OR, XOR, NOT][below(4)]!;
    const sources = Array.from({ length: operation === NOT ? 1 : 1 + below(4) }, () => {
      const off = below(5);
      return someBytes(off + (round % 20 === 0 ? below(100000) : below(300))).subarray(off);
    });
    const length = Math.max(...sources.map((source) => source.length));
    const expected = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      let byte = sources[0]![i] ?? 0;
      for (const source of sources.slice(1)) {
        const other = source[i] ?? 0;
        byte = operation === AND ? byte & other : operation === OR ? byte | other : byte ^ other;
      }
      expected[i] = operation === NOT ? ~byte : byte;
    }
    const inPlace = below(2) === 0 && sources[0]!.length === length;
    // The first source copied to where words are aligned: the result lies upon it.
    if (inPlace) sources[0] = sources[0]!.slice();
    const result = inPlace ? sources[0]! : someBytes(length);
    combine(operation, sources, result);
    assert.deepEqual(result, expected);
  }
});
