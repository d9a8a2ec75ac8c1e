/** The command line, what a start logs, and starts that fail. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { launch, messages, runToEnd, scratchFolder, startServer } from './launch.ts';

const oracle = findOracle();

describe('options about the program', () => {
  test('-v and --version', async () => {
    for (const option of ['-v', '--version']) {
      const { code, stdout, stderr } = await runToEnd([option]);
      assert.match(stdout, /^Redis server v=7\.2\.4 sha=00000000:0 malloc=\S+ bits=64 build=\S+\n$/);
      assert.deepEqual([code, stderr], [0, '']);
    }
  });

  test('-h and --help, as redis-server: to stderr, status 1', async () => {
    for (const option of ['-h', '--help']) {
      const { code, stdout, stderr } = await runToEnd([option]);
      assert.match(stderr, /^Usage: \.\/ts-redis-server \[\/path\/to\/redis\.conf\] \[options\] \[-\]\n/);
      assert.deepEqual([code, stdout], [1, '']);
    }
  });

  test('--test-memory is refused', async () => {
    const { code, stderr } = await runToEnd(['--test-memory', '100']);
    assert.equal(code, 1);
    assert.match(stderr, /--test-memory is not supported/);
  });

  test('--check-system says what it found', async () => {
    const { stdout } = await runToEnd(['--check-system']);
    assert.match(stdout, /^\[node-version\]\.\.\.OK\n\[open-files\]\.\.\./);
  });
});

describe('a start', () => {
  test('logs what Redis logs', async () => {
    const port = await freePort();
    const server = await launch(['--port', String(port), '--bind', '127.0.0.1', '--save', '']).ready();
    const { stdout } = await server.end();
    const [first] = stdout.split('\n');
    assert.match(
      first!,
      new RegExp(`^${server.pid}:C \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\* oO0OoO0`),
    );
    assert.deepEqual(messages(stdout).slice(0, 6), [
      'oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo',
      `Redis version=7.2.4, bits=64, commit=00000000, modified=0, pid=${server.pid}, just started`,
      'Configuration loaded',
      `Running mode=standalone, port=${port}.`,
      'Server initialized',
      'Ready to accept connections tcp',
    ]);
  });

  test('shows a banner when asked, with what tools look for in it', async () => {
    const port = await freePort();
    const server = await launch(['--port', String(port), '--always-show-logo', 'yes']).ready();
    assert.match(server.stdout, new RegExp(` PID: ${server.pid}\n`));
    assert.match(server.stdout, new RegExp(` Port: ${port}\n`));
    assert.doesNotMatch(server.stdout, /Running mode=standalone/);
    await server.end();
  });

  test('says its process id when it can be connected to, and not at all when the port is taken', async () => {
    const args = ['--port', String(await freePort()), '--always-show-logo', 'yes', '--save', ''];
    const server = launch(args);
    await server.sees(' PID: ');
    const client = await RawClient.connect({ host: '127.0.0.1', port: Number(args[1]) });
    await client.close();
    const { stdout } = await runToEnd(args);
    assert.match(stdout, /Failed listening on port/);
    assert.doesNotMatch(stdout, / PID: /);
    await server.end();
  });

  test('says so when there is no configuration file', async () => {
    // Port 6379 may be taken by somebody: the line comes before that is known.
    const server = launch([]);
    await server.sees('Warning: no config file specified, using the default config.');
    await server.end('SIGKILL');
  });

  test('takes configuration from the file, standard input and options, the later counting more', async () => {
    const cwd = scratchFolder();
    const port = await freePort();
    writeFileSync(join(cwd, 'x.conf'), 'port 1\nmaxmemory 1mb\ntimeout 7\n');
    const args = ['x.conf', '--port', String(port), '--maxmemory', '3mb', '-'];
    const server = await launch(args, { cwd, input: 'maxmemory 2mb\nhz 20\n' }).ready();
    const client = await RawClient.connect({ port });
    for (const [name, value] of [
      ['port', String(port)],
      ['maxmemory', '3145728'],
      ['timeout', '7'],
      ['hz', '20'],
    ]) {
      assert.deepEqual(await client.call('CONFIG', 'GET', name!), [name, value]);
    }
    await client.close();
    await server.end();
  });

  test('runs in `dir`, where relative paths start', async () => {
    const cwd = scratchFolder();
    mkdirSync(join(cwd, 'data'));
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      '--dir',
      'data',
      '--logfile',
      'redis.log',
      '--pidfile',
      'redis.pid',
      '--save',
      '',
    ];
    const server = launch(args, { cwd });
    const client = await connectWhenReady(port);
    assert.deepEqual(await client.call('CONFIG', 'GET', 'dir'), ['dir', join(cwd, 'data')]);
    assert.equal(readFileSync(join(cwd, 'data', 'redis.pid'), 'utf8'), `${server.pid}\n`);
    assert.match(readFileSync(join(cwd, 'data', 'redis.log'), 'utf8'), /Ready to accept connections tcp/);
    await client.close();
    const { stdout } = await server.end();
    assert.equal(stdout, '');
    assert.deepEqual(readdirSync(join(cwd, 'data')), ['redis.log']);
  });

  test('sets the title of the process', async () => {
    const server = await startServer({
      directives: { 'proc-title-template': '"{title} {listen-addr} {port}"' },
    });
    const title = readFileSync(`/proc/${server.pid}/cmdline`, 'latin1').replace(/\0.*$/s, '');
    assert.equal(title, `ts-redis-server 127.0.0.1:${server.port} ${server.port}`);
    const client = await server.connect();
    assert.equal(await client.call('CONFIG', 'SET', 'proc-title-template', 'x {port}'), 'OK');
    assert.match(readFileSync(`/proc/${server.pid}/cmdline`, 'latin1'), new RegExp(`^x ${server.port}\0`));
    await client.close();
    await server.stop();
  });
});

describe('a wrong configuration', { skip: oracle === null ? NO_ORACLE : false }, () => {
  const wrong: readonly (readonly [what: string, args: readonly string[]])[] = [
    ['unknown directive', ['--bogus', '1']],
    ['bad number', ['--port', '99999']],
    ['no number', ['--port', 'x']],
    ['missing folder', ['--dir', '/no/such/folder']],
    ['missing file', ['no-such.conf']],
    ['log that cannot be opened', ['--logfile', '/no/such/folder/x.log']],
    ['rename of a command that is not there', ['--rename-command', 'nope', 'x']],
    ['wrong line of a file', ['wrong.conf']],
  ];
  for (const [what, args] of wrong) {
    test(`${what}: Redis's words, status 1, nothing left behind`, async () => {
      const cwd = scratchFolder();
      writeFileSync(join(cwd, 'wrong.conf'), 'port 6379\nappendonly maybe\n');
      const ours = await runToEnd(args, { cwd });
      const theirs = await runToEnd(args, { cwd, command: [oracle!] });
      assert.equal(ours.code, theirs.code);
      assert.equal(strip(ours.stderr), strip(theirs.stderr).replaceAll('7.0.15', '7.2.4'));
      assert.deepEqual(messages(ours.stdout), messages(theirs.stdout));
      assert.deepEqual(readdirSync(cwd), ['wrong.conf']);
    });
  }
});

describe('a start that fails later', () => {
  test('port taken', async () => {
    const first = await startServer();
    const cwd = scratchFolder();
    const args = ['--port', String(first.port), '--bind', '127.0.0.1', '--pidfile', 'x.pid'];
    const { code, stdout } = await runToEnd(args, { cwd });
    assert.equal(code, 1);
    assert.deepEqual(messages(stdout).slice(-2), [
      `Warning: Could not create server TCP listening socket 127.0.0.1:${first.port}: bind: Address already in use`,
      `Failed listening on port ${first.port} (tcp), aborting.`,
    ]);
    assert.equal(existsSync(join(cwd, 'x.pid')), false);
    await first.stop();
  });

  test('nowhere to listen', async () => {
    const { code, stdout } = await runToEnd(['--port', '0']);
    assert.equal(code, 1);
    assert.equal(messages(stdout).at(-1), 'Configured to not listen anywhere, exiting.');
  });
});

/** Without the line that only we have: which file, or that it was the command line. */
function strip(text: string): string {
  return text.replace(/^(?:In file|From) .*\n/m, '');
}

function connectWhenReady(port: number): Promise<RawClient> {
  return waitFor(() => RawClient.connect({ port }), { timeoutMs: 15_000, what: `port ${port}` });
}
