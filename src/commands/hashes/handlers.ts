export { hincrby, hincrbyfloat } from './counters.ts';
export { hdel, hexists, hget, hlen, hmget, hmset, hset, hsetnx, hstrlen } from './fields.ts';
export { hgetall, hkeys, hrandfield, hscan, hvals } from './whole.ts';
