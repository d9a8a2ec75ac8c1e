/**
 * Handlers of the server commands, re-exported from the files of this folder under the names that specs use.
 */
export { monitor } from '../connection/monitor.ts';
export { configGet, configHelp, configResetstat, configRewrite, configSet } from './config.ts';
export { debug } from './debug.ts';
export { info } from './info.ts';
export { dbsize, flushall, flushdb, swapdb } from './keyspace.ts';
export {
  latencyDoctor,
  latencyGraph,
  latencyHelp,
  latencyHistogram,
  latencyHistory,
  latencyLatest,
  latencyReset,
} from './latency.ts';
export { lolwut } from './lolwut.ts';
export {
  memoryDoctor,
  memoryHelp,
  memoryMallocStats,
  memoryPurge,
  memoryStats,
  memoryUsage,
} from './memory.ts';
export { shutdown } from './shutdown.ts';
export { slowlogGet, slowlogHelp, slowlogLen, slowlogReset } from './slowlog.ts';
export { time } from './time.ts';
