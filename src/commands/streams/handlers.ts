/** Handlers of the stream commands. */
export { xadd, xdel, xlen, xsetid, xtrim } from './entries.ts';
export {
  xack,
  xgroupCreate,
  xgroupCreateconsumer,
  xgroupDelconsumer,
  xgroupDestroy,
  xgroupHelp,
  xgroupSetid,
} from './groups.ts';
export { xinfoConsumers, xinfoGroups, xinfoHelp, xinfoStream } from './info.ts';
export { xautoclaim, xclaim, xpending } from './pending.ts';
export { xrange, xrevrange } from './ranges.ts';
export { xread, xreadgroup } from './read.ts';
