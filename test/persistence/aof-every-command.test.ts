/**
 * Every command of the data families, with arguments drawn from its own table entry, against a server with an
 * append-only file: after a restart the data is the same, loaded from what was written command by command, and from a
 * rewritten base.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { BLOCKING } from '../../src/engine/command-spec.ts';
import { DataFolder } from '../support/data-folder.ts';
import type { RawClient } from '../support/raw-client.ts';
import { commandFromSpec, DATA_GROUPS } from '../support/spec-generator.ts';

const COMMANDS = 6000;
const SEED = 20261122;
const DIRECTIVES = { appendonly: 'yes', appendfsync: 'no', save: '', 'auto-aof-rewrite-percentage': 0 };
/** These go to other servers, or wait. */
const LEFT_OUT = new Set(['migrate', 'wait', 'waitaof', 'restore', 'restore-asking']);

function drawn(): string[][] {
  const generators = ALL_COMMANDS.filter(
    ({ name, group, flags }) => DATA_GROUPS.has(group) && !LEFT_OUT.has(name) && (flags & BLOCKING) === 0,
  ).flatMap((spec) =>
    spec.subcommands === undefined
      ? [commandFromSpec(spec)]
      : spec.subcommands.map((subcommand) => commandFromSpec(subcommand, spec.name)),
  );
  return fc
    .sample(fc.oneof(...generators), { numRuns: COMMANDS, seed: SEED })
    .filter((words) => !words.some((word) => /^block$/i.test(word)));
}

async function digest(client: RawClient): Promise<string> {
  return String(await client.call('DEBUG', 'DIGEST'));
}

describe('an append-only file of every command', () => {
  it(`has all of it, seed ${SEED}`, async (t) => {
    const folder = new DataFolder();
    t.after(() => folder.remove());
    const commands = drawn();
    const written = await folder.with('ours', DIRECTIVES, async (client) => {
      await client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
      for (let i = 0; i < commands.length; i += 7) {
        const some = commands.slice(i, i + 7);
        const together = i % 4 === 0 ? [['MULTI'], ...some, ['EXEC']] : some;
        await client.pipeline(i % 9 === 0 ? [['SELECT', String(i % 3)], ...together] : together);
      }
      return digest(client);
    });
    assert.notEqual(written, '0'.repeat(40));
    await folder.with('ours', DIRECTIVES, async (client) => {
      assert.equal(await digest(client), written, 'as it was written');
      await client.call('BGREWRITEAOF');
      while (/aof_rewrite_in_progress:1/.test(String(await client.call('INFO', 'persistence'))));
    });
    await folder.with('ours', DIRECTIVES, async (client) => {
      assert.equal(await digest(client), written, 'from the rewritten base');
    });
  });
});
