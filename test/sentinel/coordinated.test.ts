/**
 * SENTINEL FAILOVER ... COORDINATED with real processes: the master hands over while clients write, there and back, and
 * nothing that was acknowledged is lost.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RawClient } from '../support/raw-client.ts';
import { sleep, waitFor } from '../support/wait-for.ts';
import { type Group, MASTER_NAME, withGroup } from './support/group.ts';
import { hasReal, type Kind, type Member, NO_REAL } from './support/member.ts';

const WRITERS = 4;
/** Increments that each writer has made before the next change of masters. */
const WARM = 50;

/** Counts one key up at whatever the sentinels call the master; a count that does not go on is data lost. */
class Counter {
  readonly key: string;
  /** The last number that was acknowledged, and how many were. */
  last = 0;
  made = 0;
  /** What went wrong for good. */
  lost: string | null = null;
  readonly #group: Group;
  #client: RawClient | null = null;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(group: Group, key: string) {
    this.#group = group;
    this.key = key;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#client ??= await (await this.#group.master()).connect();
        const reply = await this.#client.call('INCR', this.key);
        if (typeof reply !== 'number') throw new Error(String(reply));
        if (reply <= this.last) this.lost ??= `${this.key}: ${reply} after ${this.last}`;
        this.last = reply;
        this.made++;
      } catch {
        // READONLY, or thrown out: the master is another now. Whether the last one counted is not known.
        this.#client?.socket.destroy();
        this.#client = null;
        await sleep(5);
      }
    }
    this.#client?.socket.destroy();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

async function handOver(group: Group, counters: readonly Counter[]): Promise<Member> {
  const before = await group.master();
  const made = counters.map((counter) => counter.made);
  await waitFor(() => counters.every(({ made: now }, i) => now >= made[i]! + WARM), { what: 'writes' });
  const asked = group.sentinels.find(({ kind }) => kind === 'ours')!;
  // Just after a failover no replica may be fit yet.
  await waitFor(async () => (await asked.call('SENTINEL', 'FAILOVER', MASTER_NAME, 'COORDINATED')) === 'OK', {
    what: 'a failover that begins',
  });
  const after = await group.agreed({ notMaster: before });
  assert.equal((await before.info()).get('role'), 'slave');
  return after;
}

function lossless(servers: readonly Kind[], sentinels: readonly Kind[]): Promise<void> {
  return withGroup({ servers, sentinels }, async (group) => {
    const counters = Array.from({ length: WRITERS }, (_, i) => new Counter(group, `counter${i}`));
    await handOver(group, counters);
    const master = await handOver(group, counters);
    const made = counters.map((counter) => counter.made);
    await waitFor(() => counters.every(({ made: now }, i) => now > made[i]!), {
      what: 'writes at the new master',
    });
    await Promise.all(counters.map((counter) => counter.stop()));
    for (const { key, last, lost } of counters) {
      assert.equal(lost, null);
      assert.ok(Number(await master.ok('GET', key)) >= last);
    }
  });
}

describe('SENTINEL FAILOVER COORDINATED', { concurrency: 2 }, () => {
  it('loses nothing over our servers', () => lossless(['ours', 'ours', 'ours'], ['ours', 'ours', 'ours']));

  it(
    'loses nothing over real servers, with real sentinels voting',
    {
      skip: hasReal() ? false : NO_REAL,
    },
    () => lossless(['real', 'real', 'real'], ['ours', 'real', 'real']),
  );

  it('leaves everything as it was when the replica is not there to take over', async () => {
    await withGroup({ servers: ['ours', 'ours'], sentinels: ['ours', 'ours', 'ours'] }, async (group) => {
      const [master, replica] = group.servers as [Member, Member];
      const since = performance.now();
      replica.pause();
      await master.ok('SET', 'written', 'while the replica stood still');
      await group.sentinels[0]!.ok('SENTINEL', 'FAILOVER', MASTER_NAME, 'COORDINATED');
      await group.events.wait('-failover-abort-slave-timeout', since);
      await waitFor(async () => (await master.ok('SET', 'after', 'it')) === 'OK', {
        what: 'a master that writes',
      });
      assert.equal((await master.info()).get('master_failover_state'), 'no-failover');
      replica.resume();
      await group.agreed({ master });
    });
  });
});
