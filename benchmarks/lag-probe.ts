/**
 * A process of its own that writes at the master and waits until a replica says that it has the write (a keyspace
 * event), a millisecond after the one before: how old a replica's data is. Forked by scenarios/replica-lag.ts;
 * arguments: the ports of the two. It starts and stops when it is told to, and ends with a report.
 */
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { percentile } from './stats.ts';

export type LagOrder = 'go' | 'stop' | 'report';

export interface LagReport {
  readonly writes: number;
  /** From the sending of a write until the replica has told of it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

const WRITE = '*3\r\n$5\r\nRPUSH\r\n$3\r\nlag\r\n$1\r\n1\r\n';
const EVENT = '$5\r\nrpush\r\n';
/** Each time it goes on, so many writes don't count. */
const WARM_UPS = 20;

try {
  // It shares its core with who makes the load. Only root may.
  setPriority(-20);
} catch {
  // Then the figures hold its own delays too, those of both servers.
}
const [masterPort, replicaPort] = process.argv.slice(2).map(Number);
const replica = connect({ host: '127.0.0.1', port: replicaPort! });
const master = connect({ host: '127.0.0.1', port: masterPort! });
master.setNoDelay(true);
master.on('data', () => {});
const lags: number[] = [];
let going = false;
let warmUps = 0;
let sentAt = 0;
let seen = '';

function write(): void {
  if (!going) {
    process.send?.('stopped');
    return;
  }
  sentAt = performance.now();
  master.write(WRITE);
}

replica.once('connect', () => replica.write('SUBSCRIBE __keyspace@0__:lag\r\n'));
replica.once('data', () => {
  replica.on('data', (data: Buffer) => {
    const now = performance.now();
    seen = (seen + data.toString('latin1')).slice(-200);
    if (!seen.includes(EVENT)) return;
    seen = '';
    if (warmUps > 0) warmUps--;
    else lags.push(now - sentAt);
    setTimeout(write, 1);
  });
  process.send?.('ready');
});
process.on('message', (order: LagOrder) => {
  if (order === 'go') {
    going = true;
    warmUps = WARM_UPS;
    write();
  } else if (order === 'stop') {
    going = false;
  } else {
    lags.sort((a, b) => a - b);
    const report: LagReport = {
      writes: lags.length,
      // JSON has no NaN.
      p50Ms: percentile(lags, 0.5) || 0,
      p99Ms: percentile(lags, 0.99) || 0,
      worstMs: lags.at(-1) ?? 0,
    };
    process.send?.(report, () => process.exit(0));
  }
});
