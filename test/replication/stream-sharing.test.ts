/**
 * What a master does for its replicas while the stream flows: one buffer for all, those that don't read, those that say
 * nothing, those that are needed for writing, and what is left when all have gone.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ErrorReply } from '../support/reply-framer.ts';
import { waitFor } from '../support/wait-for.ts';
import { FakeReplica } from './support/fake-replica.ts';
import { Node } from './support/node.ts';

const MIB = 1024 * 1024;
const VALUE = 'x'.repeat(MIB);

describe('a master and its replicas', () => {
  let master: Node;
  let replicas: FakeReplica[] = [];

  before(async () => {
    master = await Node.start('ours', { 'repl-backlog-size': '1mb', 'repl-ping-replica-period': 3600 });
  });
  after(() => master.stop());
  afterEach(async () => {
    for (const replica of replicas) replica.close();
    replicas = [];
    await waitFor(async () => (await master.figure('replication', 'connected_slaves')) === 0);
    await master.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'replica 0 0 0', 'repl-timeout', 60);
    await master.ok('CONFIG', 'SET', 'min-replicas-to-write', 0, 'repl-ping-replica-period', 3600);
  });

  async function attach(count: number): Promise<void> {
    for (let i = 0; i < count; i++) replicas.push(await FakeReplica.attach(master.port, i + 1));
    await waitFor(async () => {
      const info = await master.info();
      return replicas.every((_, i) => info.get(`slave${i}`)?.includes('state=online'));
    });
  }

  async function write(mebibytes: number): Promise<void> {
    for (let i = 0; i < mebibytes; i++) await master.ok('SET', 'k', VALUE);
  }

  async function allHave(offset: number): Promise<void> {
    await waitFor(() => replicas.every((replica) => replica.offset === offset), {
      what: 'the whole stream',
      timeoutMs: 20_000,
    });
  }

  it('keeps the stream once for three that lag behind, and gives each all of it', async () => {
    await attach(3);
    for (const replica of replicas) replica.pause();
    await write(32);
    const behind = await master.info('memory');
    const buffers = Number(behind.get('mem_total_replication_buffers'));
    // The system holds some for each socket.
    assert.ok(buffers > 16 * MIB && buffers < 34 * MIB, `${buffers}`);
    assert.equal(Number(behind.get('mem_replication_backlog')), MIB);
    assert.equal(Number(behind.get('mem_clients_slaves')), buffers - MIB);
    assert.equal(behind.get('mem_not_counted_for_evict'), behind.get('mem_clients_slaves'));
    assert.ok(Number(behind.get('used_memory')) > buffers);
    for (const replica of replicas) replica.resume();
    await allHave(await master.offset());
    const [first, ...others] = replicas.map((replica) => replica.streamText);
    for (const other of others) assert.ok(other === first);
    assert.ok(first!.endsWith(`${VALUE}\r\n`));
    await waitFor(async () => {
      return (await master.figure('memory', 'mem_total_replication_buffers')) < 2 * MIB;
    });
  });

  it('drops the one that does not read, and the others notice nothing', async () => {
    await attach(3);
    await master.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'replica 4mb 0 0');
    replicas[1]!.pause();
    await write(32);
    await waitFor(async () => (await master.figure('replication', 'connected_slaves')) === 2);
    assert.match(master.server.output, /scheduled to be closed ASAP for overcoming of output buffer limits/);
    replicas.splice(1, 1)[0]!.close();
    await allHave(await master.offset());
  });

  it('does not drop one for what the backlog keeps anyway', async () => {
    await attach(1);
    await master.ok('CONFIG', 'SET', 'repl-backlog-size', '64mb');
    await master.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'replica 1mb 0 0');
    replicas[0]!.pause();
    await write(32);
    replicas[0]!.resume();
    await allHave(await master.offset());
    await master.ok('CONFIG', 'SET', 'repl-backlog-size', '1mb');
  });

  it('drops one that says nothing for repl-timeout seconds', async () => {
    await attach(2);
    await master.ok('CONFIG', 'SET', 'repl-timeout', 1);
    await waitFor(
      () => {
        replicas[0]!.ack();
        return replicas[1]!.isClosed;
      },
      { timeoutMs: 10_000, intervalMs: 100 },
    );
    assert.ok(!replicas[0]!.isClosed);
    assert.match(master.server.output, /Disconnecting timedout replica \(streaming sync\): 127\.0\.0\.1:2\n/);
    assert.match(master.server.output, /Connection with replica 127\.0\.0\.1:2 lost\./);
  });

  it('refuses writes with fewer than min-replicas-to-write', async () => {
    await master.ok('CONFIG', 'SET', 'min-replicas-to-write', 1);
    const refusal = await master.call('SET', 'k', 'v');
    assert.ok(refusal instanceof ErrorReply);
    assert.equal(refusal.message, 'NOREPLICAS Not enough good replicas to write.');
    await attach(1);
    await master.ok('SET', 'k', 'v');
    replicas[0]!.close();
    await waitFor(async () => (await master.call('SET', 'k', 'v')) instanceof ErrorReply);
  });

  it('pings, each repl-ping-replica-period seconds', async () => {
    await attach(1);
    await master.ok('CONFIG', 'SET', 'repl-ping-replica-period', 1);
    await waitFor(() => replicas[0]!.streamText.endsWith('*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n'));
  });

  it('forgets its history when nobody has come back for repl-backlog-ttl seconds', async () => {
    await attach(1);
    const { id } = replicas[0]!;
    replicas.pop()!.close();
    await master.ok('CONFIG', 'SET', 'repl-backlog-ttl', 1);
    const info = await waitFor(async () => {
      const now = await master.info();
      return now.get('repl_backlog_active') === '0' ? now : null;
    });
    assert.notEqual(info.get('master_replid'), id);
    assert.match(
      master.server.output,
      /Replication backlog freed after 1 seconds without connected replicas\./,
    );
    assert.equal(await master.figure('memory', 'mem_total_replication_buffers'), 0);
  });
});

describe('a master whose replies wait for the disk', () => {
  it('tells a replica that comes back that it may go on before it does', async () => {
    const master = await Node.start('ours', { appendonly: 'yes', appendfsync: 'always' });
    try {
      let isWriting = true;
      const written = (async () => {
        const writer = await master.connect();
        for (let i = 0; isWriting; i++) await writer.call('SET', `key:${i % 100}`, i);
        writer.socket.destroy();
        return writer;
      })();
      let replica = await FakeReplica.attach(master.port);
      const parts: Buffer[] = [];
      for (let round = 0; round < 20; round++) {
        const { offset } = replica;
        await waitFor(() => replica.offset > offset);
        replica.close();
        parts.push(...replica.stream);
        replica = await FakeReplica.resume(master.port, replica);
      }
      isWriting = false;
      await written;
      const end = await master.offset();
      await waitFor(() => replica.offset === end);
      parts.push(...replica.stream);
      // Pieces fit together: it is nothing but whole commands.
      const text = Buffer.concat(parts).toString('latin1');
      assert.match(text, /^(\*\d\r\n(\$\d+\r\n(SET|SELECT|PING|REPLCONF|GETACK|\*|key:\d+|\d+)\r\n)+)+$/);
      assert.equal(await master.figure('stats', 'sync_partial_ok'), 20);
      replica.close();
    } finally {
      await master.stop();
    }
  });
});
