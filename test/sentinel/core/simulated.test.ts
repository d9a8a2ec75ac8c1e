/** What the simulator (test/simulation) has found once, as small as it gets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FAILOVER_IN_PROGRESS,
  has,
  MASTER_DOWN,
  ODOWN,
  PROMOTED,
  SDOWN,
} from '../../../src/sentinel/core/instance.ts';
import { currentAddress } from '../../../src/sentinel/core/registry.ts';
import { BareCore, hello, OTHER_ID, THIRD_ID } from './bare-core.ts';

describe('found by the simulator', () => {
  /** A failover of ours in epoch 3 that has promoted 10.0.0.3 and moves the other replicas. */
  function promoted(): BareCore {
    const rig = new BareCore();
    const replica = rig.addReplica('10.0.0.3', 6379);
    rig.addReplica('10.0.0.4', 6379);
    rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    const { master, state } = rig;
    state.currentEpoch = 3;
    master.flags |= FAILOVER_IN_PROGRESS;
    master.failoverState = 'reconf_slaves';
    master.failoverEpoch = 3;
    master.configEpoch = 3;
    master.promoted = replica;
    replica.flags |= PROMOTED;
    assert.equal(currentAddress(master).host, '10.0.0.3');
    rig.clear();
    return rig;
  }

  it('a newer configuration ends our failover also if the master is back at its old address', () => {
    const rig = promoted();
    rig.handle({ type: 'hello', payload: hello({ epoch: 4, configEpoch: 4 }) });
    assert.equal(currentAddress(rig.master).host, '10.0.0.1');
    assert.equal(rig.master.configEpoch, 4);
    assert.equal(has(rig.master, FAILOVER_IN_PROGRESS), false);
    assert.ok(rig.events().includes('+switch-master mymaster 10.0.0.3 6379 10.0.0.1 6379'));
    assert.deepEqual([...rig.master.replicas.keys()].sort(), ['10.0.0.3:6379', '10.0.0.4:6379']);
  });

  it('an election of ours is over when a newer configuration names the same master', () => {
    const rig = promoted();
    rig.master.failoverState = 'wait_promotion';
    rig.master.configEpoch = 0;
    rig.handle({ type: 'hello', payload: hello({ epoch: 4, configEpoch: 4 }) });
    assert.equal(has(rig.master, FAILOVER_IN_PROGRESS), false);
    assert.equal(rig.master.configEpoch, 4);
    assert.equal(currentAddress(rig.master).host, '10.0.0.1');
  });

  it('what we were before our file was lost is no other sentinel', () => {
    const rig = new BareCore();
    rig.tick();
    rig.up(rig.master.link, '10.0.0.9');
    rig.handle({ type: 'hello', payload: hello({ ip: '10.0.0.9', runId: THIRD_ID }) });
    assert.equal(rig.master.sentinels.size, 0);
    rig.handle({ type: 'hello', payload: hello({ ip: '10.0.0.9', port: 26_380, runId: THIRD_ID }) });
    assert.equal(rig.master.sentinels.size, 1);
  });

  it('what others said before a stall does not make the master objectively down after it', () => {
    const rig = new BareCore();
    const other = rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    rig.tick();
    rig.skip(6000);
    rig.reply(other, 'vote', [1, '*', 0]);
    assert.ok(has(other, MASTER_DOWN));
    rig.skip(5100);
    rig.clear();
    rig.tick();
    assert.ok(has(rig.master, SDOWN));
    assert.equal(has(rig.master, ODOWN), false);
  });

  it('a sentinel that takes its word back does not set off a failover', () => {
    const rig = new BareCore();
    const other = rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    rig.tick();
    rig.skip(6000);
    rig.tick();
    rig.master.failoverStartAt = rig.now;
    rig.reply(other, 'vote', [1, '*', 0]);
    assert.ok(has(rig.master, ODOWN));
    rig.master.failoverStartAt = 1;
    rig.master.failoverTimeoutMs = 1;
    rig.clear();
    rig.reply(other, 'vote', [0, '*', 0]);
    assert.equal(has(rig.master, ODOWN), false);
    assert.equal(has(rig.master, FAILOVER_IN_PROGRESS), false);
  });
});
