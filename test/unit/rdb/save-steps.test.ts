/**
 * What is written in steps is what is written at once, also when records are moved between two steps.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Database } from '../../../src/keyspace/database.ts';
import { isBigEntry } from '../../../src/rdb/big-entry.ts';
import { MemorySink } from '../../../src/rdb/chunk-sink.ts';
import { CommandsFormat } from '../../../src/rdb/commands/commands-format.ts';
import { RdbFormat } from '../../../src/rdb/save/rdb-format.ts';
import type { SnapshotFormat } from '../../../src/rdb/snapshot-format.ts';
import { SLOT_MAX } from '../../../src/structures/arena.ts';
import { type InProcess, inProcess } from '../../support/in-process.ts';
import { PLAIN_RDB, writeAll } from '../../support/snapshot.ts';

const MANY = 5000;
const LONG = 1_300_000;

function fill(redis: InProcess): void {
  const many = Array.from({ length: MANY }, (_, i) => i);
  const noise = Buffer.from(many.flatMap((i) => [(i * 2654435761) >>> 24, (i * 40503) >>> 8])).toString(
    'latin1',
  );
  redis.call('SET', 'string:packed', 'abcdefgh'.repeat(LONG / 8));
  redis.call('SET', 'string:raw', Buffer.from(noise.repeat(Math.ceil(LONG / noise.length)), 'latin1'));
  redis.call('SET', 'string:late', Buffer.concat([Buffer.alloc(LONG), Buffer.from(noise, 'latin1')]));
  redis.call('RPUSH', 'list', ...many.map((i) => `element ${i} ${'x'.repeat(200)}`));
  redis.call('RPUSH', 'list:long', 'a', 'b'.repeat(LONG), 'c', 'd'.repeat(40000), 'e');
  redis.call('SADD', 'set', ...many.map((i) => `member ${i}`));
  redis.call('HSET', 'hash', ...many.flatMap((i) => [`field ${i}`, `value ${i}`]));
  redis.call('HSET', 'hash:long', 'a', 'b', 'c', 'd'.repeat(LONG), 'e', 'f'.repeat(LONG));
  redis.call('ZADD', 'zset', ...many.flatMap((i) => [`${(i * 7919) % 1000}.5`, `member ${i}`]));
  for (const i of many) redis.call('XADD', 'stream', `${i + 1}-${i}`, 'n', `${i}`, 'text', 'x'.repeat(100));
  redis.call('XGROUP', 'CREATE', 'stream', 'g', '0');
  redis.call('XGROUP', 'CREATE', 'stream', 'nobody', '0');
  redis.call('XREADGROUP', 'GROUP', 'g', 'one', 'COUNT', 3000, 'STREAMS', 'stream', '>');
  redis.call('XREADGROUP', 'GROUP', 'g', 'two', 'COUNT', 1500, 'STREAMS', 'stream', '>');
  redis.call('XGROUP', 'CREATECONSUMER', 'stream', 'g', 'three');
  for (const key of ['hash', 'string:packed']) redis.call('PEXPIREAT', key, '4102444800001');
}

describe('Big entries', () => {
  const redis = inProcess({ 'list-max-listpack-size': '-1' });
  fill(redis);
  const { keyspace } = redis.engine;
  const formats: [string, (sink: MemorySink) => SnapshotFormat][] = [
    ['an RDB', (sink) => new RdbFormat(keyspace, sink, PLAIN_RDB)],
    ['an RDB, not compressed', (sink) => new RdbFormat(keyspace, sink, { ...PLAIN_RDB, compress: false })],
    ['commands', (sink) => new CommandsFormat(sink, { timestamp: null, functions: [] })],
  ];

  it('are judged by elements and by bytes', () => {
    const db = keyspace.databases[0]!;
    for (const key of redis.call('KEYS', '*') as string[]) {
      const bytes = Buffer.from(key);
      assert.ok(isBigEntry(db, db.find(bytes, 0, bytes.length)), key);
    }
    redis.call('HSET', 'small', 'a', 'x'.repeat(1000));
    assert.ok(!isBigEntry(db, db.find(Buffer.from('small'), 0, 5)));
    redis.call('DEL', 'small');
  });

  for (const [name, make] of formats) {
    const written = (step: number, between?: (db: Database, ref: number) => void): Buffer => {
      const sink = new MemorySink();
      writeAll(keyspace, make(sink), step, between);
      return sink.bytes();
    };
    it(`are the same in steps: ${name}`, () => {
      const whole = written(0);
      for (const step of [7, 100, 3000]) assert.ok(written(step).equals(whole), `steps of ${step}`);
    });
    it(`are the same while defragmentation moves them: ${name}`, () => {
      const whole = written(0);
      const moving = (db: Database, ref: number): void => {
        const { arena, externals } = db.memory;
        const move = (record: number): number =>
          arena.capacity(record) <= SLOT_MAX ? arena.move(record) : record;
        externals.collectionOrNull(db.externalId(ref))?.defragment(0, MANY * 2, move);
      };
      assert.ok(written(500, moving).equals(whole));
    });
  }
});
