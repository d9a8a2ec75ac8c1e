import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startServer } from '../support/server-process.ts';

describe('replies with repeated elements', () => {
  it('an endless one ends with the client, whatever the type and its form', async () => {
    const server = await startServer();
    try {
      const client = await server.connect();
      await client.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 4mb 0 0');
      const pairs = Array.from({ length: 300 }, (_, i) => [String(i), `m:${i}`]).flat();
      await client.call('ZADD', 'packed z', ...pairs.slice(0, 20));
      await client.call('ZADD', 'z', ...pairs);
      await client.call('HSET', 'packed h', ...pairs.slice(0, 20));
      await client.call('HSET', 'h', ...pairs);
      for (const [name, key, option] of [
        ['ZRANDMEMBER', 'packed z', 'WITHSCORES'],
        ['ZRANDMEMBER', 'z', 'WITHSCORES'],
        ['HRANDFIELD', 'packed h', 'WITHVALUES'],
        ['HRANDFIELD', 'h', 'WITHVALUES'],
      ] as const) {
        const greedy = await server.connect();
        greedy.sendNoReply(name, key, '-4611686018427387903', option);
        await greedy.waitClosed();
        const refused = await client.call(name, key, '-4611686018427387904', option);
        assert.match(String(refused), /value is out of range/);
      }
    } finally {
      await server.stop();
    }
  });

  it('one beyond the output limit is not begun: nobody shall wait for the rest of it', async () => {
    const server = await startServer();
    try {
      const client = await server.connect();
      await client.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1000000 0 0');
      await client.call('HSET', 'h', 'a', 'b');
      await client.call('SADD', 's', 'a');
      await client.call('ZADD', 'z', '1', 'a');
      for (const [name, key] of [
        ['HRANDFIELD', 'h'],
        ['SRANDMEMBER', 's'],
        ['ZRANDMEMBER', 'z'],
      ] as const) {
        const greedy = await server.connect();
        let bytes = 0;
        greedy.socket.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        greedy.sendNoReply(name, key, '-999999999');
        await greedy.waitClosed();
        assert.equal(bytes, 0, name);
        assert.equal(String(await client.call(name, key, '-3')), 'a,a,a');
      }
    } finally {
      await server.stop();
    }
  });
});
