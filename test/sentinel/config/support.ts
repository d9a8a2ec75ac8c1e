/** A sentinel.conf read by ours in this process, or by a real redis-sentinel. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { ConfigFileError, ServerConfig } from '../../../src/config/config.ts';
import { commentAfterWords } from '../../../src/sentinel/config/directives.ts';
import { loadSentinel } from '../../../src/sentinel/config/load.ts';
import { ConfigSaver, type SaveFs } from '../../../src/sentinel/config/save.ts';
import type { SentinelState } from '../../../src/sentinel/core/state.ts';
import { seededRandom } from '../../../src/util/random.ts';
import { freePort } from '../../support/server-process.ts';
import { withTimeout } from '../../support/wait-for.ts';
import { findRealSentinel } from '../support/member.ts';

export const ID = 'ab'.repeat(20);
const USERS = ['user default on nopass ~* &* +@all'];

const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function scratch(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ts-redis-sentinel-conf-')));
  folders.push(folder);
  return folder;
}

/** Puts a text into a file of its own. */
export function fileWith(text: string): string {
  const path = join(scratch(), 'sentinel.conf');
  writeFileSync(path, text);
  return path;
}

export interface Loaded {
  readonly config: ServerConfig;
  readonly state: SentinelState;
}

/** Throws ConfigFileError. */
export function load(path: string, cwd = join(path, '..')): Loaded {
  const config = new ServerConfig({ cwd, version: '7.0.15', sentinel: { commentAfter: commentAfterWords } });
  config.load({ file: path });
  return { config, state: loadSentinel(config, 1, seededRandom(1)) };
}

/** What ours prints when it cannot start with this text, or null. */
export function ourRefusal(text: string): string | null {
  try {
    load(fileWith(text));
    return null;
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    // A line of ours, which names the file.
    return error.report.replace(/^In file .*\n/m, '').trim();
  }
}

export function saver({ config }: Loaded, logged: string[] = [], fs?: SaveFs): ConfigSaver {
  return new ConfigSaver({
    config,
    log: (level, text) => logged.push(`${level} ${text}`),
    userLines: () => USERS,
    ...(fs && { fs }),
  });
}

/** The text of a file; each rewrite may leave an empty line at its end. */
export function textOf(path: string): string {
  return readFileSync(path, 'latin1').trimEnd();
}

/** Reads the file and writes it again, as a sentinel does that starts. Gives the new text. */
export function rewrittenByOurs(path: string): string {
  const loaded = load(path);
  if (loaded.state.myId === '') loaded.state.myId = ID;
  saver(loaded).save(loaded.state);
  return textOf(path);
}

/** What a real one prints when it cannot start with this text, or null. */
export async function realRefusal(text: string): Promise<string | null> {
  const { output, code } = await startReal(fileWith(`port ${await freePort()}\n${text}`));
  if (code === null) return null;
  const from = output.indexOf('*** FATAL');
  return from < 0 ? output.trim() : output.slice(from).trim();
}

/** Has a real one start with this file; gives the new text of the file, or throws. */
export async function rewrittenByReal(path: string): Promise<string> {
  const { output, code } = await startReal(path);
  if (code !== null) throw new Error(`redis-sentinel refuses:\n${output}\n${readFileSync(path, 'latin1')}`);
  return textOf(path);
}

/** Runs a real one until it has saved its file or has ended; code null: it has started. */
async function startReal(path: string): Promise<{ output: string; code: number | null }> {
  const child = spawn(findRealSentinel()!, [path], { cwd: join(path, '..') });
  let output = '';
  let started = false;
  const ended = new Promise<number | null>((resolve) => {
    const collect = (chunk: Buffer): void => {
      output += chunk.toString('latin1');
      if (started || !output.includes('Sentinel ID is')) return;
      started = true;
      child.kill('SIGKILL');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', () => resolve(-1));
    child.once('close', (code) => resolve(started ? null : code));
  });
  try {
    const code = await withTimeout(ended, 20_000, 'redis-sentinel to start or to refuse');
    return { output, code };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Lines in an order that says nothing: redis-sentinel's tables have none. */
export function sorted(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
