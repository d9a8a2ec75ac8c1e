/**
 * Preloaded into our server (node --import): writes down when its event loop stood still, and why. Time in which the
 * process was ready but had no core is the machine's, not ours. There are two kinds of it: the kernel knows how long a
 * thread has waited for a core (schedstat), but how long the host has taken the core away from a virtual machine it
 * tells only by the core and in ticks of 10 ms. So:
 *
 *   the thread has never let go of the core (voluntary_ctxt_switches)   it was not blocked: the stall is its CPU time
 *   it has                                                             all but waiting for a core and for events, and
 *                                                                      the ticks of the host
 *
 * CPU time is the process's, as Node 20 knows no other, without the time in which the thread waited while others of its
 * threads had the core.
 *
 * A line for each gap: wall clock in ms, length, stall, CPU time, all in ms. The file is STALL_LOG.
 */
import { appendFileSync, openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const LEAST_MS = 3;
const TICK_MS = 10;
const file = process.env.STALL_LOG;
if (file !== undefined) {
  const task = `/proc/self/task/${process.pid}`;
  const schedstat = openSync(`${task}/schedstat`, 'r');
  const status = openSync(`${task}/status`, 'r');
  const machine = openSync('/proc/stat', 'r');
  const bytes = Buffer.alloc(4096);
  const text = (fd) => bytes.latin1Slice(0, readSync(fd, bytes, 0, bytes.length, 0));
  const pinnedTo = /^Cpus_allowed_list:\s*(\d+)$/m.exec(text(status))?.[1];
  // user nice system idle iowait irq softirq steal; of all cores if we are not pinned to one.
  const steal = new RegExp(`^cpu${pinnedTo ?? ''} +(?:\\d+ ){7}(\\d+)`, 'm');
  const read = () => {
    const { user, system } = process.cpuUsage();
    return {
      at: performance.now(),
      core: (user + system) / 1000,
      wait: Number(text(schedstat).split(' ')[1]) / 1e6,
      stolen: Number(steal.exec(text(machine))?.[1] ?? 0) * TICK_MS,
      idle: performance.eventLoopUtilization().idle,
      switches: Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text(status))[1]),
    };
  };
  let last = read();
  setInterval(() => {
    const now = read();
    const gap = now.at - last.at;
    if (gap > LEAST_MS) {
      const waited = now.wait - last.wait;
      const core = Math.max(0, Math.min(gap - waited, now.core - last.core));
      const others = waited + now.idle - last.idle + now.stolen - last.stolen;
      const stall = now.switches === last.switches ? core : Math.max(core, gap - others);
      const figures = [gap, stall, core].map((ms) => ms.toFixed(2));
      appendFileSync(file, `${Date.now()} ${figures.join(' ')}\n`);
      last = read();
    } else last = now;
  }, 1).unref();
}
