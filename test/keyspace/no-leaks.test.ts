/**
 * Nothing is left behind: after random commands of every family on keys of every type, deleting the keys brings the
 * arena, the tables and the table of externals back to nothing, to the byte.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { BLOCKING } from '../../src/engine/command-spec.ts';
import { inProcess } from '../support/in-process.ts';
import { commandFromSpec, DATA_GROUPS } from '../support/spec-generator.ts';

const LEFT_OUT = new Set(['wait', 'object', 'migrate', 'dump', 'restore', 'swapdb', 'move']);
const SEQUENCES = 60;
const COMMANDS = 400;

const someCommand = fc.oneof(
  ...ALL_COMMANDS.filter(
    ({ name, group, flags }) => DATA_GROUPS.has(group) && !LEFT_OUT.has(name) && (flags & BLOCKING) === 0,
  ).flatMap((spec) =>
    spec.subcommands === undefined
      ? [commandFromSpec(spec)]
      : spec.subcommands.map((sub) => commandFromSpec(sub, spec.name)),
  ),
);

/** Thresholds so low that collections grow out of their packed forms all the time. */
const TINY = {
  'hash-max-listpack-entries': '3',
  'set-max-intset-entries': '3',
  'zset-max-listpack-entries': '3',
  'list-max-listpack-size': '2',
  'stream-node-max-entries': '2',
  'hll-sparse-max-bytes': '50',
};

for (const [title, directives] of [
  ['usual thresholds', {}],
  ['tiny thresholds', TINY],
] as const) {
  it(`nothing is left behind by random commands, ${title}`, () => {
    const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const commands = fc.sample(someCommand, { numRuns: SEQUENCES * COMMANDS, seed });
    const redis = inProcess(directives, seed);
    const { memory } = redis.engine.keyspace;
    redis.call('SET', 'warm', 'up');
    redis.call('DEL', 'warm');
    for (let i = 0; i < commands.length; i++) {
      const words = commands[i]!.map((word) => Buffer.from(word, 'latin1'));
      const told = `seed ${seed}, command ${i}: ${commands[i]!.join(' ')}`;
      try {
        redis.raw(...words);
      } catch (error) {
        throw new Error(`${told}: ${error instanceof Error ? error.stack : error}`);
      }
      if (i % COMMANDS !== COMMANDS - 1) continue;
      // COPY has put some into another database.
      for (const db of [1, 0]) {
        redis.call('SELECT', db);
        for (const key of redis.call('KEYS', '*') as string[])
          redis.raw(i % 800 < 400 ? 'DEL' : 'UNLINK', key);
        // KEYS doesn't show what has just expired.
        for (let n = 0; n < 100 && redis.call('DBSIZE') !== 0; n++) redis.clock.advance(100);
        assert.equal(redis.call('DBSIZE'), 0, told);
      }
      redis.clock.advance(1000);
      const left = {
        arena: memory.arena.liveBytes,
        tables: memory.tableBytes,
        externals: memory.externals.count,
        externalBytes: memory.externals.bytes,
      };
      assert.deepEqual(left, { arena: 0, tables: 0, externals: 0, externalBytes: 0 }, told);
    }
  });
}
