/** ts-redis-check-aof against redis-check-aof: the same output, exit codes and files, whatever is wrong. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkAof } from '../../src/persistence/check/check-aof.ts';
import { realFileSystem } from '../../src/persistence/files/file-system.ts';
import { seededRandom } from '../../src/util/random.ts';
import { encodeCommand } from '../support/raw-client.ts';
import { findProgram, REPOSITORY } from '../support/server-process.ts';

const theirs = findProgram('redis-check-aof');
const ours = join(REPOSITORY, 'bin', 'ts-redis-check-aof');
const root = mkdtempSync(join(tmpdir(), 'ts-redis-check-aof-'));
after(() => rmSync(root, { recursive: true, force: true }));

const SET = encodeCommand(['SET', 'a', 'b']).toString('latin1');
const multi = (...inside: string[]): string => `*1\r\n$5\r\nMULTI\r\n${inside.join('')}*1\r\n$4\r\nexec\r\n`;
const manifest = (...lines: string[]): string => lines.map((line) => `${line}\n`).join('');
const BASE = 'file a.1.base.aof seq 1 type b';
const INCR1 = 'file a.1.incr.aof seq 1 type i';
const INCR2 = 'file a.2.incr.aof seq 2 type i';

type Files = Readonly<Record<string, string>>;
let folders = 0;

/** What a run has said and left. Times and pids of log lines, and the program's name, are not compared. */
function outcome(status: number | null, stdout: string, folder: string) {
  const output = stdout.replace(/\S*redis-check-aof/g, 'redis-check-aof').replace(/^\d+:C .{24} # /gm, '# ');
  const left = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]);
  return { status, output, files: Object.fromEntries(left) };
}

/** Ours, within this process: starting one takes longer than all the rest. */
function runOurs(folder: string, args: readonly string[], answer: string) {
  let output = '';
  const print = (text: string): void => {
    output += text;
  };
  const status = checkAof(args, {
    fs: {
      ...realFileSystem,
      openSync: (path, flags) => realFileSystem.openSync(join(folder, path), flags),
      statSync: (path) => realFileSystem.statSync(join(folder, path)),
    },
    print,
    ask: () => answer,
    log: (text) => print(`# ${text}\n`),
    checkRdb: () => -1,
  });
  return outcome(status, output, folder);
}

/** Both tools over the same files. */
function compare(files: Files, args: readonly string[], answer = 'n\n'): void {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, 'latin1');
  const copy = `${folder}-ours`;
  cpSync(folder, copy, { recursive: true });
  const { status, stdout } = spawnSync(theirs!, args, { cwd: folder, input: answer, encoding: 'latin1' });
  const what = `${args.join(' ')} over ${JSON.stringify(files)}`;
  assert.deepEqual(runOurs(copy, args, answer), outcome(status, stdout, folder), what);
}

function compareAll(text: string): void {
  const files = { 'x.aof': text };
  compare(files, ['x.aof']);
  compare(files, ['--fix', 'x.aof'], 'y\n');
}

describe('ts-redis-check-aof', { skip: theirs === null ? 'no redis-check-aof' : false }, () => {
  it('takes arguments alike', () => {
    for (const args of [[], ['none'], ['--foo', 'x'], ['--fix'], ['a', 'b', 'c', 'd']]) compare({}, args);
    for (const time of ['x', '', '12x', '0', '-5', '+7']) {
      compare({ 'x.aof': SET }, ['--truncate-to-timestamp', time, 'x.aof']);
    }
  });

  it('is a program', () => {
    const path = join(root, 'program.aof');
    writeFileSync(path, `${SET}*`);
    const mine = spawnSync(process.execPath, [ours, '--fix', path], { input: 'y\n', encoding: 'latin1' });
    assert.equal(mine.status, 0);
    assert.match(mine.stdout, /Continue\? \[y\/N\]: Successfully truncated AOF/);
    assert.equal(readFileSync(path, 'latin1'), SET);
  });

  it('finds the place of each cut', () => {
    const text = SET + multi(SET, SET) + SET;
    for (let length = 0; length < text.length; length += 3) compareAll(text.slice(0, length));
  });

  it('finds what is wrong', () => {
    for (const tail of [
      '!!!',
      '*\xff\r\n',
      '*0\r\n',
      '*-1\r\n',
      '*3\r\nx',
      '*1\r\n$-3\r\nabc\r\n',
      '*1\r\n$1\r\nabc\r\n',
      '*1\r\n$4\r\nexec\r\n',
      '*1\r\n$5\r\nmulti\r\n*1\r\n$5\r\nmulti\r\n',
      '*1\r\n$5\r\nmulti\r\n!',
      '#abc',
      `*1\r\n$5\r\nmulti\r\n${SET}`,
      `*1\r\n$${'9'.repeat(140)}\r\n`,
    ]) {
      compareAll(SET + tail);
      compareAll(tail);
    }
  });

  it('finds one changed byte', () => {
    const random = seededRandom(7);
    const text =
      SET + multi(SET, encodeCommand(['RPUSH', 'list', 'x', 'yy', 'zzz']).toString('latin1')) + SET;
    for (let i = 0; i < 60; i++) {
      const bytes = Buffer.from(text, 'latin1');
      bytes[random.uint32() % bytes.length] = random.uint32() & 255;
      compare({ 'x.aof': bytes.toString('latin1') }, ['x.aof']);
    }
  });

  it('cuts at a time', () => {
    const text = `#TS:100\r\n${SET}#TS:200\r\n${SET}#TS:300\r\n${SET}`;
    for (const time of ['50', '100', '150', '250', '300', '900']) {
      compare({ 'x.aof': text }, ['--truncate-to-timestamp', time, 'x.aof']);
    }
    compare({ 'x.aof': `${SET}#TS:1x\r\n` }, ['--truncate-to-timestamp', '5', 'x.aof']);
  });

  it('asks before it cuts', () => {
    for (const answer of ['y\n', 'Y\n', 'yes\n', 'n\n', '', '\n']) {
      compare({ 'x.aof': `${SET}*3` }, ['--fix', 'x.aof'], answer);
    }
  });

  it('goes through the files of a manifest', () => {
    const list = manifest(BASE, INCR1, INCR2);
    const good = { 'a.manifest': list, 'a.1.base.aof': SET, 'a.1.incr.aof': SET, 'a.2.incr.aof': SET + SET };
    const variants: Files[] = [
      good,
      { ...good, 'a.1.incr.aof': '' },
      { ...good, 'a.1.incr.aof': `${SET}*` },
      { ...good, 'a.2.incr.aof': `${SET}#TS:9\r\n${SET}*` },
      { ...good, 'a.1.incr.aof': `#TS:9\r\n${SET}` },
      { ...good, 'a.1.incr.aof': `${SET}#TS:9\r\n${SET}` },
      { 'a.manifest': list, 'a.1.base.aof': SET },
      { 'a.manifest': '' },
      { 'a.manifest': `# nothing\n${BASE.replace('type b', 'type h')}\n` },
      { 'a.manifest': BASE },
      { 'a.manifest': manifest('file a.1 seq 1') },
      { 'a.manifest': manifest('file a.1 seq 1 type q') },
      { 'a.manifest': manifest(INCR2, INCR1) },
      { 'a.manifest': manifest(BASE, BASE) },
    ];
    for (const files of variants) {
      compare(files, ['a.manifest']);
      compare(files, ['--fix', 'a.manifest'], 'y\n');
      compare(files, ['--truncate-to-timestamp', '5', 'a.manifest']);
    }
  });
});
