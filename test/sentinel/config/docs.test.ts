/** docs/sentinel.md and conf/sentinel.conf name what there is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { optionNames } from '../../../src/sentinel/config/directives.ts';
import { sentinelLines } from '../../../src/sentinel/config/lines.ts';
import { REPOSITORY } from '../../support/server-process.ts';
import { fileWith, load } from './support.ts';

const read = (...path: string[]): string => readFileSync(join(REPOSITORY, ...path), 'utf8');

test('docs/sentinel.md has every directive', () => {
  const rows = [...read('docs', 'sentinel.md').matchAll(/^\| `sentinel ([a-z-]+) /gm)].map(
    ([, name]) => name,
  );
  const names = optionNames().filter((name) => name !== 'known-slave');
  assert.deepEqual(rows.sort(), [...names].sort());
});

test('conf/sentinel.conf: the defaults that it shows are the defaults, and its examples work', () => {
  const text = read('conf', 'sentinel.conf');
  const { state, config } = load(fileWith(text));
  const shown = load(fileWith(text.replaceAll(/^#(?=\S)(?!#)/gm, '')));
  assert.deepEqual(sentinelLines(shown.state), sentinelLines(state));
  assert.deepEqual(shown.config.values, { ...config.values, dir: shown.config.values.dir });
  const examples = [...text.matchAll(/^# {3}(sentinel .*)$/gm)].map(([, line]) => line!);
  assert.ok(examples.length >= 8);
  const scripts = examples.map((line) => line.replace(/\/\S+\.sh/, '/bin/true'));
  const full = load(fileWith(`${text}\n${scripts.join('\n')}\n`));
  assert.equal(full.state.masters.get('mymaster')!.authUser, 'sentinel');
});
