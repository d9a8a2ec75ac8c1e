/**
 * What DEBUG turns on and off, so that tests can hold the server's background work still. Each is asked by the code
 * that it is about.
 */
export interface DebugSwitches {
  /** The expire cycle runs (DEBUG SET-ACTIVE-EXPIRE). */
  activeExpire: boolean;
  /** No cron job runs (DEBUG PAUSE-CRON). */
  cronPaused: boolean;
  /** RESTORE and snapshots are taken without looking at their checksum. */
  skipChecksums: boolean;
  /** Bytes from which an element of a list gets a node of its own; 0: the default. */
  packedThreshold: number;
}

export function newDebugSwitches(): DebugSwitches {
  return {
    activeExpire: true,
    cronPaused: false,
    skipChecksums: false,
    packedThreshold: 0,
  };
}
