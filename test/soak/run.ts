/**
 * `npm run soak`: long and hostile, over the wire, against ours or any other server.
 *
 *     npm run soak                                 everything: a few minutes
 *     npm run soak -- --only fuzz,churn --scale 0.1
 *     npm run soak -- --server redis-server        the same at the real one
 *     npm run soak -- --seed 42                    repeats a run
 *
 * Each scenario gets a fresh server and prints one line; the exit code is 1 when any failed.
 */
import { Command } from 'commander';
import { splitCommand, startServer } from '../support/server-process.ts';
import { announcedBulk } from './announced-bulk.ts';
import { churn } from './churn.ts';
import { fuzz } from './fuzz.ts';
import { halfSent } from './half-sent.ts';
import { refill } from './refill.ts';
import { outputLimit, slowReader } from './slow-reader.ts';
import type { SoakScenario } from './soak.ts';

const SCENARIOS: readonly SoakScenario[] = [
  fuzz,
  halfSent,
  announcedBulk,
  churn,
  refill,
  slowReader,
  outputLimit,
];

interface Options {
  readonly server?: string;
  readonly only?: string;
  readonly scale: string;
  readonly seed?: string;
}

const program = new Command('npm run soak --')
  .option('--server <command>', 'the server to run (ours by default)')
  .option('--only <names>', `scenarios, by comma: ${SCENARIOS.map(({ name }) => name).join(',')}`)
  .option('--scale <factor>', 'multiplies the counts', '1')
  .option('--seed <number>', 'repeats a run');

await main(program.parse().opts<Options>());

async function main(options: Options): Promise<void> {
  const names = options.only?.split(',').map((name) => name.trim());
  const unknown = names?.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
  if (unknown.length > 0) program.error(`no scenario is called ${unknown.join(', ')}`);
  const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`seed ${seed}`);
  for (const scenario of SCENARIOS) {
    if (names && !names.includes(scenario.name)) continue;
    if (!(await runOne(scenario, options, seed))) process.exitCode = 1;
  }
}

async function runOne(scenario: SoakScenario, options: Options, seed: number): Promise<boolean> {
  const start = performance.now();
  const server = await startServer({
    ...(options.server === undefined ? {} : { command: splitCommand(options.server) }),
    directives: { loglevel: 'warning', ...scenario.directives },
  });
  const took = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  try {
    const result = await scenario.run({ server, seed, scale: Number(options.scale) });
    console.log(`ok    ${scenario.name} (${scenario.title}), ${took()}: ${result}`);
    return true;
  } catch (error) {
    const said = server.output.trim().slice(-1500);
    console.log(`FAIL  ${scenario.name} (${scenario.title}), ${took()}: ${(error as Error).message}`);
    if (said !== '') console.log(said);
    return false;
  } finally {
    await server.stop();
  }
}
