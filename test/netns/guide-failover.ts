/**
 * `npm run test:netns`: the guide from end to end, with its addresses, files and commands: a master, two replicas and
 * three sentinels on three hosts; the master is shut down, a replica takes over, the other one follows it, the old
 * master comes back as a replica; then everything is shut down as the guide does it.
 *
 * The sentinels are started in both of the guide's ways. redis-server and redis-sentinel go through the same story, so
 * that it asks for what Redis does; then both kinds are mixed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { findProgram } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { Deployment, type Kind, show } from './deployment.ts';
import { MASTER, PORT, REPLICAS, SENTINEL_PORT } from './guide-files.ts';
import { noHosts } from './hosts.ts';

const HOSTS = [MASTER, ...REPLICAS];
const OURS = ['ts-redis', 'ts-redis', 'ts-redis'] as const;
const THEIRS = ['redis-server', 'redis-server', 'redis-server'] as const;

const skip = await noHosts();
if (skip !== false) console.log(skip);

interface Parts {
  readonly master: Kind;
  readonly replicas: Kind;
  readonly sentinels: readonly Kind[];
  /** Lines behind the guide's sentinel.conf. */
  readonly more?: string;
}

async function story({ master, replicas, sentinels, more = '' }: Parts): Promise<void> {
  const deployment = await Deployment.create(master, replicas, sentinels, more);
  try {
    await play(deployment, sentinels);
  } catch (error) {
    console.log(deployment.logs());
    throw error;
  } finally {
    await deployment.end();
  }
}

async function play(deployment: Deployment, sentinels: readonly Kind[]): Promise<void> {
  for (const address of HOSTS) await deployment.start(address);
  await deployment.waitInSync();
  await deployment.cli(MASTER, 'set before failover');

  await deployment.startSentinel(HOSTS[0]!, 'bin/redis-sentinel conf/sentinel.conf');
  await deployment.startSentinel(HOSTS[1]!, 'bin/redis-server conf/sentinel.conf --sentinel');
  // Of two kinds on one host, bin/redis-server is the data node's.
  const mixed = new Set(sentinels).size > 1;
  await deployment.startSentinel(
    HOSTS[2]!,
    mixed ? 'bin/redis-sentinel conf/sentinel.conf' : 'bin/redis-server conf/sentinel.conf --sentinel',
  );
  for (const address of HOSTS) {
    await waitFor(
      async () => {
        const quorum = await deployment.askSentinel(address, 'sentinel ckquorum mymaster');
        const info = await deployment.askSentinel(address, 'info sentinel');
        return (
          /^OK 3 usable Sentinels/.test(quorum) &&
          info.includes(`name=mymaster,status=ok,address=${MASTER}:${PORT},slaves=2,sentinels=3`)
        );
      },
      { timeoutMs: 40_000, intervalMs: 250, what: `the sentinel of ${address} to know everybody` },
    );
  }

  // Step 8 of the guide.
  assert.equal(await deployment.cli(MASTER, 'shutdown', REPLICAS[0]), '');
  const next = await deployment.agreedMaster((address) => address !== MASTER);
  assert.ok((REPLICAS as readonly string[]).includes(next), next);
  const other = REPLICAS.find((address) => address !== next)!;
  await waitFor(
    async () => {
      const info = await deployment.info(next);
      const follower = await deployment.info(other);
      return (
        info.get('role') === 'master' &&
        info.get('connected_slaves') === '1' &&
        follower.get('role') === 'slave' &&
        follower.get('master_host') === next &&
        follower.get('master_link_status') === 'up'
      );
    },
    { timeoutMs: 60_000, intervalMs: 250, what: 'the other replica to follow the new master' },
  );
  assert.equal(await deployment.cli(next, 'get before'), 'failover');
  await deployment.cli(next, 'set after failover');

  // The old master comes back with the file that says nothing of a master, and is told.
  await deployment.start(MASTER);
  await waitFor(
    async () => {
      const info = await deployment.info(MASTER);
      return (
        info.get('role') === 'slave' &&
        info.get('master_host') === next &&
        info.get('master_link_status') === 'up' &&
        (await deployment.info(next)).get('connected_slaves') === '2'
      );
    },
    { timeoutMs: 60_000, intervalMs: 250, what: 'the old master to follow the new one' },
  );
  await waitFor(
    async () => {
      for (const address of HOSTS) {
        if ((await deployment.cli(address, 'mget before after')) !== 'failover\nfailover') return false;
      }
      return true;
    },
    { timeoutMs: 20_000, what: 'everybody to have all' },
  );
  assert.match(show(await deployment.info(MASTER)), /^role:slave /);

  // Step 9: everything is shut down, the servers first.
  for (const address of HOSTS) {
    await waitFor(
      async () => /aof_rewrite_in_progress:0/.test(show(await deployment.info(address, 'persistence'))),
      { timeoutMs: 20_000, what: `${address} to have written its append-only file` },
    );
    assert.equal(await deployment.cli(address, 'shutdown', MASTER), '');
  }
  for (const address of HOSTS) assert.equal(await deployment.askSentinel(address, 'shutdown', MASTER), '');
  for (const address of HOSTS) {
    for (const port of [PORT, SENTINEL_PORT]) {
      await waitFor(
        async () => {
          const ended = await deployment
            .host(address)
            .run('bin/redis-cli', '-h', address, '-p', String(port), 'ping');
          return /Could not connect/.test(ended.stdout + ended.stderr);
        },
        { timeoutMs: 10_000, what: `${address}:${port} to have ended` },
      );
    }
  }
}

describe('the guide, from start to shutdown', { skip }, () => {
  const noOracle =
    findOracle() === null || findProgram('redis-sentinel') === null ? NO_ORACLE : (false as const);

  test('ts-redis', async () => {
    await story({ master: 'ts-redis', replicas: 'ts-redis', sentinels: OURS });
  });

  test('redis-server and redis-sentinel', { skip: noOracle }, async () => {
    await story({ master: 'redis-server', replicas: 'redis-server', sentinels: THEIRS });
  });

  test('two sentinels of ts-redis and a redis-sentinel, over both kinds', { skip: noOracle }, async () => {
    await story({
      master: 'redis-server',
      replicas: 'ts-redis',
      sentinels: ['redis-server', 'ts-redis', 'ts-redis'],
      more: 'sentinel down-after-milliseconds mymaster 5000\n',
    });
  });
});
