/**
 * Preloaded into our server (node --import): writes down when its event loop stood still, and why. Time in which the
 * process was ready but had no core is the machine's, not ours; the kernel knows both (schedstat: time on a core, time
 * waiting for one, in ns).
 *
 * A line for each gap: wall clock in ms, length, time on a core, time waiting for one. The file is STALL_LOG.
 */
import { appendFileSync, openSync, readSync } from 'node:fs';

const LEAST_MS = 3;
const file = process.env.STALL_LOG;
if (file !== undefined) {
  const schedstat = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const bytes = Buffer.alloc(100);
  const read = () => {
    const [core, wait] = bytes.toString('latin1', 0, readSync(schedstat, bytes, 0, 100, 0)).split(' ');
    return { at: performance.now(), core: Number(core) / 1e6, wait: Number(wait) / 1e6 };
  };
  let last = read();
  setInterval(() => {
    const now = read();
    const gap = now.at - last.at;
    if (gap > LEAST_MS) {
      const figures = [gap, now.core - last.core, now.wait - last.wait].map((ms) => ms.toFixed(2));
      appendFileSync(file, `${Date.now()} ${figures.join(' ')}\n`);
      last = read();
    } else last = now;
  }, 1).unref();
}
