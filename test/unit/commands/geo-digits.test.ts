/** Distances and coordinates by hand against toFixed. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { digits, writeCoordinate, writeDistance } from '../../../src/commands/geo/number-digits.ts';
import { seededRandom } from '../../../src/util/random.ts';

const random = seededRandom(8);
const text = (length: number): string => Buffer.from(digits.subarray(0, length)).toString('latin1');

it('distances have four decimals, rounded', () => {
  const edges = [
    0, 0.00005, 0.00004999, 0.99995, 9999.99995, 0.0001, 1e10, 1e15, 123456789.12345, 0.03125, 1e-300,
  ];
  for (const n of edges) assert.equal(text(writeDistance(n)), n.toFixed(4));
  for (let i = 0; i < 100000; i++) {
    const n = random.float() * 10 ** (random.float() * 11 - 3);
    assert.equal(text(writeDistance(n)), n.toFixed(4));
  }
});

it('coordinates have up to seventeen decimals', () => {
  const expected = (n: number): string => n.toFixed(17).replace(/\.?0+$/, '');
  const edges = [
    1,
    1.5,
    -1.5,
    180,
    -180,
    0.1,
    -0.1,
    1e-9,
    1 + 2 ** -52,
    2 - 2 ** -52,
    85.05112878,
    100.000001,
    0.5,
  ];
  for (const n of edges) assert.equal(text(writeCoordinate(n)), expected(n));
  for (let i = 0; i < 100000; i++) {
    const n = (random.float() * 2 - 1) * (i % 3 === 0 ? 2 : 180);
    assert.equal(text(writeCoordinate(n)), expected(n));
  }
});
