/**
 * DUMP: the same bytes as a real server's for the same value, where its form leaves no choice: not for tables, whose
 * order is chance, nor for scores, which 7.2 prints shorter; and nodes of lists may end elsewhere.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dataSet, fill } from '../support/data-set.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { parseReply, rawElements } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const oracle = findOracle();

describe('DUMP', { skip: oracle === null ? NO_ORACLE : false }, () => {
  let redis: InProcess;
  let server: ServerProcess;
  let client: RawClient;
  const keys: Buffer[] = [];

  before(async () => {
    // How well a string is compressed is everybody's own affair.
    redis = inProcess({ rdbcompression: 'no', 'enable-debug-command': 'yes' });
    server = await startServer({
      command: [oracle!],
      directives: { rdbcompression: 'no', 'enable-debug-command': 'yes' },
    });
    client = await server.connect();
    const commands = dataSet({ groups: false, databases: [0] });
    for (const args of commands) redis.raw(...args);
    await fill(client, commands);
    for (const raw of rawElements(redis.raw('KEYS', '*'))!) {
      keys.push(raw.subarray(raw.indexOf(10) + 1, raw.length - 2));
    }
  });
  after(async () => {
    await client?.close();
    await server?.stop();
  });

  it('has the same bytes', async () => {
    let compared = 0;
    for (const key of keys) {
      if (parseReply(redis.raw('OBJECT', 'ENCODING', key)) === 'hashtable') continue;
      if (/^(zset|geo)/.test(key.toString('latin1'))) continue;
      const theirs = await client.send('DUMP', key);
      const ours = redis.raw('DUMP', key);
      const nodes = /^list:/.test(key.toString('latin1')) && theirs.length > 8000;
      if (nodes) continue;
      compared++;
      assert.ok(ours.equals(theirs), key.toString('latin1'));
    }
    assert.ok(compared > 250, String(compared));
  });

  it('is taken by RESTORE of a real server', async () => {
    for (const compress of ['no', 'yes']) {
      redis.set('rdbcompression', compress);
      for (const key of keys) {
        // Whether a key expires is not in its payload, but in the digest.
        if (redis.raw('PTTL', key).toString() !== ':-1\r\n') continue;
        const raw = redis.raw('DUMP', key);
        const bytes = raw.subarray(raw.indexOf(10) + 1, raw.length - 2);
        const name = key.toString('latin1').slice(0, 40);
        assert.equal(
          (await client.send('RESTORE', 'copy', '0', bytes, 'REPLACE')).toString(),
          '+OK\r\n',
          name,
        );
        await client.send('RENAME', 'copy', Buffer.concat([Buffer.from('copy:'), key]));
        const theirs = await client.send('DEBUG', 'DIGEST-VALUE', Buffer.concat([Buffer.from('copy:'), key]));
        assert.equal(redis.raw('DEBUG', 'DIGEST-VALUE', key).toString(), theirs.toString(), name);
      }
    }
  });

  it('answers null for what is not there', () => {
    assert.equal(redis.raw('DUMP', 'no such key').toString(), '$-1\r\n');
  });
});
