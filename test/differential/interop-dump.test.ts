/**
 * DUMP and RESTORE between a real server and ours: every value of the data set goes from one to the other as bytes and
 * is the same there; where both keep a value in the same form, the bytes are the same, too.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dataSet, fill } from '../support/data-set.ts';
import { assertSameData, assertSameServers, fingerprint } from '../support/fingerprint.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { Arg, RawClient } from '../support/raw-client.ts';
import { parseReply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const oracle = findOracle();
/** Kept in the order of a hash table, or with the time when a consumer was seen, both a server's own. */
const OWN_BYTES = /^(set (hashtable|listpack)|hash hashtable|stream .*"consumers",\[\[)/;

/**
 * Lists that were changed in the middle, where nodes are split and joined in different places; and scores, which 7.2 and
 * ours write as short as can be, 7.0 with 17 digits.
 */
const OWN_HISTORY = /^0\/(list:(nodes|plain|text)|zset:(\d$|128|doubles))/;

describe('DUMP and RESTORE', { skip: oracle === null ? NO_ORACLE : false }, () => {
  const servers: ServerProcess[] = [];
  let ours: RawClient;
  let theirs: RawClient;

  before(async () => {
    const directives = { 'enable-debug-command': 'yes' };
    const both = [startServer({ directives }), startServer({ command: [oracle!], directives })];
    servers.push(...(await Promise.all(both)));
    [ours, theirs] = (await Promise.all(servers.map((server) => server.connect()))) as [RawClient, RawClient];
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  const fillBoth = async (seed: number): Promise<void> => {
    for (const client of [ours, theirs]) {
      await client.call('FLUSHALL');
      await fill(client, dataSet({ seed, databases: [0] }));
    }
  };

  it('gives the same bytes', async () => {
    // Which matches a compressor finds is its own affair.
    for (const client of [ours, theirs]) await client.call('CONFIG', 'SET', 'rdbcompression', 'no');
    await fillBoth(1);
    const { keys } = await fingerprint(theirs);
    const wrong: string[] = [];
    let same = 0;
    for (const [name, words] of keys) {
      if (OWN_BYTES.test(words) || OWN_HISTORY.test(name)) continue;
      const key = Buffer.from(name.slice(2), 'latin1');
      const [a, b] = await Promise.all([ours.send('DUMP', key), theirs.send('DUMP', key)]);
      if (a.equals(b)) same++;
      else wrong.push(`${name}: ${a.length} bytes instead of ${b.length}, ${words.slice(0, 30)}`);
    }
    assert.deepEqual(wrong, []);
    assert.ok(same > 250, `${same} keys were compared`);
  });

  for (const compression of ['no', 'yes']) {
    for (const direction of ['from ours', 'from theirs']) {
      it(`moves values ${direction}, rdbcompression ${compression}`, async () => {
        const [from, to] = direction === 'from ours' ? [ours, theirs] : [theirs, ours];
        for (const client of [ours, theirs])
          await client.call('CONFIG', 'SET', 'rdbcompression', compression);
        await fillBoth(2);
        const { keys } = await fingerprint(from);
        // What both hold in the end has come out of payloads: the same ones.
        const payloads: Arg[][] = [];
        for (const name of keys.keys()) {
          const key = Buffer.from(name.slice(2), 'latin1');
          const payload = bulkOf(await from.send('DUMP', key));
          const expiry = Number(await from.call('PEXPIRETIME', key)) < 0 ? '0' : await expiryText(from, key);
          payloads.push(['RESTORE', key, expiry, payload, 'ABSTTL']);
        }
        await from.call('FLUSHALL');
        await to.call('FLUSHALL');
        await fill(to, payloads);
        await fill(from, payloads);
        await assertSameServers(to, from, direction);
        // And as good as new: what is written to it goes on in both alike.
        await fill(to, dataSet({ seed: 3, databases: [0], scale: 0.2 }).filter(appends));
        await fill(from, dataSet({ seed: 3, databases: [0], scale: 0.2 }).filter(appends));
        assertSameData(
          await fingerprint(to, { seenTimes: false }),
          await fingerprint(from, { seenTimes: false }),
          'after more writes',
        );
      });
    }
  }
});

/** Commands that may go to keys which are there already. */
function appends([name]: readonly Arg[]): boolean {
  return ['APPEND', 'RPUSH', 'LPUSH', 'SADD', 'HSET', 'SETBIT', 'SETRANGE', 'SET'].includes(String(name));
}

function bulkOf(raw: Buffer): Buffer {
  return Buffer.from(parseReply(raw, 'latin1') as string, 'latin1');
}

async function expiryText(client: RawClient, key: Buffer): Promise<string> {
  return (await client.send('PEXPIRETIME', key)).toString('latin1').slice(1, -2);
}
