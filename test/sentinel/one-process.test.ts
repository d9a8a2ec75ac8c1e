/**
 * A master, two replicas and three sentinels in one process, on one clock that is moved by hand: a failover and the old
 * master's return, which take half a minute, in a few seconds. Nothing of them may be global.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Server } from '../../src/server/server.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { OneProcess, type Watcher } from './support/one-process.ts';

const all = new OneProcess();
after(() => all.close());

function masterPort({ node }: Watcher): number {
  return node.sentinel.state.masters.get('mymaster')!.address.port;
}

test('a group with its sentinels in one process, on a virtual clock', async () => {
  const [first, second, third] = [await freePort(), await freePort(), await freePort()];
  const master = await all.dataNode(first, null);
  const replicas = [await all.dataNode(second, first), await all.dataNode(third, first)];
  const role = (server: Server) => server.engine.replication!.role;
  await all.until(
    () => replicas.every((replica) => role(replica) === 'replica'),
    20_000,
    'the replicas follow',
  );
  const watchers: Watcher[] = [];
  for (let i = 0; i < 3; i++) {
    watchers.push(
      await all.sentinel([
        `sentinel monitor mymaster 127.0.0.1 ${first} 2`,
        'sentinel down-after-milliseconds mymaster 1000',
        'sentinel failover-timeout mymaster 10000',
      ]),
    );
  }
  const knowsAll = ({ node }: Watcher) => {
    const watched = node.sentinel.state.masters.get('mymaster')!;
    return watched.replicas.size === 2 && watched.sentinels.size === 2;
  };
  await all.until(() => watchers.every(knowsAll), 30_000, 'they know each other');

  await all.end(master);
  const isNew = () => watchers.every((watcher) => masterPort(watcher) !== first);
  // An election may split (the clock runs ahead of the sockets); the next try comes after twice failover-timeout.
  const took = await all.until(isNew, 60_000, 'a new master');
  assert.ok(took >= 1000, 'not before it was silent for long enough');
  const agreed = masterPort(watchers[0]!);
  for (const watcher of watchers) assert.equal(masterPort(watcher), agreed);
  const promoted = replicas.find(({ config }) => config.values.port === agreed)!;
  const other = replicas.find((server) => server !== promoted)!;
  assert.equal(role(promoted), 'master');
  await all.until(() => other.config.values.replicaof?.port === agreed, 10_000, 'the other follows');

  // The old master comes back, and is told whom to follow.
  const returned = await all.dataNode(first, null);
  await all.until(() => role(returned) === 'replica', 60_000, 'the old master follows');
  assert.equal(returned.config.values.replicaof?.port, agreed);

  // What they know is in their files, each in its own.
  const ids = watchers.map(({ file }) => /^sentinel myid (\w+)$/m.exec(readFileSync(file, 'utf8'))?.[1]);
  assert.equal(new Set(ids).size, 3);
  for (const { file } of watchers) {
    const line = new RegExp(`^sentinel monitor mymaster 127.0.0.1 ${agreed} 2$`, 'm');
    assert.match(readFileSync(file, 'utf8'), line);
  }
  const client = await RawClient.connect({ port: watchers[1]!.port });
  const address = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
  assert.deepEqual(address, ['127.0.0.1', String(agreed)]);
  await client.close();

  // One ends; the others go on, and it leaves no connection behind.
  const [gone, ...left] = watchers;
  await all.end(gone!.node);
  assert.equal(gone!.node.sentinel.connections, 0);
  assert.match(gone!.lines.at(-1)!, /Sentinel is now ready to exit, bye bye/);
  all.clock.advance(100);
  for (const { node } of left) assert.ok(node.sentinel.connections > 0);
});
