import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type CheckRdbIo, checkRdb, checkRdbMain } from '../../src/persistence/check/check-rdb.ts';
import { realFileSystem } from '../../src/persistence/files/file-system.ts';
import { systemClock } from '../../src/util/clock.ts';
import { seededRandom } from '../../src/util/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-redis-check-rdb-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What it prints about a file of these bytes (hexadecimal behind the header), its exit code last. */
function check(hex: string, head = 'REDIS0009'): string[] {
  const path = join(folder, 'x.rdb');
  writeFileSync(path, Buffer.concat([Buffer.from(head), Buffer.from(hex, 'hex')]));
  let out = '';
  const io: CheckRdbIo = {
    fs: realFileSystem,
    clock: systemClock,
    random: seededRandom(1),
    print: (text) => {
      out += text;
    },
    printError: (text) => {
      out += text;
    },
    log: (text) => {
      out += `${text}\n`;
    },
  };
  const code = checkRdbMain([path], io);
  if (code === 0) assert.ok(checkRdb('again', path, { ...io, print: () => {} }) > 0);
  return [...out.trimEnd().split('\n').slice(1), String(code)];
}

const figures = (keys: number, expires = 0, expired = 0): string[] => [
  `[info] ${keys} keys read`,
  `[info] ${expires} expires`,
  `[info] ${expired} already expired`,
];

const END = `ff${'00'.repeat(8)}`;

// The lines are those that redis-check-rdb 7.0.15 prints for the same bytes.
describe('ts-redis-check-rdb', () => {
  it('a sane file', () => {
    assert.deepEqual(check(`fa026c75c005fe00fd0100000000016101 62${END}`.replace(' ', '')), [
      "[offset 15] AUX FIELD lu = '5'",
      '[offset 17] Selecting DB ID 0',
      '[offset 36] RDB file was saved with checksum disabled: no check performed.',
      '[offset 36] \\o/ RDB looks OK! \\o/',
      ...figures(1, 1, 1),
      '0',
    ]);
  });

  it('a wrong checksum', () => {
    assert.deepEqual(check('ff3132333435363738'), [
      '--- RDB ERROR DETECTED ---',
      '[offset 18] RDB CRC error',
      '[additional info] While doing: check-sum',
      '[additional info] Reading type 0 (string)',
      ...figures(0),
      '1',
    ]);
  });

  it('the end within a value', () => {
    assert.deepEqual(check('0401 61020178'.replace(' ', '')), [
      '--- RDB ERROR DETECTED ---',
      '[offset 13] Unexpected EOF reading RDB file',
      '[additional info] While doing: read-object-value',
      "[additional info] Reading key 'a'",
      '[additional info] Reading type 4 (hash-hashtable)',
      ...figures(1),
      '1',
    ]);
  });

  it('an unknown type, a wrong signature', () => {
    assert.equal(check('c80161')[1], '[offset 10] Invalid object type: 200');
    assert.equal(check('c80161')[2], '[additional info] While doing: read-type');
    assert.equal(check('61616161', 'RODIS0009')[1], '[offset 9] Wrong signature trying to load DB from file');
  });

  it('modules', () => {
    const module = '8100000000000004010205017800';
    assert.equal(
      check(`f78100000000000004010202050178 00${END}`.replace(' ', ''))[0],
      '[offset 21] MODULE AUX for: AAAAAAAAB',
    );
    assert.equal(check(`0701 61${module}${END}`.replace(' ', '')).at(-1), '1');
  });
});
