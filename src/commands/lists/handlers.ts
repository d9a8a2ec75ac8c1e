/** All handlers of lists, by the names of their commands. */
export * from './blocking.ts';
export * from './editing.ts';
export * from './ends.ts';
export * from './moving.ts';
export * from './reading.ts';
