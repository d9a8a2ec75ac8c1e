/** A sentinel as a process: both ways to start it, what it logs, how it ends, and starts that fail. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findOracle } from '../support/oracle.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor, withTimeout } from '../support/wait-for.ts';
import {
  type Launched,
  launch,
  messages,
  runToEnd,
  SENTINEL_COMMAND,
  scratchFolder,
  startServer,
} from './launch.ts';

const oracle = findOracle();
/** Nobody is there: a sentinel watches it all the same. */
const ABSENT = 'sentinel monitor mymaster 127.0.0.1 1 2';

interface Folder {
  readonly cwd: string;
  readonly port: number;
  readonly file: () => string;
}

async function folder(...lines: readonly string[]): Promise<Folder> {
  const cwd = scratchFolder();
  const port = await freePort();
  const path = join(cwd, 'sentinel.conf');
  writeFileSync(path, [`port ${port}`, 'bind 127.0.0.1', ...lines, ''].join('\n'));
  return { cwd, port, file: () => readFileSync(path, 'utf8') };
}

/** Starts it, and waits until it has said whom it watches. */
async function start(
  where: Folder,
  args: readonly string[] = ['sentinel.conf'],
  asOption = false,
): Promise<Launched> {
  const options = asOption ? { cwd: where.cwd } : { cwd: where.cwd, command: SENTINEL_COMMAND };
  const started = launch(args, options);
  await started.sees(/Sentinel ID is [0-9a-f]{40}/);
  return started;
}

describe('the start of a sentinel', () => {
  for (const asOption of [false, true]) {
    test(asOption ? 'ts-redis-server --sentinel' : 'ts-redis-sentinel', async () => {
      const where = await folder(ABSENT);
      const args = asOption ? ['sentinel.conf', '--sentinel'] : ['sentinel.conf'];
      const sentinel = await start(where, args, asOption);
      const client = await RawClient.connect({ port: where.port });
      assert.equal(await client.call('PING'), 'PONG');
      assert.match(String(await client.call('INFO', 'server')), /redis_mode:sentinel\r\n/);
      const { stdout, code } = await sentinel.end();
      assert.equal(code, 0);
      const id = /Sentinel ID is ([0-9a-f]{40})/.exec(stdout)![1];
      assert.deepEqual(messages(stdout), [
        'oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo',
        `Redis version=7.2.4, bits=64, commit=00000000, modified=0, pid=${sentinel.pid}, just started`,
        'Configuration loaded',
        `Running mode=sentinel, port=${where.port}.`,
        'Sentinel new configuration saved on disk',
        `Sentinel ID is ${id}`,
        '+monitor master mymaster 127.0.0.1 1 quorum 2',
        'User requested shutdown...',
        'Sentinel is now ready to exit, bye bye...',
      ]);
      for (const line of stdout.split('\n').filter((text) => /^\d+:[A-Z] /.test(text))) {
        assert.match(line, new RegExp(`^${sentinel.pid}:X `));
      }
      assert.match(where.file(), new RegExp(`^sentinel myid ${id}$`, 'm'));
    });
  }

  test('options behind the file, in both forms, as Helm charts give them', async () => {
    for (const asOption of [false, true]) {
      const where = await folder(ABSENT);
      const other = await freePort();
      const more = ['--port', String(other), '--sentinel', 'announce-ip', '1.2.3.4'];
      const args = asOption ? ['sentinel.conf', '--sentinel', ...more] : ['sentinel.conf', ...more];
      const sentinel = await start(where, args, asOption);
      const client = await RawClient.connect({ port: other });
      assert.deepEqual(await client.call('SENTINEL', 'CONFIG', 'GET', 'announce-ip'), [
        'announce-ip',
        '1.2.3.4',
      ]);
      assert.match(where.file(), /^sentinel announce-ip "?1\.2\.3\.4"?$/m);
      assert.equal((await sentinel.end()).code, 0);
    }
  });

  test('keeps its id', async () => {
    const where = await folder(ABSENT);
    const first = await start(where);
    await first.end();
    const second = await start(where);
    await second.end();
    const id = (text: string) => /Sentinel ID is (\w+)/.exec(text)![1];
    assert.equal(id(first.stdout), id(second.stdout));
  });

  test('its title tells what it is', async () => {
    const where = await folder(ABSENT);
    const sentinel = await start(where);
    const title = readFileSync(`/proc/${sentinel.pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    assert.equal(title, `ts-redis-sentinel 127.0.0.1:${where.port} [sentinel]`);
    await sentinel.end();
  });

  test('in the background, with a pid file', async () => {
    const where = await folder('daemonize yes', 'pidfile x.pid', 'logfile x.log', ABSENT);
    const ended = await runToEnd(['sentinel.conf'], { cwd: where.cwd, command: SENTINEL_COMMAND });
    assert.deepEqual(ended, { code: 0, stdout: '', stderr: '' });
    const client = await RawClient.connect({ port: where.port });
    const info = String(await client.call('INFO', 'server'));
    assert.match(info, new RegExp(`process_id:${readFileSync(join(where.cwd, 'x.pid'), 'utf8').trim()}\r\n`));
    void client.call('SHUTDOWN').catch(() => {});
    await client.waitClosed();
    await waitFor(() => !existsSync(join(where.cwd, 'x.pid')), { what: 'the pid file to go' });
    const log = () => readFileSync(join(where.cwd, 'x.log'), 'utf8');
    await waitFor(() => log().includes('bye bye'), { what: 'the end' });
    assert.deepEqual(messages(log()).slice(-3), [
      'User requested shutdown...',
      'Removing the pid file.',
      'Sentinel is now ready to exit, bye bye...',
    ]);
  });
});

describe('the end of a sentinel', () => {
  test('SHUTDOWN, and SIGINT', async () => {
    for (const way of ['SHUTDOWN', 'SIGINT'] as const) {
      const where = await folder(ABSENT);
      const sentinel = await start(where);
      const client = await RawClient.connect({ port: where.port });
      if (way === 'SHUTDOWN') void client.call('SHUTDOWN').catch(() => {});
      else sentinel.child.kill('SIGINT');
      const { code, stdout } = await withTimeout(sentinel.exited, 10_000, 'the end');
      assert.equal(code, 0);
      assert.match(stdout, /# Sentinel is now ready to exit, bye bye\.\.\.\n$/);
      await client.waitClosed();
    }
  });
});

test('replies that came while a sentinel was stopped count before it judges', async () => {
  const master = await startServer({ directives: { save: '' } });
  const where = await folder(
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds mymaster 500',
  );
  const sentinel = await start(where);
  const client = await RawClient.connect({ port: where.port });
  const knowsIt = async () =>
    /[0-9a-f]{40}/.test(String(await client.call('SENTINEL', 'MASTER', 'mymaster')));
  while (!(await knowsIt())) await new Promise((done) => setTimeout(done, 20));
  for (let i = 0; i < 2; i++) {
    await new Promise((done) => setTimeout(done, 130 * i));
    sentinel.child.kill('SIGSTOP');
    await new Promise((done) => setTimeout(done, 900));
    sentinel.child.kill('SIGCONT');
    assert.match(String(await client.call('INFO', 'sentinel')), /status=ok/);
  }
  assert.doesNotMatch(sentinel.stdout, /[+]sdown|[+]tilt/);
  await sentinel.end();
});

test('a sentinel that was stopped for a while takes nobody for dead, and says that it stood still', async () => {
  const master = await startServer({ directives: { save: '' } });
  const where = await folder(
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds mymaster 1000',
  );
  const sentinel = await start(where);
  const client = await RawClient.connect({ port: where.port });
  assert.match(String(await client.call('INFO', 'sentinel')), /status=ok/);
  sentinel.child.kill('SIGSTOP');
  await new Promise((done) => setTimeout(done, 3500));
  sentinel.child.kill('SIGCONT');
  await sentinel.sees(/# This sentinel stood still for \d{4} milliseconds/);
  assert.match(String(await client.call('INFO', 'sentinel')), /sentinel_tilt:0\r\n(?:.*\r\n)*.*status=ok/);
  assert.doesNotMatch(sentinel.stdout, /[+]sdown|[+]tilt/);
  await sentinel.end();
});

test('SENTINEL SIMULATE-FAILURE: it ends at once, with status 99', async () => {
  const master = await startServer({ directives: { save: '' } });
  const replica = await startServer({ directives: { save: '', replicaof: `127.0.0.1 ${master.port}` } });
  const where = await folder(`sentinel monitor mymaster 127.0.0.1 ${master.port} 1`);
  const sentinel = await start(where);
  const client = await RawClient.connect({ port: where.port });
  await client.call('SENTINEL', 'SIMULATE-FAILURE', 'crash-after-election');
  await sentinel.sees(`+slave slave 127.0.0.1:${replica.port}`);
  // Until the replica has told how it is, it is no candidate. The reply to the last call never comes.
  const ask = () => client.call('SENTINEL', 'FAILOVER', 'mymaster').then(String, () => 'gone');
  for (let reply = await ask(); reply.includes('NOGOODSLAVE'); reply = await ask()) {
    await new Promise((done) => setTimeout(done, 20));
  }
  const { code, stdout } = await withTimeout(sentinel.exited, 10_000, 'the end');
  assert.equal(code, 99);
  assert.match(stdout, /\+elected-leader master mymaster/);
  assert.match(stdout, /# Sentinel CRASH because of SENTINEL simulate-failure\n$/);
  assert.doesNotMatch(stdout, /bye bye/);
});

describe('a sentinel that cannot start', () => {
  test('without a file', async () => {
    const { code, stdout } = await runToEnd([], { command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    const said = messages(stdout);
    assert.deepEqual(said, ['Sentinel needs config file on disk to save state. Exiting...']);
    if (oracle === null) return;
    const real = await runToEnd(['--sentinel'], { command: [oracle] });
    assert.deepEqual([real.code, messages(real.stdout)], [1, said]);
  });

  test('with options only', async () => {
    const cwd = scratchFolder();
    const { code, stdout } = await runToEnd(['--port', '0'], { cwd, command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    assert.match(stdout, /^\d+:X .* # Sentinel needs config file on disk to save state\. Exiting\.\.\.\n$/);
  });

  test('with a file that is not there', async () => {
    const { code, stdout } = await runToEnd(['/nowhere/s.conf'], { command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    assert.match(
      stdout,
      /:X .* # Fatal error, can't open config file '\/nowhere\/s\.conf': No such file or directory\n$/,
    );
  });

  test('with a file that it may not write', {
    skip: process.getuid?.() === 0 && 'root may write everything',
  }, async () => {
    const where = await folder(ABSENT);
    const path = join(where.cwd, 'sentinel.conf');
    chmodSync(path, 0o400);
    const { code, stdout } = await runToEnd(['sentinel.conf'], { cwd: where.cwd, command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    assert.equal(
      messages(stdout).at(-1),
      `Sentinel config file ${path} is not writable: Permission denied. Exiting...`,
    );
  });

  test('with a wrong directive', async () => {
    const where = await folder('sentinel monitor mymaster 127.0.0.1 1 0');
    const { code, stderr } = await runToEnd(['sentinel.conf'], { cwd: where.cwd, command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /\*\*\* FATAL CONFIG FILE ERROR \(Redis 7\.2\.4\) \*\*\*\nReading the configuration file, at line 3\n/,
    );
    assert.match(
      stderr,
      />>> 'sentinel monitor mymaster 127\.0\.0\.1 1 0'\nQuorum must be 1 or greater\.\n$/,
    );
  });

  test('in the background: the launching command tells why', async () => {
    const where = await folder('daemonize yes', 'sentinel parallel-syncs nobody 1');
    const { code, stderr } = await runToEnd(['sentinel.conf'], { cwd: where.cwd, command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    assert.match(stderr, /No such master with specified name\.\n$/);
  });

  test('on a port that is taken', async () => {
    const where = await folder(ABSENT);
    const holder = await start(where);
    const { code, stdout } = await runToEnd(['sentinel.conf'], { cwd: where.cwd, command: SENTINEL_COMMAND });
    assert.equal(code, 1);
    assert.equal(messages(stdout).at(-1), `Failed listening on port ${where.port} (tcp), aborting.`);
    await holder.end();
  });

  test('a data node refuses the file of a sentinel', async () => {
    const where = await folder(ABSENT);
    const { code, stderr } = await runToEnd(['sentinel.conf'], { cwd: where.cwd });
    assert.equal(code, 1);
    assert.match(stderr, /sentinel directive while not in sentinel mode\n$/);
  });
});

describe('scripts', () => {
  /** Writes each call into a file of its folder, then ends with `status`. */
  function script(where: Folder, status: number): string {
    const path = join(where.cwd, 'notify.sh');
    writeFileSync(
      path,
      `#!/bin/sh\nprintf '%s|' "$@" >> ${where.cwd}/calls\necho >> ${where.cwd}/calls\nexit ${status}\n`,
    );
    chmodSync(path, 0o755);
    return path;
  }

  function calls(where: Folder): string[] {
    const path = join(where.cwd, 'calls');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  const programs: [name: string, command: readonly string[] | undefined][] = [['ours', SENTINEL_COMMAND]];
  if (oracle !== null) programs.push(["Redis's", [oracle, '--sentinel']]);

  for (const [name, command] of programs) {
    const options = (where: Folder) => ({
      cwd: where.cwd,
      command: name === 'ours' ? command! : command!.slice(0, 1),
    });
    const args = name === 'ours' ? ['sentinel.conf'] : ['sentinel.conf', '--sentinel'];

    test(`${name} notification script is told of warnings`, async () => {
      const where = await folder(ABSENT);
      const path = script(where, 0);
      writeFileSync(
        join(where.cwd, 'sentinel.conf'),
        `${where.file()}sentinel down-after-milliseconds mymaster 100\nsentinel notification-script mymaster ${path}\n`,
      );
      const sentinel = launch(args, options(where));
      await waitFor(() => calls(where).length >= 2, { timeoutMs: 15_000, what: 'two calls' });
      assert.deepEqual(
        new Set(calls(where).slice(0, 2)),
        new Set(['+monitor|master mymaster 127.0.0.1 1 quorum 2|', '+sdown|master mymaster 127.0.0.1 1|']),
      );
      const client = await RawClient.connect({ port: where.port });
      const isEmpty = async () =>
        ((await client.call('SENTINEL', 'PENDING-SCRIPTS')) as unknown[]).length === 0;
      for (let i = 0; i < 500 && !(await isEmpty()); i++) await new Promise((done) => setTimeout(done, 10));
      assert.equal(await isEmpty(), true);
      await sentinel.end();
    });

    test(`${name} scripts that fail wait, or are told of`, async () => {
      for (const status of [1, 2]) {
        const where = await folder(ABSENT, 'loglevel debug');
        const path = script(where, status);
        writeFileSync(
          join(where.cwd, 'sentinel.conf'),
          `${where.file()}sentinel notification-script mymaster ${path}\n`,
        );
        const sentinel = launch(args, options(where));
        await sentinel.sees(/-script-child \d+ \d 0/);
        if (status === 2) await sentinel.sees(`# -script-error ${path} 0 2`);
        const client = await RawClient.connect({ port: where.port });
        const pending = (await client.call('SENTINEL', 'PENDING-SCRIPTS')) as unknown[][];
        const shown = pending.map((fields) =>
          fields.map((field) => (Array.isArray(field) ? field : String(field))),
        );
        if (status === 2) assert.deepEqual(shown, []);
        else {
          const [fields] = shown;
          const delay = Number(fields![7]);
          assert.ok(delay > 25_000 && delay <= 30_000, `${delay}`);
          fields![7] = '';
          assert.deepEqual(fields, [
            'argv',
            [path, '+monitor', 'master mymaster 127.0.0.1 1 quorum 2'],
            'flags',
            'scheduled',
            'pid',
            '0',
            'run-delay',
            '',
            'retry-num',
            '1',
          ]);
        }
        await sentinel.end();
      }
    });
  }
});
