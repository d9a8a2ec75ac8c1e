/**
 * A short run of the simulator (the long one is `npm run simulate`), the exact replay that failures are told by, and
 * the proof that it bites: faults put into the core are found.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Bundle, bundle } from './bundle.ts';
import { MUTATIONS, tryMutation } from './mutations.ts';
import { runSeeds } from './pool.ts';

const SEEDS = 200;
const THREADS = 2;

describe('simulation of sentinels', () => {
  let folder: string;
  let plain: Bundle;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ts-redis-simulation-'));
    plain = await bundle(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it(`holds all invariants over ${SEEDS} seeds of ten minutes`, async (t) => {
    const failed: string[] = [];
    let failovers = 0;
    await runSeeds({
      path: plain.path,
      from: 1,
      count: SEEDS,
      threads: THREADS,
      onResult(result) {
        failovers += result.failovers;
        const { seed, violation } = result;
        if (violation !== null) {
          failed.push(`${violation.text}\n    npm run simulate -- --seed ${seed} --trace`);
        }
        return failed.length < 3;
      },
    });
    t.diagnostic(`${failovers} failovers in ${SEEDS} seeds`);
    assert.deepEqual(failed, []);
    assert.ok(failovers > SEEDS, 'there was something to do');
  });

  it('replays a seed to the last event', async () => {
    const { runSeed } = await plain.load();
    const [first, second] = [1, 2].map(() => {
      const lines: string[] = [];
      const result = runSeed(7, (line) => lines.push(line));
      return { result, lines };
    });
    assert.ok(first!.lines.length > 100);
    assert.deepEqual(first, second);
    assert.deepEqual(runSeed(7), first!.result);
  });

  for (const mutation of MUTATIONS.filter(({ rare }) => rare !== true)) {
    it(`finds it if ${mutation.name}`, async () => {
      const found = await tryMutation(folder, mutation, { threads: THREADS });
      assert.ok(found !== null, `no seed shows ${mutation.wanted.join(' or ')}`);
    });
  }
});
