/** A few of the rounds that `npm run crash` does by the hundred (test/crash/). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CrashRun, type Policy } from '../crash/crash-run.ts';
import { seededRandom } from '../soak/soak.ts';
import { oursCommand } from '../support/server-process.ts';

const ROUNDS = 3;

describe('kill -9 under load', () => {
  for (const policy of ['always', 'everysec', 'rdb'] as const satisfies readonly Policy[]) {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    it(`loses nothing: ${policy} (seed ${seed})`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'ts-redis-crash-'));
      const run = new CrashRun({
        command: oursCommand(),
        policy,
        random: seededRandom(seed),
        folder,
        longestMs: policy === 'everysec' ? 3000 : 1000,
        log: () => {},
      });
      try {
        await run.start();
        for (let round = 1; round <= ROUNDS; round++) await run.round(round);
        assert.equal(run.totals.kills, ROUNDS);
      } catch (error) {
        throw new Error(`evidence: npm run crash -- --again ${folder}/failed-round-…`, { cause: error });
      } finally {
        await run.stop();
      }
      rmSync(folder, { recursive: true, force: true });
    });
  }
});
