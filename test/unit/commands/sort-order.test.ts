import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kthSmallest, orderOfKeys } from '../../../src/commands/sort/order.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';

const EDGES = [
  0,
  -0,
  1,
  -1,
  0.5,
  -1e-300,
  5e-324,
  1e308,
  -1e308,
  Infinity,
  -Infinity,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 31,
];

function draw(random: Random, span: number): number {
  switch (randomBelow(random, 4)) {
    case 0:
      return EDGES[randomBelow(random, EDGES.length)]!;
    case 1:
      return (random.float() - 0.5) * 1e6;
    default:
      return randomBelow(random, span) - (span >> 1);
  }
}

describe("SORT's order of keys", () => {
  it('is that of a stable sort, ties broken, both ways', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    for (const count of [0, 1, 2, 8, 9, 33, 599, 600, 5000]) {
      for (const span of [3, 100, 100000]) {
        for (const descending of [false, true]) {
          const keys = Float64Array.from({ length: count }, () => draw(random, span));
          // Ties are broken by a text of which several elements have the same.
          const tie = (a: number, b: number): number => (a % 7) - (b % 7);
          const expected = Array.from({ length: count }, (_, i) => i).sort((a, b) => {
            const difference = keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : tie(a, b);
            return descending ? -difference : difference;
          });
          const order = [...orderOfKeys(keys.slice(), count, tie, descending)];
          assert.deepEqual(order, expected, `seed ${seed}, ${count} keys`);
          for (const wanted of [1, 10, Math.floor(count / 9), Math.floor(count / 2)]) {
            if (wanted > count || wanted === 0) continue;
            const first = orderOfKeys(keys.slice(), count, tie, descending, wanted).subarray(0, wanted);
            assert.deepEqual(
              [...first],
              expected.slice(0, wanted),
              `seed ${seed}, ${wanted} of ${count} keys`,
            );
            const sorted = keys.slice().sort();
            // Zero has two signs and one place.
            assert.ok(kthSmallest(keys.slice(), wanted - 1) === sorted[wanted - 1], `seed ${seed}`);
          }
        }
      }
    }
  });
});
