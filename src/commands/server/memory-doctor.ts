/**
 * MEMORY DOCTOR: looks for the memory problems that a server of this kind can have, and names them in the words that
 * Redis's users know (those about an allocator that is not here say what is meant here).
 */
import type { Engine } from '../../engine/engine.ts';
import { type MemoryFigures, memoryFigures } from './memory-figures.ts';

/** Below this there is nothing to find out. */
const TOO_SMALL_BYTES = 5 * 1024 * 1024;
const PEAK_RATIO = 1.5;
const RSS_RATIO = 1.4;
const FRAGMENTATION_RATIO = 1.1;
/** Waste below this doesn't count, whatever the ratio. */
const WASTE_BYTES = 10 * 1024 * 1024;
const CLIENT_BUFFER_BYTES = 200 * 1024;
const REPLICA_BUFFER_BYTES = 10 * 1024 * 1024;

const EMPTY =
  "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these " +
  'conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back ' +
  'to our programming as soon as I finished rebooting.\n';
const HEALTHY =
  "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";

type Check = readonly [
  isSo: (figures: MemoryFigures, clients: number, replicas: number) => boolean,
  text: string,
];

const CHECKS: readonly Check[] = [
  [
    ({ peak, used }) => peak / used > PEAK_RATIO,
    'Peak memory: In the past this instance used more than 150% the memory that is currently using. The allocator ' +
      'is normally not able to release memory after a peak, so you can expect to see a big fragmentation ratio, ' +
      'however this is actually harmless and is only due to the memory peak, and if the Redis instance Resident Set ' +
      'Size (RSS) is currently bigger than expected, the memory will be used as soon as you fill the Redis instance ' +
      'with more data. If the memory peak was only occasional and you want to try to reclaim memory, please try the ' +
      'MEMORY PURGE command, otherwise the only other option is to shutdown and restart the instance.',
  ],
  [
    ({ rss, used, heapTotal }) =>
      (rss - heapTotal) / used > RSS_RATIO && rss - heapTotal - used > 10 * WASTE_BYTES,
    'High total RSS: This instance has a memory fragmentation and RSS overhead greater than 1.4 (this means that the ' +
      'Resident Set Size of the Redis process is much larger than the sum of the logical allocations Redis ' +
      'performed). This problem is usually due either to a large peak memory (check if there is a peak memory entry ' +
      'above in the report) or may result from a workload that causes the allocator to fragment memory a lot. If the ' +
      'problem is a large peak memory, then there is no issue.',
  ],
  [
    ({ arenaPages, arenaLive }) =>
      arenaPages / arenaLive > FRAGMENTATION_RATIO && arenaPages - arenaLive > WASTE_BYTES,
    'High allocator fragmentation: This instance has an allocator external fragmentation greater than 1.1. This ' +
      'problem is usually due either to a large peak memory (check if there is a peak memory entry above in the ' +
      'report) or may result from a workload that causes the allocator to fragment memory a lot. You can try ' +
      "enabling 'activedefrag' config option.",
  ],
  [
    ({ replicas }, _, count) => count > 0 && replicas / count > REPLICA_BUFFER_BYTES,
    'Big replica buffers: The replica output buffers in this instance are greater than 10MB for each replica (on ' +
      'average). This likely means that there is some replica instance that is struggling receiving data, either ' +
      'because it is too slow or because of networking issues. As a result, data piles on the master output buffers. ' +
      'Please try to identify what replica is not receiving data correctly and why. You can use the INFO output in ' +
      'order to check the replicas delays and the CLIENT LIST command to check the output buffers of each replica.',
  ],
  [
    ({ clients }, count) => count > 0 && clients / count > CLIENT_BUFFER_BYTES,
    'Big client buffers: The clients output buffers in this instance are greater than 200K per client (on average). ' +
      'This may result from different causes, like Pub/Sub clients subscribed to channels bot not receiving data fast ' +
      'enough, so that data piles on the Redis instance output buffer, or clients sending commands with large replies ' +
      'or very large sequences of commands in the same pipeline. Please use the CLIENT LIST command in order to ' +
      'investigate the issue if it causes problems in your instance, or to understand better why certain clients are ' +
      'using a big amount of memory.',
  ],
];

export function examine(engine: Engine): string {
  const figures = memoryFigures(engine);
  if (figures.used < TOO_SMALL_BYTES) return EMPTY;
  let replicas = 0;
  for (const { replica } of engine.clients.all()) if (replica !== null) replicas++;
  const found = CHECKS.filter(([isSo]) => isSo(figures, engine.clients.count, replicas));
  if (found.length === 0) return HEALTHY;
  const list = found.map(([, text]) => ` * ${text}\n\n`).join('');
  return (
    `Sam, I detected a few issues in this Redis instance memory implants:\n\n${list}` +
    "I'm here to keep you safe, Sam. I want to help you.\n"
  );
}
