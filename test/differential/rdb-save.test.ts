/**
 * What we write as an RDB: redis-check-rdb accepts it, and a real server that loads it has the same data (DEBUG DIGEST)
 * and writes the same types.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { accessWritten, type RdbFormatOptions } from '../../src/rdb/save/rdb-format.ts';
import { dataSet } from '../support/data-set.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { findProgram, startServer } from '../support/server-process.ts';
import { rdbOf } from '../support/snapshot.ts';

const oracle = findOracle();
const checker = findProgram('redis-check-rdb');

function filled(directives: Readonly<Record<string, string>> = {}): InProcess {
  const redis = inProcess({ ...directives, 'enable-debug-command': 'yes' });
  for (const args of dataSet()) {
    const reply = redis.raw(...args);
    if (reply[0] === 0x2d) assert.fail(`${args[0]}: ${reply.toString().slice(0, 200)}`);
  }
  return redis;
}

/** What a real server that has loaded the file answers. */
async function loaded(
  bytes: Buffer,
  directives: Readonly<Record<string, string>>,
  ...command: string[]
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'rdb-save-'));
  try {
    writeFileSync(join(dir, 'dump.rdb'), bytes);
    if (checker !== null) {
      const { status, stdout } = spawnSync(checker, [join(dir, 'dump.rdb')], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
      assert.match(stdout, /RDB looks OK/);
    }
    const server = await startServer({
      command: [oracle!],
      dir,
      directives: { ...directives, 'enable-debug-command': 'yes', 'sanitize-dump-payload': 'yes' },
    });
    try {
      const client = await server.connect();
      const reply = (await client.send(...command)).toString();
      await client.close();
      return reply;
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function loadedDigest(
  bytes: Buffer,
  directives: Readonly<Record<string, string>> = {},
): Promise<string> {
  const digest = await loaded(bytes, directives, 'DEBUG', 'DIGEST');
  assert.match(digest, /^\+[0-9a-f]{40}\r\n$/);
  return digest;
}

describe('RDB, written for redis-server', { skip: oracle === null ? NO_ORACLE : false }, () => {
  const forms: [string, Partial<RdbFormatOptions>, number][] = [
    ['compressed', {}, 0],
    ['plain, without a checksum', { compress: false, checksum: false }, 0],
    ['in small steps, into small chunks', { chunkBytes: 128 }, 7],
    ['with idle times', { access: 'idle' }, 0],
    ['with frequencies', { access: 'freq' }, 0],
    [
      'with all there is beside keys',
      {
        aofBase: true,
        replication: { streamDb: 0, id: 'a'.repeat(40), offset: 12345678901 },
        functions: [Buffer.from("#!lua name=one\nredis.register_function('one', function() return 1 end)")],
      },
      0,
    ],
  ];
  for (const [name, options, step] of forms) {
    it(`is the same data: ${name}`, async () => {
      const redis = filled();
      const ours = redis.raw('DEBUG', 'DIGEST').toString();
      assert.equal(await loadedDigest(rdbOf(redis.engine.keyspace, options, step)), ours);
    });
  }

  it('is the same data: grown from the start, lists compressed inside', async () => {
    // A real server that keeps them in listpacks would lose the sign of a score -0.
    const directives = {
      'hash-max-listpack-entries': '0',
      'zset-max-listpack-entries': '0',
      'set-max-intset-entries': '0',
      'list-max-listpack-size': '5',
      'list-compress-depth': '1',
    };
    const redis = filled(directives);
    const ours = redis.raw('DEBUG', 'DIGEST').toString();
    assert.equal(await loadedDigest(rdbOf(redis.engine.keyspace), directives), ours);
    assert.equal(await loadedDigest(rdbOf(redis.engine.keyspace, {}, 3), directives), ours);
  });

  it('tells how long keys were idle, or how often they are used', async () => {
    const lru = { 'maxmemory-policy': 'allkeys-lru' };
    const idle = inProcess(lru);
    idle.call('SET', 'k', 'v');
    idle.clock.advance(5_000_000);
    const since = await loaded(
      rdbOf(idle.engine.keyspace, { access: accessWritten('allkeys-lru') }),
      lru,
      'OBJECT',
      'IDLETIME',
      'k',
    );
    assert.match(since, /^:500\d\r\n$/);
    const lfu = { 'maxmemory-policy': 'volatile-lfu', 'lfu-log-factor': '0' };
    const used = inProcess(lfu);
    used.call('SET', 'k', 'v');
    for (let i = 0; i < 100; i++) used.call('GET', 'k');
    const often = await loaded(
      rdbOf(used.engine.keyspace, { access: accessWritten('volatile-lfu') }),
      lfu,
      'OBJECT',
      'FREQ',
      'k',
    );
    assert.equal(often, used.raw('OBJECT', 'FREQ', 'k').toString());
    assert.equal(accessWritten('volatile-ttl'), 'none');
  });
});
