/**
 * LATENCY DOCTOR: says in words what the latency monitor has seen, and what may help. Findings of each kind of event
 * lead to pieces of advice, each given once; the texts are those that Redis's users know.
 */
import type { Engine } from '../../engine/engine.ts';
import type { LatencySeries } from '../../engine/figures/latency-monitor.ts';

type Advice = (engine: Engine) => string | null;

const DISABLED =
  "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use " +
  '"CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it. If we weren\'t in a deep space ' +
  "mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
const NOTHING =
  'Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I ' +
  'honestly think you ought to sit down calmly, take a stress pill, and think things over.\n';
const GREETING =
  "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n";
const NO_ADVICE =
  "\nWhile there are latency events logged, I'm not able to suggest any easy fix. Please use the Redis community " +
  'to get some help, providing this report in your help request.\n';

/** Microseconds from which the slow log would keep what the latency monitor does. */
function thresholdUs(engine: Engine): number {
  return engine.latency.thresholdMs * 1000;
}

const enableSlowLog: Advice = (engine) =>
  engine.config.values['slowlog-log-slower-than'] >= 0
    ? null
    : 'There are latency issues with potentially slow commands you are using. Try to enable the Slow Log Redis ' +
      `feature using the command 'CONFIG SET slowlog-log-slower-than ${thresholdUs(engine)}'. If the Slow log is ` +
      'disabled Redis is not able to log slow commands execution for you.';

const lowerSlowLog: Advice = (engine) =>
  engine.config.values['slowlog-log-slower-than'] <= thresholdUs(engine)
    ? null
    : 'Your current Slow Log configuration only logs events that are slower than your configured latency monitor ' +
      `threshold. Please use 'CONFIG SET slowlog-log-slower-than ${thresholdUs(engine)}'.`;

const checkSlowLog: Advice = () =>
  'Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please ' +
  'check https://redis.io/commands/slowlog for more information.';

const largeObjects: Advice = () =>
  'Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you have ' +
  'very large objects that are often deleted, expired, or evicted, try to fragment those objects into multiple ' +
  'smaller objects.';

const slowSystem: Advice = () =>
  'The system is slow to execute Redis code paths not containing system calls. This usually means the system does ' +
  'not provide Redis CPU time to run for long periods. You should try to:\n' +
  '  1) Lower the system load.\n' +
  '  2) Use a computer / VM just for Redis if you are running other software in the same system.\n' +
  '  3) Check if you have a "noisy neighbour" problem.\n' +
  "  4) Check with 'redis-cli --intrinsic-latency 100' what is the intrinsic latency in your system.";

const raiseHz: Advice = (engine) =>
  engine.config.values.hz >= 100
    ? null
    : "In order to make the Redis keys expiring process more incremental, try to set the 'hz' configuration " +
      "parameter to 100 using 'CONFIG SET hz 100'.";

const massEviction: Advice = () =>
  "Sudden changes to the 'maxmemory' setting via 'CONFIG SET', or allocation of large objects via sets or sorted " +
  'sets intersections, STORE option of SORT, Redis Cluster large keys migrations (RESTORE command), may create ' +
  'sudden memory pressure forcing the server to block trying to evict keys. ';

const localDisk: Advice = () =>
  'It is strongly advised to use local disks for persistence, especially if you are using AOF. Remote disks provided ' +
  'by platform-as-a-service providers are known to be slow.';

const diskContention: Advice = () =>
  'Try to lower the disk contention. This is often caused by other disk intensive processes running in the same ' +
  'computer (including other Redis instances).';

const relaxFsync: Advice = (engine) =>
  engine.config.values.appendfsync !== 'always'
    ? null
    : "Your fsync policy is set to 'always'. It is very hard to get good performances with such a setup, if possible " +
      "try to relax the fsync policy to 'onesec'.";

const noFsyncOnRewrite: Advice = (engine) =>
  engine.config.values['no-appendfsync-on-rewrite']
    ? null
    : 'Assuming from the point of view of data safety this is viable in your environment, you could try to enable ' +
      "the 'no-appendfsync-on-rewrite' option, so that fsync will not be performed while there is a child rewriting " +
      'the AOF file or producing an RDB file (the moment where there is high disk contention).';

const DISK: readonly Advice[] = [localDisk, diskContention, relaxFsync, noFsyncOnRewrite];

const ADVICE: Readonly<Record<string, readonly Advice[]>> = {
  command: [enableSlowLog, lowerSlowLog, checkSlowLog, largeObjects],
  'fast-command': [slowSystem],
  'expire-cycle': [raiseHz, largeObjects],
  'expire-del': [largeObjects],
  'eviction-del': [largeObjects],
  'eviction-cycle': [massEviction],
  'eviction-lazyfree': [massEviction],
  'aof-write': DISK,
  'aof-write-pending-fsync': DISK,
  'aof-write-active-child': DISK,
  'aof-write-alone': DISK,
  'aof-fsync-always': DISK,
  'aof-fstat': [localDisk, diskContention],
  'aof-rename': [localDisk, diskContention],
  'rdb-unlink-temp-file': [localDisk, diskContention],
};

/** In the order in which they are given. */
const ALL_ADVICE: readonly Advice[] = [
  enableSlowLog,
  lowerSlowLog,
  checkSlowLog,
  slowSystem,
  localDisk,
  diskContention,
  noFsyncOnRewrite,
  relaxFsync,
  raiseHz,
  largeObjects,
  massEviction,
];

export function diagnose(engine: Engine): string {
  const { events, thresholdMs } = engine.latency;
  if (events.size === 0) return thresholdMs === 0 ? DISABLED : NOTHING;
  const nowSeconds = Math.floor(engine.nowMs / 1000);
  const advice = new Set<Advice>();
  let text = GREETING;
  let number = 0;
  for (const [event, series] of events) {
    text += `${++number}. ${event}: ${findings(series, nowSeconds)}\n`;
    for (const piece of ADVICE[event] ?? []) advice.add(piece);
  }
  const given = ALL_ADVICE.filter((piece) => advice.has(piece))
    .map((piece) => piece(engine))
    .filter((piece) => piece !== null);
  if (given.length === 0) return text + NO_ADVICE;
  return `${text}\nI have a few advices for you:\n\n${given.map((piece) => `- ${piece}\n`).join('')}`;
}

function findings(series: LatencySeries, nowSeconds: number): string {
  const durations = series.samples.map(({ ms }) => ms);
  const count = durations.length;
  const average = Math.floor(sum(durations) / count);
  const deviation = Math.floor(sum(durations.map((ms) => Math.abs(ms - average))) / count);
  const seconds = Math.max(1, nowSeconds - series.samples[0]!.atSeconds);
  return (
    `${count} latency spikes (average ${average}ms, mean deviation ${deviation}ms, ` +
    `period ${(seconds / count).toFixed(2)} sec). Worst all time event ${series.max}ms.`
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
