/** daemonize: what the launching command returns, when, and what the daemon leaves. Supervisors, too. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { launch, runToEnd, scratchFolder } from './launch.ts';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('daemonize', () => {
  test('returns when the server accepts connections, which goes on alone', async () => {
    const cwd = scratchFolder();
    const port = await freePort();
    const args = ['--port', String(port), '--daemonize', 'yes', '--pidfile', 'x.pid', '--logfile', 'x.log'];
    const ended = await runToEnd(args, { cwd });
    assert.deepEqual(ended, { code: 0, stdout: '', stderr: '' });
    const client = await RawClient.connect({ port });
    assert.equal(await client.call('PING'), 'PONG');
    const pid = Number(readFileSync(join(cwd, 'x.pid'), 'utf8'));
    const info = String(await client.call('INFO', 'server'));
    assert.match(info, new RegExp(`process_id:${pid}\r\n`));
    // A session of its own: the terminal that started it may go.
    assert.equal(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[3], String(pid));
    assert.doesNotMatch(
      readFileSync(`/proc/${pid}/environ`, 'latin1').replace(/TS_REDIS_DAEMON=1/, ''),
      /TS_REDIS_DAEMON/,
    );
    process.kill(pid, 'SIGTERM');
    await waitFor(() => !isRunning(pid), { what: 'the end of the daemon' });
    assert.equal(existsSync(join(cwd, 'x.pid')), false);
    assert.match(readFileSync(join(cwd, 'x.log'), 'utf8'), /# Redis is now ready to exit, bye bye\.\.\.\n$/);
    await client.waitClosed();
  });

  test('returns 1 and the reason when the server cannot start', async () => {
    const port = await freePort();
    const holder = await launch(['--port', String(port), '--bind', '127.0.0.1']).ready();
    const args = ['--port', String(port), '--daemonize', 'yes', '--pidfile', 'x.pid', '--bind', '127.0.0.1'];
    const cwd = scratchFolder();
    const { code, stderr } = await runToEnd(args, { cwd });
    assert.deepEqual([code, stderr], [1, `Failed listening on port ${port} (tcp), aborting.\n`]);
    assert.equal(existsSync(join(cwd, 'x.pid')), false);
    await holder.end();
  });

  test('takes its configuration from standard input, too', async () => {
    const cwd = scratchFolder();
    const port = await freePort();
    const input = `port ${port}\ndaemonize yes\npidfile x.pid\nmaxmemory 5mb\n`;
    const { code } = await runToEnd(['-'], { cwd, input });
    assert.equal(code, 0);
    const client = await RawClient.connect({ port });
    assert.deepEqual(await client.call('CONFIG', 'GET', 'maxmemory'), ['maxmemory', '5242880']);
    client.sendNoReply('SHUTDOWN', 'NOSAVE');
    await client.waitClosed();
    await waitFor(() => !existsSync(join(cwd, 'x.pid')));
  });

  test('wrong configuration: told before anything is started', async () => {
    const { code, stderr } = await runToEnd(['--daemonize', 'yes', '--port', 'x']);
    assert.equal(code, 1);
    assert.match(stderr, /FATAL CONFIG FILE ERROR/);
  });
});

describe('supervised', () => {
  test('systemd: systemd-notify is called, and the server stays in the foreground', async () => {
    const cwd = scratchFolder();
    const tool = join(cwd, 'systemd-notify');
    writeFileSync(tool, `#!/bin/sh\necho "$@" >> ${cwd}/notified\n`);
    chmodSync(tool, 0o755);
    const env = { NOTIFY_SOCKET: join(cwd, 'notify'), PATH: `${cwd}${delimiter}${process.env.PATH}` };
    const args = ['--port', String(await freePort()), '--supervised', 'systemd', '--daemonize', 'yes'];
    const server = await launch(args, { cwd, env }).ready();
    await waitFor(() => readFileSync(join(cwd, 'notified'), 'utf8').includes(`--pid=${server.pid} --ready`));
    assert.match(server.stdout, /Supervised by systemd\./);
    await server.end();
  });

  test('upstart: the server stops itself once, to be waited for', async () => {
    const port = await freePort();
    const server = launch(['--port', String(port), '--supervised', 'auto'], {
      env: { UPSTART_JOB: 'redis' },
    });
    const state = () => readFileSync(`/proc/${server.pid}/stat`, 'latin1').split(') ')[1]![0];
    await waitFor(() => state() === 'T', { what: 'the server to stop itself', timeoutMs: 15_000 });
    server.child.kill('SIGCONT');
    const client = await RawClient.connect({ port });
    assert.equal(await client.call('PING'), 'PONG');
    await client.close();
    await server.end();
  });

  test('nobody there: the server says so and starts', async () => {
    const server = launch(['--port', String(await freePort()), '--supervised', 'systemd'], {
      env: { NOTIFY_SOCKET: undefined as unknown as string },
    });
    await server.ready();
    assert.match(server.stdout, /systemd supervision error: NOTIFY_SOCKET not found!/);
    await server.end();
  });
});
