/**
 * What clients may change at run time: SENTINEL MONITOR, REMOVE, SET and CONFIG. Each function gives null, or the text
 * of the error without "ERR"; what it changed is saved by then.
 */
import { globMatch } from '../../util/glob.ts';
import { isIpAddress } from './address.ts';
import type { Turn } from './context.ts';
import {
  BAD_NOTIFICATION_SCRIPT,
  BAD_PORT,
  BAD_QUORUM,
  BAD_RECONFIG_SCRIPT,
  badOptionValue,
  badParameterValue,
  DUPLICATE_MASTER,
  duplicateParameter,
  INVALID_HOST,
  missingValue,
  NO_SUCH_MASTER,
  SCRIPTS_DENIED,
  unknownOption,
  unknownParameter,
} from './errors.ts';
import type { Instance } from './instance.ts';
import { createMaster, findMaster, removeMaster } from './registry.ts';
import type { SentinelState } from './state.ts';
import { dropAllLinks } from './watch/links.ts';

const HIDDEN = '******';

/** What options need of the world outside. */
export interface OptionHost {
  /** Whether there is such a program. */
  canExecute(path: string): boolean;
}

/** The log's level, which is no part of the state. */
export interface LogLevelHost {
  get(): string;
  set(level: string): void;
}

/** SENTINEL MONITOR. A name need not resolve yet, but it needs resolve-hostnames. */
export function monitorMaster(
  turn: Turn,
  given: { readonly name: string; readonly host: string; readonly port: number; readonly quorum: number },
): string | null {
  const { state } = turn;
  if (given.quorum <= 0) return BAD_QUORUM;
  if (!isIpAddress(given.host) && (!state.resolveHostnames || given.host === '')) return INVALID_HOST;
  if (given.port < 0 || given.port > 65535) return BAD_PORT;
  if (findMaster(state, given.name) !== null) return DUPLICATE_MASTER;
  const master = createMaster(state, turn.now, given);
  // It may have been here before, with votes that were given: in no epoch so far is there another one.
  master.leaderEpoch = state.currentEpoch;
  if (master.address.ip === '') turn.actions.push({ type: 'resolve', host: given.host });
  turn.save();
  turn.event('warning', '+monitor', master, `quorum ${master.quorum}`);
  return null;
}

/** SENTINEL REMOVE. */
export function removeMonitored(turn: Turn, name: string): string | null {
  const master = findMaster(turn.state, name);
  if (master === null) return NO_SUCH_MASTER;
  turn.event('warning', '-monitor', master);
  removeMaster(turn, master);
  turn.save();
  return null;
}

/** Replicas and sentinels of a master are judged by the same time. */
export function propagateDownAfter(master: Instance, ms: number): void {
  master.downAfterMs = ms;
  for (const replica of master.replicas.values()) replica.downAfterMs = ms;
  for (const sentinel of master.sentinels.values()) sentinel.downAfterMs = ms;
}

/**
 * SENTINEL SET: options and their values, one after the other. As in Redis those before a wrong one are set, and saved.
 */
export function setOptions(
  turn: Turn,
  master: Instance,
  words: readonly string[],
  host: OptionHost,
): string | null {
  let changed = false;
  let problem: string | null = null;
  for (let i = 0; i < words.length && problem === null; ) {
    const option = words[i]!;
    const name = option.toLowerCase();
    const count = name === 'rename-command' ? 2 : 1;
    const set = SETTERS[name];
    const values = words.slice(i + 1, i + 1 + count);
    if (set === undefined || values.length < count) {
      problem = unknownOption(option);
      break;
    }
    problem = set(turn, master, values, host, option);
    if (problem !== null) break;
    changed = true;
    const shown = name === 'auth-pass' ? [HIDDEN] : values;
    turn.event('warning', '+set', master, [option, ...shown].join(' '));
    i += 1 + count;
  }
  if (changed) turn.save();
  return problem;
}

type Setter = (
  turn: Turn,
  master: Instance,
  values: readonly string[],
  host: OptionHost,
  option: string,
) => string | null;

/** The file's numbers are ints: a greater one would be read back as another, and might stop the next start. */
export const INT_MAX = 2 ** 31 - 1;

/** A number from `min` to INT_MAX, as strictly read as on the wire. */
function numeric(min: number, put: (master: Instance, value: number) => void): Setter {
  return (_turn, master, [text = ''], _host, option) => {
    const value = wholeNumber(text);
    if (value === null || value < min || value > INT_MAX) return badOptionValue(option, text);
    put(master, value);
    return null;
  };
}

/** `which` of the two scripts; '' takes it away. */
function script(which: 'notificationScript' | 'clientReconfigScript', missing: string): Setter {
  return (turn, master, [path = ''], host) => {
    if (turn.state.denyScriptsReconfig) return SCRIPTS_DENIED;
    if (path !== '' && !host.canExecute(path)) return missing;
    master[which] = path;
    return null;
  };
}

/** Whoever is connected was asked for the old credentials. */
function credential(which: 'authPass' | 'authUser'): Setter {
  return (turn, master, [text = '']) => {
    master[which] = text;
    dropAllLinks(turn, (instance) => instance === master || isReplicaOf(instance, master));
    return null;
  };
}

function isReplicaOf(instance: Instance, master: Instance): boolean {
  return instance.kind === 'replica' && instance.master === master;
}

const SETTERS: Readonly<Record<string, Setter>> = Object.assign(Object.create(null), {
  'down-after-milliseconds': numeric(1, propagateDownAfter),
  'failover-timeout': numeric(1, (master, value) => {
    master.failoverTimeoutMs = value;
  }),
  'parallel-syncs': numeric(1, (master, value) => {
    master.parallelSyncs = value;
  }),
  quorum: numeric(1, (master, value) => {
    master.quorum = value;
  }),
  'master-reboot-down-after-period': numeric(0, (master, value) => {
    master.masterRebootDownAfterMs = value;
  }),
  'notification-script': script('notificationScript', BAD_NOTIFICATION_SCRIPT),
  'client-reconfig-script': script('clientReconfigScript', BAD_RECONFIG_SCRIPT),
  'auth-pass': credential('authPass'),
  'auth-user': credential('authUser'),
  'rename-command': (_turn, master, [from = '', to = ''], _host, option) => {
    if (from === '') return badOptionValue(option, from);
    if (to === '') return badOptionValue(option, to);
    // A command that is named as itself has its name again.
    if (from.toLowerCase() === to.toLowerCase()) master.renamedCommands.delete(from.toLowerCase());
    else master.renamedCommands.set(from.toLowerCase(), to);
    return null;
  },
  'require-same-lineage': (_turn, master, [text = ''], _host, option) => {
    const value = yesNo(text);
    if (value === null) return badOptionValue(option, text);
    master.requireSameLineage = value;
    return null;
  },
} satisfies Record<string, Setter>);

/** SENTINEL CONFIG GET: names and values of what matches any of the patterns, each once. */
export function getConfig(
  state: SentinelState,
  patterns: readonly string[],
  logLevel: LogLevelHost,
): [name: string, value: string][] {
  const all: [string, string][] = [
    ['resolve-hostnames', state.resolveHostnames ? 'yes' : 'no'],
    ['announce-hostnames', state.announceHostnames ? 'yes' : 'no'],
    ['announce-ip', state.announceIp],
    ['announce-port', String(state.announcePort)],
    ['sentinel-user', state.authUser],
    ['sentinel-pass', state.authPass],
  ];
  const found = all.filter(([name]) => patterns.some((pattern) => globMatch(pattern, name, true)));
  // Of 7.2: who asks for all is not surprised by it.
  if (patterns.some((pattern) => pattern.toLowerCase() === 'loglevel'))
    found.push(['loglevel', logLevel.get()]);
  return found;
}

/** SENTINEL CONFIG SET: names and values, all or nothing. */
export function setConfig(turn: Turn, words: readonly string[], logLevel: LogLevelHost): string | null {
  const changes: (() => void)[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < words.length; i += 2) {
    const given = words[i]!;
    const name = given.toLowerCase();
    const parameter = PARAMETERS[name];
    if (parameter === undefined) return unknownParameter(given);
    if (seen.has(name)) return duplicateParameter(given);
    seen.add(name);
    const value = words[i + 1];
    if (value === undefined) return missingValue(given);
    const change = parameter(turn, value, logLevel);
    if (change === null) return badParameterValue(given, value);
    changes.push(change);
  }
  for (const change of changes) change();
  if (seen.has('sentinel-user') || seen.has('sentinel-pass')) {
    dropAllLinks(turn, (instance) => instance.kind === 'sentinel');
  }
  turn.save();
  return null;
}

/** What setting it to this value does, or null if the value is wrong. */
type Parameter = (turn: Turn, value: string, logLevel: LogLevelHost) => (() => void) | null;

function text(put: (state: SentinelState, value: string) => void): Parameter {
  return (turn, value) => () => put(turn.state, value);
}

function flag(put: (state: SentinelState, value: boolean) => void): Parameter {
  return (turn, word) => {
    const value = yesNo(word);
    return value === null ? null : () => put(turn.state, value);
  };
}

const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning', 'nothing'];

const PARAMETERS: Readonly<Record<string, Parameter>> = Object.assign(Object.create(null), {
  'resolve-hostnames': flag((state, value) => {
    state.resolveHostnames = value;
  }),
  'announce-hostnames': flag((state, value) => {
    state.announceHostnames = value;
  }),
  'announce-ip': text((state, value) => {
    state.announceIp = value;
  }),
  'announce-port': ({ state }, word) => {
    const port = wholeNumber(word);
    if (port === null || port < 0 || port > 65535) return null;
    return () => {
      state.announcePort = port;
    };
  },
  'sentinel-user': text((state, value) => {
    state.authUser = value;
  }),
  'sentinel-pass': text((state, value) => {
    state.authPass = value;
  }),
  loglevel: (_turn, word, logLevel) => {
    const level = word.toLowerCase();
    return LOG_LEVELS.includes(level) ? () => logLevel.set(level) : null;
  },
} satisfies Record<string, Parameter>);

/** As the configuration file and commands have it; null: neither. */
export function yesNo(word: string): boolean | null {
  const lower = word.toLowerCase();
  return lower === 'yes' ? true : lower === 'no' ? false : null;
}

/** A whole number as Redis reads one from the wire: no blanks, no plus, no zeros before. Null if it is none. */
function wholeNumber(text: string): number | null {
  if (!/^(?:0|-?[1-9]\d{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
