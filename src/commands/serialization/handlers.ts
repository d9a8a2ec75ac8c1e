/**
 * Handlers of the commands that turn values into bytes and back, under the names that specs use.
 */
export { dump } from './dump.ts';
export { migrate, migrateKeys } from './migrate.ts';
export { restore } from './restore.ts';
