/*
 * V8's garbage collector, as far as a process may push it. V8 doesn't know how much the memory behind dropped array
 * buffers is worth: an idle process never collects them. Node has no call for it, but lends V8's own `gc` to a fresh
 * context.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly execution: 'async' }) => Promise<void>;

/** A heap of that size takes too long to be looked through when nobody has to: it is left to V8. */
const HEAP_MAX_BYTES = 96 * 1024 * 1024;

let collect: Collect | null = null;

/** Asks for a full collection, as the next task of the event loop: 3 to 5 ms in a process with a heap of 10 MB. */
export function collectGarbage(): void {
  if (getHeapStatistics().used_heap_size > HEAP_MAX_BYTES) return;
  collect ??= borrowCollector();
  collect({ execution: 'async' }).catch(() => {});
}

/** Bytes of all array buffers of the process, uncollected ones included. */
export function arrayBufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

function borrowCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : null');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') return async (options) => gc(options);
  return async () => {};
}
