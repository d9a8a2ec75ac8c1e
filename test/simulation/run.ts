/**
 * `npm run simulate`: sentinels on virtual time, in all trouble that there is, seed after seed.
 *
 *     npm run simulate                        10,000 seeds of ten minutes each, on all cores
 *     npm run simulate -- --seeds 500 --from 20000
 *     npm run simulate -- --seed 42           one seed, told if it fails
 *     npm run simulate -- --seed 42 --trace   ... with all that happens in it
 *     npm run simulate -- --mutations         faults put into the core on purpose: all must be found
 *
 * A seed is the same world each time, to the last event; so a failing one is its own bug report. simulation.ts tells
 * what is simulated, judge.ts what must hold.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { bundle } from './bundle.ts';
import { MUTATIONS, tryMutation } from './mutations.ts';
import { runSeeds } from './pool.ts';
import { END_MS, type SimulationResult } from './simulation.ts';

interface Options {
  readonly seeds: string;
  readonly from: string;
  readonly seed?: string;
  readonly trace?: boolean;
  readonly threads: string;
  readonly keepGoing?: boolean;
  readonly mutations?: boolean;
}

/** Lines of the trace that a failure shows without --trace. */
const TAIL_LINES = 120;
/** So many failures are enough. */
const FAILURES_MAX = 10;

const program = new Command('npm run simulate --')
  .option('--seeds <count>', 'how many', '10000')
  .option('--from <seed>', 'the first', '1')
  .option('--seed <number>', 'only this one')
  .option('--trace', 'tells all that happens')
  .option('--threads <count>', 'how many at once', String(availableParallelism()))
  .option('--keep-going', `does not end after ${FAILURES_MAX} failures`)
  .option('--mutations', 'checks that faults are found');

const folder = mkdtempSync(join(tmpdir(), 'ts-redis-simulation-'));
try {
  const options = program.parse().opts<Options>();
  if (options.mutations === true) await mutations(options);
  else if (options.seed !== undefined) await one(Number(options.seed), options.trace === true);
  else await many(options);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function one(seed: number, all: boolean): Promise<void> {
  const { runSeed } = await (await bundle(folder)).load();
  const lines: string[] = [];
  const result = runSeed(seed, (line) => {
    if (all) console.log(line);
    else if (lines.push(line) > TAIL_LINES) lines.shift();
  });
  if (result.violation !== null && !all) console.log(lines.join('\n'));
  console.log(describe(result));
  if (result.violation !== null) process.exitCode = 1;
}

async function many(options: Options): Promise<void> {
  const begin = performance.now();
  const count = Number(options.seeds);
  const totals = { seeds: 0, failovers: 0, switches: 0, faults: 0, excused: 0, deadlocks: 0 };
  const converged: number[] = [];
  const failed: SimulationResult[] = [];
  const { path } = await bundle(folder);
  await runSeeds({
    path,
    from: Number(options.from),
    count,
    threads: Number(options.threads),
    onResult(result) {
      totals.seeds++;
      totals.failovers += result.failovers;
      totals.switches += result.switches;
      totals.faults += result.faults;
      totals.excused += result.excused;
      if (result.deadlocked) {
        totals.deadlocks++;
        console.log(`seed ${result.seed}: no way out by Redis's rules (${result.what})`);
      } else if (result.violation === null) converged.push(result.convergedMs);
      else {
        failed.push(result);
        console.log(describe(result));
      }
      if (totals.seeds % 500 === 0) {
        const seconds = (performance.now() - begin) / 1000;
        console.log(`${totals.seeds} seeds in ${seconds.toFixed(0)} s, ${failed.length} failed`);
      }
      return options.keepGoing === true || failed.length < FAILURES_MAX;
    },
  });
  const seconds = (performance.now() - begin) / 1000;
  converged.sort((a, b) => a - b);
  const at = (share: number): string =>
    ((converged[Math.min(converged.length - 1, Math.floor(share * converged.length))] ?? 0) / 1000).toFixed(
      1,
    );
  console.log(
    `${totals.seeds} seeds of ${END_MS / 60_000} minutes in ${seconds.toFixed(0)} s (${((totals.seeds * END_MS) / 1000 / seconds).toFixed(0)} times real time): ` +
      `${totals.faults} faults, ${totals.failovers} failovers begun, ${totals.switches} changes of master seen; ` +
      `${totals.excused} pairs of leaders after a lost file, ${totals.deadlocks} groups that Redis's rules don't lead out of; agreed after healing within ${at(0.5)} s (median), ${at(0.99)} s (99 %), ${at(1)} s (longest)`,
  );
  const [first] = failed;
  if (first === undefined) return;
  console.log(`\n${failed.length} failed. The end of seed ${first.seed}:\n`);
  await one(first.seed, false);
  process.exitCode = 1;
}

async function mutations(options: Options): Promise<void> {
  for (const mutation of MUTATIONS) {
    const found = await tryMutation(folder, mutation, {
      threads: Number(options.threads),
      from: Number(options.from),
    });
    const { name, wanted } = mutation;
    if (found === null) {
      console.log(`NOT FOUND: ${name} (expected: ${wanted.join(' or ')})`);
      process.exitCode = 1;
    } else console.log(`found after ${found.tried} seeds: ${name}: seed ${found.seed}: ${found.text}`);
  }
}

function describe({ seed, violation, what, faults, failovers, convergedMs }: SimulationResult): string {
  const where = `seed ${seed}: ${what}, ${faults} faults, ${failovers} failovers`;
  if (violation === null) return `${where}: all agreed ${convergedMs / 1000} s after healing`;
  return (
    `FAILED ${where}\n  after ${(violation.atMs / 1000).toFixed(3)} s: ${violation.text}\n` +
    `  npm run simulate -- --seed ${seed} --trace`
  );
}
