/**
 * `npm run soak:replication`: the scenarios of replication at length, one after the other, for every pairing.
 *
 *     npm run soak:replication                                    once through everything
 *     npm run soak:replication -- --minutes 60 --seed 7           again and again with other seeds
 *     npm run soak:replication -- --only cut --pairing ours,real  those whose name has the word; master, replica
 *     npm run soak:replication -- --only steady --seconds 30      writes at full speed; by default ten minutes a pairing
 *
 * Every failure is told with the seed that found it, and what is left to run goes on. Exits with 1 if there was one.
 */
import { Command } from 'commander';
import { seededRandom } from '../soak/soak.ts';
import { chaos } from './support/chaos.ts';
import { type Kind, namePairing, type Pairing, pairings } from './support/node.ts';
import {
  chain,
  cutAndContinue,
  cutEverywhere,
  fullSync,
  killings,
  noStorm,
  promotion,
  steady,
} from './support/scenarios.ts';

interface Work {
  readonly name: string;
  run(pairing: Pairing, seed: number): Promise<unknown>;
}

const KINDS: readonly Kind[] = ['ours', 'real'];
const LOADS = ['disabled', 'on-empty-db', 'swapdb'] as const;

const WORK: readonly Work[] = [
  ...(['disk', 'diskless'] as const).flatMap((transfer) =>
    LOADS.map((load) => ({
      name: `full ${transfer} ${load}`,
      run: (pairing: Pairing, seed: number) =>
        fullSync({ ...pairing, transfer, load, seed, batches: 40, aof: seed % 2 === 0, replicas: 3 }),
    })),
  ),
  ...(['disk', 'diskless'] as const).map((transfer) => ({
    name: `steady ${transfer}`,
    run: (pairing: Pairing, seed: number) =>
      steady({ ...pairing, transfer, seed, seconds: Number(options.seconds) }),
  })),
  { name: 'partial', run: (pairing, seed) => cutAndContinue({ ...pairing, seed, rounds: 30 }) },
  {
    name: 'chain',
    run: ({ master, replica }, seed) => chain([master, replica, kindOf(seed), kindOf(seed >> 1)], seed, 20),
  },
  {
    name: 'promotion',
    run: ({ master, replica }, seed) => promotion([master, replica, kindOf(seed)], seed, 20),
  },
  ...(
    [
      ['disk', 'disabled'],
      ['diskless', 'disabled'],
      ['diskless', 'on-empty-db'],
      ['diskless', 'swapdb'],
    ] as const
  ).map(([transfer, load]) => ({
    name: `cut ${transfer} ${load}`,
    run: (pairing: Pairing) =>
      cutEverywhere({ ...pairing, transfer, load, positions: 110, parallel: 6, keys: 20_000 }),
  })),
  { name: 'kill', run: (pairing, seed) => killings({ ...pairing, seed, rounds: 12 }) },
  {
    name: 'chaos',
    run: ({ master, replica }, seed) =>
      chaos({ kinds: [master, replica, kindOf(seed), kindOf(seed >> 1)], seed, rounds: 30 }),
  },
  { name: 'storm', run: (pairing) => noStorm(pairing, 10) },
];

function kindOf(seed: number): Kind {
  return pairings().length === 1 ? 'ours' : KINDS[seed & 1]!;
}

const program = new Command('soak:replication')
  .option('--minutes <n>', 'goes on with other seeds for so long', '0')
  .option('--seed <n>', 'what chance begins with', String(Date.now() % 1_000_000))
  .option('--only <word>', 'scenarios whose name has it', '')
  .option('--seconds <n>', 'of writes as fast as they go, for each pairing and transfer', '600')
  .option('--pairing <master,replica>', 'ours or real, each', '');
program.parse();
const options = program.opts<{
  minutes: string;
  seconds: string;
  seed: string;
  only: string;
  pairing: string;
}>();

const chosen = pairings().filter(
  ({ master, replica }) => options.pairing === '' || options.pairing === `${master},${replica}`,
);
const deadline = performance.now() + Number(options.minutes) * 60_000;
const below = seededRandom(Number(options.seed));
let failures = 0;
console.log(`seed ${options.seed}`);
do {
  for (const work of WORK.filter(({ name }) => name.includes(options.only))) {
    for (const pairing of chosen) {
      const seed = below(1_000_000);
      const began = performance.now();
      const told = `${work.name}: ${namePairing(pairing)}, seed ${seed}`;
      try {
        const figures = await work.run(pairing, seed);
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        console.log(
          `ok   ${told}, ${seconds} s${figures === undefined ? '' : ` ${JSON.stringify(figures)}`}`,
        );
      } catch (error) {
        failures++;
        console.log(`FAIL ${told}\n${String((error as Error).stack)}`);
      }
    }
  }
} while (performance.now() < deadline);
console.log(failures === 0 ? 'all converged' : `${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
