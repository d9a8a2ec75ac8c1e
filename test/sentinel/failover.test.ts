/**
 * Real processes: a master dies, stands still, is ended or is told to step down, and a mix of our sentinels and real ones
 * agrees on another. `npm run soak:sentinel -- --only matrix` does all of it with every mix.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failover } from './support/faults.ts';
import { MASTER_NAME, withGroup } from './support/group.ts';
import { hasReal, NO_REAL } from './support/member.ts';
import { forcedMix, type Mix } from './support/mixes.ts';

const OURS: Mix = forcedMix() ?? { sentinels: ['ours', 'ours', 'ours'], servers: ['ours', 'ours', 'ours'] };
const MIXED: Mix = forcedMix() ?? { sentinels: ['ours', 'real', 'ours'], servers: ['real', 'ours', 'ours'] };
const skip = hasReal() ? false : NO_REAL;

describe('failover', { concurrency: 2 }, () => {
  it('ours: told to step down, then killed and back', async () => {
    await withGroup(OURS, async (group) => {
      await failover(group, 'manual');
      await failover(group, 'kill');
    });
  });

  it('ours and real, mixed: stands still and wakes, then ended', { skip }, async () => {
    await withGroup(MIXED, async (group) => {
      await failover(group, 'pause');
      await failover(group, 'shutdown', { leave: true });
    });
  });
});

describe('discovery', { concurrency: 2 }, () => {
  for (const [name, mix] of [
    ['ours', OURS],
    ['ours and real', MIXED],
  ] as const) {
    it(`${name}: sentinels that know a master only find its replicas and each other`, {
      skip: name === 'ours' ? false : skip,
    }, async () => {
      await withGroup({ ...mix, acquainted: false }, async (group) => {
        for (const sentinel of group.sentinels) {
          const reply = String(await sentinel.ok('SENTINEL', 'CKQUORUM', MASTER_NAME));
          assert.match(reply, /^OK 3 usable Sentinels\. Quorum and failover authorization can be reached$/);
        }
        // Nobody has been voted for, so nobody's epoch has moved.
        for (const sentinel of group.sentinels) {
          const master = await sentinel.ok('SENTINEL', 'MASTER', MASTER_NAME);
          assert.match(String(master), /config-epoch,0/);
          assert.match(sentinel.config, /^sentinel current-epoch 0$/m);
        }
      });
    });
  }
});
