/** What the commands of a sentinel may ask of it. sentinel.ts is the real one. */
import type { Turn } from './core/context.ts';
import type { SentinelState } from './core/state.ts';

/** A script that waits or runs, for SENTINEL PENDING-SCRIPTS. */
export interface PendingScript {
  /** The script and its arguments. */
  readonly words: readonly string[];
  readonly running: boolean;
  /** 0: not running. */
  readonly pid: number;
  /** How long it runs, or how long it still waits, in ms. */
  readonly runTimeMs: number;
  readonly delayMs: number;
  /** Tries so far. */
  readonly retries: number;
}

export interface Sentinel {
  readonly state: SentinelState;
  /** Monotonic ms, as the core has it. */
  readonly now: number;
  /**
   * Runs a turn of the core and carries out what it says. `saved` is false if the configuration was to be written and
   * could not be.
   */
  act<T>(run: (turn: Turn) => T): { readonly value: T; readonly saved: boolean };
  /** Takes a hello that a client has published here. */
  hello(payload: string): void;
  pendingScripts(): readonly PendingScript[];
  readonly runningScripts: number;
}
