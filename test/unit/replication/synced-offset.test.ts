/** FACK: what of the master's history is on disk here, while the append-only file counts bytes of its own. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { AppendOnlyFile } from '../../../src/persistence/aof/aof.ts';
import { SyncedOffset } from '../../../src/replication/replica/synced-offset.ts';

function fileAt(): { state: string; writer: { end: number; synced: number } } {
  return { state: 'on', writer: { end: 0, synced: 0 } };
}

function over(file: ReturnType<typeof fileAt>): SyncedOffset {
  return new SyncedOffset(file as unknown as AppendOnlyFile);
}

it('is all that is applied when nothing waits for a sync', () => {
  const file = fileAt();
  const synced = over(file);
  assert.equal(synced.at(1000), 1000);
  file.writer.end = 50;
  file.writer.synced = 50;
  assert.equal(synced.at(1100), 1100);
});

it('stays where the last sync was, and follows the next', () => {
  const file = fileAt();
  const synced = over(file);
  assert.equal(synced.at(1000), 1000);
  file.writer.end = 50;
  assert.equal(synced.at(1100), 1000);
  file.writer.end = 80;
  assert.equal(synced.at(1200), 1000);
  file.writer.synced = 50;
  assert.equal(synced.at(1200), 1100);
  // Pings have come: they are in no file.
  assert.equal(synced.at(1214), 1100);
  file.writer.synced = 80;
  assert.equal(synced.at(1214), 1214);
});

it('is not told without a file, and 0 before the first base is there', () => {
  const file = fileAt();
  const synced = over(file);
  file.state = 'off';
  assert.equal(synced.at(10), null);
  file.state = 'waiting';
  assert.equal(synced.at(10), 0);
});

it('begins anew in another history', () => {
  const file = fileAt();
  const synced = over(file);
  assert.equal(synced.at(5000), 5000);
  file.writer.end = 10;
  assert.equal(synced.at(100), 0);
  file.writer.synced = 10;
  assert.equal(synced.at(100), 100);
});
