/**
 * The configuration files that users copy from a guide start a master and its replicas as they are, comments behind
 * directives and all. `npm run test:netns` does it on three hosts with the guide's own addresses.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  compareWithOriginals,
  MASTER,
  MASTER_CONF,
  PORT,
  REPLICA_CONF,
  SENTINEL_CONF,
} from '../netns/guide-files.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { runToEnd, SENTINEL_COMMAND, scratchFolder } from './launch.ts';

/** Process ids of daemons that run. */
const daemons = new Set<number>();

after(() => {
  for (const pid of daemons) process.kill(pid, 'SIGKILL');
});

/** Starts what the guide starts; only what belongs to the guide's machines is changed. */
async function start(conf: string, port: number, cwd = scratchFolder()): Promise<RawClient> {
  mkdirSync(join(cwd, 'log'), { recursive: true });
  mkdirSync(join(cwd, 'conf'), { recursive: true });
  writeFileSync(join(cwd, 'conf/redis.conf'), conf.replaceAll('/redis/log', join(cwd, 'log')));
  const { code, stderr } = await runToEnd(['conf/redis.conf', '--port', String(port), '--pidfile', 'x.pid'], {
    cwd,
  });
  assert.deepEqual([code, stderr], [0, '']);
  daemons.add(Number(readFileSync(join(cwd, 'x.pid'), 'utf8')));
  return RawClient.connect({ port });
}

/** A replica that is still writing its first append-only file refuses to end, as in Redis. */
async function end(client: RawClient): Promise<void> {
  const pid = Number(/process_id:(\d+)/.exec(String(await client.call('INFO', 'server')))![1]);
  await waitFor(
    async () => /aof_rewrite_in_progress:0/.test(String(await client.call('INFO', 'persistence'))),
    { what: 'the append-only file to be written' },
  );
  client.sendNoReply('SHUTDOWN', 'NOSAVE');
  await client.waitClosed();
  daemons.delete(pid);
}

/** The first lines of INFO replication, as far as the guide shows them, numbers aside. */
async function replicationOf(client: RawClient): Promise<string[]> {
  const text = String(await client.call('INFO', 'replication'));
  assert.match(text, /^# Replication\r\n/);
  const lines = text.split('\r\n').slice(1, 5);
  return lines.map((line) => line.replaceAll(/(?<=offset=|lag=)\d+/g, 'N'));
}

test("the guide's files are what the guide has", (t) => {
  compareWithOriginals((text) => t.diagnostic(text));
});

test("the guide's redis.conf", async () => {
  const client = await start(MASTER_CONF, await freePort());
  assert.equal(await client.call('SET', 'k', 'v'), 'OK');
  assert.deepEqual(await client.call('CONFIG', 'GET', 'bind'), ['bind', '0.0.0.0']);
  await end(client);
});

test("the guide's master and two replicas, on one machine", async () => {
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const replicaConf = REPLICA_CONF.replace(`${MASTER} ${PORT}`, `127.0.0.1 ${ports[0]}`);
  const master = await start(MASTER_CONF, ports[0]);
  await master.call('SET', 'before', 'attached');
  const replicas: RawClient[] = [];
  for (const port of ports.slice(1)) {
    const replica = await start(replicaConf, port);
    replicas.push(replica);
    await waitFor(
      async () => {
        const lines = await replicationOf(master);
        assert.equal(lines[1], `connected_slaves:${replicas.length}`);
        assert.match(lines[1 + replicas.length]!, /state=online/);
        assert.equal((await replicationOf(replica))[3], 'master_link_status:up');
        return true;
      },
      { timeoutMs: 20_000, what: 'the replica to follow' },
    );
  }
  assert.deepEqual(await replicationOf(master), [
    'role:master',
    'connected_slaves:2',
    `slave0:ip=127.0.0.1,port=${ports[1]},state=online,offset=N,lag=N`,
    `slave1:ip=127.0.0.1,port=${ports[2]},state=online,offset=N,lag=N`,
  ]);
  await master.call('SET', 'after', 'attached');
  assert.equal(await master.call('WAIT', '2', '10000'), 2);
  for (const replica of replicas) {
    assert.deepEqual(await replicationOf(replica), [
      'role:slave',
      'master_host:127.0.0.1',
      `master_port:${ports[0]}`,
      'master_link_status:up',
    ]);
    assert.deepEqual(await replica.call('MGET', 'before', 'after'), ['attached', 'attached']);
    assert.match(
      String(await replica.call('SET', 'k', 'v')),
      /READONLY You can't write against a read only replica\./,
    );
    await end(replica);
  }
  await end(master);
});

/** Starts a sentinel with the guide's file, in one of the guide's two ways; it judges after two seconds, not thirty. */
async function startSentinel(masterPort: number, way: 'redis-sentinel' | '--sentinel'): Promise<RawClient> {
  const cwd = scratchFolder();
  mkdirSync(join(cwd, 'log'));
  mkdirSync(join(cwd, 'conf'));
  const conf = SENTINEL_CONF.replace(`${MASTER} ${PORT}`, `127.0.0.1 ${masterPort}`);
  const port = await freePort();
  writeFileSync(
    join(cwd, 'conf/sentinel.conf'),
    `${conf.replaceAll('/redis/log', join(cwd, 'log'))}sentinel down-after-milliseconds mymaster 2000\n`,
  );
  const options = ['--port', String(port), '--pidfile', 'x.pid'];
  const { code, stderr } =
    way === '--sentinel'
      ? await runToEnd(['conf/sentinel.conf', '--sentinel', ...options], { cwd })
      : await runToEnd(['conf/sentinel.conf', ...options], { cwd, command: SENTINEL_COMMAND });
  assert.deepEqual([code, stderr], [0, '']);
  daemons.add(Number(readFileSync(join(cwd, 'x.pid'), 'utf8')));
  return RawClient.connect({ port });
}

async function endSentinel(client: RawClient): Promise<void> {
  const pid = Number(/process_id:(\d+)/.exec(String(await client.call('INFO', 'server')))![1]);
  client.sendNoReply('SHUTDOWN');
  await client.waitClosed();
  daemons.delete(pid);
}

test("the guide's master, replicas and sentinels, on one machine: failover and return", async () => {
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const replicaConf = REPLICA_CONF.replace(`${MASTER} ${PORT}`, `127.0.0.1 ${ports[0]}`);
  const home = scratchFolder();
  const master = await start(MASTER_CONF, ports[0], home);
  await master.call('SET', 'before', 'failover');
  const replicas = [await start(replicaConf, ports[1]), await start(replicaConf, ports[2])];
  const sentinels = [
    await startSentinel(ports[0], 'redis-sentinel'),
    await startSentinel(ports[0], '--sentinel'),
    await startSentinel(ports[0], 'redis-sentinel'),
  ];
  const masterPort = async (sentinel: RawClient): Promise<number> => {
    const address = await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
    return Number((address as unknown[])[1]);
  };
  for (const sentinel of sentinels) {
    await waitFor(async () => /slaves=2,sentinels=3/.test(String(await sentinel.call('INFO', 'sentinel'))), {
      timeoutMs: 30_000,
      what: 'every sentinel to know everybody',
    });
  }
  assert.equal(await master.call('WAIT', '2', '10000'), 2);
  await end(master);
  const next = await waitFor(
    async () => {
      const named = await Promise.all(sentinels.map(masterPort));
      return named[0] !== ports[0] && named.every((port) => port === named[0]) ? named[0] : null;
    },
    { timeoutMs: 60_000, what: 'all sentinels to name the same new master' },
  );
  const [promoted, other] = next === ports[1] ? replicas : replicas.toReversed();
  const follows = async (client: RawClient): Promise<boolean> => {
    const lines = await replicationOf(client);
    return lines[2] === `master_port:${next}` && lines[3] === 'master_link_status:up';
  };
  // Sentinels throw out the clients of whose role changes; RawClient does not come back by itself.
  const reached = await RawClient.connect({ port: next! });
  await waitFor(async () => (await replicationOf(reached))[0] === 'role:master', { what: 'the promotion' });
  const otherPort = next === ports[1] ? ports[2] : ports[1];
  await waitFor(
    async () => {
      const client = await RawClient.connect({ port: otherPort });
      try {
        return await follows(client);
      } finally {
        await client.close();
      }
    },
    { timeoutMs: 30_000, what: 'the other replica to follow' },
  );
  assert.equal(await reached.call('GET', 'before'), 'failover');
  await promoted!.close();
  await other!.close();

  // The old master's file says nothing of a master.
  const back = await start(MASTER_CONF, ports[0], home);
  await back.close();
  await waitFor(
    async () => {
      const client = await RawClient.connect({ port: ports[0] });
      try {
        return await follows(client);
      } finally {
        await client.close();
      }
    },
    { timeoutMs: 60_000, what: 'the old master to follow' },
  );
  for (const sentinel of sentinels) await endSentinel(sentinel);
  for (const port of ports) await end(await RawClient.connect({ port }));
  await reached.close();
});
