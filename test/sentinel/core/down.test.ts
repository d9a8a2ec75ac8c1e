/** Who is taken to be down, and when. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { has, MASTER_DOWN, ODOWN, SDOWN } from '../../../src/sentinel/core/instance.ts';
import { MASTER_PORT, Rig, voteReply } from './rig.ts';

describe('down', () => {
  it('is who does not answer for down-after-milliseconds, until it answers', () => {
    const rig = new Rig();
    const at = rig.now;
    rig.kill(MASTER_PORT);
    rig.until(() => has(rig.master, SDOWN), 3000);
    assert.ok(rig.now - at >= 1000 && rig.now - at <= 1200, `${rig.now - at} ms`);
    rig.node(0).up = true;
    rig.until(() => !has(rig.master, SDOWN), 3000);
    assert.deepEqual(
      rig.names().filter((name) => name.endsWith('sdown')),
      ['+sdown', '-sdown'],
    );
  });

  it('is told of a replica and a sentinel, too', () => {
    const rig = new Rig();
    rig.replica(1).downAfterMs = 1000;
    rig.kill(MASTER_PORT + 1);
    rig.until(
      () => rig.events.includes('+sdown slave 127.0.0.1:7001 127.0.0.1 7001 @ mymaster 127.0.0.1 7000'),
      3000,
    );
  });

  it('is a master that calls itself a replica for long', () => {
    const rig = new Rig();
    Object.assign(rig.node(0), { role: 'slave', masterPort: 7001 });
    const at = rig.now;
    rig.until(() => has(rig.master, SDOWN), 40_000);
    assert.ok(rig.now - at > 21_000);
  });

  it('is objective when a quorum says so, others being asked each second', () => {
    const rig = new Rig({ quorum: 3 });
    rig.onAsk = ({ to }) => voteReply(to.startsWith('1'));
    rig.kill(MASTER_PORT);
    rig.until(() => has(rig.master, SDOWN), 3000);
    rig.pass(3000);
    assert.ok(!has(rig.master, ODOWN));
    const asked = rig.sent.filter(({ words, to }) => words[0] === 'SENTINEL' && to.startsWith('2'));
    assert.ok(asked.length >= 3 && asked.length <= 4, `${asked.length} times in 3 s`);
    assert.deepEqual(asked[0]?.words, ['SENTINEL', 'is-master-down-by-addr', '127.0.0.1', '7000', '0', '*']);
    rig.onAsk = () => voteReply(true);
    rig.until(() => has(rig.master, ODOWN), 1100);
    assert.ok(rig.events.includes('+odown master mymaster 127.0.0.1 7000 #quorum 3/3'));
  });

  it('is forgotten of a sentinel that does not answer any more', () => {
    const rig = new Rig({
      quorum: 2,
      prepare: (_, master) => {
        master.failoverTimeoutMs = 1;
      },
    });
    rig.onAsk = () => voteReply(true);
    rig.kill(MASTER_PORT);
    rig.until(() => has(rig.master, ODOWN), 3000);
    rig.onAsk = () => null;
    rig.until(() => !has(rig.master, ODOWN), 7000);
    assert.ok([...rig.master.sentinels.values()].every((sentinel) => !has(sentinel, MASTER_DOWN)));
    assert.ok(rig.names().includes('-odown'));
  });

  it('is no answer that is none', () => {
    const rig = new Rig({ quorum: 2 });
    rig.onAsk = () => [1, Buffer.from('*')];
    rig.kill(MASTER_PORT);
    rig.pass(4000);
    assert.ok(!has(rig.master, ODOWN));
  });
});
