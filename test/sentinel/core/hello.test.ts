/** Hellos: how sentinels find each other, move, and take over newer configurations. Texts as redis-sentinel 7.0 logs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BareCore, hello, OTHER_ID, THIRD_ID } from './bare-core.ts';

function say(rig: BareCore, payload: string): void {
  rig.clear();
  rig.handle({ type: 'hello', payload });
}

describe('hellos', () => {
  it('make a sentinel known, once', () => {
    const rig = new BareCore();
    say(rig, hello());
    assert.deepEqual(rig.events(), [
      `+sentinel sentinel ${OTHER_ID} 10.0.0.2 26379 @ mymaster 10.0.0.1 6379`,
    ]);
    assert.equal(rig.saves(), 1);
    rig.now += 500;
    say(rig, hello());
    assert.deepEqual(rig.actions, []);
    assert.equal(rig.master.sentinels.get(OTHER_ID)?.lastHello, rig.now);
  });

  it('of our own former id, taken while we knew no address of ours, are forgotten when we do: nobody votes twice', () => {
    const rig = new BareCore();
    rig.tick();
    say(rig, hello({ ip: '10.0.0.9' }));
    say(rig, hello({ ip: '10.0.0.9', port: 26380, runId: THIRD_ID }));
    assert.deepEqual([...rig.master.sentinels.keys()], [OTHER_ID, THIRD_ID]);
    rig.up(rig.master.link);
    assert.deepEqual([...rig.master.sentinels.keys()], [THIRD_ID]);
  });

  it('come by Pub/Sub, too, and only on our channel', () => {
    const rig = new BareCore();
    rig.tick();
    const { id, pubsub } = rig.master.link;
    rig.handle({ type: 'message', link: id, generation: pubsub, channel: 'news', payload: hello() });
    rig.handle({
      type: 'message',
      link: id,
      generation: pubsub + 99,
      channel: '__sentinel__:hello',
      payload: hello(),
    });
    assert.equal(rig.master.sentinels.size, 0);
    rig.message(rig.master, hello());
    assert.equal(rig.master.sentinels.size, 1);
    assert.equal(rig.master.link.pubsubActivity, rig.now);
  });

  it('that make no sense change nothing', () => {
    const rig = new BareCore();
    const forged = [
      '',
      'hello',
      `${hello()},more`,
      hello({ name: 'nobody' }),
      hello({ runId: rig.state.myId }),
      hello({ runId: 'short' }),
      hello({ runId: '' }),
      hello({ port: 99_999 }),
      hello({ port: '-1' }),
      hello({ port: '1e3' }),
      hello({ ip: 'host.example' }),
      hello({ ip: '' }),
      hello({ epoch: '7y' }),
      hello({ epoch: '-3' }),
      hello({ epoch: '18446744073709551615' }),
      hello({ configEpoch: '18446744073709551615' }),
      // So far ahead that nothing would be left to be elected in.
      hello({ epoch: 2 ** 53 - 2 }),
      hello({ configEpoch: 2 ** 53 - 2 }),
      hello({ masterPort: 70_000 }),
    ];
    for (const payload of forged) {
      say(rig, payload);
      assert.deepEqual(rig.actions, [], payload);
    }
    assert.equal(rig.master.sentinels.size, 0);
    assert.equal(rig.state.currentEpoch, 0);
  });

  it('a greater epoch is taken over, and saved before anything else is done', () => {
    const rig = new BareCore();
    say(rig, hello());
    say(rig, hello({ epoch: 7 }));
    assert.equal(rig.state.currentEpoch, 7);
    assert.deepEqual(
      rig.actions.map((action) => action.type),
      ['save', 'event'],
    );
    assert.deepEqual(rig.events(), ['+new-epoch 7']);
    say(rig, hello({ epoch: 6 }));
    assert.equal(rig.state.currentEpoch, 7);
  });

  it('a newer configuration is taken over: the master moves, its replicas stay, it becomes one', () => {
    const rig = new BareCore();
    rig.addReplica('10.0.0.3', 6379);
    rig.addReplica('10.0.0.4', 6379);
    rig.master.clientReconfigScript = '/bin/tell';
    say(rig, hello());
    rig.tick();
    say(rig, hello({ epoch: 1, host: '10.0.0.3', configEpoch: 1 }));
    assert.deepEqual(rig.events(), [
      '+new-epoch 1',
      `+config-update-from sentinel ${OTHER_ID} 10.0.0.2 26379 @ mymaster 10.0.0.1 6379`,
      '+switch-master mymaster 10.0.0.1 6379 10.0.0.3 6379',
      '+slave slave 10.0.0.4:6379 10.0.0.4 6379 @ mymaster 10.0.0.3 6379',
      '+slave slave 10.0.0.1:6379 10.0.0.1 6379 @ mymaster 10.0.0.3 6379',
    ]);
    assert.deepEqual(rig.actions.find((action) => action.type === 'runScript')?.words, [
      '/bin/tell',
      'mymaster',
      'observer',
      'start',
      '10.0.0.1',
      '6379',
      '10.0.0.3',
      '6379',
    ]);
    assert.equal(rig.master.configEpoch, 1);
    assert.deepEqual([...rig.master.replicas.keys()], ['10.0.0.4:6379', '10.0.0.1:6379']);
    assert.deepEqual([...rig.master.sentinels.keys()], [OTHER_ID]);
    assert.equal(rig.master.link.command, 0);
    // The same or an older one changes nothing.
    say(rig, hello({ epoch: 1, host: '10.0.0.1', configEpoch: 1 }));
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.master.address.host, '10.0.0.3');
  });

  it('a configuration without a usable address is not taken, whatever its epoch', () => {
    const rig = new BareCore();
    say(rig, hello());
    say(rig, hello({ host: 'host.example', configEpoch: 5 }));
    say(rig, hello({ masterPort: 0, configEpoch: 5 }));
    assert.equal(rig.master.configEpoch, 0);
    say(rig, hello({ configEpoch: 5 }));
    assert.equal(rig.master.configEpoch, 5);
    assert.equal(rig.saves(), 1);
    assert.deepEqual(rig.events(), []);
  });

  it('from elsewhere with a known run id: the sentinel has moved, for all masters', () => {
    const rig = new BareCore();
    const other = rig.addMaster('other', 6380);
    say(rig, hello());
    say(rig, hello({ name: 'other', masterPort: 6380 }));
    rig.tick();
    say(rig, hello({ port: 26_380 }));
    assert.deepEqual(rig.events(), [
      `+sentinel-address-switch master mymaster 10.0.0.1 6379 ip 10.0.0.2 port 26380 for ${OTHER_ID}`,
      `+sentinel-address-update sentinel ${OTHER_ID} 10.0.0.2 26380 @ mymaster 10.0.0.1 6379 1 additional matching instances`,
    ]);
    const [one, two] = [rig.master.sentinels.get(OTHER_ID), other.sentinels.get(OTHER_ID)];
    assert.equal(two?.address.port, 26_380);
    assert.equal(one?.link, two?.link);
    assert.equal(one?.link.disconnected, true);
  });

  it('from a known address with another run id: the one before is forgotten, for all masters', () => {
    const rig = new BareCore();
    const other = rig.addMaster('other', 6380);
    say(rig, hello());
    say(rig, hello({ name: 'other', masterPort: 6380 }));
    say(rig, hello({ runId: THIRD_ID }));
    assert.deepEqual(rig.events(), [
      `+sentinel-invalid-addr sentinel ${OTHER_ID} 10.0.0.2 26379 @ mymaster 10.0.0.1 6379`,
      `+sentinel sentinel ${THIRD_ID} 10.0.0.2 26379 @ mymaster 10.0.0.1 6379`,
    ]);
    assert.deepEqual([...rig.master.sentinels.keys()], [THIRD_ID]);
    assert.equal(other.sentinels.size, 0);
  });

  it('cannot make us know any number of sentinels', () => {
    const rig = new BareCore();
    for (let i = 0; i < 1100; i++) say(rig, hello({ runId: String(i).padStart(40, '0'), port: 1 + i }));
    assert.equal(rig.master.sentinels.size, 1000);
  });

  it('tell of names where names are announced', () => {
    const rig = new BareCore();
    rig.state.resolveHostnames = true;
    rig.state.announceHostnames = true;
    rig.master.address = { host: 'db.example', ip: '10.0.0.1', port: 6379 };
    rig.tick();
    rig.up(rig.master.link);
    rig.pass(2100);
    const published = rig.words(rig.master).find((words) => words.startsWith('PUBLISH'));
    assert.match(published ?? '', /,mymaster,db\.example,6379,0$/);
    // The address of a name that is known is the same place.
    rig.state.names.set('db.example', '10.0.0.1');
    say(rig, hello());
    say(rig, hello({ host: '10.0.0.1', configEpoch: 3 }));
    assert.deepEqual(rig.events(), []);
    say(rig, hello({ host: 'db2.example', configEpoch: 4 }));
    assert.ok(rig.events().includes('+switch-master mymaster db.example 6379 db2.example 6379'));
    assert.ok(rig.actions.some((action) => action.type === 'resolve' && action.host === 'db2.example'));
  });
});
