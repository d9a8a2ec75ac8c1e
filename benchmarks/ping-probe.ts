/** Starts the process that asks PING once a millisecond (probe.ts) beside whatever is measured. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProbeReport } from './probe.ts';

export interface PingProbe {
  /** Ends it; what it has seen since it was ready. */
  stop(): Promise<ProbeReport>;
}

export async function startProbe(port: number): Promise<PingProbe> {
  const child = fork(fileURLToPath(new URL('probe.ts', import.meta.url)), [String(port)], {
    execArgv: ['--import', 'tsx'],
  });
  await once(child, 'message');
  return {
    async stop() {
      child.send('report');
      const [report] = (await once(child, 'message')) as [ProbeReport];
      return report;
    },
  };
}

export function lateness(side: string, { pings, ownWorstMs }: ProbeReport): string {
  return `${side}: ${pings} PINGs; the probe itself was late by ${ownWorstMs.toFixed(1)} ms at worst`;
}
