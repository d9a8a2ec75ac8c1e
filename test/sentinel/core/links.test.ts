/** Connections to instances: what they begin with, when they are made anew, and what is sent on them all the time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../../src/sentinel/core/protocol.ts';
import { removeMaster } from '../../../src/sentinel/core/registry.ts';
import { BareCore, OTHER_ID } from './bare-core.ts';

type Connect = Extract<Action, { type: 'connect' }>;

function connects(rig: BareCore): Connect[] {
  return rig.actions.filter((action): action is Connect => action.type === 'connect');
}

describe('links', () => {
  it('begin with a name, a PING, a subscription; hellos wait until our own address is known', () => {
    const rig = new BareCore();
    rig.tick();
    assert.deepEqual(
      connects(rig).map(({ channel, host, port }) => `${channel} ${host} ${port}`),
      ['command 10.0.0.1 6379', 'pubsub 10.0.0.1 6379'],
    );
    const id = rig.state.myId.slice(0, 8);
    assert.deepEqual(rig.words(rig.master), [
      `CLIENT SETNAME sentinel-${id}-cmd`,
      'PING',
      `CLIENT SETNAME sentinel-${id}-pubsub`,
      'SUBSCRIBE __sentinel__:hello',
      'INFO',
    ]);
    assert.equal(rig.master.link.pendingCommands, 3);
    rig.pass(2500);
    assert.ok(!rig.words(rig.master).some((words) => words.startsWith('PUBLISH')));
    rig.up(rig.master.link);
    rig.clear();
    rig.tick();
    assert.deepEqual(
      rig.words(rig.master).filter((words) => words.startsWith('PUBLISH')),
      [`PUBLISH __sentinel__:hello 10.0.0.9,26379,${rig.state.myId},0,mymaster,10.0.0.1,6379,0`],
    );
  });

  it('authenticate: masters and replicas with the credentials of the master, sentinels with ours', () => {
    const rig = new BareCore();
    rig.master.authUser = 'watcher';
    rig.master.authPass = 'secret';
    rig.state.requirePass = 'common';
    const replica = rig.addReplica('10.0.0.3', 6379);
    const sentinel = rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    rig.tick();
    assert.equal(rig.words(rig.master).filter((words) => words === 'AUTH watcher secret').length, 2);
    assert.equal(rig.words(replica).filter((words) => words === 'AUTH watcher secret').length, 2);
    assert.equal(rig.words(sentinel)[0], 'AUTH common');
    assert.equal(connects(rig).filter(({ host }) => host === '10.0.0.2').length, 1);

    const next = new BareCore();
    next.state.requirePass = 'common';
    next.state.authUser = 'peer';
    next.state.authPass = 'word';
    const peer = next.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    next.tick();
    assert.equal(next.words(peer)[0], 'AUTH peer word');
  });

  it('use the names that commands were given', () => {
    const rig = new BareCore();
    rig.master.renamedCommands.set('ping', 'gnip');
    rig.master.renamedCommands.set('subscribe', 'listen');
    rig.tick();
    assert.ok(rig.words(rig.master).includes('gnip'));
    assert.ok(rig.words(rig.master).includes('listen __sentinel__:hello'));
  });

  it('do not count as missing if only the channel may not be used', () => {
    const rig = new BareCore();
    rig.tick();
    const { link } = rig.master;
    rig.handle({
      type: 'reply',
      link: link.id,
      generation: link.pubsub,
      tag: { instance: rig.master.id, purpose: 'subscribe' },
      reply: new Error('NOPERM this user has no permissions to access one of the channels used as arguments'),
    });
    assert.deepEqual([link.pubsub !== 0, link.disconnected], [true, false]);
  });

  it('count as missing while SUBSCRIBE is refused for want of a password', () => {
    const rig = new BareCore();
    rig.tick();
    const { link } = rig.master;
    const refuse = (purpose: 'discard' | 'subscribe') =>
      rig.handle({
        type: 'reply',
        link: link.id,
        generation: link.pubsub,
        tag: { instance: rig.master.id, purpose },
        reply: new Error('NOAUTH Authentication required.'),
      });
    refuse('discard');
    assert.notEqual(link.pubsub, 0, 'CLIENT SETNAME may be refused');
    refuse('subscribe');
    assert.deepEqual([link.pubsub, link.disconnected, link.command !== 0], [0, true, true]);
    rig.clear();
    rig.pass(1100);
    assert.deepEqual(
      connects(rig).map(({ channel }) => channel),
      ['pubsub'],
    );
  });

  it('are tried once a second, and late news of an old connection change nothing', () => {
    const rig = new BareCore();
    rig.tick();
    const { link } = rig.master;
    const old = link.command;
    rig.clear();
    rig.handle({ type: 'linkDown', link: link.id, generation: old, reason: 'Connection refused' });
    assert.equal(link.command, 0);
    rig.pass(900);
    assert.equal(connects(rig).length, 0);
    rig.tick();
    assert.equal(connects(rig).length, 1);
    assert.notEqual(link.command, 0);
    rig.handle({ type: 'linkDown', link: link.id, generation: old, reason: 'late' });
    assert.notEqual(link.command, 0);
    assert.equal(link.disconnected, false);
  });

  it('are given up if PINGs get no answer for half of down-after, not before they are 15 s old', () => {
    const rig = new BareCore();
    rig.tick();
    rig.up(rig.master.link);
    const { command } = rig.master.link;
    rig.pass(14_900);
    assert.equal(rig.master.link.command, command);
    rig.pass(300);
    assert.notEqual(rig.master.link.command, command);
    assert.ok(rig.actions.some((action) => action.type === 'disconnect' && action.generation === command));
  });

  it('are given up if nothing comes by Pub/Sub for three hello periods', () => {
    const rig = new BareCore();
    rig.tick();
    rig.up(rig.master.link);
    const { command, pubsub } = rig.master.link;
    rig.pass(14_000, () => rig.answerAll());
    rig.message(rig.master, null);
    rig.pass(6000, () => rig.answerAll());
    assert.equal(rig.master.link.pubsub, pubsub);
    rig.pass(300, () => rig.answerAll());
    assert.notEqual(rig.master.link.pubsub, pubsub);
    assert.equal(rig.master.link.command, command);
  });

  it('are shared by the sentinels of one run id', () => {
    const rig = new BareCore();
    const other = rig.addMaster('other', 6380);
    const one = rig.addSentinel(OTHER_ID, '10.0.0.2', 26379);
    const two = rig.addSentinel(OTHER_ID, '10.0.0.2', 26379, other);
    assert.equal(one.link, two.link);
    assert.equal(one.link.users.size, 2);
    rig.tick();
    assert.equal(connects(rig).filter(({ host }) => host === '10.0.0.2').length, 1);
    const { link } = one;
    rig.act((turn) => removeMaster(turn, rig.master));
    assert.ok(rig.state.links.has(link.id));
    rig.act((turn) => removeMaster(turn, other));
    assert.equal(rig.state.links.size, 0);
    assert.equal(rig.state.instances.size, 0);
    assert.ok(rig.actions.some((action) => action.type === 'disconnect' && action.link === link.id));
  });
});

describe('what is sent all the time', () => {
  it('a PING each second, an INFO every ten, a hello every two, one INFO at a time', () => {
    const rig = new BareCore();
    rig.tick();
    rig.up(rig.master.link);
    rig.pass(1000, () => rig.answerAll());
    rig.info(rig.master, { run_id: 'd4'.repeat(20), role: 'master' });
    const counts = { PING: 0, INFO: 0, PUBLISH: 0 };
    rig.pass(20_000, () => {
      for (const { words } of rig.sent(rig.master)) {
        const [name] = words;
        if (name === 'PING' || name === 'INFO' || name === 'PUBLISH') counts[name]++;
        if (name === 'INFO') rig.info(rig.master, { role: 'master' });
      }
      rig.answerAll();
    });
    assert.ok(counts.PING >= 17 && counts.PING <= 20, `${counts.PING}`);
    assert.ok(counts.PUBLISH >= 9 && counts.PUBLISH <= 10, `${counts.PUBLISH}`);
    assert.ok(counts.INFO >= 1 && counts.INFO <= 2, `${counts.INFO}`);
  });

  it('PINGs stay within down-after', () => {
    const rig = new BareCore();
    rig.master.downAfterMs = 300;
    rig.tick();
    rig.clear();
    let pings = 0;
    rig.pass(3000, () => {
      pings += rig.sent(rig.master).filter(({ words }) => words[0] === 'PING').length;
      rig.answerAll();
    });
    assert.ok(pings >= 7, `${pings}`);
  });

  it('an instance that does not answer gets no more than so many commands', () => {
    const rig = new BareCore();
    rig.state.intervals.minLinkReconnectPeriod = 1e9;
    rig.tick();
    rig.pass(300_000);
    assert.ok(rig.master.link.pendingCommands <= 100, `${rig.master.link.pendingCommands}`);
  });
});

describe('replies to PING', () => {
  it('LOADING and MASTERDOWN say that it is there; other errors do not', () => {
    for (const [text, isGood] of [
      ['LOADING Redis is loading the dataset in memory', true],
      ['MASTERDOWN Link with MASTER is down', true],
      ['NOAUTH Authentication required.', false],
      ['MISCONF Redis is configured to save RDB snapshots', false],
    ] as const) {
      const rig = new BareCore();
      rig.tick();
      rig.now += 50;
      rig.reply(rig.master, 'ping', new Error(text));
      assert.equal(rig.master.link.oldestPing === 0, isGood, text);
      assert.equal(rig.master.link.lastPong, rig.now);
    }
  });

  it('BUSY of one that is down: its script is killed, once', () => {
    const rig = new BareCore();
    rig.tick();
    rig.reply(rig.master, 'ping', new Error('BUSY Redis is busy running a script.'));
    assert.ok(!rig.words(rig.master).includes('SCRIPT KILL'));
    for (let i = 0; i < 60; i++) {
      rig.tick();
      if (rig.master.link.command !== 0) rig.reply(rig.master, 'ping', new Error('BUSY Redis is busy'));
    }
    assert.ok(rig.events().includes('+sdown master mymaster 10.0.0.1 6379'));
    assert.equal(rig.words(rig.master).filter((words) => words === 'SCRIPT KILL').length, 1);
  });
});

describe('names', () => {
  it('the last address counts until another is found', () => {
    const rig = new BareCore();
    rig.state.resolveHostnames = true;
    const replica = rig.addReplica('db.example', 6379);
    assert.equal(replica.address.ip, '');
    rig.handle({ type: 'resolved', host: 'db.example', ip: '10.0.0.3' });
    assert.equal(replica.address.ip, '10.0.0.3');
    rig.handle({ type: 'resolved', host: 'db.example', ip: null });
    assert.equal(replica.address.ip, '10.0.0.3');
    rig.handle({ type: 'resolved', host: 'db.example', ip: '10.0.0.4' });
    assert.equal(replica.address.ip, '10.0.0.4');
    for (let i = 0; i < 20_000; i++) {
      rig.handle({ type: 'resolved', host: `h${i}.example`, ip: '10.0.0.5' });
    }
    assert.equal(rig.state.names.size, 10_000);
  });
});
