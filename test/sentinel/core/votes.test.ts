/** Giving, refusing and counting votes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { answerIsMasterDown, leaderOf } from '../../../src/sentinel/core/failover/election.ts';
import type { Instance } from '../../../src/sentinel/core/instance.ts';
import { monitorMaster, removeMonitored } from '../../../src/sentinel/core/options.ts';
import { createMaster, createSentinel } from '../../../src/sentinel/core/registry.ts';
import { MASTER_PORT, OUR_ID, Rig, voteReply } from './rig.ts';

const A = 'd'.repeat(40);
const B = 'e'.repeat(40);

function ask(rig: Rig, epoch: number, runId: string, port = MASTER_PORT) {
  return rig.act((turn) => answerIsMasterDown(turn, { host: '127.0.0.1', port, epoch, runId }));
}

function sentinelsOf(rig: Rig): Instance[] {
  return [...rig.master.sentinels.values()];
}

describe('votes of a sentinel', () => {
  it('go to the first who asks in an epoch', () => {
    const rig = new Rig();
    assert.deepEqual(ask(rig, 3, A), { down: false, leader: A, leaderEpoch: 3 });
    assert.deepEqual(ask(rig, 3, B), { down: false, leader: A, leaderEpoch: 3 });
    assert.deepEqual(ask(rig, 2, B), { down: false, leader: A, leaderEpoch: 3 });
    assert.deepEqual(ask(rig, 4, B), { down: false, leader: B, leaderEpoch: 4 });
    assert.deepEqual(rig.events.slice(-4), [
      '+new-epoch 3',
      `+vote-for-leader ${A} 3`,
      '+new-epoch 4',
      `+vote-for-leader ${B} 4`,
    ]);
  });

  it('are not asked for with *, nor given for masters that nobody knows', () => {
    const rig = new Rig();
    assert.deepEqual(ask(rig, 3, '*'), { down: false, leader: '*', leaderEpoch: 0 });
    assert.deepEqual(ask(rig, 3, A, 1), { down: false, leader: '*', leaderEpoch: 0 });
    assert.equal(rig.state.currentEpoch, 0);
  });

  it('are given for a master that is called by its name, where we have its address', () => {
    const rig = new Rig();
    const named = { host: 'redis-a', port: MASTER_PORT, epoch: 3, runId: A };
    assert.equal(rig.act((turn) => answerIsMasterDown(turn, named)).leader, '*');
    rig.state.resolveHostnames = true;
    assert.equal(rig.act((turn) => answerIsMasterDown(turn, named)).leader, '*');
    assert.ok(rig.actions.some((action) => action.type === 'resolve' && action.host === 'redis-a'));
    rig.handle({ type: 'resolved', host: 'redis-a', ip: '127.0.0.1' });
    assert.equal(rig.act((turn) => answerIsMasterDown(turn, named)).leader, A);
  });

  it('are not given in an epoch that is past', () => {
    const rig = new Rig();
    rig.state.currentEpoch = 9;
    assert.deepEqual(ask(rig, 8, A), { down: false, leader: '*', leaderEpoch: 0 });
  });

  it('are not given for epochs beyond what can be counted', () => {
    const rig = new Rig();
    assert.deepEqual(ask(rig, 2 ** 60, A), { down: false, leader: '*', leaderEpoch: 0 });
    assert.equal(rig.state.currentEpoch, 0);
  });

  it('are saved, and only when they change something', () => {
    const rig = new Rig();
    const saves = (): number => rig.actions.filter((action) => action.type === 'save').length;
    const before = saves();
    ask(rig, 1, A);
    assert.equal(saves(), before + 1);
    ask(rig, 1, B);
    assert.equal(saves(), before + 1);
  });

  it('for others put off a try of our own', () => {
    const rig = new Rig();
    ask(rig, 1, A);
    assert.ok(rig.master.failoverStartAt >= rig.now && rig.master.failoverStartAt <= rig.now + 1000);
  });

  it('say that the master is down while it is', () => {
    const rig = new Rig();
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+sdown'), 3000);
    assert.equal(ask(rig, 0, '*').down, true);
  });
});

describe('the leader', () => {
  it('has the votes of a majority of all, and of the quorum', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(
          fc.record({ leader: fc.constantFrom('', A, B, OUR_ID), epoch: fc.integer({ min: 4, max: 6 }) }),
          {
            minLength: 6,
            maxLength: 6,
          },
        ),
        (sentinels, quorum, votes) => {
          const rig = new Rig({ sentinels, quorum, replicas: 0 });
          rig.state.currentEpoch = 5;
          sentinelsOf(rig).forEach((sentinel, i) => {
            sentinel.leader = votes[i]?.leader ?? '';
            sentinel.leaderEpoch = votes[i]?.epoch ?? 0;
          });
          const leader = rig.act((turn) => leaderOf(turn, rig.master, 5));
          const counted = sentinelsOf(rig).filter((one) => one.leaderEpoch === 5 && one.leader !== '');
          const of = (id: string): number =>
            counted.filter((one) => one.leader === id).length + (rig.master.leader === id ? 1 : 0);
          if (leader !== null) {
            assert.ok(of(leader) >= quorum);
            assert.ok(of(leader) > (sentinels + 1) / 2);
          } else {
            for (const id of [A, B, OUR_ID]) assert.ok(of(id) < quorum || of(id) <= (sentinels + 1) / 2);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is not made by votes of another epoch', () => {
    const rig = new Rig({ sentinels: 2 });
    rig.state.currentEpoch = 6;
    for (const sentinel of sentinelsOf(rig)) {
      sentinel.leader = A;
      sentinel.leaderEpoch = 6;
    }
    assert.equal(
      rig.act((turn) => leaderOf(turn, rig.master, 5)),
      null,
    );
  });
});

describe('several masters that fail at once', () => {
  /** Sentinels that hold the master for down, and vote only in epochs that are not past for them, as they do. */
  function voters(rig: Rig, epochOf: () => number): void {
    rig.onAsk = ({ words }) => {
      const [, , , , epoch = '', runId = ''] = words;
      const votes = runId !== '*' && Number(epoch) >= epochOf();
      return votes ? voteReply(true, runId, Number(epoch)) : voteReply(true);
    };
  }

  it('make the epochs of each other old: a candidate stands again in the present one', () => {
    const rig = new Rig();
    let present = 0;
    voters(rig, () => present);
    rig.kill(MASTER_PORT);
    // The others have seen epoch 7 by now, from a failover of another master; we hear of it a little later.
    present = 7;
    rig.until(() => rig.names().includes('+try-failover'), 5000);
    assert.equal(rig.master.failoverEpoch, 1);
    rig.pass(500);
    assert.ok(!rig.names().includes('+elected-leader'));
    rig.handle({ type: 'hello', payload: `127.0.0.1,9001,${'1'.repeat(40)},7,mymaster,127.0.0.1,7000,0` });
    rig.until(() => rig.names().includes('+elected-leader'), 500);
    assert.equal(rig.master.failoverEpoch, 7);
    assert.equal(rig.master.leaderEpoch, 7);
  });

  it('but not if it has voted for another one there', () => {
    const rig = new Rig();
    voters(rig, () => 100);
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+try-failover'), 5000);
    ask(rig, 7, A);
    const before = rig.sent.length;
    rig.pass(3000);
    assert.equal(rig.master.failoverEpoch, 1);
    assert.equal(rig.master.leader, A);
    // Nor does it ask for votes that it could not count.
    const later = rig.sent.slice(before).filter(({ words }) => words[0] === 'SENTINEL');
    assert.ok(later.length > 0 && later.every(({ words }) => words[5] === '*'));
  });

  it('are stood for together', () => {
    const rig = new Rig({
      prepare: (state) => {
        const second = createMaster(state, 1000, {
          name: 'second',
          host: '127.0.0.1',
          port: 7100,
          quorum: 1,
        });
        second.downAfterMs = 1000;
      },
    });
    rig.nodes.set(7100, { ...rig.node(0) });
    const second = rig.state.masters.get('second')!;
    rig.act((turn) => {
      for (const i of [1, 2]) {
        createSentinel(turn, second, { runId: String(i).repeat(40), host: '127.0.0.1', port: 9000 + i });
      }
    });
    rig.onAsk = () => voteReply(true);
    rig.kill(MASTER_PORT);
    rig.kill(7100);
    rig.until(() => rig.names().filter((name) => name === '+odown').length === 2, 5000);
    assert.equal(rig.master.electionAt, second.electionAt);
  });
});

describe('a master that is removed and monitored again', () => {
  it('is given no second vote in an epoch', () => {
    const rig = new Rig();
    assert.equal(ask(rig, 3, A).leader, A);
    rig.act((turn) => removeMonitored(turn, 'mymaster'));
    rig.act((turn) =>
      monitorMaster(turn, { name: 'mymaster', host: '127.0.0.1', port: MASTER_PORT, quorum: 2 }),
    );
    assert.equal(ask(rig, 3, B).leader, '*');
    assert.equal(ask(rig, 4, B).leader, B);
  });
});
