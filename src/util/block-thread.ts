/** Stands still for `ms`, with everything in this thread: DEBUG SLEEP, which shows what a slow server looks like. */
export function blockThread(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
