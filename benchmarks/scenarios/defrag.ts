/**
 * Five million keys, of which every other one is deleted: how far RSS comes back to what is still there, and what other
 * clients feel meanwhile. Ours has activedefrag; a redis-server that was built without it goes without.
 */

import { fill, wire } from '../../test/support/filler.ts';
import type { ServerProcess } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { keyName, loadKeys } from '../loader.ts';
import { lateness, startProbe } from '../ping-probe.ts';
import type { ProbeReport } from '../probe.ts';
import { type Bench, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';
import { rssOf } from './memory.ts';

const KEYS = 5_000_000;
const WATCHED_MS = 30_000;
/** RSS may be so many times the live bytes. */
const RATIO_MAX = 1.3;

export const defrag: Scenario = {
  name: 'defrag',
  title: `Every other one of ${KEYS.toLocaleString('en')} keys is deleted`,
  async run(bench: Bench): Promise<ScenarioResult> {
    // Always all of them: with few keys the process itself is what counts.
    const found = { ours: await measure(bench, 'ours'), redis: await measure(bench, 'redis') };
    const row = (pick: (one: Measured) => number) => ({
      ours: [pick(found.ours)],
      redis: [pick(found.redis)],
      notInMean: true,
    });
    return {
      rows: [
        { test: 'RSS before', unit: 'MB', ...row((one) => one.beforeMb) },
        { test: `RSS ${WATCHED_MS / 1000} s later`, unit: 'MB', ...row((one) => one.afterMb) },
        { test: 'live bytes', unit: 'MB', ...row((one) => one.liveMb) },
        {
          test: 'RSS / live bytes',
          unit: 'x',
          ...row((one) => one.afterMb / one.liveMb),
          bar: { oursMax: RATIO_MAX },
        },
        { test: 'until that', unit: 's', ...row((one) => one.seconds) },
        {
          test: 'worst PING meanwhile',
          unit: 'ms',
          ...row((one) => one.probe.worstMs),
          bar: { oursMax: 10 },
        },
      ],
      notes: SIDES.map((side) => lateness(side, found[side].probe)),
    };
  },
};

interface Measured {
  readonly beforeMb: number;
  readonly afterMb: number;
  readonly liveMb: number;
  /** Until RSS was within RATIO_MAX of the live bytes; the whole time if it never was. */
  readonly seconds: number;
  readonly probe: ProbeReport;
}

async function measure(bench: Bench, side: Side): Promise<Measured> {
  const server = await bench.start(side);
  const client = await server.connect();
  try {
    await loadKeys(server.port, KEYS);
    await fill(server.port, KEYS / 2, (i) => wire('DEL', keyName(i * 2)));
    const beforeMb = rssOf(server) / 1e6;
    const probe = await startProbe(server.port);
    await client.send('CONFIG', 'SET', 'activedefrag', 'yes');
    const start = performance.now();
    let seconds = WATCHED_MS / 1000;
    for (;;) {
      const passed = performance.now() - start;
      if (passed > WATCHED_MS) break;
      const within = rssOf(server) <= (await liveBytes(client)) * RATIO_MAX;
      if (within && passed / 1000 < seconds) seconds = passed / 1000;
      await sleep(200);
    }
    const report = await probe.stop();
    const afterMb = rssOf(server) / 1e6;
    bench.progress(`defrag ${side}: ${beforeMb.toFixed(0)} MB to ${afterMb.toFixed(0)} MB`);
    return { beforeMb, afterMb, liveMb: (await liveBytes(client)) / 1e6, seconds, probe: report };
  } finally {
    await client.close();
    await server.stop();
  }
}

async function liveBytes(client: Awaited<ReturnType<ServerProcess['connect']>>): Promise<number> {
  const info = (await client.send('INFO', 'memory')).toString('latin1');
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}
