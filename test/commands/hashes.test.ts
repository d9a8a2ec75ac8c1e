/**
 * What of the hash commands chance decides, and so cannot be compared with a real server: HRANDFIELD's draws; and
 * HSCAN while the hash changes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type InProcess, inProcess } from '../support/in-process.ts';

const FIELDS = 30;

/** A hash of fields `f0` ... with values `v0` ...; a table if asked for. */
function fill(redis: InProcess, name: string, fields: number, table: boolean): void {
  redis.set('hash-max-listpack-entries', table ? '0' : '512');
  for (let i = 0; i < fields; i++) redis.call('HSET', name, `f${i}`, `v${i}`);
  assert.equal(redis.call('OBJECT', 'ENCODING', name), table ? 'hashtable' : 'listpack');
}

for (const table of [false, true]) {
  describe(`HRANDFIELD from a ${table ? 'table' : 'listpack'}`, () => {
    it('draws each field alike, with every form of the count', () => {
      const redis = inProcess();
      fill(redis, 'h', FIELDS, table);
      // One by one; with repetition; few of many; most of them.
      for (const [count, rounds] of [
        [null, 6000],
        ['-10', 600],
        ['3', 2000],
        ['25', 240],
      ] as const) {
        const drawn = new Map<string, number>();
        for (let i = 0; i < rounds; i++) {
          const reply = count === null ? redis.call('HRANDFIELD', 'h') : redis.call('HRANDFIELD', 'h', count);
          for (const field of [reply].flat() as string[]) drawn.set(field, (drawn.get(field) ?? 0) + 1);
        }
        assert.equal(drawn.size, FIELDS);
        const total = [...drawn.values()].reduce((a, b) => a + b, 0);
        const expected = total / FIELDS;
        const chiSquare = [...drawn.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
        // 29 degrees of freedom: 73 is beyond all chance; the seed is fixed besides.
        assert.ok(chiSquare < 73, `count ${count}: ${chiSquare}`);
      }
    });

    it('gives different fields for a positive count, each with its value', () => {
      const redis = inProcess();
      fill(redis, 'h', FIELDS, table);
      for (const count of [1, 2, 9, 10, 11, 29, 30, 31, 1000]) {
        const flat = redis.call('HRANDFIELD', 'h', String(count), 'WITHVALUES') as string[];
        const fields = flat.filter((_, i) => i % 2 === 0);
        assert.equal(new Set(fields).size, Math.min(count, FIELDS));
        assert.deepEqual(
          flat.filter((_, i) => i % 2 === 1),
          fields.map((field) => field.replace('f', 'v')),
        );
      }
      const repeated = redis.call('HRANDFIELD', 'h', '-100') as string[];
      assert.equal(repeated.length, 100);
      assert.ok(new Set(repeated).size <= FIELDS);
    });

    it('pairs fields with values in arrays under RESP3', () => {
      const redis = inProcess();
      fill(redis, 'h', 2, table);
      redis.call('HELLO', '3');
      const pairs = redis.call('HRANDFIELD', 'h', '5', 'WITHVALUES') as string[][];
      assert.deepEqual(pairs.sort(), [
        ['f0', 'v0'],
        ['f1', 'v1'],
      ]);
    });
  });
}

describe('HSCAN', () => {
  it('returns what is there throughout, once, while other fields come and go', () => {
    const redis = inProcess();
    fill(redis, 'h', 500, true);
    const seen = new Map<string, number>();
    let cursor = '0';
    let round = 0;
    do {
      const [next, flat] = redis.call('HSCAN', 'h', cursor, 'COUNT', '10') as [string, string[]];
      for (let i = 0; i < flat.length; i += 2) seen.set(flat[i]!, (seen.get(flat[i]!) ?? 0) + 1);
      cursor = next;
      for (let i = 0; i < 40; i++) redis.call('HSET', 'h', `extra ${round} ${i}`, 'x');
      if (round > 2)
        redis.call('HDEL', 'h', ...Array.from({ length: 40 }, (_, i) => `extra ${round - 3} ${i}`));
      round++;
    } while (cursor !== '0');
    for (let i = 0; i < 500; i++) assert.equal(seen.get(`f${i}`), 1, `f${i}`);
  });
});
