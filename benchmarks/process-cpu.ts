/**
 * CPU time that a server has used. Where a machine is shared, requests a second depend on the neighbours; the time that
 * a request costs the server's core hardly does.
 */
import { readFileSync } from 'node:fs';
import type { ServerProcess } from '../test/support/server-process.ts';

/** Seconds of user and system time of all its threads; NaN where there is no /proc. */
export function cpuSeconds(server: ServerProcess): number {
  return secondsIn(server, 11);
}

/** The same of its children that have ended: what redis-server forks for a snapshot. */
export function childrenCpuSeconds(server: ServerProcess): number {
  return secondsIn(server, 13);
}

function secondsIn(server: ServerProcess, field: number): number {
  try {
    const stat = readFileSync(`/proc/${server.pid}/stat`, 'latin1');
    // The name of the program stands in parentheses and may hold anything. The times are hundredths of a second.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[field]) + Number(fields[field + 1])) / 100;
  } catch {
    return Number.NaN;
  }
}
