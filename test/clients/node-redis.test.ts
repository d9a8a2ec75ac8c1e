/** redis (node-redis): what it sends by itself (HELLO, CLIENT SETINFO, SELECT, AUTH) and what its users do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient, RESP_TYPES } from 'redis';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

for (const RESP of [2, 3] as const) {
  const make = (port: number, options = {}) =>
    createClient({ RESP, socket: { host: '127.0.0.1', port }, ...options });

  describe(`node-redis, RESP${RESP}`, () => {
    let server: ServerProcess;
    let client: ReturnType<typeof make>;
    const open = async (port = server.port, options = {}) => {
      const opened = make(port, options);
      opened.on('error', () => {});
      await opened.connect();
      return opened;
    };
    before(async () => {
      server = await startServer();
      client = await open();
    });
    after(async () => {
      client.destroy();
      await server.stop();
    });

    it('has said who it is', async () => {
      const info = await client.clientInfo();
      const line = String(await client.sendCommand(['CLIENT', 'INFO']));
      assert.match(line, new RegExp(` resp=${RESP} lib-name=node-redis lib-ver=\\d`));
      assert.equal(info.db, 0);
      assert.equal(await client.clientId(), info.id);
    });

    it('sets and gets texts, bytes and numbers', async () => {
      assert.equal(await client.set('k', 'väl', { expiration: { type: 'EX', value: 100 } }), 'OK');
      assert.equal(await client.get('k'), 'väl');
      assert.equal(await client.ttl('k'), 100);
      const bytes = Buffer.from([0, 13, 10, 255]);
      await client.set('bytes', bytes);
      const typed = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      assert.deepEqual(await typed.get('bytes'), bytes);
      assert.equal(await client.get('nothing'), null);
      assert.equal(await client.incrBy('n', 42), 42);
      assert.equal(String(await client.incrByFloat('f', 0.1)), '0.1');
      assert.equal(String(await client.incrByFloat('f', 0.2)), '0.3');
      await client.mSet({ a: '1', b: '2' });
      assert.deepEqual(await client.mGet(['a', 'b', 'nothing']), ['1', '2', null]);
      assert.equal(await client.getDel('a'), '1');
      assert.equal(await client.exists(['a', 'b']), 1);
      assert.equal(await client.type('b'), 'string');
    });

    it('gets maps as objects', async () => {
      const expected = { databases: '16' };
      assert.deepEqual({ ...(await client.configGet('databases')) }, expected);
      assert.equal(await client.configSet('maxmemory-samples', '7'), 'OK');
      assert.match(await client.info('server'), /redis_version:7\.2\.4/);
    });

    it('rejects with the error of the server', async () => {
      await client.set('text', 'abc');
      await assert.rejects(client.incr('text'), /ERR value is not an integer or out of range/);
      await assert.rejects(client.sendCommand(['NOSUCHCOMMAND', 'x']), /ERR unknown command 'NOSUCHCOMMAND'/);
    });

    it('pipelines what is asked in one turn', async () => {
      const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.set(`p:${i}`, `${i}`)));
      assert.equal(replies.length, 1000);
      assert.equal(await client.get('p:999'), '999');
      const results = await client.multi().set('q', '1').incr('q').execAsPipeline();
      assert.deepEqual(results, ['OK', 2]);
    });

    it('scans with an iterator', async () => {
      const found = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: 'p:*', COUNT: 50 })) {
        for (const key of keys) found.add(key);
      }
      assert.equal(found.size, 1000);
    });

    it('CLIENT NO-TOUCH, NO-EVICT, SETNAME, LIST, KILL', async () => {
      const other = await open();
      assert.equal(await other.clientNoTouch(true), 'OK');
      assert.equal(await other.clientNoEvict(true), 'OK');
      await other.clientSetName('other');
      assert.equal(await other.clientGetName(), 'other');
      const listed = (await client.clientList()).find(({ name }) => name === 'other')!;
      assert.match(listed.flags, /T/);
      const id = await other.clientId();
      assert.equal(await client.clientKill({ filter: 'ID', id }), 1);
      // It reconnects by itself, under another id.
      await waitFor(async () => (await other.clientId()) !== id);
      other.destroy();
    });

    it('uses database, name, user and password', async () => {
      const closed = await startServer({ directives: { requirepass: 'secret' } });
      try {
        const options = { username: 'default', password: 'secret', database: 3, name: 'worker' };
        const inside = await open(closed.port, options);
        await inside.set('k', 'v');
        const info = await inside.clientInfo();
        assert.deepEqual([info.db, info.name], [3, 'worker']);
        inside.destroy();
        const outside = make(closed.port, {
          password: 'wrong',
          socket: { port: closed.port, reconnectStrategy: false },
        });
        outside.on('error', () => {});
        await assert.rejects(outside.connect(), /WRONGPASS/);
      } finally {
        await closed.stop();
      }
    });

    it('what is not there fails plainly, and the connection lives on', async () => {
      await assert.rejects(client.sendCommand(['CLIENT', 'MAINT_NOTIFICATIONS', 'ON']), /unknown subcommand/);
      assert.equal(await client.ping(), 'PONG');
    });

    it('connects where maintenance notifications are wished for', {
      skip: RESP === 2 && 'RESP3 only',
    }, async () => {
      const wishing = await open(server.port, { maintNotifications: 'auto' });
      assert.equal(await wishing.ping(), 'PONG');
      wishing.destroy();
    });

    it('monitors', async () => {
      const monitor = await open();
      const seen = new Promise<string>((resolve) => {
        void monitor.monitor((line) => {
          if (/"set"/i.test(String(line))) resolve(String(line));
        });
      });
      await waitFor(async () => (await client.clientList()).some(({ flags }) => flags.includes('O')));
      await client.set('seen', 'by the monitor');
      assert.match(await seen, /^\d+\.\d+ \[0 127\.0\.0\.1:\d+\] "SET" "seen" "by the monitor"$/);
      monitor.destroy();
    });

    it('closes in order', async () => {
      const other = await open();
      const last = other.set('last', 'word');
      await other.close();
      assert.equal(await last, 'OK');
    });
  });
}
