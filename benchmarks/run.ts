/**
 * `npm run bench`: ours against the redis-server on PATH, in turn, on this machine.
 *
 *     npm run bench                            everything but --big: about half an hour
 *     npm run bench -- --quick                 two short rounds: about ten minutes
 *     npm run bench -- --only p16,memory       some scenarios
 *     npm run bench -- --big                   20 million keys as well
 *     npm run bench -- --json > bench.json
 *     npm run bench -- --readme                also rewrites the table in README.md
 *     npm run bench -- --ours "node --cpu-prof bin/ts-redis-server"
 */
import { execFileSync } from 'node:child_process';
import { cpus, setPriority } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { findProgram, REPOSITORY } from '../test/support/server-process.ts';
import {
  type Finished,
  jsonReport,
  markdownReport,
  rewriteReadme,
  type Setting,
  textReport,
} from './report.ts';
import type { Bench, Scenario } from './scenario.ts';
import { big } from './scenarios/big.ts';
import { collectionsMemory } from './scenarios/collections-memory.ts';
import { defrag } from './scenarios/defrag.ts';
import { failover } from './scenarios/failover.ts';
import { fullSync } from './scenarios/full-sync.ts';
import { idle } from './scenarios/idle.ts';
import { lazyfree } from './scenarios/lazyfree.ts';
import { loading } from './scenarios/loading.ts';
import { memory } from './scenarios/memory.ts';
import { range } from './scenarios/range.ts';
import { replicaLag } from './scenarios/replica-lag.ts';
import { replication } from './scenarios/replication.ts';
import { saving } from './scenarios/saving.ts';
import { snapshot } from './scenarios/snapshot.ts';
import { startup } from './scenarios/startup.ts';
import { throughputScenarios } from './scenarios/throughput.ts';
import { type Pinning, pinClients, Servers } from './servers.ts';

const SCENARIOS: readonly Scenario[] = [
  ...throughputScenarios,
  range,
  idle,
  memory,
  collectionsMemory,
  lazyfree,
  defrag,
  startup,
  loading,
  saving,
  snapshot,
  replication,
  replicaLag,
  fullSync,
  failover,
  big,
];

interface Options {
  readonly rounds?: string;
  readonly quick?: boolean;
  readonly only?: string;
  readonly big?: string | true;
  readonly json?: boolean;
  readonly readme?: boolean;
  readonly ours?: string;
  readonly redis?: string;
  readonly pin: boolean;
}

const program = new Command('npm run bench --')
  .description('Measures ts-redis-server against the redis-server on PATH, in turn.')
  .option('--rounds <n>', 'rounds of each test (3; 2 with --quick)')
  .option('--quick', 'fewer rounds and requests')
  .option('--only <names>', `scenarios, by comma: ${SCENARIOS.map(({ name }) => name).join(',')}`)
  .option('--big [keys]', 'the scenario with 20 million keys too (needs about 4 GB)')
  .option('--json', 'print JSON instead of tables')
  .option('--readme', 'rewrite the table between the markers in README.md')
  .option('--ours <command>', 'the command of our server')
  .option('--redis <command>', 'the redis-server to compare with')
  .option('--no-pin', 'leave the cores to the scheduler');

await main(program.parse().opts<Options>());

async function main(options: Options): Promise<void> {
  const redis = options.redis ?? findProgram('redis-server');
  const redisBenchmark = findProgram('redis-benchmark');
  if (redis === null || redisBenchmark === null) {
    console.error('redis-server and redis-benchmark must be on PATH (Debian: redis-server, redis-tools)');
    process.exitCode = 1;
    return;
  }
  const chosen = choose(options);
  goBeforeOthers();
  const pinning = options.pin ? pinClients() : null;
  const servers = new Servers(options.ours, redis, pinning);
  const bench: Bench = {
    rounds: Number(options.rounds ?? (options.quick ? 2 : 3)),
    scale: options.quick ? 0.3 : 1,
    redisBenchmark,
    bigKeys: Number(typeof options.big === 'string' ? options.big : 20_000_000),
    start: (side, startOptions) => servers.start(side, startOptions),
    progress: (text) => process.stderr.write(`${text}\n`),
  };
  const finished: Finished[] = [];
  for (const scenario of chosen) {
    bench.progress(`-- ${scenario.title}`);
    finished.push({ scenario, result: await scenario.run(bench) });
  }
  const setting = describeSetting(bench, redis, servers, pinning);
  process.stdout.write(options.json ? jsonReport(setting, finished) : `\n${textReport(setting, finished)}`);
  if (options.readme) rewriteReadme(join(REPOSITORY, 'README.md'), markdownReport(setting, finished));
}

/** Servers and clients, all started from here, inherit it: what else the machine does shows less. Only root may. */
function goBeforeOthers(): void {
  try {
    setPriority(-15);
  } catch {
    // Then the figures of a busy machine scatter more.
  }
}

function choose(options: Options): Scenario[] {
  const names = options.only?.split(',').map((name) => name.trim());
  const unknown = names?.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
  if (unknown.length > 0) program.error(`no scenario is called ${unknown.join(', ')}`);
  return SCENARIOS.filter(({ name, onlyOnRequest }) => {
    if (name === 'big' && options.big) return true;
    return names ? names.includes(name) : !onlyOnRequest;
  });
}

function describeSetting(bench: Bench, redis: string, servers: Servers, pinning: Pinning | null): Setting {
  const version = execFileSync(redis, ['--version'], { encoding: 'utf8' });
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    node: process.version,
    redis: /v=(\S+)/.exec(version)?.[1] ?? version.trim(),
    ours: servers.describe('ours'),
    pinning: pinning
      ? `servers pinned to core ${pinning.serverCore}, clients to core ${pinning.clientCore}`
      : 'nothing pinned to a core',
    rounds: bench.rounds,
    scale: bench.scale,
    date: new Date().toISOString().slice(0, 10),
  };
}
