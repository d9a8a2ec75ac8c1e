/**
 * `npm run test:nodes`: the whole test suite under each Node that we promise to run on.
 *
 *     npm run test:nodes                      20, 22 and 24
 *     npm run test:nodes -- 24                one of them
 *     npm run test:nodes -- 22 24 -- clients  only test files whose path contains the word
 *
 * Each version comes from npm (the package `node` has its binary), in a temporary folder that goes afterwards; the
 * version that runs this is taken as it is. Tests start servers with their own `process.execPath`, and the binary
 * stands first on PATH for whatever asks for `node` by name. Output goes to a file for each version, and is shown
 * when the version failed.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const VERSIONS = ['20', '22', '24'];
/** Lines of a failed run that are shown. */
const TAIL = 150;

const words = process.argv.slice(2);
const isVersion = (word: string): boolean => /^\d+(\.\d+)*$/.test(word);
const versions = words.filter(isVersion);
const filters = words.filter((word) => !isVersion(word) && word !== '--');

const folder = mkdtempSync(join(tmpdir(), 'ts-redis-nodes-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const results: string[] = [];
for (const version of versions.length > 0 ? versions : VERSIONS) {
  const node = nodeBinary(version);
  const exact = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`${exact}: running`);
  const log = join(folder, `${version}.log`);
  const code = await runTests(node, log);
  const output = readFileSync(log, 'utf8');
  const total = (name: string): string =>
    new RegExp(`^# ${name} (\\d+)`, 'm').exec(output.slice(-2000))?.[1] ?? '?';
  const counts = `${total('pass')} passed, ${total('fail')} failed, ${total('skipped')} skipped`;
  if (code !== 0) {
    console.log(output.split('\n').slice(-TAIL).join('\n'));
    process.exitCode = 1;
  }
  results.push(`${exact}: ${code === 0 ? 'pass' : 'FAIL'} (${counts})`);
  console.log(results.at(-1));
}
console.log(`\n${results.join('\n')}`);

/** The path of a Node of that version; fetched if need be. */
function nodeBinary(version: string): string {
  if (`v${version}` === process.version || version === process.versions.node.split('.')[0]) {
    return process.execPath;
  }
  const prefix = join(folder, `node-${version}`);
  const args = ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', `node@${version}`];
  execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(prefix, 'node_modules', 'node', 'bin', 'node');
}

function runTests(node: string, log: string): Promise<number | null> {
  const out = openSync(log, 'w');
  const child = spawn(node, ['--import', 'tsx', join('test', 'run.ts'), ...filters], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
    stdio: ['ignore', out, out],
  });
  return new Promise((resolve) => child.once('close', resolve));
}
