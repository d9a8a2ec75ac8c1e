/** Values, CONFIG SET with appliers that refuse or take time, and the table itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerConfig } from '../../../src/config/config.ts';
import { NOTIFY } from '../../../src/config/kinds.ts';
import { type AnyParameter, aliasesOf } from '../../../src/config/parameter.ts';
import { SERVER_PARAMETER_THEMES, SERVER_PARAMETERS } from '../../../src/config/server-parameters.ts';

test('values are typed and follow CONFIG SET', async () => {
  const config = new ServerConfig();
  const { values } = config;
  const policy: 'noeviction' | 'allkeys-lru' | string = values['maxmemory-policy'];
  assert.equal(policy, 'noeviction');
  assert.equal(
    await config.set([
      ['maxmemory', '1gb'],
      ['maxmemory-policy', 'allkeys-lru'],
      ['maxmemory-clients', '5%'],
      ['notify-keyspace-events', 'KEx'],
      ['slowlog-log-slower-than', '9223372036854775807'],
    ]),
    null,
  );
  assert.equal(values.maxmemory, 1073741824);
  assert.equal(values['maxmemory-policy'], 'allkeys-lru');
  assert.equal(values['maxmemory-clients'], -5);
  assert.equal(values['notify-keyspace-events'], NOTIFY.KEYSPACE | NOTIFY.KEYEVENT | NOTIFY.EXPIRED);
  assert.equal(values['slowlog-log-slower-than'], Number(9223372036854775807n));
  assert.equal(config.text('slowlog-log-slower-than'), '9223372036854775807');
});

test('a listener hears of changes only', async () => {
  const config = new ServerConfig();
  const heard: number[] = [];
  config.onChange('timeout', () => heard.push(config.values.timeout));
  await config.set([['timeout', '0']]);
  await config.set([['timeout', '5']]);
  await config.set([['timeout', 'x']]);
  await config.set([
    ['timeout', '6'],
    ['port', 'x'],
  ]);
  assert.deepEqual(heard, [5]);
});

test('an applier that refuses rolls everything back, and earlier ones run again', async () => {
  const config = new ServerConfig();
  const log: string[] = [];
  config.onApply('timeout', () => {
    log.push(`timeout ${config.values.timeout}`);
    return null;
  });
  config.onApply('maxclients', () => {
    log.push(`maxclients ${config.values.maxclients}`);
    return config.values.maxclients > 20000 ? 'too many' : undefined;
  });
  config.onChange('timeout', () => log.push('told'));
  const result = config.set([
    ['timeout', '5'],
    ['MaxClients', '30000'],
    ['hz', '20'],
  ]);
  assert.equal(result, "CONFIG SET failed (possibly related to argument 'MaxClients') - too many");
  assert.deepEqual(log, ['timeout 5', 'maxclients 30000', 'timeout 0', 'maxclients 10000']);
  assert.deepEqual([config.values.timeout, config.values.maxclients, config.values.hz], [0, 10000, 10]);
});

test('appliers may take time; the next change waits for them', async () => {
  const config = new ServerConfig();
  const log: string[] = [];
  let taken = [7000];
  config.onApply('port', async () => {
    const { port } = config.values;
    log.push(`listen ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (port === 7777) throw new Error('Unable to listen on this port. Check server logs.');
    taken = [port];
    return null;
  });
  config.onChange('port', () => log.push(`on ${config.values.port}`));
  const results = await Promise.all([
    config.set([['port', '7001']]),
    config.set([
      ['timeout', '9'],
      ['port', '7777'],
    ]),
    config.set([['port', '7002']]),
  ]);
  assert.deepEqual(results, [
    null,
    "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
    null,
  ]);
  assert.deepEqual(log, ['listen 7001', 'on 7001', 'listen 7777', 'listen 7001', 'listen 7002', 'on 7002']);
  assert.deepEqual(taken, [7002]);
  assert.equal(config.values.timeout, 0);
  assert.equal(config.set([['timeout', '1']]), null, 'nothing to wait for any more');
});

test('protected parameters need leave', async () => {
  const config = new ServerConfig();
  const refused =
    "CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config";
  assert.equal(config.set([['dbfilename', 'x']]), refused);
  assert.equal(config.set([['dbfilename', 'x']], { allowProtected: true }), null);
  const missing = config.set([['dir', '/no/such/dir']], { allowProtected: true });
  assert.match(String(missing), /No such file or directory$/);
  assert.equal(config.set([['dir', '..']], { allowProtected: true }), null);
  assert.notEqual(config.values.dir, new ServerConfig().values.dir);
});

test('assign changes a value from inside', () => {
  const config = new ServerConfig();
  config.assign('replicaof', { host: 'h', port: 1 });
  assert.deepEqual(config.get(['slaveof']), [['slaveof', 'h 1']]);
});

test('rename-command works on the table as the ones before left it', () => {
  const config = new ServerConfig({ isCommand: (name) => name === 'get' || name === 'set' });
  config.load({
    options: 'rename-command get x\nrename-command X y\nrename-command set get\nrename-command get GET',
  });
  assert.deepEqual(config.renames, [
    ['get', 'x'],
    ['X', 'y'],
    ['set', 'get'],
    ['get', 'GET'],
  ]);
  assert.throws(() => config.load({ options: 'rename-command x z' }), /No such command/);
});

test('every name stands for one parameter, and every parameter is in one theme', () => {
  const names = Object.entries<AnyParameter>(SERVER_PARAMETERS).flatMap(([name, p]) => [
    name,
    ...aliasesOf(p),
  ]);
  assert.equal(new Set(names).size, names.length);
  const themed = SERVER_PARAMETER_THEMES.flatMap(([, table]) => Object.keys(table));
  assert.deepEqual(themed.sort(), Object.keys(SERVER_PARAMETERS).sort());
});

test('what CONFIG GET shows can be set again', async () => {
  const config = new ServerConfig();
  for (const { name, parameter, stored } of config.entries()) {
    if (parameter.immutable || name === 'replicaof') continue;
    assert.equal(await config.set([[name, parameter.format(stored)]], { allowProtected: true }), null, name);
  }
});
