/** What happens to a master, what must come of it, and how it is mended: each ends with a group that agrees again. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { sleep, waitFor } from '../../support/wait-for.ts';
import { type Group, MASTER_NAME } from './group.ts';
import type { Member } from './member.ts';
import { Writer } from './writer.ts';

export type Fault = 'kill' | 'pause' | 'shutdown' | 'manual';
export const FAULTS: readonly Fault[] = ['kill', 'pause', 'shutdown', 'manual'];

export interface FaultResult {
  /** From the fault to the first +switch-master that anybody heard. */
  readonly switchMs: number;
  /** ... to the first write that the new master acknowledged. */
  readonly writeMs: number;
  /** ... to the old master being a replica that is in step. */
  readonly rejoinMs: number;
}

/**
 * Does it to the master while somebody writes; waits until another is the master, all agree, and writes go on; has
 * the old one back as a replica (unless `leave`).
 */
export async function failover(
  group: Group,
  fault: Fault,
  options: { leave?: boolean } = {},
): Promise<FaultResult> {
  // A sentinel that still takes a replica for a stray master, as it was when it last looked, may send it back later.
  const old = await group.agreed({ seen: fault === 'manual' });
  const sentinels = group.sentinels.filter(({ running, paused }) => running && !paused);
  const writer = new Writer({ sentinelPorts: sentinels.map(({ port }) => port), prefix: fault });
  try {
    await writer.nextSince(performance.now(), old.port);
    const began = performance.now();
    await strike(sentinels, old, fault);
    const first = await group.events.wait('+switch-master', began);
    for (const sentinel of sentinels) {
      const { text } = await group.events.wait('+switch-master', began, { by: sentinel.port });
      assert.equal(text, first.text, 'all tell of the same switch');
    }
    const master = await group.agreed({ notMaster: old });
    assert.equal(first.text, `${MASTER_NAME} 127.0.0.1 ${old.port} 127.0.0.1 ${master.port}`);
    const write = await writer.nextSince(began, master.port);
    if (fault === 'kill' || fault === 'shutdown') {
      if (!options.leave) await old.start();
    } else old.resume();
    if (!options.leave) await group.agreed({ master });
    const ended = performance.now();
    assertRemembered(group, master);
    // Whoever switched twice has changed its mind.
    for (const sentinel of sentinels) {
      const switches = group.events.all.filter(
        ({ name, by, atMs }) => name === '+switch-master' && by === sentinel.port && atMs >= began,
      );
      assert.equal(switches.length, 1, `${sentinel.name} has switched ${switches.length} times`);
    }
    assert.deepEqual(group.badLines(), []);
    return { switchMs: first.atMs - began, writeMs: write.atMs - began, rejoinMs: ended - began };
  } catch (error) {
    throw new Error(`${fault} of ${old.name}: ${(error as Error).message}\n${await group.story()}`, {
      cause: error,
    });
  } finally {
    await writer.stop();
  }
}

async function strike(sentinels: readonly Member[], master: Member, fault: Fault): Promise<void> {
  if (fault === 'kill') await master.kill();
  else if (fault === 'pause') master.pause();
  else if (fault === 'shutdown') await master.shutdown();
  else {
    const sentinel = sentinels[Math.floor(Math.random() * sentinels.length)]!;
    // INPROG or NOGOODSLAVE, right after the last failover, mean: try again.
    await waitFor(async () => (await sentinel.ok('SENTINEL', 'FAILOVER', MASTER_NAME)) === 'OK', {
      timeoutMs: 20_000,
      intervalMs: 200,
      what: 'SENTINEL FAILOVER',
    });
  }
}

/** What the files of sentinels and servers say is what they would start with. */
function assertRemembered(group: Group, master: Member): void {
  for (const sentinel of group.sentinels.filter(({ running }) => running)) {
    const { config } = sentinel;
    const monitor = `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.port} ${group.quorum}`;
    assert.ok(config.includes(`${monitor}\n`), `${sentinel.name} has saved another master:\n${config}`);
    for (const word of [
      'myid',
      `config-epoch ${MASTER_NAME}`,
      `leader-epoch ${MASTER_NAME}`,
      'current-epoch',
    ]) {
      assert.match(config, new RegExp(`^sentinel ${word} \\w+$`, 'm'), `${sentinel.name}: ${word}`);
    }
    for (const replica of group.servers) {
      if (replica === master) continue;
      const line = `sentinel known-replica ${MASTER_NAME} 127.0.0.1 ${replica.port}\n`;
      assert.ok(config.includes(line), `${sentinel.name} has not saved ${replica.name}:\n${config}`);
    }
  }
  for (const server of group.servers.filter(({ running }) => running)) {
    const line = /^(?:replicaof|slaveof) (.*)$/m.exec(server.config)?.[1];
    assert.equal(line, server === master ? undefined : `127.0.0.1 ${master.port}`, `${server.name}'s file`);
  }
}

/** For so long nothing may happen where there is no majority; several elections would fit in. */
const NOTHING_MS = 6000;

/**
 * What happens to the sentinels themselves: the leader dies amid its failover, one sleeps through another's, one is
 * killed and comes back with what it knew, and what is left of three is no majority. The group's failover-timeout should
 * be short: the second try waits for it twice.
 */
export async function lossOfSentinels(group: Group): Promise<string> {
  const told: string[] = [];
  const step = async (name: string, body: () => Promise<void>): Promise<void> => {
    const began = performance.now();
    try {
      await body();
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}\n${await group.story()}`, { cause: error });
    }
    told.push(`${name} ${((performance.now() - began) / 1000).toFixed(1)} s`);
  };
  for (const state of [
    '+try-failover',
    '+elected-leader',
    '+failover-state-wait-promotion',
    '+promoted-slave',
  ]) {
    await step(`leader killed at ${state}`, async () => {
      const old = await group.agreed();
      const began = performance.now();
      await old.kill();
      const { by } = await group.events.wait(state, began);
      const leader = group.sentinels.find(({ port }) => port === by)!;
      await leader.kill();
      const master = await group.agreed({ notMaster: old });
      const epoch = currentEpoch(leader);
      await leader.start();
      await group.events.add(leader);
      await group.agreed({ master });
      assert.ok(currentEpoch(leader) >= epoch, 'its epoch has gone back');
      await rejoin(group, old, master);
    });
  }
  await step('one is left: nobody is promoted', async () => {
    const old = await group.agreed();
    const [one, ...rest] = group.sentinels;
    for (const other of rest) await other.kill();
    const began = performance.now();
    await old.kill();
    await group.events.wait('+sdown', began, { by: one!.port });
    await sleep(NOTHING_MS);
    for (const server of group.servers) {
      if (server.running)
        assert.equal((await server.info()).get('role'), 'slave', `${server.name} was promoted`);
    }
    assert.equal(await group.masterOf(one!), old);
    for (const other of rest) {
      await other.start();
      await group.events.add(other);
    }
    const master = await group.agreed({ notMaster: old });
    await rejoin(group, old, master);
  });
  // At the end: a redis-sentinel that has slept is in TILT for half a minute, and finds everybody down that much later.
  await step('one sleeps through it', async () => {
    const old = await group.agreed();
    const sleeper = group.sentinels[Math.floor(Math.random() * group.sentinels.length)]!;
    sleeper.pause();
    const began = performance.now();
    await old.kill();
    const master = await group.agreed({ notMaster: old });
    sleeper.resume();
    // It hears of it within a few hellos, in TILT or not.
    await group.events.wait('+switch-master', began, { by: sleeper.port, timeoutMs: 60_000 });
    await group.agreed({ master });
    await rejoin(group, old, master);
  });
  assert.deepEqual(group.badLines(), []);
  return told.join(', ');
}

function currentEpoch(sentinel: Member): number {
  return Number(/^sentinel current-epoch (\d+)$/m.exec(sentinel.config)?.[1] ?? Number.NaN);
}

/** Starts an old master as a replica of the new one: the sentinels would tell it so, ten seconds later. */
export async function rejoin(group: Group, old: Member, master: Member): Promise<void> {
  appendFileSync(old.configFile, `replicaof 127.0.0.1 ${master.port}\n`);
  await old.start();
  await group.agreed({ master });
}
