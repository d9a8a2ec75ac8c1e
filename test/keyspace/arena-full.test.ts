/**
 * When the arena's addresses are used up (32 GiB, or 32768 records of more than 64 KiB), who wants to store gets an
 * error, the server lives on, and every entry is as it was. It crashed once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArenaFull } from '../../src/structures/arena.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import type { Arg } from '../support/raw-client.ts';
import { ErrorReply } from '../support/reply-framer.ts';

const LONG = Buffer.alloc(40_000, 'v');

const REFUSED: readonly (readonly Arg[])[] = [
  ['SET', 'new', 'v'],
  ['SET', 'new', LONG],
  ['SET', 'short', LONG.subarray(0, 1000)],
  ['SET', 'short', LONG.subarray(0, 1000), 'KEEPTTL'],
  ['SET', 'long', LONG.subarray(0, 1000)],
  ['SET', 'long', LONG.subarray(0, 1000), 'EX', 5],
  ['APPEND', 'short', LONG.subarray(0, 1000)],
  ['SETRANGE', 'short', 500, 'x'],
  ['INCR', 'counter'],
  ['PERSIST', 'volatile'],
  ['EXPIRE', 'short', 100],
  ['RENAME', 'long', 'other'],
  ['COPY', 'long', 'other'],
  ['MSET', 'new', 'v', 'newer', 'w'],
];

/** What the keys hold, and for how long. */
function contents(redis: InProcess): unknown[] {
  const keys = ['short', 'long', 'volatile', 'new', 'newer', 'other', 'counter'];
  return keys.flatMap((key) => [redis.call('GET', key), redis.call('PEXPIRETIME', key)]);
}

describe('a full arena', () => {
  it('refuses what needs room, and nothing else happens', () => {
    const redis = inProcess();
    redis.call('SET', 'short', 'x');
    redis.call('SET', 'long', LONG, 'EX', 1000);
    redis.call('SET', 'volatile', 'y', 'EX', 1000);
    const { arena, externals } = redis.engine.keyspace.memory;
    const before = contents(redis);
    const { count, bytes } = externals;
    const full = (): never => {
      throw new ArenaFull('no page number left');
    };
    for (const command of REFUSED) {
      Object.defineProperty(arena, 'alloc', { value: full, configurable: true });
      const refused = redis.connect();
      const reply = refused.call(...command);
      assert.ok(
        reply instanceof ErrorReply && reply.message.startsWith('OOM'),
        command.join(' ').slice(0, 80),
      );
      // Whoever was refused is disconnected: the next command comes from somebody else.
      assert.notEqual(refused.client.stopped, 0);
      Reflect.deleteProperty(arena, 'alloc');
      assert.deepEqual(contents(redis), before, command.join(' ').slice(0, 80));
      assert.deepEqual([externals.count, externals.bytes], [count, bytes]);
    }
    assert.equal(redis.call('SET', 'long', 'short again'), 'OK');
    assert.equal(redis.call('PERSIST', 'volatile'), 1);
    assert.equal(redis.call('DBSIZE'), 3);
    assert.equal(externals.count, 0);
  });
});
