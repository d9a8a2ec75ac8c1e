/**
 * What we write as an AOF without preamble: redis-check-aof accepts it, a real server that loads it has the same data,
 * and where there is no choice of an order it writes the same bytes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MemorySink } from '../../src/rdb/chunk-sink.ts';
import { CommandsFormat, type CommandsFormatOptions } from '../../src/rdb/commands/commands-format.ts';
import { dataSet, fill } from '../support/data-set.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { findProgram, startServer } from '../support/server-process.ts';
import { writeAll } from '../support/snapshot.ts';
import { waitFor } from '../support/wait-for.ts';

const oracle = findOracle();
const checker = findProgram('redis-check-aof');
const LIBRARY = "#!lua name=one\nredis.register_function('one', function() return 1 end)";

function commandsOf(redis: InProcess, options: Partial<CommandsFormatOptions> = {}, step = 0): Buffer {
  const sink = new MemorySink();
  const format = new CommandsFormat(sink, { timestamp: null, functions: [], ...options });
  writeAll(redis.engine.keyspace, format, step);
  return sink.bytes();
}

/** In a folder of its own. */
async function inFolder<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'commands-save-'));
  try {
    return await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function loadedDigest(bytes: Buffer): Promise<string> {
  return inFolder(async (dir) => {
    const folder = join(dir, 'appendonlydir');
    mkdirSync(folder);
    writeFileSync(join(folder, 'appendonly.aof.1.base.aof'), bytes);
    writeFileSync(join(folder, 'appendonly.aof.1.incr.aof'), '');
    const manifest = join(folder, 'appendonly.aof.manifest');
    writeFileSync(
      manifest,
      'file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
    );
    if (checker !== null) {
      const { status, stdout } = spawnSync(checker, [manifest], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    }
    const server = await startServer({
      command: [oracle!],
      dir,
      directives: { appendonly: true, 'enable-debug-command': 'yes' },
    });
    try {
      const client = await server.connect();
      const digest = (await client.send('DEBUG', 'DIGEST')).toString();
      assert.match(digest, /^\+[0-9a-f]{40}\r\n$/);
      await client.close();
      return digest;
    } finally {
      await server.stop();
    }
  });
}

describe('AOF without preamble, written for redis-server', {
  skip: oracle === null ? NO_ORACLE : false,
}, () => {
  const forms: [string, Partial<CommandsFormatOptions>, number][] = [
    ['whole', {}, 0],
    ['in small steps, into small chunks', { chunkBytes: 128 }, 7],
    ['with all there is beside keys', { timestamp: 1_700_000_000, functions: [Buffer.from(LIBRARY)] }, 0],
  ];
  for (const [name, options, step] of forms) {
    it(`is the same data: ${name}`, async () => {
      const redis = inProcess({ 'enable-debug-command': 'yes' });
      for (const args of dataSet()) redis.raw(...args);
      // What is pending but deleted from its stream does not survive this kind of rewrite, there as here.
      const ours = redis.raw('DEBUG', 'DIGEST').toString();
      assert.equal(await loadedDigest(commandsOf(redis, options, step)), ours);
    });
  }

  it('is the same commands', async () => {
    const many = Array.from({ length: 200 }, (_, i) => i);
    const claim = ['TIME', '1600000000000', 'RETRYCOUNT', '3', 'FORCE', 'JUSTID'];
    // One key in each database: there is no order to choose.
    const keys: string[][][] = [
      [['SET', 's', 'x', 'PXAT', '9223372036854775807']],
      [['SET', 's', '12345']],
      [
        ['RPUSH', 'l', ...many.map((i) => `element ${i}`)],
        ['PEXPIREAT', 'l', '4102444800001'],
      ],
      [['RPUSH', 'l', ...many.map((i) => `${i}`.repeat(100))]],
      [['SADD', 'i', ...many.map((i) => `${i * i}`)]],
      [['ZADD', 'z', '0.1', 'a', '3', 'b', '1e30', 'c', 'inf', 'd', '-5', 'e', '-1.5e-9', 'f']],
      [['HSET', 'h', ...many.slice(0, 140).map(String)]],
      [
        ['XADD', 'x', '1-1', 'a', '1', 'b', '2'],
        ['XADD', 'x', '1-2', 'a', '1', 'b', '2'],
        ['XADD', 'x', '5-2', 'c', '1'],
        ['XGROUP', 'CREATE', 'x', 'g1', '0'],
        ['XGROUP', 'CREATE', 'x', 'g2', '5-2', 'ENTRIESREAD', '2'],
        ['XCLAIM', 'x', 'g1', 'c1', '0', '1-1', ...claim],
        ['XCLAIM', 'x', 'g1', 'c1', '0', '1-2', ...claim],
        ['XGROUP', 'CREATECONSUMER', 'x', 'g1', 'c2'],
        ['XGROUP', 'CREATECONSUMER', 'x', 'g1', 'a'],
        ['XDEL', 'x', '1-2'],
      ],
      [
        ['XADD', 'x', '1-1', 'a', '1'],
        ['XDEL', 'x', '1-1'],
      ],
      [['XGROUP', 'CREATE', 'x', 'g', '0', 'MKSTREAM']],
    ];
    const commands = keys.flatMap((some, db) => [['SELECT', String(db)], ...some]);
    const redis = inProcess();
    for (const args of commands) redis.raw(...args);
    const theirs = await inFolder(async (dir) => {
      const directives = { appendonly: true, 'aof-use-rdb-preamble': 'no' };
      const server = await startServer({ command: [oracle!], dir, directives });
      try {
        const client = await server.connect();
        await fill(client, commands);
        await client.send('FUNCTION', 'LOAD', LIBRARY);
        await client.send('BGREWRITEAOF');
        const folder = join(dir, 'appendonlydir');
        await waitFor(async () =>
          /aof_rewrite_in_progress:0/.test(String(await client.send('INFO', 'persistence'))),
        );
        const base = readdirSync(folder).find((name) => name.includes('.base.'));
        await client.close();
        return readFileSync(join(folder, base!));
      } finally {
        await server.stop();
      }
    });
    const ours = commandsOf(redis, { functions: [Buffer.from(LIBRARY)] });
    assert.equal(ours.toString('latin1'), theirs.toString('latin1'));
  });
});
