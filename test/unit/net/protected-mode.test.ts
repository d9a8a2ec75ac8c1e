/** Who may connect without a password. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerConfig } from '../../../src/config/config.ts';
import { ProtectedMode } from '../../../src/net/protected-mode.ts';

const HERE = ['127.0.0.1', '127.8.8.8', '::1'];
const NEIGHBOURS = [
  '10.1.2.3',
  '172.18.113.63',
  '172.31.0.1',
  '192.168.7.7',
  '169.254.1.1',
  'fd00::1',
  'fe80::1%eth0',
];
const STRANGERS = ['8.8.8.8', '172.32.0.1', '192.0.2.2', '11.0.0.1', '2001:db8::1'];

function admitted(options: string, change: readonly (readonly [string, string])[] = []): string {
  const config = new ServerConfig();
  config.load({ options });
  const mode = new ProtectedMode(config);
  if (change.length > 0) assert.equal(config.set(change), null);
  const groups = { here: HERE, neighbours: NEIGHBOURS, strangers: STRANGERS };
  return Object.entries(groups)
    .filter(([name, addresses]) => {
      const answers = new Set(addresses.map((address) => mode.refuses(address)));
      assert.equal(answers.size, 1, name);
      return answers.has(false);
    })
    .map(([name]) => name)
    .join(' ');
}

test('without a password, only this machine, whatever CONFIG SET bind says', () => {
  assert.equal(admitted(''), 'here');
  assert.equal(admitted('bind *'), 'here');
  assert.equal(admitted('bind 127.0.0.1 -::1'), 'here');
  assert.equal(admitted('bind 127.0.0.1', [['bind', '0.0.0.0']]), 'here');
  assert.equal(admitted('bind 0.0.0.0\nprotected-mode yes'), 'here');
});

test('a configuration of before Redis 7 lets private networks in, until it is said otherwise', () => {
  assert.equal(admitted('bind 0.0.0.0 #网络'), 'here neighbours');
  assert.equal(admitted('bind 192.168.1.5 127.0.0.1'), 'here neighbours');
  assert.equal(admitted('bind 0.0.0.0', [['protected-mode', 'yes']]), 'here');
});

test('the file that came with Redis 4, with another bind, lets private networks in; that of Redis 7 does not', () => {
  const edited = 'bind 0.0.0.0\nprotected-mode yes\n';
  assert.equal(admitted(`${edited}slave-read-only yes\nhash-max-ziplist-entries 512`), 'here neighbours');
  assert.equal(admitted(`${edited}replica-read-only yes\nhash-max-listpack-entries 512`), 'here');
  assert.equal(admitted(`${edited}slave-read-only yes`, [['protected-mode', 'yes']]), 'here');
  assert.equal(admitted(`${edited}slaveof 10.0.0.1 6379`), 'here');
});

test('a password, or the mode switched off, lets everybody in', () => {
  assert.equal(admitted('requirepass secret'), 'here neighbours strangers');
  assert.equal(admitted('protected-mode no'), 'here neighbours strangers');
  assert.equal(admitted('bind 0.0.0.0', [['requirepass', 'x']]), 'here neighbours strangers');
});
