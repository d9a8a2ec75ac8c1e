/** Texts of what is wrong with the settings of a sentinel: Redis's, without "ERR". Commands have theirs in commands/. */

export const BAD_PORT = 'Invalid port number.';
export const BAD_QUORUM = 'Quorum must be 1 or greater.';
export const DUPLICATE_MASTER = 'Duplicate master name.';
export const DUPLICATE_REPLICA = 'Duplicate hostname and port for replica.';
export const DUPLICATE_SENTINEL = 'Duplicate runid for sentinel.';

/** While the configuration file is loaded. */
export const LOAD_ERRORS = {
  unrecognized: 'Unrecognized sentinel configuration statement.',
  noSuchMaster: 'No such master with specified name.',
  unresolved: "Can't resolve instance hostname.",
  timeNotPositive: 'negative or zero time parameter.',
  timeNegative: 'negative time parameter.',
  notificationScript: 'Notification script seems non existing or non executable.',
  clientReconfigScript: 'Client reconfiguration script seems non existing or non executable.',
  renamedTwice: 'Same command renamed multiple times with rename-command.',
  myId: 'Malformed Sentinel id in myid option.',
  denyScripts: 'Please specify yes or no for the deny-scripts-reconfig options.',
  resolveHostnames: 'Please specify yes or no for the resolve-hostnames option.',
  announceHostnames: 'Please specify yes or no for the announce-hostnames option.',
  requireSameLineage: 'Please specify yes or no for the require-same-lineage option.',
} as const;

/** SENTINEL MONITOR and REMOVE. */
export const NO_SUCH_MASTER = 'No such master with that name';
export const INVALID_HOST = 'Invalid IP address or hostname specified';

/** SENTINEL SET. */
export const SCRIPTS_DENIED =
  'Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration ' +
  'directive in your Sentinel configuration';
export const BAD_NOTIFICATION_SCRIPT = 'Notification script seems non existing or non executable';
export const BAD_RECONFIG_SCRIPT = 'Client reconfiguration script seems non existing or non executable';

export function unknownOption(option: string): string {
  return `Unknown option or number of arguments for SENTINEL SET '${option}'`;
}

export function badOptionValue(option: string, value: string): string {
  return `Invalid argument '${value}' for SENTINEL SET '${option}'`;
}

/** SENTINEL CONFIG; the last three came with 7.2, which takes several parameters. */
export function unknownParameter(name: string): string {
  return `Invalid argument '${name}' to SENTINEL CONFIG SET`;
}

export function badParameterValue(name: string, value: string): string {
  return `Invalid value '${value}' to SENTINEL CONFIG SET '${name}'`;
}

export function duplicateParameter(name: string): string {
  return `Duplicate argument '${name}' to SENTINEL CONFIG SET`;
}

export function missingValue(name: string): string {
  return `Missing argument '${name}' value`;
}
