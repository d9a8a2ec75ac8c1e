/** How long our event loop stood still at worst, as stall-probe.mjs in the server has written it down. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROBE = fileURLToPath(new URL('stall-probe.mjs', import.meta.url));

export interface Stall {
  readonly ownMs: number;
  /** Of these, time on a core; in the rest the system had something to do for us (a write, a sync). */
  readonly coreMs: number;
}

/** The environment of a server that writes its stalls to that file. */
export function stallLogEnv(log: string): Record<string, string> {
  return { STALL_LOG: log, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${PROBE}`.trim() };
}

/** The longest time that the loop was busy or blocked between two times of the wall clock, in ms. */
export function worstStall(log: string, from: number, until: number): Stall {
  let worst: Stall = { ownMs: 0, coreMs: 0 };
  const lines = existsSync(log) ? readFileSync(log, 'latin1').split('\n') : [];
  for (const line of lines) {
    const [at, , stall, core] = line.split(' ').map(Number);
    if (at === undefined || at < from || at > until) continue;
    if (stall! > worst.ownMs) worst = { ownMs: stall!, coreMs: core! };
  }
  return worst;
}
