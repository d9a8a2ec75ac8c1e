/**
 * Servers that are started again over their files: replicas go on where they were, masters let theirs go on, and an
 * append-only file has what a full sync brought and everything behind it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import {
  assertConverged,
  type Kind,
  Node,
  namePairing,
  pairings,
  syncs,
  waitInSync,
  waitLinked,
  withNodes,
} from './support/node.ts';

const SAVES = { save: '3600 1', 'repl-ping-replica-period': 3600 };

async function shutDown(node: Node): Promise<void> {
  node.client.sendNoReply('SHUTDOWN', 'SAVE', 'NOW');
  await node.server.exited;
}

async function saved(node: Node): Promise<void> {
  await node.ok('BGSAVE');
  await waitFor(async () => (await node.figure('persistence', 'rdb_bgsave_in_progress')) === 0, {
    what: 'the snapshot to be saved',
  });
}

async function fill(node: Node, db: number, prefix: string, count = 50): Promise<void> {
  await node.ok('SELECT', db);
  for (let i = 0; i < count; i++) {
    await node.ok('SET', `${prefix}:${i}`, `${prefix} ${i}`);
    await node.ok('RPUSH', 'list', `${prefix} ${i}`);
  }
}

interface Pair {
  readonly master: Node;
  readonly replica: Node;
}

/** A master and its replica, linked. */
async function pair(
  open: <T extends { stop(): Promise<void> }>(what: T) => T,
  kinds: { master: Kind; replica: Kind },
): Promise<Pair> {
  const master = open(await Node.start(kinds.master, SAVES));
  const replica = open(await Node.start(kinds.replica, { ...SAVES, replicaof: `127.0.0.1 ${master.port}` }));
  await waitLinked([replica]);
  return { master, replica };
}

describe('restarts of replicated servers', { concurrency: 3 }, () => {
  for (const kinds of pairings()) {
    const name = namePairing(kinds);

    it(`${name}: a replica goes on where it was, in the database it was in`, () =>
      withNodes(async (open) => {
        const { master, replica } = await pair(open, kinds);
        await fill(master, 5, 'before');
        await waitInSync(master, [replica]);
        await shutDown(replica);
        // The stream is in database 5: it does not say so again.
        await fill(master, 5, 'while away');
        await replica.restart();
        await fill(master, 5, 'after');
        await assertConverged(master, [replica]);
        assert.deepEqual(await syncs(master), { full: 1, partial: 1, refused: 0 });
      }));

    it(`${name}: a replica that was killed goes on behind its last snapshot`, () =>
      withNodes(async (open) => {
        const { master, replica } = await pair(open, kinds);
        await fill(master, 5, 'before');
        await waitInSync(master, [replica]);
        await saved(replica);
        await fill(master, 3, 'after it');
        await waitInSync(master, [replica]);
        await replica.kill();
        await fill(master, 3, 'while away');
        await replica.restart();
        await assertConverged(master, [replica]);
        assert.deepEqual(await syncs(master), { full: 1, partial: 1, refused: 0 });
      }));

    it(`${name}: a master lets its replica go on, and tells what has expired meanwhile`, () =>
      withNodes(async (open) => {
        const { master, replica } = await pair(open, kinds);
        await fill(master, 5, 'before');
        await master.ok('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
        for (let i = 0; i < 100; i++) {
          await master.ok('SELECT', i % 16);
          await master.ok('SET', `short:${i}`, 'lived', 'PX', 1);
        }
        await waitInSync(master, [replica]);
        const id = (await master.info()).get('master_replid');
        await shutDown(master);
        await master.restart();
        await fill(master, 3, 'after');
        await assertConverged(master, [replica]);
        assert.deepEqual(await syncs(master), { full: 0, partial: 1, refused: 0 });
        assert.equal((await master.info()).get('master_replid2'), id);
        assert.equal(await master.figure('persistence', 'rdb_last_load_keys_expired'), 100);
        // A replica keeps what its master has not removed.
        assert.equal((await replica.info('keyspace')).get('db15'), undefined);
      }));
  }

  for (const master of new Set(pairings().map((kinds) => kinds.master))) {
    it(`${master} master: the append-only file of a replica has the full sync and what came behind it`, () =>
      withNodes(async (open) => {
        const source = open(await Node.start(master));
        await fill(source, 0, 'before', 200);
        const replica = open(
          await Node.start('ours', {
            appendonly: 'yes',
            appendfsync: 'always',
            'repl-diskless-load': 'swapdb',
          }),
        );
        await fill(replica, 0, 'own', 200);
        await replica.follow(source.port);
        await waitLinked([replica]);
        await fill(source, 2, 'at once');
        await waitFor(async () => (await replica.figure('persistence', 'aof_rewrite_in_progress')) === 0, {
          what: 'the rewrite to end',
        });
        await fill(source, 3, 'behind the rewrite');
        await waitInSync(source, [replica]);
        await source.ok('SELECT', 0);
        const digest = await source.ok('DEBUG', 'DIGEST');
        await replica.kill();
        await replica.restart();
        assert.equal(await replica.ok('DEBUG', 'DIGEST'), digest);
      }));
  }
});
