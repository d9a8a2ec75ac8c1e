/**
 * What all of loading needs to know, and how it fails.
 */
import type { Engine } from '../../engine/engine.ts';
import { blockThread } from '../../util/block-thread.ts';
import type { FileSystem } from '../files/file-system.ts';
import type { KeptFunctions } from './kept-functions.ts';
import type { LoadingProgress } from './progress.ts';
import type { Steps } from './steps.ts';

/** Waits shorter than this are added up; longer ones are taken in pieces, so that the delay can be taken back. */
const WAIT_MIN_US = 1000;
const WAIT_MAX_US = 50_000;

/** The data cannot be loaded. The log has said why; the message says it again. */
export class LoadError extends Error {
  override name = 'LoadError';
}

export interface LoadContext {
  readonly engine: Engine;
  readonly fs: FileSystem;
  readonly progress: LoadingProgress;
  readonly functions: KeptFunctions;
  /** Everything is done in one go: nobody is served meanwhile. */
  readonly blocking: boolean;
}

/** Logs why loading has failed; to be thrown. */
export function failure(engine: Engine, reason: string): LoadError {
  engine.log.warning(reason);
  return new LoadError(reason);
}

/** key-load-delay: loading made slow for tests, without standing in the way of anybody. */
export class LoadDelay {
  readonly #context: LoadContext;
  /** µs. */
  #owed = 0;

  constructor(context: LoadContext) {
    this.#context = context;
  }

  /** A key or command has been loaded. `microseconds` below 0: one in so many. Returns true when it is time to `wait`. */
  owe(microseconds: number): boolean {
    this.#owed += microseconds > 0 ? microseconds : -1 / microseconds;
    return this.#owed >= WAIT_MIN_US;
  }

  *wait(): Steps<void> {
    const { engine, blocking } = this.#context;
    while (this.#owed >= WAIT_MIN_US && engine.config.values['key-load-delay'] !== 0) {
      const us = Math.min(this.#owed, WAIT_MAX_US);
      this.#owed -= us;
      if (blocking) blockThread(us / 1000);
      else {
        yield new Promise((resolve) => {
          engine.timers.setTimeout(resolve, us / 1000);
        });
      }
    }
    this.#owed = 0;
  }
}
