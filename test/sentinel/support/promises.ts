/** What a failover may not lose, and when a master that is alone must stop to take writes. */
import assert from 'node:assert/strict';
import { LinkProxy } from '../../replication/support/link-proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { ErrorReply } from '../../support/reply-framer.ts';
import { freePort } from '../../support/server-process.ts';
import { sleep, waitFor } from '../../support/wait-for.ts';
import { rejoin } from './faults.ts';
import { MASTER_NAME, withGroup } from './group.ts';
import { Member } from './member.ts';
import type { Mix } from './mixes.ts';
import { Writer } from './writer.ts';

export interface CrashesResult {
  readonly crashes: number;
  /** Writes that WAIT 1 had confirmed, all looked for. */
  readonly confirmed: number;
}

export interface CoordinatedResult {
  readonly acknowledged: number;
  /** From the request to the first write that the new master has acknowledged, at worst. */
  readonly longestMs: number;
}

/**
 * Kills the master amid writes, again and again: what WAIT 1 has confirmed is with the next one. Two replicas, one of
 * which lags behind the other at random, so that the choice of the replica matters.
 */
export async function waitBeforeCrash(
  mix: Mix,
  crashes: number,
  progress: (text: string) => void = () => {},
): Promise<CrashesResult> {
  let confirmed = 0;
  await withGroup(mix, async (group) => {
    for (let crash = 0; crash < crashes; crash++) {
      const old = await group.agreed();
      const sentinelPorts = group.sentinels.map(({ port }) => port);
      const writers = [0, 1, 2].map(
        (i) => new Writer({ sentinelPorts, wait: true, pauseMs: 1, prefix: `c${crash}:${i}` }),
      );
      try {
        const began = performance.now();
        await waitFor(() => writers.every((writer) => writer.acknowledged.length > 50), { what: 'writes' });
        // One replica stands still for the last writes: only the other has them.
        const replicas = group.servers.filter((server) => server !== old);
        const slow = replicas[crash % 2]!;
        slow.pause();
        await sleep(Math.random() * 200);
        await old.kill();
        const killedMs = performance.now();
        slow.resume();
        await group.events.wait('+switch-master', began);
        const master = await group.agreed({ notMaster: old });
        for (const writer of writers) await writer.nextSince(killedMs, master.port);
        await Promise.all(writers.map((writer) => writer.stop()));
        for (const writer of writers) {
          const promised = writer.acknowledged.filter(({ port }) => port === old.port).map(({ key }) => key);
          const values = (await master.ok('MGET', ...promised)) as (string | null)[];
          const lost = promised.filter((key, i) => values[i] !== key);
          assert.deepEqual(lost, [], `crash ${crash}: confirmed by WAIT 1 and lost`);
          confirmed += promised.length;
        }
        await rejoin(group, old, master);
        progress(`${crash + 1}/${crashes}: ${Math.round(performance.now() - began)} ms, ${confirmed} writes`);
      } catch (error) {
        throw new Error(`crash ${crash}: ${(error as Error).message}\n${await group.story()}`, {
          cause: error,
        });
      } finally {
        await Promise.all(writers.map((writer) => writer.stop()));
      }
    }
  });
  return { crashes, confirmed };
}

/**
 * SENTINEL FAILOVER ... COORDINATED, again and again amid writes: of what any master has acknowledged, nothing is lost,
 * WAIT or not. The sentinels must be ours.
 */
export async function coordinatedLosesNothing(mix: Mix, rounds: number): Promise<CoordinatedResult> {
  let acknowledged = 0;
  let longestMs = 0;
  await withGroup(mix, async (group) => {
    for (let round = 0; round < rounds; round++) {
      const old = await group.agreed({ seen: true });
      const sentinelPorts = group.sentinels.map(({ port }) => port);
      const writers = [0, 1, 2].map(
        (i) => new Writer({ sentinelPorts, pauseMs: 1, prefix: `f${round}:${i}` }),
      );
      try {
        await waitFor(() => writers.every((writer) => writer.acknowledged.length > 50), { what: 'writes' });
        const began = performance.now();
        const asked = group.sentinels[round % group.sentinels.length]!;
        await asked.ok('SENTINEL', 'FAILOVER', MASTER_NAME, 'COORDINATED');
        await group.events.wait('+switch-master', began);
        const master = await group.agreed({ notMaster: old });
        for (const writer of writers) {
          const next = await writer.nextSince(began, master.port);
          longestMs = Math.max(longestMs, next.atMs - began);
        }
        await Promise.all(writers.map((writer) => writer.stop()));
        for (const writer of writers) {
          const keys = writer.acknowledged.map(({ key }) => key);
          const values = (await master.ok('MGET', ...keys)) as (string | null)[];
          assert.deepEqual(
            keys.filter((key, i) => values[i] !== key),
            [],
            'acknowledged and lost',
          );
          acknowledged += keys.length;
        }
      } catch (error) {
        throw new Error(`round ${round}: ${(error as Error).message}\n${await group.story()}`, {
          cause: error,
        });
      } finally {
        await Promise.all(writers.map((writer) => writer.stop()));
      }
    }
  });
  return { acknowledged, longestMs };
}

export interface IsolationResult {
  /** From the cut to the last write that the old master has acknowledged. */
  readonly lastWriteMs: number;
  /** From the cut to the first write that the new master has acknowledged. */
  readonly firstWriteMs: number;
}

export const MIN_REPLICAS_MAX_LAG_S = 2;

/**
 * A master behind a proxy that falls silent: replicas and sentinels hear no more of it, but a client on its side does.
 * With min-replicas-to-write it stops to take writes in time, and comes back as a replica.
 */
export async function isolation({ servers, sentinels }: Mix): Promise<IsolationResult> {
  const opened: { stop?(): Promise<void>; close?(): Promise<void> }[] = [];
  try {
    const directives = { 'min-replicas-to-write': 1, 'min-replicas-max-lag': MIN_REPLICAS_MAX_LAG_S };
    const old = await Member.server(servers[0]!, directives);
    opened.push(old);
    const proxy = await LinkProxy.to(old.port);
    opened.push(proxy);
    const replicas: Member[] = [];
    for (const kind of servers.slice(1)) {
      const replica = await Member.server(kind, { ...directives, replicaof: `127.0.0.1 ${proxy.port}` });
      opened.push(replica);
      replicas.push(replica);
    }
    const watchers: Member[] = [];
    for (const kind of sentinels) {
      const sentinel = new Member(kind, 'sentinel', await freePort());
      opened.push(sentinel);
      sentinel.configure({
        bind: '127.0.0.1',
        port: sentinel.port,
        dir: sentinel.dir,
        sentinel: [
          `monitor ${MASTER_NAME} 127.0.0.1 ${proxy.port} 2`,
          `down-after-milliseconds ${MASTER_NAME} 1000`,
          `failover-timeout ${MASTER_NAME} 10000`,
        ],
      });
      await sentinel.start();
      watchers.push(sentinel);
    }
    for (const sentinel of watchers) {
      await waitFor(
        async () => {
          const usable = await sentinel.ok('SENTINEL', 'CKQUORUM', MASTER_NAME);
          return String(usable).startsWith('OK 3') && (await replicasSeen(sentinel)) === replicas.length;
        },
        { timeoutMs: 20_000, intervalMs: 50, what: 'sentinels that know each other' },
      );
    }
    const client = await RawClient.connect({ port: old.port });
    let lastMs = 0;
    let refused = '';
    const put = async (): Promise<void> => {
      const reply = await client.call('SET', 'k', 'v');
      if (reply === 'OK') lastMs = performance.now();
      else if (reply instanceof ErrorReply) refused = reply.message;
    };
    await waitFor(async () => {
      await put();
      return lastMs > 0;
    });
    const cutMs = performance.now();
    proxy.stall(true);
    const writer = new Writer({ sentinelPorts: watchers.map(({ port }) => port) });
    opened.push(writer);
    const until = cutMs + (MIN_REPLICAS_MAX_LAG_S + 3) * 1000;
    while (performance.now() < until) {
      await put();
      await sleep(5);
    }
    assert.match(refused, /^NOREPLICAS /);
    const ports = replicas.map(({ port }) => port);
    const first = await waitFor(() => writer.acknowledged.find(({ port }) => ports.includes(port)), {
      timeoutMs: 20_000,
      what: 'a write to the new master',
    });
    // Heals: the old master is told whom to follow.
    proxy.stall(false);
    client.socket.destroy();
    await waitFor(async () => (await old.info()).get('master_link_status') === 'up', {
      timeoutMs: 40_000,
      intervalMs: 100,
      what: 'the old master to follow',
    }).catch((error: Error) => {
      throw new Error(
        `${error.message}\n${watchers.map(({ output }) => output.slice(-2500)).join('\n---\n')}`,
      );
    });
    return { lastWriteMs: lastMs - cutMs, firstWriteMs: first.atMs - cutMs };
  } finally {
    await Promise.all(opened.map((one) => one.stop?.() ?? one.close?.()));
  }
}

async function replicasSeen(sentinel: Member): Promise<number> {
  const replicas = await sentinel.ok('SENTINEL', 'REPLICAS', MASTER_NAME);
  return Array.isArray(replicas) ? replicas.length : 0;
}
