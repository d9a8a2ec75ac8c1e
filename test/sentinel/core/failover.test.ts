/** The failover of one sentinel's core, driven by events: states, what is sent, what is told, what ends it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestFailover } from '../../../src/sentinel/core/failover/failover.ts';
import { has, PROMOTED } from '../../../src/sentinel/core/instance.ts';
import { MASTER_PORT, OUR_ID, Rig, type RigOptions, type Sent, voteReply } from './rig.ts';

/** Others see what we see, and vote for who asks. */
function agreeable(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  rig.onAsk = ({ words }: Sent) => {
    const [, , , , epoch, candidate = '*'] = words;
    return candidate === '*' ? voteReply(true) : voteReply(true, candidate, Number(epoch));
  };
  return rig;
}

/** What was told from +sdown on, as redis-sentinel has it. */
function story(rig: Rig): string[] {
  const from = rig.events.findIndex((line) => line.startsWith('+sdown master'));
  return rig.names(from).filter((name) => !/^\d/.test(name));
}

describe('failover of a sentinel core', () => {
  it('goes the whole way when the master dies', () => {
    const rig = agreeable();
    rig.node(2).offset = 200;
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+switch-master'), 3000);
    assert.deepEqual(story(rig), [
      '+sdown',
      '+odown',
      '+new-epoch',
      '+try-failover',
      '+vote-for-leader',
      '+elected-leader',
      '+failover-state-select-slave',
      '+selected-slave',
      '+failover-state-send-slaveof-noone',
      '+failover-state-wait-promotion',
      '-role-change',
      '+promoted-slave',
      '+failover-state-reconf-slaves',
      '+slave-reconf-sent',
      '+slave-reconf-inprog',
      '+slave-reconf-done',
      '+failover-end',
      '+switch-master',
      '+slave',
      '+slave',
    ]);
    assert.ok(rig.events.includes('+switch-master mymaster 127.0.0.1 7000 127.0.0.1 7002'));
    assert.equal(rig.master.address.port, 7002);
    assert.deepEqual([...rig.master.replicas.keys()].sort(), ['127.0.0.1:7000', '127.0.0.1:7001']);
    assert.equal(rig.master.configEpoch, 1);
    assert.equal(rig.node(1).masterPort, 7002);
  });

  it('changes a role by one transaction, with REWRITE and the clients thrown out', () => {
    const rig = agreeable({ replicas: 1 });
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+switch-master'), 3000);
    const words = rig.sent.filter(({ to }) => to === '127.0.0.1:7001').map((sent) => sent.words.join(' '));
    assert.deepEqual(words, [
      'MULTI',
      'SLAVEOF NO ONE',
      'CONFIG REWRITE',
      'CLIENT KILL TYPE normal',
      'CLIENT KILL TYPE pubsub',
      'EXEC',
    ]);
  });

  it('needs no tick between the votes and the promotion', () => {
    const rig = new Rig();
    const asked: Sent[] = [];
    rig.onAsk = (sent) => {
      if (sent.words[5] === '*') return voteReply(true);
      asked.push(sent);
      return null;
    };
    rig.kill(MASTER_PORT);
    rig.until(() => asked.length > 0, 3000);
    const at = rig.now;
    asked[0]?.answer(voteReply(true, OUR_ID, 1));
    assert.ok(rig.names().includes('+promoted-slave'));
    assert.ok(rig.names().includes('+switch-master'));
    assert.equal(rig.now, at);
  });

  it('is stood for at a random time after ODOWN, not by all sentinels at once', () => {
    const waited = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const rig = agreeable({ seed });
      rig.kill(MASTER_PORT);
      rig.until(() => rig.names().includes('+odown'), 3000);
      const at = rig.now;
      rig.until(() => rig.names().includes('+try-failover'), 400);
      return rig.now - at;
    });
    assert.ok(new Set(waited).size > 2, waited.join());
  });

  it('saves its vote before it asks for others', () => {
    const rig = agreeable();
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+try-failover'), 3000);
    const asking = rig.actions.findIndex((action) => action.type === 'send' && action.words[5] === OUR_ID);
    const voting = rig.actions.findIndex((one) => one.type === 'event' && one.name === '+vote-for-leader');
    assert.ok(rig.actions.slice(0, asking).some((one) => one.type === 'save'));
    assert.ok(voting < asking);
  });

  it('is not elected without a majority, gives up, and waits for twice the time-out', () => {
    const rig = new Rig({
      sentinels: 4,
      quorum: 2,
      prepare: (_, master) => {
        master.failoverTimeoutMs = 20_000;
      },
    });
    rig.onAsk = ({ to, words }) => {
      const [, , , , epoch, candidate = '*'] = words;
      if (candidate === '*') return voteReply(true);
      return to.startsWith('1') ? voteReply(true, candidate, Number(epoch)) : voteReply(true);
    };
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+try-failover'), 3000);
    const began = rig.now;
    rig.until(() => rig.names().includes('-failover-abort-not-elected'), 12_000);
    assert.ok(rig.now - began > 10_000);
    assert.ok(!rig.sent.some(({ words }) => words[0] === 'SLAVEOF'));
    rig.until(() => rig.events.some((line) => line.startsWith('Next failover delay: I will not start')), 100);
    rig.until(() => rig.names().filter((name) => name === '+try-failover').length === 2, 45_000);
    assert.ok(rig.now - began >= 40_000);
    assert.equal(rig.state.currentEpoch, 2);
  });

  it('aborts when no replica is fit', () => {
    const rig = agreeable({ prepare: () => undefined });
    rig.node(1).priority = 0;
    rig.node(2).priority = 0;
    rig.pass(11_000);
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('-failover-abort-no-good-slave'), 4000);
    assert.equal(rig.master.failoverState, 'none');
  });

  it('aborts when the replica does not become a master in time', () => {
    const rig = agreeable({
      prepare: (_, master) => {
        master.failoverTimeoutMs = 5000;
      },
    });
    rig.node(1).obedient = false;
    rig.node(2).obedient = false;
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('-failover-abort-slave-timeout'), 10_000);
    assert.equal(rig.master.promoted, null);
    assert.ok([...rig.master.replicas.values()].every((replica) => !has(replica, PROMOTED)));
  });

  it('lets parallel-syncs replicas change at once, and does not wait for ever', () => {
    const rig = agreeable({
      replicas: 4,
      prepare: (_, master) => {
        master.parallelSyncs = 2;
        master.failoverTimeoutMs = 30_000;
      },
    });
    for (let i = 1; i <= 4; i++) rig.node(i).linkUp = true;
    rig.node(1).offset = 500;
    rig.kill(MASTER_PORT);
    for (const i of [2, 3, 4]) rig.node(i).linkUp = false;
    rig.until(() => rig.names().includes('+slave-reconf-inprog'), 5000);
    rig.pass(500);
    assert.equal(rig.names().filter((name) => name === '+slave-reconf-sent').length, 2);
    for (const i of [2, 3]) rig.node(i).linkUp = true;
    rig.until(() => rig.names().filter((name) => name === '+slave-reconf-sent').length === 3, 1000);
    rig.until(() => rig.names().includes('+failover-end-for-timeout'), 35_000);
    rig.until(() => rig.names().includes('+switch-master'), 100);
    assert.ok(rig.names().includes('+slave-reconf-sent-be'));
    assert.equal(rig.master.address.port, 7001);
  });

  it('does not wait for a replica that does not do what it is told, nor have the others wait', () => {
    const rig = agreeable({ replicas: 3 });
    rig.node(1).offset = 500;
    rig.node(2).obedient = false;
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('-slave-reconf-sent-timeout'), 20_000);
    rig.until(() => rig.names().includes('+switch-master'), 2000);
    assert.equal(rig.node(3).masterPort, 7001);
  });

  it('ends when the time is over even if the new master is down: it is the one to be replaced now', () => {
    const rig = agreeable({
      prepare: (_, master) => {
        master.failoverTimeoutMs = 5000;
        for (const replica of master.replicas.values()) replica.downAfterMs = 1000;
      },
    });
    rig.node(1).offset = 500;
    rig.node(2).obedient = false;
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+promoted-slave'), 3000);
    rig.kill(MASTER_PORT + 1);
    rig.until(() => rig.names().includes('+switch-master'), 7000);
    rig.node(2).obedient = true;
    rig.until(() => rig.master.address.port === 7002, 20_000);
  });

  it('tells the script of clients, as the leader', () => {
    const rig = agreeable({
      replicas: 1,
      prepare: (_, master) => {
        master.clientReconfigScript = '/bin/reconf';
      },
    });
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+switch-master'), 3000);
    assert.deepEqual(rig.scripts, [
      ['/bin/reconf', 'mymaster', 'leader', 'start', '127.0.0.1', '7000', '127.0.0.1', '7001'],
    ]);
  });

  it('crashes where SENTINEL SIMULATE-FAILURE says, before anything more is done', () => {
    for (const [flag, event] of [
      ['crashAfterElection', '+elected-leader'],
      ['crashAfterPromotion', '+promoted-slave'],
    ] as const) {
      const rig = agreeable({
        prepare: (state) => {
          state[flag] = true;
        },
      });
      rig.kill(MASTER_PORT);
      rig.until(() => rig.names().includes(event), 3000);
      const at = rig.actions.findIndex(({ type }) => type === 'crash');
      const before = rig.actions[at - 1];
      assert.equal(before?.type === 'event' ? before.name : '', event);
    }
  });

  it('decides nothing in TILT', () => {
    const rig = agreeable();
    rig.handle({ type: 'tick', wallMs: 5 });
    rig.kill(MASTER_PORT);
    rig.pass(5000);
    assert.ok(!rig.names().includes('+sdown'));
  });
});

describe('an instance of another history', () => {
  const STRANGER = 'f'.repeat(40);

  it('is made to follow the master, with a warning', () => {
    const rig = agreeable();
    Object.assign(rig.node(2), { role: 'master', replId: STRANGER, more: ['connected_slaves:1'] });
    rig.until(() => rig.node(2).role === 'slave', 40_000);
    assert.ok(rig.events.some((line) => line.includes('require-same-lineage mymaster yes')));
  });

  it('is left alone with require-same-lineage', () => {
    const rig = agreeable({
      prepare: (_, master) => {
        master.requireSameLineage = true;
      },
    });
    Object.assign(rig.node(2), { role: 'master', replId: STRANGER, more: ['connected_slaves:1'] });
    rig.until(() => rig.names().includes('-refused-lineage'), 40_000);
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+switch-master'), 3000);
    assert.equal(rig.node(2).role, 'master');
    assert.equal(rig.master.address.port, 7001);
  });

  it('may follow all the same if it has nothing: it was started anew', () => {
    const rig = agreeable({
      prepare: (_, master) => {
        master.requireSameLineage = true;
      },
    });
    Object.assign(rig.node(2), { role: 'master', replId: STRANGER, more: ['connected_slaves:0'] });
    rig.until(() => rig.node(2).role === 'slave', 40_000);
    assert.ok(!rig.names().includes('-refused-lineage'));
  });
});

describe('SENTINEL FAILOVER', () => {
  it('asks nobody', () => {
    const rig = new Rig();
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: false })),
      'ok',
    );
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: false })),
      'inprog',
    );
    rig.until(() => rig.names().includes('+switch-master'), 2000);
    assert.ok(!rig.sent.some(({ words }) => words[5] === OUR_ID));
    assert.ok(!rig.names().includes('+odown'));
  });

  it('needs a replica that is fit', () => {
    const rig = new Rig({ replicas: 0 });
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: false })),
      'noslave',
    );
  });

  it('COORDINATED has the master hand over, after an election', () => {
    const rig = agreeable();
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true })),
      'ok',
    );
    const failover = rig.sent.find(({ words }) => words[0] === 'FAILOVER');
    assert.deepEqual(failover?.words.slice(0, 4), ['FAILOVER', 'TO', '127.0.0.1', '7001']);
    assert.equal(failover?.to, 'mymaster');
    assert.ok(!rig.sent.some(({ words }) => words[0] === 'SLAVEOF'));
    Object.assign(rig.node(0), { role: 'slave', masterPort: 7001 });
    rig.node(1).role = 'master';
    rig.until(() => rig.names().includes('+switch-master'), 2000);
    assert.equal(rig.node(2).masterPort, 7001);
  });

  it('COORDINATED without votes does nothing', () => {
    const rig = new Rig();
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true })),
      'ok',
    );
    rig.until(() => rig.names().includes('-failover-abort-not-elected'), 12_000);
    assert.ok(!rig.sent.some(({ words }) => words[0] === 'FAILOVER'));
  });

  it('COORDINATED ends when the master refuses', () => {
    const rig = agreeable();
    rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true }));
    const failover = rig.sent.find(({ words }) => words[0] === 'FAILOVER');
    failover?.answer(new Error('ERR FAILOVER requires connected replicas.'));
    assert.ok(rig.names().includes('-failover-abort-coordinated'));
    assert.equal(rig.master.failoverState, 'none');
  });

  it('COORDINATED says nothing to a master that holds writes back but PING, and gives up in time', () => {
    const rig = agreeable({
      prepare: (_, master) => {
        master.failoverTimeoutMs = 10_000;
      },
    });
    rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true }));
    const failover = rig.sent.find(({ words }) => words[0] === 'FAILOVER');
    assert.deepEqual(failover?.words.slice(4), ['TIMEOUT', '5000']);
    const from = rig.actions.length;
    rig.pass(9000);
    const told = rig.actions
      .slice(from)
      .filter((one) => one.type === 'send' && one.tag.instance === rig.master.id);
    assert.deepEqual([...new Set(told.map((one) => (one.type === 'send' ? one.words[0] : '')))].sort(), [
      'INFO',
      'PING',
    ]);
    rig.until(() => rig.names().includes('-failover-abort-slave-timeout'), 2000);
    assert.ok(rig.sent.some(({ words, to }) => words.join(' ') === 'FAILOVER ABORT' && to === 'mymaster'));
  });

  it('COORDINATED ends when the replica is down', () => {
    const rig = agreeable();
    for (const replica of rig.master.replicas.values()) replica.downAfterMs = 1000;
    rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true }));
    rig.kill(MASTER_PORT + 1);
    rig.until(() => rig.names().includes('-failover-abort-slave-timeout'), 3000);
    assert.ok(rig.sent.some(({ words }) => words.join(' ') === 'FAILOVER ABORT'));
  });

  it('COORDINATED goes on without the master when that dies', () => {
    const rig = agreeable();
    rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true }));
    rig.kill(MASTER_PORT);
    rig.until(() => rig.names().includes('+switch-master'), 4000);
    assert.ok(rig.sent.some(({ words }) => words.join(' ') === 'SLAVEOF NO ONE'));
  });

  it('COORDINATED needs a master that is well and knows FAILOVER', () => {
    const rig = agreeable();
    rig.master.info = rig.master.info.replace('master_failover_state', 'x');
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true })),
      'unsupported',
    );
    rig.kill(MASTER_PORT);
    assert.equal(
      rig.act((turn) => requestFailover(turn, rig.master, { coordinated: true })),
      'masterdown',
    );
  });
});
