import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { globMatch, globMatchBytes } from '../../../src/util/glob.ts';
import { bytesOf } from '../../../src/util/latin1.ts';
import { Oracle, oracleMissing } from './oracle.ts';

test('the documented patterns', () => {
  assert.ok(globMatch('h?llo', 'hallo'));
  assert.ok(!globMatch('h?llo', 'hllo'));
  assert.ok(globMatch('h*llo', 'heeeello'));
  assert.ok(globMatch('h*llo', 'hllo'));
  assert.ok(globMatch('h[ae]llo', 'hello'));
  assert.ok(!globMatch('h[ae]llo', 'hillo'));
  assert.ok(!globMatch('h[^e]llo', 'hello'));
  assert.ok(globMatch('h[b-a]llo', 'hallo'));
  assert.ok(globMatch('\\*', '*'));
  assert.ok(!globMatch('\\*', 'a'));
  assert.ok(globMatch('user:*:*name', 'user:1:2:firstname'));
});

test('the odd corners', () => {
  assert.ok(globMatch('', ''));
  assert.ok(!globMatch('**', ''));
  assert.ok(globMatch('[ab', 'a'));
  assert.ok(!globMatch('[', 'a'));
  assert.ok(globMatch('[^', 'a'));
  assert.ok(globMatch('a\\', 'a\\'));
  assert.ok(globMatch('MAX*[A-Z]', 'maxmemory', true));
  assert.ok(!globMatch('[\\A]', 'a', true));
});

test('offsets and lengths bound both sides', () => {
  const bytes = bytesOf('xxa*bxxaccbxx');
  assert.ok(globMatchBytes(bytes, 2, 3, bytes, 7, 4, false));
  assert.ok(!globMatchBytes(bytes, 2, 3, bytes, 7, 5, false));
});

test('patterns made to explode take bounded time', () => {
  const started = performance.now();
  assert.ok(!globMatch(`${'a*'.repeat(5000)}b`, 'a'.repeat(5000)));
  assert.ok(!globMatch(`*${'?*'.repeat(2000)}[^a]`, 'a'.repeat(5000)));
  assert.ok(performance.now() - started < 2000);
});

const pieces = ['*', '?', '[', ']', '^', '-', '\\', 'a', 'b', 'c', 'A', 'B', 'é', 'ÿ', '\0'];
const patterns = fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((parts) => parts.join(''));

test('KEYS of a real server selects the same keys', { skip: oracleMissing }, async () => {
  const oracle = await Oracle.start();
  try {
    const alphabet = ['a', 'b', 'c', 'A', '-', ']', '[', '\\', 'é', '\x7f'];
    const keys = [
      '',
      ...new Set(
        fc
          .sample(fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 6 }), {
            numRuns: 300,
            seed: 1,
          })
          .map((parts) => parts.join('')),
      ),
    ];
    await oracle.command('MSET', ...keys.flatMap((key) => [key, '']));
    const sample = fc.sample(patterns, { numRuns: 4000, seed: 2 }).filter((pattern) => pattern !== '*');
    const replies = await oracle.pipeline(sample.map((pattern) => ['KEYS', pattern]));
    sample.forEach((pattern, i) => {
      const expected = (replies[i] as string[]).sort();
      assert.deepEqual(
        keys.filter((key) => globMatch(pattern, key)).sort(),
        expected,
        JSON.stringify(pattern),
      );
    });
  } finally {
    await oracle.stop();
  }
});

test('CONFIG GET of a real server folds case alike', { skip: oracleMissing }, async () => {
  const oracle = await Oracle.start();
  try {
    const every = (await oracle.command('CONFIG', 'GET', '*')) as string[];
    const names = every.filter((_, i) => i % 2 === 0);
    const parts = fc.constantFrom(
      '*',
      '*',
      '?',
      '[A-Z]',
      '[z-a]',
      '[Z-a]',
      '[\\A]',
      '[^M]',
      'MAX',
      'm',
      '-',
      'E',
    );
    const sample = fc
      .sample(fc.array(parts, { minLength: 1, maxLength: 6 }), { numRuns: 1500, seed: 3 })
      .map((chosen) => chosen.join(''))
      .filter((pattern) => /[*?[]/.test(pattern));
    const replies = await oracle.pipeline(sample.map((pattern) => ['CONFIG', 'GET', pattern]));
    sample.forEach((pattern, i) => {
      const expected = (replies[i] as string[]).filter((_, at) => at % 2 === 0).sort();
      assert.deepEqual(names.filter((name) => globMatch(pattern, name, true)).sort(), expected, pattern);
    });
  } finally {
    await oracle.stop();
  }
});
