/**
 * From parameters to the fields that running code reads. Hot code must not look a parameter up by its name for each
 * command, so it keeps a copy; this is the one place that fills the copies, at the start and after CONFIG SET.
 *
 * Parameters that need more than a copy (ports, maxmemory, requirepass) are applied by those that own them.
 */

import type { Args } from '../resp/args.ts';
import type { Client } from './client.ts';
import { FAST, SKIP_SLOWLOG } from './command-spec.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';

/** Below this (µs) batched commands must be timed one by one, for the slow log to see them. */
const EXACT_TIMING_BELOW_US = 1000;

type Name = Parameters<Engine['config']['onChange']>[0];

export function wireConfig(engine: Engine): void {
  const { config, keyspace, slowlog, latency, stats, parser } = engine;
  const { values } = config;
  const copy = (names: readonly Name[], apply: () => void): void => {
    apply();
    for (const name of names) config.onChange(name, apply);
  };
  copy(['slowlog-log-slower-than', 'latency-monitor-threshold'], () => watchTime(engine));
  copy(['slowlog-max-len'], () => {
    slowlog.maxLength = values['slowlog-max-len'];
  });
  copy(['latency-monitor-threshold'], () => {
    latency.thresholdMs = values['latency-monitor-threshold'];
  });
  copy(['latency-tracking'], () => {
    stats.tracking = values['latency-tracking'];
  });
  copy(['proto-max-bulk-len'], () => {
    parser.bulkMax = values['proto-max-bulk-len'];
  });
  copy(['maxmemory-policy'], () => {
    keyspace.lfu = values['maxmemory-policy'].endsWith('lfu');
    keyspace.tick(keyspace.now);
  });
  copy(['lfu-log-factor'], () => {
    keyspace.lfuLogFactor = values['lfu-log-factor'];
  });
  copy(['lfu-decay-time'], () => {
    keyspace.lfuDecayMinutes = values['lfu-decay-time'];
  });
  copy(['hash-max-listpack-entries', 'hash-max-listpack-value'], () => {
    const { hashLimits } = keyspace.memory;
    hashLimits.entries = values['hash-max-listpack-entries'];
    hashLimits.value = values['hash-max-listpack-value'];
  });
  copy(['list-max-listpack-size', 'list-compress-depth'], () => {
    const { listLimits } = keyspace.memory;
    listLimits.setFill(values['list-max-listpack-size']);
    listLimits.compressDepth = values['list-compress-depth'];
  });
  copy(['set-max-intset-entries', 'set-max-listpack-entries', 'set-max-listpack-value'], () => {
    const { setLimits } = keyspace.memory;
    setLimits.intsetEntries = values['set-max-intset-entries'];
    setLimits.listpackEntries = values['set-max-listpack-entries'];
    setLimits.listpackValue = values['set-max-listpack-value'];
  });
  copy(['stream-node-max-bytes', 'stream-node-max-entries'], () => {
    const { streamLimits } = keyspace.memory;
    streamLimits.nodeBytes = values['stream-node-max-bytes'];
    streamLimits.nodeEntries = values['stream-node-max-entries'];
  });
  config.onChange('loglevel', () => engine.log.setLevel(values.loglevel));
  config.onChange('log-format', () => engine.log.setFormat(values['log-format']));
}

/** Sets up who is told of timed commands; nobody, if neither the slow log nor the latency monitor is on. */
function watchTime(engine: Engine): void {
  const { config, slowlog, latency, stats } = engine;
  const slowerThanUs = config.values['slowlog-log-slower-than'];
  const latencyMs = config.values['latency-monitor-threshold'];
  engine.timeEach = (slowerThanUs >= 0 && slowerThanUs < EXACT_TIMING_BELOW_US) || latencyMs > 0;
  if (slowerThanUs < 0 && latencyMs === 0) {
    stats.onTimed = null;
    return;
  }
  stats.onTimed = (client: Client, command: Command, args: Args, us: number): void => {
    if (latencyMs > 0 && us >= latencyMs * 1000) {
      latency.add((command.flags & FAST) !== 0 ? 'fast-command' : 'command', us / 1000, engine.nowMs);
    }
    if (slowerThanUs >= 0 && us >= slowerThanUs && (command.flags & SKIP_SLOWLOG) === 0) {
      slowlog.add(client, command, args, us, engine.nowMs);
    }
  };
}
