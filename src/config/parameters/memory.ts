/** Limits of memory, eviction, lazy free, defragmentation, and the encodings of values. */
import { bool, choice, integer, LONG_MAX, memory, ULONG_MAX } from '../kinds.ts';
import type { Parameter } from '../parameter.ts';

export const EVICTION_POLICIES = [
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'noeviction',
] as const;

export const MEMORY_PARAMETERS = {
  maxmemory: memory({ default: 0, max: ULONG_MAX, summary: 'Limit of memory for data; 0 is no limit.' }),
  'maxmemory-policy': choice(EVICTION_POLICIES, {
    default: 'noeviction',
    summary: 'Which keys to evict at the limit.',
  }),
  'maxmemory-samples': integer({ default: 5, min: 1, summary: 'Keys looked at to find one to evict.' }),
  'maxmemory-eviction-tenacity': integer({ default: 10, max: 100, summary: 'Effort of eviction.' }),
  'lfu-log-factor': integer({ default: 10, summary: 'How slowly the frequency counter grows.' }),
  'lfu-decay-time': integer({
    default: 1,
    summary: 'Minutes after which the frequency counter falls by one.',
  }),

  'lazyfree-lazy-eviction': lazyFree('evicted keys'),
  'lazyfree-lazy-expire': lazyFree('expired keys'),
  'lazyfree-lazy-server-del': lazyFree('overwritten keys'),
  'lazyfree-lazy-user-del': lazyFree('keys of DEL'),
  'lazyfree-lazy-user-flush': lazyFree('keys of FLUSHALL and FLUSHDB'),

  activedefrag: bool({ default: false, summary: 'Move values together to return memory.' }),
  'active-defrag-ignore-bytes': memory({ default: 104857600, min: 1, summary: 'Waste that is tolerated.' }),
  'active-defrag-threshold-lower': integer({
    default: 10,
    max: 1000,
    summary: 'Percent of waste to start at.',
  }),
  'active-defrag-threshold-upper': integer({
    default: 100,
    max: 1000,
    summary: 'Percent of waste for the highest effort.',
  }),
  'active-defrag-cycle-min': integer({
    default: 1,
    min: 1,
    max: 99,
    summary: 'Lowest effort, percent of CPU.',
  }),
  'active-defrag-cycle-max': integer({
    default: 25,
    min: 1,
    max: 99,
    summary: 'Highest effort, percent of CPU.',
  }),
  'active-defrag-max-scan-fields': integer({
    default: 1000,
    min: 1,
    max: LONG_MAX,
    summary: 'Fields of a value to move at once.',
  }),
  'jemalloc-bg-thread': bool({ default: true, noMeaning: true, summary: 'Background thread of jemalloc.' }),

  'hash-max-listpack-entries': integer({
    default: 512,
    max: LONG_MAX,
    alias: 'hash-max-ziplist-entries',
    summary: 'Most fields of a compact hash.',
  }),
  'hash-max-listpack-value': memory({
    default: 64,
    alias: 'hash-max-ziplist-value',
    summary: 'Longest field or value of a compact hash.',
  }),
  'list-max-listpack-size': integer({
    default: -2,
    min: -2147483648,
    alias: 'list-max-ziplist-size',
    summary: 'Elements of a node of a list, or -1 to -5 for 4 to 64 kB.',
  }),
  'list-compress-depth': integer({
    default: 0,
    summary: 'Nodes at each end of a list left uncompressed; 0: all.',
  }),
  'set-max-intset-entries': integer({
    default: 512,
    max: LONG_MAX,
    summary: 'Most members of a set of integers.',
  }),
  'set-max-listpack-entries': integer({
    default: 0,
    max: LONG_MAX,
    summary:
      'Most members of a set shown as listpack; 0: none, as up to Redis 7.0. Small sets are compact in any case.',
  }),
  'set-max-listpack-value': memory({ default: 64, summary: 'Longest member of a set shown as listpack.' }),
  'zset-max-listpack-entries': integer({
    default: 128,
    max: LONG_MAX,
    alias: 'zset-max-ziplist-entries',
    summary: 'Most members of a compact sorted set.',
  }),
  'zset-max-listpack-value': memory({
    default: 64,
    alias: 'zset-max-ziplist-value',
    summary: 'Longest member of a compact sorted set.',
  }),
  'hll-sparse-max-bytes': memory({ default: 3000, summary: 'Biggest sparse HyperLogLog.' }),
  'stream-node-max-bytes': memory({ default: 4096, summary: 'Bytes of a node of a stream; 0 is no limit.' }),
  'stream-node-max-entries': integer({
    default: 100,
    max: LONG_MAX,
    summary: 'Entries of a node of a stream.',
  }),
} as const;

function lazyFree(what: string): Parameter<boolean> {
  return bool({ default: false, summary: `Free ${what} in the background.` });
}
