/** What INFO says and what comes of it. Texts as redis-sentinel 7.0 logs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FAILOVER_IN_PROGRESS,
  has,
  type Instance,
  MASTER_REBOOT,
  PROMOTED,
  RECONF_DONE,
  RECONF_INPROG,
  RECONF_SENT,
} from '../../../src/sentinel/core/instance.ts';
import { BareCore, MASTER_ID } from './bare-core.ts';

const REPLICA_ID = 'e5'.repeat(20);
const OF_MASTER = { run_id: MASTER_ID, role: 'master' };

function replicaLines(host = '10.0.0.1', port = 6379): Record<string, string | number> {
  return {
    run_id: REPLICA_ID,
    role: 'slave',
    master_host: host,
    master_port: port,
    master_link_status: 'up',
    slave_repl_offset: 1234,
    slave_priority: 90,
    replica_announced: 1,
    master_replid: 'f6'.repeat(20),
    master_replid2: '0'.repeat(40),
    master_repl_offset: 1234,
    second_repl_offset: -1,
  };
}

/** A master and a replica that are well, for so long. */
function settled(ms: number, lines = replicaLines()): { rig: BareCore; replica: Instance } {
  const rig = new BareCore();
  const replica = rig.addReplica('10.0.0.3', 6379);
  rig.tick();
  rig.up(rig.master.link);
  rig.up(replica.link);
  rig.info(rig.master, OF_MASTER);
  rig.info(replica, lines);
  live(rig, replica, ms, lines);
  rig.clear();
  return { rig, replica };
}

function live(rig: BareCore, replica: Instance, ms: number, lines: Record<string, string | number>): void {
  const kept: typeof rig.actions = [];
  rig.pass(ms, () => {
    const infos = rig.sent().filter(({ words }) => words[0] === 'INFO');
    kept.push(...rig.actions);
    rig.answerAll();
    rig.clear();
    for (const { tag } of infos) {
      if (tag.instance === rig.master.id) rig.info(rig.master, OF_MASTER);
      if (tag.instance === replica.id) rig.info(replica, lines);
    }
  });
  rig.actions = [...kept, ...rig.actions];
}

describe('INFO of a master', () => {
  it('lists its replicas, in the format of today and of old; each is told once', () => {
    const rig = new BareCore();
    rig.tick();
    rig.clear();
    const lines = {
      ...OF_MASTER,
      connected_slaves: 3,
      slave0: 'ip=10.0.0.3,port=6379,state=online,offset=14,lag=1',
      slave1: '10.0.0.4,6379,online',
      slave2: 'ip=::1,port=6380,state=online,offset=14,lag=1',
    };
    rig.info(rig.master, lines);
    assert.deepEqual(rig.events(), [
      '+slave slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379',
      '+slave slave 10.0.0.4:6379 10.0.0.4 6379 @ mymaster 10.0.0.1 6379',
      '+slave slave [::1]:6380 ::1 6380 @ mymaster 10.0.0.1 6379',
    ]);
    assert.equal(rig.saves(), 1);
    rig.clear();
    rig.info(rig.master, lines);
    assert.deepEqual(rig.actions, []);
  });

  it('replicas without a usable address are left out; names count with resolve-hostnames', () => {
    const rig = new BareCore();
    rig.tick();
    const lines = {
      ...OF_MASTER,
      slave0: 'ip=db.example,port=6379,state=online',
      slave1: 'ip=10.0.0.3,port=70000,state=online',
      slave2: 'ip=,port=1,state=online',
      slave3: 'rubbish',
    };
    rig.info(rig.master, lines);
    assert.equal(rig.master.replicas.size, 0);
    rig.state.resolveHostnames = true;
    rig.info(rig.master, lines);
    assert.equal(rig.master.replicas.size, 0);
    assert.ok(rig.actions.some((action) => action.type === 'resolve' && action.host === 'db.example'));
    rig.clear();
    rig.handle({ type: 'resolved', host: 'db.example', ip: '10.0.0.3' });
    assert.deepEqual(rig.words(rig.master), ['INFO']);
    rig.info(rig.master, lines);
    assert.deepEqual(rig.events(), ['+slave slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379']);
    assert.deepEqual([...rig.master.replicas.keys()], ['10.0.0.3:6379']);
    // The same by its address.
    rig.info(rig.master, { ...OF_MASTER, slave0: 'ip=10.0.0.3,port=6379,state=online' });
    assert.equal(rig.master.replicas.size, 1);
  });

  it('with another run id: it was started anew', () => {
    const rig = new BareCore();
    rig.tick();
    rig.info(rig.master, OF_MASTER);
    rig.clear();
    rig.info(rig.master, { ...OF_MASTER, run_id: REPLICA_ID });
    assert.deepEqual(rig.events(), ['+reboot master mymaster 10.0.0.1 6379']);
    assert.equal(has(rig.master, MASTER_REBOOT), false);
    rig.master.masterRebootDownAfterMs = 1000;
    rig.info(rig.master, OF_MASTER);
    assert.equal(has(rig.master, MASTER_REBOOT), true);
    rig.reply(rig.master, 'ping', Buffer.from('PONG'));
    assert.equal(has(rig.master, MASTER_REBOOT), false);
  });

  it('that says it is a replica: told, and nothing is done about it here', () => {
    const rig = new BareCore();
    rig.tick();
    rig.info(rig.master, OF_MASTER);
    rig.clear();
    rig.info(rig.master, { ...OF_MASTER, role: 'slave' });
    assert.deepEqual(rig.events(), ['-role-change master mymaster 10.0.0.1 6379 new reported role is slave']);
    rig.clear();
    rig.info(rig.master, OF_MASTER);
    assert.deepEqual(rig.events(), [
      '+role-change master mymaster 10.0.0.1 6379 new reported role is master',
    ]);
  });

  it('is no reply to be trusted: errors and other types change nothing', () => {
    const rig = new BareCore();
    rig.tick();
    for (const reply of [new Error('NOAUTH'), null, 7, [Buffer.from('role:slave')]]) {
      rig.reply(rig.master, 'info', reply);
    }
    rig.reply(rig.master, 'info', Buffer.from('rubbish\r\n::\r\nrole:\r\nrun_id:1\r\n'));
    assert.equal(rig.master.roleReported, 'master');
    assert.equal(rig.master.runId, '');
  });
});

describe('INFO of a replica', () => {
  it('is read', () => {
    const { replica, rig } = settled(0);
    assert.equal(replica.runId, REPLICA_ID);
    assert.equal(replica.masterHost, '10.0.0.1');
    assert.equal(replica.masterPort, 6379);
    assert.equal(replica.masterLinkUp, true);
    assert.equal(replica.priority, 90);
    assert.equal(replica.replOffset, 1234);
    assert.equal(replica.replId, 'f6'.repeat(20));
    assert.equal(replica.replId2, '');
    assert.equal(replica.masterLinkDownMs, 0);
    rig.info(replica, { ...replicaLines(), master_link_down_since_seconds: 7, replica_announced: 0 });
    assert.equal(replica.masterLinkDownMs, 7000);
    assert.equal(replica.replicaAnnounced, false);
    rig.info(replica, replicaLines());
    assert.equal(replica.masterLinkDownMs, 0);
  });

  it('is asked each second while its link to the master is broken', () => {
    const { rig, replica } = settled(0);
    const lines = { ...replicaLines(), master_link_down_since_seconds: 7 };
    rig.info(replica, lines);
    rig.clear();
    live(rig, replica, 5000, lines);
    const infos = rig.sent(replica).filter(({ words }) => words[0] === 'INFO').length;
    assert.ok(infos >= 4 && infos <= 5, `${infos}`);
  });

  it('that turned master is called back after four hello periods', () => {
    const { rig, replica } = settled(10_000);
    const lines = { run_id: REPLICA_ID, role: 'master' };
    rig.info(replica, lines);
    assert.deepEqual(rig.events(), [
      '-role-change slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379 new reported role is master',
    ]);
    rig.skip(7000);
    rig.info(replica, lines);
    assert.ok(!rig.words(replica).includes('MULTI'));
    rig.skip(1001);
    rig.info(rig.master, OF_MASTER);
    rig.clear();
    rig.info(replica, lines);
    assert.deepEqual(rig.events(), [
      '+convert-to-slave slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379',
    ]);
    assert.deepEqual(rig.words(replica), [
      'MULTI',
      'SLAVEOF 10.0.0.1 6379',
      'CONFIG REWRITE',
      'CLIENT KILL TYPE normal',
      'CLIENT KILL TYPE pubsub',
      'EXEC',
    ]);
  });

  it('is not called back in TILT, after a stall, or while the master is not well', () => {
    for (const spoil of [
      (rig: BareCore) => {
        rig.state.tilt = true;
      },
      (rig: BareCore) => {
        rig.state.stallUntil = rig.now + 60_000;
      },
      (rig: BareCore) => {
        rig.info(rig.master, { ...OF_MASTER, role: 'slave' });
      },
      (rig: BareCore) => {
        rig.master.infoAt = rig.now - 20_001;
      },
    ]) {
      const { rig, replica } = settled(10_000);
      rig.info(replica, { run_id: REPLICA_ID, role: 'master' });
      rig.skip(8001);
      rig.info(rig.master, OF_MASTER);
      spoil(rig);
      rig.clear();
      rig.info(replica, { run_id: REPLICA_ID, role: 'master' });
      assert.deepEqual(rig.events(), []);
    }
  });

  it('that follows another is put right after failover-timeout', () => {
    const lines = replicaLines('10.0.0.77', 6379);
    const { rig, replica } = settled(0, lines);
    rig.master.failoverTimeoutMs = 10_000;
    live(rig, replica, 10_000, lines);
    assert.ok(!rig.words(replica).includes('MULTI'));
    live(rig, replica, 12_000, lines);
    assert.ok(
      rig.events().includes('+fix-slave-config slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379'),
    );
    assert.ok(rig.words(replica).includes('SLAVEOF 10.0.0.1 6379'));
  });

  it('goes through the states of a failover', () => {
    const { rig, replica } = settled(0);
    const promoted = rig.addReplica('10.0.0.4', 6379);
    rig.master.flags |= FAILOVER_IN_PROGRESS;
    rig.master.promoted = promoted;
    rig.master.failoverState = 'reconf_slaves';
    rig.master.failoverStateChangedAt = rig.now;
    promoted.flags |= PROMOTED;
    replica.flags |= RECONF_SENT;
    replica.reconfSentAt = rig.now;
    rig.clear();
    rig.info(replica, replicaLines());
    assert.equal(has(replica, RECONF_SENT), true);
    rig.info(replica, { ...replicaLines('10.0.0.4'), master_link_status: 'down' });
    assert.equal(has(replica, RECONF_INPROG), true);
    rig.info(replica, replicaLines('10.0.0.4'));
    assert.equal(has(replica, RECONF_DONE), true);
    const who = 'slave 10.0.0.3:6379 10.0.0.3 6379 @ mymaster 10.0.0.1 6379';
    const reconf = rig.events().filter((text) => text.includes('slave-reconf'));
    assert.deepEqual(reconf, [`+slave-reconf-inprog ${who}`, `+slave-reconf-done ${who}`]);
  });

  it('of somebody with another history is not called back with require-same-lineage', () => {
    const { rig, replica } = settled(10_000);
    rig.master.requireSameLineage = true;
    const ofMaster = { ...OF_MASTER, master_replid: 'f6'.repeat(20) };
    const stranger = { run_id: OF_MASTER.run_id, role: 'master', master_replid: '99'.repeat(20) };
    rig.info(replica, stranger);
    rig.skip(8001);
    rig.info(rig.master, ofMaster);
    rig.clear();
    rig.info(replica, stranger);
    assert.ok(!rig.words(replica).includes('MULTI'));
    assert.equal(rig.events().filter((text) => text.startsWith('+convert-to-slave')).length, 0);
    rig.info(replica, { ...stranger, master_replid2: 'f6'.repeat(20) });
    assert.ok(rig.words(replica).includes('MULTI'));
  });
});
