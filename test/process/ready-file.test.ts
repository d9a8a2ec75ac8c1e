/** The files of conf/ are correct, and what conf/redis.conf calls defaults are the defaults. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ServerConfig } from '../../src/config/config.ts';

const file = fileURLToPath(new URL('../../conf/redis.conf', import.meta.url));
const lines = readFileSync(file, 'utf8').split('\n');

test('conf/redis.conf differs from the defaults only in `bind`', () => {
  const config = new ServerConfig();
  config.load({ file });
  const defaults = new ServerConfig();
  const changed = [...defaults.entries()]
    .map(({ name }) => name)
    .filter((name) => config.text(name) !== defaults.text(name));
  assert.deepEqual(changed, ['bind']);
});

test('every default that conf/redis.conf states is the default', () => {
  const stated = lines.filter((line) => /^#[a-z]/.test(line)).map((line) => line.slice(1));
  assert.ok(stated.length > 70);
  const config = new ServerConfig();
  config.load({ stdin: stated.join('\n') });
  const defaults = new ServerConfig();
  for (const { name } of defaults.entries()) assert.equal(config.text(name), defaults.text(name), name);
});

test('every example in conf/redis.conf is a directive', () => {
  const examples = lines.filter(
    (line) => /^# {3}[a-z-]+ /.test(line) && !/^# {3}(?:volatile-|allkeys-|noeviction)/.test(line),
  );
  assert.ok(examples.length > 5);
  const config = new ServerConfig();
  const usable = examples.map((line) => line.slice(4)).filter((line) => !/^(?:dir|include) /.test(line));
  config.load({ stdin: usable.join('\n') });
});

test('conf/replica.conf follows the server of conf/redis.conf, and has files of its own', () => {
  const replica = new ServerConfig();
  replica.load({ file: fileURLToPath(new URL('../../conf/replica.conf', import.meta.url)) });
  const master = new ServerConfig();
  master.load({ file });
  assert.deepEqual(replica.values.replicaof, { host: '127.0.0.1', port: master.values.port });
  for (const name of ['port', 'dbfilename', 'appenddirname'] as const) {
    assert.notEqual(replica.values[name], master.values[name], name);
  }
});
