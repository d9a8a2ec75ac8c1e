/** Runs seeds: in a thread that is sent one after the other, or called by who imports the bundle. */
import { parentPort, workerData } from 'node:worker_threads';
import { coreModule } from './core-module.ts';
import { type SimulationResult, simulate } from './simulation.ts';

export function runSeed(seed: number, trace: ((line: string) => void) | null = null): SimulationResult {
  return simulate(coreModule, seed, trace);
}

if (parentPort !== null && (workerData as { simulation?: boolean } | null)?.simulation === true) {
  const port = parentPort;
  port.on('message', (seed: number) => port.postMessage(runSeed(seed)));
}
