/** redis-cli, as people use it: single commands, at a terminal, fed from a pipe, and its tools for operators. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { RawClient } from '../support/raw-client.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { type Ended, needs, Program, type RunOptions, run } from './program.ts';

describe('redis-cli', { skip: needs('redis-cli') }, () => {
  let server: ServerProcess;
  let client: RawClient;
  before(async () => {
    server = await startServer();
    client = await server.connect();
  });
  after(async () => {
    await client.close();
    await server.stop();
  });
  beforeEach(() => client.call('FLUSHALL'));

  const cli = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
    run('redis-cli', ['-p', String(server.port), ...args], options);
  const output = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(args);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };

  it('runs single commands', async () => {
    assert.equal(await output('set', 'k', 'v'), 'OK\n');
    assert.equal(await output('get', 'k'), 'v\n');
    assert.equal(await output('--no-raw', 'get', 'k'), '"v"\n');
    assert.equal(await output('--no-raw', 'get', 'nothing'), '(nil)\n');
    assert.equal(await output('--no-raw', 'append', 'k', 'w'), '(integer) 2\n');
    assert.equal(await output('-n', '3', 'dbsize'), '0\n');
    assert.equal(await output('--csv', 'mget', 'k', 'nothing'), '"vw",NULL\n');
    assert.equal(await output('-r', '3', 'incr', 'n'), '1\n2\n3\n');
    assert.match(await output('get'), /wrong number of arguments/);
    assert.match(await output('info', 'server'), /redis_version:7\.2\.4/);
  });

  it('-e ends with an error code after an error', async () => {
    const { code, stderr } = await cli(['-e', 'nonsense']);
    assert.equal(code, 1);
    assert.match(stderr, /ERR unknown command 'nonsense'/);
  });

  it('-x takes the last argument from standard input, -X any', async () => {
    await cli(['-x', 'set', 'k'], { input: Buffer.from('a\r\n\0b') });
    assert.equal(await output('strlen', 'k'), '5\n');
    await cli(['-X', 'VALUE', 'set', 'l', 'VALUE', 'ex', '100'], { input: 'value' });
    assert.equal(await output('get', 'l'), 'value\n');
  });

  it('-3 speaks RESP3', async () => {
    assert.equal(await output('-3', '--no-raw', 'config', 'get', 'databases'), '1# "databases" => "16"\n');
    assert.match(await output('-3', 'client', 'info'), / resp=3/);
    assert.equal(await output('--json', 'config', 'get', 'databases'), '{"databases":"16"}\n');
  });

  it('authenticates with --user and --pass', async () => {
    const closed = await startServer({ directives: { requirepass: 'secret' } });
    try {
      const args = ['-p', String(closed.port), '--no-auth-warning'];
      assert.match((await run('redis-cli', [...args, 'ping'])).stdout, /^NOAUTH Authentication required/);
      assert.equal((await run('redis-cli', [...args, '--pass', 'secret', 'ping'])).stdout, 'PONG\n');
      const named = [...args, '--user', 'default', '--pass', 'secret', '-3', 'ping'];
      assert.equal((await run('redis-cli', named)).stdout, 'PONG\n');
      const wrong = await run('redis-cli', [...args, '--pass', 'wrong', 'ping']);
      assert.match(wrong.stderr, /WRONGPASS invalid username-password pair or user is disabled/);
    } finally {
      await closed.stop();
    }
  });

  it('reads commands from a pipe', async () => {
    const input = 'set k "a b"\nget k\nincr k\nmget k nothing\n';
    const { code, stdout } = await cli(['--no-raw'], { input });
    assert.equal(code, 0);
    assert.equal(
      stdout,
      'OK\n"a b"\n(error) ERR value is not an integer or out of range\n1) "a b"\n2) (nil)\n',
    );
  });

  it('works at a terminal', { skip: needs('script') }, async () => {
    // A terminal that is "dumb" takes lines as they are, without an editor that asks for the size of the window.
    const shell = new Program('script', ['-qec', `redis-cli -p ${server.port}`, '/dev/null'], {
      TERM: 'dumb',
    });
    try {
      const prompt = `127\\.0\\.0\\.1:${server.port}`;
      const typed: [string, RegExp][] = [
        ['set k v', /^OK/m],
        ['get k', /"v"/],
        ['select 2', new RegExp(`${prompt}\\[2\\]> $`)],
        ['get k', /\(nil\)/],
        ['hello 3', /"proto" => \(integer\) 3/],
        ['help set', /SET.*key value.*summary:/s],
        ['reset', new RegExp(`RESET\\s+${prompt}> $`)],
      ];
      await shell.sees(/> $/);
      for (const [line, answer] of typed) {
        shell.child.stdin!.write(`${line}\n`);
        await shell.sees(answer);
      }
      shell.child.stdin!.write('quit\n');
      assert.equal((await shell.ended).code, 0);
    } finally {
      await shell.stop();
    }
  });

  it('--pipe loads in bulk', async () => {
    let input = '';
    for (let i = 0; i < 5000; i++) {
      const key = `key:${i}`;
      input += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$5\r\nvalue\r\n`;
    }
    const { code, stdout } = await cli(['--pipe'], { input });
    assert.equal(code, 0);
    assert.match(stdout, /errors: 0, replies: 5000\n$/);
    assert.equal(await client.call('DBSIZE'), 5000);
    const failing = await cli(['--pipe'], { input: 'SET k v\r\nINCR k\r\nGET k\r\n' });
    assert.equal(failing.code, 1);
    assert.match(failing.stdout, /errors: 1, replies: 3\n$/);
  });

  it('--scan finds every key', async () => {
    await client.pipeline(Array.from({ length: 300 }, (_, i) => ['SET', `key:${i}`, 'x']));
    const names = (await output('--scan')).trim().split('\n');
    assert.equal(new Set(names).size, 300);
    const some = await output('--scan', '--pattern', 'key:29?');
    assert.equal(new Set(some.trim().split('\n')).size, 10);
  });

  it('--bigkeys and --memkeys find the biggest', async () => {
    await client.call('SET', 'small', 'x');
    await client.call('SET', 'big', 'x'.repeat(5000));
    assert.match(await output('--bigkeys'), /Sampled 2 keys.*Biggest string found '"big"' has 5000 bytes/s);
    assert.match(await output('--memkeys'), /Sampled 2 keys.*Biggest string found '"big"' has \d+ bytes/s);
  });

  it('--hotkeys needs an LFU policy, and gets it', async () => {
    await client.call('SET', 'cold', 'x');
    assert.match((await cli(['--hotkeys'])).stderr, /An LFU maxmemory policy is not selected/);
    await client.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    await client.call('SET', 'hot', 'x');
    assert.match(await output('--hotkeys'), /hot key found with counter: \d+\s+keyname: "?hot/);
    await client.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  it('--latency measures', async () => {
    // Minimum, maximum, mean (ms) and samples.
    assert.match(await output('--latency', '-i', '0.2'), /^\d+ \d+ \d+\.\d\d \d+\n$/);
  });

  it('--stat shows a line each interval', { skip: needs('script') }, async () => {
    await client.call('SET', 'k', 'v');
    const line = `redis-cli -p ${server.port} --stat -i 0.1`;
    const stat = new Program('script', ['-qec', line, '/dev/null'], { TERM: 'dumb' });
    try {
      // keys, memory, clients, blocked, requests, connections
      await stat.sees(/^\d+ +[\d.]+[KM] +\d+ +0 +\d+ \(\+\d+\) +\d+/m);
    } finally {
      await stat.stop();
    }
  });

  it('monitor shows what others do', async () => {
    const monitor = new Program('redis-cli', ['-p', String(server.port), 'monitor']);
    try {
      await monitor.sees(/^OK/);
      await client.call('SET', 'k', 'a "quoted"\nvalue');
      await monitor.sees(/^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a \\"quoted\\"\\nvalue"\r?$/m);
    } finally {
      await monitor.stop();
    }
  });
});
