/**
 * What the configuration can ask for and this version does not have yet. What would be unsafe to leave out (users
 * that should be kept out, encryption, a cluster) stops the start, and cannot be switched on at run time.
 * docs/differences.md has the list, and each line here goes when its feature comes.
 */
import { createHash } from 'node:crypto';
import type { ServerConfig } from '../config/config.ts';

/** Why a server with this configuration must not start, or null. */
export function startRefusal(config: ServerConfig): string | null {
  const { values } = config;
  const module = config.modules[0]?.[0];
  if (module !== undefined) return `Can't load module from ${module}: server aborting`;
  if (!config.users.every((user) => isEverybody(values.requirepass, user)) || values.aclfile !== '') {
    return 'ACL users are configured, but this version only knows requirepass: exiting.';
  }
  if (values['tls-port'] !== 0) return 'Failed to configure TLS: this version does not have it. Exiting.';
  if (values['cluster-enabled'])
    return 'Cluster mode is configured, but this version does not have it: exiting.';
  return null;
}

/** What CONFIG REWRITE of Redis 7 writes of the default user, and other words for the same. */
const UNLIMITED = ['on', 'sanitize-payload', '~*', '&*', '+@all', 'allkeys', 'allchannels', 'allcommands'];

/** Whether a `user` line says of the default user what holds without it: everything, with `requirepass`. */
function isEverybody(requirepass: string, [name, ...rules]: readonly string[]): boolean {
  const digest = createHash('sha256').update(requirepass, 'latin1').digest('hex');
  const password = requirepass === '' ? 'nopass' : `#${digest}`;
  return (
    name === 'default' &&
    rules.includes('on') &&
    rules.includes(password) &&
    rules.every((rule) => rule === password || UNLIMITED.includes(rule))
  );
}

/** Refuses to be told at run time to do what is not there. */
export function refuseMissing(config: ServerConfig): void {
  const { values } = config;
  config.onApply('tls-port', () => (values['tls-port'] === 0 ? null : 'this version does not have TLS'));
}
