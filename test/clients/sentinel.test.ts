/**
 * ioredis and node-redis as Sentinel clients of ours: both write all along, through a failover that is asked for and a crash
 * of the master, and end at the new master with nothing but what failed in between missing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { createSentinel } from 'redis';
import { failover } from '../sentinel/support/faults.ts';
import { type Group, MASTER_NAME, withGroup } from '../sentinel/support/group.ts';
import { forcedMix } from '../sentinel/support/mixes.ts';
import { sleep, waitFor } from '../support/wait-for.ts';

interface SentinelClient {
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string | null>;
  /** The port that it writes to. */
  port(): Promise<number>;
  close(): Promise<unknown>;
}

async function openIoredis(group: Group): Promise<SentinelClient> {
  const redis = new Redis({
    name: MASTER_NAME,
    sentinels: group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    sentinelRetryStrategy: () => 50,
    maxRetriesPerRequest: null,
  });
  redis.on('error', () => {});
  const replica = new Redis({
    name: MASTER_NAME,
    role: 'slave',
    sentinels: group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
  });
  replica.on('error', () => {});
  await waitFor(async () => /role:slave/.test(await replica.info('replication')), { what: 'a replica' });
  replica.disconnect();
  return {
    set: (key, value) => redis.set(key, value),
    get: (key) => redis.get(key),
    port: async () => Number(/tcp_port:(\d+)/.exec(await redis.info('server'))![1]),
    close: async () => redis.disconnect(),
  };
}

async function openNodeRedis(group: Group): Promise<SentinelClient> {
  const sentinel = await createSentinel({
    name: MASTER_NAME,
    sentinelRootNodes: group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    scanInterval: 200,
  })
    .on('error', () => {})
    .connect();
  return {
    set: (key, value) => sentinel.set(key, value),
    get: (key) => sentinel.get(key),
    port: async () => sentinel.getMasterNode()!.port,
    close: async () => sentinel.destroy(),
  };
}

/** One write after the other; what is not acknowledged is tried again. */
class ClientWriter {
  written = 0;
  failed = 0;
  lastError = '';
  readonly #client: SentinelClient;
  #isRunning = true;
  readonly #done: Promise<void>;

  constructor(client: SentinelClient, prefix: string) {
    this.#client = client;
    this.#done = this.#run(prefix);
  }

  async #run(prefix: string): Promise<void> {
    while (this.#isRunning) {
      try {
        await this.#client.set(`${prefix}:${this.written}`, String(this.written));
        this.written++;
      } catch (error) {
        this.failed++;
        this.lastError = String(error);
      }
      await sleep(5);
    }
  }

  /** Waits until `more` writes have been acknowledged. */
  async goesOn(more = 20): Promise<void> {
    const goal = this.written + more;
    await waitFor(() => this.written >= goal, { timeoutMs: 30_000, what: `writes (${this.lastError})` });
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#done;
  }
}

describe('Sentinel clients', () => {
  it('ioredis and node-redis follow, and write all along', async (t) => {
    const mix = forcedMix() ?? { sentinels: ['ours', 'ours', 'ours'], servers: ['ours', 'ours', 'ours'] };
    await withGroup(mix, async (group) => {
      const clients = { ioredis: await openIoredis(group), 'node-redis': await openNodeRedis(group) };
      const writers = Object.entries(clients).map(([name, client]) => ({
        name,
        client,
        writer: new ClientWriter(client, name),
      }));
      try {
        for (const fault of ['manual', 'kill'] as const) {
          for (const { writer } of writers) await writer.goesOn();
          await failover(group, fault);
          const master = await group.master();
          for (const { name, client, writer } of writers) {
            await waitFor(async () => (await client.port()) === master.port, {
              timeoutMs: 30_000,
              intervalMs: 100,
              what: `${name} at the new master after ${fault}`,
            });
            await writer.goesOn();
          }
        }
        for (const { name, client, writer } of writers) {
          await writer.stop();
          const last = `${name}:${writer.written - 1}`;
          assert.equal(await client.get(last), String(writer.written - 1));
          t.diagnostic(
            `${name}: ${writer.written} writes acknowledged, ${writer.failed} failed (${writer.lastError})`,
          );
        }
      } finally {
        for (const { client, writer } of writers) {
          const stopped = writer.stop();
          await client.close();
          await stopped;
        }
      }
    });
  });
});
