/**
 * Moving on: a redis-server attaches to ts-redis as a replica, catches up and takes over while clients go on writing,
 * and hands back; the same from redis-server to ts-redis. Nothing that was acknowledged is lost, and no data is copied
 * twice. Valkey is not asked: what it speaks to a master is what redis-server 7.0 speaks.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dataSet, fill } from '../support/data-set.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { ErrorReply } from '../support/reply-framer.ts';
import { sleep, waitFor } from '../support/wait-for.ts';
import { assertConverged, type Kind, Node, syncs, waitInSync, withNodes } from './support/node.ts';

const ROUNDS = 2;

/** A client that goes on writing numbers, one after the other, and looks for the master when it is told READONLY. */
class Counter {
  readonly acknowledged: number[] = [];
  readonly #nodes: readonly Node[];
  #at: Node;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
    this.#at = nodes[0]!;
  }

  begin(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Waits until this many more have been acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await waitFor(() => this.acknowledged.length >= wanted, { timeoutMs: 20_000, what: 'more writes' });
  }

  async #run(): Promise<void> {
    const clients = new Map(
      await Promise.all(this.#nodes.map(async (node) => [node, await node.connect()] as const)),
    );
    for (let n = 1; !this.#stopped; ) {
      const client = clients.get(this.#at)!;
      const reply = await client.call('RPUSH', 'written', n);
      if (!(reply instanceof ErrorReply)) {
        this.acknowledged.push(n++);
        continue;
      }
      assert.match(reply.message, /^READONLY /);
      for (const node of this.#nodes) if ((await node.info()).get('role') === 'master') this.#at = node;
      await sleep(5);
    }
    for (const client of clients.values()) await client.close();
  }
}

function thereAndBack(from: Kind, to: Kind): Promise<void> {
  return withNodes(async (open) => {
    const old = open(await Node.start(from));
    const next = open(await Node.start(to));
    await fill(old.client, dataSet({ seed: 5 }));
    const counter = new Counter([old, next]);
    counter.begin();
    await next.follow(old.port);
    try {
      for (let round = 0; round < ROUNDS; round++) {
        for (const [master, replica] of [
          [old, next],
          [next, old],
        ] as const) {
          await counter.more(50);
          await waitFor(async () => (await master.ok('WAIT', 1, 1000)) === 1, {
            timeoutMs: 20_000,
            what: 'the replica to catch up',
          });
          await master.ok('FAILOVER', 'TO', '127.0.0.1', replica.port, 'TIMEOUT', 20_000);
          await waitFor(
            async () => {
              const [a, b] = await Promise.all([master.info(), replica.info()]);
              assert.equal(b.get('role'), 'master');
              assert.equal(a.get('role'), 'slave');
              assert.equal(a.get('master_link_status'), 'up');
              return true;
            },
            { timeoutMs: 20_000, what: 'the roles to change' },
          );
        }
      }
      await counter.more(50);
    } finally {
      await counter.stop();
    }
    await waitInSync(old, [next]);
    const { acknowledged } = counter;
    for (const node of [old, next]) {
      assert.deepEqual(await node.ok('LRANGE', 'written', 0, -1), acknowledged.map(String));
    }
    await assertConverged(old, [next], 'there and back');
    assert.equal((await syncs(old)).full, 1, 'the first copy was the only one');
    assert.equal((await syncs(next)).full, 0, 'nothing was copied back');
  });
}

describe('moving to another server and back', { skip: findOracle() === null ? NO_ORACLE : false }, () => {
  const only = process.env.REPLICATION_KINDS?.split(',') as Kind[] | undefined;
  const ways = only
    ? [only]
    : [
        ['ours', 'real'],
        ['real', 'ours'],
        ['ours', 'ours'],
      ];
  for (const [from, to] of ways as [Kind, Kind][]) {
    it(`${from} to ${to} and back, while a client writes`, () => thereAndBack(from, to));
  }
});
