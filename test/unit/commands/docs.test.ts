/** docs/commands.md is what the table says. Run with UPDATE_DOCS=1 to write it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALL_COMMANDS } from '../../../src/commands/all.ts';
import { renderCommandDocs } from '../../../src/commands/render-docs.ts';
import { sentinelSpec } from '../../../src/sentinel/commands/specs.ts';
import type { Sentinel } from '../../../src/sentinel/parts.ts';

const file = new URL('../../../docs/commands.md', import.meta.url);

test('docs/commands.md is up to date', () => {
  const text = renderCommandDocs([...ALL_COMMANDS, sentinelSpec({} as Sentinel)]);
  if (process.env.UPDATE_DOCS) writeFileSync(file, text);
  assert.equal(readFileSync(file, 'utf8'), text, 'run this test with UPDATE_DOCS=1');
});

test('docs/commands.md has every command', () => {
  const text = readFileSync(file, 'utf8');
  for (const { name } of ALL_COMMANDS) assert.match(text, new RegExp(`\\| \`${name.toUpperCase()}[ \`]`));
});
