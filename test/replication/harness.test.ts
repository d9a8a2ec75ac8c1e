/** The tools of the replication tests, tried on real servers: where these fail, what others say means nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dataSet, fill } from '../support/data-set.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { waitFor } from '../support/wait-for.ts';
import { LinkProxy } from './support/link-proxy.ts';
import { assertConverged, Node, syncs, waitInSync, waitLinked, withNodes } from './support/node.ts';
import { WriteLoad } from './support/write-load.ts';

describe('the tools of replication tests', { skip: findOracle() === null ? NO_ORACLE : false }, () => {
  it('real servers converge under the load, through a proxy that is cut', () =>
    withNodes(async (open) => {
      const master = open(await Node.start('real'));
      const replica = open(await Node.start('real'));
      const proxy = open(await LinkProxy.to(master.port));
      await fill(master.client, dataSet({ databases: [0, 5] }));
      await replica.follow(proxy.port);
      const load = new WriteLoad({ port: master.port, seed: 1 });
      await load.run(10);
      await waitLinked([replica]);
      proxy.cut();
      await load.run(10);
      await assertConverged(master, [replica]);
      assert.deepEqual(await syncs(master), { full: 1, partial: 1, refused: 1 });
      assert.ok((await master.offset()) > 100_000, 'the load writes something');
    }));

  it('a proxy cuts at the byte it is told', () =>
    withNodes(async (open) => {
      const master = open(await Node.start('real'));
      const replica = open(await Node.start('real'));
      const proxy = open(await LinkProxy.to(master.port));
      // Behind PING, in the middle of +PONG, and before anything.
      const cuts = [
        { direction: 'up', at: 14 },
        { direction: 'down', at: 3 },
        { direction: 'up', at: 0 },
      ] as const;
      proxy.plan = (i) => cuts[i] ?? null;
      await replica.follow(proxy.port);
      await waitInSync(master, [replica]);
      assert.deepEqual(
        proxy.connections.slice(0, 3).map(({ bytes, wasCut }) => ({ ...bytes, wasCut })),
        [
          { up: 14, down: 0, wasCut: true },
          { up: 14, down: 3, wasCut: true },
          { up: 0, down: 0, wasCut: true },
        ],
      );
      assert.equal(proxy.connections.length, 4);
    }));

  it('a proxy that stalls lets nothing through until it goes on', () =>
    withNodes(async (open) => {
      const master = open(await Node.start('real'));
      const replica = open(await Node.start('real'));
      const proxy = open(await LinkProxy.to(master.port));
      await replica.follow(proxy.port);
      await waitInSync(master, [replica]);
      proxy.stall(true);
      await master.ok('SET', 'k', 'v');
      assert.equal(await replica.call('GET', 'k'), null);
      proxy.stall(false);
      await waitFor(async () => (await replica.call('GET', 'k')) === 'v', { what: 'the write to arrive' });
    }));
});
