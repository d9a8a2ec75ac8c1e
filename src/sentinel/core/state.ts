/**
 * All that a sentinel knows: what stands in its configuration file (epochs, masters, votes) and what it has seen since
 * it started. One object for each sentinel; everything in core/ works on it.
 */
import type { Instance, Link } from './instance.ts';
import { defaultIntervals, EPOCH_LEAP_MAX, EPOCH_MAX, type Intervals } from './intervals.ts';

export interface SentinelState {
  /** Forty hex digits; '' until the core gives itself one. */
  myId: string;
  currentEpoch: number;
  /** By name, in the order of the configuration. */
  readonly masters: Map<string, Instance>;
  /** All instances by their id: replies come for these. */
  readonly instances: Map<number, Instance>;
  readonly links: Map<number, Link>;
  /** Next id of instances, links, connections. */
  nextId: number;
  tilt: boolean;
  tiltSince: number;
  /** Nothing is decided until then: our own process stood still. */
  stallUntil: number;
  /** Of the last tick; NEVER before the first. */
  lastTickMono: number;
  lastTickWall: number;
  /** Names that have been looked up. */
  readonly names: Map<string, string>;
  /** Where we listen: what hellos tell unless announcePort says otherwise. */
  port: number;
  announceIp: string;
  announcePort: number;
  /** Credentials for other sentinels. */
  authUser: string;
  authPass: string;
  /** Our own password: that of the other sentinels, too, unless authPass says otherwise. '' none. */
  requirePass: string;
  denyScriptsReconfig: boolean;
  resolveHostnames: boolean;
  announceHostnames: boolean;
  crashAfterElection: boolean;
  crashAfterPromotion: boolean;
  readonly intervals: Intervals;
}

/** The greatest epoch that others may tell us of. */
export function greatestEpoch({ currentEpoch }: SentinelState): number {
  return Math.min(EPOCH_MAX, currentEpoch + EPOCH_LEAP_MAX);
}

export function newState(): SentinelState {
  return {
    myId: '',
    currentEpoch: 0,
    masters: new Map(),
    instances: new Map(),
    links: new Map(),
    nextId: 1,
    tilt: false,
    tiltSince: 0,
    stallUntil: 0,
    lastTickMono: 0,
    lastTickWall: 0,
    names: new Map(),
    port: 26379,
    announceIp: '',
    announcePort: 0,
    authUser: '',
    authPass: '',
    requirePass: '',
    denyScriptsReconfig: true,
    resolveHostnames: false,
    announceHostnames: false,
    crashAfterElection: false,
    crashAfterPromotion: false,
    intervals: defaultIntervals(),
  };
}
