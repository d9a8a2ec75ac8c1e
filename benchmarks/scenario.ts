/**
 * What a scenario is and what it gives back. A scenario measures both servers in turn (ours, redis, ours, redis:
 * A B A B) and returns rows; tables, means and bars are the report's business.
 */
import type { Directives, ServerProcess } from '../test/support/server-process.ts';

export type Side = 'ours' | 'redis';
export const SIDES: readonly Side[] = ['ours', 'redis'];

/** What the project promises of a row; the report says whether it was kept. */
export interface Bar {
  /** On the ratio ours / redis. */
  readonly ratioMin?: number;
  readonly ratioMax?: number;
  /** On our figure alone. */
  readonly oursMin?: number;
  readonly oursMax?: number;
}

export interface Row {
  readonly test: string;
  readonly unit: 'req/s' | 'keys/s' | 'MB' | 'bytes' | 'ms' | 'µs' | 's' | 'share' | 'x';
  /** One figure a round; the same index is the same round. */
  readonly ours: readonly number[];
  readonly redis: readonly number[];
  /** CPU time of the server for a request in µs, one figure a round. */
  readonly cpu?: { readonly ours: readonly number[]; readonly redis: readonly number[] };
  readonly bar?: Bar;
  /** Left out of the geometric mean: beside the point of the scenario, or lower is better. */
  readonly notInMean?: boolean;
}

export interface ScenarioResult {
  readonly rows: readonly Row[];
  /** The least geometric mean of the rows' ratios. */
  readonly meanMin?: number;
  readonly notes?: readonly string[];
}

export interface Scenario {
  /** As --only names it. */
  readonly name: string;
  readonly title: string;
  /** Runs only when named or asked for by its own option. */
  readonly onlyOnRequest?: boolean;
  run(bench: Bench): Promise<ScenarioResult>;
}

export interface StartOptions {
  readonly directives?: Directives;
  /** On all cores instead of the servers' own. */
  readonly anyCore?: boolean;
  /** On the clients' core: a server that is measured as a machine of its own beside the first. */
  readonly clientsCore?: boolean;
  /** An existing folder with data files, which stays. */
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a scenario may use: servers, sizes and a place to say how far it is. */
export interface Bench {
  readonly rounds: number;
  /** Multiplies request counts; 1 is the full run. */
  readonly scale: number;
  readonly redisBenchmark: string;
  /** Keys of the scenario `big`. */
  readonly bigKeys: number;
  /** Starts a server on a free port with an empty folder, on the servers' core. */
  start(side: Side, options?: StartOptions): Promise<ServerProcess>;
  progress(text: string): void;
}

/** Runs `body` with both servers up, and stops them whatever happens. */
export async function withBoth<T>(
  bench: Bench,
  directives: Directives,
  body: (servers: Readonly<Record<Side, ServerProcess>>) => Promise<T>,
): Promise<T> {
  const ours = await bench.start('ours', { directives });
  try {
    const redis = await bench.start('redis', { directives });
    try {
      return await body({ ours, redis });
    } finally {
      await redis.stop();
    }
  } finally {
    await ours.stop();
  }
}
