/** How a server ends: signals, SHUTDOWN, and our own bugs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { waitFor, withTimeout } from '../support/wait-for.ts';
import { messages, startServer } from './launch.ts';

describe('signals', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends the server in order`, async () => {
      const server = await startServer({ directives: { pidfile: 'x.pid' } });
      const client = await server.connect();
      server.kill(signal);
      assert.equal(await withTimeout(server.exited, 5000, 'the end'), 0);
      assert.match(
        server.output,
        new RegExp(
          `${server.pid}:signal-handler \\(\\d+\\) Received ${signal} scheduling shutdown\\.\\.\\.\n`,
        ),
      );
      assert.deepEqual(messages(server.output).slice(-3), [
        'User requested shutdown...',
        'Removing the pid file.',
        'Redis is now ready to exit, bye bye...',
      ]);
      await client.waitClosed();
      await server.stop();
    });
  }

  test('SIGHUP is ignored', async () => {
    const server = await startServer();
    server.kill('SIGHUP');
    const client = await server.connect();
    assert.equal(await client.call('PING'), 'PONG');
    await client.close();
    assert.equal(await server.stop(), 0);
  });

  test('SIGABRT leaves a report and fails', async () => {
    const server = await startServer();
    server.kill('SIGABRT');
    assert.equal(await withTimeout(server.exited, 5000, 'the end'), 1);
    assert.match(server.output, /=== REDIS BUG REPORT START: Cut & paste starting from here ===/);
    assert.match(server.output, /Redis 7\.2\.4 crashed by signal: 6/);
    assert.match(server.output, /------ STACK TRACE ------/);
    assert.match(server.output, /=== REDIS BUG REPORT END\. Make sure to include from START to END\. ===/);
    await server.stop();
  });
});

describe('SHUTDOWN', () => {
  test('ends the server without a reply', async () => {
    const server = await startServer();
    const client = await server.connect();
    client.sendNoReply('SHUTDOWN', 'NOSAVE');
    assert.equal(await withTimeout(server.exited, 5000, 'the end'), 0);
    await client.waitClosed();
    assert.deepEqual(messages(server.output).slice(-2), [
      'User requested shutdown...',
      'Redis is now ready to exit, bye bye...',
    ]);
    await server.stop();
  });

  test('ABORT: nothing to abort, and a signal that has not taken effect yet', async () => {
    const server = await startServer({ directives: { 'enable-debug-command': 'yes' } });
    const client = await server.connect();
    assert.equal((await client.send('SHUTDOWN', 'ABORT')).toString(), '-ERR No shutdown in progress.\r\n');
    await client.call('DEBUG', 'PAUSE-CRON', '1');
    server.kill('SIGTERM');
    await waitFor(() => server.output.includes('Received SIGTERM'));
    assert.equal(await client.call('SHUTDOWN', 'ABORT'), 'OK');
    await client.call('DEBUG', 'PAUSE-CRON', '0');
    assert.equal(await client.call('PING'), 'PONG');
    assert.match(server.output, /Shutdown manually aborted/);
    await client.close();
    await server.stop();
  });

  test('a second SIGINT does not wait', async () => {
    const server = await startServer({ directives: { 'enable-debug-command': 'yes' } });
    const client = await server.connect();
    await client.call('DEBUG', 'PAUSE-CRON', '1');
    server.kill('SIGINT');
    await waitFor(() => server.output.includes('Received SIGINT'));
    server.kill('SIGINT');
    assert.equal(await withTimeout(server.exited, 5000, 'the end'), 1);
    assert.match(server.output, /You insist\.\.\. exiting now\.\n/);
    await server.stop();
  });
});

test('an error that nobody catches is reported and ends the server', async () => {
  const server = await startServer({ directives: { 'enable-debug-command': 'yes' } });
  const client = await server.connect();
  client.sendNoReply('DEBUG', 'PANIC');
  assert.equal(await withTimeout(server.exited, 5000, 'the end'), 1);
  assert.match(server.output, /crashed by an error that nobody caught: .*DEBUG PANIC/);
  assert.match(server.output, /being served: debug\S* of client \d+/);
  await server.stop();
});
