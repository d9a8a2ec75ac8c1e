/** How long a save takes while nobody asks for anything: SAVE, BGSAVE and BGREWRITEAOF of the same data. */
import type { RawClient } from '../../test/support/raw-client.ts';
import { POPULATIONS, type Population, untilSaved } from '../data-files.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, withBoth } from '../scenario.ts';
import { median } from '../stats.ts';

/** Our BGSAVE may take so many times redis's SAVE. */
const BGSAVE_MAX = 1.5;
const WAYS = ['SAVE', 'BGSAVE', 'BGREWRITEAOF'] as const;

export const saving: Scenario = {
  name: 'saving',
  title: 'Saving, nobody else there',
  async run(bench: Bench): Promise<ScenarioResult> {
    const rows: Row[] = [];
    for (const population of POPULATIONS) rows.push(...(await measure(bench, population)));
    return { rows };
  },
};

function measure(bench: Bench, population: Population): Promise<Row[]> {
  return withBoth(bench, {}, async (servers) => {
    const seconds = {
      SAVE: { ours: [] as number[], redis: [] as number[] },
      BGSAVE: { ours: [] as number[], redis: [] as number[] },
      BGREWRITEAOF: { ours: [] as number[], redis: [] as number[] },
    };
    for (const side of SIDES) {
      await population.fill(servers[side].port, Math.ceil(population.keys * bench.scale));
    }
    for (let round = 0; round < bench.rounds; round++) {
      for (const side of SIDES) {
        const client: RawClient = await servers[side].connect();
        client.timeoutMs = 120_000;
        for (const way of WAYS) {
          const start = performance.now();
          await client.send(way);
          await untilSaved(servers[side]);
          seconds[way][side].push((performance.now() - start) / 1000);
        }
        await client.close();
        const shown = WAYS.map((way) => `${way} ${seconds[way][side].at(-1)!.toFixed(2)} s`).join(', ');
        bench.progress(`saving ${population.name}, ${side}: ${shown}`);
      }
    }
    const theirSave = median(seconds.SAVE.redis);
    return [
      ...WAYS.map(
        (way): Row => ({
          test: `${way}, ${population.name}`,
          unit: 's',
          ...seconds[way],
          notInMean: true,
        }),
      ),
      {
        test: `BGSAVE / SAVE of redis, ${population.name}`,
        unit: 'x' as const,
        ours: seconds.BGSAVE.ours.map((one) => one / theirSave),
        redis: seconds.BGSAVE.redis.map((one) => one / theirSave),
        bar: { oursMax: BGSAVE_MAX },
        notInMean: true,
      },
    ];
  });
}
