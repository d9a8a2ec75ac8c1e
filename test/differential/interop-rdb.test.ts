/**
 * RDB files between a real server and ours: one fills and saves, the other starts over the file and holds the same;
 * the checking tools of both like it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { check, DataFolder, type Side, waitSaved } from '../support/data-folder.ts';
import { dataSet, fill, HISTORIC } from '../support/data-set.ts';
import { assertSameData, type Fingerprint, fingerprint } from '../support/fingerprint.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { Arg } from '../support/raw-client.ts';

const oracle = findOracle();
const theirs: Side = { command: oracle ?? '' };
const nameOf = (side: Side): string => (side === 'ours' ? 'ours' : 'theirs');

/** Commands that may go to keys which are there already. */
const MORE = dataSet({ seed: 9, scale: 0.3 }).filter(([name]) =>
  ['SELECT', 'SET', 'APPEND', 'RPUSH', 'LPUSH', 'SADD', 'SREM', 'ZADD', 'HSET', 'PFADD', 'LREM'].includes(
    String(name),
  ),
);

describe('RDB files', { skip: oracle === null ? NO_ORACLE : false }, () => {
  for (const [writer, reader] of [
    ['ours', theirs],
    [theirs, 'ours'],
    ['ours', 'ours'],
  ] as const) {
    for (const [i, directives] of [
      {},
      { rdbcompression: 'no' },
      { rdbchecksum: 'no' },
      { 'rdb-save-incremental-fsync': 'no', 'maxmemory-policy': 'allkeys-lfu' },
      { 'maxmemory-policy': 'allkeys-lru', 'list-compress-depth': 1, 'list-max-listpack-size': 5 },
    ].entries()) {
      if (writer === reader && i > 0) continue;
      it(`${nameOf(writer)} → ${nameOf(reader)} ${JSON.stringify(directives)}`, async (t) => {
        const folder = new DataFolder();
        t.after(() => folder.remove());
        const written = await folder.with(writer, directives, async (client) => {
          await fill(client, dataSet({ seed: i + 1 }));
          const before = await fingerprint(client, { encodingsExcept: HISTORIC });
          if (i % 2 === 0) assert.equal(await client.call('SAVE'), 'OK');
          else {
            assert.equal(await client.call('BGSAVE'), 'Background saving started');
            await waitSaved(client);
          }
          return before;
        });
        const file = join(folder.path, 'dump.rdb');
        assert.match(check('redis-check-rdb', file), /RDB looks OK/);
        check('ts-redis-check-rdb', file);
        const after = await readAndGoOn(folder, reader, directives, written);
        assertSameData(after, await readAndGoOn(folder, writer, directives, written), 'after more writes');
      });
    }
  }

  it('keeps function libraries that it cannot run', async (t) => {
    const folder = new DataFolder();
    t.after(() => folder.remove());
    const code = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    await folder.with(theirs, {}, async (client) => {
      assert.equal(await client.call('FUNCTION', 'LOAD', code), 'lib');
      await client.call('SAVE');
    });
    await folder.with('ours', {}, async (client) => assert.equal(await client.call('SAVE'), 'OK'));
    await folder.with(theirs, {}, async (client) => assert.equal(await client.call('FCALL', 'f', 0), 1));
  });

  it('keeps what OBJECT FREQ and OBJECT IDLETIME tell', async (t) => {
    for (const [policy, sub] of [
      ['allkeys-lfu', 'FREQ'],
      ['allkeys-lru', 'IDLETIME'],
    ] as const) {
      const folder = new DataFolder();
      t.after(() => folder.remove());
      const directives = { 'maxmemory-policy': policy, 'lfu-decay-time': 0 };
      const payload = await folder.with(theirs, directives, async (client) => {
        await client.call('SET', 'k', 'v');
        return (await client.send('DUMP', 'k')).subarray(5, -2);
      });
      for (const [writer, reader] of [
        ['ours', theirs],
        [theirs, 'ours'],
      ] as const) {
        await folder.with(writer, directives, async (client) => {
          await client.call('FLUSHALL');
          const args: Arg[] = ['RESTORE', 'k', 0, payload, sub, 200];
          assert.equal(await client.call(...args), 'OK');
          await client.call('SAVE');
        });
        const told = await folder.with(reader, directives, (client) => client.call('OBJECT', sub, 'k'));
        assert.ok(Number(told) >= 200 && Number(told) < 230, `${nameOf(reader)}: ${sub} ${String(told)}`);
      }
    }
  });
});

/** Starts over the file: it holds what was written. Then some more is written; returns what there is in the end. */
function readAndGoOn(
  folder: DataFolder,
  side: Side,
  directives: Record<string, string | number>,
  written: Fingerprint,
): Promise<Fingerprint> {
  return folder.with(side, directives, async (client) => {
    assertSameData(
      await fingerprint(client, { encodingsExcept: HISTORIC }),
      written,
      `loaded by ${nameOf(side)}`,
    );
    await fill(client, MORE);
    return fingerprint(client);
  });
}
