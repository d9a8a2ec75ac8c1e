/** The configuration that users copy from a guide starts a server as it is, comments behind directives and all. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { runToEnd, scratchFolder } from './launch.ts';

const guide = fileURLToPath(new URL('../../../shared/data/guide/redis.conf', import.meta.url));

test("the guide's redis.conf", {
  skip: existsSync(guide) ? false : 'skipped: no guide beside the repository',
}, async () => {
  const cwd = scratchFolder();
  mkdirSync(join(cwd, 'log'));
  // Only what belongs to the machine of the guide is changed.
  const text = readFileSync(guide, 'utf8').replaceAll('/redis/log', join(cwd, 'log'));
  const port = await freePort();
  writeFileSync(join(cwd, 'redis.conf'), text);
  const { code, stderr } = await runToEnd(['redis.conf', '--port', String(port), '--pidfile', 'x.pid'], {
    cwd,
  });
  assert.deepEqual([code, stderr], [0, '']);
  const client = await RawClient.connect({ port });
  assert.equal(await client.call('SET', 'k', 'v'), 'OK');
  assert.deepEqual(await client.call('CONFIG', 'GET', 'bind'), ['bind', '0.0.0.0']);
  client.sendNoReply('SHUTDOWN', 'NOSAVE');
  await client.waitClosed();
});
