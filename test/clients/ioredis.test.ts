/** ioredis: what it sends by itself (HELLO, CLIENT SETINFO, the INFO of its ready check) and what its users do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis, type RedisOptions } from 'ioredis';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

for (const protocol of [2, 3] as const) {
  describe(`ioredis, RESP${protocol}`, () => {
    let server: ServerProcess;
    let redis: Redis;
    const open = (options: Omit<RedisOptions, 'replyMapping'> = {}): Redis => {
      const client = new Redis({ host: server.host, port: server.port, protocol, ...options });
      // Tests look at what fails themselves; without a listener ioredis prints each failure.
      client.on('error', () => {});
      return client;
    };
    before(async () => {
      server = await startServer();
      redis = open();
      await redis.ping();
    });
    after(async () => {
      redis.disconnect();
      await server.stop();
    });

    it('is ready and has said who it is', async () => {
      await waitFor(() => redis.status === 'ready');
      assert.match(await redis.client('INFO'), new RegExp(` resp=${protocol} lib-name=ioredis lib-ver=\\d`));
    });

    it('sets and gets texts, bytes and numbers', async () => {
      assert.equal(await redis.set('k', 'väl'), 'OK');
      assert.equal(await redis.get('k'), 'väl');
      const bytes = Buffer.from([0, 13, 10, 255]);
      await redis.set('bytes', bytes, 'PX', 60_000, 'NX');
      assert.deepEqual(await redis.getBuffer('bytes'), bytes);
      assert.ok((await redis.pttl('bytes')) > 50_000);
      assert.equal(await redis.get('nothing'), null);
      assert.equal(await redis.incrby('n', 41), 41);
      assert.equal(await redis.incr('n'), 42);
      assert.equal(Number(await redis.incrbyfloat('f', 0.1)) + 0, 0.1);
      assert.equal(String(await redis.incrbyfloat('f', 0.2)), '0.3');
      assert.equal(await redis.mset({ a: '1', b: '2' }), 'OK');
      assert.deepEqual(await redis.mget('a', 'b', 'nothing'), ['1', '2', null]);
      assert.equal(await redis.del('a', 'b'), 2);
    });

    it('rejects with the error of the server', async () => {
      await redis.set('text', 'abc');
      await assert.rejects(redis.incr('text'), /^ReplyError: ERR value is not an integer or out of range$/);
      await assert.rejects(redis.call('NOSUCHCOMMAND', 'x'), /ERR unknown command 'NOSUCHCOMMAND'/);
    });

    it('pipelines', async () => {
      const pipeline = redis.pipeline();
      for (let i = 0; i < 1000; i++) pipeline.set(`p:${i}`, i);
      pipeline.incr('p:999').incr('text').get('p:500');
      const results = (await pipeline.exec())!;
      assert.equal(results.length, 1003);
      assert.deepEqual(results[1000], [null, 1000]);
      assert.match(String(results[1001]![0]), /not an integer/);
      assert.deepEqual(results[1002], [null, '500']);
    });

    it('scans with a stream', async () => {
      const found = new Set<string>();
      for await (const keys of redis.scanStream({ match: 'p:*', count: 50 })) {
        for (const key of keys as string[]) found.add(key);
      }
      assert.equal(found.size, 1000);
    });

    it('uses prefix, database, name and password', async () => {
      const closed = await startServer({ directives: { requirepass: 'secret' } });
      const client = open({
        port: closed.port,
        password: 'secret',
        db: 3,
        connectionName: 'worker',
        keyPrefix: 'x:',
      });
      try {
        await client.set('k', 'v');
        assert.match(await client.client('INFO'), / name=worker .* db=3 /);
        assert.deepEqual(await client.keys('*'), ['x:k']);
      } finally {
        client.disconnect();
        await closed.stop();
      }
    });

    it('fails without the password, and says so', async () => {
      const closed = await startServer({ directives: { requirepass: 'secret' } });
      const client = open({ port: closed.port, enableReadyCheck: false });
      try {
        await assert.rejects(client.get('k'), /^ReplyError: NOAUTH /);
      } finally {
        client.disconnect();
        await closed.stop();
      }
    });

    it('monitors', async () => {
      const monitor = await redis.monitor();
      try {
        const seen = new Promise<string[]>((resolve) => {
          monitor.on('monitor', (_time: string, args: string[]) => {
            if (args[0]?.toLowerCase() === 'set') resolve(args);
          });
        });
        await redis.set('seen', 'by the monitor');
        assert.deepEqual((await seen).slice(1), ['seen', 'by the monitor']);
      } finally {
        monitor.disconnect();
      }
    });

    it('comes back after the connection was killed', async () => {
      const id = await redis.client('ID');
      const killer = open();
      await killer.client('KILL', 'ID', id);
      killer.disconnect();
      await waitFor(async () => (await redis.client('ID')) !== id);
      assert.equal(await redis.get('seen'), 'by the monitor');
    });

    it('quits', async () => {
      const client = open();
      assert.equal(await client.quit(), 'OK');
      await waitFor(() => client.status === 'end');
    });
  });
}
