/**
 * Filling and deleting again and again: a million keys of all types, small and big, and when all are gone the process
 * must be as small as it was after the first rounds. What leaks, or can't be given back, adds up.
 */
import { fill, randomText, wire } from '../support/filler.ts';
import type { RawClient } from '../support/raw-client.ts';
import { sleep } from '../support/wait-for.ts';
import { check, MB, rss, type Soak, type SoakScenario, seededRandom, signed } from './soak.ts';

const KEYS = 1_000_000;
const ROUNDS = 10;
/** Rounds until everything that grows once (compiled code, buffers) has grown. */
const WARM_UPS = 2;
const GROWTH_MAX = 24 * MB;
/** How often MEMORY PURGE is asked for before the size counts, and for how long each is waited for. */
const PURGES = 3;
const PURGE_MS = 700;
/** One key of so many holds a big value of its type. */
const BIG_EVERY = 2000;
const BIG_ELEMENTS = 1000;

type Text = (length: number) => string;

/** `count` times what `one` gives. */
function several(count: number, one: (i: number) => readonly (string | number)[]): (string | number)[] {
  return Array.from({ length: count }, (_, i) => one(i)).flat();
}

/** How a key of each type is made, of so many elements. */
const TYPES: readonly ((key: string, elements: number, text: Text) => string)[] = [
  (key, elements, text) => wire('SET', key, text(8 * elements)),
  (key, _, text) => wire('SET', key, text(200), 'EX', 100_000),
  (key, elements, text) => wire('RPUSH', key, ...several(elements, () => [text(10)])),
  (key, elements, text) => wire('HSET', key, ...several(elements, (i) => [`field:${i}`, text(10)])),
  (key, elements, text) => wire('SADD', key, ...several(elements, () => [text(12)])),
  (key, elements) => wire('SADD', key, ...several(elements, (i) => [i * 7])),
  (key, elements, text) => wire('ZADD', key, ...several(elements, (i) => [i / 3, text(12)])),
  (key, elements, text) =>
    several(Math.min(elements, 200), () => [wire('XADD', key, '*', 'f', text(12))]).join(''),
  (key, elements) => wire('SETBIT', key, elements * 80, 1),
];

/** How all keys are removed, in turn. */
const REMOVALS: readonly ((key: string) => string)[] = [
  (key) => wire('DEL', key),
  (key) => wire('UNLINK', key),
  (key) => wire('PEXPIRE', key, 1),
];

export const refill: SoakScenario = {
  name: 'refill',
  title: 'filling and deleting a million keys, ten times',
  async run({ server, seed, scale }: Soak): Promise<string> {
    const keys = Math.max(1000, Math.round(KEYS * scale));
    const text = randomText(seed);
    const below = seededRandom(seed);
    const client = await server.connect();
    const sizes: number[] = [];
    let full = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await fill(server.port, keys, (i) => {
        const elements = i % BIG_EVERY === 0 ? BIG_ELEMENTS : 1 + (i % 5);
        return TYPES[below(TYPES.length)]!(`key:${i}`, elements, text);
      });
      full = rss(server);
      const remove = REMOVALS[round % REMOVALS.length]!;
      // Not in the order in which they were made.
      const step = 7919;
      const start = below(keys);
      await fill(server.port, keys, (i) => remove(`key:${(start + i * step) % keys}`));
      await allGone(client);
      for (let i = 0; i < PURGES; i++) {
        await client.send('MEMORY', 'PURGE');
        await sleep(PURGE_MS);
      }
      sizes.push(rss(server));
    }
    await client.close();
    const growth = sizes.at(-1)! - sizes[WARM_UPS - 1]!;
    const shown = sizes.map((size) => (size / MB).toFixed(0)).join(' ');
    check(growth <= GROWTH_MAX, `RSS after each round: ${shown} MB`);
    return `${keys} keys, ${(full / MB).toFixed(0)} MB full; empty ${shown} MB: ${signed(growth)}`;
  },
};

async function allGone(client: RawClient): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if ((await client.call('DBSIZE')) === 0) return;
    await sleep(100);
  }
  throw new Error(`${String(await client.call('DBSIZE'))} keys are left`);
}
