/** docs/configuration.md is what the table says. Run with UPDATE_DOCS=1 to write it. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderServerDocs } from '../../../src/config/render-docs.ts';

const folder = new URL('../../../docs/', import.meta.url);
const file = new URL('configuration.md', folder);

test('docs/configuration.md is up to date', () => {
  const text = renderServerDocs();
  if (process.env.UPDATE_DOCS) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
  assert.equal(readFileSync(file, 'utf8'), text, 'run this test with UPDATE_DOCS=1');
});
