/**
 * Twenty million keys, more than a JavaScript Map can hold (2^24): how long loading takes, what another client
 * feels meanwhile, and what a GET is worth there. One server at a time, for both together may not fit in memory.
 */
import type { ServerProcess } from '../../test/support/server-process.ts';
import { loadKeys } from '../loader.ts';
import { lateness, startProbe } from '../ping-probe.ts';
import type { ProbeReport } from '../probe.ts';
import { redisBenchmark } from '../redis-benchmark.ts';
import { type Bench, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';
import { rssOf } from './memory.ts';

export const big: Scenario = {
  name: 'big',
  title: 'Twenty million keys',
  onlyOnRequest: true,
  async run(bench: Bench): Promise<ScenarioResult> {
    const found = { ours: await measure(bench, 'ours'), redis: await measure(bench, 'redis') };
    const both = (pick: (one: Measured) => number): { ours: number[]; redis: number[] } => ({
      ours: [pick(found.ours)],
      redis: [pick(found.redis)],
    });
    const gets = { ours: found.ours.gets, redis: found.redis.gets };
    return {
      rows: [
        { test: 'loading', unit: 's', ...both((one) => one.loadSeconds), notInMean: true },
        {
          test: 'worst PING while loading',
          unit: 'ms',
          ...both((one) => one.probe.worstMs),
          bar: { oursMax: 20 },
          notInMean: true,
        },
        {
          test: '99.9% of PINGs while loading',
          unit: 'ms',
          ...both((one) => one.probe.p999Ms),
          notInMean: true,
        },
        { test: 'growth of RSS', unit: 'MB', ...both((one) => one.megabytes), notInMean: true },
        { test: 'GET, P=1', unit: 'req/s', ours: gets.ours[0]!, redis: gets.redis[0]!, bar: { ratioMin: 1 } },
        {
          test: 'GET, P=16',
          unit: 'req/s',
          ours: gets.ours[1]!,
          redis: gets.redis[1]!,
          bar: { ratioMin: 1 },
        },
      ],
      notes: [`${bench.bigKeys.toLocaleString('en')} keys`].concat(
        SIDES.map((side) => lateness(side, found[side].probe)),
      ),
    };
  },
};

interface Measured {
  readonly loadSeconds: number;
  readonly megabytes: number;
  readonly probe: ProbeReport;
  /** Requests a second in each round, at P=1 and at P=16. */
  readonly gets: readonly (readonly number[])[];
}

async function measure(bench: Bench, side: Side): Promise<Measured> {
  const server = await bench.start(side);
  try {
    const before = rssOf(server);
    const probe = await startProbe(server.port);
    const start = performance.now();
    await loadKeys(server.port, bench.bigKeys);
    const loadSeconds = (performance.now() - start) / 1000;
    const report = await probe.stop();
    bench.progress(
      `big ${side}: loaded in ${loadSeconds.toFixed(1)} s, worst PING ${report.worstMs.toFixed(1)} ms`,
    );
    await assertKeyCount(server, bench.bigKeys);
    const megabytes = (rssOf(server) - before) / 1e6;
    const gets: number[][] = [];
    for (const [pipeline, requests] of [
      [1, 200_000],
      [16, 1_000_000],
    ] as const) {
      const rps: number[] = [];
      for (let round = 0; round < bench.rounds; round++) {
        const call = {
          port: server.port,
          test: ['GET', 'key:__rand_int__'],
          pipeline,
          keyspace: bench.bigKeys,
        };
        rps.push((await redisBenchmark(bench.redisBenchmark, { ...call, requests })).rps);
      }
      gets.push(rps);
      bench.progress(`big ${side}: GET P=${pipeline} ${rps.map(Math.round).join(' ')}`);
    }
    return { loadSeconds, megabytes, probe: report, gets };
  } finally {
    await server.stop();
  }
}

async function assertKeyCount(server: ServerProcess, keys: number): Promise<void> {
  const client = await server.connect();
  const size = await client.call('DBSIZE');
  await client.close();
  if (size !== keys) throw new Error(`loaded ${keys} keys, but DBSIZE says ${String(size)}`);
}
