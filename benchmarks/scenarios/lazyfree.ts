/** A set of five million members goes: what other clients feel, and how soon its memory is back. */

import { fill, wire } from '../../test/support/filler.ts';
import type { ServerProcess } from '../../test/support/server-process.ts';
import { sleep } from '../../test/support/wait-for.ts';
import { lateness, startProbe } from '../ping-probe.ts';
import type { ProbeReport } from '../probe.ts';
import { type Bench, type Row, type Scenario, type ScenarioResult, SIDES } from '../scenario.ts';

const MEMBERS = 5_000_000;
const PER_COMMAND = 50;
const WAIT_MS = 30_000;

interface Removal {
  readonly name: string;
  readonly command: readonly string[];
  /** Others are to go on undisturbed. */
  readonly lazy: boolean;
}

const REMOVALS: readonly Removal[] = [
  { name: 'UNLINK', command: ['UNLINK', 'big'], lazy: true },
  { name: 'FLUSHALL ASYNC', command: ['FLUSHALL', 'ASYNC'], lazy: true },
  { name: 'DEL', command: ['DEL', 'big'], lazy: false },
];

export const lazyfree: Scenario = {
  name: 'lazyfree',
  title: `A set of ${MEMBERS.toLocaleString('en')} members is removed`,
  async run(bench: Bench): Promise<ScenarioResult> {
    const members = Math.round(MEMBERS * bench.scale);
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const removal of REMOVALS) {
      const found = { took: both(), worst: both(), back: both() };
      for (const side of SIDES) {
        const server = await bench.start(side);
        try {
          const one = await remove(server, removal, members);
          found.took[side].push(one.tookMs);
          found.worst[side].push(one.probe.worstMs);
          found.back[side].push(one.backSeconds);
          notes.push(`${removal.name}, ${lateness(side, one.probe)}`);
          bench.progress(
            `lazyfree ${removal.name} ${side}: ${one.tookMs.toFixed(1)} ms, worst PING ` +
              `${one.probe.worstMs.toFixed(1)} ms, memory back after ${one.backSeconds.toFixed(1)} s`,
          );
        } finally {
          await server.stop();
        }
      }
      const { name, lazy } = removal;
      rows.push({
        test: name,
        unit: 'ms',
        ...found.took,
        bar: lazy ? { oursMax: 10 } : { ratioMax: 1 },
        notInMean: true,
      });
      if (!lazy) continue;
      const worst = { test: `worst PING at ${name}`, unit: 'ms', ...found.worst, notInMean: true } as const;
      rows.push({ ...worst, bar: { oursMax: 10 } });
      rows.push({ test: `memory back after ${name}`, unit: 's', ...found.back, notInMean: true });
    }
    return { rows, notes };
  },
};

function both(): { ours: number[]; redis: number[] } {
  return { ours: [], redis: [] };
}

async function remove(
  server: ServerProcess,
  { command }: Removal,
  members: number,
): Promise<{ tookMs: number; backSeconds: number; probe: ProbeReport }> {
  const client = await server.connect();
  client.timeoutMs = 60_000;
  const used = async (): Promise<number> => {
    const info = (await client.send('INFO', 'memory')).toString('latin1');
    return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
  };
  const empty = await used();
  await fill(server.port, members / PER_COMMAND, (i) => {
    const first = i * PER_COMMAND;
    return wire('SADD', 'big', ...Array.from({ length: PER_COMMAND }, (_, k) => `member:${first + k}`));
  });
  const full = await used();
  const probe = await startProbe(server.port);
  const start = performance.now();
  await client.send(...command);
  const tookMs = performance.now() - start;
  // Almost everything: what clients and the heap take comes and goes.
  while ((await used()) > empty + (full - empty) * 0.02 && performance.now() - start < WAIT_MS)
    await sleep(50);
  const backSeconds = (performance.now() - start) / 1000;
  await sleep(2500);
  const report = await probe.stop();
  await client.close();
  return { tookMs, backSeconds, probe: report };
}
