/**
 * `npm run test:netns`: the guide's master and two replicas on three hosts, with the guide's addresses, files and
 * commands (guide-files.ts), in a network of their own (hosts.ts).
 *
 *     cd /redis; mkdir conf log
 *     bin/redis-server conf/redis.conf
 *     bin/redis-cli -h 172.18.113.66 -p 6379 info replication
 *
 * The same with redis-server shows that the test asks for what Redis shows; its files lose the comments behind values,
 * which Redis refuses. Then masters and replicas of both kinds are mixed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { waitFor } from '../support/wait-for.ts';
import { Deployment, type Kind, show } from './deployment.ts';
import { compareWithOriginals, MASTER, REPLICAS } from './guide-files.ts';
import { noHosts } from './hosts.ts';

const skip = await noHosts();
if (skip !== false) console.log(skip);

/** The guide's lines, numbers aside; they stand at these places of INFO replication. */
async function showsWhatTheGuideShows(deployment: Deployment): Promise<void> {
  const slave = (address: string) => `ip=${address},port=6379,state=online,offset=N,lag=N`;
  // From another host, as the guide does it.
  const master = await waitFor(
    async () => {
      const info = await deployment.info(MASTER, 'replication', REPLICAS[0]);
      return /lag=[01]\b.*lag=[01]\b/.test(show(info)) ? info : null;
    },
    { timeoutMs: 20_000, intervalMs: 200, what: 'both replicas with a lag of at most a second' },
  );
  const anyNumber = (value: string) => value.replaceAll(/(?<=offset=|lag=)\d+/g, 'N');
  assert.deepEqual(
    [...master].slice(0, 4).map(([name, value]) => [name, anyNumber(value)]),
    [
      ['role', 'master'],
      ['connected_slaves', '2'],
      ['slave0', slave(REPLICAS[0])],
      ['slave1', slave(REPLICAS[1])],
    ],
  );
  for (const address of REPLICAS) {
    const info = await deployment.info(address, 'replication', MASTER);
    assert.deepEqual([...info].slice(0, 4), [
      ['role', 'slave'],
      ['master_host', MASTER],
      ['master_port', '6379'],
      ['master_link_status', 'up'],
    ]);
    assert.equal(info.get('master_replid'), master.get('master_replid'));
  }
}

/** One deployment through the steps of the guide. Gives the names of INFO's fields on each host. */
async function story(master: Kind, replicas: Kind): Promise<Record<string, string[]>> {
  const deployment = await Deployment.create(master, replicas);
  try {
    return await play(deployment);
  } catch (error) {
    console.log(deployment.logs());
    throw error;
  } finally {
    await deployment.end();
  }
}

async function play(deployment: Deployment): Promise<Record<string, string[]>> {
  await deployment.start(MASTER);
  await deployment.cli(MASTER, 'set before attached');
  for (const address of REPLICAS) {
    await deployment.start(address);
    // One after the other, so that the master counts them as the guide shows them.
    await waitFor(async () => (await deployment.info(MASTER)).get('connected_slaves') !== '0', {
      timeoutMs: 20_000,
      what: `${address} to be attached`,
    });
  }
  await deployment.waitInSync();
  await showsWhatTheGuideShows(deployment);
  const fields = Object.fromEntries(
    await Promise.all(
      [...deployment.hosts.keys()].map(async (address) => [
        address,
        [...(await deployment.info(address)).keys()],
      ]),
    ),
  );

  // What is written on the master is read on the others, and nobody writes there.
  await deployment.cli(MASTER, 'set after attached', REPLICAS[1]);
  await deployment.waitInSync();
  for (const address of REPLICAS) {
    assert.equal(await deployment.cli(address, 'mget before after'), 'attached\nattached');
    assert.match(
      await deployment.cli(address, 'set k v'),
      /^READONLY You can't write against a read only replica\.$/,
    );
  }

  // A replica whose cable is pulled until the master has given it up gets what it missed, and no more.
  await deployment.cli(MASTER, 'config set repl-timeout 2');
  await deployment.cli(REPLICAS[0], 'config set repl-timeout 2');
  await deployment.cli(MASTER, 'config set repl-ping-replica-period 1');
  const before = await deployment.info(MASTER, 'stats');
  await deployment.host(REPLICAS[0]).connected(false);
  await waitFor(async () => (await deployment.info(MASTER)).get('connected_slaves') === '1', {
    timeoutMs: 20_000,
    what: 'the master to give up the replica',
  });
  await waitFor(async () => (await deployment.info(REPLICAS[0])).get('master_link_status') === 'down', {
    timeoutMs: 20_000,
    what: 'the replica to give up the master',
  });
  await deployment.cli(MASTER, 'set missed cable');
  await deployment.host(REPLICAS[0]).connected(true);
  await deployment.waitInSync();
  assert.equal(await deployment.cli(REPLICAS[0], 'get missed'), 'cable');
  const stats = await deployment.info(MASTER, 'stats');
  assert.equal(stats.get('sync_full'), before.get('sync_full'), 'no full resync');
  assert.equal(Number(stats.get('sync_partial_ok')), Number(before.get('sync_partial_ok')) + 1);

  // The master goes as the guide ends it, and comes back with what it had: the append-only file is on.
  await deployment.cli(MASTER, 'shutdown');
  for (const address of REPLICAS) {
    await waitFor(async () => (await deployment.info(address)).get('master_link_status') === 'down', {
      what: `${address} to see that the master has gone`,
    });
    assert.equal(await deployment.cli(address, 'get before'), 'attached');
  }
  await deployment.start(MASTER);
  await deployment.waitInSync();
  for (const address of [MASTER, ...REPLICAS]) {
    assert.equal(await deployment.cli(address, 'mget before after missed'), 'attached\nattached\ncable');
    assert.equal(await deployment.cli(address, 'dbsize'), '3');
  }
  return fields;
}

describe('three hosts', { skip }, () => {
  const noOracle = findOracle() === null ? NO_ORACLE : false;
  let ours: Record<string, string[]> | null = null;

  test("the guide's files are what the guide has", (t) => {
    compareWithOriginals((text) => t.diagnostic(text));
  });

  test("ts-redis with the guide's files as they are", async () => {
    ours = await story('ts-redis', 'ts-redis');
  });

  test('redis-server shows the same', { skip: noOracle }, async () => {
    const theirs = await story('redis-server', 'redis-server');
    if (ours !== null) assert.deepEqual(ours, theirs);
  });

  test('replicas of redis-server under a master of ts-redis', { skip: noOracle }, async () => {
    await story('ts-redis', 'redis-server');
  });

  test('replicas of ts-redis under a master of redis-server', { skip: noOracle }, async () => {
    await story('redis-server', 'ts-redis');
  });
});
