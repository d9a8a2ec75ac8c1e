/**
 * What the configuration can ask for and this version does not have yet. What would be unsafe to leave out (users
 * that should be kept out, encryption, a cluster) stops the start; what only is not done (saving, following a
 * master) is said loudly in the log, and cannot be switched on at run time. docs/differences.md has the list, and
 * each line here goes when its feature comes.
 */
import type { ServerConfig } from '../config/config.ts';
import type { ShutdownOptions } from '../engine/host.ts';
import type { Logger } from '../logging/logger.ts';

const NO_PERSISTENCE = 'this version keeps its data in memory only';

/** Why a server with this configuration must not start, or null. */
export function startRefusal(config: ServerConfig): string | null {
  const { values } = config;
  const module = config.modules[0]?.[0];
  if (module !== undefined) return `Can't load module from ${module}: server aborting`;
  if (config.users.length > 0 || values.aclfile !== '') {
    return 'ACL users are configured, but this version only knows requirepass: exiting.';
  }
  if (values['tls-port'] !== 0) return 'Failed to configure TLS: this version does not have it. Exiting.';
  if (values['cluster-enabled'])
    return 'Cluster mode is configured, but this version does not have it: exiting.';
  return null;
}

/** Says what will not be done, and refuses to be told to do it later. */
export function warnOfMissing(config: ServerConfig, log: Logger): void {
  const { values } = config;
  if (values.appendonly) log.warning(`WARNING: appendonly is on, but ${NO_PERSISTENCE}: nothing is written.`);
  else if (values.save.length > 0) {
    log.warning(`WARNING: save points are set, but ${NO_PERSISTENCE}: nothing is saved.`);
  }
  if (values.replicaof !== null) {
    log.warning('WARNING: replicaof is set, but this version cannot follow a master: it runs as a master.');
  }
  config.onApply('appendonly', () => (values.appendonly ? NO_PERSISTENCE : null));
  config.onApply('tls-port', () => (values['tls-port'] === 0 ? null : 'this version does not have TLS'));
}

/** A shutdown that was told to save cannot; one that would save by its save points says that it does not. */
export function savingProblem(config: ServerConfig, log: Logger, options: ShutdownOptions): string | null {
  if (options.save === 'save') {
    log.warning(`Error trying to save the DB, can't exit: ${NO_PERSISTENCE}.`);
    return 'not saved';
  }
  if (options.save === 'default' && config.values.save.length > 0) {
    log.warning(`WARNING: exiting without saving: ${NO_PERSISTENCE}.`);
  }
  return null;
}
