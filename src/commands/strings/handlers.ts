/**
 * Handlers of the strings commands, re-exported from the files of this folder under the names that specs use.
 */
export * from './hot.ts';
