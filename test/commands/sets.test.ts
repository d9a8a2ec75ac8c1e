/**
 * The set commands over a socket. What redis-server answers to everything else is in differential/sets.test.ts; here is
 * what must hold without it, and what chance decides.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Arg, RawClient } from '../support/raw-client.ts';
import type { Reply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

describe('sets', () => {
  let server: ServerProcess;
  let client: RawClient;
  const r = (...args: readonly Arg[]): Promise<Reply> => client.call(...args);
  const list = async (...args: readonly Arg[]): Promise<string[]> =>
    ((await r(...args)) as Reply[]).map((item) => String(item));
  before(async () => {
    server = await startServer();
    client = await server.connect();
  });
  beforeEach(async () => {
    await r('FLUSHALL');
    await r('CONFIG', 'SET', 'set-max-listpack-entries', '0');
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  const numbered = (count: number, prefix = ''): string[] =>
    Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  /** Sets of one member in each form: intset, packed, table. */
  const forms = [numbered(30), numbered(30, 'm:'), numbered(200, 'm:')];

  it('draw each member as often as any other', async () => {
    for (const members of forms) {
      await r('DEL', 's');
      await r('SADD', 's', ...members);
      const counts = new Map<string, number>();
      const drawn = 100 * members.length;
      for (const member of await list('SRANDMEMBER', 's', String(-drawn))) {
        counts.set(member, (counts.get(member) ?? 0) + 1);
      }
      // Chi-square over n - 1 degrees of freedom: mean n - 1, deviation sqrt(2n). Six deviations don't happen.
      let chiSquare = 0;
      for (const member of members) chiSquare += ((counts.get(member) ?? 0) - 100) ** 2 / 100;
      assert.ok(chiSquare < members.length + 6 * Math.sqrt(2 * members.length), `chi-square ${chiSquare}`);
    }
  });

  it('draw different members with a positive count, of which each is as likely', async () => {
    for (const members of forms) {
      await r('DEL', 's');
      await r('SADD', 's', ...members);
      for (const share of [0.1, 0.9]) {
        const count = Math.floor(members.length * share);
        const counts = new Map<string, number>();
        for (let i = 0; i < 200; i++) {
          const drawn = await list('SRANDMEMBER', 's', String(count));
          assert.equal(new Set(drawn).size, count);
          for (const member of drawn) counts.set(member, (counts.get(member) ?? 0) + 1);
        }
        for (const member of members) {
          const seen = counts.get(member) ?? 0;
          assert.ok(Math.abs(seen - 200 * share) < 60, `${member} was drawn ${seen} times`);
        }
      }
    }
  });

  it('SPOP takes each member equally often first', async () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      await r('SADD', 's', ...numbered(10, 'm:'));
      const member = String(await r('SPOP', 's'));
      counts.set(member, (counts.get(member) ?? 0) + 1);
    }
    for (const [member, seen] of counts) assert.ok(Math.abs(seen - 200) < 100, `${member}: ${seen}`);
    assert.equal(counts.size, 10);
  });

  it('SPOP empties a big set, one by one and by many', async () => {
    await r('SADD', 's', ...numbered(5000, 'm:'));
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) seen.add(String(await r('SPOP', 's')));
    for (const count of [1500, 2000, 490, 10]) {
      const popped = await list('SPOP', 's', String(count));
      assert.equal(popped.length, count);
      for (const member of popped) seen.add(member);
    }
    assert.equal(seen.size, 5000);
    assert.equal(await r('EXISTS', 's'), 0);
  });

  it('SSCAN returns once whatever is there all the time, while the set grows and shrinks', async () => {
    const stays = numbered(2000, 'stay:');
    await r('SADD', 's', ...stays);
    const seen = new Map<string, number>();
    let cursor = '0';
    let step = 0;
    do {
      const [next, members] = (await r('SSCAN', 's', cursor, 'COUNT', '50')) as [string, string[]];
      for (const member of members) seen.set(String(member), (seen.get(String(member)) ?? 0) + 1);
      cursor = String(next);
      const others = numbered(300, `other:${step % 8}:`);
      await r(step++ % 16 < 8 ? 'SADD' : 'SREM', 's', ...others);
    } while (cursor !== '0');
    for (const member of stays) assert.equal(seen.get(member), 1, member);
  });

  it('SSCAN with MATCH goes through the whole set', async () => {
    await r('SADD', 's', ...numbered(1000, 'm:'));
    const seen: string[] = [];
    let cursor = '0';
    do {
      const [next, members] = (await r('SSCAN', 's', cursor, 'MATCH', 'm:*7')) as [string, string[]];
      seen.push(...members.map(String));
      cursor = String(next);
    } while (cursor !== '0');
    assert.equal(seen.length, 100);
  });

  it('show 7.2 encodings where set-max-listpack-entries says so', async () => {
    await r('CONFIG', 'SET', 'set-max-listpack-entries', '128');
    const encoding = async (): Promise<string> => String(await r('OBJECT', 'ENCODING', 's'));
    await r('SADD', 's', '1', '2', '3');
    assert.equal(await encoding(), 'intset');
    await r('SADD', 's', 'a');
    assert.equal(await encoding(), 'listpack');
    await r('SADD', 's', ...numbered(124, 'm:'));
    assert.equal(await encoding(), 'listpack');
    await r('SADD', 's', 'more');
    assert.equal(await encoding(), 'hashtable');
    await r('DEL', 's');
    await r('SADD', 's', 'x'.repeat(65));
    assert.equal(await encoding(), 'hashtable');
    await r('DEL', 's');
    await r('SADD', 's', 'x'.repeat(64));
    assert.equal(await encoding(), 'listpack');
    await r('SUNIONSTORE', 'd', 's', 's');
    assert.equal(await r('OBJECT', 'ENCODING', 'd'), 'listpack');
  });

  it('SDIFF takes a set away from itself', async () => {
    for (const members of forms) {
      await r('DEL', 's');
      await r('SADD', 's', ...members);
      await r('SADD', 't', 'other');
      assert.deepEqual(await list('SDIFF', 's', 't', 's'), []);
      assert.equal(await r('SDIFFSTORE', 's', 's', 's'), 0);
      assert.equal(await r('EXISTS', 's'), 0);
    }
  });

  it('an endless SRANDMEMBER ends with the client', async () => {
    await r('SADD', 's', ...numbered(100, 'm:'));
    await r('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 4mb 0 0');
    const greedy = await server.connect();
    greedy.sendNoReply('SRANDMEMBER', 's', '-9223372036854775807');
    await greedy.waitClosed();
    assert.equal(await r('PING'), 'PONG');
    await r('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
  });
});
