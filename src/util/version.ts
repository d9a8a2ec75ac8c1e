/** The Redis that we say we are, in INFO, HELLO, logs and files: clients switch features by it. */
export const REDIS_VERSION = '7.2.4';

/** Our own version, as in package.json. */
export const TS_REDIS_VERSION = '0.1.0';
