/**
 * Append-only files between a real server and ours, with and without RDB preamble: one writes before, during and after
 * a rewrite, the other starts over the folder and holds the same; the checking tools of both like it.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { check, DataFolder, type Side, waitSaved } from '../support/data-folder.ts';
import { dataSet, fill, HISTORIC } from '../support/data-set.ts';
import { assertSameData, fingerprint } from '../support/fingerprint.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';

const oracle = findOracle();
const theirs: Side = { command: oracle ?? '' };
const nameOf = (side: Side): string => (side === 'ours' ? 'ours' : 'theirs');
const LOOSE = { encodingsExcept: HISTORIC, seenTimes: false, streamForms: false };

describe('append-only files', { skip: oracle === null ? NO_ORACLE : false }, () => {
  for (const [writer, reader] of [
    ['ours', theirs],
    [theirs, 'ours'],
    ['ours', 'ours'],
  ] as const) {
    for (const preamble of ['yes', 'no']) {
      for (const rewrite of [false, true]) {
        const how = `preamble ${preamble}, ${rewrite ? 'rewritten' : 'as written'}`;
        it(`${nameOf(writer)} → ${nameOf(reader)}, ${how}`, async (t) => {
          const folder = new DataFolder();
          t.after(() => folder.remove());
          const directives = {
            appendonly: 'yes',
            appendfsync: 'no',
            'aof-use-rdb-preamble': preamble,
            'auto-aof-rewrite-percentage': 0,
            'aof-timestamp-enabled': rewrite ? 'yes' : 'no',
          };
          // Pending entries that are deleted do not survive a rewrite as commands.
          const commands = dataSet({ seed: 21 }).filter(
            ([name, key]) => !(name === 'XDEL' && key === 'stream:pending'),
          );
          const middle = commands.length >> 1;
          const written = await folder.with(writer, directives, async (client) => {
            await fill(client, commands.slice(0, middle));
            if (rewrite) await client.call('BGREWRITEAOF');
            await fill(client, commands.slice(middle));
            await waitSaved(client);
            await client.pipeline([
              ['MULTI'],
              ['SET', 'in-multi', '1'],
              ['SELECT', '3'],
              ['INCR', 'in-multi'],
              ['SELECT', '0'],
              ['EXEC'],
            ]);
            return fingerprint(client, LOOSE);
          });
          const aofs = join(folder.path, 'appendonlydir');
          const manifest = readdirSync(aofs).find((name) => name.endsWith('.manifest'))!;
          assert.match(
            check('redis-check-aof', join(aofs, manifest)),
            /All AOF files and manifest are valid/,
          );
          check('ts-redis-check-aof', join(aofs, manifest));
          // Twice: what the reader goes on writing belongs to the files, too.
          for (const side of [reader, writer]) {
            await folder.with(side, directives, async (client) => {
              const loaded = await fingerprint(client, LOOSE);
              assertSameData(loaded, written, `loaded by ${nameOf(side)}`);
            });
          }
          const more = await folder.with(reader, directives, async (client) => {
            await client.pipeline([
              ['SET', 'k', '2'],
              ['RPUSH', 'list:one', 'x'],
              ['SELECT', '5'],
              ['SET', 'k', 'v'],
            ]);
            await client.call('SELECT', 0);
            if (rewrite) {
              await client.call('BGREWRITEAOF');
              await waitSaved(client);
            }
            return fingerprint(client, LOOSE);
          });
          await folder.with(writer, directives, async (client) => {
            assertSameData(await fingerprint(client, LOOSE), more, `what ${nameOf(reader)} has added`);
          });
        });
      }
    }
  }

  it('is switched on over a loaded RDB', async (t) => {
    for (const [writer, reader] of [
      ['ours', theirs],
      [theirs, 'ours'],
    ] as const) {
      const folder = new DataFolder();
      t.after(() => folder.remove());
      const written = await folder.with(writer, {}, async (client) => {
        await fill(client, dataSet({ seed: 22, scale: 0.2 }));
        assert.equal(await client.call('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
        await fill(client, [['SET', 'later', '1']]);
        await waitSaved(client);
        return fingerprint(client, LOOSE);
      });
      await folder.with(reader, { appendonly: 'yes' }, async (client) => {
        assertSameData(await fingerprint(client, LOOSE), written, `loaded by ${nameOf(reader)}`);
      });
    }
  });
});
