/**
 * The stream of effects against redis-server's append-only file, byte for byte: what stands for each command, which
 * commands count as having changed something, what is wrapped in MULTI and EXEC, where SELECT stands. First by
 * conversations that are written out, then every command on keys of every type, with arguments made from its own
 * table entry.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { BLOCKING, type CommandSpec } from '../../src/engine/command-spec.ts';
import { CONVERSATIONS } from '../support/effect-conversations.ts';
import { differenceOf, EffectPair, showEffects } from '../support/effect-pair.ts';
import { record, steps } from '../support/effect-sequences.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { startServer } from '../support/server-process.ts';
import { commandFromSpec, DATA_GROUPS } from '../support/spec-generator.ts';

/** What chance decides, what another server decides, and what waits. */
const LEFT_OUT = new Set([
  'spop',
  'randomkey',
  'migrate',
  'wait',
  'waitaof',
  'pfselftest',
  'restore',
  'pfdebug',
]);

function commands(): fc.Arbitrary<string[]> {
  const made: { weight: number; arbitrary: fc.Arbitrary<string[]> }[] = [];
  for (const spec of ALL_COMMANDS) {
    if (!DATA_GROUPS.has(spec.group) && spec.group !== 'transactions') continue;
    if (LEFT_OUT.has(spec.name) || (spec.flags & BLOCKING) !== 0) continue;
    if (spec.subcommands === undefined)
      made.push({ weight: 4, arbitrary: commandFromSpec(spec as CommandSpec) });
    else {
      for (const sub of spec.subcommands)
        made.push({ weight: 2, arbitrary: commandFromSpec(sub, spec.name) });
    }
  }
  const lines = [
    'SELECT 0',
    'SELECT 1',
    'SWAPDB 0 1',
    'FLUSHDB',
    'FLUSHALL ASYNC',
    'MULTI',
    'EXEC',
    'EXEC',
    'PUBLISH a b',
    'XADD x1 60-* a b',
    'XADD x1 MAXLEN ~ 2 61-* a b',
    'XADD x2 MINID ~ 5 6-* a b',
    'XREADGROUP GROUP grp c STREAMS x1 >',
    'XREADGROUP GROUP grp d NOACK STREAMS x1 >',
    'XREADGROUP GROUP grp e NOACK STREAMS x1 x2 > 0',
    'XGROUP CREATE x1 grp 0 MKSTREAM',
    'XAUTOCLAIM x1 grp d 0 0',
    'XCLAIM x1 grp e 0 1-1 1-2 FORCE',
    'CONFIG SET stream-node-max-entries 2',
    'CONFIG SET stream-node-max-entries 100',
  ];
  for (const line of lines) made.push({ weight: 3, arbitrary: fc.constant(line.split(' ')) });
  return fc.oneof(...made);
}

const oracle = findOracle();

describe('effects', oracle === null ? { skip: NO_ORACLE } : {}, () => {
  let pair: EffectPair;
  before(async () => {
    pair = await EffectPair.start(oracle!);
  });
  after(() => pair.stop());

  for (const { about, lines } of CONVERSATIONS) {
    it(`are told as redis-server tells them: ${about}`, async () => {
      await pair.compare(...lines);
    });
  }

  it('are those of redis-server for every command', async () => {
    let wrong = '';
    const property = fc.asyncProperty(
      fc.array(commands(), { minLength: 1, maxLength: 60, size: 'max' }),
      async (sequence) => {
        await pair.reset();
        const before = await pair.dirty();
        await pair.send(
          'A',
          sequence.map((words) => words.map((word) => Buffer.from(word, 'latin1'))),
        );
        const { ours, oracle: real } = pair.take();
        const dirty = await pair.dirty();
        const grown = [dirty.ours - before.ours, dirty.oracle - before.oracle];
        const difference =
          differenceOf(ours, real) ?? (grown[0] === grown[1] ? null : `changes: ${grown.join(' for ')}`);
        if (difference !== null) {
          wrong = `${showEffects(sequence)}\n${difference}\nall of ours:\n${showEffects(ours)}\nall of the oracle:\n${showEffects(real)}`;
        }
        return difference === null;
      },
    );
    const { FC_SEED, FC_RUNS } = process.env;
    const result = await fc.check(property, {
      numRuns: FC_RUNS ? Number(FC_RUNS) : 150,
      ...(FC_SEED ? { seed: Number(FC_SEED) } : {}),
    });
    if (result.failed) assert.fail(`seed ${result.seed}\n${wrong || String(result.errorInstance)}`);
  });

  it('lead redis-server to the same data when it loads them', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const [sequence] = fc.sample(steps(3000, 1000), { seed, numRuns: 1 });
      const { redis, stream } = record(sequence!, seed);
      const folder = mkdtempSync(join(tmpdir(), 'ts-redis-effects-'));
      try {
        writeFileSync(join(folder, 'appendonly.aof'), stream);
        const server = await startServer({
          command: [oracle!],
          dir: folder,
          directives: { appendonly: 'yes', 'enable-debug-command': 'yes' },
        });
        try {
          const client = await server.connect();
          const digest = String(await client.call('DEBUG', 'DIGEST'));
          assert.equal(digest, String(redis.call('DEBUG', 'DIGEST')), `seed ${seed}: ${server.output}`);
        } finally {
          await server.stop();
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  });
});
