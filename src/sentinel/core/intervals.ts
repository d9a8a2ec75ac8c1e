/**
 * How long things take, in ms: what SENTINEL DEBUG shows and changes, and the periods that nobody may change. The
 * names and values are those of redis-sentinel 7.0.
 */
export interface Intervals {
  infoPeriod: number;
  pingPeriod: number;
  askPeriod: number;
  publishPeriod: number;
  defaultDownAfter: number;
  defaultFailoverTimeout: number;
  tiltTrigger: number;
  tiltPeriod: number;
  replicaReconfTimeout: number;
  minLinkReconnectPeriod: number;
  electionTimeout: number;
  scriptMaxRuntime: number;
  scriptRetryDelay: number;
}

export function defaultIntervals(): Intervals {
  return {
    infoPeriod: 10_000,
    pingPeriod: 1000,
    askPeriod: 1000,
    publishPeriod: 2000,
    defaultDownAfter: 30_000,
    defaultFailoverTimeout: 180_000,
    tiltTrigger: 2000,
    tiltPeriod: 30_000,
    replicaReconfTimeout: 10_000,
    minLinkReconnectPeriod: 15_000,
    electionTimeout: 10_000,
    scriptMaxRuntime: 60_000,
    scriptRetryDelay: 30_000,
  };
}

/** Failovers of several sentinels begin at different times, up to so many ms apart. */
export const DESYNC_MAX_MS = 1000;
/**
 * From ODOWN to the call for votes: a random time up to so much for each sentinel there is. Sentinels see ODOWN within
 * a few ms of each other, and it takes as long again until they hear of a candidate; if two call for votes meanwhile,
 * neither may get enough, and the next try is twice failover-timeout away. Redis has the time to its next tick here
 * (100 ms at most), and is slower by a second afterwards.
 */
export const ELECTION_SPREAD_MS = 80;
/** What a sentinel said of a master counts for so many ask periods. */
export const ANSWER_PERIODS = 5;
/** After a stall of our own process nothing is decided for so long: what has come meanwhile is read first. */
export const STALL_GRACE_MS = 5000;
/** The clockwork runs 10 to 20 times a second, never in step with other sentinels. */
export const HZ_MIN = 10;
export const HZ_SPREAD = 10;
/** Greater epochs could not be counted on. */
export const EPOCH_MAX = Number.MAX_SAFE_INTEGER - 1;
/**
 * An epoch so far ahead of ours is forged: one a second, and it would take half a year. Believed, the first such message
 * would leave no epoch to be elected in.
 */
export const EPOCH_LEAP_MAX = 2 ** 24;
