/**
 * Commands of consumer groups look a stream up as readers do, and change it all the same: a snapshot must have it as it
 * was.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Snapshots } from '../../src/persistence/snapshot/snapshots.ts';
import { inProcess } from '../support/in-process.ts';
import { assertSameEntries, RecordingFormat } from './recording-format.ts';

for (const told of [
  'XACK x g 1-1 2-1',
  'XCLAIM x g other 0 1-1 2-1',
  'XCLAIM x g other 0 1-1 RETRYCOUNT 7 JUSTID',
  'XAUTOCLAIM x g other 0 0 COUNT 3',
  'XREADGROUP GROUP g one COUNT 2 STREAMS x >',
  'XREADGROUP GROUP g new STREAMS x 0',
  'XGROUP SETID x g 1-1',
  'XGROUP CREATECONSUMER x g another',
  'XGROUP DELCONSUMER x g one',
  'XGROUP DESTROY x g',
  'XPENDING x g',
  'XINFO STREAM x FULL',
]) {
  it(`a snapshot has the groups of its beginning: ${told}`, () => {
    const redis = inProcess();
    for (let i = 1; i <= 20; i++) redis.call('XADD', 'x', `${i}-1`, 'field', 'value');
    redis.call('XGROUP', 'CREATE', 'x', 'g', '0');
    redis.call('XREADGROUP', 'GROUP', 'g', 'one', 'COUNT', '10', 'STREAMS', 'x', '>');
    redis.clock.advance(5);
    const snapshots = new Snapshots(redis.engine, { schedule: () => {} });
    const before = new RecordingFormat(redis.engine.keyspace);
    snapshots.runNow(before);
    const format = new RecordingFormat(redis.engine.keyspace);
    snapshots.start({ format, backlog: null, onEnd: (error) => assert.equal(error, null) });
    redis.call(...told.split(' '));
    while (snapshots.active) snapshots.step(10);
    assertSameEntries(format.entries, before.entries, told);
  });
}
