/**
 * `npm run soak:sentinel`: failovers of real processes at length.
 *
 *     npm run soak:sentinel                                    everything: about half an hour
 *     npm run soak:sentinel -- --only matrix                   every mix of sentinels and servers, every fault
 *     npm run soak:sentinel -- --only wait --crashes 100       what WAIT 1 has confirmed survives
 *     npm run soak:sentinel -- --only isolation,garbage,sentinels
 *     npm run soak:sentinel -- --mix real,real,real/ours,ours,ours    only those (sentinels / servers)
 *
 * What fails is told, and the rest goes on. Exits with 1 if anything did.
 */
import { Command } from 'commander';
import { FAULTS, failover, lossOfSentinels } from './support/faults.ts';
import { garbage } from './support/garbage.ts';
import { withGroup } from './support/group.ts';
import { allMixes, type Mix, nameMix, parseKinds } from './support/mixes.ts';
import {
  coordinatedLosesNothing,
  isolation,
  MIN_REPLICAS_MAX_LAG_S,
  waitBeforeCrash,
} from './support/promises.ts';

interface Work {
  readonly name: string;
  run(mix: Mix): Promise<string>;
}

const program = new Command('soak:sentinel')
  .option(
    '--only <words>',
    'matrix, wait, coordinated, isolation, sentinels, garbage',
    'matrix,wait,coordinated,isolation,sentinels,garbage',
  )
  .option('--mix <sentinels/servers>', 'for example ours,ours,real/ours,real,ours')
  .option('--crashes <n>', 'of `wait`, for each mix', '100')
  .option('--rounds <n>', 'of everything', '1')
  .option('--seed <n>', 'what chance begins with in `garbage`', String(Date.now() % 1_000_000))
  .option('--jobs <n>', 'mixes at a time', '2');
program.parse();
const options = program.opts<{
  only: string;
  mix?: string;
  crashes: string;
  rounds: string;
  seed: string;
  jobs: string;
}>();

const WORK: readonly Work[] = [
  {
    name: 'matrix',
    run: (mix) =>
      withGroup(mix, async (group) => {
        const told: string[] = [];
        for (const fault of FAULTS) {
          const { switchMs, writeMs, rejoinMs } = await failover(group, fault);
          const figures = [switchMs, writeMs, rejoinMs].map((ms) => (ms / 1000).toFixed(1));
          told.push(`${fault} ${figures.join('/')}`);
        }
        await group.agreed({ seen: true });
        return `${told.join(', ')} (s to +switch-master/write/rejoin)`;
      }),
  },
  {
    name: 'wait',
    run: async (mix) => {
      const crashes = Number(options.crashes);
      const { confirmed } = await waitBeforeCrash(mix, crashes, (text) => console.log(`     wait ${text}`));
      return `${crashes} crashes, ${confirmed} writes confirmed by WAIT 1, none lost`;
    },
  },
  {
    name: 'coordinated',
    run: async (mix) => {
      if (mix.sentinels.includes('real')) return 'redis-sentinel knows of none';
      const { acknowledged, longestMs } = await coordinatedLosesNothing(mix, 10);
      return `10 times, ${acknowledged} writes, none lost; without a write for ${Math.round(longestMs)} ms at most`;
    },
  },
  {
    name: 'isolation',
    run: async (mix) => {
      const { lastWriteMs, firstWriteMs } = await isolation(mix);
      const figures = `wrote for ${Math.round(lastWriteMs)} ms, the next one from ${Math.round(firstWriteMs)} ms on`;
      // The bar is ours; a real master is only told of.
      if (mix.servers[0] === 'ours' && lastWriteMs > (MIN_REPLICAS_MAX_LAG_S + 1) * 1000)
        throw new Error(figures);
      return figures;
    },
  },
  { name: 'sentinels', run: (mix) => withGroup({ ...mix, failoverTimeoutMs: 2000 }, lossOfSentinels) },
  { name: 'garbage', run: (mix) => garbage(mix, Number(options.seed), 2000) },
];

const wanted = options.only.split(',');
let failures = 0;

async function one(work: Work, mix: Mix): Promise<void> {
  const began = performance.now();
  const told = `${work.name}: ${nameMix(mix)}`;
  try {
    const figures = await work.run(mix);
    console.log(`ok   ${told}, ${((performance.now() - began) / 1000).toFixed(1)} s: ${figures}`);
  } catch (error) {
    failures++;
    console.log(`FAIL ${told}\n${String((error as Error).stack)}`);
  }
}

const mixes = options.mix === undefined ? mixesOf() : [mixFrom(options.mix)];

function mixesOf(): readonly Mix[] {
  return allMixes();
}

function mixFrom(text: string): Mix {
  const [sentinels, servers] = text.split('/');
  return { sentinels: parseKinds(sentinels!), servers: parseKinds(servers!) };
}

console.log(`seed ${options.seed}`);
for (let round = 0; round < Number(options.rounds); round++) {
  for (const work of WORK.filter(({ name }) => wanted.includes(name))) {
    // Ours by themselves, or beside a real one anyway.
    const once = options.mix === undefined && ['wait', 'garbage'].includes(work.name);
    const left = once ? mixes.slice(0, 1) : [...mixes];
    const worker = async (): Promise<void> => {
      for (let mix = left.shift(); mix !== undefined; mix = left.shift()) await one(work, mix);
    };
    await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
  }
}
console.log(failures === 0 ? 'all well' : `${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
