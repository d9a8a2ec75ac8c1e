/** What was promised is kept over a failover. `npm run soak:sentinel -- --only wait` crashes a hundred times. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { forcedMix, type Mix } from './support/mixes.ts';
import { isolation, MIN_REPLICAS_MAX_LAG_S, waitBeforeCrash } from './support/promises.ts';

const OURS: Mix = forcedMix() ?? { sentinels: ['ours', 'ours', 'ours'], servers: ['ours', 'ours', 'ours'] };

describe('promises', { concurrency: 2 }, () => {
  it('what WAIT 1 has confirmed is with the new master', async (t) => {
    const { confirmed } = await waitBeforeCrash(OURS, 2);
    assert.ok(confirmed > 100);
    t.diagnostic(`${confirmed} writes`);
  });

  it('a master cut off from everyone stops to take writes, and comes back as a replica', async (t) => {
    const { lastWriteMs, firstWriteMs } = await isolation(OURS);
    assert.ok(lastWriteMs <= (MIN_REPLICAS_MAX_LAG_S + 1) * 1000, `wrote for ${lastWriteMs} ms`);
    t.diagnostic(
      `wrote for ${Math.round(lastWriteMs)} ms; the next one wrote after ${Math.round(firstWriteMs)} ms`,
    );
  });
});
