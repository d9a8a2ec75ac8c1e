/**
 * Handlers of the keys commands, re-exported from the files of this folder under the names that specs use.
 */
export { del, exists, touch, type, unlink } from './existence.ts';
export {
  expire,
  expireat,
  expiretime,
  persist,
  pexpire,
  pexpireat,
  pexpiretime,
  pttl,
  ttl,
} from './expiry.ts';
export { objectEncoding, objectFreq, objectHelp, objectIdletime, objectRefcount } from './object.ts';
export { keys, randomkey, scan } from './scan.ts';
export { copy, move, rename, renamenx } from './transfer.ts';
