/**
 * Waiting for conditions instead of milliseconds: a test that sleeps is either slow or flaky, a test that
 * polls is as fast as the machine and says what it was waiting for when it gives up.
 */

export interface WaitOptions {
  /** Give up after this long. */
  readonly timeoutMs?: number;
  /** Pause between two looks. */
  readonly intervalMs?: number;
  /** What is waited for, in the words of the failure. */
  readonly what?: string;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Polls `condition` until it gives a truthy value and resolves to that value. A condition that throws counts
 * as not yet true; its last error becomes the cause of the timeout.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 5000, intervalMs = 10, what = 'a condition' } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
      cause = value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${String(cause)}`, { cause });
    }
    await sleep(intervalMs);
  }
}

/** Rejects with a clear text when `promise` has not settled within `timeoutMs`. */
export async function withTimeout<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
