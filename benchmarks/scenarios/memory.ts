/** Memory for a million small keys: growth of the process (VmRSS), not what a server says of itself. */
import type { ServerProcess } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { loadKeys } from '../loader.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES } from '../scenario.ts';

const KEYS = 1_000_000;

export const memory: Scenario = {
  name: 'memory',
  title: `Memory for ${KEYS.toLocaleString('en')} keys (16-byte keys, 32-byte values)`,
  async run(bench: Bench): Promise<ScenarioResult> {
    const growth = { ours: [] as number[], redis: [] as number[] };
    const rate = { ours: [] as number[], redis: [] as number[] };
    for (let round = 0; round < bench.rounds; round++) {
      for (const side of SIDES) {
        const server = await bench.start(side);
        try {
          const before = rssOf(server);
          const start = performance.now();
          await loadKeys(server.port, KEYS);
          rate[side].push((KEYS / (performance.now() - start)) * 1000);
          // Buffers and garbage of the load itself go within a moment; what stays is the price of the keys.
          await sleep(1500);
          growth[side].push((rssOf(server) - before) / 1e6);
          bench.progress(
            `memory ${round + 1}/${bench.rounds} ${side}: ${growth[side].at(-1)!.toFixed(1)} MB`,
          );
        } finally {
          await server.stop();
        }
      }
    }
    const perKey = (megabytes: readonly number[]): number[] => megabytes.map((mb) => (mb * 1e6) / KEYS);
    const rows: Row[] = [
      { test: 'growth of RSS', unit: 'MB', ...growth, bar: { ratioMax: 0.7 }, notInMean: true },
      {
        test: 'for each key',
        unit: 'bytes',
        ours: perKey(growth.ours),
        redis: perKey(growth.redis),
        notInMean: true,
      },
      { test: 'loading', unit: 'keys/s', ...rate, notInMean: true },
    ];
    return { rows };
  },
};

export function rssOf(server: ServerProcess): number {
  const rss = server.rssBytes();
  if (rss === null) throw new Error('no /proc to read the resident memory from');
  return rss;
}
