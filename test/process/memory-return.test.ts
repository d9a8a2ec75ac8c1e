/**
 * Memory that goes back to the system, as the system sees it: after deleting, unlinking and flushing, with a real
 * process. benchmarks/scenarios/defrag.ts and lazyfree.ts do the same with five million.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fill, wire } from '../support/filler.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { sleep } from '../support/wait-for.ts';

const KEYS = 200_000;
const MB = 1024 * 1024;

function setKeys(server: ServerProcess): Promise<void> {
  const value = 'v'.repeat(400);
  return fill(server.port, KEYS, (i) => wire('SET', `key:${i}`, value + i));
}

/** Waits until the resident memory is below that; fails after half a minute. */
async function below(server: ServerProcess, bytes: number, what: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (server.rssBytes()! <= bytes) return;
    await sleep(100);
  }
  const mb = (n: number): string => (n / MB).toFixed(0);
  assert.fail(`${what}: ${mb(server.rssBytes()!)} MB are resident, ${mb(bytes)} were expected`);
}

async function field(client: RawClient, section: string, name: string): Promise<number> {
  const info = (await client.send('INFO', section)).toString('latin1');
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)![1]);
}

describe('memory goes back to the system', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  it('with active defragmentation, when every other key is deleted; with FLUSHALL, all of it', async () => {
    const server = await startServer({
      directives: { activedefrag: 'yes', 'active-defrag-ignore-bytes': '4mb', 'active-defrag-cycle-max': 50 },
    });
    const client = await server.connect();
    try {
      const empty = server.rssBytes()!;
      await setKeys(server);
      const full = server.rssBytes()!;
      assert.ok(full - empty > 80 * MB);
      await fill(server.port, KEYS / 2, (i) => wire('DEL', `key:${i * 2}`));
      // Of the 90 MB about 45 live on; what the heap has grown by is not worth a test.
      await below(server, empty + (full - empty) * 0.75, 'after defragmentation');
      assert.ok((await field(client, 'stats', 'active_defrag_key_hits')) > KEYS / 20);
      assert.equal(await client.call('GET', 'key:77777'), `${'v'.repeat(400)}77777`);
      await client.send('FLUSHALL');
      await below(server, empty + (full - empty) * 0.5, 'after FLUSHALL');
    } finally {
      await client.close();
      await server.stop();
    }
  });

  it('when a big set is unlinked', async () => {
    const server = await startServer();
    const client = await server.connect();
    try {
      const used = await field(client, 'memory', 'used_memory');
      const members = 500_000;
      await fill(server.port, members / 50, (i) =>
        wire('SADD', 'big', ...Array.from({ length: 50 }, (_, k) => `member:${i * 50 + k}`)),
      );
      const full = await field(client, 'memory', 'used_memory');
      assert.equal(await client.call('UNLINK', 'big'), 1);
      for (let i = 0; (await field(client, 'memory', 'lazyfree_pending_objects')) > 0; i++) {
        assert.ok(i < 300, 'still pending after half a minute');
        await sleep(100);
      }
      assert.equal(await field(client, 'memory', 'lazyfreed_objects'), 1);
      assert.ok((await field(client, 'memory', 'used_memory')) < used + (full - used) * 0.1);
    } finally {
      await client.close();
      await server.stop();
    }
  });
});
