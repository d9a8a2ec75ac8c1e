/**
 * How long data files take to load: both servers start over the same files, an RDB and an append-only file without
 * preamble. The servers' own logs say how long; the time from the start of the process is told, too.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Directives } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { POPULATIONS, type Population, persistenceField } from '../data-files.ts';
import { cpuSeconds } from '../process-cpu.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';

const AOF: Directives = {
  appendonly: 'yes',
  'aof-use-rdb-preamble': 'no',
  'auto-aof-rewrite-percentage': 0,
  appendfsync: 'no',
};

export const loading: Scenario = {
  name: 'loading',
  title: 'Loading data files',
  async run(bench: Bench): Promise<ScenarioResult> {
    const rows: Row[] = [];
    for (const population of POPULATIONS) {
      for (const kind of ['RDB', 'AOF'] as const) rows.push(...(await measure(bench, population, kind)));
    }
    return { rows };
  },
};

async function measure(bench: Bench, population: Population, kind: 'RDB' | 'AOF'): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-bench-'));
  const files = join(folder, 'files');
  const directives: Directives = { loglevel: 'notice', ...(kind === 'AOF' ? AOF : {}) };
  try {
    const keys = Math.ceil(population.keys * bench.scale);
    const maker = await bench.start('redis', { directives });
    try {
      await population.fill(maker.port, keys);
      const client = await maker.connect();
      client.timeoutMs = 120_000;
      if (kind === 'RDB') await client.send('SAVE');
      client.sendNoReply('SHUTDOWN', 'NOSAVE');
      await maker.exited;
      cpSync(maker.dir, files, { recursive: true });
    } finally {
      await maker.stop();
    }
    const figures = { ours: newFigures(), redis: newFigures() };
    for (let round = 0; round < bench.rounds; round++) {
      for (const side of SIDES) {
        const loaded = await load(bench, side, directives, files);
        figures[side].log.push(loaded.log);
        figures[side].start.push(loaded.start);
        figures[side].cpu.push(loaded.cpu);
        bench.progress(`loading ${kind}, ${population.name}, ${side}: ${loaded.log.toFixed(2)} s`);
      }
    }
    const row = (test: string, pick: (figures: Figures) => number[]): Row => ({
      test: `${kind}, ${population.name}${test}`,
      unit: 's',
      ours: pick(figures.ours),
      redis: pick(figures.redis),
      notInMean: true,
    });
    return [
      { ...row('', (one) => one.log), bar: { ratioMax: 1 } },
      row(', start to loaded', (one) => one.start),
      row(', CPU time', (one) => one.cpu),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Figures {
  readonly log: number[];
  readonly start: number[];
  readonly cpu: number[];
}

function newFigures(): Figures {
  return { log: [], start: [], cpu: [] };
}

async function load(
  bench: Bench,
  side: Side,
  directives: Directives,
  files: string,
): Promise<{ log: number; start: number; cpu: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'ts-redis-bench-'));
  try {
    cpSync(files, dir, { recursive: true });
    const server = await bench.start(side, { directives, dir });
    try {
      // Redis is not ready before; ours may be, and says so.
      while ((await persistenceField(server, 'loading')) !== '0') await sleep(2);
      const start = (performance.now() - server.spawnedAt) / 1000;
      const cpu = cpuSeconds(server);
      const found = /DB loaded from (?:disk|append only file): ([\d.]+) seconds/.exec(server.output);
      return { log: found === null ? start : Number(found[1]), start, cpu };
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
