/**
 * `npm test`: finds test/**\/*.test.ts and gives them to node's own test runner.
 *
 *     npm test                      everything
 *     npm test -- strings parser    only files whose path contains one of the words
 *     npm test -- --test-only       options of node's runner (--name=value) go through
 *
 * People read the spec reporter; machines look for the runner's TAP totals ("# tests 12"). Node gives both at
 * once when the second goes to a file, whose totals are repeated as the last lines of the output.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** Tests start servers and wait for them; more files at once than this only makes two cores late. */
const CONCURRENCY = 2;
/** A file that hangs must not hang CI. */
const FILE_TIMEOUT_MS = 10 * 60_000;

const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('--'));
const filters = words.filter((word) => !word.startsWith('--'));
const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => relative(ROOT, join(ROOT, 'test', path)))
  .filter((path) => filters.length === 0 || filters.some((word) => path.includes(word)))
  .sort();

if (files.length === 0) {
  console.error(`no test file matches ${filters.join(' ') || 'test/**/*.test.ts'}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), 'ts-redis-test-'));
const tap = join(scratch, 'results.tap');
const child = spawn(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${tap}`,
    ...options,
    ...files,
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('close', (code, signal) => {
  const totals = /^# (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) .*$/gm;
  const lines = readFileSync(tap, 'utf8').match(totals)?.slice(-8) ?? [];
  console.log(lines.join('\n'));
  rmSync(scratch, { recursive: true, force: true });
  process.exitCode = signal ? 1 : (code ?? 1);
});
