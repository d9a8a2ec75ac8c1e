/**
 * What differential tests of transactions cannot see: that nothing is left behind, what a queue may take, and replies
 * that come late while others push.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inProcess } from '../support/in-process.ts';
import type { RawClient } from '../support/raw-client.ts';
import { parseReply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

describe('watching', () => {
  it('costs nothing when nobody does', () => {
    const redis = inProcess();
    const { keyspace } = redis.engine;
    const ends = [['UNWATCH'], ['DISCARD'], ['EXEC'], ['RESET'], ['SET', 'k', 'v']];
    for (const end of ends) {
      assert.equal(keyspace.watched, false);
      redis.call('WATCH', 'k', 'l');
      assert.equal(keyspace.watched, true);
      if (end[0] === 'DISCARD' || end[0] === 'EXEC') redis.call('MULTI');
      redis.call(...end);
      assert.equal(keyspace.watched, false, `after ${end.join(' ')}`);
    }
  });

  it('ends with the connection', () => {
    const redis = inProcess();
    redis.call('WATCH', 'k');
    redis.call('MULTI');
    redis.call('SET', 'k', 'v');
    redis.engine.clients.remove(redis.client);
    assert.equal(redis.engine.keyspace.watched, false);
    assert.equal(redis.client.transaction, null);
  });

  it('breaks by the removal of a key to make room', () => {
    const redis = inProcess({ 'maxmemory-policy': 'allkeys-random' });
    redis.call('SET', 'k', 'v');
    redis.call('WATCH', 'k');
    redis.set('maxmemory', '1');
    redis.call('PING');
    redis.set('maxmemory', '0');
    redis.call('MULTI');
    redis.call('PING');
    assert.equal(redis.call('EXEC'), null);
  });
});

describe('a queue', () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  const field = async (client: RawClient, id: string, name: string): Promise<number> =>
    Number(new RegExp(`${name}=(\\d+)`).exec(String(await client.call('CLIENT', 'LIST', 'ID', id)))![1]);

  it('counts as memory of its client, and is limited as input is', async () => {
    const client = await server.connect();
    const other = await server.connect();
    const id = String(await client.call('CLIENT', 'ID'));
    await client.call('MULTI');
    const before = await field(other, id, 'tot-mem');
    for (let i = 0; i < 5; i++) await client.call('SET', `k${i}`, 'x'.repeat(100_000));
    assert.ok((await field(other, id, 'multi-mem')) > 500_000);
    assert.ok((await field(other, id, 'tot-mem')) - before > 500_000);
    await other.call('CONFIG', 'SET', 'client-query-buffer-limit', '1mb');
    for (let i = 0; i < 6; i++) client.sendNoReply('SET', 'k', 'x'.repeat(100_000));
    await client.waitClosed();
    assert.equal(await other.call('DBSIZE'), 0);
    await other.close();
  });

  it('with a reply that comes late is answered in order, and pushes stay out of it', async () => {
    const client = await server.connect({ resp: 3 });
    const other = await server.connect();
    client.sendNoReply('SUBSCRIBE', 'c');
    await client.nextPush();
    const commands = [['MULTI'], ['SET', 'k', 'v'], ['CONFIG', 'REWRITE'], ['GET', 'k'], ['EXEC'], ['PING']];
    for (let round = 0; round < 20; round++) {
      const replies = client.pipeline(commands);
      for (let i = 0; i < 20; i++) await other.call('PUBLISH', 'c', `${round} ${i}`);
      const values = (await replies).map((raw) => parseReply(raw, 'latin1'));
      assert.deepEqual(values.at(-2), ['OK', 'OK', 'v']);
      assert.equal(values.at(-1), 'PONG');
    }
    await waitFor(() => client.pushes.length === 400);
    assert.match(client.pushes.at(-1)!.toString('latin1'), /19 19\r\n$/);
    await Promise.all([client.close(), other.close()]);
  });
});
