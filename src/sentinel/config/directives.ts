/**
 * The `sentinel <option> ...` directives of a sentinel.conf, into the state of a sentinel.
 *
 * As in Redis 7 their order does not matter: first what is about the sentinel itself (names may only be given for
 * addresses if resolve-hostnames says so), then the masters, then what is about a master. The first wrong one of that
 * order stops the start. Numbers are read as C reads them (12x is 12, x is 0), so that every file that starts
 * redis-sentinel starts us.
 */
import { accessSync, constants } from 'node:fs';
import { splitLine } from '../../config/words.ts';
import type { Random } from '../../util/random.ts';
import { isIpAddress } from '../core/address.ts';
import { Turn } from '../core/context.ts';
import {
  BAD_PORT,
  BAD_QUORUM,
  DUPLICATE_MASTER,
  DUPLICATE_REPLICA,
  DUPLICATE_SENTINEL,
  LOAD_ERRORS,
} from '../core/errors.ts';
import { type Instance, RUN_ID_LENGTH } from '../core/instance.ts';
import { propagateDownAfter, yesNo } from '../core/options.ts';
import { createMaster, createReplica, createSentinel, findMaster, findReplica } from '../core/registry.ts';
import { newState, type SentinelState } from '../core/state.ts';

/** A directive is wrong; `message` is Redis's reason. */
export class DirectiveError extends Error {
  override name = 'DirectiveError';
  /** Which of the lines, counted from 0. */
  readonly index: number;
  /** What the log is told before, '' nothing. */
  readonly logged: string;

  constructor(message: string, index: number, logged = '') {
    super(message);
    this.index = index;
    this.logged = logged;
  }
}

export interface LoadOptions {
  /** Whether there is such a program; by default the file system is asked. */
  readonly canExecute?: (path: string) => boolean;
}

interface Loading {
  readonly turn: Turn;
  readonly canExecute: (path: string) => boolean;
}

/** Takes the words behind the option's name; says why not, or null. */
interface Option {
  /** Numbers of words behind the name of the option. */
  readonly words: readonly number[];
  readonly stage: 'self' | 'monitor' | 'master';
  accept(loading: Loading, words: readonly string[]): string | null;
}

const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * The state that these directives describe. `lines`: the words behind `sentinel` of each. `now`: monotonic ms of the
 * core. Throws DirectiveError.
 */
export function loadDirectives(
  lines: readonly (readonly string[])[],
  now: number,
  random: Random,
  options: LoadOptions = {},
): SentinelState {
  const state = newState();
  const loading = { turn: new Turn(state, random, now), canExecute: options.canExecute ?? isExecutable };
  for (const stage of ['self', 'monitor', 'master'] as const) {
    lines.forEach((words, index) => {
      const [name = '', ...rest] = words;
      if (words.length === 0) return;
      const option = OPTIONS.get(name.toLowerCase());
      if ((option?.stage ?? 'master') !== stage) return;
      const fits = option?.words.includes(rest.length) === true;
      const problem = fits ? option.accept(loading, rest) : LOAD_ERRORS.unrecognized;
      if (problem === null) return;
      const logged =
        problem === LOAD_ERRORS.unresolved ? `Failed to resolve hostname '${rest[1] ?? ''}'` : '';
      throw new DirectiveError(problem, index, logged);
    });
  }
  return state;
}

/** The same from lines as `sentinelLines` gives them; others are skipped. */
export function loadLines(lines: readonly string[], now: number, random: Random): SentinelState {
  const directives: string[][] = [];
  for (const line of lines) {
    const words = splitLine(line);
    if (words?.[0]?.toLowerCase() === 'sentinel') directives.push(words.slice(1));
  }
  return loadDirectives(directives, now, random, { canExecute: () => true });
}

/** After how many words behind `sentinel` a directive is complete, so that a comment may follow; null: never. */
export function commentAfterWords(option: string): number | null {
  const words = OPTIONS.get(option.toLowerCase())?.words;
  return words === undefined ? null : 1 + Math.min(...words);
}

/** Whether the word behind the option is the name of a master. */
export function isAboutMaster(option: string): boolean {
  return (OPTIONS.get(option.toLowerCase())?.stage ?? 'self') !== 'self';
}

/** The names of all options. */
export function optionNames(): readonly string[] {
  return [...OPTIONS.keys()];
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(Buffer.from(path, 'latin1'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** strtol(3) without its errors, within bounds. */
function integer(text: string, min: bigint, max: bigint): bigint {
  const digits = /^[ \t-\r]*([+-]?\d+)/.exec(text)?.[1];
  if (digits === undefined) return 0n;
  const value = BigInt(digits.replace('+', ''));
  return value < min ? min : value > max ? max : value;
}

/** atoi(3): an int, wrapped around. */
function int(text: string): number {
  return Number(BigInt.asIntN(32, integer(text, -MAX_INT64 - 1n, MAX_INT64)));
}

/** An epoch. What is too big for exact numbers here (2^53 failovers) is the biggest that is not. */
function epoch(text: string): number {
  const value = BigInt.asUintN(64, integer(text, -MAX_UINT64, MAX_UINT64));
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** Why an instance cannot be at this address. */
function addressProblem({ state }: Turn, host: string, port: number): string | null {
  if (port < 0 || port > 65535) return BAD_PORT;
  return isIpAddress(host) || state.resolveHostnames ? null : LOAD_ERRORS.unresolved;
}

function flag(name: string, problem: string, set: (state: SentinelState, value: boolean) => void): Entry {
  const accept = ({ turn }: Loading, [word]: readonly string[]) => {
    const value = yesNo(word!);
    if (value === null) return problem;
    set(turn.state, value);
    return null;
  };
  return [name, { words: [1], stage: 'self', accept }];
}

function self(name: string, set: (state: SentinelState, word: string) => string | null): Entry {
  const accept = ({ turn }: Loading, [word]: readonly string[]) => set(turn.state, word!);
  return [name, { words: [1], stage: 'self', accept }];
}

type Setter = (master: Instance, words: readonly string[], loading: Loading) => string | null;

function ofMaster(name: string, words: readonly number[], set: Setter): Entry {
  const accept = (loading: Loading, [masterName, ...rest]: readonly string[]) => {
    const master = findMaster(loading.turn.state, masterName!);
    return master === null ? LOAD_ERRORS.noSuchMaster : set(master, rest, loading);
  };
  return [name, { words: words.map((count) => count + 1), stage: 'master', accept }];
}

type Entry = [name: string, option: Option];

const OPTIONS: ReadonlyMap<string, Option> = new Map<string, Option>([
  self('myid', (state, id) => {
    if (id.length !== RUN_ID_LENGTH) return LOAD_ERRORS.myId;
    state.myId = id;
    return null;
  }),
  self('current-epoch', (state, word) => {
    state.currentEpoch = Math.max(state.currentEpoch, epoch(word));
    return null;
  }),
  self('announce-ip', (state, word) => {
    state.announceIp = word;
    return null;
  }),
  self('announce-port', (state, word) => {
    state.announcePort = int(word);
    return null;
  }),
  self('sentinel-user', (state, word) => {
    state.authUser = word;
    return null;
  }),
  self('sentinel-pass', (state, word) => {
    state.authPass = word;
    return null;
  }),
  flag('deny-scripts-reconfig', LOAD_ERRORS.denyScripts, (state, value) => {
    state.denyScriptsReconfig = value;
  }),
  flag('resolve-hostnames', LOAD_ERRORS.resolveHostnames, (state, value) => {
    state.resolveHostnames = value;
  }),
  flag('announce-hostnames', LOAD_ERRORS.announceHostnames, (state, value) => {
    state.announceHostnames = value;
  }),
  [
    'monitor',
    {
      words: [4],
      stage: 'monitor',
      accept({ turn }, [name, host, portText, quorumText]) {
        const quorum = int(quorumText!);
        if (quorum <= 0) return BAD_QUORUM;
        const port = int(portText!);
        const problem = addressProblem(turn, host!, port);
        if (problem !== null) return problem;
        if (findMaster(turn.state, name!) !== null) return DUPLICATE_MASTER;
        createMaster(turn.state, turn.now, { name: name!, host: host!, port, quorum });
        return null;
      },
    },
  ],
  ofMaster('down-after-milliseconds', [1], (master, [word]) => {
    const time = int(word!);
    if (time <= 0) return LOAD_ERRORS.timeNotPositive;
    propagateDownAfter(master, time);
    return null;
  }),
  ofMaster('failover-timeout', [1], (master, [word]) => {
    const time = int(word!);
    if (time <= 0) return LOAD_ERRORS.timeNotPositive;
    master.failoverTimeoutMs = time;
    return null;
  }),
  ofMaster('parallel-syncs', [1], (master, [word]) => {
    master.parallelSyncs = int(word!);
    return null;
  }),
  ofMaster('notification-script', [1], (master, [path], { canExecute }) => {
    if (!canExecute(path!)) return LOAD_ERRORS.notificationScript;
    master.notificationScript = path!;
    return null;
  }),
  ofMaster('client-reconfig-script', [1], (master, [path], { canExecute }) => {
    if (!canExecute(path!)) return LOAD_ERRORS.clientReconfigScript;
    master.clientReconfigScript = path!;
    return null;
  }),
  ofMaster('auth-pass', [1], (master, [word]) => {
    master.authPass = word!;
    return null;
  }),
  ofMaster('auth-user', [1], (master, [word]) => {
    master.authUser = word!;
    return null;
  }),
  ofMaster('config-epoch', [1], (master, [word], { turn: { state } }) => {
    master.configEpoch = epoch(word!);
    // An epoch that was used is no future one.
    state.currentEpoch = Math.max(state.currentEpoch, master.configEpoch);
    return null;
  }),
  ofMaster('leader-epoch', [1], (master, [word]) => {
    master.leaderEpoch = epoch(word!);
    return null;
  }),
  ofMaster('known-replica', [2], knownReplica),
  ofMaster('known-slave', [2], knownReplica),
  ofMaster('known-sentinel', [2, 3], (master, [host, portText, runId], { turn }) => {
    const port = int(portText!);
    const problem = addressProblem(turn, host!, port);
    if (problem !== null) return problem;
    // Files of long ago: without its id nobody can be told from another, and it will say hello soon.
    if (runId === undefined) return null;
    if (master.sentinels.has(runId)) return DUPLICATE_SENTINEL;
    createSentinel(turn, master, { runId, host: host!, port });
    return null;
  }),
  ofMaster('rename-command', [2], (master, [from, to]) => {
    const key = from!.toLowerCase();
    if (master.renamedCommands.has(key)) return LOAD_ERRORS.renamedTwice;
    master.renamedCommands.set(key, to!);
    return null;
  }),
  ofMaster('master-reboot-down-after-period', [1], (master, [word]) => {
    const time = int(word!);
    if (time < 0) return LOAD_ERRORS.timeNegative;
    master.masterRebootDownAfterMs = time;
    return null;
  }),
  ofMaster('require-same-lineage', [1], (master, [word]) => {
    const value = yesNo(word!);
    if (value === null) return LOAD_ERRORS.requireSameLineage;
    master.requireSameLineage = value;
    return null;
  }),
]);

function knownReplica(master: Instance, [host, portText]: readonly string[], { turn }: Loading) {
  const port = int(portText!);
  const problem = addressProblem(turn, host!, port);
  if (problem !== null) return problem;
  if (findReplica(master, host!, port) !== null) return DUPLICATE_REPLICA;
  createReplica(turn, master, host!, port);
  return null;
}
