/** Loading as clients and signals see it: real processes over files that are made slow to load. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { encodeCommand, RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Launched, launch, messages, runToEnd } from './launch.ts';

const KEYS = 2000;
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-loading-'));
  folders.push(folder);
  return folder;
}

/** A folder with an append-only file of KEYS commands. */
function dataFolder(): string {
  const folder = scratch();
  mkdirSync(join(folder, 'appendonlydir'));
  const commands = Array.from({ length: KEYS }, (_, i) => encodeCommand(['SET', `key:${i}`, 'value']));
  writeFileSync(join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof'), Buffer.concat(commands));
  writeFileSync(
    join(folder, 'appendonlydir', 'appendonly.aof.manifest'),
    'file appendonly.aof.1.incr.aof seq 1 type i\n',
  );
  return folder;
}

/** A server that takes some minutes to load unless it is told to hurry. */
async function slowServer(folder: string): Promise<{ server: Launched; client: RawClient; port: number }> {
  const port = await freePort();
  const server = launch(
    [
      '--port',
      String(port),
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--save',
      '',
      '--key-load-delay',
      '100000',
    ],
    { cwd: folder },
  );
  await server.sees('Server initialized');
  const client = await RawClient.connect({ port });
  return { server, client, port };
}

async function field(client: RawClient, name: string): Promise<string> {
  const text = String(await client.call('INFO', 'persistence'));
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

describe('while it loads, a server', () => {
  it('says so to clients, in INFO, and is quick when it is told to hurry', async () => {
    const { server, client } = await slowServer(dataFolder());
    const told = '-LOADING Redis is loading the dataset in memory\r\n';
    for (const command of [
      ['GET', 'key:1'],
      ['PING'],
      ['SET', 'a', '1'],
      ['DBSIZE'],
      ['SAVE'],
      ['BGREWRITEAOF'],
    ]) {
      assert.equal((await client.send(...command)).toString(), told, command[0]);
    }
    await waitFor(async () => Number(await field(client, 'loading_loaded_bytes')) > 0, { what: 'progress' });
    assert.equal(await field(client, 'loading'), '1');
    assert.equal(await field(client, 'async_loading'), '0');
    assert.ok(Number(await field(client, 'loading_total_bytes')) > KEYS * 30);
    assert.match(await field(client, 'loading_loaded_perc'), /^\d+\.\d\d$/);
    assert.match(await field(client, 'loading_eta_seconds'), /^\d+$/);
    assert.ok(Math.abs(Number(await field(client, 'loading_start_time')) - Date.now() / 1000) < 60);
    assert.equal((await client.send('MULTI')).toString(), '+OK\r\n');
    assert.equal((await client.send('GET', 'a')).toString(), told);
    assert.match((await client.send('EXEC')).toString(), /^-EXECABORT/);
    await server.sees(/Loading appendonly.aof.1.incr.aof: \d+% of \d+ bytes/);
    assert.equal((await client.send('CONFIG', 'SET', 'key-load-delay', '0')).toString(), '+OK\r\n');
    await waitFor(async () => (await client.send('PING')).toString() === '+PONG\r\n', { what: 'the end' });
    assert.equal(await client.call('DBSIZE'), KEYS);
    assert.equal(await field(client, 'loading'), '0');
    assert.equal(await field(client, 'loading_total_bytes'), '');
    await client.close();
    await server.end();
  });

  it('ends at once by SHUTDOWN, and saves nothing', async () => {
    const folder = dataFolder();
    const { server, client } = await slowServer(folder);
    client.sendNoReply('SHUTDOWN', 'SAVE');
    const { code, stdout } = await server.exited;
    assert.equal(code, 0);
    assert.deepEqual(messages(stdout).slice(-2), [
      'User requested shutdown...',
      'Redis is now ready to exit, bye bye...',
    ]);
    assert.ok(!readdirSync(folder).includes('dump.rdb'));
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`ends at once by ${signal}`, async () => {
      const { server } = await slowServer(dataFolder());
      const { code, stdout } = await server.end(signal);
      assert.equal(code, 0);
      assert.match(stdout, /Received shutdown signal during loading, scheduling shutdown\./);
      assert.doesNotMatch(stdout, /Ready to accept connections/);
    });
  }
});

describe('a server with data files', () => {
  it('has all of it after a restart, in the background, too', async () => {
    const folder = scratch();
    const port = await freePort();
    const args = ['--port', String(port), '--dir', folder, '--appendonly', 'yes', '--daemonize', 'yes'];
    for (let round = 1; round <= 3; round++) {
      const { code, stderr } = await runToEnd([...args, '--logfile', join(folder, 'log')], { cwd: folder });
      assert.equal(code, 0, stderr);
      const client = await RawClient.connect({ port });
      assert.equal(await client.call('INCR', 'rounds'), round);
      await client.call('RPUSH', 'list', `round ${round}`);
      assert.equal(await client.call('LLEN', 'list'), round);
      const pid = Number(/^process_id:(\d+)/m.exec(String(await client.call('INFO', 'server')))![1]);
      client.sendNoReply('SHUTDOWN');
      await waitFor(() => !isRunning(pid), { what: 'the end of the daemon' });
    }
  });

  const broken: [string, (folder: string) => void, RegExp][] = [
    [
      'no RDB',
      (folder) => writeFileSync(join(folder, 'dump.rdb'), 'this is no snapshot'),
      /Wrong signature trying to load DB from file[\s\S]*Fatal error loading the DB, check server logs. Exiting.\n$/,
    ],
    [
      'half an RDB',
      (folder) => writeFileSync(join(folder, 'dump.rdb'), 'REDIS0010\xfa\x09redis', 'latin1'),
      /Short read or OOM loading DB[\s\S]*Fatal error loading the DB, check server logs. Exiting.\n$/,
    ],
    [
      'a folder',
      (folder) => mkdirSync(join(folder, 'dump.rdb')),
      /Fatal error loading the DB: Is a directory. Exiting.\n$/,
    ],
  ];
  for (const [name, prepare, reason] of broken) {
    it(`does not start over ${name}`, async () => {
      const folder = scratch();
      prepare(folder);
      const { code, stdout } = await runToEnd(['--port', String(await freePort()), '--dir', folder]);
      assert.equal(code, 1);
      assert.match(stdout, reason);
    });
  }
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
