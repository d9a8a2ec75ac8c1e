/*
 * What the operating system and the JavaScript engine say of this process: memory, CPU time, the event loop. INFO and
 * MEMORY show it. It counts the whole process, whoever else lives in it.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { getHeapSpaceStatistics } from 'node:v8';

export interface CpuSeconds {
  readonly user: number;
  readonly system: number;
}

/** CPU time of all threads. */
export function processCpu(): CpuSeconds {
  const { user, system } = process.cpuUsage();
  return { user: user / 1e6, system: system / 1e6 };
}

/** CPU time of the main thread; of all threads where the system doesn't tell. */
export function mainThreadCpu(): CpuSeconds {
  try {
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1');
    // The name of the program stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // In clock ticks, which are hundredths of a second wherever there is such a file.
    return { user: Number(fields[11]) / 100, system: Number(fields[12]) / 100 };
  } catch {
    return processCpu();
  }
}

/** Resident memory in bytes. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

export function systemMemoryBytes(): number {
  return os.totalmem();
}

/** `uname -srm`. */
export function systemName(): string {
  return `${os.type()} ${os.release()} ${os.machine()}`;
}

/** Turns of the event loop so far, and how long they took without the waiting. 0 where node doesn't tell. */
export function eventLoop(): { readonly cycles: number; readonly activeUs: number } {
  const { nodeTiming } = performance as { nodeTiming?: { uvMetricsInfo?: { loopCount: number } } };
  return {
    cycles: nodeTiming?.uvMetricsInfo?.loopCount ?? 0,
    activeUs: Math.round(performance.eventLoopUtilization().active * 1000),
  };
}

/** A line for each space of the V8 heap. */
export function heapReport(): string {
  const kib = (bytes: number): string => `${Math.round(bytes / 1024)} kB`;
  const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  let text = `heap: ${kib(heapUsed)} used of ${kib(heapTotal)}\n`;
  text += `outside of the heap: ${kib(external)}, array buffers: ${kib(arrayBuffers)}\n`;
  for (const space of getHeapSpaceStatistics()) {
    text += `${space.space_name}: ${kib(space.space_used_size)} used of ${kib(space.space_size)}\n`;
  }
  return text;
}
