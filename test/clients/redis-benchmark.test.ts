/** redis-benchmark, with the tests of the commands that exist. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { needs, run } from './program.ts';

describe('redis-benchmark', { skip: needs('redis-benchmark') }, () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  const benchmark = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run('redis-benchmark', ['-p', String(server.port), ...args]);
    assert.equal(code, 0, stdout + stderr);
    assert.doesNotMatch(stdout + stderr, /error/i);
    return stdout;
  };
  /** The names of the tests that -q reports, each with what it measured. */
  const reported = (stdout: string): string[] =>
    [...stdout.matchAll(/([A-Z_]+)[^:\r\n]*: \d+\.\d+ requests per second, p50=/g)].map((match) => match[1]!);

  it('runs the tests of strings and PING', async () => {
    const stdout = await benchmark('-q', '-n', '1000', '-t', 'ping,set,get,incr,mset');
    assert.deepEqual(reported(stdout), ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'INCR', 'MSET']);
  });

  it('pipelines random keys from two threads', async () => {
    const stdout = await benchmark(
      ...['-q', '-n', '20000', '-r', '1000', '-P', '16', '--threads', '2', '-t', 'set,get'],
    );
    assert.deepEqual(reported(stdout), ['SET', 'GET']);
  });

  it('speaks RESP3, sends big values and any command', async () => {
    const stdout = await benchmark('-q', '-3', '-n', '1000', '-d', '16384', '-t', 'set,get');
    assert.deepEqual(reported(stdout), ['SET', 'GET']);
    const any = ['-q', '-n', '1000', '-r', '100', 'setrange', 'k:__rand_int__', '5', 'value'];
    assert.match(await benchmark(...any), /: \d+\.\d+ requests per second/);
  });

  it('reads from a server with a password', async () => {
    const closed = await startServer({ directives: { requirepass: 'secret' } });
    try {
      const args = ['-p', String(closed.port), '-a', 'secret', '-q', '-n', '100', '-t', 'get'];
      assert.deepEqual(reported((await run('redis-benchmark', args)).stdout), ['GET']);
    } finally {
      await closed.stop();
    }
  });
});
