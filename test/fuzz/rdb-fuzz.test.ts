import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RdbFuzz } from './rdb-fuzz.ts';

/** A few seconds' worth; `npm run fuzz:rdb` goes on. */
const MS = 4000;

test('damaged RDBs are refused, or give keys that all commands can live with', () => {
  const fuzz = new RdbFuzz(20261122);
  const until = performance.now() + MS;
  for (let i = 0; performance.now() < until; i++) fuzz.run(i);
  const { totals } = fuzz;
  const told = totals.failures.slice(0, 3).map(({ number, what, commands }) => ({ number, what, commands }));
  assert.deepEqual(told, []);
  assert.ok(totals.accepted > 50, `${totals.accepted} of ${totals.cases} were accepted`);
});
