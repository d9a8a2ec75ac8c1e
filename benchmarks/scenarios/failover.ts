/**
 * kill -9 of a master under three sentinels, with down-after-milliseconds 1000: how long until the first sentinel says
 * +switch-master, until all have, and until a client that asks the sentinels where to go has its first write
 * acknowledged. Sentinels of both kinds over real servers, so nothing but the sentinels differs; then each kind over servers
 * of its own. The groups live through all rounds and take turns.
 */

import { cpus } from 'node:os';
import { rejoin } from '../../test/sentinel/support/faults.ts';
import { Group } from '../../test/sentinel/support/group.ts';
import type { Kind } from '../../test/sentinel/support/member.ts';
import { Writer } from '../../test/sentinel/support/writer.ts';
import { findProgram } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES, type Side } from '../scenario.ts';

const ROUNDS = 20;
/** Pings and hellos have other moments each time. */
const APART_MS = 2000;

interface Times {
  readonly firstMs: number;
  readonly allMs: number;
  readonly writeMs: number;
}

const KINDS: Readonly<Record<Side, Kind>> = { ours: 'ours', redis: 'real' };

export const failover: Scenario = {
  name: 'failover',
  title: 'Failover after kill -9 of the master (down-after-milliseconds 1000)',
  async run(bench: Bench): Promise<ScenarioResult> {
    const rounds = Math.ceil(ROUNDS * bench.scale);
    const rows = [
      ...(await runSetting(bench, rounds, 'real servers', () => 'real')),
      ...(await runSetting(bench, rounds, 'own servers', (side) => KINDS[side])),
    ];
    return { rows, notes: [`${rounds} rounds each`] };
  },
};

async function runSetting(
  bench: Bench,
  rounds: number,
  name: string,
  servers: (side: Side) => Kind,
): Promise<Row[]> {
  const times: Record<Side, Times[]> = { ours: [], redis: [] };
  const groups: Partial<Record<Side, Group>> = {};
  try {
    for (const side of SIDES) {
      const sentinel = KINDS[side];
      const server = servers(side);
      groups[side] = await Group.start({
        sentinels: [sentinel, sentinel, sentinel],
        servers: [server, server, server],
        downAfterMs: 1000,
        failoverTimeoutMs: 10_000,
        before: anyCore(),
      });
    }
    for (let round = 1; round <= rounds; round++) {
      for (const side of SIDES) {
        const one = await measure(groups[side]!);
        times[side].push(one);
        const figures = [one.firstMs, one.allMs, one.writeMs].map((ms) => Math.round(ms)).join(', ');
        bench.progress(`failover ${name} ${round}/${rounds}, ${side}: first, all, write: ${figures} ms`);
      }
    }
  } finally {
    for (const group of Object.values(groups)) await group.stop();
  }
  const row = (test: string, pick: (one: Times) => number): Row => ({
    test: `${name}: ${test}`,
    unit: 'ms',
    ours: times.ours.map(pick),
    redis: times.redis.map(pick),
    notInMean: true,
    bar: { ratioMax: 1 },
  });
  return [
    row('the first +switch-master', (one) => one.firstMs),
    row('+switch-master of all three', (one) => one.allMs),
    row('the first acknowledged write', (one) => one.writeMs),
  ];
}

/** This process, and what it starts, may be kept to one core. */
function anyCore(): readonly string[] {
  const taskset = findProgram('taskset');
  return taskset === null ? [] : [taskset, '-c', `0-${cpus().length - 1}`];
}

async function measure(group: Group): Promise<Times> {
  const old = await group.agreed({ seen: false });
  const writer = new Writer({ sentinelPorts: group.sentinels.map(({ port }) => port) });
  try {
    await writer.nextSince(performance.now(), old.port);
    await sleep(APART_MS + Math.random() * 1000);
    const killedMs = performance.now();
    await old.kill();
    const first = await group.events.wait('+switch-master', killedMs);
    let allMs = 0;
    for (const { port } of group.sentinels) {
      const { atMs } = await group.events.wait('+switch-master', killedMs, { by: port });
      allMs = Math.max(allMs, atMs - killedMs);
    }
    const master = await group.agreed({ notMaster: old });
    const write = await writer.nextSince(killedMs, master.port);
    await rejoin(group, old, master);
    return { firstMs: first.atMs - killedMs, allMs, writeMs: write.atMs - killedMs };
  } finally {
    await writer.stop();
  }
}
