/**
 * The figures of INFO memory and MEMORY STATS, from the parts of used_memory (src/engine/memory-usage.ts).
 *
 * Redis divides memory between data, allocator and process; here the pages of the arena and V8's heap stand where
 * the allocator stands: `allocated` is what is in use, `active` what is held for it, `resident` what the system counts.
 */
import type { Engine } from '../../engine/engine.ts';
import type { MemoryReport } from '../../engine/memory/memory-usage.ts';

export interface MemoryFigures extends MemoryReport {
  readonly keys: number;
  readonly bytesPerKey: number;
  readonly peakPercent: number;
  readonly allocated: number;
  readonly active: number;
  readonly resident: number;
}

export function memoryFigures(engine: Engine): MemoryFigures {
  const report = engine.upkeep.memory.report();
  const { used, peak, rss, startup, arenaPages, externals, tables, heapUsed, heapTotal, arenaLive } = report;
  let keys = 0;
  for (const db of engine.keyspace.databases) keys += db.size;
  const allocated = arenaLive + externals + tables + heapUsed;
  return {
    ...report,
    keys,
    bytesPerKey: keys === 0 ? 0 : Math.floor(Math.max(0, used - startup) / keys),
    peakPercent: peak === 0 ? 0 : (used * 100) / peak,
    allocated,
    active: Math.max(allocated, arenaPages + externals + tables + heapTotal),
    resident: rss,
  };
}

/** a / b, 0 when there is nothing to compare with. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

const UNITS = ['B', 'K', 'M', 'G', 'T', 'P'];

/** "943.32K", as INFO writes sizes for people. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(2)}${UNITS[unit]}`;
}
