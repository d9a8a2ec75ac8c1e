/**
 * How a snapshot gets to replicas: one to several sockets of different speed, some of which are lost; a file to one; and
 * that those who write to the master don't wait for a socket.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '../../src/engine/client.ts';
import { Snapshots } from '../../src/persistence/snapshot/snapshots.ts';
import { DONE, RdbLoader } from '../../src/rdb/load/loader.ts';
import { RdbFormat } from '../../src/rdb/save/rdb-format.ts';
import { FileTransfer } from '../../src/replication/master/file-transfer.ts';
import { SocketTransfer } from '../../src/replication/master/socket-transfer.ts';
import { ManualClock } from '../../src/util/clock.ts';
import { seededRandom } from '../../src/util/random.ts';
import { MemoryFiles } from '../persistence/memory-files.ts';
import { InProcessClient, inProcess } from '../support/in-process.ts';
import { PLAIN_RDB, rdbOf } from '../support/snapshot.ts';

const MARK = 'm'.repeat(40);
const DEBUG = { 'enable-debug-command': 'yes' };
const LIMITS = { 'zset-max-listpack-entries': 128, 'zset-max-listpack-value': 64 };
/** Views that lost links still have, and what was in them. */
const sentTo: { view: Uint8Array; kept: Buffer }[] = [];

/** A link that takes what it is lent when it is told to. What it has is copied only then, as a socket does. */
class SlowLink {
  readonly received: Buffer[] = [];
  lent: Uint8Array | null = null;
  isLost = false;
  /** Takes everything at once. */
  isFast = false;
  #gone: (() => void) | null = null;

  lend(bytes: Uint8Array, gone: () => void): boolean {
    assert.equal(this.lent, null, 'one piece at a time');
    if (this.isFast) {
      this.received.push(Buffer.from(bytes));
      return true;
    }
    this.lent = bytes;
    this.#gone = gone;
    return false;
  }

  /** The piece goes. A lost link tells nobody. */
  go(): boolean {
    if (this.lent === null) return false;
    this.received.push(Buffer.from(this.lent));
    this.lent = null;
    if (!this.isLost) this.#gone!();
    return true;
  }

  get all(): Buffer {
    return Buffer.concat(this.received);
  }

  get client(): Client {
    return { link: this, engine: { stats: { netReplOutputBytes: 0 } } } as unknown as Client;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a snapshot to several sockets', () => {
  it('comes whole to each that stays, whatever their speeds', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 60; round++) {
      const links = Array.from({ length: 1 + (random.uint32() % 4) }, () => new SlowLink());
      links[0]!.isFast = random.uint32() % 3 === 0;
      const clients = links.map((link) => link.client);
      let done = 0;
      const transfer = new SocketTransfer(new ManualClock(), clients, MARK, () => done++);
      const sent: Buffer[] = [];
      let chunk: Buffer = Buffer.alloc(256 * 1024);
      let most = 0;
      for (let i = 0; i < 30; i++) {
        const length = 1 + (random.uint32() % chunk.length);
        chunk.fill(random.uint32() & 255, 0, length);
        sent.push(Buffer.from(chunk.subarray(0, length)));
        chunk = transfer.take(chunk, length);
        // What a lost link still has must not be filled again.
        links.forEach((link, at) => {
          const steps = random.uint32() % 6;
          for (let step = 0; step < steps; step++) link.go();
          if (at === 0 || link.isLost || random.uint32() % 60 !== 0) return;
          link.isLost = true;
          const kept = link.lent === null ? null : Buffer.from(link.lent);
          transfer.remove(clients[at]!);
          if (kept !== null) sentTo.push({ view: link.lent!, kept });
        });
        for (const { view, kept } of sentTo) assert.ok(kept.equals(view), 'a lent piece has been changed');
        while (transfer.pendingBytes > 4 << 20) for (const link of links) link.go();
        most = Math.max(most, transfer.pendingBytes);
      }
      transfer.end();
      while (done === 0) for (const link of links) link.go();
      sentTo.length = 0;
      assert.equal(done, 1);
      assert.equal(transfer.pendingBytes, 0);
      assert.equal(transfer.receivers, links.filter(({ isLost }) => !isLost).length);
      assert.ok(most <= 4 << 20);
      const whole = Buffer.concat([Buffer.from(`$EOF:${MARK}\r\n`), ...sent, Buffer.from(MARK)]);
      for (const link of links) {
        if (link.isLost) assert.ok(whole.subarray(0, link.all.length).equals(link.all));
        else assert.ok(link.all.equals(whole));
      }
    }
  });

  it('tells for how long a socket has taken nothing', () => {
    const clock = new ManualClock();
    const slow = new SlowLink();
    const fast = new SlowLink();
    fast.isFast = true;
    const clients = [slow.client, fast.client];
    const transfer = new SocketTransfer(clock, clients, MARK, () => {});
    clock.advance(5000);
    assert.equal(transfer.stalledMs(clients[0]!), 5000);
    assert.equal(transfer.stalledMs(clients[1]!), 0);
    slow.go();
    assert.equal(transfer.stalledMs(clients[0]!), 0);
  });

  it('is over for those who are left when the slowest goes', () => {
    const slow = new SlowLink();
    const fast = new SlowLink();
    fast.isFast = true;
    const clients = [slow.client, fast.client];
    let done = 0;
    const transfer = new SocketTransfer(new ManualClock(), clients, MARK, () => done++);
    transfer.take(Buffer.alloc(1000), 1000);
    transfer.end();
    assert.equal(done, 0);
    transfer.remove(clients[0]!);
    assert.equal(done, 1);
    assert.equal(transfer.receivers, 1);
  });
});

describe('a file to a replica', () => {
  const bytes = Buffer.from(Array.from({ length: 700_001 }, (_, i) => (i * 7919) >>> 5));

  function withFile(content: Buffer): { files: MemoryFiles; link: SlowLink; ends: (Error | null)[] } {
    const files = new MemoryFiles();
    const fd = files.openSync('/dump.rdb', 'w');
    files.writeSync(fd, content, 0, content.length);
    files.closeSync(fd);
    return { files, link: new SlowLink(), ends: [] };
  }

  it('goes with its length before it', () => {
    for (const isFast of [true, false]) {
      const { files, link, ends } = withFile(bytes);
      link.isFast = isFast;
      new FileTransfer(files, '/dump.rdb', link.client.link, (error) => ends.push(error));
      while (ends.length === 0) {
        files.finishAll();
        link.go();
      }
      assert.deepEqual(ends, [null]);
      assert.ok(link.all.equals(Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes])));
    }
  });

  it('keeps two pieces in memory at most', () => {
    const { files, link, ends } = withFile(bytes);
    new FileTransfer(files, '/dump.rdb', link.client.link, (error) => ends.push(error));
    files.finishAll();
    // The socket has one, the next is read; more is not asked for.
    assert.equal(files.pending.length, 0);
    link.go();
    assert.ok(files.pending.length <= 1);
  });

  it('ends in silence when the replica is gone, also amid a read', () => {
    const { files, link, ends } = withFile(bytes);
    const transfer = new FileTransfer(files, '/dump.rdb', link.client.link, (error) => ends.push(error));
    link.isLost = true;
    transfer.stop();
    files.finishAll();
    link.go();
    assert.deepEqual(ends, []);
  });

  it('tells when there is less than there was', () => {
    const { files, link, ends } = withFile(bytes);
    link.isFast = true;
    new FileTransfer(files, '/dump.rdb', link.client.link, (error) => ends.push(error));
    const fd = files.openSync('/dump.rdb', 'r+');
    files.truncateSync(fd, 1000);
    while (ends.length === 0) files.finishAll();
    assert.ok(ends[0] instanceof Error);
  });
});

describe('writers and a socket that takes nothing', () => {
  it('do not wait for it, and the snapshot is still that of its beginning', async () => {
    const redis = inProcess(DEBUG);
    const { engine } = redis;
    redis.call('DEBUG', 'POPULATE', '2000', 'k', '3000');
    for (let i = 0; i < 30_000; i++) redis.call('SADD', `big:${i % 10}`, `member:${i}`);
    const before = rdbOf(engine.keyspace, { compress: false }).length;
    const wanted = redis.call('DEBUG', 'DIGEST');
    const snapshots = new Snapshots(engine, { schedule: () => {} });
    const link = new SlowLink();
    const transfer = new SocketTransfer(new ManualClock(), [link.client], MARK, () => {});
    const ends: (Error | null)[] = [];
    snapshots.start({
      format: new RdbFormat(engine.keyspace, transfer, { ...PLAIN_RDB, compress: false }),
      backlog: transfer,
      sparesWriters: true,
      onEnd: (error) => ends.push(error),
    });
    for (let i = 0; i < 5000 && transfer.pendingBytes <= 4 << 20; i++) snapshots.step(100);
    assert.ok(transfer.pendingBytes > 4 << 20, 'the socket has enough');
    const other = new InProcessClient(engine);
    // It is written although the socket takes nothing, in steps; nothing is cloned at once.
    let waits = 0;
    for (let big = 0; big < 10; big++) {
      const reply = other.raw('SADD', `big:${big}`, 'one more');
      waits += snapshots.postponedClients;
      for (let i = 0; i < 1000 && snapshots.postponedClients > 0; i++) {
        snapshots.step(1000);
        await turn();
      }
      assert.deepEqual(reply.length > 0 ? [1] : other.received(), [1]);
    }
    assert.ok(waits > 0, 'some were still to be written');
    for (let i = 0; i < 2000; i++) assert.equal(String(other.call('SET', `k:${i}`, 'x'.repeat(4000))), 'OK');
    assert.equal(snapshots.postponedClients, 0);
    while (ends.length === 0) {
      link.go();
      snapshots.step(1000);
    }
    assert.deepEqual(ends, [null]);
    transfer.end();
    while (link.go());
    const rdb = link.all.subarray(`$EOF:${MARK}\r\n`.length, link.all.length - MARK.length);
    assert.ok(Math.abs(rdb.length - before) < 1000);
    const copy = inProcess(DEBUG);
    const loader = new RdbLoader({ keyspace: copy.engine.keyspace, zsetLimits: LIMITS, nowUs: () => 0 });
    loader.window.push(rdb, 0, rdb.length);
    assert.equal(loader.step(Number.POSITIVE_INFINITY), DONE);
    assert.equal(copy.call('DEBUG', 'DIGEST'), wanted);
  });
});
