/** Runs many seeds on several threads. */
import { Worker } from 'node:worker_threads';
import type { SimulationResult } from './simulation.ts';

export interface PoolOptions {
  /** The bundle. */
  readonly path: string;
  readonly from: number;
  readonly count: number;
  readonly threads: number;
  /** Called with each result, in no order; false: no more seeds. */
  readonly onResult: (result: SimulationResult) => boolean;
}

/** Resolves when all seeds are done. */
export async function runSeeds({ path, from, count, threads, onResult }: PoolOptions): Promise<void> {
  let next = from;
  const end = from + count;
  let going = true;
  await Promise.all(
    Array.from({ length: Math.min(threads, count) }, async () => {
      const worker = new Worker(path, { workerData: { simulation: true } });
      try {
        await new Promise<void>((resolve, reject) => {
          const more = (): void => {
            if (going && next < end) worker.postMessage(next++);
            else resolve();
          };
          worker.on('message', (result: SimulationResult) => {
            if (!onResult(result)) going = false;
            more();
          });
          worker.once('error', reject);
          more();
        });
      } finally {
        await worker.terminate();
      }
    }),
  );
}
