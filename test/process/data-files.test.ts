/** Data files as they are found on disk: odd names, what older runs have left, keys that went while nobody was told. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Arg, RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Launched, launch, runToEnd } from './launch.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-files-'));
  folders.push(folder);
  return folder;
}

interface Started {
  readonly server: Launched;
  readonly call: (...args: Arg[]) => Promise<unknown>;
}

async function start(cwd: string, ...args: string[]): Promise<Started> {
  const port = await freePort();
  const all = ['--port', String(port), '--save', '', '--enable-debug-command', 'yes', ...args];
  const server = await launch(all, { cwd }).ready();
  const client = await RawClient.connect({ port });
  return { server, call: (...words) => client.call(...words) };
}

async function rewritten(call: Started['call']): Promise<void> {
  await waitFor(
    async () => /^aof_rewrite_in_progress:0\r$/m.test(String(await call('INFO', 'persistence'))),
    {
      timeoutMs: 10_000,
      what: 'the end of the rewrite',
    },
  );
}

describe('names that are not ASCII', () => {
  it('are the same on disk as in the configuration', async () => {
    const folder = join(scratch(), 'каталог');
    mkdirSync(folder);
    const args = ['--appendonly', 'yes', '--appendfilename', 'журнал', '--appenddirname', 'файлы'];
    const { server, call } = await start(folder, ...args, '--dbfilename', 'дамп.rdb');
    await call('SET', 'a', '1');
    assert.equal(await call('SAVE'), 'OK');
    await call('BGREWRITEAOF');
    await rewritten(call);
    await server.end('SIGKILL');
    assert.deepEqual(readdirSync(folder).sort(), ['дамп.rdb', 'файлы']);
    assert.deepEqual(readdirSync(join(folder, 'файлы')).sort(), [
      'журнал.2.base.rdb',
      'журнал.2.incr.aof',
      'журнал.manifest',
    ]);
    const again = await start(tmpdir(), '--dir', folder, ...args);
    assert.equal(await again.call('GET', 'a'), '1');
    await again.server.end();
  });
});

describe('a name with a backslash', () => {
  it('is refused, as a manifest that has it would be', async () => {
    const { code, stderr } = await runToEnd(['--appendfilename', 'a\\b'], { cwd: scratch() });
    assert.equal(code, 1);
    assert.match(stderr, /appendfilename can't be a path, just a filename/);
  });
});

describe('history that is not deleted yet', () => {
  it('is not written on: a new file has a name of its own', async () => {
    const folder = scratch();
    const args = ['--appendonly', 'yes', '--aof-disable-auto-gc', 'yes'];
    const first = await start(folder, ...args);
    await first.call('INCR', 'n');
    await first.call('CONFIG', 'SET', 'appendonly', 'no');
    await first.call('BGREWRITEAOF');
    await rewritten(first.call);
    await first.server.end('SIGKILL');
    // Its history has appendonly.aof.1.incr.aof, which is not taken for the next one.
    for (const [i, gc] of ['yes', 'no', 'no'].entries()) {
      const next = await start(folder, '--appendonly', 'yes', '--aof-disable-auto-gc', gc);
      assert.equal(await next.call('INCR', 'n'), i + 2);
      await next.call('INCR', 'm');
      await waitFor(
        () => gc === 'yes' || !existsSync(join(folder, 'appendonlydir/appendonly.aof.1.incr.aof')),
        {
          timeoutMs: 5000,
          what: 'the removal of history',
        },
      );
      await next.server.end();
    }
    const last = await start(folder, '--appendonly', 'yes');
    assert.deepEqual([await last.call('GET', 'n'), await last.call('GET', 'm')], ['4', '3']);
    await last.server.end();
    const manifest = readFileSync(join(folder, 'appendonlydir/appendonly.aof.manifest'), 'latin1');
    assert.match(
      manifest,
      /^file appendonly\.aof\.2\.base\.rdb seq 2 type b\nfile appendonly\.aof\.2\.incr\.aof/,
    );
  });
});

describe('DEBUG RELOAD with an append-only file', () => {
  it('tells the file of keys whose time is up', async () => {
    const folder = scratch();
    const { server, call } = await start(folder, '--appendonly', 'yes');
    await call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    await call('SET', 'n', '5', 'PX', '1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await call('DEBUG', 'RELOAD'), 'OK');
    assert.equal(await call('INCR', 'n'), 1);
    await server.end('SIGTERM');
    const again = await start(folder, '--appendonly', 'yes');
    assert.equal(await again.call('GET', 'n'), '1');
    await again.server.end();
  });
});

describe('DEBUG RELOAD and LOADAOF', () => {
  it('are refused while the server loads: the rest would be loaded twice', async () => {
    const folder = scratch();
    const { server, call } = await start(folder, '--appendonly', 'yes');
    for (let i = 0; i < 50; i++) await call('INCR', 'n');
    await server.end('SIGKILL');
    const port = await freePort();
    const slow = ['--appendonly', 'yes', '--key-load-delay', '50000', '--enable-debug-command', 'yes'];
    const loading = launch(['--port', String(port), ...slow], { cwd: folder });
    await loading.sees('Server initialized');
    const client = await RawClient.connect({ port });
    const told = '-LOADING Redis is loading the dataset in memory\r\n';
    for (const how of ['RELOAD', 'LOADAOF']) {
      assert.equal(String(await client.send('DEBUG', how)), told);
    }
    await client.call('CONFIG', 'SET', 'key-load-delay', '0');
    await loading.ready();
    assert.equal(await client.call('GET', 'n'), '50');
    await loading.end();
  });
});

describe('an incremental file that no manifest knows', () => {
  it('is not written on, nor read', async () => {
    const folder = scratch();
    const first = await start(folder, '--appendonly', 'yes');
    await first.call('SET', 'old', '1');
    await first.server.end('SIGKILL');
    rmSync(join(folder, 'appendonlydir', 'appendonly.aof.manifest'));
    for (const value of ['1', '2']) {
      const next = await start(folder, '--appendonly', 'yes');
      assert.equal(await next.call('INCR', 'new'), Number(value));
      assert.equal(await next.call('GET', 'old'), null);
      await next.server.end('SIGKILL');
    }
    const names = readdirSync(join(folder, 'appendonlydir')).filter((name) => name.includes('incr'));
    assert.deepEqual(names.sort(), ['appendonly.aof.1.incr.aof', 'appendonly.aof.2.incr.aof']);
  });
});
