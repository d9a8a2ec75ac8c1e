/** Which `sentinel` directives start a sentinel, and what is said of those that do not: redis-sentinel is asked. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadLines } from '../../../src/sentinel/config/directives.ts';
import { sentinelLines } from '../../../src/sentinel/config/lines.ts';
import { seededRandom } from '../../../src/util/random.ts';
import { hasReal, NO_REAL } from '../support/member.ts';
import { fileWith, load, ourRefusal, realRefusal } from './support.ts';

const M = 'sentinel monitor m 127.0.0.1 1 2';

/** Texts of files; ';' stands for a line break. */
const FILES = [
  'sentinel',
  'sentinel foo',
  'sentinel monitor',
  'sentinel monitor m 127.0.0.1 1',
  'sentinel monitor m 127.0.0.1 1 2 3',
  'sentinel monitor m 127.0.0.1 0 2',
  'sentinel monitor m 127.0.0.1 70000 2',
  'sentinel monitor m 127.0.0.1 abc 2',
  'sentinel monitor m 127.0.0.1 1 0',
  'sentinel monitor m 127.0.0.1 1 -4',
  'sentinel monitor m 127.0.0.1 1 x',
  'sentinel monitor m 127.0.0.1 70000 0',
  'sentinel monitor m localhost 1 2',
  'sentinel monitor m localhost 70000 2',
  'sentinel resolve-hostnames yes;sentinel monitor m localhost 1 2',
  'sentinel monitor m localhost 1 2;sentinel resolve-hostnames yes',
  `${M};sentinel monitor m 127.0.0.1 2 2`,
  'sentinel monitor "m x" 127.0.0.1 1 2',
  `${M};sentinel down-after-milliseconds n 3`,
  `${M};sentinel down-after-milliseconds m 0`,
  `${M};sentinel down-after-milliseconds m`,
  `${M};sentinel down-after-milliseconds m 12x`,
  `${M};sentinel down-after-milliseconds m 4294967296`,
  `${M};sentinel failover-timeout m 0`,
  `${M};sentinel failover-timeout n 1`,
  `${M};sentinel parallel-syncs n 1`,
  `${M};sentinel parallel-syncs m 0`,
  `${M};sentinel notification-script m /nope`,
  `${M};sentinel client-reconfig-script m /nope`,
  `${M};sentinel notification-script n /bin/true`,
  `${M};sentinel notification-script m /bin/true`,
  `${M};sentinel client-reconfig-script n /bin/true`,
  'sentinel auth-pass n x',
  'sentinel auth-user n x',
  `sentinel auth-pass m x;sentinel known-replica m 127.0.0.1 2;${M}`,
  'sentinel current-epoch x',
  'sentinel current-epoch',
  'sentinel myid aaa',
  'sentinel config-epoch n 1',
  'sentinel leader-epoch n 1',
  'sentinel known-slave n 127.0.0.1 1',
  'sentinel known-replica n 127.0.0.1 1',
  `${M};sentinel known-replica m 127.0.0.1 0`,
  `${M};sentinel known-replica m 127.0.0.1 3;sentinel known-replica m 127.0.0.1 3`,
  `${M};sentinel known-replica m 127.0.0.1 3;sentinel known-slave m 127.0.0.1 3`,
  `${M};sentinel known-replica m 127.0.0.1 -1`,
  `${M};sentinel known-replica m localhost 7`,
  `${M};sentinel known-sentinel m 127.0.0.1 7`,
  `${M};sentinel known-sentinel m 127.0.0.1 7 x`,
  `${M};sentinel known-sentinel m 127.0.0.1 7 x;sentinel known-sentinel m 127.0.0.1 8 x`,
  `${M};sentinel known-sentinel m 127.0.0.1 7 x y`,
  'sentinel known-sentinel n 127.0.0.1 7 x',
  'sentinel rename-command n a b',
  `${M};sentinel rename-command m a b;sentinel rename-command m A c`,
  `${M};sentinel rename-command m a`,
  'sentinel announce-ip',
  'sentinel announce-ip foo',
  'sentinel announce-port x',
  'sentinel announce-port 70000',
  'sentinel deny-scripts-reconfig maybe',
  'sentinel sentinel-user',
  'sentinel sentinel-pass a b',
  'sentinel resolve-hostnames maybe',
  'sentinel announce-hostnames maybe',
  `${M};sentinel master-reboot-down-after-period m -1`,
  `${M};sentinel master-reboot-down-after-period n 1`,
  `${M};sentinel foo m 1`,
  `${M};sentinel foo m 1;sentinel auth-pass x y;badthing`,
  'sentinel auth-pass x y;sentinel myid aaa',
  'sentinel auth-pass x y;sentinel monitor m 127.0.0.1 1 0',
  '  sentinel   auth-pass   x    y  ',
  'sentinel AUTH-PASS x y',
  'SENTINEL MONITOR m 127.0.0.1 1 2',
  'sentinel monitor "m',
  'requirepass foo',
  'rename-command FOO bar x',
];

test('a wrong directive is refused as redis-sentinel refuses it', async (t) => {
  if (!hasReal()) return t.skip(NO_REAL);
  for (const file of FILES) {
    const text = `${file.replaceAll(';', '\n')}\n`;
    // The real one has a line with its port before.
    assert.equal(ourRefusal(`port 1\n${text}`), await realRefusal(text), file);
  }
});

describe('directives', () => {
  test('in any order, with comments behind them', () => {
    const { state, config } = load(
      fileWith(`
sentinel known-replica mymaster 127.0.0.1 6380   # the first
SENTINEL auth-pass mymaster #secret # the password begins with a hash
sentinel known-sentinel mymaster 10.0.0.1 26379 ${'a'.repeat(40)}
sentinel leader-epoch mymaster 8
sentinel config-epoch mymaster 7
sentinel down-after-milliseconds mymaster 5000 # ms
sentinel monitor mymaster 127.0.0.1 6379 2 # quorum "of two
sentinel rename-command mymaster CONFIG "GUESS ME"
sentinel require-same-lineage mymaster yes
sentinel current-epoch 5
`),
    );
    assert.deepEqual([config.values.port, config.values['protected-mode']], [26379, false]);
    const master = state.masters.get('mymaster')!;
    assert.equal(master.authPass, '#secret');
    assert.deepEqual([master.leaderEpoch, master.configEpoch, state.currentEpoch], [8, 7, 7]);
    const known = [...master.replicas.values(), ...master.sentinels.values()];
    assert.deepEqual(
      known.map(({ kind, downAfterMs, address }) => [kind, downAfterMs, address.port]),
      [
        ['replica', 5000, 6380],
        ['sentinel', 5000, 26379],
      ],
    );
    assert.equal(master.renamedCommands.get('config'), 'GUESS ME');
    assert.equal(master.requireSameLineage, true);
  });

  test('what is written is read back as it was', () => {
    const { state } = load(
      fileWith(`
sentinel myid ${'f'.repeat(40)}
sentinel deny-scripts-reconfig no
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel monitor a master.example 6379 2
sentinel monitor b 10.0.0.9 6379 3
sentinel auth-pass b "\\"quo ted\\" \\xff\\x00\\n'"
sentinel auth-user b user
sentinel failover-timeout b 1000
sentinel parallel-syncs b 4
sentinel master-reboot-down-after-period b 60
sentinel notification-script b /bin/true
sentinel client-reconfig-script b /bin/true
sentinel known-replica b replica.example 6380
sentinel known-sentinel a other.example 26379 ${'a'.repeat(40)}
sentinel known-sentinel b other.example 26379 ${'a'.repeat(40)}
sentinel leader-epoch b 9
sentinel config-epoch b 3
sentinel announce-ip 1.2.3.4
sentinel announce-port 5
sentinel sentinel-user "u v"
sentinel sentinel-pass pass
`),
    );
    assert.equal(state.masters.get('b')!.authPass, '"quo ted" \xff\0\n\'');
    const lines = sentinelLines(state);
    assert.ok(lines.includes('sentinel auth-pass b "\\"quo ted\\" \\xff\\x00\\n\'"'));
    const again = loadLines(lines, 1, seededRandom(1));
    assert.deepEqual(sentinelLines(again), lines);
    assert.equal(again.masters.get('b')!.authPass, state.masters.get('b')!.authPass);
    // Both masters hear of the other sentinel over one link.
    const [a, b] = [...again.masters.values()];
    assert.equal(a!.sentinels.get('a'.repeat(40))!.link, b!.sentinels.get('a'.repeat(40))!.link);
  });
});
