/**
 * Memory for collections: growth of the process (VmRSS) for the same random bytes on both sides. Each kind gets a
 * server of its own, so that none lives in what another has left.
 */

import { fill, randomText, wire } from '../../test/support/filler.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES } from '../scenario.ts';
import { rssOf } from './memory.ts';

interface Kind {
  readonly test: string;
  readonly commands: number;
  /** The command of an index; `text` gives random letters. */
  make(index: number, text: (length: number) => string): string;
}

const PER_COMMAND = 20;

/** Calls `one` PER_COMMAND times: fewer, longer commands fill faster. */
function several(one: () => readonly (string | number)[]): (string | number)[] {
  return Array.from({ length: PER_COMMAND }, one).flat();
}

const KINDS: readonly Kind[] = [
  {
    test: '1M hashes of 3 fields',
    commands: 1_000_000,
    make: (i, text) => wire('HSET', `user:${i}`, 'name', text(10), 'mail', text(16), 'city', text(8)),
  },
  {
    test: 'sorted set of 1M members',
    commands: 1_000_000 / PER_COMMAND,
    make: (i, text) => {
      let score = i * PER_COMMAND;
      return wire('ZADD', 'board', ...several(() => [((score++ * 7919) % 1_000_003) / 4, `m:${text(14)}`]));
    },
  },
  {
    test: 'set of 1M 20-byte members',
    commands: 1_000_000 / PER_COMMAND,
    make: (_, text) => wire('SADD', 'tags', ...several(() => [text(20)])),
  },
  {
    test: 'list of 10M 10-byte elements',
    commands: 10_000_000 / PER_COMMAND,
    make: (_, text) => wire('RPUSH', 'queue', ...several(() => [text(10)])),
  },
  {
    test: 'stream of 1M 3-field entries',
    commands: 1_000_000,
    make: (_, text) => wire('XADD', 'events', '*', 'type', text(6), 'user', text(8), 'value', text(10)),
  },
];

export const collectionsMemory: Scenario = {
  name: 'collections-memory',
  title: 'Memory for collections: growth of RSS',
  async run(bench: Bench): Promise<ScenarioResult> {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const rows: Row[] = [];
    for (const kind of KINDS) {
      const growth = { ours: [] as number[], redis: [] as number[] };
      for (const side of SIDES) {
        const server = await bench.start(side);
        try {
          const before = rssOf(server);
          const text = randomText(seed);
          await fill(server.port, kind.commands, (i) => kind.make(i, text));
          // Buffers and garbage of the load itself go within a moment; what stays is the price of the data.
          await sleep(1500);
          growth[side].push((rssOf(server) - before) / 1e6);
          bench.progress(`collections-memory ${kind.test}, ${side}: ${growth[side].at(-1)!.toFixed(1)} MB`);
        } finally {
          await server.stop();
        }
      }
      rows.push({ test: kind.test, unit: 'MB', ...growth, bar: { ratioMax: 0.8 }, notInMean: true });
    }
    return { rows, notes: [`random bytes of seed ${seed}`] };
  },
};
