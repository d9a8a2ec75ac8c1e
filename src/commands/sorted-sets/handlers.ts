/**
 * Handlers of the sorted set commands, re-exported from the files of this folder under the names that specs use.
 */
export { zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore } from './algebra.ts';
export { zadd, zcard, zincrby, zmscore, zrank, zrem, zrevrank, zscore } from './members.ts';
export { bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin } from './pops.ts';
export {
  zcount,
  zlexcount,
  zrange,
  zrangebylex,
  zrangebyscore,
  zrangestore,
  zremrangebylex,
  zremrangebyrank,
  zremrangebyscore,
  zrevrange,
  zrevrangebylex,
  zrevrangebyscore,
} from './ranges.ts';
export { zrandmember, zscan } from './sampling.ts';
