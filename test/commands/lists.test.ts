/**
 * The list commands over a socket: every one once in both forms of a list, and what is not redis-server's to say:
 * memory. What redis-server answers to everything else is in differential/lists.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { RANK_OUT_OF_RANGE } from '../../src/engine/errors.ts';
import type { Arg, RawClient } from '../support/raw-client.ts';
import { ErrorReply, type Reply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

describe('lists', () => {
  let server: ServerProcess;
  let client: RawClient;
  const r = (...args: readonly Arg[]): Promise<Reply> => client.call(...args);
  before(async () => {
    server = await startServer();
    client = await server.connect();
  });
  beforeEach(async () => {
    await r('FLUSHALL');
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  const numbered = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `element:${10000 + i}`);

  for (const count of [5, 20000]) {
    it(`are read and changed with ${count} elements`, async () => {
      const model = numbered(count);
      const all = (): Promise<Reply> => r('LRANGE', 'l', '0', '-1');
      assert.equal(await r('RPUSH', 'l', ...model), count);
      assert.equal(await r('OBJECT', 'ENCODING', 'l'), 'quicklist');
      assert.deepEqual(await all(), model);
      const middle = count >> 1;
      assert.equal(await r('LINDEX', 'l', `${middle}`), model[middle]);
      assert.equal(await r('LPOS', 'l', model[middle]!), middle);
      assert.equal(await r('LSET', 'l', `${middle}`, 'set'), 'OK');
      model[middle] = 'set';
      assert.equal(await r('LINSERT', 'l', 'BEFORE', 'set', 'inserted'), count + 1);
      model.splice(middle, 0, 'inserted');
      assert.equal(await r('LREM', 'l', '-1', model[1]!), 1);
      model.splice(1, 1);
      assert.equal(await r('LPOP', 'l'), model.shift());
      assert.equal(await r('RPOP', 'l'), model.pop());
      assert.equal(await r('LMOVE', 'l', 'l', 'LEFT', 'RIGHT'), model[0]);
      model.push(model.shift()!);
      assert.deepEqual(await all(), model);
      assert.equal(await r('COPY', 'l', 'copy'), 1);
      assert.equal(await r('LTRIM', 'l', '1', '-2'), 'OK');
      assert.deepEqual(await r('LMPOP', '2', 'none', 'l', 'RIGHT', 'COUNT', `${count}`), [
        'l',
        model.slice(1, -1).reverse(),
      ]);
      assert.equal(await r('EXISTS', 'l'), 0);
      assert.deepEqual(await r('LRANGE', 'copy', '0', '-1'), model);
      assert.deepEqual(await r('BLMPOP', '1', '1', 'copy', 'LEFT', 'COUNT', `${count}`), ['copy', model]);
    });
  }

  it('of equal-length elements take little more than the characters need', async () => {
    const count = 100000;
    const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
    let state = 1;
    const next = (): string => {
      let text = '';
      for (; text.length < 10; state = (Math.imul(state, 1664525) + 1013904223) >>> 0)
        text += letters[(state >>> 8) % 62];
      return text;
    };
    for (let i = 0; i < count; i += 1000) await r('RPUSH', 'l', ...Array.from({ length: 1000 }, next));
    const bytes = (await r('MEMORY', 'USAGE', 'l', 'SAMPLES', '0')) as number;
    assert.ok(bytes / count < 9, `${bytes / count} bytes an element`);
  });

  it('hold elements longer than any node', async () => {
    const long = 'L'.repeat(200000);
    await r('RPUSH', 'l', 'a', long, 'b', 'c'.repeat(20000));
    assert.deepEqual(await r('LRANGE', 'l', '0', '-1'), ['a', long, 'b', 'c'.repeat(20000)]);
    assert.equal(await r('LINSERT', 'l', 'AFTER', long, `${long}2`), 5);
    assert.equal(await r('LSET', 'l', '1', 'short'), 'OK');
    assert.equal(await r('LPOS', 'l', `${long}2`), 2);
    assert.equal(await r('LREM', 'l', '0', `${long}2`), 1);
    assert.deepEqual(await r('LRANGE', 'l', '0', '2'), ['a', 'short', 'b']);
  });

  it('refuse the LPOS rank that has no opposite', async () => {
    await r('RPUSH', 'l', 'a');
    const reply = await r('LPOS', 'l', 'a', 'RANK', '-9223372036854775808');
    assert.ok(reply instanceof ErrorReply);
    assert.equal(reply.message, RANK_OUT_OF_RANGE.text);
  });
});
