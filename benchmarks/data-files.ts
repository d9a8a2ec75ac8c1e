/**
 * What persistence is measured with: a million strings, or a hundred thousand each of hashes, lists, sets and sorted
 * sets of twenty elements. All is made by redis-server, so that both servers read the same files.
 */
import { fill, randomText, wire } from '../test/support/filler.ts';
import type { ServerProcess } from '../test/support/server-process.ts';
import { sleep } from '../test/support/wait-for.ts';
import { loadKeys } from './loader.ts';

const ELEMENTS = 20;

export interface Population {
  readonly name: string;
  /** How many keys of each kind a full run has. */
  readonly keys: number;
  fill(port: number, keys: number): Promise<void>;
}

export const POPULATIONS: readonly Population[] = [
  { name: '1M strings', keys: 1_000_000, fill: (port, keys) => loadKeys(port, keys) },
  { name: '100k each of hashes, lists, sets, sorted sets of 20', keys: 100_000, fill: fillCollections },
];

async function fillCollections(port: number, keys: number): Promise<void> {
  const text = randomText(7);
  const several = <T>(one: (i: number) => T[]): T[] =>
    Array.from({ length: ELEMENTS }, (_, i) => one(i)).flat();
  await fill(port, keys * 4, (i) => {
    const key = i >> 2;
    switch (i & 3) {
      case 0:
        return wire('HSET', `hash:${key}`, ...several((j) => [`field:${j}`, text(12)]));
      case 1:
        return wire('RPUSH', `list:${key}`, ...several(() => [text(12)]));
      case 2:
        return wire('SADD', `set:${key}`, ...several(() => [text(12)]));
      default:
        return wire('ZADD', `zset:${key}`, ...several((j) => [(key * 31 + j * 7919) % 100_003, text(12)]));
    }
  });
}

/** A field of INFO persistence. */
export async function persistenceField(server: ServerProcess, name: string): Promise<string> {
  const client = await server.connect();
  try {
    const info = (await client.send('INFO', 'persistence')).toString('latin1');
    return new RegExp(`^${name}:(.*)\r$`, 'm').exec(info)?.[1] ?? '';
  } finally {
    await client.close();
  }
}

/** Waits until no snapshot and no rewrite is running or scheduled. */
export async function untilSaved(server: ServerProcess): Promise<void> {
  const client = await server.connect();
  try {
    for (;;) {
      const info = (await client.send('INFO', 'persistence')).toString('latin1');
      if (!/(rdb_bgsave_in_progress|aof_rewrite_in_progress|aof_rewrite_scheduled):1/.test(info)) return;
      await sleep(5);
    }
  } finally {
    await client.close();
  }
}
