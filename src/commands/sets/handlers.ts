/**
 * Handlers of the set commands, re-exported from the files of this folder under the names that specs use.
 */
export { sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore } from './algebra.ts';
export { sadd, scard, sismember, smismember, smove, srem } from './hot.ts';
export { smembers, spop, srandmember, sscan } from './members.ts';
