/** From the start of the process to its first PONG, on all cores, as a user starts it. */
import { type Bench, type Scenario, type ScenarioResult, SIDES } from '../scenario.ts';

const STARTS = 5;

export const startup: Scenario = {
  name: 'startup',
  title: `Start to first PONG (median of ${STARTS})`,
  async run(bench: Bench): Promise<ScenarioResult> {
    const times = { ours: [] as number[], redis: [] as number[] };
    for (let i = 0; i < STARTS; i++) {
      for (const side of SIDES) {
        const server = await bench.start(side, { anyCore: true });
        try {
          const client = await server.connect();
          await client.send('PING');
          times[side].push(performance.now() - server.spawnedAt);
          await client.close();
        } finally {
          await server.stop();
        }
      }
    }
    bench.progress(
      `startup: ours ${times.ours.map(Math.round).join(' ')}, redis ${times.redis.map(Math.round).join(' ')}`,
    );
    return {
      rows: [{ test: 'start', unit: 'ms', ...times, bar: { oursMax: 200 }, notInMean: true }],
    };
  },
};
