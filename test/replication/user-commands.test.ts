/** What users see and ask: INFO replication, ROLE, WAIT, WAITAOF, FAILOVER, CLIENT LIST and KILL, SHUTDOWN. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findOracle } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { ErrorReply } from '../support/reply-framer.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Kind, Node, namePairing, pairings, waitInSync, waitLinked, withNodes } from './support/node.ts';

type Open = <T extends Node>(what: T) => T;

async function startAll(kinds: readonly Kind[], open: Open): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const kind of kinds) nodes.push(open(await Node.start(kind)));
  return nodes;
}

/** A master with replicas that are linked. */
async function withReplicas(
  kinds: readonly Kind[],
  run: (master: Node, ...replicas: Node[]) => Promise<void>,
): Promise<void> {
  await withNodes(async (open) => {
    const [master, ...replicas] = await startAll(kinds, open);
    for (const replica of replicas) await replica.follow(master!.port);
    await waitLinked(replicas);
    await run(master!, ...replicas);
  });
}

/** Waits until the role is that, and returns what ROLE says. */
async function roleOf(node: Node, role: 'master' | 'slave'): Promise<unknown[]> {
  let reply: unknown[] = [];
  await waitFor(
    async () => {
      reply = (await node.ok('ROLE')) as unknown[];
      return String(reply[0]) === role && (role === 'master' || String(reply[3]) === 'connected');
    },
    { what: `${node.kind} is a ${role}` },
  );
  return reply;
}

async function failoverState(node: Node): Promise<string | undefined> {
  return (await node.info()).get('master_failover_state');
}

/** The process stands still, and goes on when the test is over. */
function freeze(node: Node): { thaw(): void } {
  node.server.kill('SIGSTOP');
  return { thaw: () => node.server.kill('SIGCONT') };
}

const error = async (node: Node, ...args: string[]): Promise<string> => {
  const reply = await node.call(...args);
  return reply instanceof ErrorReply ? reply.message : `no error: ${String(reply)}`;
};

describe('commands of replication', { concurrency: 2 }, () => {
  const kinds: readonly Kind[] = findOracle() === null ? ['ours'] : ['ours', 'real'];

  it('INFO has the fields of redis-server, and ROLE its form', async (t) => {
    if (findOracle() === null) {
      t.skip('there is no redis-server to compare with');
      return;
    }
    const seen: Record<string, unknown[]> = {};
    for (const kind of kinds) {
      await withReplicas([kind, kind], async (master, replica) => {
        await master.ok('SET', 'k', 'v');
        await waitInSync(master, [replica]);
        const line = (await master.info()).get('slave0')!;
        assert.match(
          line.replace(String(replica.port), 'PORT'),
          /^ip=127\.0\.0\.1,port=PORT,state=online,offset=\d+,lag=[01]$/,
        );
        const [role, host, port, state] = (await roleOf(replica, 'slave')).map(String);
        assert.deepEqual([role, host, port, state], ['slave', '127.0.0.1', String(master.port), 'connected']);
        const [, , listed] = (await roleOf(master, 'master')) as [unknown, unknown, unknown[][]];
        assert.deepEqual(
          listed.map((entry) => entry.length),
          [3],
        );
        await master.ok('CONFIG', 'SET', 'min-replicas-to-write', '1');
        const up = [...(await replica.info()).keys()];
        const leading = [...(await master.info()).keys()];
        await master.stop();
        await waitFor(async () => (await replica.info()).get('master_link_status') === 'down', {
          what: 'link down',
        });
        seen[kind] = [leading, up, [...(await replica.info()).keys()]];
      });
    }
    assert.deepEqual(seen.ours, seen.real);
  });

  for (const pairing of pairings()) {
    const { master: masterKind, replica: replicaKind } = pairing;
    if (masterKind === 'real') continue;
    it(`${namePairing(pairing)}: WAIT`, () =>
      withReplicas([masterKind, replicaKind, replicaKind], async (master, first, second) => {
        const replies = await master.client.pipeline([
          ['SET', 'k', '1'],
          ['WAIT', '2', '0'],
          ['WAIT', '3', '20'],
        ]);
        assert.deepEqual(replies.map(String), ['+OK\r\n', ':2\r\n', ':2\r\n']);
        const [acked, asleep] = [first!, second!];
        const ice = freeze(asleep);
        const waiting = await master.connect();
        await waiting.call('SET', 'k', '2');
        assert.equal(String(await waiting.send('WAIT', '1', '0')), ':1\r\n');
        assert.equal(String(await waiting.send('WAIT', '2', '50')), ':1\r\n');
        const id = String(await waiting.call('CLIENT', 'ID'));
        for (const [how, want] of [
          ['TIMEOUT', ':1\r\n'],
          ['ERROR', '-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n'],
        ] as const) {
          const reply = waiting.send('WAIT', '2', '0');
          await waitFor(async () => String(await master.call('CLIENT', 'UNBLOCK', id, how)) === '1', {
            what: 'unblocked',
          });
          assert.equal(String(await reply), want);
        }
        const late = waiting.send('WAIT', '2', '0');
        await waitFor(async () => (await master.figure('clients', 'blocked_clients')) === 1, {
          what: 'blocked',
        });
        ice.thaw();
        assert.equal(String(await late), ':2\r\n');
        // One that becomes a replica lets nobody wait.
        const again = freeze(asleep);
        await waiting.call('SET', 'k', '3');
        const broken = waiting.send('WAIT', '2', '0');
        await waitFor(async () => (await master.figure('clients', 'blocked_clients')) === 1, {
          what: 'blocked',
        });
        await acked.promote();
        await master.follow(acked.port);
        assert.equal(
          String(await broken),
          '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n',
        );
        await waiting.waitClosed();
        again.thaw();
        assert.match(await error(master, 'WAIT', '1', '0'), /WAIT cannot be used with replica instances/);
      }));
  }

  it('WAITAOF: our file, and those of replicas', () =>
    withReplicas(['ours', 'ours'], async (master, replica) => {
      assert.match(await error(master, 'WAITAOF', '1', '0', '0'), /appendonly is disabled/);
      assert.match(await error(replica!, 'WAITAOF', '0', '0', '0'), /cannot be used with replica instances/);
      const wait = async (...args: string[]) => {
        await master.ok('INCR', 'n');
        return String(await master.client.send('WAITAOF', ...args));
      };
      assert.equal(await wait('0', '1', '30'), '*2\r\n:0\r\n:0\r\n');
      await master.ok('CONFIG', 'SET', 'appendfsync', 'no');
      await master.ok('CONFIG', 'SET', 'appendonly', 'yes');
      await waitFor(async () => (await master.figure('persistence', 'aof_rewrite_in_progress')) === 0, {
        what: 'rewritten',
      });
      assert.equal(await wait('1', '0', '30'), '*2\r\n:0\r\n:0\r\n');
      await master.ok('CONFIG', 'SET', 'appendfsync', 'always');
      assert.equal(await wait('1', '0', '0'), '*2\r\n:1\r\n:0\r\n');
      await replica!.ok('CONFIG', 'SET', 'appendonly', 'yes');
      assert.equal(await wait('1', '1', '0'), '*2\r\n:1\r\n:1\r\n');
      // Who waits for a file that is closed learns it.
      await master.ok('CONFIG', 'SET', 'appendfsync', 'no');
      const waiting = await master.connect();
      await waiting.call('INCR', 'n');
      const reply = waiting.send('WAITAOF', '1', '0', '0');
      await waitFor(async () => (await master.figure('clients', 'blocked_clients')) === 1, {
        what: 'blocked',
      });
      await master.ok('CONFIG', 'SET', 'appendonly', 'no');
      assert.match(String(await reply), /appendonly is disabled/);
      await waiting.close();
    }));

  it('FAILOVER is refused as redis-server does', () =>
    withNodes(async (open) => {
      const nodes = await startAll(kinds, open);
      for (const words of [
        ['ABORT'],
        ['ABORT', 'x'],
        ['TO', 'h'],
        ['TO', 'h', 'x'],
        ['TIMEOUT', '0'],
        ['TIMEOUT', 'x'],
        ['TIMEOUT', '1', 'TIMEOUT', '1'],
        ['FORCE', 'FORCE'],
        [],
        ['TO', 'h', '99999999999'],
        ['FORCE'],
      ]) {
        const [ours, real = ours] = await Promise.all(nodes.map((node) => error(node, 'FAILOVER', ...words)));
        assert.equal(ours, real, words.join(' '));
      }
    }));

  for (const pairing of pairings()) {
    const { master: masterKind, replica: replicaKind } = pairing;
    it(`${namePairing(pairing)}: FAILOVER`, () =>
      withReplicas([masterKind, replicaKind, replicaKind], async (master, first, second) => {
        const target = first!;
        const to = ['TO', '127.0.0.1', String(target.port)];
        assert.match(await error(master, 'FAILOVER', 'FORCE', ...to), /requires both a timeout and target/);
        assert.match(await error(master, 'FAILOVER', 'TO', 'h', '1'), /is not a replica/);
        // Its target stands still: the time is up, or it is aborted; meanwhile writers wait.
        const ice = freeze(target);
        const writer = await master.connect();
        await writer.call('SET', 'a', '1');
        for (const how of ['timeout', 'abort']) {
          await master.ok('FAILOVER', ...to, ...(how === 'timeout' ? ['TIMEOUT', '60'] : []));
          const held = writer.send('INCR', 'n');
          if (how === 'abort') {
            assert.equal(await failoverState(master), 'waiting-for-sync');
            assert.match(await error(master, 'FAILOVER'), /already in progress/);
            assert.match(await error(master, 'REPLICAOF', 'h', '1'), /not allowed while failing over/);
            await master.ok('FAILOVER', 'ABORT');
          }
          assert.match(String(await held), /^:\d+\r\n$/);
          assert.equal(await failoverState(master), 'no-failover');
        }
        ice.thaw();
        await waitInSync(master, [target]);
        const before = await target.figure('stats', 'sync_full');
        await master.ok('FAILOVER', ...to, 'TIMEOUT', '20000');
        const late = writer.send('SET', 'late', '1');
        await roleOf(target, 'master');
        await roleOf(master, 'slave');
        await roleOf(second!, 'slave');
        assert.match(String(await late), /^-READONLY/);
        assert.equal(await target.figure('stats', 'sync_full'), before);
        assert.equal(await failoverState(master), 'no-failover');
        // And back, by force: nobody waits for one that stands still.
        const stone = freeze(master);
        await target.ok('SET', 'b', '1');
        await target.ok('FAILOVER', 'TO', '127.0.0.1', String(master.port), 'TIMEOUT', '50', 'FORCE');
        await waitFor(async () => (await failoverState(target)) === 'failover-in-progress', {
          what: 'forced',
        });
        stone.thaw();
        await roleOf(master, 'master');
        await roleOf(target, 'slave');
        await writer.close();
      }));
  }

  it('FAILOVER to one that refuses: the master remains', async (t) => {
    if (findOracle() === null) {
      t.skip('there is no redis-server that could refuse');
      return;
    }
    await withReplicas(['ours', 'real'], async (master, target) => {
      await target!.ok('ACL', 'SETUSER', 'default', '-psync');
      await master.ok('FAILOVER', 'TO', '127.0.0.1', String(target!.port));
      await waitFor(async () => (await failoverState(master)) === 'no-failover', { what: 'aborted' });
      await roleOf(master, 'master');
      await master.ok('SET', 'k', '1');
      await waitLinked([target!]);
      await waitInSync(master, [target!]);
    });
  });

  it('CLIENT LIST and KILL know masters and replicas', () =>
    withReplicas(['ours', 'ours'], async (master, replica) => {
      const list = async (node: Node, type: string) => String(await node.ok('CLIENT', 'LIST', 'TYPE', type));
      assert.match(
        await list(master, 'replica'),
        /^id=\d+ addr=127[^\n]* flags=S [^\n]*cmd=replconf [^\n]*\n$/,
      );
      assert.match(
        await list(replica!, 'master'),
        /^id=\d+ addr=127[^\n]* flags=M [^\n]* user=\(superuser\) [^\n]*\n$/,
      );
      assert.equal(await master.figure('clients', 'connected_clients'), 1);
      assert.equal(String(await master.ok('CLIENT', 'KILL', 'TYPE', 'replica')), '1');
      await waitLinked([replica!]);
      assert.equal(String(await replica!.ok('CLIENT', 'KILL', 'TYPE', 'master')), '1');
      await waitLinked([replica!]);
      const stats = await master.info('stats');
      assert.deepEqual([stats.get('sync_full'), stats.get('sync_partial_ok')], ['1', '2']);
      assert.ok(Number(stats.get('total_net_repl_output_bytes')) > 100);
      assert.ok((await replica!.figure('stats', 'total_net_repl_input_bytes')) > 100);
      assert.match(String(await replica!.client.send('HELLO')), /role\r\n\$7\r\nreplica/);
    }));

  it('SHUTDOWN waits for those that lag behind, and can be aborted', () =>
    withReplicas(['ours', 'ours'], async (master, replica) => {
      const ice = freeze(replica!);
      await master.ok('SET', 'k', '1');
      const asking: RawClient = await master.connect();
      const reply = asking.send('SHUTDOWN', 'NOSAVE');
      await waitFor(async () => (await master.info('server')).has('shutdown_in_milliseconds'), {
        what: 'waiting',
      });
      assert.ok((await master.figure('server', 'shutdown_in_milliseconds')) > 0);
      const writer = await master.connect();
      const held = writer.send('SET', 'k', '2');
      await master.ok('SHUTDOWN', 'ABORT');
      assert.match(String(await reply), /Errors trying to SHUTDOWN/);
      assert.equal(String(await held), '+OK\r\n');
      asking.sendNoReply('SHUTDOWN', 'NOSAVE');
      await waitFor(async () => (await master.info('server')).has('shutdown_in_milliseconds'), {
        what: 'waiting',
      });
      ice.thaw();
      await master.server.exited;
      assert.equal(String(await replica!.ok('GET', 'k')), '2');
    }));
});
