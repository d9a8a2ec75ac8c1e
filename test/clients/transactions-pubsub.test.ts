/** ioredis and node-redis, unmodified: transactions, subscriptions, keyspace notifications, client-side caching. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

let server: ServerProcess;
before(async () => {
  server = await startServer({ directives: { 'notify-keyspace-events': 'KEA' } });
});
after(() => server.stop());

for (const protocol of [2, 3] as const) {
  describe(`ioredis, RESP${protocol}`, () => {
    let redis: Redis;
    let other: Redis;
    before(() => {
      redis = new Redis({ host: server.host, port: server.port, protocol });
      other = new Redis({ host: server.host, port: server.port, protocol });
    });
    after(() => {
      redis.disconnect();
      other.disconnect();
    });

    it('runs transactions, pipelined or not', async () => {
      assert.deepEqual(await redis.multi().set('k', 'v').incr('n').get('k').exec(), [
        [null, 'OK'],
        [null, 1],
        [null, 'v'],
      ]);
      await redis.multi({ pipeline: false });
      assert.equal(await redis.get('k'), 'QUEUED');
      assert.deepEqual(await redis.exec(), [[null, 'v']]);
      const failed = await redis.multi().set('k', 'v').incr('k').exec();
      assert.match(String(failed![1]![0]), /not an integer/);
      await assert.rejects(
        redis.multi().set('k', 'v').call('NOSUCH').exec(),
        /EXECABORT Transaction discarded because of previous errors/,
      );
      await redis.del('n');
    });

    it('watches', async () => {
      await redis.watch('k');
      await other.set('k', 'changed');
      assert.equal(await redis.multi().set('k', 'mine').exec(), null);
      assert.equal(await redis.get('k'), 'changed');
    });

    it('subscribes', async () => {
      const heard: string[] = [];
      other.on('message', (channel, message) => heard.push(`${channel} ${message}`));
      other.on('pmessage', (pattern, channel, message) => heard.push(`${pattern} ${channel} ${message}`));
      other.on('smessage', (channel, message) => heard.push(`shard ${channel} ${message}`));
      assert.equal(await other.subscribe('a', 'b'), 2);
      assert.equal(await other.psubscribe('a*', '__keyevent@0__:*'), 4);
      assert.equal(await other.ssubscribe('s'), 1);
      assert.equal(await redis.publish('a', 'hello'), 2);
      assert.equal(await redis.spublish('s', 'shard'), 1);
      await redis.set('key', 'v');
      await waitFor(() => heard.length === 4);
      assert.deepEqual(heard, [
        'a hello',
        'a* a hello',
        'shard s shard',
        '__keyevent@0__:* __keyevent@0__:set key',
      ]);
      await other.unsubscribe('a', 'b');
      await other.punsubscribe('a*', '__keyevent@0__:*');
      await other.sunsubscribe('s');
      assert.equal(await other.get('key'), 'v');
    });
  });

  describe(`node-redis, RESP${protocol}`, () => {
    const make = () => createClient({ RESP: protocol, socket: { host: server.host, port: server.port } });
    let redis: ReturnType<typeof make>;
    let other: ReturnType<typeof make>;
    before(async () => {
      redis = make();
      other = make();
      await Promise.all([redis.connect(), other.connect()]);
    });
    after(() => {
      redis.destroy();
      other.destroy();
    });

    it('runs transactions', async () => {
      assert.deepEqual(await redis.multi().set('k', 'v').get('k').exec(), ['OK', 'v']);
      await redis.watch('k');
      await other.set('k', 'w');
      await assert.rejects(redis.multi().get('k').exec(), /watched keys has been changed/);
    });

    it('subscribes', async () => {
      const heard: string[] = [];
      await other.subscribe('a', (message, channel) => heard.push(`${channel} ${message}`));
      await other.pSubscribe('__keyspace@0__:*', (message, channel) => heard.push(`${channel} ${message}`));
      await other.sSubscribe('s', (message, channel) => heard.push(`${channel} ${message}`));
      assert.equal(await redis.publish('a', 'hello'), 1);
      assert.equal(await redis.sPublish('s', 'shard'), 1);
      await redis.set('key', 'v');
      await waitFor(() => heard.length === 3);
      assert.deepEqual(heard, ['a hello', 's shard', '__keyspace@0__:key set']);
      await other.unsubscribe();
      await other.pUnsubscribe();
      await other.sUnsubscribe();
      // Under RESP2 node-redis hands back a buffer here, with redis-server as well.
      assert.equal(String(await other.get('key')), 'v');
    });
  });
}

describe("node-redis's client-side cache", () => {
  it('hears of what others change', async () => {
    const socket = { host: server.host, port: server.port };
    const cached = createClient({ RESP: 3, socket, clientSideCache: { ttl: 0, maxEntries: 0 } });
    const writer = createClient({ socket });
    await Promise.all([cached.connect(), writer.connect()]);
    await writer.set('cached', '1');
    assert.equal(await cached.get('cached'), '1');
    assert.equal(await cached.get('cached'), '1');
    assert.match(String(await writer.sendCommand(['INFO', 'stats'])), /tracking_total_keys:1\r\n/);
    await writer.set('cached', '2');
    let seen: string | null = '';
    await waitFor(async () => {
      seen = await cached.get('cached');
      return seen === '2';
    });
    assert.equal(seen, '2');
    cached.destroy();
    writer.destroy();
  });
});
