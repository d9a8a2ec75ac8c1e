/** Who is known: what a reset forgets, what goes with whom. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAILOVER_IN_PROGRESS, PROMOTED, SDOWN } from '../../../src/sentinel/core/instance.ts';
import {
  changeMasterAddress,
  createReplica,
  currentAddress,
  findReplica,
  removeInstance,
  resetMaster,
} from '../../../src/sentinel/core/registry.ts';
import { BareCore, OTHER_ID } from './bare-core.ts';

describe('registry', () => {
  it('knows a replica once, by its address', () => {
    const rig = new BareCore();
    const replica = rig.addReplica('10.0.0.3', 6379);
    assert.equal(
      rig.act((turn) => createReplica(turn, rig.master, '10.0.0.3', 6379)),
      replica,
    );
    assert.equal(findReplica(rig.master, '10.0.0.3', 6379), replica);
    assert.equal(findReplica(rig.master, '10.0.0.3', 6380), null);
    assert.equal(replica.downAfterMs, rig.master.downAfterMs);
  });

  it('a reset forgets replicas, sentinels, the failover, and connects anew', () => {
    const rig = new BareCore();
    const { master } = rig;
    const replica = rig.addReplica('10.0.0.3', 6379);
    rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    rig.tick();
    const { command } = master.link;
    Object.assign(master, {
      flags: SDOWN | FAILOVER_IN_PROGRESS,
      promoted: replica,
      configEpoch: 3,
      leaderEpoch: 4,
    });
    master.failoverState = 'wait_promotion';
    rig.clear();
    rig.act((turn) => resetMaster(turn, master));
    assert.deepEqual(rig.events(), ['+reset-master master mymaster 10.0.0.1 6379']);
    assert.equal(master.replicas.size + master.sentinels.size, 0);
    assert.deepEqual([...rig.state.instances.values()], [master]);
    assert.deepEqual([...rig.state.links.values()], [master.link]);
    assert.equal(master.flags, 0);
    assert.equal(master.promoted, null);
    assert.equal(master.failoverState, 'none');
    // What was promised stays so.
    assert.equal(master.configEpoch, 3);
    assert.equal(master.leaderEpoch, 4);
    assert.ok(rig.actions.some((action) => action.type === 'disconnect' && action.generation === command));
    rig.tick();
    assert.notEqual(master.link.command, 0);
    assert.ok(rig.words(master).includes('INFO'));
  });

  it('the sentinels stay if they shall', () => {
    const rig = new BareCore();
    rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    rig.act((turn) => resetMaster(turn, rig.master, { keepSentinels: true }));
    assert.deepEqual([...rig.master.sentinels.keys()], [OTHER_ID]);
  });

  it('clients are sent to the promoted replica as soon as it is a master', () => {
    const rig = new BareCore();
    const { master } = rig;
    const replica = rig.addReplica('10.0.0.3', 6379);
    replica.flags |= PROMOTED;
    Object.assign(master, { flags: FAILOVER_IN_PROGRESS, promoted: replica });
    const at = (state: typeof master.failoverState): string => {
      master.failoverState = state;
      return currentAddress(master).host;
    };
    assert.equal(at('wait_promotion'), '10.0.0.1');
    assert.equal(at('reconf_slaves'), '10.0.0.3');
    assert.equal(at('update_config'), '10.0.0.3');
    rig.act((turn) => removeInstance(turn, replica));
    assert.equal(at('reconf_slaves'), '10.0.0.1');
  });

  it('a change of address back to the same one adds nobody', () => {
    const rig = new BareCore();
    rig.addReplica('10.0.0.3', 6379);
    rig.clear();
    rig.act((turn) => changeMasterAddress(turn, rig.master, '10.0.0.1', 6379));
    assert.deepEqual([...rig.master.replicas.keys()], ['10.0.0.3:6379']);
    assert.equal(rig.saves(), 1);
  });

  it('replies for somebody who is gone are dropped', () => {
    const rig = new BareCore();
    const replica = rig.addReplica('10.0.0.3', 6379);
    rig.tick();
    const { id, command } = replica.link;
    rig.act((turn) => removeInstance(turn, replica));
    rig.clear();
    const tag = { instance: replica.id, purpose: 'ping' } as const;
    rig.handle({ type: 'reply', link: id, generation: command, tag, reply: Buffer.from('PONG') });
    rig.handle({ type: 'linkDown', link: id, generation: command, reason: 'late' });
    rig.handle({ type: 'linkUp', link: id, generation: command, localIp: '10.0.0.9' });
    rig.handle({
      type: 'message',
      link: id,
      generation: command,
      channel: '__sentinel__:hello',
      payload: null,
    });
    assert.deepEqual(rig.actions, []);
  });
});
