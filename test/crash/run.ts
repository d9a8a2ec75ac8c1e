/**
 * `npm run crash`: kill -9 under load, again and again, and nothing may be lost.
 *
 *     npm run crash -- --rounds 200                        ours, appendfsync always
 *     npm run crash -- --policy everysec --seed 42
 *     npm run crash -- --policy rdb                        snapshots only
 *     npm run crash -- --server redis-server               the harness itself, tried on the real one
 *     npm run crash -- --again <failed-round-folder>       judges what a failed round left once more
 *
 * The seed decides what is sent and when the kill comes, but not how fast the server is: a failed round is
 * therefore kept whole, with its data folder as the kill left it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { seededRandom } from '../soak/soak.ts';
import { oursCommand, splitCommand, startServer } from '../support/server-process.ts';
import { CrashRun, type Policy } from './crash-run.ts';
import { copyFolder, judge, readEvidence } from './evidence.ts';

interface Options {
  readonly rounds: string;
  readonly seed?: string;
  readonly server?: string;
  readonly policy: Policy;
  readonly longest: string;
  readonly minutes: string;
  readonly again?: string;
  readonly quiet?: boolean;
}

const program = new Command('npm run crash --')
  .option('--rounds <count>', 'how many', '20')
  .option('--seed <number>', 'repeats what is sent')
  .option('--server <command>', 'the server to run (ours by default)')
  .addOption(
    new Option('--policy <name>', 'what must survive')
      .choices(['always', 'everysec', 'rdb'])
      .default('always'),
  )
  .option('--longest <ms>', 'longest load of a round')
  .option('--minutes <count>', 'no new round after so many', '15')
  .option('--again <folder>', 'judges the evidence of a failed round')
  .option('--quiet', 'no line per round');

const options = program.parse().opts<Options>();
const command = options.server === undefined ? oursCommand() : splitCommand(options.server);
if (options.again === undefined) await rounds();
else await again(options.again);

async function rounds(): Promise<void> {
  const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 32));
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-crash-'));
  console.log(`seed ${seed}, policy ${options.policy}, ${command.join(' ')}`);
  const run = new CrashRun({
    command,
    policy: options.policy,
    random: seededRandom(seed),
    folder,
    longestMs: Number(options.longest ?? (options.policy === 'everysec' ? 4000 : 1300)),
    log: options.quiet ? () => {} : console.log,
  });
  const begin = performance.now();
  let round = 0;
  try {
    await run.start();
    while (round < Number(options.rounds) && performance.now() - begin < Number(options.minutes) * 60_000) {
      await run.round(++round);
    }
    await run.stop();
    rmSync(folder, { recursive: true, force: true });
    const { steps, killedStarts, saves, rewrites, switches } = run.totals;
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.log(
      `${round} rounds passed in ${seconds} s (seed ${seed}, ${options.policy}): ${steps} steps, ${saves} BGSAVE, ${rewrites} BGREWRITEAOF, ${switches} times appendonly off, ${killedStarts} killed starts`,
    );
  } catch (error) {
    console.error(
      `round ${round} failed (seed ${seed}, ${options.policy}):\n${String((error as Error).stack)}`,
    );
    console.error(`evidence: npm run crash -- --again ${join(folder, `failed-round-${round}`)}`);
    await run.stop();
    process.exitCode = 1;
  }
}

async function again(folder: string): Promise<void> {
  const evidence = readEvidence(resolve(folder));
  const scratch = mkdtempSync(join(tmpdir(), 'ts-redis-crash-'));
  copyFolder(join(folder, 'data'), scratch);
  const server = await startServer({
    command,
    dir: scratch,
    directives: { appendonly: evidence.policy === 'rdb' ? 'no' : 'yes' },
  });
  try {
    await judge(await server.connect(), evidence);
    console.log('nothing is lost');
  } catch (error) {
    console.error(String((error as Error).stack));
    process.exitCode = 1;
  } finally {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
  process.exit();
}
