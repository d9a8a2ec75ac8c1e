/**
 * Handlers of the strings commands, re-exported from the files of this folder under the names that specs use.
 */
export { decr, decrby, incrby, incrbyfloat } from './counters.ts';
export { get, incr, mset } from './hot.ts';
export { lcs } from './lcs.ts';
export { append, getrange, mget, setrange, strlen, substr } from './ranges.ts';
export { getdel, getex, getset, msetnx, psetex, set, setex, setnx } from './set.ts';
