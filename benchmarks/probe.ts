/**
 * A process of its own that asks PING once a millisecond and remembers how long the answers took: what another
 * client feels while the server is busy with something big. It also keeps the worst delay of its own event loop,
 * because a late probe must not be taken for a late server. Forked by ping-probe.ts; argument: the port.
 */
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { percentile } from './stats.ts';

export interface ProbeReport {
  readonly pings: number;
  readonly worstMs: number;
  readonly p999Ms: number;
  /** The probe's own worst delay. */
  readonly ownWorstMs: number;
}

const socket = connect({ host: '127.0.0.1', port: Number(process.argv[2]) });
const own = monitorEventLoopDelay({ resolution: 1 });
const latencies: number[] = [];
let sentAt = 0;

function ping(): void {
  sentAt = performance.now();
  socket.write('PING\r\n');
}

try {
  // It shares its core with the loader, and must not wait for that one's turn to end. Only root may.
  setPriority(-20);
} catch {
  // Then its own delay, which is reported too, says what the figures are worth.
}
socket.once('connect', () => {
  socket.setNoDelay(true);
  ping();
});
let warmUps = 100;
socket.on('data', () => {
  if (warmUps > 0) {
    if (--warmUps === 0) {
      own.enable();
      process.send?.('ready');
    }
  } else {
    latencies.push(performance.now() - sentAt);
  }
  setTimeout(ping, 1);
});
process.once('message', () => {
  latencies.sort((a, b) => a - b);
  const report: ProbeReport = {
    pings: latencies.length,
    worstMs: latencies.at(-1) ?? Number.NaN,
    p999Ms: percentile(latencies, 0.999),
    ownWorstMs: own.max / 1e6,
  };
  process.send?.(report, () => process.exit(0));
});
